"""Random legal conversations: requests that are allowed, with any legal values, and events in any documented order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.state.machines import MACHINES
from fsm.tables.call_reports import REPORTS
from fsm.tables.call_requests import EFFECTS, PRECONDITIONS
from fsm.tables.call_states import CREATED, STATES, CallState
from mstrp.testing.situation import MODES, Situation
from mstrp.testing.special import SPECIAL
from mstrp.testing.variants import variants
from protocol import line
from protocol.constants import LINECALLSTATE, LINEERR, PHONEERR
from protocol.event import COMPLETIONS
from protocol.fields import Handle, HandleType
from protocol.packet import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.generate.play import Play
    from protocol.packet import Request

__all__ = ["legal_walk", "wander"]

_CALL = MACHINES["call"].table
#: Which states may be reported next: the rows that report nothing and ask for nothing.
_NEXT = {
    source: tuple(
        state
        for state in STATES
        if any(
            row.source is source and row.event is REPORTS[state] and not row.rule and not row.guards
            for row in _CALL.rows
        )
    )
    for source in (*CREATED, *STATES)
}
_FAILURES = {"line": int(LINEERR.OPERATIONFAILED), "phone": int(PHONEERR.OPERATIONFAILED)}
#: Requests that need a story of their own: they begin or end handles, or depend on what was asked before.
_APART = SPECIAL | {"SwapHold"}


def _handles(request: type[Request]) -> list[Any]:
    return [
        field
        for field in request.layout.fields
        if isinstance(field, Handle) and field.type is HandleType.HCALL and field.direction == "in"
    ]


_ON_CALLS = [
    request
    for request in REQUESTS.values()
    if len(_handles(request)) == 1 and request.__name__ not in _APART and request.req_func not in COMPLETIONS
]
_OTHERS = [
    request
    for request in REQUESTS.values()
    if not _handles(request) and request.__name__ not in _APART and request.req_func not in COMPLETIONS
]


#: Requests that anybody may make: those of a client of whose rights and handlers nothing is known.
_PLAIN = [
    request
    for request in _OTHERS
    if not request.layout.privilege_rule and not request.layout.proxy_rules and not request.layout.administrator_rules
]


class _Walk:
    def __init__(self, choose: Callable[[int], int], situation: Situation) -> None:
        self.choose = choose
        self.situation = situation
        self.script = self.situation.script
        self.others = _OTHERS
        #: The live calls with their states.
        self.calls: dict[int, CallState] = {}

    def pick(self, options: Any) -> Any:
        listed = list(options)
        return listed[self.choose(len(listed))]

    # -- what may happen ------------------------------------------------------------------------------------------

    def offered(self) -> None:
        if len(self.calls) < 8:
            self.calls[self.script.offer()] = CallState.OFFERING

    def made(self) -> None:
        """An outgoing call; its first state may be any that a new call has."""
        if len(self.calls) >= 8:
            return
        asked = self.situation.send(self.situation.packet(line.MakeCall))
        call = self.situation.play.handle()
        self.script.reply(asked, after=asked.answered, call=call)
        state = self.pick(_NEXT[CallState.MADE])
        if state is not CallState.CONFERENCED:
            self.report(call, state)

    def report(self, call: int, state: CallState) -> None:
        self.calls[call] = state
        self.script.state(call, LINECALLSTATE[state.name], MODES.get(state, 0))

    def moves(self) -> None:
        """The server reports another state."""
        if self.calls:
            call = self.pick(self.calls)
            following = [state for state in _NEXT[self.calls[call]] if state is not CallState.CONFERENCED]
            if following:
                self.report(call, self.pick(following))

    def informs(self) -> None:
        if self.calls:
            call = self.pick(self.calls)
            if self.calls[call] is not CallState.IDLE:
                self.script.info(call)

    def releases(self) -> None:
        for call, state in list(self.calls.items()):
            if state is CallState.IDLE:
                self.script.release(call)
                del self.calls[call]

    def asks_on_call(self) -> None:
        if not self.calls:
            return
        call = self.pick(self.calls)
        state = self.calls[call]
        allowed = [request for request in _ON_CALLS if self._may(request, state)]
        request = self.pick(allowed)
        self.situation.calls = dict.fromkeys((field.spec for field in _handles(request)), call)
        succeeded = self.asks(request)
        effect = EFFECTS.get((request.__name__, _handles(request)[0].spec, "")) if succeeded else None
        if effect is not None and state in effect.sources and state not in effect.expect:
            self.report(call, self.pick(effect.expect))

    @staticmethod
    def _may(request: type[Request], state: CallState) -> bool:
        condition = PRECONDITIONS.get((request.__name__, _handles(request)[0].spec))
        return condition is None or state in condition.states

    def asks_other(self) -> None:
        self.asks(self.pick(self.others))

    def asks(self, request: type[Request]) -> bool:
        """A request with legal values, one of them perhaps at its bound; whether it succeeds."""
        packet = self.situation.packet(request)
        checks = [check for field in request.layout.fields for check in field.checks if check.name in ("legal", "fits")]
        if checks and self.choose(2):
            check: Any = self.pick(checks)
            kept = [each for each in variants(check, packet)[0] if not any(p.rule for p in each.problems())]
            packet = self.pick(kept) if kept else packet
        fails = self.choose(4) == 0
        if fails and request.completion == "sync":
            self.situation.send(packet, _FAILURES.get(request.device, int(LINEERR.OPERATIONFAILED)))
        elif fails:
            asked = self.situation.send(packet)
            failure = _FAILURES.get(request.device, int(LINEERR.OPERATIONFAILED))
            self.script.reply(asked, failure, after=asked.answered)
        else:
            self.situation.ask(packet)
        return not fails

    def acts(self) -> None:
        """One of the things that may happen."""
        self.pick(
            (
                self.offered,
                self.made,
                self.moves,
                self.moves,
                self.informs,
                self.releases,
                self.asks_on_call,
                self.asks_on_call,
                self.asks_other,
            )
        )()


def legal_walk(choose: Callable[[int], int], length: int = 20) -> Play:
    """A conversation of about ``length`` things that may happen: ``choose(n)`` picks one of n.

    Nothing in it breaks a rule, or is unusual enough for a warning.
    """
    walk = _Walk(choose, Situation())
    walk.situation.know_providers()
    for _ in range(length):
        walk.acts()
    if choose(2):
        walk.situation.play.finish(walk.situation.role)
    return walk.situation.play


def wander(situation: Situation, choose: Callable[[int], int], length: int) -> None:
    """Let about ``length`` legal things happen on new calls of a situation; what is there already stays as it is."""
    calls = dict(situation.calls)
    walk = _Walk(choose, situation)
    walk.others = _PLAIN
    for call in situation.brought:
        if call not in situation.told:
            # What a completion brought is owed a state (O12).
            situation.told.add(call)
            situation.script.state(call, LINECALLSTATE.CONNECTED, 1)
    for _ in range(length):
        walk.acts()
    situation.calls = calls
