"""The life of a call handle: creation, forbidden events, end."""

from __future__ import annotations

from typing import Any

import pytest
from live import STARTS, STATES, Live, reach

from fsm.engine.levels import Level, Verdict
from fsm.tables.call import UNSWAPPED, VOIDED
from protocol import events as event
from protocol import generic, line
from protocol.constants import LINECALLSTATE
from protocol.structures import LINECALLLIST, LINECALLSTATUS

OLD = {"version": 0x00010004}
#: Requests whose completion creates a call, with its field.
CREATING = [
    (line.MakeCall, "call"),
    (line.PickUp, "call"),
    (line.UnPark, "call"),
    (line.Forward, "consult_call"),
    (line.SetUpTransfer, "consult_call"),
    (line.PrepareAddToConference, "consult_call"),
    (line.SetUpConference, "consult_call"),
    (line.SetUpConference, "conf_call"),
    (line.CompleteTransfer, "conf_call"),
]
each_state = pytest.mark.parametrize("state", [*STATES, *STARTS])


def digits(live: Live, handle: int) -> None:
    """Send an event about a call that does not contain its state."""
    live.talk.about(event.LINE_MONITORDIGITS, call=handle, digit=0x31, digit_mode=2, remote_line=live.line.remote)


def listed(live: Live, *handles: int) -> None:
    """Return calls from GetNewCalls."""
    asked = line.GetNewCalls(line=live.line.handle, select=1, call_list=256)
    live.talk.ask(asked, call_list=LINECALLLIST(calls=handles))


def shown(live: Live, handle: int, state: str, high: int = 0) -> None:
    """Return the state from GetCallStatus."""
    status = LINECALLSTATUS(call_state=int(LINECALLSTATE[state]) | high)
    live.talk.ask(line.GetCallStatus(call=handle, call_status=256), call_status=status)


def creates(live: Live, kind: Any, field: str, handle: int) -> None:
    """Complete a request that creates a call."""
    words: dict[str, Any] = {"line": live.line.handle} if "line" in kind.layout.by_name else {}
    if kind is line.CompleteTransfer:
        words = {"call": reach(live, "ONHOLD"), "consult_call": reach(live, "CONNECTED"), "transfer_mode": 2}
    elif kind is line.PrepareAddToConference:
        words = {"conf_call": reach(live, "CONNECTED")}
    elif kind in (line.SetUpTransfer, line.SetUpConference):
        words["call"] = reach(live, "CONNECTED")
    both = {name: live.talk.call() for name in ("conf_call", "consult_call") if name in kind.Completion.layout.by_name}
    if "dest_address" in kind.layout.by_name:
        words["dest_address"] = "1"
    live.done(kind(context=7, **words), **{**both, field: handle})


# -- creation of handles -------------------------------------------------------------------------------------------


@each_state
def test_announced_again(state: str) -> None:
    """LINE_APPNEWCALL for a known handle is a violation, and does not change the call (V5)."""
    live = Live()
    handle = reach(live, state)
    live.wait()
    live.talk.tell(live.talk.announcement(handle))
    assert {(one.rule, one.level, one.verdict) for one in live.news()} == {("CALL-V05", Level.MUST, Verdict.FAIL)}
    assert live.states(handle) == {state}


def test_announced_while_it_was_listed() -> None:
    """LINE_APPNEWCALL may be in flight while GetNewCalls lists the call; only once."""
    live = Live()
    handle = reach(live, "LISTED")
    live.talk.tell(live.talk.announcement(handle))
    assert live.rules() == set()


@each_state
def test_listed_again(state: str) -> None:
    """GetNewCalls may list a call that the client already has."""
    live = Live()
    handle = reach(live, state)
    listed(live, handle)
    assert live.rules() == set()
    assert live.states(handle) == {state}


@pytest.mark.parametrize(("kind", "field"), CREATING, ids=lambda value: getattr(value, "__name__", value))
def test_created(kind: Any, field: str) -> None:
    """A completion returns a handle; a handle that LINE_APPNEWCALL announced before is not a new one (V5)."""
    for state in (*STATES, *STARTS):
        live = Live()
        handle = reach(live, state)
        announced = state in STATES or state == "ANNOUNCED"
        creates(live, kind, field, handle)
        assert "CALL-V05" in live.rules() if announced else "CALL-V05" not in live.rules(), state
        assert live.states(handle) == {state}


