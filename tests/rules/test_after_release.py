"""Deallocated handles: a server that responded to the release must not accept them afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from live import Live

from protocol import events as event
from protocol import line, phone
from protocol.constants import LINECALLSTATE, LINEERR
from protocol.fields import Handle

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.packet import Request

INVALID = int(LINEERR.INVALCALLHANDLE)


def _deallocate(live: Live) -> tuple[Request, Request]:
    call = live.talk.offer()
    live.done(line.Answer(call=call))
    live.reports(call, "CONNECTED")
    return line.DeallocateCall(call=call), line.Hold(call=call)


def _close(live: Live) -> tuple[Request, Request]:
    opened = live.role.lines[0]
    return line.Close(line=opened.handle), line.GetNumAddressIDs(line=opened.handle)


def _call_of_closed_line(live: Live) -> tuple[Request, Request]:
    _, used = _deallocate(live)
    return line.Close(line=live.role.lines[0].handle), used


def _shut_down(live: Live) -> tuple[Request, Request]:
    app = live.role.app
    return (
        line.ShutDown(line_app=app),
        line.GetDevCaps(line_app=app, tspi_version=live.role.version, line_dev_caps=1024),
    )


def _close_phone(live: Live) -> tuple[Request, Request]:
    assert live.role.phone is not None
    handle = live.role.phone.handle
    return phone.Close(phone=handle), phone.GetHookSwitch(phone=handle)


RELEASES = [_deallocate, _close, _call_of_closed_line, _shut_down, _close_phone]
releases = pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.__name__[1:])


def _live_rule(request: Request) -> str:
    """Return the rule that the handle of a request must be open."""
    return next(rule for field in request.layout.fields if isinstance(field, Handle) and (rule := field.rule("live")))


def _used(live: Live, request: Request, *, accepted: bool) -> set[tuple[str, str]]:
    """Send a request; return rule and verdict of its findings."""
    if type(request).completion == "async":  # type: ignore[attr-defined]
        if accepted:
            live.done(request)
        else:
            live.talk.ask(request, ack=INVALID)
    else:
        live.talk.ask(request, ack=0 if accepted else INVALID)
    return {(finding.rule, finding.verdict.value) for finding in live.news() if finding.verdict.value != "info"}


@releases
def test_acceptance_right_after_the_release_is_a_failure(
    release: Callable[[Live], tuple[Request, Request]],
) -> None:
    """Accepting the request milliseconds after the response to the release is a failure."""
    live = Live(pace=0.001, phones=1)
    ends, uses = release(live)
    live.talk.ask(ends)
    live.news()
    found = _used(live, uses, accepted=True)
    assert (_live_rule(uses), "fail") in found
    assert {verdict for _, verdict in found} == {"fail"}


@releases
def test_refusal_right_after_the_release_is_legal(release: Callable[[Live], tuple[Request, Request]]) -> None:
    """The client may not know yet that the handle has ended."""
    live = Live(pace=0.001, phones=1)
    ends, uses = release(live)
    live.talk.ask(ends)
    live.news()
    assert _used(live, uses, accepted=False) == set()


@releases
def test_a_request_before_the_answer_is_legal(release: Callable[[Live], tuple[Request, Request]]) -> None:
    """A request that was sent before the response to the release may be accepted."""
    live = Live(pace=0.001, phones=1)
    ends, uses = release(live)
    live.news()
    conversation = live.conversation
    moment = live.stage.now
    first = conversation.sent(ends, 900, moment)
    second = conversation.sent(uses, 901, moment + 0.001)
    conversation.answered(first, type(ends)(ack=0), 902, moment + 0.002)
    asynchronous = type(uses).completion == "async"
    conversation.answered(second, type(uses)(ack=77 if asynchronous else 0), 903, moment + 0.003)
    assert [finding for finding in live.news() if finding.verdict.value != "info"] == []


def test_a_line_that_the_server_closed_excuses_both() -> None:
    """LINE_CLOSE uses another connection: the server may have accepted the request before it closed the line."""
    live = Live(pace=0.001)
    opened = live.role.lines[0]
    live.talk.tell(event.LINE_CLOSE(init_context=0x101, open_context=opened.context, remote_line=opened.remote))
    assert _used(live, line.GetNumAddressIDs(line=opened.handle), accepted=True) == set()


def test_a_call_handle_may_return_by_a_request_under_way() -> None:
    """While MakeCall is pending, its completion may return the same value on the other connection."""
    live = Live(pace=0.001)
    ends, uses = _deallocate(live)
    live.talk.ask(ends)
    live.talk.ask(line.MakeCall(line=live.role.lines[0].handle, call_params=None))
    assert _used(live, uses, accepted=True) == set()


def test_in_a_partial_session_the_handle_may_be_a_new_one() -> None:
    """After missing packets, the announcement that reuses the value may be missing as well."""
    live = Live(pace=0.001)
    ends, uses = _deallocate(live)
    live.conversation.gap(500, live.stage.now)
    live.talk.ask(ends)
    assert _used(live, uses, accepted=True) == set()


# -- events -------------------------------------------------------------------------------------------------------------


def test_an_event_after_a_later_reply_was_sent_after_the_release() -> None:
    """After the completion of a request that followed the release, an event for the handle was sent after the release."""
    live = Live(pace=0.001, lines=2)
    ends, _ = _deallocate(live)
    live.talk.ask(ends)
    live.done(line.MakeCall(line=live.role.lines[1].handle), call=live.talk.call())
    live.news()
    live.reports(ends.call, "DISCONNECTED")  # type: ignore[attr-defined]
    assert live.rules() == {"CALL-V12"}


def test_an_event_of_a_closed_line_after_a_later_reply() -> None:
    """The same for events of a line after Close."""
    live = Live(pace=0.001, lines=2)
    opened = live.role.lines[0]
    live.talk.ask(line.Close(line=opened.handle))
    live.done(line.MakeCall(line=live.role.lines[1].handle), call=live.talk.call())
    live.news()
    live.talk.tell(
        event.LINE_LINEDEVSTATE(
            init_context=0x101, open_context=opened.context, remote_line=opened.remote, device_states=1
        )
    )
    assert live.rules() == {"CALL-V12"}


@pytest.mark.parametrize("reply_first", [False, True])
def test_an_event_may_be_under_way_at_the_release(reply_first: bool) -> None:
    """Without such a completion, or with one of an earlier request, the event is legal."""
    live = Live(pace=0.001, lines=2)
    ends, _ = _deallocate(live)
    if reply_first:
        asked = live.talk.ask(line.MakeCall(line=live.role.lines[1].handle))
        live.talk.ask(ends)
        live.talk.reply(asked, call=live.talk.call())
    else:
        live.talk.ask(ends)
    live.news()
    live.talk.state(ends.call, LINECALLSTATE.DISCONNECTED, 1)  # type: ignore[attr-defined]
    assert live.rules() == set()
