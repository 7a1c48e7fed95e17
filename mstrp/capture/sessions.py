"""Which call belongs to which session: context handles, event channels, bindings, and the conversations they feed."""

from __future__ import annotations

from struct import error as StructError
from typing import TYPE_CHECKING, Any

from mstrp.capture.packets import CLIENT_TO_SERVER, SERVER_TO_CLIENT, Packet
from protocol.event import decode_events
from protocol.generic import GetAsyncEvents
from protocol.ndr import NULL_CONTEXT
from protocol.packet import FIXED, decode_request, decode_response
from protocol.problem import DecodeError, Problem
from protocol.quick import READERS
from protocol.rpc.dissect import FAULT, REQUEST, RESPONSE

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.conversation import Conversation
    from fsm.monitor import Monitor
    from mstrp.capture.stream import Connection
    from protocol.rpc.dissect import RpcCall

__all__ = ["Session", "Sessions", "endpoints"]

#: How the phases of a call are called.
_PHASES = ("request", "response", "fault")
_USED = GetAsyncEvents.layout.index("dwUsedBufferSize")


def endpoints(machine: str) -> list[tuple[str, str]]:
    """The (protocol sequence, endpoint) pairs of pszMachine: ``name"ncacn_ip_tcp"251"`` (3.1.4.1)."""
    parts = machine.split('"')[1:]
    return [(parts[i], parts[i + 1]) for i in range(0, len(parts) - 1, 2)]


class Session:
    """A binding as the wire shows it."""

    __slots__ = ("attached", "context", "conversation", "ends", "last", "machine", "remote")

    def __init__(self, conversation: Conversation, machine: str) -> None:
        self.conversation = conversation
        self.machine = machine
        self.context = b""
        self.remote = b""
        self.attached = False
        #: Connections over which requests came; when the last one ends, the binding is lost.
        self.ends: set[Connection] = set()
        self.last: Connection | None = None