@pytest.mark.parametrize(("kind", "field"), CREATING, ids=lambda value: getattr(value, "__name__", value))
def test_reported_before_its_completion(kind: Any, field: str) -> None:
    """One early event of a new call is one violation (V3); the completion that follows is accepted."""
    for state in STATES:
        live = Live()
        handle = live.talk.call()
        live.parent()
        live.news()
        live.reports(handle, state)
        assert {one.rule for one in live.news()} == {"CALL-V03"}
        creates(live, kind, field, handle)
        assert live.rules() == set(), state
        assert live.states(handle) == {state}


@pytest.mark.parametrize(("kind", "field"), CREATING, ids=lambda value: getattr(value, "__name__", value))
def test_ways_to_begin(kind: Any, field: str) -> None:
    """The creation of a handle determines the possible first reports; until then its state is unknown."""
    ways = {"MakeCall": "MADE", "PickUp": "PICKED_UP", "UnPark": "PICKED_UP"}
    live = Live()
    handle = live.talk.call()
    creates(live, kind, field, handle)
    expected = "PARENT" if field == "conf_call" else ways.get(kind.__name__, "CONSULTATION")
    assert live.states(handle) == {expected}
    assert live.rules() == set()


@pytest.mark.parametrize("state", STATES)
def test_first_state_below_2_0(state: str) -> None:
    """Below 2.0 a LINE_CALLSTATE for an absent handle is a new call; from 2.0 on it is a violation (O17, O18)."""
    old, new = Live(**OLD), Live()
    for live in (old, new):
        live.parent()
        live.news()
        handle = live.talk.call()
        live.reports(handle, state)
        assert live.states(handle) == {state}
    assert old.rules() == set()
    assert {(one.rule, one.level) for one in new.news()} == {("CALL-V03", Level.MUST)}


def test_offered_value_below_2_0() -> None:
    """Below 2.0 an offer after IDLE begins a new call at once: nothing about the old one can be in flight (O20)."""
    live = Live(**OLD)
    handle = live.talk.offer()
    live.reports(handle, "IDLE")
    live.talk.release(handle)
    live.reports(handle, "OFFERING")
    live.wait()
    live.done(line.Answer(call=handle))
    assert live.rules() == set()
    assert live.record(handle).epoch == 2


@pytest.mark.parametrize("state", [state for state in STATES if state != "OFFERING"])
def test_released_value_below_2_0(state: str) -> None:
    """Below 2.0 a state report in transit when the handle ended is not a finding; later the value is a new call (O20)."""
    live = Live(**OLD)
    handle = live.talk.offer()
    live.reports(handle, "IDLE")
    live.parent()
    live.talk.release(handle)
    live.news()
    live.reports(handle, state)
    assert live.rules() == set()
    live.wait()
    live.reports(handle, state)
    assert live.rules() == set()
    assert live.record(handle).epoch == 2


# -- events of handles ---------------------------------------------------------------------------------------------


@each_state
def test_other_events(state: str) -> None:
    """Immediately after its announcement a call has only its state event (V4); after IDLE no LINE_CALLINFO (V7)."""
    for tell, after_idle in ((live_info, "CALL-V07"), (digits, "")):
        live = Live()
        handle = reach(live, state)
        tell(live, handle)
        expected = {"ANNOUNCED": "CALL-V04", "IDLE": after_idle}.get(state, "")
        assert {(one.rule, one.level) for one in live.news()} == ({(expected, Level.MUST)} if expected else set())
        assert live.states(handle) == {state}


def live_info(live: Live, handle: int) -> None:
    """Send LINE_CALLINFO."""
    live.talk.info(handle)


def test_other_events_with_filter() -> None:
    """With an event filter, the state after an announcement may be suppressed."""
    for tell in (live_info, digits):
        live = Live()
        live.talk.ask(generic.RSPSetEventFilterMasks(obj_type=1))
        handle = reach(live, "ANNOUNCED")
        tell(live, handle)
        assert live.rules() == set()
        assert live.states(handle) == {"ANNOUNCED"}


