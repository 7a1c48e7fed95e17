"""Effects of the success of a request: additional possible states, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from live import STARTS, STATES, Live, reach
from test_requests import FILLED, OTHER, about_calls

from fsm.engine.levels import Level
from fsm.tables.call import VOIDED
from protocol import line
from protocol.constants import LINECALLCOMPLMODE, LINETRANSFERMODE

#: Request and field, with its variant; the states in which it has an effect; the possible next states.
EFFECTS = """
Accept call                            : OFFERING                              : ACCEPTED
Answer call                            : OFFERING ACCEPTED                     : CONNECTED
Redirect call                          : OFFERING ACCEPTED                     : IDLE
BlindTransfer call                     : CONNECTED                             : IDLE
Hold call                              : CONNECTED                             : ONHOLD
UnHold call                            : ONHOLD ONHOLDPENDTRANSFER ONHOLDPENDCONF : CONNECTED
SwapHold active_call                   : CONNECTED                             : ONHOLD ONHOLDPENDTRANSFER ONHOLDPENDCONF
SwapHold held_call                     : ONHOLD ONHOLDPENDTRANSFER ONHOLDPENDCONF : CONNECTED
Park call                              : CONNECTED                             : IDLE
SetUpTransfer call                     : CONNECTED                             : ONHOLDPENDTRANSFER
CompleteTransfer call                  : ONHOLD ONHOLDPENDTRANSFER             : IDLE
CompleteTransfer consult_call          : CONNECTED RINGBACK BUSY PROCEEDING    : IDLE
CompleteTransfer call conference       : ONHOLD ONHOLDPENDTRANSFER             : CONFERENCED
CompleteTransfer consult_call conference : CONNECTED RINGBACK BUSY PROCEEDING  : CONFERENCED
SetUpConference call                   : CONNECTED                             : CONFERENCED
PrepareAddToConference conf_call       : CONNECTED                             : ONHOLDPENDCONF
AddToConference conf_call              : ONHOLDPENDCONF ONHOLD                 : CONNECTED
AddToConference consult_call           : CONNECTED ONHOLD PROCEEDING RINGBACK  : CONFERENCED
RemoveFromConference call              : CONFERENCED                           : CONNECTED ONHOLD DISCONNECTED IDLE
CompleteCall call                      : BUSY RINGBACK PROCEEDING              : IDLE
CompleteCall call camp-on              : BUSY RINGBACK PROCEEDING              : RINGBACK CONNECTED CONFERENCED DISCONNECTED IDLE
Dial call                              : DIALTONE DIALING                      : DIALING PROCEEDING
"""
#: Drop may have an effect for every call, including one before its first state.
DROP = ("Drop", "call", "")
VARIANTS: dict[str, dict[str, int]] = {
    "conference": {"transfer_mode": int(LINETRANSFERMODE.CONFERENCE)},
    "camp-on": {"completion_mode": int(LINECALLCOMPLMODE.CAMPON)},
}
PLAIN = {
    "CompleteTransfer": {"transfer_mode": int(LINETRANSFERMODE.TRANSFER)},
    "CompleteCall": {"completion_mode": int(LINECALLCOMPLMODE.CALLBACK)},
}


def _effects() -> dict[tuple[str, str, str], tuple[list[str], list[str]]]:
    found = {DROP: ([state for state in STATES if state != "IDLE"] + list(STARTS), ["IDLE"])}
    for row in EFFECTS.strip().splitlines():
        head, sources, following = (part.split() for part in row.split(":"))
        request, field, *variant = head
        found[request, field, " ".join(variant)] = (sources, following)
    return found


FOUND = _effects()
each_effect = pytest.mark.parametrize("effect", FOUND, ids=" ".join)


def ask(live: Live, effect: tuple[str, str, str], handle: int) -> Any:
    """Send a request on the call and accept it, without completion."""
    name, field, variant = effect
    words: dict[str, Any] = {field: handle, **FILLED.get(name, {}), **PLAIN.get(name, {}), **VARIANTS.get(variant, {})}
    if (name, field) in OTHER:
        other, state = OTHER[name, field]
        words[other] = reach(live, state)
    return live.talk.ask(getattr(line, name)(**words))


def complete(live: Live, asked: Any, result: int = 0) -> None:
    """Add its completion, with new handles for its handle fields."""
    completion = type(asked.packet).Completion
    names = () if completion is None else completion.layout.by_name
    brings = {name: live.talk.call() for name in ("conf_call", "consult_call") if name in names}
    live.talk.reply(asked, result, **brings)


@each_effect
def test_success(effect: tuple[str, str, str]) -> None:
    """A success adds the states that the documents call typical, in the states with an effect, and none in others."""
    sources, following = FOUND[effect]
    live = Live()
    for state in (*STATES, *STARTS):
        handle = reach(live, state)
        complete(live, ask(live, effect, handle))
        effective = state in sources or state == "UNKNOWN"
        assert live.states(handle) == ({state, *following} if effective else {state}), state
        assert next(step.move.level for step in reversed(live.steps_seen) if _about(step, effect)) is Level.TYPICAL


def _about(step: Any, effect: tuple[str, str, str]) -> bool:
    return (
        step.machine.name == "call" and step.event.name.startswith(effect[0]) and step.event.name.endswith("succeeded")
    )


@each_effect
def test_failure(effect: tuple[str, str, str]) -> None:
    """A failed request changes the state of no call."""
    sources, _ = FOUND[effect]
    live = Live()
    for state in sources:
        handle = reach(live, state)
        complete(live, ask(live, effect, handle), 0x80000048)
        assert live.states(handle) == {state}


@each_effect
def test_reported_before_the_reply(effect: tuple[str, str, str]) -> None:
    """A state reported while the request was pending is not expected again, in any current state of the call."""
    sources, following = FOUND[effect]
    for state in sources:
        for reached in following:
            if state in STARTS or reached == state:
                continue
            live = Live()
            handle = reach(live, state)
            asked = ask(live, effect, handle)
            live.reports(handle, reached)
            live.reports(handle, state)
            complete(live, asked)
            assert live.states(handle) == {state}


@each_effect
def test_reported_and_left_unknown(effect: tuple[str, str, str]) -> None:
    """The same if the state is no longer certain."""
    sources, following = FOUND[effect]
    live = Live()
    handle = reach(live, sources[0])
    asked = ask(live, effect, handle)
    live.reports(handle, following[-1])
    live.reports(handle, "UNKNOWN")
    complete(live, asked)
    assert live.states(handle) == {"UNKNOWN"}


@each_effect
@pytest.mark.parametrize("end", ["released", "closed"])
def test_success_after_the_end(effect: tuple[str, str, str], end: str) -> None:
    """A completion after the end of the handle does not open it again, and is not a finding."""
    sources, _ = FOUND[effect]
    live = Live()
    handle = reach(live, sources[0])
    asked = ask(live, effect, handle)
    live.news()
    if end == "released":
        live.talk.release(handle)
        gone = "DEALLOCATED"
    else:
        live.conversation.runner.step(live.record(handle), VOIDED, 0)
        live.record(handle).retire(live.conversation.registry)
        gone = "VOID"
    complete(live, asked)
    assert live.states(handle) == {gone}
    assert about_calls(live) == []


def test_narrowed() -> None:
    """After a success without a report, the next report decides between the possible states."""
    live = Live()
    handle = reach(live, "CONNECTED")
    live.done(line.BlindTransfer(call=handle, dest_address="1"))
    assert live.states(handle) == {"CONNECTED", "IDLE"}
    live.reports(handle, "DISCONNECTED")
    assert live.states(handle) == {"DISCONNECTED"}
    assert live.rules() == set()


def test_narrowed_by_elimination() -> None:
    """A report that is legal in one state of the set proves that state."""
    live = Live()
    handle = reach(live, "OFFERING")
    live.done(line.Answer(call=handle))
    live.reports(handle, "ONHOLD")
    assert live.rules() == set()
    assert live.record(handle).path.names()[-2:] != ("idle", "onHold")


def test_contradiction() -> None:
    """Only a report that no state of the set allows is a finding, which contains the set."""
    live = Live()
    handle = reach(live, "OFFERING")
    live.done(line.Answer(call=handle))
    live.reports(handle, "DIALTONE")
    (finding,) = live.news()
    assert finding.state == ("offering", "connected")
    assert "offering or connected" in finding.summary
