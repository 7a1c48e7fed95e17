"""The state machine that tests a server: the project's server passes, each seeded fault is found."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from mstrp.live.server import Options, Server, attached
from mstrp.live.server.reports import Reports
from mstrp.live.switch import Plan, Switch
from mstrp.testing import machine
from protocol import line
from protocol.constants import LINECALLSTATE

SOME = settings(max_examples=8, stateful_step_count=15, suppress_health_check=list(HealthCheck), database=None)
MANY = settings(SOME, max_examples=150, stateful_step_count=25, phases=[Phase.generate])


class Reviving(Reports):
    """Reports that a call is connected after it was idle."""

    def call_state(self, call: Any, state: int, mode: int = 0, **options: Any) -> None:
        super().call_state(call, state, mode, **options)
        if state == LINECALLSTATE.IDLE and call.handles:
            call.state, call.mode = int(LINECALLSTATE.CONNECTED), 1
            for handle in tuple(call.handles):
                handle.opened.client.tell_state(handle)


def unmonitored() -> Server:
    """Return a server without its own monitor."""
    return Server(Switch(Plan(pace=0.01)), Options(port=0, watch=False))


def reviving() -> Server:
    """Return a server that reports idle calls as connected."""
    server = unmonitored()
    server.reports = Reviving(server)
    return server


def test_a_good_server_passes() -> None:
    """The project's server is never at fault."""
    run_state_machine_as_test(machine(settle=0.005), settings=SOME)


def test_connected_after_idle_is_found() -> None:
    """A server that reports a state after IDLE violates CALL-V01; the failure is printed as a program."""
    few = machine(reviving, settle=0.005, only=lambda kind: kind is line.Drop)
    with pytest.raises(AssertionError, match="CALL-V01") as caught:
        run_state_machine_as_test(few, settings=settings(MANY, phases=[Phase.generate, Phase.shrink], max_examples=60))
    program = "\n".join(getattr(caught.value, "__notes__", ()))
    assert "state = ServerStateMachine()" in program
    assert "state.open_line(device=" in program
    assert "state.teardown()" in program


def test_a_request_that_is_taken_in_the_wrong_state_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that accepts Answer for a connected call is found."""
    check = attached.refusal.check
    monkeypatch.setattr(
        attached.refusal,
        "check",
        lambda client, packet: None if isinstance(packet, line.Answer) else check(client, packet),
    )
    few = machine(unmonitored, settle=0.005, only=lambda kind: kind is line.Answer)
    with pytest.raises(AssertionError, match="CALL-PRE-Answer"):
        run_state_machine_as_test(few, settings=MANY)


def test_a_handle_that_is_kept_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that keeps a deallocated handle valid is found."""
    monkeypatch.setitem(attached._HANDLERS, line.DeallocateCall.req_func, lambda client, packet: None)
    few = machine(unmonitored, settle=0.005, only=lambda kind: kind is line.Drop)
    with pytest.raises(AssertionError, match=r"TRP-3\.1\.4\.2-012-02|GetCallInfo"):
        run_state_machine_as_test(few, settings=MANY)


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    """A server in a separate thread and event loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = Server(Switch(Plan(pace=0.01)), Options(port=0))
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(5)
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


def test_a_server_that_runs_elsewhere(elsewhere: Server) -> None:
    """A server can be tested by its binding; every run detaches."""
    run_state_machine_as_test(machine(elsewhere.address, settle=0.005), settings=SOME)
    assert not elsewhere.clients
    assert not elsewhere.mistakes
    assert elsewhere.requests > 50


def test_no_server_there() -> None:
    """Without a server, the connection error is raised and no connection is left open."""
    with pytest.raises(OSError, match=r"111|refused|Connect"):
        run_state_machine_as_test(machine("ncacn_ip_tcp:127.0.0.1[1]"), settings=SOME)
