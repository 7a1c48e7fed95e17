"""One client and one server: requests, answers and events in the order in which they were seen.

The conversation turns packets into events of the machines along the routes, and judges a request by its outcome:
what a request breaks is held as a charge until its fate is known. A server that accepts what it must refuse has
failed; a request that was refused is a warning about the client.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from fsm.judge import groups as parties
from fsm.judge.gaps import ANY_BINDING, doubt
from fsm.judge.refusals import INVALRPCCONTEXT, PATIENCE, Judging
from fsm.judge.responses import ANSWERS, REFUSALS
from fsm.judge.routes import UNKNOWN_ROUTE
from fsm.state.instances import Binding, Call, Channel, Exchange, Line
from fsm.tables import binding, request
from fsm.tables.call import ENDS
from fsm.tables.call_requests import EFFECTS, IN_FLIGHT, REACHED, REPLIED
from fsm.tables.call_states import CallState
from fsm.tables.request import RequestState
from protocol.event import EVENTS
from protocol.events import LINE_REPLY, PHONE_REPLY
from protocol.ndr import MANAGEMENT
from protocol.raw import Raw, raw_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.engine.finding import Finding
    from fsm.engine.levels import Fault
    from fsm.engine.row import Event
    from fsm.engine.step import Step
    from fsm.judge.events import Handlers
    from fsm.judge.routes import Creation
    from fsm.state.instances import Paths
    from protocol.packet import Request

__all__ = ["Conversation"]

#: Creating requests that may succeed without a handle.
_WITHOUT_HANDLE: Final = {"Forward"}
_STATES: Final = tuple(CallState)
#: Bytes of Ack_ReturnValue (2.2.5.2), at the beginning of a response.
_ACK_SIZE: Final = 4
_EXCHANGE: Final = Exchange.machine
_PENDING: Final = 1 << int(RequestState.PENDING)
_ANSWERED: Final = 1 << int(RequestState.ANSWERED)
_DONE: Final = 1 << int(RequestState.DONE)
_REFUSED: Final = 1 << int(RequestState.REFUSED)
_ZERO: Final = 1 << int(RequestState.ZERO)
_OK: Final = request.REPLIES_OK
_ERROR: Final = request.REPLIES_ERROR
_ON_REPLY: Final = _EXCHANGE.cells[_OK]
_ON_FAILURE: Final = _EXCHANGE.cells[_ERROR]
_WITH_ID: Final = request.ANSWERS_ID
_WITH_ZERO: Final = request.ANSWERS_ZERO
_ON_ANSWER: Final = _EXCHANGE.cells
_SUCCESSES: Final = parties.SUCCESSES
_IDLE: Final = int(CallState.IDLE)
_UNKNOWN: Final = int(CallState.UNKNOWN)
_REACHED: Final = REACHED.bit
_ON_SUCCESS: Final = ANSWERS
_BINDING_CELLS: Final = Binding.machine.cells
_CHANNEL_CELLS: Final = Channel.machine.cells
_MODELS: Final = {
    binding.BindingState.PUSH: "push",
    binding.BindingState.PULL: "pull",
    binding.BindingState.MANAGEMENT: "management",
}


class Conversation(Judging):
    """One binding: what the client asked, what the server answered and reported, and what is wrong with it."""

    def __init__(
        self,
        session: str,
        paths: Paths,
        tell: Callable[[Finding], None],
        observers: list[Callable[[Step], None]],
        *,
        client: str = "",
        server: str = "",
        partial: bool = False,
        grace: float = 1.0,
        role: Fault | None = None,
    ) -> None:
        super().__init__(session, paths, tell, observers, partial=partial, grace=grace, role=role)
        self.client = client
        self.server = server
        self.asked = defaultdict(int)
        self.told_events = defaultdict(int)
        self.handlers = HANDLERS
        self.asked_for_dialogs = False
        #: How events travel: "push", "pull" or "management"; None while that is not known.
        self.model: str | None = None
        #: The TAPI version last agreed on, 0 while there is none.
        self.version = 0
        self.told = set()
        self.charged = {}
        self.denied = []
        self.registering = {}
        self._orphans: dict[int, Any] = {}
        #: Replies to ids that no request had, until the next answer: what made them may turn out to be missing.
        self._strays: list[tuple[Any, Event, int, float]] = []
        if partial:
            self.binding.mask = ANY_BINDING
            self.channel.mask |= 1 << binding.ChannelState.OPEN
        self._learn_model()

    # -- the binding ----------------------------------------------------------------------------------------------

    def attached(self, process_id: int, domain_user: str, frame: int = 0, time: float = 0.0) -> None:
        """ClientAttach returned 0 (3.1.4.1)."""
        self._at(frame, time)
        if process_id == MANAGEMENT:
            event = binding.ATTACHED_MANAGEMENT
            if self.facts.administrator is None:
                self.facts.administrator = True
        else:
            event = binding.ATTACHED_MAILSLOT if domain_user else binding.ATTACHED_PUSH
        self.step(self.binding, event)
        self._learn_model()

    def detached(self, frame: int = 0, time: float = 0.0) -> None:
        """ClientDetach came back; everything under the binding is gone (3.1.4.3)."""
        self._at(frame, time)
        self.binding.ended = time
        self.binding.detached = self.step(self.binding, binding.DETACHED).legal
        self._learn_model()

    def lost(self, frame: int = 0, time: float = 0.0) -> None:
        """The connection of the client ended without ClientDetach (Q20)."""
        self._at(frame, time)
        self.binding.ended = time
        self.step(self.binding, binding.LOST)
        self._learn_model()

    def channel_opened(self, frame: int = 0, time: float = 0.0) -> None:
        """RemoteSPAttach returned 0 (3.3.4.1)."""
        self._at(frame, time)
        self.step(self.channel, binding.CHANNEL_OPENED)
        self._learn_model()

    def channel_closed(self, frame: int = 0, time: float = 0.0) -> None:
        """RemoteSPDetach came back (3.3.4.3)."""
        self._at(frame, time)
        self.step(self.channel, binding.CHANNEL_CLOSED)
        self._learn_model()

    def channel_lost(self, frame: int = 0, time: float = 0.0) -> None:
        """The connection of the event channel ended without RemoteSPDetach (3.3.6)."""
        self._at(frame, time)
        self.step(self.channel, binding.CHANNEL_LOST)
        self._learn_model()

    def delivered(self, frame: int = 0, time: float = 0.0) -> None:
        """The server used the event channel; of no consequence while ``flowing``."""
        self._at(frame, time)
        self.step(self.channel, binding.DELIVERS)
        flags = IN_FLIGHT.bit if self.in_flight(self.binding.ended) else 0
        self.step(self.binding, binding.DELIVERED, flags)
        self._learn_model()

    def gap(self, frame: int = 0, time: float = 0.0) -> None:
        """Packets are missing: what was known may have changed unseen."""
        self._at(frame, time)
        doubt(self)
        self.charged.clear()
        self._strays.clear()
        self._learn_model()

    def fetched(self, frame: int = 0, time: float = 0.0) -> None:
        """GetAsyncEvents brought events (2.2.4.1.8.1)."""
        self._at(frame, time)
        self.step(self.binding, binding.FETCHED)
        self._learn_model()

    #: Whether the binding takes events over its channel now, so that nothing is to be learned from one more.
    flowing: bool

    def _learn_model(self) -> None:
        """The state of the binding changed: learn how events travel now, and which requests fit."""
        mask = self.binding.mask
        kinds = (binding.MANAGES, binding.CONTROLS, binding.FETCHES)
        self.fitting = frozenset(kind for kind in kinds if _BINDING_CELLS[kind][mask].legal)
        taken = _BINDING_CELLS[binding.DELIVERED][mask]
        open_now = _CHANNEL_CELLS[binding.DELIVERS][self.channel.mask]
        self.flowing = taken.legal and taken.target == mask and open_now.legal
        for state in (binding.BindingState.PULL, binding.BindingState.PUSH, binding.BindingState.MANAGEMENT):
            if mask >> state & 1 and not self.partial:
                self.model = _MODELS[state]
                return
        if not mask & (mask - 1):
            self.model = _MODELS.get(binding.BindingState(mask.bit_length() - 1), self.model)

    def agreed(self, version: int) -> None:
        """A TAPI version was agreed on for some device."""
        if 0x00010000 <= version <= 0x0003FFFF:
            self.version = max(self.version, version)

    def _at(self, frame: int, time: float) -> None:
        self.frame = frame
        self.now = time

    # -- answers --------------------------------------------------------------------------------------------------

    def answered(self, exchange: Exchange, packet: Request | Raw, frame: int = 0, time: float = 0.0) -> None:
        """The answer to a request came back.

        Raises `RemoteProtocolError` or `LocalProtocolError` in strict use.
        """
        self.frame = frame
        self.now = time
        exchange.answered = frame
        if self._strays:
            self._settle_strays()
        if time - exchange.time > PATIENCE:
            self.step(exchange, request.LATE, what=f"{time - exchange.time:.1f} s")
        raw = packet if isinstance(packet, Raw) else raw_of(packet)
        if raw.size < _ACK_SIZE:
            # It holds no Ack_ReturnValue: as little is known of the outcome as after a fault.
            self.faulted(exchange, frame, time)
            return
        ack = raw.first_dword()
        route = exchange.route
        number = exchange.words[route.request_id] if route.asynchronous else 0
        event = _WITH_ID if ack and ack == number else self._kind_of_answer(number, ack)
        before = exchange.mask
        move = _ON_ANSWER[event][before]
        if move.relevant:
            move = move.variants[route.zero & move.relevant]
        if move.rule and self.role is not None:
            self.refuse(exchange, event, move)
        if route.asynchronous:
            self._forget(exchange, number)
        exchange.mask = mask = move.target
        if self.observers:
            self.record(exchange, event, before, move)
        if move.rule:
            self.report(exchange, event, before, move, what=route.name)
        if mask == _ANSWERED:
            if exchange.charges:
                self.judge(exchange, accepted=True)
            handler = _ON_SUCCESS.get(route.key)
            if handler is not None:
                handler(self, exchange, raw)
        elif mask == _PENDING:
            self._accepted(exchange, ack)
        elif mask == _REFUSED:
            self.judge(exchange, accepted=False)
            self.denies(exchange, ack)
            handler = REFUSALS.get(route.key)
            if handler is not None:
                handler(self, exchange, raw)
            if route.opens:
                self.opening.pop(exchange.words[route.opens], None)
                self.registered(exchange, accepted=False)
            if route.asynchronous and exchange.words[route.request_id]:
                self.recent.put(exchange.words[route.request_id], exchange)
        elif mask == _ZERO:
            self.judge(exchange, accepted=True)
            self._succeed(exchange, ())
            if exchange.words[route.request_id]:
                self._accepted(exchange, exchange.words[route.request_id])
        elif mask == _DONE:
            self.judge(exchange, accepted=exchange.ok)
            self.recent.put(ack, exchange)

    def _kind_of_answer(self, chosen: int, ack: int) -> Event:
        """What an answer is, given the id that the client chose (0: none)."""
        if ack == 0:
            return _WITH_ZERO
        if ack & 0x80000000:
            return request.ANSWERS_ERROR
        if ack == INVALRPCCONTEXT and chosen != INVALRPCCONTEXT:
            return request.ANSWERS_CONTEXT
        if chosen and ack != chosen:
            return request.ANSWERS_OTHER_ID
        if not chosen and ack in self.pending and self.pending[ack].time > self.gap_at:
            return request.ANSWERS_USED_ID
        return request.ANSWERS_ID

    def _forget(self, exchange: Exchange, number: int) -> None:
        """An asynchronous request does not wait for its answer any more."""
        if not number:
            self.unnumbered.pop(exchange, None)
        elif self.unanswered.get(number) is exchange:
            del self.unanswered[number]

    def _accepted(self, exchange: Exchange, number: int) -> None:
        exchange.number = number
        self.pending[number] = exchange
        if exchange.line is not None:
            if exchange.time > self.gap_at:
                # Of an earlier one the reply may be among what is missing.
                exchange.line.pending.add(exchange)
            if exchange.route.proxy:
                self.served(exchange)
        if self._orphans:
            early = self._orphans.pop(number, None)
            if early is not None:
                self.current = early
                self.reply(early.words)

    def faulted(self, exchange: Exchange, frame: int = 0, time: float = 0.0) -> None:
        """The call ended in an RPC fault instead of an answer."""
        self._at(frame, time)
        if exchange.route.asynchronous:
            self._forget(exchange, exchange.words[exchange.route.request_id])
        exchange.answered = frame
        self.step(exchange, request.UNANSWERED)
        self.judge(exchange, accepted=False)

    # -- replies --------------------------------------------------------------------------------------------------

    def completes(self, number: int) -> type[Request] | None:
        """The request class that a request id belongs to, for reading its completion."""
        exchange = self.pending.get(number) or self.unanswered.get(number) or self.recent.get(number)
        return None if exchange is None else exchange.route.packet

    def reply(self, words: tuple[int, ...]) -> None:
        number, result = words[6], words[7]
        exchange = self.pending.get(number) or self.unanswered.get(number)
        event, cell = (_ERROR, _ON_FAILURE) if result else (_OK, _ON_REPLY)
        if exchange is None:
            self._unexpected(words, number, event)
            return
        before = exchange.mask
        move = cell[before]
        if move.relevant or move.rule:
            move = self.step(exchange, event, where=f"{exchange.route.name} (request id {number:#x})", what="a reply")
            if move.rule:
                return
        else:
            exchange.mask = move.target
            if self.observers:
                self.record(exchange, event, before, move)
        exchange.ok = not result
        if before == _PENDING:
            self._finish(exchange, number)
            if exchange.charges:
                self.judge(exchange, accepted=not result)
        elif before == _ZERO:
            self._finish(exchange, number)
            return
        if not result:
            self._succeed(exchange, words)

    def _finish(self, exchange: Exchange, number: int) -> None:
        del self.pending[number]
        if exchange.line is not None:
            exchange.line.pending.discard(exchange)
        self.recent.put(number, exchange)

    def _unexpected(self, words: tuple[int, ...], number: int, event: Event) -> None:
        """A reply to nothing that waits: early, repeated, late, or made up."""
        where = f"request id {number:#x}"
        finished = self.recent.get(number)
        if self.unnumbered and len(self._orphans) < 1024:
            self._orphans[number] = self._kept()
        elif finished is not None:
            line = finished.line
            recent = line is not None and self.in_flight(line.ended)
            where = f"{finished.route.name} ({where})"
            self.step(finished, event, IN_FLIGHT.bit if recent else 0, where=where, what="a reply")
        elif not self.partial and self.role is None and len(self._strays) < 1024:
            self._strays.append((self._kept(), event, self.frame, self.now))
        elif not self.partial:
            self.step(Exchange(UNKNOWN_ROUTE, words, self.frame, self.now), event, where=where, what="a reply")

    def _kept(self) -> Any:
        """The event at hand, for later."""
        event = self.current
        if isinstance(event, Raw):
            event.trim()
        return event

    def _settle_strays(self) -> None:
        """Replies to ids that no request had: told when nothing shows that the request was missed."""
        strays, self._strays = self._strays, []
        moment = self.frame, self.now
        for reply, event, frame, time in strays:
            self._at(frame, time)
            where = f"request id {reply.words[6]:#x}"
            self.step(Exchange(UNKNOWN_ROUTE, reply.words, frame, time), event, where=where, what="a reply")
        self._at(*moment)

    def claim(self, number: int) -> None:
        for stray in self._strays:
            reply, _, _, time = stray
            if reply.words[6] == number and self.now - time <= self.grace and len(self._orphans) < 1024:
                self._strays.remove(stray)
                self._orphans[number] = reply
                return

    def _succeed(self, exchange: Exchange, words: tuple[int, ...]) -> None:
        """The effects of a success on the calls it named, and the calls it brings."""
        route = exchange.route
        if route.proxy and self.facts.own:
            self.passes_on(exchange)
        also = _SUCCESSES.get(route.key)
        if also is not None:
            also(self, exchange, words)
        variant = ""
        if route.variant is not None:
            variant = route.variant.values.get(exchange.words[route.variant.word], "")
        replied = route.replied
        for place, (call, _, mark) in enumerate(exchange.calls):
            event = replied[place].get(variant)
            if event is not None:
                self._affect(call, event, mark)
            call.flags |= route.mark
        if words and route.echoes:
            self._echoes(exchange, words)
        for creation in route.creates:
            self._creates(exchange, creation, words)

    def _affect(self, call: Call, event: Event, mark: Any) -> None:
        cell, expected = _EFFECTS[event]
        flags = call.flags
        path = call.path
        if path is not mark and any(state in expected for state in path.since(mark)):
            flags |= _REACHED
        before = call.mask
        move = cell[before]
        if move.relevant:
            move = move.variants[flags & move.relevant]
        call.mask = move.target
        if self.observers:
            self.record(call, event, before, move)
        expect = move.expect
        if not expect:
            return
        source = move.source
        if source is not None and path.state is not source and _IDLE <= source < _UNKNOWN:
            path = self.paths.extend(path, _STATES[source])
        if not expect & (expect - 1):
            path = self.paths.extend(path, _STATES[expect.bit_length() - 1])
            call.inferred = True
        call.path = path

    def _echoes(self, exchange: Exchange, words: tuple[int, ...]) -> None:
        """Contexts come back as they were given (V14)."""
        route = exchange.route
        asked = exchange.words
        for word, source in route.echoes:
            if word < len(words) and words[word] != asked[source]:
                if word > 2 and route.creates and not words[route.creates[0].word]:
                    continue  # There is no handle, so there is nothing that its context would name.
                self.step(exchange, request.NO_ECHO, what=route.name)
                return

    def _creates(self, exchange: Exchange, creation: Creation, words: tuple[int, ...]) -> None:
        if creation.condition is not None and exchange.words[creation.condition[0]] != creation.condition[1]:
            return
        handle = words[creation.word] if creation.word < len(words) else 0
        route = exchange.route
        if not handle:
            if route.name not in _WITHOUT_HANDLE and words:
                self.step(exchange, request.NO_ECHO, what=route.name)
            return
        call = self.calls.get(handle)
        if call is None:
            call = self.new_call(handle, exchange.line if isinstance(exchange.line, Line) else None)
        call.brought = route.key
        self.step(call, creation.event, call.flags)
        if creation.conference:
            call.kin = ("conference", 0)
            self.set_up(handle, merged=route.name == "CompleteTransfer")
        elif exchange.calls:
            call.kin = ("consultation", exchange.calls[0][0].handle)

    @property
    def requests(self) -> dict[str, int]:
        """Number of requests by name."""
        return dict(sorted(self.asked.items()))

    @property
    def events(self) -> dict[str, int]:
        """Number of events by name."""
        found = {EVENTS[n].__name__ if n in EVENTS else f"{n:#x}": count for n, count in self.told_events.items()}
        return dict(sorted(found.items()))

    def finish(self, until: float | None = None) -> None:
        """Nothing more will be seen: judge what was accepted and never completed, and say what still waits.

        ``until``: when the last packet of all was seen, in whatever conversation.
        """
        self.role = None  # What is missing at the end is reported: there is no step left to refuse.
        self.inspect_end(self.now if until is None else until)
        self._settle_strays()
        self.settle_denied()
        for exchange in list(self.pending.values()):
            if exchange.time <= self.gap_at:
                continue
            self.judge(exchange, accepted=True)
            where = f"request id {exchange.number:#x}"
            self.step(exchange, request.ENDS, what=exchange.route.name, where=where, frame=exchange.frame)
        for call in list(self.calls.values()):
            self.swap_over(call)
            self.step(call, ENDS, self.flags_of(call))


#: Per success: its cell in the call machine, and the states that it leads to.
_EFFECTS: Final = {event: (Call.machine.cells[event], frozenset(EFFECTS[key].expect)) for key, event in REPLIED.items()}
#: What a conversation does with an event.
HANDLERS: Final[Handlers] = {
    **parties.HANDLERS,
    LINE_REPLY.msg: Conversation.reply,
    PHONE_REPLY.msg: Conversation.reply,
}