@pytest.mark.parametrize("tell", [live_info, digits], ids=lambda tell: tell.__name__)
def test_events_of_strangers(tell: Any) -> None:
    """An event for a handle that was never returned is a violation (V3); afterwards the call is known."""
    live = Live()
    handle = live.talk.call()
    tell(live, handle)
    assert {(one.rule, one.level) for one in live.news()} == {("CALL-V03", Level.MUST)}
    assert live.states(handle) == {"UNKNOWN"}


@pytest.mark.parametrize("end", ["released", "closed"])
def test_events_after_the_end(end: str) -> None:
    """An event in transit when a handle ended is not a finding; later ones are one violation per handle (V12)."""
    tells = [lambda live, handle, state=state: live.reports(handle, state) for state in STATES]
    for tell in (*tells, live_info, digits):
        live = Live()
        live.parent()
        handle = reach(live, "DISCONNECTED")
        _end(live, handle, end)
        live.news()
        tell(live, handle)
        assert live.rules() == set()
        live.wait()
        tell(live, handle)
        assert {(one.rule, one.level) for one in live.news()} == {("CALL-V12", Level.MUST)}
        tell(live, handle)
        assert live.rules() == set()
        assert live.states(handle) == {"DEALLOCATED" if end == "released" else "VOID"}


def _end(live: Live, handle: int, end: str) -> None:
    if end == "released":
        live.talk.release(handle)
    else:
        live.conversation.runner.step(live.record(handle), VOIDED, 0)
        live.record(handle).retire(live.conversation.registry)


@pytest.mark.parametrize("state", STATES)
def test_no_single_state(state: str) -> None:
    """A LINE_CALLSTATE without a state, or with two, is a violation and changes nothing (V2)."""
    for bits in (0, int(LINECALLSTATE[state]) | (0x10000 if state == "IDLE" else 0x1), 0x10000):
        live = Live()
        handle = reach(live, state)
        if bits == int(LINECALLSTATE[state]):
            continue
        live.talk.state(handle, bits, 0)
        assert ("CALL-V02", Level.MUST) in {(one.rule, one.level) for one in live.news()}
        assert live.states(handle) == {state}


@pytest.mark.parametrize("start", STARTS)
def test_no_state_first(start: str) -> None:
    """The same before the first state of a call is known."""
    live = Live()
    handle = reach(live, start)
    live.talk.state(handle, 0, 0)
    assert {(one.rule, one.level) for one in live.news()} == {("CALL-V02", Level.MUST)}
    assert live.states(handle) == {start}


@pytest.mark.parametrize("state", STATES)
def test_privilege(state: str) -> None:
    """The privilege of a state event is owner, monitor or 0; other values are suspicious (Q5)."""
    for privilege, right in ((0, True), (2, True), (4, True), (1, False), (6, False), (8, False)):
        live = Live()
        handle = reach(live, state)
        live.reports(handle, state, privilege=privilege)
        found = live.news()
        if privilege != 4:
            assert {one.rule for one in found} == (set() if right else {"CALL-Q05"}), privilege
            assert right or {one.verdict for one in found} == {Verdict.WARN}
        assert live.states(handle) == {state}


@pytest.mark.parametrize("state", STATES)
def test_mode(state: str) -> None:
    """A mode is one constant; 0 means active for connected and offering, and is suspicious for others (Q17)."""
    modal = state in {"OFFERING", "DIALTONE", "BUSY", "SPECIALINFO", "CONNECTED", "DISCONNECTED"}
    if state == "CONFERENCED":
        return
    for mode, odd in ((0, modal and state not in {"CONNECTED", "OFFERING"}), (1, False), (3, modal)):
        live = Live()
        handle = live.talk.offer(state=LINECALLSTATE[state], mode=mode)
        live.news()
        live.talk.state(handle, LINECALLSTATE[state], mode, privilege=2)
        found = live.news()
        assert {one.rule for one in found} == ({"CALL-Q17"} if odd else set()), mode
        assert not odd or {one.verdict for one in found} == {Verdict.WARN}
        assert live.states(handle) == {state}


