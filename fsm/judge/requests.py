"""What requests do to the machines when they are sent, and what they break by being sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fsm.engine.levels import Fault, Level
from fsm.judge.groups import Parties
from fsm.judge.routes import ROUTES, UNKNOWN_ROUTE
from fsm.judge.violations import Charge
from fsm.rules.successes import DROPPED
from fsm.state.instances import App, Binding, Call, Dialog, Exchange, Line, Phone, Version
from fsm.state.registry import legal_instead
from fsm.tables import binding, device, request
from fsm.tables.call_requests import IN_FLIGHT
from fsm.tables.call_states import LIVE
from protocol.fields import HandleType
from protocol.packet import FIXED, Unknown
from protocol.problem import ALL_VERSIONS
from protocol.raw import Raw, raw_of

if TYPE_CHECKING:
    from collections import defaultdict

    from fsm.engine.machine import Instance, Move
    from fsm.engine.row import Event
    from fsm.judge.routes import CallUse, HandleUse, Route
    from fsm.state.memory import Memory
    from protocol.packet import Request

__all__ = ["Asking"]

_CALL: Final = Call.machine
_BINDING_CELLS: Final = Binding.machine.cells
#: Requests that may bring a conference, whose members can be reported before it (Q10).
_CONFERENCES: Final = {"SetUpConference", "CompleteTransfer", "PrepareAddToConference", "AddToConference"}
_ROUTES: Final = ROUTES
_UNKNOWN: Final = UNKNOWN_ROUTE
_NO_REQUEST: Final = Unknown
_LIVE: Final = sum(1 << state for state in LIVE)


def _device(instance: Instance) -> str:
    return instance.kind if isinstance(instance, App) else "phone" if isinstance(instance, Phone) else "line"


class Asking(Parties):
    """The part of a conversation that follows the client's requests."""

    #: Calls with requests that were made in the wrong state: they may still turn out to be right.
    charged: dict[Call, list[Exchange]]
    #: Number of requests, by route.
    asked: defaultdict[str, int]
    #: The TAPI version last agreed on, 0 while there is none.
    version: int
    #: Kinds of request that the binding allows in its present state.
    fitting: frozenset[Event]

    def sent(self, packet: Request | Raw, frame: int = 0, time: float = 0.0) -> Exchange:
        """A request goes to the server; what it returns belongs to the answer.

        Raises `LocalProtocolError` or `RemoteProtocolError` in strict use.
        """
        raw = packet if isinstance(packet, Raw) else raw_of(packet)
        self.frame = frame
        self.now = time
        if self.role is not None:
            self._rehearse(raw.packet())
        words = raw.words
        route = _UNKNOWN if raw.kind is _NO_REQUEST else _ROUTES.get(words[0], _UNKNOWN)
        self.asked[route.name] += 1
        exchange = Exchange(route, words, frame, time)
        exchange.mask = route.first.target
        if self.observers:
            self.record(
                exchange, request.SEND if route.asynchronous else request.ASK, Exchange.machine.start, route.first
            )
        if route.binding not in self.fitting:
            bound = _BINDING_CELLS[route.binding][self.binding.mask]
            if bound.rule:
                self._charge(exchange, self.binding, route.binding, bound, "")
        if route.plain:
            use = route.calls[0]
            call = self.calls.get(words[use.word])
            if call is None:
                exchange.calls = (self._asks(exchange, use, words),)
                exchange.line = exchange.calls[0][0].line
            else:
                move = use.cell[call.mask]
                if move.relevant:
                    move = move.variants[call.flags & move.relevant]
                if self.observers:
                    self.record(call, use.event, call.mask, move)
                if move.rule:
                    self._suspect(exchange, call, use, move)
                exchange.calls = ((call, use, call.path),)
                exchange.line = call.line
        else:
            self._names(exchange, route, words)
        if route.conditions:
            self._weigh(exchange, raw.packet())
            if route.opens:
                self.registers(exchange, raw.packet())
        if raw.capacity < FIXED or raw.size < FIXED:
            self._inspect(exchange, raw.packet())
        else:
            for precheck in route.layout.prechecks:
                if precheck.may_fail(raw):
                    self._inspect(exchange, raw.packet())
                    break
        if route.asynchronous:
            number = words[route.request_id]
            if not number:
                self.unnumbered[exchange] = None
            else:
                earlier = self.pending.get(number)
                if earlier is not None and earlier.time > self.gap_at:
                    self.step(exchange, request.REUSES, what=route.name)
                self.unanswered[number] = exchange
                self.claim(number)
        return exchange

    def _rehearse(self, packet: Request) -> None:
        """Raise, in strict use, when something speaks against a request."""
        route = ROUTES.get(packet.words[0], UNKNOWN_ROUTE)
        exchange = Exchange(route, packet.words, self.frame, self.now)
        words = packet.words
        watching, self.observers = self.observers, []
        charged, self.charged = self.charged, {}
        opening = self.opening.get(words[route.opens]) if route.opens else None
        bound = _BINDING_CELLS[route.binding][self.binding.mask]
        try:
            if bound.rule:
                self._charge(exchange, self.binding, route.binding, bound, "")
            self._names(exchange, route, words)
            self._weigh(exchange, packet)
            self._inspect(exchange, packet)
        finally:
            self.observers = watching
            self.charged = charged
            if route.opens:
                self.opening.pop(words[route.opens], None)
                if opening is not None:
                    self.opening[words[route.opens]] = opening
        local = self.role is Fault.CLIENT
        for charge in exchange.charges or ():
            if local or charge.level is not Level.SUSPICIOUS:
                raise charge.error(exchange, local=local)
        if route.asynchronous and words[route.request_id] in self.pending:
            exchange.mask = route.first.target
            self.refuse(exchange, request.REUSES, exchange.machine.move(exchange, request.REUSES))

    def _weigh(self, exchange: Exchange, packet: Request) -> None:
        """What is wrong with a request by what the conversation has shown."""
        if self.partial:
            return
        for condition in exchange.route.conditions:
            detail = condition.wrong(self, packet)
            if detail:
                self._accuse(exchange, condition.rule, exchange.route.section, f"in which {condition.field}: {detail}")

    def _inspect(self, exchange: Exchange, packet: Request) -> None:
        """What is wrong with the packet itself."""
        seen = set()
        for problem in packet.problems():
            if problem.rule and problem.rule not in seen and self._binds(exchange, problem.versions):
                seen.add(problem.rule)
                self._accuse(exchange, problem.rule, problem.section, f"in which {problem.field}: {problem.detail}")

    def _binds(self, exchange: Exchange, versions: tuple[int, int]) -> bool:
        """Whether a rule for some negotiated versions binds; where none is known, only those for all do."""
        if versions == ALL_VERSIONS:
            return True
        agreed = getattr(exchange.line, "version", 0) or self.version
        return bool(agreed) and versions[0] <= agreed <= versions[1]

    def _names(self, exchange: Exchange, route: Route, words: tuple[int, ...]) -> None:
        """The handles of a request that names several things, or none."""
        for use in route.handles:
            self._uses(exchange, use, words)
        if route.opens:
            self.opening[words[route.opens]] = exchange
        if route.versioned is not None:
            self._versioned(exchange, words[route.versioned[0]], words[route.versioned[1]])
        exchange.calls = tuple(found for found in (self._asks(exchange, use, words) for use in route.calls) if found)
        if exchange.line is None and exchange.calls:
            exchange.line = exchange.calls[0][0].line

    def _uses(self, exchange: Exchange, use: HandleUse, words: tuple[int, ...]) -> None:
        """A request names an application, a line, a phone or something else that has to be live."""
        handle = words[use.word]
        if use.when is not None and (words[use.when.word] in use.when.values) is not use.when.wanted:
            return
        if use.optional and not handle:
            return
        found = self._owner(use.type, handle)
        if found is None:
            return
        if isinstance(found, Dialog):
            event = device.DIALOG_FREED if exchange.route.name == "FreeDialogInstance" else device.DIALOG_USED
            move = found.machine.cells[event][found.mask]
            if move.rule:
                self._charge(exchange, found, event, move, use.rule)
            return
        if not isinstance(found, App):
            exchange.line = found
        packet = exchange.route.packet
        if isinstance(found, Phone) and packet.required_privilege == "owner":
            move = found.machine.cells[device.USED_AS_OWNER][found.mask]
            if move.rule:
                self._charge(exchange, found, device.USED_AS_OWNER, move, packet.layout.privilege_rule)
        move = found.machine.cells[device.USED][found.mask]
        if move.relevant:
            move = move.variants[IN_FLIGHT.bit & move.relevant if self.in_flight(found.ended) else 0]
        if move.rule:
            self._charge(exchange, found, device.USED, move, use.rule)

    def _versioned(self, exchange: Exchange, app: int, number: int) -> None:
        """A request uses the version that the application and a device agreed on (3.3 of the call model)."""
        known = self.apps.get(app)
        if known is not None and not self.partial:
            version = known.versions.get(number) or Version(number)
            move = version.machine.cells[device.VERSION_USED][version.mask]
            if move.rule:
                self._charge(exchange, version, device.VERSION_USED, move, "")

    def _owner(self, type_: HandleType, handle: int) -> Any:
        """The instance that a handle stands for: live, ended, or a stranger; None where nothing can be said."""
        if type_ is HandleType.HLINE:
            return self.lines.get(handle) or self._ended(self.ended_lines, handle) or self._stranger(Line, handle)
        if type_ is HandleType.HPHONE:
            return self.phones.get(handle) or self._ended(self.ended_phones, handle) or self._stranger(Phone, handle)
        if type_ is HandleType.DIALOGINSTANCE:
            return self.dialogs.get(handle) or (None if self.partial or self.asked_for_dialogs else Dialog(handle))
        if type_ in (HandleType.HLINEAPP, HandleType.HPHONEAPP):
            return self.apps.get(handle) or self._ended(self.ended_apps, handle) or self._stranger(None, handle)
        return None

    def _ended(self, memory: Memory[int, Any], handle: int) -> Any:
        found = memory.get(handle)
        return None if found is None or found.ended <= self.gap_at else found

    def _stranger(self, kind: type[Line | Phone] | None, handle: int) -> Any:
        if self.partial:
            return self.adopt_line(handle) if kind is Line else None
        if kind is None:
            return App(handle, 1, "line", None)
        return kind(handle, 1, None)

    def _asks(self, exchange: Exchange, use: CallUse, words: tuple[int, ...]) -> Any:
        """A request names a call: (call, use, path so far), or nothing where the handle does not count."""
        handle = words[use.word]
        if use.when is not None and (words[use.when.word] in use.when.values) is not use.when.wanted:
            return ()
        if use.optional and not handle:
            return ()
        call = self.calls.get(handle)
        flags = 0
        if call is None:
            call = self.ended_calls.get(handle)
            if call is not None and call.last > self.gap_at:
                flags = IN_FLIGHT.bit if self.in_flight(call.last) else 0
            elif self.partial:
                call = self._unknown_call(handle, 0)
            else:
                call = Call(handle, 1, None, self.paths.root)
        move = use.cell[call.mask]
        if move.relevant:
            move = move.variants[(flags | call.flags) & move.relevant]
        if self.observers:
            self.record(call, use.event, call.mask, move)
        if move.rule:
            self._suspect(exchange, call, use, move)
        return (call, use, call.path)

    def _suspect(self, exchange: Exchange, call: Call, use: CallUse, move: Move) -> None:
        """A request was made on a call in a state that does not allow it."""
        self._charge(exchange, call, use.event, move, use.rule)
        self.charged.setdefault(call, []).append(exchange)

    def _charge(self, exchange: Exchange, instance: Instance, event: Event, move: Move, rule: str) -> None:
        """Hold what a row reports until the outcome of the request is known."""
        if not move.rule.endswith("*"):
            rule = move.rule
        elif move.rule == binding.REQUEST_RULE:
            rule = f"CALL-PRE-{exchange.route.name}"
        if not rule:
            return
        machine = instance.machine
        states = machine.names(instance.mask)
        label = self.name(instance)
        noun = "" if machine.name == "binding" else f"{machine.name} "
        if rule.startswith("CALL-PRE") or (isinstance(instance, Call) and instance.mask & _LIVE):
            reason = f"on {noun}{label} in state {machine.words(instance.mask)}, in which it is not allowed"
        else:
            lacks = "the client only monitors" if event is device.USED_AS_OWNER else f"is no live {machine.name} handle"
            reason = f"on {noun}{label.split('#')[0]}, which {lacks}"
        charge = Charge(
            rule,
            move.level,
            move.ref.section if move.ref else exchange.route.section,
            machine.name,
            label,
            states,
            legal_instead(machine, event, instance.mask),
            reason,
            instance if isinstance(instance, Call) else None,
            event,
        )
        if exchange.charges is None:
            exchange.charges = []
        exchange.charges.append(charge)
        dropped = DROPPED.get((machine.name, _device(instance), instance.mask))
        if dropped is not None:
            exchange.charges.append(charge._replace(rule=dropped, section="3.1.4.2", accepted_only=True))

    def _accuse(self, exchange: Exchange, rule: str, section: str, reason: str) -> None:
        """Hold a broken rule about the packet itself."""
        charge = Charge(rule, Level.MUST, section, "request", exchange.route.name, ("sent",), (), reason)
        if exchange.charges is None:
            exchange.charges = []
        exchange.charges.append(charge)

    def reconsider(self, call: Call) -> None:
        """The state of a call changed: requests that waited for it may have been right after all."""
        for exchange in self.charged.get(call, ()):
            exchange.charges = [
                charge
                for charge in exchange.charges or ()
                if charge.call is not call or charge.use is None or not _CALL.move(call, charge.use, call.flags).legal
            ]

    def judge(self, exchange: Exchange, *, accepted: bool) -> None:
        """The outcome of a request is known: tell what it broke."""
        charges, exchange.charges = exchange.charges, None
        if exchange.time <= self.gap_at:
            return
        for charge in charges or ():
            if charge.call is not None:
                self.charged.pop(charge.call, None)
            if accepted or not charge.accepted_only:
                self.tell(charge.finding(exchange, self.session, self.now, accepted=accepted))

    def claim(self, number: int) -> None:
        """A request id is in use now: a reply to it was recorded before the request, on its other connection."""
        raise NotImplementedError

    def registers(self, exchange: Exchange, packet: Request) -> None:
        """A request to open a line may be one to become its proxy handler."""
        raise NotImplementedError

    def creating(self) -> bool:
        waiting = (*self.pending.values(), *self.unanswered.values(), *self.unnumbered)
        return any(exchange.route.name in _CONFERENCES for exchange in waiting)
