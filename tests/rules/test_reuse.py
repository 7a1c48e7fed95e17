"""Handles and request ids that are used again: what was missed is no violation, what was seen is."""

from __future__ import annotations

import pytest
from live import Live, reach

from fsm.engine.levels import Fault
from fsm.monitor import Monitor
from protocol import events as event
from protocol import line
from protocol.constants import LINECALLSTATE

ID = 0x77


def twice(live: Live) -> tuple[int, int]:
    """Two requests that are pending under one id, on two calls."""
    calls = reach(live, "CONNECTED"), reach(live, "CONNECTED")
    for call in calls:
        live.talk.ask(line.Hold(call=call, request_id=ID), ack=ID)
    return calls


def replied(live: Live) -> None:
    """A reply to the id."""
    opened = live.role.lines[0]
    live.talk.tell(event.LINE_REPLY(init_context=live.role.init_context, open_context=opened.context, request_id=ID))


def test_two_requests_pending_under_one_id() -> None:
    """The client is warned; both requests are completed, in the order of their acceptance; a third reply is V8."""
    live = Live()
    first, second = twice(live)
    assert {(one.rule, one.fault) for one in live.news()} == {("CALL-ORDER-O06", Fault.CLIENT)}
    replied(live)
    assert "ONHOLD" in live.states(first)
    assert live.states(second) == {"CONNECTED"}
    replied(live)
    assert "ONHOLD" in live.states(second)
    assert live.rules() == set()
    replied(live)
    assert live.rules() == {"CALL-V08"}


def test_two_requests_sent_under_one_id() -> None:
    """The client is warned as well if the first request has no response yet."""
    live = Live()
    talk, now = live.conversation, live.stage.now
    for call in (reach(live, "CONNECTED"), reach(live, "CONNECTED")):
        talk.sent(line.Hold(call=call, request_id=ID), 1, now)
    assert live.rules() == {"CALL-ORDER-O06"}


@pytest.mark.parametrize(("seen", "rules"), [(True, {"CALL-V01"}), (False, set())])
def test_a_state_after_idle_needs_the_responses_to_be_seen(seen: bool, rules: set[str]) -> None:
    """Without responses the release of the handle may have been missed."""
    monitor = Monitor()
    talk = monitor.conversation(partial=True)
    if not seen:
        talk.assume_unseen()
    for state in (LINECALLSTATE.OFFERING, LINECALLSTATE.IDLE, LINECALLSTATE.CONNECTED):
        talk.event(event.LINE_CALLSTATE(call=0x66, call_state=int(state), mode=1, privilege=4))
    assert {one.rule for one in monitor.findings} == rules


def test_a_handle_announced_while_its_release_awaits_the_response() -> None:
    """The response may be seen after the announcement of the next call, which it does not end."""
    live = Live()
    talk, handle = live.conversation, reach(live, "IDLE")
    asked = line.DeallocateCall(call=handle)
    exchange = talk.sent(asked, 1, live.stage.now)
    live.talk.offer(handle)
    talk.answered(exchange, line.DeallocateCall(ack=0, call=handle), 2, live.stage.now)
    live.done(line.Answer(call=handle))
    assert live.rules() == set()


def test_a_gap_that_is_noticed_late() -> None:
    """A request sent before a gap was noticed is judged as after it: its call may be among the missing packets."""
    live = Live()
    talk, now = live.conversation, live.stage.now
    asked = line.GetCallInfo(call=0x999, call_info=256)
    exchange = talk.sent(asked, 1, now + 0.002)
    talk.gap(2, now)
    talk.answered(exchange, line.GetCallInfo(ack=0, call=0x999), 3, now + 0.003)
    assert live.rules() == set()