def test_parent() -> None:
    """CONFERENCED refers to an open call of the client (V11); to 0 only after the client deallocated the parent (Q17)."""
    live = Live()
    conference, member = live.parent(), reach(live, "CONNECTED")
    live.reports(member, "CONFERENCED", conference)
    assert live.rules() == set()
    live.reports(member, "CONFERENCED", 0)
    found = live.news()
    assert {(one.rule, one.verdict) for one in found} == {("CALL-Q17", Verdict.WARN)}
    live.talk.release(conference)
    live.reports(member, "CONFERENCED", conference)
    live.reports(member, "CONFERENCED", 0)
    assert live.rules() == set(), "the parent was given up a moment ago"
    live.wait()
    live.reports(member, "CONFERENCED", conference, privilege=2)
    assert {(one.rule, one.level) for one in live.news()} == {("CALL-V11", Level.MUST)}
    assert live.states(member) == {"CONFERENCED"}


@each_state
def test_interrupted(state: str) -> None:
    """An event of another call between an announcement and its state is suspicious, except with a filter (V4, Q19)."""
    for filtered in (False, True):
        live = Live()
        other = live.parent()
        if filtered:
            live.talk.ask(generic.RSPSetEventFilterMasks(obj_type=1))
        handle = reach(live, state)
        live.talk.tell(live.talk.announcement(handle))
        live.news()
        if state == "ANNOUNCED":
            live.wait()
        live.talk.info(other)
        found = live.news()
        assert {(one.rule, one.verdict) for one in found} == (set() if filtered else {("CALL-V04", Verdict.WARN)})
        assert live.states(handle) == {state}


# -- results of GetCallStatus --------------------------------------------------------------------------------------


@each_state
def test_shown(state: str) -> None:
    """GetCallStatus provides an unknown state; a different state than the known one becomes possible."""
    for told in STATES:
        live = Live()
        handle = reach(live, state)
        shown(live, handle, told)
        assert live.rules() == set()
        if state in STARTS or state in ("UNKNOWN", told):
            assert live.states(handle) == {told}
            assert live.level(f"GetCallStatus {told}") is Level.STATED
        elif state == "IDLE":
            assert live.states(handle) == {"IDLE"}
        else:
            assert live.states(handle) == {state, told}
            assert live.level(f"GetCallStatus {told}") is Level.TYPICAL


@pytest.mark.parametrize("told", ["CONNECTED", "IDLE"])
def test_shown_narrows(told: str) -> None:
    """GetCallStatus selects one of several possible states."""
    live = Live()
    handle = reach(live, "CONNECTED")
    live.done(line.BlindTransfer(call=handle, dest_address="1"))
    shown(live, handle, told, 0x01000000)
    assert live.states(handle) == {told}


def test_shown_without_a_state() -> None:
    """A status without a state, or about a call that the client does not have, has no effect."""
    live = Live()
    handle = reach(live, "OFFERING")
    live.talk.ask(line.GetCallStatus(call=handle, call_status=256), call_status=LINECALLSTATUS(call_state=0))
    assert live.states(handle) == {"OFFERING"}


# -- end of handles ------------------------------------------------------------------------------------------------


@each_state
@pytest.mark.parametrize("end", ["DeallocateCall", "Close", "LINE_CLOSE", "ShutDown", "ClientDetach", "lost", "end"])
def test_end(state: str, end: str) -> None:
    """Every cause of the end ends the handle in every state; only a required state report is a finding (V4, O12)."""
    live = Live()
    handle = reach(live, state)
    live.wait()
    ends(live, handle, end)
    owed = {"MADE": "CALL-ORDER-O12"}
    if end in ("Close", "LINE_CLOSE"):
        owed["ANNOUNCED"] = "CALL-V04"
    found = live.news()
    assert {one.rule for one in found} == ({owed[state]} if state in owed else set())
    assert {one.verdict for one in found} <= {Verdict.FAIL if state == "ANNOUNCED" else Verdict.WARN}
    gone = {"DeallocateCall": {"DEALLOCATED"}, "end": {state}}
    assert live.states(handle) == gone.get(end, {"VOID"})
    if state not in ("MADE", "ANNOUNCED"):
        released = {
            "DeallocateCall": ("DeallocateCall done", Level.STATED),
            "end": ("end of the conversation", Level.TYPICAL),
        }
        closed = ("line closed" if end in ("Close", "LINE_CLOSE") else "voided", Level.MUST)
        event_name, level = released.get(end, closed)
        assert live.level(event_name) is level
    assert (handle in live.conversation.calls) is (end == "end")


