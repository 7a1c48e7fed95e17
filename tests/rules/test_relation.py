"""The 16 x 16 relation of the call model, driven by packets: allowed successive reports."""

from __future__ import annotations

from typing import Any

import pytest
from live import MODES, STARTS, STATES, Live, reach

from fsm.engine.levels import Level, Verdict
from fsm.tables.call import CALL
from fsm.tables.call_states import CallState
from protocol import generic, line
from protocol.constants import LINECALLSTATE

#: Rows: the previous state, or how the handle was created. Columns: the state reported next, in the order of the
#: constants. F: documented or derived. S: suspicious. V: a violation. =: the same state again.
RELATION = """
ANNOUNCED          S F F F F F F F F F F F F F F F
LISTED             S F F F F F F F F F F F F F F F
MADE               F S S F F F F F F F S S S S F F
PICKED_UP          F F F S S S S S F S F F S S F F
CONSULTATION       F S S F F F F F F F S S S S F F
PARENT             F S S S S S S S F S F S F S F F
IDLE               = V V V V V V V V V V V V V V V
OFFERING           F = F S S S S S F S F S S S F F
ACCEPTED           F S = S S S S S F S F S S S F F
DIALTONE           F S S = F F F F F F S S S S F F
DIALING            F S S F = F F F F F S S S S F F
RINGBACK           F S S S S = F F F F S F S S F F
BUSY               F S S S S F = S F F S F S S F F
SPECIALINFO        F S S S S F F = F F S S S S F F
CONNECTED          F S S S S F S S = S F F F F F F
PROCEEDING         F S S S S F F F F = S F S S F F
ONHOLD             F F S S S S S S F S = F F F F F
CONFERENCED        F S S S S S S S F S F = S S F F
ONHOLDPENDCONF     F S S S S S S S F S F F = S F F
ONHOLDPENDTRANSFER F S S S S S S S F S F F S = F F
DISCONNECTED       F S S S S S S S S S S S S S = S
UNKNOWN            F F F F F F F F F F F F F F F =
"""
LETTERS = {row.split()[0]: dict(zip(STATES, row.split()[1:], strict=True)) for row in RELATION.strip().splitlines()}
each_source = pytest.mark.parametrize("source", LETTERS)


def documented(source: str) -> tuple[str, ...]:
    """The states that the documents name as successors, as reports spell them."""
    return tuple(CALL.label(CallState[state]) for state in STATES if LETTERS[source][state] == "F")


def judged(live: Live, handle: int, source: str, state: str, letter: str) -> None:
    """Check that the report has the level of the letter, and that its state is adopted."""
    found = live.news()
    rules = {finding.rule for finding in found}
    if letter == "F":
        assert rules == set()
        assert live.level(f"LINE_CALLSTATE {state}") is Level.TYPICAL
    elif letter == "V":
        assert rules == {"CALL-V01"}
        assert {(finding.level, finding.verdict) for finding in found} == {(Level.MUST, Verdict.FAIL)}
    else:
        origin = "NEW" if source in STARTS else source
        assert rules == {f"CALL-STATE-{origin}-{state}"}
        assert {finding.verdict for finding in found} == {Verdict.WARN}
    assert {finding.allowed for finding in found} <= {documented(source)}
    assert live.states(handle) == {state}


def expected(source: str, state: str, excused: bool) -> str:
    """Return the letter of a cell; a suspicious one may be excused."""
    letter = LETTERS[source][state]
    return "F" if excused and letter in "S=" else letter


@each_source
@pytest.mark.parametrize("state", STATES)
def test_report(source: str, state: str) -> None:
    """The report of each state after each state is legal, suspicious or a violation according to the relation."""
    live = Live()
    handle = reach(live, source)
    live.reports(handle, state)
    judged(live, handle, source, state, LETTERS[source][state])


@each_source
def test_report_with_filter(source: str) -> None:
    """After an event filter all reports are legal except after IDLE: others may be missing (Q19)."""
    live = Live()
    live.talk.ask(generic.RSPSetEventFilterMasks(obj_type=1))
    for state in STATES:
        handle = reach(live, source)
        live.reports(handle, state)
        judged(live, handle, source, state, expected(source, state, excused=True))


@each_source
def test_dialled(source: str) -> None:
    """After a successful Dial, DIALING may be reported in any state except IDLE and DISCONNECTED."""
    live = Live()
    handle = reach(live, source)
    live.done(line.Dial(call=handle, dest_address="1"))
    live.news()
    live.reports(handle, "DIALING")
    if source != "DIALING":
        judged(live, handle, source, "DIALING", expected(source, "DIALING", source not in {"IDLE", "DISCONNECTED"}))


def test_dialled_once() -> None:
    """A Dial explains one report only: after another state, DIALING is suspicious again."""
    live = Live()
    handle = reach(live, "CONNECTED")
    live.done(line.Dial(call=handle, dest_address="1"))
    live.reports(handle, "ONHOLD")
    live.news()
    live.reports(handle, "DIALING")
    judged(live, handle, "ONHOLD", "DIALING", "S")


@pytest.mark.parametrize("state", STATES)
def test_removed(state: str) -> None:
    """After RemoveFromConference the address capabilities determine the next state: none is suspicious (2.2.6.6)."""
    live = Live()
    handle = reach(live, "CONFERENCED")
    live.done(line.RemoveFromConference(call=handle))
    live.reports(handle, state)
    if state != "CONFERENCED":
        judged(live, handle, "CONFERENCED", state, "F")


def _again(live: Live, handle: int, state: str, news: str) -> None:
    """Report the same state again, with one change."""
    changed: dict[str, Any] = {}
    bits = int(LINECALLSTATE[state])
    mode = live.parent() if state == "CONFERENCED" else MODES.get(state, 0)
    if news == "privilege":
        changed["privilege"] = 2
    elif news == "device bits":
        bits |= 0x01000000
    elif news == "mode":
        mode = live.talk.offer(state=LINECALLSTATE.CONNECTED, mode=1) if state == "CONFERENCED" else 2
    live.talk.state(handle, bits, mode, **changed)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("news", ["mode", "privilege", "device bits"])
def test_repeated_with_news(state: str, news: str) -> None:
    """The same state with another mode, privilege, parent or device-specific bit is legal."""
    live = Live()
    handle = reach(live, state)
    _again(live, handle, state, news)
    assert live.rules() == set()
    assert live.states(handle) == {state}
    assert live.level(f"LINE_CALLSTATE {state}") is Level.TYPICAL


@each_source
def test_high_byte(source: str) -> None:
    """The high byte is device-specific: it does not affect the relation (Q23)."""
    for state in STATES:
        live = Live()
        handle = reach(live, source)
        mode = live.parent() if state == "CONFERENCED" else MODES.get(state, 0)
        live.news()
        live.talk.state(handle, int(LINECALLSTATE[state]) | 0x03000000, mode)
        judged(live, handle, source, state, "F" if LETTERS[source][state] == "=" else LETTERS[source][state])
