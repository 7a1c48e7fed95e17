"""Handlers of the six methods: they pass calls to the conversations of their sessions, and to the watcher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mstrp.capture.calls import CallHandler
from mstrp.capture.packets import CLIENT_TO_SERVER, SERVER_TO_CLIENT, Packet
from mstrp.capture.sealed import SealedCalls
from protocol.event import decode_events
from protocol.fastpath import READERS, split
from protocol.generic import GetAsyncEvents
from protocol.ndr import BY_INTERFACE, MANAGEMENT, NULL_CONTEXT, REMOTESP, TAPSRV
from protocol.packet import FIXED, decode_request, decode_response
from protocol.problem import DecodeError, Problem
from protocol.raw import Raw, raw_of
from protocol.rpc.dissect import FAULT, REQUEST, RESPONSE
from protocol.stub import Method

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fsm.state.instances import Transaction
    from mstrp.capture.connection import Connection
    from mstrp.capture.handles import Stray
    from mstrp.capture.session import Session
    from mstrp.capture.sessions import Sessions
    from protocol.ndr import ClientAttach, Stub
    from protocol.packet import Request
    from protocol.rpc.dissect import RpcCall

__all__ = ["Methods"]

#: Names of the phases of a call.
_PHASES: Final = ("request", "response", "fault")
_readers: Final = READERS
_fetch: Final = GetAsyncEvents
#: A buffer of events without an event.
_EMPTY: Final = Problem("lSize", "layout", "the buffer holds no event", "3.3.4.2", "TRP-3.3.4.2-GEN-01")
#: The result of ClientAttach for lProcessID -3 without the rights of an administrator: -19.
_NO_ADMINISTRATOR: Final = 0xFFFFFFED
_USED: Final = GetAsyncEvents.layout.index("dwUsedBufferSize")
#: The two methods of nearly all calls.
_REQUESTS: Final = BY_INTERFACE[TAPSRV.uuid][1]
_EVENTS: Final = BY_INTERFACE[REMOTESP.uuid][1]
#: RemoteSPEventProc under an invalid context handle; its response is significant.
_STRAY_EVENTS: Final = Method(REMOTESP, _EVENTS.opnum, _EVENTS.name, _EVENTS.section, _EVENTS.request, _EVENTS.response)


class Methods(CallHandler):
    """All sessions of a capture; ``on_packet``, if set, is called for every decoded packet."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.on_packet: Callable[[Packet], None] | None = None
        self.sealed_calls = SealedCalls(sessions.limit)
        #: Number of calls passed to ``on_packet``.
        self._numbered = 0
        #: Handlers of the rare methods, by name.
        self._takers: dict[str, Callable[[Connection, RpcCall, int, float], None]] = {
            "ClientAttach": self._client_attach,
            "ClientDetach": self._client_detach,
            "RemoteSPAttach": self._remote_attach,
            "RemoteSPDetach": self._remote_detach,
            _EVENTS.name: self._stray_events,
        }

    # -- calls from the streams -----------------------------------------------------------------------------------

    def take(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        """Handle a complete request, response or fault of an MS-TRP method."""
        method = call.method
        if method is _REQUESTS:
            self._client_request(connection, call, frame, time)
        elif method is _EVENTS:
            self._remote_event(connection, call, frame, time)
        else:
            self._takers[method.name](connection, call, frame, time)

    def note(self, frame: int, text: str) -> None:
        """Report damage."""
        self.sessions.warn(frame, text)

    def problems(self, connection: Connection, frame: int) -> None:
        """Report problems of the association, once for each connection if a missing bind is the cause."""
        dissector = connection.dissector
        assert dissector is not None
        found, dissector.problems = dissector.problems, []
        for problem in found:
            if problem.field == "p_cont_id":
                if connection.unbound_told:
                    continue
                connection.unbound_told = True
                hint = "" if connection.hinted else " (--decode-as recognizes such calls by their content)"
                self.sessions.warn(frame, f"{connection}: {problem.detail}{hint}")
            else:
                self.sessions.warn(frame, f"{connection}: {problem}")
        if dissector.dropped:
            dropped, dissector.dropped = dissector.dropped, []
            self.skip("limit", "calls without a response beyond the limit calls", len(dropped))
            for call in dropped:
                if call.note is not None and call.note[1] is not None:
                    # Its response cannot be assigned, so its effect is unknown.
                    session, exchange = call.note
                    self.sessions.doubt(session, frame, exchange.time)
                    session.conversation.faulted(exchange, frame, exchange.time)

    def gap(self, connection: Connection, frame: int, time: float) -> None:
        """Handle missing packets of a connection."""
        self.sessions.gap(connection, frame, time)

    def connection_ended(self, connection: Connection, frame: int, time: float) -> None:
        """Handle the end of a connection."""
        self.sessions.connection_ended(connection, frame, time)

    def skip(self, reason: str, detail: str, packets: int, connections: int = 0, *, known: bool = True) -> None:
        """Count traffic that is not checked."""
        self.sessions.skip(reason, detail, packets, connections, known=known)

    def finish(self) -> None:
        """Handle the end of the capture."""
        self.sessions.finish()

    def sealed(self, connection: Connection, frame: int) -> None:
        """Count the calls of a finished connection that were not decrypted."""
        self.sealed_calls.add(connection)

    def _read(self, call: RpcCall, frame: int, time: float) -> Any:
        """Return the parameters of a call's request or response; None if they cannot be decoded or there are none."""
        stub = self._stub(call, frame, time)
        return None if stub is None else stub.value

    def _stub(self, call: RpcCall, frame: int, time: float) -> Stub | None:
        """Return the same, with the problems."""
        method = call.method
        if call.phase == FAULT:
            self._fault(call, frame, time)
            return None
        phase = _PHASES[call.phase]
        try:
            stub = method.read(phase, call.data[call.start :], ndr64=call.ndr64)
        except DecodeError as error:
            self.sessions.warn(frame, f"{method.name} {phase}: {error.problem}")
            self.skip("undecodable", f"{method.name} {phase}", 1)
            self._show_raw(call, error.problem, frame, time)
            return None
        for problem in stub.problems:
            self.sessions.warn(frame, f"{method.name} {phase}: {problem}")
        return stub

    # -- the six methods ------------------------------------------------------------------------------------------

    def _client_attach(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        value = self._read(call, frame, time)
        if value is None:
            return
        if call.phase == REQUEST:
            session = self.sessions.attach(connection, value.machine, frame, time)
            call.note = session, None, value
            self._show(session, CLIENT_TO_SERVER, "ClientAttach", REQUEST, value, frame, time, call=call)
            return
        if call.note is None:
            return
        session, _, asked = call.note
        self._show(session, SERVER_TO_CLIENT, "ClientAttach", RESPONSE, value, frame, time, call=call)
        self._learn_rights(connection, session, asked, value)
        if value.result == 0 and value.context != NULL_CONTEXT:
            session.attached = True
            self.sessions.handles.open(TAPSRV, value.context, connection, session)
            self.sessions.bind(connection, value.context, session)
            session.conversation.attached(asked.process_id, asked.domain_user, frame, time)
            session.conversation.inspect_attach(asked, value)
        else:
            self.sessions.refuse(connection, session)

    def _learn_rights(self, connection: Connection, session: Session, asked: ClientAttach, value: Any) -> None:
        """Learn from the result of ClientAttach whether the security context is that of an administrator."""
        root = self.sessions.handles.root(connection)
        if asked.process_id == MANAGEMENT:
            if value.result == 0:
                root.administrator = True
            elif value.result & 0xFFFFFFFF == _NO_ADMINISTRATOR:
                root.administrator = False
            else:
                return
            for other in connection.bound.values():
                other.conversation.facts.administrator = root.administrator
        elif root.administrator is False:
            session.conversation.facts.administrator = False

    def _client_request(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        if call.phase:
            self._client_answer(connection, call, frame, time)
            return
        damage: Sequence[Problem] = ()
        raw = _readers[call.ndr64].request(call.data, call.start)
        if raw is None:
            stub = self._stub(call, frame, time)
            if stub is None:
                return
            raw = raw_of(decode_request(stub.value.buffer, stub.value.needed))
            raw.context = stub.value.context
            damage = stub.contradictions
        session = connection.bound.get(raw.context)
        if session is None:
            stray = self.sessions.stray(TAPSRV, connection, raw.context, frame, time)
            if stray is not None:
                self._stray_request(stray, call, raw, frame, time)
                return
            session = self.sessions.resolve(connection, raw.context, frame, time)
        if not session.settled:
            self._settle(session, raw.packet(), frame, time)
        session.changed = True
        if session.shared:
            session.conversation.registry.carrier = connection
        exchange = session.conversation.sent(raw, frame, time)
        call.note = session, exchange
        if damage:
            session.conversation.damaged(exchange, damage)
        if self.on_packet is not None:
            self._show(session, CLIENT_TO_SERVER, "ClientRequest", REQUEST, raw.packet(), frame, time, call=call)

    def _stray_request(self, stray: Stray, call: RpcCall, raw: Raw, frame: int, time: float) -> None:
        """Handle a ClientRequest under an invalid context handle."""
        session, how = stray
        if how:
            call.note = session, session.conversation.strayed(raw, how, frame, time)
        if self.on_packet is not None:
            content = raw.packet()
            self._show(session, CLIENT_TO_SERVER, "ClientRequest", REQUEST, content, frame, time, call=call, stray=how)

    def _settle(self, session: Session, packet: Request, frame: int, time: float) -> None:
        """Report missing events if the client has an event channel that the capture does not contain."""
        conversation = session.conversation
        if conversation.model in ("pull", "management") or conversation.partial:
            session.settled = True
        elif packet.layout.name == "Open" and not session.candidacies:
            # No event is sent before devices are open, and the channel was opened before the first request.
            session.settled = True
            self.sessions.warn(
                frame, f"session {conversation.session}: its event channel is missing; events were not seen"
            )
            self.sessions.doubt(session, frame, time)

    def _client_answer(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        if call.note is None:
            return
        session: Session
        exchange: Transaction
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
        session.changed = True
        if session.shared:
            session.conversation.registry.carrier = connection
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
            stray = self.sessions.stray(TAPSRV, connection, value.context, frame, time)
            if stray is not None:
                session, how = stray
                if how:
                    call.note = session, session.conversation.strayed(None, how, frame, time)
            else:
                how = None
                session = self.sessions.resolve(connection, value.context, frame, time)
                call.note = session, None
            self._show(session, CLIENT_TO_SERVER, "ClientDetach", REQUEST, value, frame, time, call=call, stray=how)
        elif call.note is not None:
            session, exchange = call.note
            self._show(session, SERVER_TO_CLIENT, "ClientDetach", RESPONSE, value, frame, time, call=call)
            if exchange is not None:
                session.conversation.completed(exchange, frame, time)
                return
            self.sessions.handles.close(TAPSRV, session.context, connection, time)
            session.changed = True
            session.conversation.detached(frame, time)
            self.sessions.end(session, time)

    def _remote_attach(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        value = self._read(call, frame, time)
        if value is None:
            return
        if call.phase == REQUEST:
            candidates = self.sessions.channel_candidates(connection, frame, time)
            session = candidates[-1]
            connection.session = session
            call.note = session, None, candidates
            self._show(session, SERVER_TO_CLIENT, "RemoteSPAttach", REQUEST, value, frame, time)
        elif call.note is not None:
            session = call.note[0]
            self._show(session, CLIENT_TO_SERVER, "RemoteSPAttach", RESPONSE, value, frame, time)
            if value.result == 0:
                candidates = call.note[2]
                self.sessions.handles.open(REMOTESP, value.context, connection, session)
                misplaced = session.misplaced
                if len(candidates) > 1 or (misplaced is not None and not misplaced.timely):
                    key = self.sessions.channel_hosts(connection), value.context
                    self.sessions.leave_undecided(key, candidates)
                else:
                    self.sessions.open_channel(connection, value.context, session, frame, time)
            elif session not in self.sessions.waiting and session.ended is None and not session.channel:
                self.sessions.waiting.add(session)

    def _remote_event(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        if call.phase:
            self._read(call, frame, time)
            return
        damage: Sequence[Problem] = ()
        stray: Stray | None = None
        raw = _readers[call.ndr64].events(call.data, call.start)
        if raw is None:
            stub = self._stub(call, frame, time)
            if stub is None:
                return
            context, buffer = stub.value
            raw = Raw(None, buffer, 0, len(buffer), -1, context)
            damage = stub.contradictions
        session = connection.channels.get(raw.context)
        if session is None:
            stray = self.sessions.stray(REMOTESP, connection, raw.context, frame, time)
            if stray is None:
                session = self.sessions.resolve_channel(connection, raw.context, _words(raw.buffer), frame, time)
            else:
                session = stray.session
                call.method = _STRAY_EVENTS
                call.note = session, None, stray.how
                words = _words(raw.buffer)
                if words and not session.knows(words[1]):
                    # The client cannot receive events for other applications.
                    return
        session.changed = True
        conversation = session.conversation
        if session.misplaced is not None and stray is None:
            self.sessions.place(session, _words(raw.buffer), frame, time)
        if stray is None and not conversation.flowing:
            conversation.delivered(frame, time)
        if damage:
            conversation.damaged_events(damage, stub=True)
        if self.on_packet is not None:
            how = None if stray is None else stray.how
            self._events(session, raw.buffer, "RemoteSPEventProc", frame, time, how)
        elif raw.kind is not None:
            conversation.event(raw, frame, time)
        else:
            several = split(raw)
            if not several:
                self._events(session, raw.buffer, "RemoteSPEventProc", frame, time)
                return
            for each in several:
                conversation.event(each, frame, time)
            # It is kept until the next one.
            several[-1].trim()

    def _remote_detach(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        value = self._read(call, frame, time)
        if value is None:
            return
        if call.phase == REQUEST:
            hosts = self.sessions.channel_hosts(connection)
            session = connection.channels.get(value.context) or self.sessions.channels.get((hosts, value.context))
            how = None
            if session is None:
                stray = self.sessions.stray(REMOTESP, connection, value.context, frame, time)
                if stray is not None:
                    session, how = stray
            if session is not None:
                call.note = session, None, how
                self._show(
                    session, SERVER_TO_CLIENT, "RemoteSPDetach", REQUEST, value, frame, time, call=call, stray=how
                )
        elif call.note is not None:
            session, _, how = call.note
            self._show(session, CLIENT_TO_SERVER, "RemoteSPDetach", RESPONSE, value, frame, time, call=call)
            if how is not None:
                if how:
                    session.conversation.channel_strayed("RemoteSPDetach", how, accepted=True, frame=frame, time=time)
                return
            self.sessions.handles.close(REMOTESP, session.channel, connection, time)
            session.changed = True
            session.conversation.channel_closed(frame, time)
            self.sessions.channels.pop((self.sessions.channel_hosts(connection), session.channel), None)
            connection.channels.pop(session.channel, None)

    def _stray_events(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        """Handle the response to RemoteSPEventProc under an invalid context handle."""
        value = self._read(call, frame, time)
        if value is not None and call.note[2]:
            session, _, how = call.note
            self._show(session, CLIENT_TO_SERVER, _EVENTS.name, RESPONSE, value, frame, time, stray=how)
            session.conversation.channel_strayed(_EVENTS.name, how, accepted=True, frame=frame, time=time)

    def _fault(self, call: RpcCall, frame: int, time: float) -> None:
        if call.note is None:
            return
        session, exchange, *rest = call.note
        direction = SERVER_TO_CLIENT if call.method.interface.rpc_client == "client" else CLIENT_TO_SERVER
        problem = Problem("status", "value", f"RPC fault {call.status:#010x}", "C706 12.6.4.7")
        stub = call.data[call.start :]
        self._show(
            session,
            direction,
            call.method.name,
            "response",
            None,
            frame,
            time,
            (problem,),
            stub,
            call,
            call.status,
            rest[0] if rest and isinstance(rest[0], str) else None,
        )
        if exchange is not None:
            session.conversation.faulted(exchange, frame, time)
        elif call.method.interface is REMOTESP and rest and isinstance(rest[0], str) and rest[0]:
            session.conversation.channel_strayed(call.method.name, rest[0], accepted=False, frame=frame, time=time)

    # -- events ---------------------------------------------------------------------------------------------------

    def _events(
        self, session: Session, data: bytes, method: str, frame: int, time: float, stray: str | None = None
    ) -> None:
        conversation = session.conversation
        found = decode_events(data, conversation.completes)
        for event in found.events:
            if self.on_packet is not None:
                self._show(session, SERVER_TO_CLIENT, method, "event", event, frame, time, stray=stray)
            conversation.event(event, frame, time)
        problems = found.problems
        if not data and method == _EVENTS.name:
            # GetAsyncEvents may return no events; a buffer that is pushed has at least one.
            problems = [_EMPTY]
        for problem in problems:
            self.sessions.warn(frame, f"{method}: {problem}")
        conversation.damaged_events(problems)

    # -- output ---------------------------------------------------------------------------------------------------

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
        stray: str | None = None,
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
                    stray,
                )
            )

    def _number(self, call: RpcCall) -> int:
        """Return the number of a call: the same for its request and its response."""
        if call.phase == REQUEST:
            self._numbered += 1
            call.number = self._numbered
        return getattr(call, "number", 0)

    def _show_raw(self, call: RpcCall, problem: Problem, frame: int, time: float) -> None:
        if self.on_packet is not None:
            asks = (call.phase == REQUEST) is (call.method.interface.rpc_client == "client")
            direction = CLIENT_TO_SERVER if asks else SERVER_TO_CLIENT
            session = "" if call.note is None else call.note[0].conversation.session
            name, phase = call.method.name, _PHASES[call.phase]
            raw = call.data[call.start :]
            self.on_packet(Packet(frame, time, session, direction, name, phase, None, (problem,), raw))


def _words(data: bytes) -> tuple[int, ...]:
    """Return the first DWORDs of the first event in a buffer."""
    return tuple(int.from_bytes(data[at : at + 4], "little") for at in (0, 4)) if len(data) >= 8 else ()
