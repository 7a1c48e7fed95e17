"""Requests on calls: in which states the packet texts allow them, for whom, and on which handles a server MUST fail."""

from __future__ import annotations

from typing import Any

import pytest
from live import STARTS, STATES, Live, reach

from fsm.engine.levels import Fault, Level, Verdict
from fsm.tables.call import VOIDED
from protocol import line
from protocol.constants import LINECALLSELECT
from protocol.fields import Handle, HandleType
from protocol.packet import REQUESTS

BAD_STATE = 0x8000001C

#: Request and field; "must" (upper case) or "can" (lower-case must, or "can be"); states, or those that are excluded.
PRECONDITIONS = """
Accept call                   can   OFFERING
Answer call                   can   OFFERING ACCEPTED
Redirect call                 can   OFFERING
Drop call                     can   not IDLE
Dial call                     can   not IDLE DISCONNECTED
BlindTransfer call            can   CONNECTED
Hold call                     can   CONNECTED
UnHold call                   can   ONHOLD ONHOLDPENDTRANSFER ONHOLDPENDCONF
SwapHold active_call          must  CONNECTED
SwapHold held_call            can   ONHOLD ONHOLDPENDTRANSFER ONHOLDPENDCONF
Park call                     can   CONNECTED
SetUpTransfer call            can   CONNECTED
CompleteTransfer call         can   ONHOLD ONHOLDPENDTRANSFER
CompleteTransfer consult_call must  CONNECTED RINGBACK BUSY PROCEEDING
SetUpConference call          can   CONNECTED
PrepareAddToConference conf_call must CONNECTED
AddToConference conf_call     must  ONHOLDPENDCONF ONHOLD
AddToConference consult_call  can   CONNECTED ONHOLD PROCEEDING RINGBACK
RemoveFromConference call     must  CONFERENCED
CompleteCall call             can   BUSY RINGBACK PROCEEDING
SendUserUserInfo call         can   CONNECTED OFFERING ACCEPTED RINGBACK
SetCallParams call            can   not IDLE DISCONNECTED
MonitorDigits call            can   not IDLE DISCONNECTED
MonitorMedia call             can   not IDLE
MonitorTones call             can   not IDLE
"""
#: Requests that a client may also make on a call which it does not own, or whose text names no privilege.
FOR_ALL = {
    "MonitorDigits",
    "MonitorMedia",
    "MonitorTones",
    "GetCallIDs",
    "GetCallInfo",
    "GetCallStatus",
    "GetID",
    "DeallocateCall",
    "DevSpecific",
    "SetTerminal",
    "SetMediaControl",
}
#: States that a rule of 3.1.4.2 demands: the server MUST fail the request in any other.
DEMANDED = {"RemoveFromConference": "TRP-3.1.4.2-063-02"}
#: What else has to be in a request so that nothing but the call can be wrong with it.
FILLED: dict[str, dict[str, Any]] = {
    "BlindTransfer": {"dest_address": "1"},
    "Dial": {"dest_address": "1"},
    "Redirect": {"dest_address": "1"},
    "GenerateDigits": {"digits": "1"},
    "GetID": {"select": int(LINECALLSELECT.CALL), "device_class": "wave/in"},
    "SetTerminal": {"select": int(LINECALLSELECT.CALL)},
    "SetMediaControl": {"select": int(LINECALLSELECT.CALL)},
}
#: Good states for the other call of a request that names two.
OTHER = {
    ("SwapHold", "active_call"): ("held_call", "ONHOLD"),
    ("SwapHold", "held_call"): ("active_call", "CONNECTED"),
    ("CompleteTransfer", "call"): ("consult_call", "CONNECTED"),
    ("CompleteTransfer", "consult_call"): ("call", "ONHOLD"),
    ("AddToConference", "conf_call"): ("consult_call", "CONNECTED"),
    ("AddToConference", "consult_call"): ("conf_call", "ONHOLD"),
}


def _conditions() -> dict[tuple[str, str], tuple[Level, set[str]]]:
    found = {}
    for row in PRECONDITIONS.strip().splitlines():
        request, field, strength, *states = row.split()
        allowed = set(STATES) - set(states) if states[0] == "not" else set(states)
        found[request, field] = (Level.MUST if strength == "must" else Level.STATED, allowed)
    return found


CONDITIONS = _conditions()
#: Every request that names a call, with the attribute of that handle.
USES = [
    (request.__name__, name)
    for request in REQUESTS.values()
    for name, field in request.layout.by_name.items()
    if isinstance(field, Handle) and field.type is HandleType.HCALL and field.direction != "out"
]
each_use = pytest.mark.parametrize(("name", "field"), USES, ids=lambda value: value)


def packet(live: Live, name: str, field: str, handle: int) -> Any:
    """A request that names a call, and nothing wrong beside."""
    words: dict[str, Any] = {field: handle, **FILLED.get(name, {})}
    other = OTHER.get((name, field))
    if other is not None:
        words[other[0]] = reach(live, other[1])
    return getattr(line, name)(**words)


def refused(live: Live, name: str, field: str, handle: int) -> list[Any]:
    """The findings about calls of a request that the server refuses; what else may be wrong with it is not asked."""
    asked = packet(live, name, field, handle)
    live.news()
    live.talk.ask(asked, ack=BAD_STATE)
    return about_calls(live)


