"""Requests on calls: allowed states, required privileges, and handles that a server MUST refuse."""

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

#: Request and field; "must" (upper case) or "can" (lower-case must, or "can be"); states, or excluded states.
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
#: Requests allowed on a call without owner privilege, or without a stated privilege.
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
#: States required by a rule of 3.1.4.2: the server MUST fail the request in any other.
DEMANDED = {"RemoveFromConference": "TRP-3.1.4.2-063-02"}
#: Other fields of the requests, so that only the call can be wrong.
FILLED: dict[str, dict[str, Any]] = {
    "BlindTransfer": {"dest_address": "1"},
    "Dial": {"dest_address": "1"},
    "Redirect": {"dest_address": "1"},
    "GenerateDigits": {"digits": "1"},
    "GetID": {"select": int(LINECALLSELECT.CALL), "device_class": "wave/in"},
    "SetTerminal": {"select": int(LINECALLSELECT.CALL)},
    "SetMediaControl": {"select": int(LINECALLSELECT.CALL)},
}
#: Valid states for the other call of a request with two calls.
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
#: Every request with a call, with the attribute of its handle.
USES = [
    (request.__name__, name)
    for request in REQUESTS.values()
    for name, field in request.layout.by_name.items()
    if isinstance(field, Handle) and field.type is HandleType.HCALL and field.direction != "out"
]
each_use = pytest.mark.parametrize(("name", "field"), USES, ids=lambda value: value)


def packet(live: Live, name: str, field: str, handle: int) -> Any:
    """Return a request with a call that is otherwise legal."""
    words: dict[str, Any] = {field: handle, **FILLED.get(name, {})}
    other = OTHER.get((name, field))
    if other is not None:
        words[other[0]] = reach(live, other[1])
    return getattr(line, name)(**words)


def refused(live: Live, name: str, field: str, handle: int) -> list[Any]:
    """Return the findings about calls for a request that the server refuses; other findings are ignored."""
    asked = packet(live, name, field, handle)
    live.news()
    live.talk.ask(asked, ack=BAD_STATE)
    return about_calls(live)


def about_calls(live: Live) -> list[Any]:
    """Return the new findings about calls."""
    return [finding for finding in live.news() if finding.machine == "call"]


def test_all_preconditions_are_about_requests() -> None:
    """Every precondition refers to a call handle of a request."""
    assert CONDITIONS.keys() <= set(USES)


@each_use
def test_states(name: str, field: str) -> None:
    """In a state listed in the packet specification a request is legal; in another known state it is suspicious."""
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
    """Return the name of the machine's event: the request, with the field if there are two."""
    request = getattr(line, name)
    fields = [spec for spec, one in request.layout.by_spec.items() if (name, _attribute(request, one)) in USES]
    return name if len(fields) == 1 else f"{name} {request.layout.by_name[field].spec}"


def _attribute(request: Any, field: Any) -> str:
    return next(name for name, one in request.layout.by_name.items() if one is field)


@each_use
def test_before_the_first_state(name: str, field: str) -> None:
    """Before the first state of a call, no request on it is suspicious."""
    live = Live()
    for start in STARTS:
        handle = reach(live, start)
        assert refused(live, name, field, handle) == [], start
        assert live.level(_event(name, field)) is Level.TYPICAL


@each_use
def test_monitors(name: str, field: str) -> None:
    """Monitors may query and deallocate calls; changes require an owner."""
    live = Live()
    _, allowed = CONDITIONS.get((name, field), (Level.STATED, set(STATES)))
    for state in sorted(allowed):
        handle = reach(live, state)
        live.reports(handle, state, privilege=2)
        found = {finding.rule for finding in refused(live, name, field, handle)}
        assert found == (set() if name in FOR_ALL else {f"CALL-PRE-{name}"}), state


@each_use
def test_unknown_handles(name: str, field: str) -> None:
    """The server MUST refuse a handle that never existed, or ended some time ago."""
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
    """A request on a call whose end the client cannot know yet is not a finding."""
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
    """Accepting a request in an allowed state is legal, in another state suspicious."""
    live = Live()
    handle = reach(live, state)
    live.done(line.Hold(call=handle))
    found = live.news()
    if state == "CONNECTED":
        assert found == []
    else:
        assert {(one.rule, one.verdict, one.fault) for one in found} == {("CALL-PRE-Hold", Verdict.WARN, Fault.SERVER)}


def test_dead_handle_accepted() -> None:
    """Accepting a request on a handle that is not open violates a MUST."""
    live = Live()
    live.done(line.Hold(call=live.talk.call()))
    assert {(one.rule, one.verdict, one.fault) for one in live.news()} == {
        ("TRP-3.1.4.2-046-01", Verdict.FAIL, Fault.SERVER)
    }


@pytest.mark.parametrize(("mode", "right"), [(1, False), (2, True)])
def test_answer_joins_a_bridged_call(mode: int, right: bool) -> None:
    """Answer on a connected call is legal if the call is active elsewhere (2.2.3.1.31)."""
    live = Live()
    handle = reach(live, "OFFERING")
    live.reports(handle, "CONNECTED", mode)
    found = refused(live, "Answer", "call", handle)
    assert {one.rule for one in found} == (set() if right else {"CALL-PRE-Answer"})
    if right:
        assert live.level("Answer") is Level.TYPICAL
