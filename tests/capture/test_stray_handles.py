"""Invalid context handles: accepting one is a fault of the server, using one a fault of the client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from frames import judge, segments_of
from staged import Staged, verdicts

from mstrp.report.packets import packet_dict
from protocol import events as event
from protocol import line
from protocol.generic import GetAsyncEvents
from protocol.ndr import (
    NULL_CONTEXT,
    REMOTESP,
    TAPSRV,
    ClientAttach,
    ClientAttachResult,
    RemoteSPDetach,
    RemoteSPDetachResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.generate.wire import Connection

RULE = "TRP-3.1.4.2-GEN-03"
CHANNEL_RULE = "TRP-3.3.4-04"
ACCEPTED = {(RULE, "fail", "server")}
REFUSED = {(RULE, "warn", "client")}
NEVER_GIVEN = bytes(4) + bytes(range(16))


def _handle(number: int, kind: int = 1) -> bytes:
    """The handle of the binding (1) or of the event channel (2) of a client."""
    return bytes(4) + bytes([kind]) * 12 + number.to_bytes(4, "little")


def _null(staged: Staged) -> tuple[Connection, bytes]:
    role, _ = staged.client()
    return staged.requests(role), NULL_CONTEXT


def _never_given(staged: Staged) -> tuple[Connection, bytes]:
    role, _ = staged.client()
    return staged.requests(role), NEVER_GIVEN


def _of_the_event_channel(staged: Staged) -> tuple[Connection, bytes]:
    role, _ = staged.client()
    return staged.requests(role), _handle(1, 2)


def _of_another_client(staged: Staged) -> tuple[Connection, bytes]:
    staged.client()
    role, _ = staged.client()
    return staged.requests(role), _handle(1)


def _detached(staged: Staged) -> tuple[Connection, bytes]:
    role, _ = staged.client()
    staged.detach(staged.requests(role), _handle(1))
    return staged.requests(role), _handle(1)


def _of_another_association(staged: Staged) -> tuple[Connection, bytes]:
    role, _ = staged.client()
    other = staged.wire.connect((staged.stage._client(role), 50_000), (staged.stage.SERVER, 5150))
    other.bind(TAPSRV, group=0x5001)
    return other, _handle(1)


def _before_attach(staged: Staged) -> tuple[Connection, bytes]:
    found = staged.wire.connect(("10.0.0.9", 50_000), (staged.stage.SERVER, 5150))
    found.bind(TAPSRV)
    return found, NEVER_GIVEN


STRAYS = [
    _null,
    _never_given,
    _of_the_event_channel,
    _of_another_client,
    _detached,
    _of_another_association,
    _before_attach,
]
strays = pytest.mark.parametrize("stray", STRAYS, ids=lambda stray: stray.__name__[1:])
outcomes = pytest.mark.parametrize("refused", [False, True], ids=["accepted", "refused"])


@strays
@outcomes
def test_a_request_under_an_invalid_handle_is_reported_once(
    stray: Callable[[Staged], tuple[Connection, bytes]], refused: bool
) -> None:
    """A server that accepts it fails, a refused client gets a warning; no session is added."""
    staged = Staged()
    connection, context = stray(staged)
    staged.ask(connection, context, refused=refused)
    result = staged.judge()
    assert verdicts(result) == (REFUSED if refused else ACCEPTED)
    assert len(result.findings) == 1
    assert len(result.sessions) == max(1, len(staged.play.roles))
    assert not any("began before" in text for _, text in result.notes)


@strays
@outcomes
def test_a_detach_under_an_invalid_handle_is_reported_once(
    stray: Callable[[Staged], tuple[Connection, bytes]], refused: bool
) -> None:
    """ClientDetach requires a valid handle as well; a second one is a violation."""
    staged = Staged()
    connection, context = stray(staged)
    staged.detach(connection, context, refused=refused)
    result = staged.judge()
    assert verdicts(result) == (REFUSED if refused else ACCEPTED)
    assert len(result.sessions) == max(1, len(staged.play.roles))


@strays
def test_a_refusal_by_return_value_counts_like_a_fault(stray: Callable[[Staged], tuple[Connection, bytes]]) -> None:
    """TAPIERR_INVALRPCCONTEXT refuses the request, and does not reject the valid handle."""
    staged = Staged()
    connection, context = stray(staged)
    staged.ask(connection, context, ack=0xF101)
    assert verdicts(staged.judge()) == REFUSED


def test_an_attach_after_a_stray_request_is_the_same_session() -> None:
    """A request before the first ClientAttach belongs to the session that follows on the connection."""
    staged = Staged()
    connection, context = _before_attach(staged)
    staged.ask(connection, context)
    attach = ClientAttach(0xFFFFFFFD, "admin", "PC")
    staged.call(connection, "ClientAttach", attach, ClientAttachResult(_handle(9), 0x64646464, 0))
    staged.ask(connection, _handle(9))
    result = staged.judge()
    assert verdicts(result) == ACCEPTED
    assert [session.requests for session in result.sessions] == [{"Initialize": 2}]


def test_a_second_connection_of_the_association_group_may_use_the_handle() -> None:
    """A connection whose bind joins the group shares its context handles, from another address too."""
    for host in ("10.0.0.1", "10.7.7.7"):
        staged = Staged()
        role, _ = staged.client()
        other = staged.wire.connect((host, 50_000), (staged.stage.SERVER, 5150))
        other.bind(TAPSRV, joins=True)
        staged.ask(other, _handle(role.number))
        result = staged.judge()
        assert verdicts(result) == set()
        assert len(result.sessions) == 1


@pytest.mark.parametrize("first", range(1, 8))
def test_a_handle_from_before_the_capture_is_no_fault(first: int) -> None:
    """A capture that starts after any of the first frames does not contain the handle: a partial session, no finding."""
    staged = Staged()
    role, _ = staged.client()
    staged.ask(staged.requests(role), _handle(1))
    segments = [s for s in segments_of(staged.stream.getvalue()) if 5150 in (s.source[1], s.target[1])]
    later = [segment for segment in segments[first:] if segment.data][4:]
    assert verdicts(judge(later)) == set()


def test_a_hole_makes_unknown_handles_possible() -> None:
    """After missing bytes a second ClientAttach may have returned the handle."""
    staged = Staged()
    role, script = staged.client()
    script.ask(line.GetDevCaps(line_app=role.app, tspi_version=role.version, line_dev_caps=1024))
    staged.ask(staged.requests(role), NEVER_GIVEN)
    segments = segments_of(staged.stream.getvalue())
    mine = [segment for segment in segments if segment.data and segment.source[1] == 5150]
    for lost in mine[:-1]:
        rules = {rule for rule, _, _ in verdicts(judge([each for each in segments if each is not lost]))}
        assert RULE not in rules, lost


@pytest.mark.parametrize("stray", STRAYS[1:], ids=lambda stray: stray.__name__[1:])
def test_a_hole_in_the_association_makes_a_handle_possible(stray: Callable[[Staged], tuple[Connection, bytes]]) -> None:
    """After missing bytes of the connection, a ClientAttach that was not seen may have returned the same value."""
    staged = Staged()
    connection, context = stray(staged)
    attach = ClientAttach(0xFFFFFFFD, "admin", "PC")
    staged.call(connection, "ClientAttach", attach, ClientAttachResult(context, 0x64646464, 0))
    staged.ask(connection, context)
    segments = segments_of(staged.stream.getvalue())
    answers = [each for each in segments if each.data and each.source[1] == 5150]
    for size in (1, 2):
        lost = answers[-1 - size : -1]
        asked = [each for each in segments if each.data and each.target[1] == 5150][-1 - size : -1]
        kept = [each for each in segments if each not in lost and each not in asked]
        assert RULE not in {rule for rule, _, _ in verdicts(judge(kept))}


def test_a_late_request_on_another_connection_is_not_judged() -> None:
    """A request of another connection may precede ClientDetach; two seconds later it does not."""
    for seconds, expected in ((0.0, set()), (2.0, ACCEPTED)):
        staged = Staged()
        role, _ = staged.client()
        other = staged.wire.connect((staged.stage._client(role), 50_000), (staged.stage.SERVER, 5150))
        other.bind(TAPSRV, joins=True)
        staged.ask(other, _handle(1))
        staged.detach(staged.requests(role), _handle(1))
        staged.wait(seconds)
        staged.ask(other, _handle(1))
        assert verdicts(staged.judge()) == expected


def test_a_handle_that_is_given_again_is_valid_again() -> None:
    """A second session may get the same bytes as a closed handle."""
    staged = Staged()
    connection, context = _detached(staged)
    attach = ClientAttach(0xFFFFFFFD, "admin", "PC")
    staged.call(connection, "ClientAttach", attach, ClientAttachResult(context, 0x64646464, 0))
    staged.ask(connection, context)
    assert verdicts(staged.judge()) == set()


# -- the event channel -----------------------------------------------------------------------------------------------


def _event_cases(staged: Staged, how: str) -> tuple[Connection, bytes]:
    role, _ = staged.client()
    channel = staged.events(role)
    if how == "closed":
        staged.call(channel, "RemoteSPDetach", RemoteSPDetach(_handle(1, 2)), RemoteSPDetachResult(NULL_CONTEXT))
        return channel, _handle(1, 2)
    if how == "another client":
        other, _ = staged.client()
        return staged.events(other), _handle(1, 2)
    if how == "before attach":
        found = staged.wire.connect((staged.stage.SERVER, 51_000), (staged.stage._client(role), 5252))
        found.bind(REMOTESP, group=0x6001)
        return found, NEVER_GIVEN
    return channel, {"null": NULL_CONTEXT, "never": NEVER_GIVEN, "binding": _handle(1)}[how]


@pytest.mark.parametrize("how", ["null", "never", "binding", "closed", "another client", "before attach"])
@outcomes
def test_events_under_an_invalid_handle_are_reported(how: str, refused: bool) -> None:
    """RemoteSPEventProc requires the handle that RemoteSPAttach returned; no session is added."""
    staged = Staged()
    connection, context = _event_cases(staged, how)
    state = event.LINE_LINEDEVSTATE(init_context=0x101, open_context=0x710, remote_line=0x510, device_states=1)
    staged.tell(connection, context, state, refused=refused)
    result = staged.judge()
    assert verdicts(result) == {(CHANNEL_RULE, "warn" if refused else "fail", "server")}
    assert len(result.sessions) == len(staged.play.roles)


@outcomes
def test_a_channel_is_closed_under_its_own_handle(refused: bool) -> None:
    """RemoteSPDetach under a handle that no RemoteSPAttach returned."""
    staged = Staged()
    connection, context = _event_cases(staged, "never")
    staged.call(
        connection, "RemoteSPDetach", RemoteSPDetach(context), RemoteSPDetachResult(NULL_CONTEXT), refused=refused
    )
    assert verdicts(staged.judge()) == {(CHANNEL_RULE, "warn" if refused else "fail", "server")}


def test_a_second_channel_connection_may_use_the_handle() -> None:
    """Events may come over a connection that joins the association group of the channel."""
    staged = Staged()
    role, _ = staged.client()
    other = staged.wire.connect((staged.stage.SERVER, 51_000), (staged.stage._client(role), 5252))
    other.bind(REMOTESP, joins=True)
    state = event.LINE_LINEDEVSTATE(init_context=0x101, open_context=0x710, remote_line=0x510, device_states=1)
    staged.tell(other, _handle(1, 2), state)
    result = staged.judge()
    assert verdicts(result) == set()
    assert [session.events for session in result.sessions] == [{"LINE_LINEDEVSTATE": 1}]


# -- replay -------------------------------------------------------------------------------------------------------------


@strays
@outcomes
def test_lines_of_decode_give_the_same_findings(
    stray: Callable[[Staged], tuple[Connection, bytes]], refused: bool
) -> None:
    """`decode --format jsonl` keeps what is wrong with a context handle."""
    staged = Staged()
    connection, context = stray(staged)
    staged.ask(connection, context, refused=refused)
    staged.detach(connection, context, refused=refused)
    if context != NULL_CONTEXT and len(staged.play.roles) == 1:
        state = event.LINE_LINEDEVSTATE(init_context=0x101, open_context=0x710, remote_line=0x510, device_states=1)
        staged.tell(staged.events(staged.play.roles[0]), NEVER_GIVEN, state, refused=refused)
    lines: list[str] = []
    direct = staged.judge(on_packet=lambda packet: lines.append(json.dumps(packet_dict(packet)) + "\n"))
    again = judge("".join(lines).encode())
    assert [(f.rule, f.verdict, f.summary) for f in again.findings] == [
        (f.rule, f.verdict, f.summary) for f in direct.findings
    ]


# -- empty buffers ------------------------------------------------------------------------------------------------------


def test_an_empty_buffer_of_events_is_a_failure() -> None:
    """RemoteSPEventProc carries at least one event (3.3.4.2), whether packets are shown or not."""
    for options in ({}, {"on_packet": lambda packet: None}):
        staged = Staged()
        role, _ = staged.client()
        staged.tell(staged.events(role), _handle(1, 2))
        assert verdicts(staged.judge(**options)) == {("TRP-3.3.4.2-GEN-01", "fail", "server")}


def test_get_async_events_may_return_no_event() -> None:
    """A client that fetches its events may find none."""
    staged = Staged()
    role, _ = staged.client(model="pull")
    asked = GetAsyncEvents(total_buffer_size=1024)
    staged.ask(staged.requests(role), _handle(1), asked, total_buffer_size=1024)
    assert verdicts(staged.judge()) == set()