def about_calls(live: Live) -> list[Any]:
    """The new findings about calls."""
    return [finding for finding in live.news() if finding.machine == "call"]


def test_all_preconditions_are_about_requests() -> None:
    """Every precondition names a call handle that some request has."""
    assert CONDITIONS.keys() <= set(USES)


@each_use
def test_states(name: str, field: str) -> None:
    """In a state that the packet text names a request is right; in another one that is known it is odd."""
    live = Live()
    level, allowed = CONDITIONS.get((name, field), (Level.STATED, set(STATES)))
    for state in STATES:
        handle = reach(live, state)
        found = refused(live, name, field, handle)
        if state in allowed or state == "UNKNOWN":
            assert found == [], state
            assert live.level(_event(name, field)) is (level if state in allowed else Level.TYPICAL)
        else:
            hard = name in DEMANDED
            assert {finding.rule for finding in found} == {DEMANDED.get(name, f"CALL-PRE-{name}")}, state
            level_of = Level.MUST if hard else Level.SUSPICIOUS
            assert {(one.level, one.verdict, one.fault) for one in found} == {(level_of, Verdict.WARN, Fault.CLIENT)}
        assert live.states(handle) == {state}


def _event(name: str, field: str) -> str:
    """What the machine calls the event: the request, and the field where there are two."""
    request = getattr(line, name)
    fields = [spec for spec, one in request.layout.by_spec.items() if (name, _attribute(request, one)) in USES]
    return name if len(fields) == 1 else f"{name} {request.layout.by_name[field].spec}"


def _attribute(request: Any, field: Any) -> str:
    return next(name for name, one in request.layout.by_name.items() if one is field)


@each_use
def test_before_the_first_state(name: str, field: str) -> None:
    """Before a call's state is known no request on it is odd."""
    live = Live()
    for start in STARTS:
        handle = reach(live, start)
        assert refused(live, name, field, handle) == [], start
        assert live.level(_event(name, field)) is Level.TYPICAL


@each_use
def test_monitors(name: str, field: str) -> None:
    """Known monitors may look and give up; whatever changes a call is for owners."""
    live = Live()
    _, allowed = CONDITIONS.get((name, field), (Level.STATED, set(STATES)))
    for state in sorted(allowed):
        handle = reach(live, state)
        live.reports(handle, state, privilege=2)
        found = {finding.rule for finding in refused(live, name, field, handle)}
        assert found == (set() if name in FOR_ALL else {f"CALL-PRE-{name}"}), state


@each_use
def test_unknown_handles(name: str, field: str) -> None:
    """A handle that never was, or ended some time ago, is one that the server MUST refuse."""
    live = Live()
    released, voided = reach(live, "IDLE"), reach(live, "IDLE")
    live.talk.release(released)
    live.conversation.runner.step(live.record(voided), VOIDED, 0)
    live.record(voided).retire(live.conversation.registry)
    live.wait()
    number = getattr(line, name).req_func
    for handle in (live.talk.call(), released, voided):
        found = refused(live, name, field, handle)
        (finding,) = found
        assert finding.rule.startswith(f"TRP-3.1.4.2-{number:03}-")
        assert (finding.level, finding.verdict, finding.fault) == (Level.MUST, Verdict.WARN, Fault.CLIENT)


@each_use
def test_handles_that_just_ended(name: str, field: str) -> None:
    """A request on a call whose end the client could not know yet is no finding."""
    live = Live()
    for end in ("released", "voided"):
        handle = reach(live, "IDLE")
        asked = packet(live, name, field, handle)
        live.news()
        if end == "released":
            live.talk.release(handle)
        else:
            live.conversation.runner.step(live.record(handle), VOIDED, 0)
            live.record(handle).retire(live.conversation.registry)
        live.talk.ask(asked, ack=BAD_STATE)
        assert {one.rule for one in about_calls(live)} == set()


@pytest.mark.parametrize("state", ["CONNECTED", "IDLE"])
def test_accepted(state: str) -> None:
    """A server that accepts what the state allows has done well, one that accepts something else is odd."""
    live = Live()
    handle = reach(live, state)
    live.done(line.Hold(call=handle))
    found = live.news()
    if state == "CONNECTED":
        assert found == []
    else:
        assert {(one.rule, one.verdict, one.fault) for one in found} == {("CALL-PRE-Hold", Verdict.WARN, Fault.SERVER)}


def test_dead_handle_accepted() -> None:
    """A server that accepts a request on a handle that is not live has broken a MUST."""
    live = Live()
    live.done(line.Hold(call=live.talk.call()))
    assert {(one.rule, one.verdict, one.fault) for one in live.news()} == {
        ("TRP-3.1.4.2-046-01", Verdict.FAIL, Fault.SERVER)
    }


@pytest.mark.parametrize(("mode", "right"), [(1, False), (2, True)])
def test_answer_joins_a_bridged_call(mode: int, right: bool) -> None:
    """Answer on a connected call is right when the call is active elsewhere (2.2.3.1.31)."""
    live = Live()
    handle = reach(live, "OFFERING")
    live.reports(handle, "CONNECTED", mode)
    found = refused(live, "Answer", "call", handle)
    assert {one.rule for one in found} == (set() if right else {"CALL-PRE-Answer"})
    if right:
        assert live.level("Answer") is Level.TYPICAL
