"""Random legal conversations: allowed requests with any legal values, and events in any documented order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.state.machines import MACHINES
from fsm.tables.call_reports import REPORTS
from fsm.tables.call_requests import EFFECTS, PRECONDITIONS
from fsm.tables.call_states import CREATED, STATES, CallState
from mstrp.testing.prepared_session import MODES, PreparedSession
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

__all__ = ["insert_legal_actions", "legal_walk"]

_CALL = MACHINES["call"].table
#: The states that may be reported next: rows for reports without a rule and without guards.
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
#: Requests with dedicated actions: they open or close handles, or depend on earlier requests.
_SEPARATE = SPECIAL | {"SwapHold"}


def _handles(request: type[Request]) -> list[Any]:
    return [
        field
        for field in request.layout.fields
        if isinstance(field, Handle) and field.type is HandleType.HCALL and field.direction == "in"
    ]


_ON_CALLS = [
    request
    for request in REQUESTS.values()
    if len(_handles(request)) == 1 and request.__name__ not in _SEPARATE and request.req_func not in COMPLETIONS
]
_OTHERS = [
    request
    for request in REQUESTS.values()
    if not _handles(request) and request.__name__ not in _SEPARATE and request.req_func not in COMPLETIONS
]


#: Requests allowed for every client, whatever its rights and proxy handlers.
_PLAIN = [
    request
    for request in _OTHERS
    if not request.layout.privilege_rule and not request.layout.proxy_rules and not request.layout.administrator_rules
]


class _Walk:
    def __init__(self, choose: Callable[[int], int], session: PreparedSession) -> None:
        self.choose = choose
        self.session = session
        self.script = self.session.script
        self.others = _OTHERS
        #: The open calls with their states.
        self.calls: dict[int, CallState] = {}

    def pick(self, options: Any) -> Any:
        listed = list(options)
        return listed[self.choose(len(listed))]

    # -- actions --------------------------------------------------------------------------------------------------

    def offer_call(self) -> None:
        if len(self.calls) < 8:
            self.calls[self.script.offer()] = CallState.OFFERING

    def make_call(self) -> None:
        """Make an outgoing call; its first state is any that a new call may have."""
        if len(self.calls) >= 8:
            return
        asked = self.session.send(self.session.packet(line.MakeCall))
        call = self.session.play.handle()
        self.script.reply(asked, after=asked.answered, call=call)
        state = self.pick(_NEXT[CallState.MADE])
        if state is not CallState.CONFERENCED:
            self.report(call, state)

    def report(self, call: int, state: CallState) -> None:
        self.calls[call] = state
        self.script.state(call, LINECALLSTATE[state.name], MODES.get(state, 0))

    def report_state(self) -> None:
        """Report another state."""
        if self.calls:
            call = self.pick(self.calls)
            following = [state for state in _NEXT[self.calls[call]] if state is not CallState.CONFERENCED]
            if following:
                self.report(call, self.pick(following))

    def report_info(self) -> None:
        if self.calls:
            call = self.pick(self.calls)
            if self.calls[call] is not CallState.IDLE:
                self.script.info(call)

    def deallocate(self) -> None:
        for call, state in list(self.calls.items()):
            if state is CallState.IDLE:
                self.script.release(call)
                del self.calls[call]

    def request_on_call(self) -> None:
        if not self.calls:
            return
        call = self.pick(self.calls)
        state = self.calls[call]
        allowed = [request for request in _ON_CALLS if self._may(request, state)]
        request = self.pick(allowed)
        self.session.calls = dict.fromkeys((field.spec for field in _handles(request)), call)
        succeeded = self.send(request)
        effect = EFFECTS.get((request.__name__, _handles(request)[0].spec, "")) if succeeded else None
        if effect is not None and state in effect.sources and state not in effect.expect:
            self.report(call, self.pick(effect.expect))

    @staticmethod
    def _may(request: type[Request], state: CallState) -> bool:
        condition = PRECONDITIONS.get((request.__name__, _handles(request)[0].spec))
        return condition is None or state in condition.states

    def request_other(self) -> None:
        self.send(self.pick(self.others))

    def send(self, request: type[Request]) -> bool:
        """Send a request with legal values, possibly one at its bound. Returns whether it succeeds."""
        packet = self.session.packet(request)
        checks = [check for field in request.layout.fields for check in field.checks if check.name in ("legal", "fits")]
        if checks and self.choose(2):
            check: Any = self.pick(checks)
            kept = [each for each in variants(check, packet)[0] if not any(p.rule for p in each.problems())]
            packet = self.pick(kept) if kept else packet
        fails = self.choose(4) == 0
        if fails and request.completion == "sync":
            self.session.send(packet, _FAILURES.get(request.device, int(LINEERR.OPERATIONFAILED)))
        elif fails:
            asked = self.session.send(packet)
            failure = _FAILURES.get(request.device, int(LINEERR.OPERATIONFAILED))
            self.script.reply(asked, failure, after=asked.answered)
        else:
            self.session.ask(packet)
        return not fails

    def act(self) -> None:
        """Perform one action."""
        self.pick(
            (
                self.offer_call,
                self.make_call,
                self.report_state,
                self.report_state,
                self.report_info,
                self.deallocate,
                self.request_on_call,
                self.request_on_call,
                self.request_other,
            )
        )()


def legal_walk(choose: Callable[[int], int], length: int = 20) -> Play:
    """Return a conversation of about ``length`` actions; ``choose(n)`` selects one of n.

    It violates no rule and causes no warning.
    """
    walk = _Walk(choose, PreparedSession())
    walk.session.list_providers()
    for _ in range(length):
        walk.act()
    if choose(2):
        walk.session.play.finish(walk.session.role)
    return walk.session.play


def insert_legal_actions(session: PreparedSession, choose: Callable[[int], int], length: int) -> None:
    """Insert about ``length`` legal actions on new calls of a session; existing calls stay unchanged."""
    calls = dict(session.calls)
    walk = _Walk(choose, session)
    walk.others = _PLAIN
    for call in session.created:
        if call not in session.reported:
            # A call created by a completion needs a state report (O12).
            session.reported.add(call)
            session.script.state(call, LINECALLSTATE.CONNECTED, 1)
    for _ in range(length):
        walk.act()
    session.calls = calls
