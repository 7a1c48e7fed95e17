"""A client drops events about objects that it does not have (3.3.4.2), and does not wait for impossible ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from world import run

from fsm.monitor import Monitor
from mstrp.live.bindings import parse_binding
from mstrp.live.client import Call, CallEnded, ClientOptions, Line, TapiClient
from protocol import events as e
from protocol.constants import LINECALLSTATE as S
from protocol.event import encode_events

_INIT, _REMOTE = 7, 0x101


def _with_line() -> tuple[TapiClient, Line]:
    """Return a client with one application and one line, without a server."""
    client = TapiClient(parse_binding("127.0.0.1:1"), ClientOptions())
    client.conversation = Monitor().conversation()
    client.handles.contexts.add(_INIT)
    app: Any = type("App", (), {"client": client})()
    line = client.handles.lines[_REMOTE] = Line(app, 0x55, _REMOTE)
    return client, line


def _state(**words: int) -> Any:
    given = {"init_context": _INIT, "remote_line": _REMOTE, "call": 0x99, "call_state": int(S.OFFERING)}
    return e.LINE_CALLSTATE(**{**given, **words})


@pytest.mark.parametrize("words", [{"init_context": 8}, {"remote_line": 0x102}])
def test_calls_of_others(words: dict[str, int]) -> None:
    """A call of another application, or of a line that is not open, is not delivered."""

    async def test() -> None:
        client, _ = _with_line()
        client.route(_state(**words))
        assert not client.handles.calls
        client.route(_state())
        assert set(client.handles.calls) == {0x99}

    run(test())


@pytest.mark.parametrize("words", [{"init_context": 8}, {"remote_line": 0x102}])
def test_states_of_others(words: dict[str, int]) -> None:
    """A state report for another application or line leaves a call unchanged."""

    async def test() -> None:
        client, _ = _with_line()
        client.route(_state())
        client.route(_state(call_state=int(S.IDLE), **words))
        assert client.handles.calls[0x99].states == [S.OFFERING]

    run(test())


def test_damaged_buffer() -> None:
    """No event of a damaged pushed buffer is processed."""

    async def test() -> None:
        client, _ = _with_line()
        client._pushed(_state().encode() + b"\0\0")
        assert not client.handles.calls
        client._pushed(_state().encode())
        assert client.handles.calls

    run(test())


def test_idle_is_the_end() -> None:
    """Waiting for another state of an idle call ends immediately."""

    async def test() -> None:
        _, line = _with_line()
        call = Call(line, 0x99)
        call.update_state(_state(call_state=int(S.IDLE)))
        assert await call.wait(S.IDLE) == S.IDLE
        with pytest.raises(CallEnded):
            async with asyncio.timeout(1.0):
                await call.wait(S.CONNECTED)

    run(test())


@pytest.mark.parametrize("words", [{"init_context": 8}, {"remote_line": 0x102}])
def test_what_is_dropped_does_not_decide_what_may_be_asked(words: dict[str, int]) -> None:
    """A strict client continues its call, whatever state is reported to another application."""

    async def test() -> None:
        client, _ = _with_line()
        client._take(encode_events([_state()]))
        before = client.conversation.calls[0x99].states
        client._take(encode_events([_state(call_state=int(S.IDLE), **words)]))
        assert client.conversation.calls[0x99].states == before

    run(test())
