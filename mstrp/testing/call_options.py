"""Actions of calls: arrival, state changes, requests, responses, completions, release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.judge.routes import ROUTES
from fsm.judge.transactions import TIMEOUT
from fsm.state.instances import Call, Conference, Transaction
from fsm.tables import call as table
from fsm.tables import conference, request
from fsm.tables.bits import CHANGED, CONSISTENT, FILTERED, OLD
from fsm.tables.call_reports import REPORTS, SHOWN
from fsm.tables.call_requests import ASKS, REPLIED
from fsm.tables.call_states import STATES, CallState
from mstrp.generate.play import Asked, Kind
from mstrp.testing.client_session import ClientSession, Pending
from mstrp.testing.prepared_session import MODES
from mstrp.testing.selection import Place, RowKey
from protocol import events as event
from protocol import line
from protocol.constants import LINECALLSTATE, LINEDIGITMODE, LINEERR, PHONEERR
from protocol.fields import Handle, HandleType
from protocol.packet import REQUESTS
from protocol.structures import LINECALLLIST, LINECALLSTATUS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsm.engine.row import Event
    from fsm.state.instances import Line as Opened
    from mstrp.testing.client_session import Act
    from mstrp.testing.selection import Option
    from protocol.packet import Request

__all__ = ["FAILED", "CallOptions"]

FAILED = {"line": int(LINEERR.OPERATIONFAILED), "phone": int(PHONEERR.OPERATIONFAILED)}
_MACHINE = Call.machine
_NO_CONFERENCE = 1 << conference.ConferenceState.NONE
_ASKED = frozenset(ASKS.values())
#: Events that can be caused on an open call at any time, given the right state.
_ABLE = frozenset(
    {*REPORTS.values(), *SHOWN.values(), *_ASKED, table.INFORMED, table.SIGNALLED, table.LISTED, table.RELEASED}
)
_GONE = (
    Place("call", CallState.DEALLOCATED, frozenset({*REPORTS.values(), table.INFORMED, table.SIGNALLED})),
    Place("call", CallState.ABSENT),
)
_ADVANCES = {"AddToConference": conference.ADDED, "PrepareAddToConference": conference.PREPARED}
_PARENTS = {
    CallState.CONNECTED: conference.PARENT_CONNECTED,
    CallState.ONHOLDPENDCONF: conference.PARENT_HELD,
    CallState.DISCONNECTED: conference.PARENT_ENDED,
    CallState.IDLE: conference.PARENT_ENDED,
}


def _fields(kind: type[Request]) -> tuple[Any, ...]:
    return tuple(
        field
        for field in kind.layout.fields
        if isinstance(field, Handle) and field.type is HandleType.HCALL and field.direction == "in"
    )


#: The requests with call handles, and the fields that contain them.
_NAMING = [
    (kind, _fields(kind))
    for kind in REQUESTS.values()
    if _fields(kind) and kind.__name__ not in {"DeallocateCall", "GetCallStatus"} and kind.device == "line"
]


class CallOptions(ClientSession):
    """The options of calls."""

    def call_options(self) -> Iterator[Option[Act]]:
        """Yield all options of calls."""
        conversation = self.conversation
        for opened in conversation.lines.values():
            if opened.announced is None and len(conversation.calls) < self.CALLS:
                yield from self._arrivals(opened)
        for call in conversation.calls.values():
            if call.line is None or conversation.lines.get(call.line.handle) is not call.line:
                continue
            yield from self._reports(call)
            if call.mask & (call.mask - 1):
                continue
            yield from self._asks(call)
            yield from self._answers(call)
        for pending in self.pending:
            yield from self._outcomes(pending)
        yield from self._stragglers()

    def overdue(self) -> list[Option[Act]]:
        """Return the actions that must come first: responses close to the timeout, and completions above the limit."""
        late = [
            self.option((), self._accept, pending)
            for pending in self.pending
            if pending.answered < 0 and self.conversation.now - pending.exchange.time > TIMEOUT / 2
        ]
        for swap in () if late else self.conversation.registry.swaps:
            # Both calls of a SwapHold are reported, or neither (O14).
            late += [option for call in swap.owed for option in self._reports(call) if option.what[0] == self._report]
        if not late and len(self.pending) >= self.PENDING:
            return list(self._outcomes(self.pending[0]))
        return late

    # -- reachable states of calls --------------------------------------------------------------------------------

    def _able(self, call: Call) -> frozenset[Event]:
        """Return the events that can be caused on a call, given the right state."""
        waiting = [event for pending in self.pending for event in self._effects(pending, call)]
        return _ABLE.union(waiting) if waiting else _ABLE

    @staticmethod
    def _effects(pending: Pending, call: Call) -> Iterator[Event]:
        """Yield the events that the success of a request causes on a call."""
        route = pending.exchange.route
        variant = ""
        if route.variant is not None:
            variant = route.variant.values.get(pending.exchange.words[route.variant.word], "")
        for (named, _, _), events in zip(pending.exchange.calls, route.replied, strict=False):
            if named is call and variant in events:
                yield events[variant]

    def _lead(self, call: Call, state: CallState) -> tuple[Place, ...]:
        return (Place("call", state, self._able(call)),)

    # -- arrival of calls -----------------------------------------------------------------------------------------

    def _arrivals(self, opened: Opened) -> Iterator[Option[Act]]:
        old = bool(opened.flags & OLD.bit)
        if old:
            for state in STATES:
                if state is not CallState.CONFERENCED:
                    yield self.option([ClientSession.start(_MACHINE, REPORTS[state])], self._first, opened, state)
        else:
            leads = (Place("call", CallState.ANNOUNCED, _ABLE),)
            yield self.option([ClientSession.start(_MACHINE, table.ANNOUNCED)], self._announce, opened, leads=leads)
        leads = (Place("call", CallState.LISTED, _ABLE),)
        yield self.option([ClientSession.start(_MACHINE, table.LISTED)], self._list, opened, 0, leads=leads)

    def _first(self, opened: Opened, state: CallState) -> None:
        self.on(opened).state(self.play.handle(), LINECALLSTATE[state.name], MODES.get(state, 0))

    def _announce(self, opened: Opened) -> None:
        script = self.on(opened)
        script.tell(script.announcement(self.play.handle()))

    def _list(self, opened: Opened, handle: int) -> None:
        asked = line.GetNewCalls(line=opened.handle, select=1, call_list=256)
        self.script.ask(asked, call_list=LINECALLLIST(calls=(handle or self.play.handle(),)))

    # -- reports --------------------------------------------------------------------------------------------------

    def _reports(self, call: Call) -> Iterator[Option[Act]]:
        assert call.line is not None
        if call.line.announced not in {None, call}:
            return
        flags = self.flags(call)
        repeated = flags | CHANGED.bit
        for state, reported in REPORTS.items():
            if not self.legal(call, reported, repeated) or (
                # In the states expected after a success, whether a report is new is uncertain.
                call.mask & (call.mask - 1) and not self.legal(call, reported, flags)
            ):
                continue
            takes = [*self.keys((call, reported)), *self._joint(call, state)]
            if state is not CallState.CONFERENCED:
                yield self.option(takes, self._report, call, state, 0, leads=self._lead(call, state))
                continue
            for parent, found in list(self.conversation.registry.conferences.items()):
                joined = self.keys((found, conference.JOINED))
                if parent in self.conversation.calls and parent != call.handle and found.mask & ~_NO_CONFERENCE:
                    leads = self._lead(call, state)
                    yield self.option([*takes, *joined], self._report, call, state, parent, leads=leads)
        if call.line.announced is call and not flags & FILTERED.bit:
            return
        for happened, does in ((table.INFORMED, self._inform), (table.SIGNALLED, self._signal)):
            if self.legal(call, happened, flags):
                yield self.option(self.keys((call, happened)), does, call)

    def _joint(self, call: Call, state: CallState) -> tuple[RowKey, ...]:
        """Return the rows of conferences that follow from a report."""
        found: tuple[RowKey, ...] = ()
        own = self.conversation.registry.conferences.get(call.handle)
        if own is not None and state in _PARENTS and call.mask != 1 << state:
            found += self.keys((own, _PARENTS[state]))
        if call.kin is not None and call.kin[0] == "member" and state is not CallState.CONFERENCED:
            parent = self.conversation.registry.conferences.get(call.kin[1])
            found += self.keys((parent, conference.LEFT)) if parent is not None else ()
        return found

    def _report(self, call: Call, state: CallState, parent: int) -> None:
        # Device bits make each report different from the previous one.
        self.news = self.news % 255 + 1
        mode = parent or MODES.get(state, 0)
        self.on(call.line).state(call.handle, LINECALLSTATE[state.name] | self.news << 24, mode)

    def _inform(self, call: Call) -> None:
        self.on(call.line).info(call.handle)

    def _signal(self, call: Call) -> None:
        digits = event.LINE_MONITORDIGITS
        self.on(call.line).about(digits, call=call.handle, digit=0x31, digit_mode=int(LINEDIGITMODE.DTMF))

    def _stragglers(self) -> Iterator[Option[Act]]:
        """Yield events that were in transit when the handle ended."""
        for call in list(self.conversation.registry.ended_calls.young.values())[-2:]:
            opened = call.line
            if opened is None or opened.handle not in self.conversation.lines or not self.late(call.last):
                continue
            for state, reported in REPORTS.items():
                if state is not CallState.CONFERENCED:
                    yield self.option(self.keys((call, reported)), self._report, call, state, 0)
            yield self.option(self.keys((call, table.INFORMED)), self._inform, call)
            yield self.option(self.keys((call, table.SIGNALLED)), self._signal, call)

    # -- requests -------------------------------------------------------------------------------------------------

    def _asks(self, call: Call) -> Iterator[Option[Act]]:
        flags = call.flags
        state = CallState(call.mask.bit_length() - 1)
        waiting = len(self.pending) >= self.PENDING
        for kind, fields in _NAMING:
            if waiting and kind.completion == "async":
                continue
            for field in fields:
                asked = ASKS[kind.__name__, field.spec]
                if not self.legal(call, asked, flags):
                    continue
                calls = self._partners(call, kind, field, fields)
                if calls is None:
                    continue
                for given in self._variants(kind, field):
                    later = frozenset(self._later(kind, field.spec, given))
                    leads = (Place("call", state, self._able(call) | later),)
                    takes = [RowKey("call", state, asked), ROUTES[kind.req_func].key]
                    if kind.completion == "async":
                        takes.append(ClientSession.start(Transaction.machine, request.SEND))
                    yield self.option(takes, self._ask, call, kind, calls, given, leads=leads)

    def _partners(self, call: Call, kind: Any, field: Any, fields: Any) -> dict[str, int] | None:
        """Return the calls by field: this call in one field, allowed calls in the others; None if there are none."""
        calls = {field.spec: call.handle}
        for other in fields:
            if other is field:
                continue
            asked = ASKS[kind.__name__, other.spec]
            fit = [
                each.handle
                for each in self.conversation.calls.values()
                if each is not call and each.line is call.line and self.legal(each, asked, each.flags)
            ]
            if not fit and not other.optional:
                return None
            calls[other.spec] = fit[0] if fit else 0
        return calls

    @staticmethod
    def _variants(kind: Any, field: Any) -> Iterator[dict[str, Any]]:
        """Yield values that determine whether the call field is significant and the effect of success."""
        route = ROUTES[kind.req_func]
        names = {each.index: each.name for each in kind.layout.fields}
        use = next(use for use in route.calls if use.spec == field.spec)
        given: dict[str, Any] = {}
        if use.when is not None:
            given[names[use.when.word]] = min(use.when.values)
        yield given
        if route.variant is not None:
            for value in list(route.variant.values)[:1]:
                yield {**given, names[route.variant.word]: int(value)}

    @staticmethod
    def _later(kind: Any, spec: str, given: dict[str, Any]) -> Iterator[Event]:
        """Yield the event that success causes on the call."""
        route = ROUTES[kind.req_func]
        variant = ""
        if route.variant is not None:
            name = next(each.name for each in kind.layout.fields if each.index == route.variant.word)
            variant = route.variant.values.get(given.get(name, 0), "")
        if (kind.__name__, spec, variant) in REPLIED:
            yield REPLIED[kind.__name__, spec, variant]

    def _ask(self, call: Call, kind: Any, calls: dict[str, int], given: dict[str, Any]) -> None:
        assert call.line is not None
        self.on(call.line)
        packet = self.packet(kind, self.names(calls=calls, line=call.line.handle), **given)
        if kind.completion == "async":
            self.send(packet)
        else:
            self.script.ask(packet)

    def _answers(self, call: Call) -> Iterator[Option[Act]]:
        """Yield requests whose responses contain information about the call."""
        flags = self.flags(call)
        state = CallState(call.mask.bit_length() - 1)
        for shown, happened in SHOWN.items():
            if self.legal(call, happened, flags | (CONSISTENT.bit if shown is state else 0)):
                # Either state is possible until the next report.
                leads = (*self._lead(call, state), *self._lead(call, shown))
                yield self.option(self.keys((call, happened)), self._show, call, shown, leads=leads)
        if call.line is not None and self.legal(call, table.LISTED, flags):
            yield self.option(self.keys((call, table.LISTED)), self._list, call.line, call.handle)
        if self.legal(call, table.RELEASED, flags) and call.line is not None and call.line.announced is not call:
            asked = ASKS["DeallocateCall", "hCall"]
            yield self.option(self.keys((call, table.RELEASED), (call, asked)), self._release, call, leads=_GONE)

    def _show(self, call: Call, state: CallState) -> None:
        status = LINECALLSTATUS(call_state=LINECALLSTATE[state.name])
        self.script.ask(line.GetCallStatus(call=call.handle, call_status=256), call_status=status)

    def _release(self, call: Call) -> None:
        self.script.release(call.handle)

    # -- completion of requests -----------------------------------------------------------------------------------

    def _outcomes(self, pending: Pending) -> Iterator[Option[Act]]:
        exchange = pending.exchange
        answered = pending.answered >= 0
        early = bool(exchange.mask >> request.RequestState.EARLY & 1)
        if not answered:
            yield self.option(self.keys((exchange, request.ANSWERS_ID)), self._accept, pending)
            if not early:
                yield self.option(self.keys((exchange, request.ANSWERS_ERROR)), self._refuse, pending)
        if not early and exchange.mask >> request.RequestState.CANCELLED & 1 == 0:
            yield self.option(self.keys((exchange, request.REPLIES_ERROR)), self._fail, pending)
            takes: list[Any] = [*self.keys((exchange, request.REPLIES_OK)), *self._gains(pending)]
            yield self.option(takes, self._succeed, pending, 0, leads=self._goals(pending))
            for creation in exchange.route.creates[:1]:
                for call in self.conversation.calls.values():
                    # The client found the call in a list before the completion reported it.
                    if call.brought is None and self.legal(call, creation.event, call.flags):
                        more = [*takes, *self.keys((call, creation.event))]
                        yield self.option(more, self._succeed, pending, call.handle)

    def _gains(self, pending: Pending) -> Iterator[RowKey]:
        for call, _, _ in pending.exchange.calls:
            for happened in self._effects(pending, call):
                yield from self.keys((call, happened))
        route = pending.exchange.route
        for creation in route.creates:
            if self._condition(pending, creation):
                yield ClientSession.start(_MACHINE, creation.event)
                if creation.conference:
                    merged = route.name == "CompleteTransfer"
                    yield ClientSession.start(Conference.machine, conference.MERGED if merged else conference.SET_UP)
        if route.name in _ADVANCES and pending.exchange.calls:
            found = self.conversation.registry.conferences.get(pending.exchange.calls[0][0].handle)
            if found is not None:
                yield from self.keys((found, _ADVANCES[route.name]))

    @staticmethod
    def _condition(pending: Pending, creation: Any) -> bool:
        wanted = creation.condition
        return wanted is None or pending.exchange.words[wanted[0]] == wanted[1]

    def _goals(self, pending: Pending) -> tuple[Place, ...]:
        found = []
        for creation in pending.exchange.route.creates:
            if self._condition(pending, creation):
                start = next(row.target for row in _MACHINE.cell(CallState.ABSENT, creation.event))
                found.append(Place("call", start, _ABLE))
        return tuple(found)

    def _accept(self, pending: Pending) -> None:
        number = pending.packet.request_id
        self._answer(pending, number)

    def _answer(self, pending: Pending, ack: int) -> None:

        answer = type(pending.packet)(ack=ack)
        after = {*self.script.last, pending.sent}
        pending.answered = self.play.step(self.role, Kind.ANSWER, after, packet=answer, of=pending.sent)
        self.script.last = {pending.answered}
        self._forget()

    def _refuse(self, pending: Pending) -> None:
        self._answer(pending, FAILED.get(pending.packet.device, FAILED["line"]))

    def _asked(self, pending: Pending) -> Any:

        opened = pending.exchange.line
        known = {**self.lines, **self.phones}
        self.script.line = known.get(getattr(opened, "handle", 0))
        return Asked(pending.packet, pending.sent, pending.answered)

    def _fail(self, pending: Pending) -> None:
        result = FAILED.get(pending.packet.device, FAILED["line"])
        self.script.reply(self._asked(pending), result, after=self.script.last)
        self._forget()

    def _succeed(self, pending: Pending, handle: int) -> None:
        brings: dict[str, Any] = {}
        layout = getattr(type(pending.packet).Completion, "layout", None)
        for creation in pending.exchange.route.creates:
            if layout is not None and self._condition(pending, creation):
                brings[layout.by_spec[creation.spec].name] = handle or self.play.handle()
                handle = 0
        if type(pending.packet).__name__ in {"CreateAgent", "CreateAgentSession"}:
            brings["data"] = self.play.handle().to_bytes(4, "little")
        self.script.reply(self._asked(pending), after=self.script.last, **brings)
        self._forget()

    def _forget(self) -> None:
        """Remove requests that are complete."""
        self.pending = [
            each
            for each in self.pending
            if each.answered < 0 or each.exchange.mask & (1 << request.RequestState.PENDING)
        ]

    def settle(self) -> None:
        """Complete all pending requests, and report a state of every call that has none."""
        for pending in list(self.pending):
            if pending.answered < 0:
                self._accept(pending)
        for pending in list(self.pending):
            self._succeed(pending, 0)
        for call in list(self.conversation.calls.values()):
            if call.line is not None and call.mask & (1 << CallState.MADE | 1 << CallState.ANNOUNCED):
                self._report(call, CallState.CONNECTED, 0)