class Sessions:
    """All sessions of a capture.

    ``on_packet`` is called for every decoded packet when it is set, ``warn`` for everything that is damaged.
    """

    def __init__(self, monitor: Monitor, warn: Callable[[int, str], None]) -> None:
        self.monitor = monitor
        self.warn = warn
        self.on_packet: Callable[[Packet], None] | None = None
        self.on_session: Callable[[Conversation], None] | None = None
        self.bindings: dict[bytes, Session] = {}
        self.channels: dict[bytes, Session] = {}
        self.waiting: list[Session] = []
        self.sealed = 0
        #: What to do with the calls of each method.
        self.handlers: dict[str, Callable[[Connection, RpcCall, int, float], None]] = {
            "ClientAttach": self._client_attach,
            "ClientRequest": self._client_request,
            "ClientDetach": self._client_detach,
            "RemoteSPAttach": self._remote_attach,
            "RemoteSPEventProc": self._remote_event,
            "RemoteSPDetach": self._remote_detach,
        }

    # -- from the streams -----------------------------------------------------------------------------------------

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
            self.warn(frame, str(problem))

    def gap(self, connection: Connection, frame: int, time: float) -> None:
        """Packets are missing from a connection: what it carries may have changed unseen."""
        announced = self._announced(connection)
        for session in {*self.bindings.values(), *self.channels.values(), *self.waiting}:
            if connection in session.ends or connection.session is session or session is announced:
                session.conversation.gap(frame, time)

    def connection_ended(self, connection: Connection, frame: int, time: float) -> None:
        """A connection is gone: bindings that used no other one are lost (Q20)."""
        for context, session in list(self.bindings.items()):
            if connection in session.ends:
                session.ends.discard(connection)
                if not session.ends:
                    session.conversation.lost(frame, time)
                    del self.bindings[context]
                    self._over(session)

    def _read(self, call: RpcCall, frame: int, time: float) -> Any:
        """The parameters of a call's request or response; None when they cannot be read, or there are none."""
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
        return stub.value

    # -- the six methods ------------------------------------------------------------------------------------------

    def _client_attach(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        value = self._read(call, frame, time)
        if value is None:
            return
        if call.phase == REQUEST:
            session = self._begin(connection.client.host, connection.server.host, value.machine)
            session.ends.add(connection)
            connection.session = session
            self.waiting.append(session)
            call.note = session, None, value
            self._show(session, CLIENT_TO_SERVER, "ClientAttach", REQUEST, value, frame, time)
            return
        if call.note is None:
            return
        session, _, asked = call.note
        self._show(session, SERVER_TO_CLIENT, "ClientAttach", RESPONSE, value, frame, time)
        if value.result == 0 and value.context != NULL_CONTEXT:
            session.context = value.context
            session.attached = True
            self.bindings[value.context] = session
            session.conversation.attached(asked.process_id, asked.domain_user, frame, time)
        else:
            self._over(session)
            connection.session = None
            self.monitor.discard(session.conversation)

    def _client_request(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        if call.phase:
            self._client_answer(call, frame, time)
            return
        try:
            found = READERS[call.ndr64].request(call.data, call.start)
        except StructError:
            found = None
        if found is None:
            value = self._read(call, frame, time)
            if value is None:
                return
            found = value.context, decode_request(value.buffer, value.needed)
        context, packet = found
        session = self.bindings.get(context)
        if session is None:
            session = self._midway(connection, context, frame, time)
        if connection is not session.last:
            session.last = connection
            session.ends.add(connection)
        call.note = session, session.conversation.sent(packet, frame, time)
        if self.on_packet is not None:
            self._show(session, CLIENT_TO_SERVER, "ClientRequest", REQUEST, packet, frame, time)

    def _client_answer(self, call: RpcCall, frame: int, time: float) -> None:
        if call.note is None:
            return
        session, exchange = call.note
        asked = exchange.route.packet
        answer = None
        if call.phase == RESPONSE:
            try:
                answer = READERS[call.ndr64].response(call.data, call.start, asked)
            except StructError:
                answer = None
        if answer is None:
            value = self._read(call, frame, time)
            if value is None:
                return
            answer = decode_response(value.buffer, asked)
        if self.on_packet is not None:
            self._show(session, SERVER_TO_CLIENT, "ClientRequest", RESPONSE, answer, frame, time)
        session.conversation.answered(exchange, answer, frame, time)
        if asked is GetAsyncEvents and answer.words[0] == 0 and answer.words[_USED]:
            session.conversation.fetched(frame, time)
            events = answer.buffer[FIXED : FIXED + answer.words[_USED]]
            self._events(session, events, "ClientRequest", frame, time)

    def _client_detach(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        value = self._read(call, frame, time)
        if value is None:
            return
        if call.phase == REQUEST:
            session = self.bindings.get(value.context)
            if session is None:
                session = self._midway(connection, value.context, frame, time)
            call.note = session, None
            self._show(session, CLIENT_TO_SERVER, "ClientDetach", REQUEST, value, frame, time)
        elif call.note is not None:
            session = call.note[0]
            self._show(session, SERVER_TO_CLIENT, "ClientDetach", RESPONSE, value, frame, time)
            session.conversation.detached(frame, time)
            self.bindings.pop(session.context, None)
            self._over(session)

    def _remote_attach(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        value = self._read(call, frame, time)
        if value is None:
            return
        if call.phase == REQUEST:
            session = self._channel(connection, frame)
            call.note = session, None
            self._show(session, SERVER_TO_CLIENT, "RemoteSPAttach", REQUEST, value, frame, time)
        elif call.note is not None:
            session = call.note[0]
            self._show(session, CLIENT_TO_SERVER, "RemoteSPAttach", RESPONSE, value, frame, time)
            if value.result == 0:
                session.remote = value.context
                self.channels[value.context] = session
                session.conversation.channel_opened(frame, time)

    def _remote_event(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        if call.phase:
            self._read(call, frame, time)
            return
        try:
            found = READERS[call.ndr64].events(call.data, call.start)
        except StructError:
            found = None
        if found is None:
            value = self._read(call, frame, time)
            if value is None:
                return
            found = value
        context, content = found
        session = self.channels.get(context)
        if session is None:
            known = connection.session
            session = known if isinstance(known, Session) else self._channel(connection, frame)
            if session is known and not session.remote:
                # The answer to RemoteSPAttach, which gave the handle out, was missed.
                session.remote = context
                self.channels[context] = session
                session.conversation.gap(frame, time)
        conversation = session.conversation
        if not conversation.flowing:
            conversation.delivered(frame, time)
        if isinstance(content, bytes):
            self._events(session, content, "RemoteSPEventProc", frame, time)
        elif self.on_packet is not None:
            self._events(session, content.buffer, "RemoteSPEventProc", frame, time)
        else:
            conversation.event(content, frame, time)

    def _remote_detach(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        value = self._read(call, frame, time)
        if value is None:
            return
        if call.phase == REQUEST:
            session = self.channels.get(value.context)
            if session is not None:
                call.note = session, None
                self._show(session, SERVER_TO_CLIENT, "RemoteSPDetach", REQUEST, value, frame, time)
        elif call.note is not None:
            session = call.note[0]
            self._show(session, CLIENT_TO_SERVER, "RemoteSPDetach", RESPONSE, value, frame, time)
            session.conversation.channel_closed(frame, time)
            self.channels.pop(session.remote, None)

    def _fault(self, call: RpcCall, frame: int, time: float) -> None:
        if call.note is None:
            return
        session, exchange, *_ = call.note
        direction = SERVER_TO_CLIENT if call.method.interface.caller == "client" else CLIENT_TO_SERVER
        problem = Problem("status", "value", f"RPC fault {call.status:#010x}", "C706 12.6.4.7")
        stub = call.data[call.start :]
        self._show(session, direction, call.method.name, "response", None, frame, time, (problem,), stub)
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

    # -- correlation ----------------------------------------------------------------------------------------------

    def _begin(self, client: str, server: str, machine: str = "", *, partial: bool = False) -> Session:
        conversation = self.monitor.conversation(client=client, server=server, partial=partial)
        if self.on_session is not None:
            self.on_session(conversation)
        return Session(conversation, machine)

    def _announced(self, connection: Connection) -> Session | None:
        """The session whose ClientAttach named the endpoint that the server connects to."""
        host, port = connection.server.host, str(connection.server.port)
        for session in self.waiting:
            if session.conversation.client == host and any(
                endpoint == port for _, endpoint in endpoints(session.machine)
            ):
                return session
        return None

    def _channel(self, connection: Connection, frame: int) -> Session:
        """The session that an event channel belongs to."""
        session = self._announced(connection)
        if session is None:
            session = self._orphan_channel(connection, frame)
        else:
            self.waiting.remove(session)
        connection.session = session
        return session

    def _over(self, session: Session) -> None:
        """No event channel will be opened for a session any more."""
        if session in self.waiting:
            self.waiting.remove(session)

    def _midway(self, connection: Connection, context: bytes, frame: int, time: float) -> Session:
        """A session that began before the capture, or one whose ClientAttach was seen without its answer."""
        client, server = connection.client.host, connection.server.host
        known = connection.session
        session: Session | None
        if isinstance(known, Session) and not known.attached:
            session = known
            session.attached = True
            session.conversation.gap(frame, time)
        else:
            session = self._unclaimed(client, server, lambda known: not known.context)
        if session is None:
            session = self._begin(client, server, partial=True)
            self.warn(
                frame, f"session {session.conversation.session} began before the capture: its ClientAttach is missing"
            )
        session.context = context
        self.bindings[context] = session
        return session

    def _orphan_channel(self, connection: Connection, frame: int) -> Session:
        """An event channel whose ClientAttach was not seen: it belongs to a binding between the same two hosts."""
        client, server = connection.server.host, connection.client.host
        session = self._unclaimed(client, server, lambda known: known.conversation.partial and not known.remote)
        if session is None:
            session = self._begin(client, server, partial=True)
            self.warn(frame, f"event channel of session {session.conversation.session}: its ClientAttach is missing")
            self.bindings[b"channel" + connection.server.host.encode() + str(connection.server.port).encode()] = session
        return session

    def _unclaimed(self, client: str, server: str, fits: Callable[[Session], bool]) -> Session | None:
        for key, session in list(self.bindings.items()):
            conversation = session.conversation
            if conversation.client == client and conversation.server == server and fits(session):
                if not session.context:
                    del self.bindings[key]
                return session
        return None

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
    ) -> None:
        if self.on_packet is not None:
            if not problems and hasattr(content, "problems"):
                problems = tuple(content.problems())
            name = session.conversation.session
            shown = phase if isinstance(phase, str) else _PHASES[phase]
            self.on_packet(Packet(frame, time, name, direction, method, shown, content, problems, raw))

    def _show_raw(self, call: RpcCall, problem: Problem, frame: int, time: float) -> None:
        if self.on_packet is not None:
            asks = (call.phase == REQUEST) is (call.method.interface.caller == "client")
            direction = CLIENT_TO_SERVER if asks else SERVER_TO_CLIENT
            session = "" if call.note is None else call.note[0].conversation.session
            name, phase = call.method.name, _PHASES[call.phase]
            raw = call.data[call.start :]
            self.on_packet(Packet(frame, time, session, direction, name, phase, None, (problem,), raw))