def ends(live: Live, handle: int, end: str) -> None:
    """End a handle in one of the possible ways."""
    role = live.role
    if end == "DeallocateCall":
        live.talk.release(handle)
    elif end == "Close":
        live.talk.ask(line.Close(line=live.line.handle))
    elif end == "LINE_CLOSE":
        live.talk.about(event.LINE_CLOSE, remote_line=live.line.remote)
    elif end == "ShutDown":
        live.talk.ask(line.ShutDown(line_app=role.app))
    elif end == "ClientDetach":
        live.conversation.detached(0, live.stage.now)
    elif end == "lost":
        live.conversation.lost(0, live.stage.now)
    else:
        live.stage.now += 1
        live.conversation.runner.now = live.stage.now
        live.monitor.finish()


@pytest.mark.parametrize("start", ["MADE", "ANNOUNCED"])
@pytest.mark.parametrize("end", ["DeallocateCall", "Close", "ShutDown", "lost", "end"])
@pytest.mark.parametrize("excuse", ["in flight", "filtered"])
def test_end_before_the_first_state(start: str, end: str, excuse: str) -> None:
    """A required state report may be in transit when the handle ends, or suppressed: then there is no finding."""
    live = Live()
    if excuse == "filtered":
        live.talk.ask(generic.RSPSetEventFilterMasks(obj_type=1))
    handle = reach(live, start)
    if excuse == "filtered":
        live.wait()
    if end == "end":
        live.monitor.finish()
    else:
        ends(live, handle, end)
    assert live.rules() == set()
    assert live.states(handle) == {"DeallocateCall": {"DEALLOCATED"}, "end": {start}}.get(end, {"VOID"})


@each_state
@pytest.mark.parametrize("version", [0x00010004, 0x00020000])
@pytest.mark.parametrize("privilege", [0, 2, 4])
def test_sole_owner(state: str, version: int, privilege: int) -> None:
    """Below 2.0 an owner must not deallocate a call that is not idle; from 2.0 on, or as monitor, it may (Q3)."""
    if state in STARTS:
        return
    live = Live(version=version)
    handle = reach(live, state) if version >= 0x00020000 else _old(live, state, privilege)
    live.reports(handle, state, privilege=privilege)
    live.news()
    live.talk.release(handle)
    odd = version < 0x00020000 and privilege == 4 and state != "IDLE"
    found = live.news()
    assert {(one.rule, one.verdict) for one in found} == ({("CALL-PRE-DeallocateCall", Verdict.WARN)} if odd else set())
    assert live.states(handle) == {"DEALLOCATED"}


def _old(live: Live, state: str, privilege: int) -> int:
    live.parent()
    handle = live.talk.call()
    live.reports(handle, state, privilege=privilege)
    return handle


@pytest.mark.parametrize("first", ["DeallocateCall", "Close", "lost"])
@pytest.mark.parametrize("second", ["Close", "ShutDown", "lost", "end"])
def test_end_after_the_end(first: str, second: str) -> None:
    """A handle ends once: later causes do not change how it ended."""
    live = Live()
    handle = reach(live, "CONNECTED")
    ends(live, handle, first)
    before = live.states(handle)
    ends(live, handle, second)
    assert live.states(handle) == before
    assert {one for one in live.rules() if one.startswith("CALL-V")} <= {"CALL-V12"}


@each_state
@pytest.mark.parametrize("filtered", [False, True])
def test_swapped_by_half(state: str, filtered: bool) -> None:
    """After SwapHold, the end of the only unreported call is suspicious, except with a filter (O14)."""
    live = Live()
    if filtered:
        live.talk.ask(generic.RSPSetEventFilterMasks(obj_type=1))
    one, two = reach(live, state), reach(live, "CONNECTED")
    live.done(line.SwapHold(active_call=two, held_call=one))
    live.reports(two, "ONHOLD")
    live.news()
    live.wait()
    live.talk.release(one)
    found = {(finding.rule, finding.verdict) for finding in live.news() if finding.rule != "CALL-ORDER-O12"}
    assert found == (set() if filtered else {("CALL-ORDER-O14", Verdict.WARN)})
    (owed,) = [step for step in live.steps_seen if step.event is UNSWAPPED]
    assert owed.before == owed.after
