"""The states of calls that the documents promise after a request has succeeded."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.judge.routes import ROUTES
from fsm.state.machines import MACHINES
from fsm.tables.call import CREATIONS
from fsm.tables.call_reports import REPORTS
from fsm.tables.call_requests import EFFECTS
from fsm.tables.call_states import BY_BIT, CallState
from protocol.fields import Handle, HandleType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ExpectedState", "expected_states", "usual_start"]

S = CallState
#: Where a call may be later than the state that is named, when the states in between are not reported.
_LATER = {
    "Dial": (S.DIALING, S.PROCEEDING, S.RINGBACK, S.BUSY, S.SPECIALINFO, S.CONNECTED, S.DISCONNECTED, S.IDLE),
}
#: Requests after which a provider may choose between several outcomes: no state is promised.
_FREE = frozenset({"CompleteCall"})
#: States in which a call ends for whatever reason: they prove nothing about the request.
_ENDED = frozenset({S.DISCONNECTED, S.IDLE})


class ExpectedState(NamedTuple):
    """A call with the states of which one has to be reported."""

    call: int
    states: frozenset[CallState]

    @property
    def decided(self) -> frozenset[CallState]:
        """The states after which nothing more is waited for."""
        # A call that was to become idle is only on its way there when it is disconnected.
        return self.states | {S.UNKNOWN} | (frozenset() if S.IDLE in self.states else _ENDED)


def expected_states(packet: Any, before: Mapping[int, int], completion: Any) -> Iterator[ExpectedState]:
    """What a success promises: of the calls of the request, by their LINECALLSTATE bits before it, and of new calls."""
    route = ROUTES.get(packet.words[0])
    name = packet.layout.name
    if route is None or packet.device != "line" or name in _FREE:
        return
    variant = route.variant.values.get(packet.words[route.variant.word], "") if route.variant is not None else ""
    for use in route.calls:
        effect = EFFECTS.get((name, use.spec, variant))
        call = packet.words[use.word]
        state = BY_BIT.get(before.get(call, 0))
        if effect is not None and state in effect.sources and state not in effect.expect:
            also = (S.IDLE,) if name == "UnHold" and state is S.ONHOLDPENDCONF else ()
            yield ExpectedState(call, frozenset((*_LATER.get(name, effect.expect), *also)))
    if completion is not None and name in CREATIONS:
        for field in completion.layout.fields:
            if isinstance(field, Handle) and field.type is HandleType.HCALL and completion.words[field.index]:
                yield ExpectedState(completion.words[field.index], frozenset(REPORTS))


@cache
def usual_start(start: CallState) -> tuple[CallState, ...]:
    """The states in which calls of an origin are documented to begin."""
    rows = [(state, row) for state, event in REPORTS.items() for row in MACHINES["call"].cell(start, event)]
    return tuple(state for state, row in rows if not row.rule and not row.guards and not row.note)
