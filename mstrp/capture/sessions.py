"""Which call belongs to which session: context handles, event channels, bindings, and the conversations they feed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mstrp.capture.packets import CLIENT_TO_SERVER, SERVER_TO_CLIENT, Packet
from mstrp.capture.session import Session, Undecided, endpoints, fitting
from mstrp.capture.stream import Taker
from protocol.event import decode_events
from protocol.generic import GetAsyncEvents
from protocol.ndr import BY_INTERFACE, METHODS, NULL_CONTEXT, REMOTESP, TAPSRV
from protocol.packet import FIXED, decode_request, decode_response
from protocol.problem import DecodeError, Problem
from protocol.quick import READERS, split
from protocol.raw import Raw, raw_of
from protocol.rpc.dissect import FAULT, REQUEST, RESPONSE
from protocol.rpc.unseal import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fsm.conversation import Conversation
    from fsm.instances import Exchange
    from fsm.monitor import Monitor
    from mstrp.capture.stream import Connection
    from protocol.ndr import Stub
    from protocol.packet import Request
    from protocol.rpc.dissect import RpcCall

__all__ = ["Sealed", "Session", "Sessions", "endpoints"]

#: How the phases of a call are called.
_PHASES: Final = ("request", "response", "fault")
_readers: Final = READERS
_fetch: Final = GetAsyncEvents
_USED: Final = GetAsyncEvents.layout.index("dwUsedBufferSize")
#: The two methods that nearly all calls are of.
_REQUESTS: Final = BY_INTERFACE[TAPSRV.uuid][1]
_EVENTS: Final = BY_INTERFACE[REMOTESP.uuid][1]
_NAMES: Final = {method.interface.uuid: method.interface.name for method in METHODS.values()}
#: Seconds after its end for which late packets of a session are still taken.
_AFTERGLOW: Final = 60.0


class Sealed(NamedTuple):
    """Calls between two hosts that nobody could look into."""

    client: str
    server: str
    interface: str
    mechanism: str
    level: str
    account: str
    #: What would be needed.
    needed: str
    requests: int
    answers: int
    frame: int


class Sessions(Taker):
    """All sessions of a capture.

    ``on_packet`` is called for every decoded packet when it is set, ``warn`` for everything that is damaged.
    """

    def __init__(self, monitor: Monitor, warn: Callable[[int, str], None], *, limit: int = 65_536) -> None:
        self.monitor = monitor
        self.warn = warn
        self.limit = limit
        self.on_packet: Callable[[Packet], None] | None = None
        self.on_session: Callable[[Conversation], None] | None = None
        #: Called with a conversation of which nothing more is expected, and the time.
        self.on_over: Callable[[Conversation, float], None] | None = None
        #: Called when packets are missing from a conversation, and when its connection is lost; the last argument is
        #: the frame from which on packets may be missing.
        self.on_loss: Callable[[Conversation, str, int, float, int], None] | None = None
        #: By hosts and context handle.
        self.bindings: dict[tuple[tuple[str, str], bytes], Session] = {}
        self.channels: dict[tuple[tuple[str, str], bytes], Session] = {}
        #: Event channels of which it is not clear yet whose they are.
        self.undecided: dict[tuple[tuple[str, str], bytes], Undecided] = {}
        #: Sessions for which the server may still open an event channel, in the order of their ClientAttach.
        self.waiting: list[Session] = []
        #: Calls that stayed sealed, by everything but their counts.
        self.closed_books: dict[tuple[str, ...], Sealed] = {}
        #: Sessions that have ended, with late packets still possible.
        self._ended: deque[Session] = deque()
        #: All sessions of which something may still come.
        self._known: dict[Session, None] = {}
        self._open = 0
        self.crowded = False
        #: How many calls have been shown.
        self._numbered = 0
        #: Endpoints of event channels that no ClientAttach announced, and those that were announced.
        self.unannounced: set[str] = set()
        self.announced: set[str] = set()
        #: What to do with the calls of the methods that are rare, by name.
        self._takers: dict[str, Callable[[Connection, RpcCall, int, float], None]] = {
            "ClientAttach": self._client_attach,
            "ClientDetach": self._client_detach,
            "RemoteSPAttach": self._remote_attach,
            "RemoteSPDetach": self._remote_detach,
        }

    # -- from the streams -----------------------------------------------------------------------------------------

    def take(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        """A request, an answer or a fault of one of our methods is complete."""
        method = call.method
        if method is _REQUESTS:
            self._client_request(connection, call, frame, time)
        elif method is _EVENTS:
            self._remote_event(connection, call, frame, time)
        else:
            self._takers[method.name](connection, call, frame, time)

    def note(self, frame: int, text: str) -> None:
        """Something is damaged."""
        self.warn(frame, text)

    def problems(self, connection: Connection, frame: int) -> None:
        """The association found something: say it, once for each connection where it concerns a missing bind."""
        dissector = connection.dissector
        assert dissector is not None
        found, dissector.problems = dissector.problems, []
        for problem in found:
            if problem.field == "p_cont_id":
                if connection.unbound_told:
                    continue
                connection.unbound_told = True
                hint = "" if connection.hinted else " (--decode-as recognises such calls by their content)"
                self.warn(frame, f"{connection}: {problem.detail}{hint}")
            else:
                self.warn(frame, f"{connection}: {problem}")
        if dissector.dropped:
            dropped, dissector.dropped = dissector.dropped, []
            for call in dropped:
                if call.note is not None and call.note[1] is not None:
                    # Its answer will not be recognised: what it did is not known.
                    session, exchange = call.note
                    self._doubt(session, frame, exchange.time)
                    session.conversation.faulted(exchange, frame, exchange.time)

    def gap(self, connection: Connection, frame: int, time: float) -> None:
        """Packets are missing from a connection: what it carries may have changed unseen."""
        concerned = [*connection.bound.values(), *connection.channels.values()]
        if connection.session is not None:
            concerned.append(connection.session)
        if not concerned:
            hosts = self._hosts_of_channel(connection)
            concerned = [each for each in self.waiting if each.hosts == hosts and each.names(connection.endpoint)]
        # Each once, and always in the same order.
        for session in dict.fromkeys(concerned):
            since = session.held.gap(connection.carriers(), frame)
            self._doubt(session, frame, time, since)

    def _doubt(self, session: Session, frame: int, time: float, since: int | None = None) -> None:
        session.conversation.gap(frame, time)
        if self.on_loss is not None:
            self.on_loss(session.conversation, "gap", frame, time, frame if since is None else since)

    def finish(self) -> None:
        """Nothing more will come: tell all findings."""
        for session in self._known:
            session.held.over()
        self._known.clear()

    def connection_ended(self, connection: Connection, frame: int, time: float) -> None:
        """A connection is gone: bindings that used no other one are lost (Q20)."""
        # A copy, because what is over goes.
        for session in dict.fromkeys(connection.bound.values()):
            session.ends.discard(connection)
            if not session.ends and session.ended is None:
                session.conversation.lost(frame, time)
                if self.on_loss is not None:
                    self.on_loss(session.conversation, "lost", frame, time, frame)
                self._over(session, time)
        begun = connection.session
        if begun is not None and begun in self.waiting and not begun.attached:
            # ClientAttach was asked over it and never answered.
            self.waiting.remove(begun)
        for session in connection.channels.values():
            session.conversation.channel_lost(frame, time)
            if self.on_loss is not None:
                self.on_loss(session.conversation, "channel lost", frame, time, frame)
            if not session.context:
                # Nothing but its event channel was ever seen.
                self._over(session, time)
        for context in connection.channels:
            self.channels.pop((self._hosts_of_channel(connection), context), None)
            self.undecided.pop((self._hosts_of_channel(connection), context), None)

    def sealed(self, connection: Connection, frame: int) -> None:
        """A connection is over of which calls stayed sealed."""
        dissector = connection.dissector
        assert dissector is not None
        security = dissector.security
        ours = [_NAMES[uuid] for uuid in dissector.interfaces if uuid in _NAMES]
        mechanism, account, needed = "unknown", "", "the beginning of the connection"
        if security is not None:
            mechanism, account, needed = security.mechanism, security.account, security.needed
        if not ours and dissector.interfaces:
            return
        level = LEVELS.get(dissector.level, str(dissector.level))
        names = ", ".join(sorted(ours)) or "unknown"
        key = (connection.client.host, connection.server.host, names, mechanism, level, account, needed)
        known = self.closed_books.get(key)
        requests, answers = dissector.sealed
        if known is not None:
            requests, answers = requests + known.requests, answers + known.answers
        elif len(self.closed_books) >= self.limit:
            return
        first = connection.frame if known is None else known.frame
        self.closed_books[key] = Sealed(*key, requests=requests, answers=answers, frame=first)

    def _read(self, call: RpcCall, frame: int, time: float) -> Any:
        """The parameters of a call's request or response; None when they cannot be read, or there are none."""
        stub = self._stub(call, frame, time)
        return None if stub is None else stub.value

    def _stub(self, call: RpcCall, frame: int, time: float) -> Stub | None:
        """The same with what is wrong with them."""
        method = call.method
        if call.phase == FAULT:
            self._fault(call, frame, time)
            return None
        phase = _PHASES[call.phase]
        try:
            stub = method.read(phase, call.data[call.start :], ndr64=call.ndr64)
        except DecodeError as error:
            self.warn(frame, f"{method.name} {phase}: {error.problem}")
            self._show_raw(call, error.problem, frame, time)
            return None
        for problem in stub.problems:
            self.warn(frame, f"{method.name} {phase}: {problem}")
        return stub

    # -- the six methods ------------------------------------------------------------------------------------------

    def _client_attach(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        value = self._read(call, frame, time)
        if value is None:
            return
        if call.phase == REQUEST:
            session = self._begin((connection.client.host, connection.server.host), frame, time, value.machine)
            session.ends.add(connection)
            connection.session = session
            self.waiting.append(session)
            if len(self.announced) < self.limit:
                self.announced.update(session.endpoints)
            call.note = session, None, value
            self._show(session, CLIENT_TO_SERVER, "ClientAttach", REQUEST, value, frame, time, call=call)
            return
        if call.note is None:
            return
        session, _, asked = call.note
        self._show(session, SERVER_TO_CLIENT, "ClientAttach", RESPONSE, value, frame, time, call=call)
        if value.result == 0 and value.context != NULL_CONTEXT:
            session.attached = True
            self._bind(connection, value.context, session)
            session.conversation.attached(asked.process_id, asked.domain_user, frame, time)
            session.conversation.inspect_attach(asked, value)
        else:
            if session in self.waiting:
                self.waiting.remove(session)
            connection.session = None
            self._open -= 1
            self._known.pop(session, None)
            self.monitor.discard(session.conversation)

    def _client_request(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        if call.phase:
            self._client_answer(call, frame, time)
            return
        damage: Sequence[Problem] = ()
        raw = _readers[call.ndr64].request(call.data, call.start)
        if raw is None:
            stub = self._stub(call, frame, time)
            if stub is None:
                return
            raw = raw_of(decode_request(stub.value.buffer, stub.value.needed))
            raw.context = stub.value.context
            damage = stub.problems
        session = connection.bound.get(raw.context)
        if session is None:
            session = self._bound(connection, raw.context, frame, time)
        if not session.settled:
            self._settle(session, raw.packet(), frame, time)
        exchange = session.conversation.sent(raw, frame, time)
        call.note = session, exchange
        if damage:
            session.conversation.damaged(exchange, damage)
        if self.on_packet is not None:
            self._show(session, CLIENT_TO_SERVER, "ClientRequest", REQUEST, raw.packet(), frame, time, call=call)

    def _settle(self, session: Session, packet: Request, frame: int, time: float) -> None:
        """A request without an event channel: where the client has one and it is not in the capture, events are missing."""
        conversation = session.conversation
        if conversation.model in ("pull", "management") or conversation.partial:
            session.settled = True
        elif packet.layout.name == "Open" and not any(session in each.candidates for each in self.undecided.values()):
            # Nothing is reported before devices are open, and the channel was there before the first request.
            session.settled = True
            self.warn(frame, f"session {conversation.session}: its event channel is missing; events were not seen")
            self._doubt(session, frame, time)

    def _client_answer(self, call: RpcCall, frame: int, time: float) -> None:
        if call.note is None:
            return
        session: Session
        exchange: Exchange
        session, exchange = call.note
        asked = exchange.route.packet
        answer = None
        if call.phase == RESPONSE:
            answer = _readers[call.ndr64].response(call.data, call.start, asked)
        if answer is None:
            value = self._read(call, frame, time)
            if value is None:
                return
            answer = raw_of(decode_response(value.buffer, asked))
        if self.on_packet is not None:
            self._show(session, SERVER_TO_CLIENT, "ClientRequest", RESPONSE, answer.packet(), frame, time, call=call)
        session.conversation.answered(exchange, answer, frame, time)
        if asked is _fetch and answer.words[0] == 0 and answer.words[_USED]:
            session.conversation.fetched(frame, time)
            events = answer.buffer[FIXED : FIXED + answer.words[_USED]]
            self._events(session, events, "ClientRequest", frame, time)

    def _client_detach(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        value = self._read(call, frame, time)
        if value is None:
            return
        if call.phase == REQUEST:
            session = self._bound(connection, value.context, frame, time)
            call.note = session, None
            self._show(session, CLIENT_TO_SERVER, "ClientDetach", REQUEST, value, frame, time)
        elif call.note is not None:
            session = call.note[0]
            self._show(session, SERVER_TO_CLIENT, "ClientDetach", RESPONSE, value, frame, time)
            session.conversation.detached(frame, time)
            self._over(session, time)

    def _remote_attach(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        value = self._read(call, frame, time)
        if value is None:
            return
        if call.phase == REQUEST:
            candidates = self._channel(connection, frame, time)
            session = candidates[-1]
            connection.session = session
            call.note = session, None, candidates
            self._show(session, SERVER_TO_CLIENT, "RemoteSPAttach", REQUEST, value, frame, time)
        elif call.note is not None:
            session = call.note[0]
            self._show(session, CLIENT_TO_SERVER, "RemoteSPAttach", RESPONSE, value, frame, time)
            if value.result == 0:
                candidates = call.note[2]
                if len(candidates) > 1:
                    key = self._hosts_of_channel(connection), value.context
                    self.undecided[key] = Undecided(candidates)
                else:
                    self._opened(connection, value.context, session, frame, time)
            elif session not in self.waiting and session.ended is None and not session.channel:
                self.waiting.append(session)

    def _remote_event(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        if call.phase:
            self._read(call, frame, time)
            return
        damage: Sequence[Problem] = ()
        raw = _readers[call.ndr64].events(call.data, call.start)
        if raw is None:
            stub = self._stub(call, frame, time)
            if stub is None:
                return
            context, buffer = stub.value
            raw = Raw(None, buffer, 0, len(buffer), -1, context)
            damage = stub.problems
        session = connection.channels.get(raw.context)
        if session is None:
            session = self._channel_of(connection, raw.context, _words(raw.buffer), frame, time)
        conversation = session.conversation
        if not conversation.flowing:
            conversation.delivered(frame, time)
        if damage:
            conversation.damaged_events(damage, stub=True)
        if self.on_packet is not None:
            self._events(session, raw.buffer, "RemoteSPEventProc", frame, time)
        elif raw.kind is not None:
            conversation.event(raw, frame, time)
        else:
            several = split(raw)
            if several is None:
                self._events(session, raw.buffer, "RemoteSPEventProc", frame, time)
                return
            for each in several:
                conversation.event(each, frame, time)

    def _remote_detach(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        value = self._read(call, frame, time)
        if value is None:
            return
        if call.phase == REQUEST:
            hosts = self._hosts_of_channel(connection)
            session = connection.channels.get(value.context) or self.channels.get((hosts, value.context))
            if session is not None:
                call.note = session, None
                self._show(session, SERVER_TO_CLIENT, "RemoteSPDetach", REQUEST, value, frame, time)
        elif call.note is not None:
            session = call.note[0]
            self._show(session, CLIENT_TO_SERVER, "RemoteSPDetach", RESPONSE, value, frame, time)
            session.conversation.channel_closed(frame, time)
            self.channels.pop((self._hosts_of_channel(connection), session.channel), None)
            connection.channels.pop(session.channel, None)

    def _fault(self, call: RpcCall, frame: int, time: float) -> None:
        if call.note is None:
            return
        session, exchange, *_ = call.note
        direction = SERVER_TO_CLIENT if call.method.interface.caller == "client" else CLIENT_TO_SERVER
        problem = Problem("status", "value", f"RPC fault {call.status:#010x}", "C706 12.6.4.7")
        stub = call.data[call.start :]
        self._show(
            session, direction, call.method.name, "response", None, frame, time, (problem,), stub, call, call.status
        )
        if exchange is not None:
            session.conversation.faulted(exchange, frame, time)

    # -- events ---------------------------------------------------------------------------------------------------

    def _events(self, session: Session, data: bytes, method: str, frame: int, time: float) -> None:
        conversation = session.conversation
        found = decode_events(data, conversation.completes)
        for event in found.events:
            if self.on_packet is not None:
                self._show(session, SERVER_TO_CLIENT, method, "event", event, frame, time)
            conversation.event(event, frame, time)
        for problem in found.problems:
            self.warn(frame, f"{method}: {problem}")
        conversation.damaged_events(found.problems)

    # -- correlation ----------------------------------------------------------------------------------------------

    def _begin(
        self, hosts: tuple[str, str], frame: int, time: float, machine: str = "", *, partial: bool = False
    ) -> Session:
        """A new session; what has ended long ago goes, and the oldest one when there are too many."""
        while self._ended and time - (self._ended[0].ended or 0.0) > _AFTERGLOW:
            self._forget(self._ended.popleft(), time)
        if self._open >= self.limit:
            if not self.crowded:
                self.crowded = True
                self.warn(frame, f"more than {self.limit} sessions are open (limit sessions); the oldest are given up")
            oldest = next(iter(self.bindings.values()), None) or next(iter(self.waiting), None)
            if oldest is not None:
                # What it still does will be seen as something that began before.
                self._doubt(oldest, frame, time)
                self._over(oldest, time)
        self._open += 1
        conversation = self.monitor.conversation(client=hosts[0], server=hosts[1], partial=partial)
        conversation.frame = frame
        if self.on_session is not None:
            self.on_session(conversation)
        session = Session(conversation, machine, hosts)
        self._known[session] = None
        return session

    def _over(self, session: Session, time: float) -> None:
        """A binding has ended: no event channel will be opened for it any more, and no request will come."""
        if session in self.waiting:
            self.waiting.remove(session)
        if session.ended is None:
            session.ended = time
            self._open -= 1
            self._ended.append(session)
        self.bindings.pop((session.hosts, session.context), None)
        for connection in session.ends:
            connection.bound.pop(session.context, None)

    def _forget(self, session: Session, time: float) -> None:
        """Nothing more is expected of a session that has ended."""
        self._known.pop(session, None)
        session.held.over()
        self.channels.pop((session.hosts, session.channel), None)
        if self.on_over is not None:
            self.on_over(session.conversation, time)

    def _bind(self, connection: Connection, context: bytes, session: Session) -> None:
        """A context handle stands for a session, and is used over a connection."""
        session.context = context
        session.ends.add(connection)
        self.bindings[session.hosts, context] = session
        connection.bound[context] = session

    def _bound(self, connection: Connection, context: bytes, frame: int, time: float) -> Session:
        """The session of a context handle that was not used over this connection yet."""
        hosts = connection.client.host, connection.server.host
        session = connection.bound.get(context) or self.bindings.get((hosts, context))
        if session is None:
            session = self._midway(connection, context, frame, time)
        self._bind(connection, context, session)
        return session

    def _midway(self, connection: Connection, context: bytes, frame: int, time: float) -> Session:
        """A session that began before the capture, or one whose ClientAttach was seen without its answer."""
        hosts = connection.client.host, connection.server.host
        known = connection.session
        if known is not None and not known.attached and known.ended is None:
            known.attached = True
            self._doubt(known, frame, time)
            return known
        session = self._unclaimed(hosts, lambda known: not known.context)
        if session is None:
            session = self._begin(hosts, frame, time, partial=True)
            name = session.conversation.session
            self.warn(frame, f"session {name} began before the capture: its ClientAttach is missing")
        session.attached = True
        return session

    @staticmethod
    def _hosts_of_channel(connection: Connection) -> tuple[str, str]:
        """Client and server of the binding: on an event channel it is the server that calls."""
        return connection.server.host, connection.client.host

    def _channel(self, connection: Connection, frame: int, time: float) -> list[Session]:
        """The sessions that an event channel may belong to, the likeliest last."""
        found = fitting(self.waiting, connection)
        if not found:
            return [self._orphan_channel(connection, frame, time)]
        # The server calls back while it is asked to attach, so one that still waits for its answer is likelier.
        found.sort(key=lambda session: not session.attached)
        if len(found) == 1:
            self.waiting.remove(found[0])
        return found

    def _opened(
        self, connection: Connection, context: bytes, session: Session, frame: int, time: float, *, told: bool = True
    ) -> None:
        """An event channel belongs to a session."""
        if session in self.waiting:
            self.waiting.remove(session)
        session.channel = context
        session.events = connection
        session.settled = True
        connection.session = session
        connection.channels[context] = session
        self.channels[self._hosts_of_channel(connection), context] = session
        if told:
            session.conversation.channel_opened(frame, time)

    def _channel_of(
        self, connection: Connection, context: bytes, words: tuple[int, ...], frame: int, time: float
    ) -> Session:
        """The session of an event channel that was not used over this connection yet."""
        key = self._hosts_of_channel(connection), context
        session = self.channels.get(key)
        if session is not None:
            connection.channels[context] = session
            session.events = connection
            return session
        undecided = self.undecided.pop(key, None)
        if undecided is not None:
            session = undecided.settle(words[1] if words else 0, lambda each: bool(each.channel))
            self._opened(connection, context, session, frame, time)
            return session
        known = connection.session
        if known is None:
            candidates = self._channel(connection, frame, time)
            fits = [each for each in candidates if each.knows(words[1])] if words else []
            known = (fits or candidates)[-1]
        if not known.channel:
            # The answer to RemoteSPAttach, which gave the handle out, was missed.
            self._opened(connection, context, known, frame, time, told=False)
            self._doubt(known, frame, time)
        connection.channels[context] = known
        return known

    def _orphan_channel(self, connection: Connection, frame: int, time: float) -> Session:
        """An event channel whose ClientAttach was not seen: it belongs to a binding between the same two hosts."""
        hosts = self._hosts_of_channel(connection)
        if len(self.unannounced) < self.limit:
            self.unannounced.add(connection.endpoint.lower())
        session = self._unclaimed(hosts, lambda known: known.conversation.partial and not known.channel)
        if session is None:
            session = self._begin(hosts, frame, time, partial=True)
            self.warn(frame, f"event channel of session {session.conversation.session}: its ClientAttach is missing")
            self.bindings[hosts, b"channel of %s" % connection.endpoint.encode()] = session
        return session

    def _unclaimed(self, hosts: tuple[str, str], fits: Callable[[Session], bool]) -> Session | None:
        """The only session between two hosts that fits; where several do, nothing tells which one it is."""
        found = {session for key, session in self.bindings.items() if key[0] == hosts and fits(session)}
        if len(found) != 1:
            return None
        session = found.pop()
        for key in [key for key, known in self.bindings.items() if known is session and key[1] != session.context]:
            del self.bindings[key]
        return session

    # -- showing --------------------------------------------------------------------------------------------------

    def _show(
        self,
        session: Session,
        direction: str,
        method: str,
        phase: int | str,
        content: Any,
        frame: int,
        time: float,
        problems: tuple[Problem, ...] = (),
        raw: bytes | None = None,
        call: RpcCall | None = None,
        fault: int | None = None,
    ) -> None:
        if self.on_packet is not None:
            if not problems and hasattr(content, "problems"):
                problems = tuple(content.problems())
            name = session.conversation.session
            shown = phase if isinstance(phase, str) else _PHASES[phase]
            number = 0 if call is None else self._number(call)
            hosts = session.hosts
            self.on_packet(
                Packet(
                    frame,
                    time,
                    name,
                    direction,
                    method,
                    shown,
                    content,
                    problems,
                    raw,
                    number,
                    hosts[0],
                    hosts[1],
                    fault,
                )
            )

    def _number(self, call: RpcCall) -> int:
        """The number of a call: the same for its request and its answer."""
        if call.phase == REQUEST:
            self._numbered += 1
            call.number = self._numbered
        return getattr(call, "number", 0)

    def _show_raw(self, call: RpcCall, problem: Problem, frame: int, time: float) -> None:
        if self.on_packet is not None:
            asks = (call.phase == REQUEST) is (call.method.interface.caller == "client")
            direction = CLIENT_TO_SERVER if asks else SERVER_TO_CLIENT
            session = "" if call.note is None else call.note[0].conversation.session
            name, phase = call.method.name, _PHASES[call.phase]
            raw = call.data[call.start :]
            self.on_packet(Packet(frame, time, session, direction, name, phase, None, (problem,), raw))


def _words(data: bytes) -> tuple[int, ...]:
    """The first words of the first event in a buffer."""
    return tuple(int.from_bytes(data[at : at + 4], "little") for at in (0, 4)) if len(data) >= 8 else ()
