"""Incomplete information: gaps, captures that start in the middle, and sets of states that are narrowed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live import STATES, Live, explained, reach

from fsm.engine.levels import Verdict
from fsm.monitor import Monitor
from mstrp.generate.flows import FLOWS, play_of
from mstrp.generate.stages import MonitorStage
from protocol import events as event
from protocol import line
from protocol.constants import LINECALLSTATE

if TYPE_CHECKING:
    from fsm.conversation import Conversation


def joined(state: str | None = None) -> tuple[Monitor, Conversation]:
    """Return a conversation that started earlier, with a call that a request refers to."""
    monitor = Monitor()
    talk = monitor.conversation(partial=True)
    if state is not None:
        talk.event(event.LINE_CALLSTATE(call=0x66, call_state=int(LINECALLSTATE[state]), mode=1, privilege=4))
    return monitor, talk


@pytest.mark.parametrize("state", STATES)
def test_first_report_of_a_known_call(state: str) -> None:
    """In a capture that starts in mid-call, the first report may be any state, and determines it."""
    monitor, talk = joined(state)
    assert talk.calls[0x66].states == talk.calls[0x66].machine.names(1 << 7 + STATES.index(state))
    assert {finding.rule for finding in monitor.findings} <= {"CALL-V11", "CALL-Q17"}


def test_a_request_leaves_all_states_possible() -> None:
    """A request on a call that was never seen is allowed, and does not determine its state."""
    monitor, talk = joined()
    exchange = talk.sent(line.Answer(call=0x66, request_id=5))
    assert len(talk.calls[0x66].states) == 16
    talk.answered(exchange, line.Answer(ack=5, call=0x66))
    assert monitor.findings == []


def test_a_success_narrows() -> None:
    """A success with an effect in some of the possible states proves one of them, or its next state."""
    monitor, talk = joined()
    talk.answered(talk.sent(line.Answer(call=0x66, request_id=5)), line.Answer(ack=5, call=0x66))
    talk.event(event.LINE_REPLY(request_id=5))
    assert set(talk.calls[0x66].states) <= {"offering", "accepted", "connected", "unknown"}
    talk.event(event.LINE_CALLSTATE(call=0x66, call_state=0x100, mode=1, privilege=4))
    assert talk.calls[0x66].states == ("connected",)
    assert monitor.findings == []


def test_only_the_empty_set_contradicts() -> None:
    """After a success both outcomes are possible; a finding for a contradiction contains both."""
    live = Live()
    handle = reach(live, "CONNECTED")
    live.done(line.Hold(call=handle))
    assert live.states(handle) == {"CONNECTED", "ONHOLD"}
    live.reports(handle, "DIALTONE")
    (finding,) = live.news()
    assert set(finding.state) == {"connected", "onHold"}
    assert finding.verdict is Verdict.WARN
    assert "connected or onHold" in str(finding)


@pytest.mark.parametrize("name", FLOWS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=max(settings().max_examples // 6, 10))
def test_gaps(name: str, seed: int) -> None:
    """Missing packets in a legal conversation cause no finding, wherever the gap is detected."""
    rng = random.Random(seed)
    steps = play_of(name).order(rng.randrange)
    first = rng.randrange(2, len(steps))
    last = rng.randrange(first, len(steps))
    missing = {step.number for step in steps[first:last]}
    monitor = Monitor()
    monitor.on_step(explained)
    stage = MonitorStage(monitor)
    for place, step in enumerate(steps):
        if place == last:
            for conversation in stage.conversations.values():
                conversation.gap(stage.frame, stage.now)
        known = step.role in stage.conversations or step.kind == "ClientAttach"
        if step.number not in missing and step.of not in missing and known:
            stage.take(step)
    monitor.finish()
    unearned = [str(finding) for finding in monitor.findings if finding.rule not in FLOWS[name].warns]
    assert unearned == []


def test_a_gap_ends_what_is_known() -> None:
    """After a gap a call may be in any state, or have ended; later reports are checked again."""
    live = Live()
    handle = reach(live, "CONNECTED")
    live.conversation.gap(0, live.stage.now)
    assert len(live.states(handle)) == 17
    live.wait()
    live.reports(handle, "IDLE")
    assert live.rules() == set()
    live.reports(handle, "CONNECTED")
    assert live.rules() == {"CALL-V01"}


@pytest.mark.parametrize(("pause", "rules"), [(0.01, set()), (3.0, {"CALL-V08"})])
def test_a_reply_recorded_before_its_request(pause: float, rules: set[str]) -> None:
    """A completion captured just before its request is assigned to it; a much earlier one is not."""
    live = Live()
    handle = reach(live, "OFFERING")
    talk, now = live.conversation, live.stage.now
    request = line.Answer(call=handle, request_id=0x77)
    role = live.roles[0]
    reply = event.LINE_REPLY(init_context=role.init_context, open_context=role.lines[0].context, request_id=0x77)
    talk.event(reply, 100, now)
    exchange = talk.sent(request, 101, now + pause)
    talk.answered(exchange, line.Answer(ack=0x77, call=handle), 102, now + pause + 0.01)
    assert live.rules() == rules
    assert (0x77 in talk.registry.pending) is bool(rules)
