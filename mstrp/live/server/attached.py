"""One attached client: its handles, its requests, its events."""

from __future__ import annotations

import asyncio
import inspect
import logging
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.engine.errors import LocalProtocolError, ProtocolError
from mstrp.live.log import escaped
from mstrp.live.provider import TapiError
from mstrp.live.server import refusal
from mstrp.live.server.budget import CLIENT, HANDLE, Reservation
from mstrp.live.server.calls import OWNER, Call, Handle
from mstrp.live.server.delivery import Completion
from mstrp.live.server.filters import passes
from protocol.constants import ACK_RETURN_VALUE, LINECALLINFOSTATE, LINECALLSTATE, LINEERR, PHONEERR
from protocol.event import Reply
from protocol.events import LINE_APPNEWCALL, LINE_CALLINFO, LINE_CALLSTATE, LINE_REPLY, PHONE_REPLY
from protocol.fields import HandleType
from protocol.packet import FIXED, decode_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fsm.conversation import Conversation
    from mstrp.live.server.delivery import Delivery
    from mstrp.live.server.devices import App, LineOpen, PhoneOpen
    from mstrp.live.server.server import Server
    from mstrp.live.transport import ServiceConnection
    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["Attached", "Owner", "Pending", "Work", "owner_of"]

#: Maximum size of a request that is included in the cost of its handle.
_SMALL = 1024
_WORDS = Struct("<10I")
_new = object.__new__
_HANDLERS: dict[int, Callable[[Attached, Any], Any]] = {}


def handler(request: type[Request]) -> Callable[[Callable[[Attached, Any], Any]], Callable[[Attached, Any], Any]]:
    """Register the handler of a request.

    For a synchronous request the function returns the output fields; for an asynchronous one the result of the
    provider, or a `Work` if the completion has output fields. A failure raises `TapiError`.
    """

    def register(function: Callable[[Attached, Any], Any]) -> Callable[[Attached, Any], Any]:
        assert request.req_func not in _HANDLERS
        _HANDLERS[request.req_func] = function
        return function

    return register


class Work:
    """A pending operation: ``reply`` is the provider's, ``finish`` creates the completion fields from its result.

    ``undo`` reverts preparations if the operation fails.
    """

    __slots__ = ("finish", "plain", "reply", "undo")

    def __init__(
        self,
        reply: Any,
        finish: Callable[[Any], dict[str, Any] | None] | None = None,
        undo: Callable[[], None] | None = None,
    ) -> None:
        self.reply = reply
        self.finish = finish
        self.undo = undo


class Pending:
    """An asynchronous request that was accepted and is not completed."""

    __slots__ = ("number", "opened", "request", "reservation", "work")

    def __init__(
        self,
        number: int,
        request: Request,
        work: Work,
        opened: LineOpen | PhoneOpen | None,
        reservation: Reservation | None = None,
    ) -> None:
        self.number = number
        self.request = request
        self.work = work
        self.opened = opened
        #: The memory that the request occupies until it is completed.
        self.reservation = reservation


class Owner(NamedTuple):
    """The association group and authenticated user to which a context handle belongs, and the authentication level."""

    group: int
    user: str
    level: int

    def admits(self, other: Owner) -> bool:
        """Return whether a connection of another owner may use the context handle."""
        return self.group == other.group and self.user == other.user and self.level <= other.level


class Attached:
    """A binding: everything under one context handle."""

    def __init__(
        self,
        server: Server,
        context: bytes,
        connection: ServiceConnection,
        *,
        management: bool,
        machine: str,
        user: str,
        admin: bool,
    ) -> None:
        self.server = server
        self.context = context
        self.owner = owner_of(connection)
        #: Connections used for requests; the end of the last one ends the binding.
        self.connections = {connection}
        self.management = management
        self.machine = machine
        self.user = user
        self.admin = admin
        self.transfers = server.options.transfers
        self.apps: dict[int, App] = {}
        self.lines: dict[int, LineOpen] = {}
        self.phones: dict[int, PhoneOpen] = {}
        self.handles: dict[int, Handle] = {}
        self.dialogs: dict[int, Any] = {}
        self.pending: dict[int, Pending] = {}
        #: Request ids whose completion the client has not received or fetched.
        self.undelivered: set[int] = set()
        self.masks: dict[str, int] = {}
        self.delivery: Delivery
        #: Opens the event channel before the response to ClientAttach.
        self.opening: asyncio.Task[Any] | None = None
        #: The user or peer charged for the client's memory, and its reservation.
        self.payer = ""
        self.reservation = Reservation(server.memory, "")
        self.gone = False
        self._next_id = 0
        self._current: Request | None = None
        self._outbox: list[Event] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._conversation: Conversation | None = server.watch(self)

    def __str__(self) -> str:
        peer = next(iter(self.connections)).peer[0] if self.connections else "gone"
        return f"client {escaped(self.machine) or '?'} ({peer})"

    def facts(self) -> dict[str, Any]:
        """Fields of the client in the log."""
        found = next(iter(self.connections)).facts() if self.connections else {}
        return {**found, "machine": self.machine}

    # -- handles --------------------------------------------------------------------------------------------------

    def has(self, kind: HandleType, value: int) -> bool:
        """Return whether a value is an open handle of a kind."""
        match kind:
            case HandleType.HCALL:
                return value in self.handles
            case HandleType.HLINE:
                return value in self.lines
            case HandleType.HLINEAPP:
                return value in self.apps and self.apps[value].kind == "line"
            case HandleType.HPHONE:
                return value in self.phones
            case HandleType.HPHONEAPP:
                return value in self.apps and self.apps[value].kind == "phone"
            case HandleType.DIALOGINSTANCE:
                return value in self.dialogs
            case HandleType.HAGENT:
                return value in self.server.agents
            case HandleType.HAGENTSESSION:
                return value in self.server.agent_sessions
        return False

    def believed(self, value: int) -> int:
        """Return the possible states of a call as bits, as known to the machines; 0 if unknown."""
        call = self._conversation.calls.get(value) if self._conversation is not None else None
        return 0 if call is None else call.mask

    def new_handle(self) -> int:
        """Return an unused handle. Raises if the client has too many."""
        held = len(self.handles) + len(self.lines) + len(self.phones) + len(self.apps) + len(self.dialogs)
        if held >= self.server.options.limits.handles:
            raise TapiError(LINEERR.RESOURCEUNAVAIL, f"the client has {held} handles")
        if not self.reservation.resize(CLIENT + HANDLE * (held + 1)):
            raise TapiError(LINEERR.RESOURCEUNAVAIL, "the memory for clients is exhausted")
        return self.server.handle()

    def hold(self, call: Call, opened: LineOpen, privilege: int, *, told: bool) -> Handle:
        """Add a handle of a call."""
        handle = Handle(self.new_handle(), call, opened, privilege, told=told)
        self.handles[handle.value] = handle
        opened.handles[handle.value] = handle
        call.handles.append(handle)
        return handle

    def release(self, handle: Handle, *, tell: bool = True) -> None:
        """Remove a handle of a call."""
        self.handles.pop(handle.value, None)
        handle.opened.handles.pop(handle.value, None)
        call = handle.call
        if handle in call.handles:
            call.handles.remove(handle)
        if call.handles:
            if tell and call.state != LINECALLSTATE.IDLE:
                owner = handle.privilege == OWNER
                changes = LINECALLINFOSTATE.NUMOWNERDECR if owner else LINECALLINFOSTATE.NUMMONITORS
                self.server.reports.call_info(call, int(changes))
        else:
            self.server.abandoned(call)

    def reserve(self, packet: Request, size: int) -> Reservation:
        """Reserve memory for the lifetime of the reservation; raises if there is not enough."""
        found = Reservation(self.server.memory, self.payer)
        if not found.resize(size):
            raise refusal.refuse(packet, "RESOURCEUNAVAIL", "the memory for clients is exhausted")
        return found

    def keep(self, call: Call) -> None:
        """Reserve memory for data of the current request that a call stores."""
        packet = self._current
        if packet is None or len(packet.buffer) <= _SMALL:
            return
        if call.stored is None:
            call.stored = {}
        # A later request of the same type replaces the data of an earlier one.
        call.stored.pop(packet.words[0], None)
        call.stored[packet.words[0]] = self.reserve(packet, len(packet.buffer))

    # -- requests -------------------------------------------------------------------------------------------------

    def request(self, packet: Request) -> bytes:
        """Handle a request: the valid bytes of pBuffer."""
        self._outbox = []
        self._current = packet
        conversation = self._conversation
        exchange = None
        try:
            exchange = self._admit(packet)
            answer = self._perform(packet)
        except TapiError as error:
            self.server.refused += 1
            self.server.log.write(
                logging.DEBUG, "request-refused", **self.facts(), request=packet.layout.name, reason=error
            )
            answer = _acknowledged(packet, error.code)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a response
            # An error of the provider, or of this server: the client gets a response, the log gets the traceback.
            self.server.log.write(
                logging.ERROR, "internal-error", error=error, **self.facts(), request=packet.layout.name
            )
            failed = PHONEERR.OPERATIONFAILED if packet.device == "phone" else LINEERR.OPERATIONFAILED
            answer = _acknowledged(packet, int(failed))
        if conversation is not None and exchange is not None:
            response = decode_response(answer, type(packet))
            self._watched(lambda _, time: conversation.answered(exchange, response, 0, time), None, self.server.now())
        self._current = None
        waiting, self._outbox = self._outbox, None
        for event in waiting:
            self._deliver(event)
        return answer

    def _admit(self, packet: Request) -> Any:
        """Refuse illegal requests; return the transaction of the machines, if they are enabled."""
        refusal.check(self, packet)
        if self._conversation is None:
            return None
        found = self._watched(self._conversation.sent, packet, self.server.now())
        if isinstance(found, ProtocolError):
            raise refusal.code_of_error(packet, found)
        return found

    def _watched(self, step: Callable[..., Any], subject: Any, now: float) -> Any:
        """Pass a packet to the machines; return their error, if any."""
        try:
            return step(subject, 0, now) if subject is not None else step(None, now)
        except LocalProtocolError as error:
            self.server.mistake(self, error)
            return error
        except ProtocolError as error:
            return error

    def _perform(self, packet: Request) -> bytes:
        answer = _HANDLERS.get(packet.words[0])
        if answer is None:
            raise refusal.refuse(packet, "OPERATIONUNAVAIL")
        if len(packet.buffer) > _SMALL:
            for name in ("call", "conf_call"):
                handle = self.handles.get(getattr(packet, name, 0) or 0)
                if handle is not None:
                    self.keep(handle.call)
        if type(packet).completion == "async":
            return self._start(packet, answer)
        fields = answer(self, packet)
        if not fields:
            return _acknowledged(packet, 0)
        given = {name: value for name, value in packet.values().items() if isinstance(value, int)}
        response = type(packet)(ack=0, **{**given, **fields})
        data = response.encode()
        if len(data) > max(packet.capacity, FIXED):
            raise refusal.refuse(packet, "STRUCTURETOOSMALL", f"{len(data)} bytes do not fit into {packet.capacity}")
        return data

    def _start(self, packet: Any, answer: Callable[[Attached, Any], Any]) -> bytes:
        number = self._number(packet)
        if len(self.pending) + len(self.undelivered) >= self.server.options.limits.pending:
            raise refusal.refuse(packet, "RESOURCEUNAVAIL", f"{len(self.pending)} requests are pending")
        reservation = self.reserve(packet, len(packet.buffer))
        work = answer(self, packet)
        if not isinstance(work, Work):
            work = Work(work)
        pending = Pending(number, packet, work, self._line_of(packet), reservation)
        self.pending[number] = pending
        reply = work.reply
        if inspect.isawaitable(reply):
            self._await(pending, reply)
        else:
            self._complete(pending, reply, None)
        return _acknowledged(packet, number)

    def _number(self, packet: Any) -> int:
        number: int = packet.request_id
        if number > 0x7FFFFFFF:
            raise refusal.refuse(packet, "INVALPARAM", f"dwRequestID {number:#x}")
        if self._in_use(number):
            raise refusal.refuse(packet, "INVALPARAM", f"request id {number:#x} is in use")
        while not number or self._in_use(number) or number == ACK_RETURN_VALUE.TAPIERR_INVALRPCCONTEXT:
            # A larger number would be an error code.
            self._next_id = self._next_id % 0x7FFFFFFF + 1
            number = self._next_id
        return number

    def _in_use(self, number: int) -> bool:
        """Return whether a request id is pending, or its completion has not reached the client."""
        return number in self.pending or number in self.undelivered

    def _line_of(self, packet: Any) -> LineOpen | PhoneOpen | None:
        for name in ("call", "conf_call", "active_call"):
            handle = self.handles.get(getattr(packet, name, 0) or 0)
            if handle is not None:
                return handle.opened
        line = self.lines.get(getattr(packet, "line", 0) or 0)
        return line if line is not None else self.phones.get(getattr(packet, "phone", 0) or 0)

    def _await(self, pending: Pending, reply: Awaitable[Any]) -> None:
        future = asyncio.ensure_future(reply)
        if isinstance(future, asyncio.Task):
            self._tasks.add(future)
            future.add_done_callback(self._tasks.discard)

        def done(future: asyncio.Future[Any]) -> None:
            if future.cancelled():
                self._complete(pending, None, TapiError(LINEERR.OPERATIONFAILED))
                return
            error = future.exception()
            self._complete(pending, None if error else future.result(), error)

        future.add_done_callback(done)

    def _complete(self, pending: Pending, result: Any, error: BaseException | None) -> None:
        if self.pending.pop(pending.number, None) is not pending:
            return  # Suppressed: the line was closed, or the client has ended.
        packet, work = pending.request, pending.work
        brings: dict[str, Any] | None = None
        if error is None:
            try:
                brings = work.finish(result) if work.finish is not None else None
            except TapiError as failure:
                error = failure
        code = 0
        if error is not None:
            if work.undo is not None:
                work.undo()
            failed = PHONEERR.OPERATIONFAILED if packet.device == "phone" else LINEERR.OPERATIONFAILED
            code = error.code if isinstance(error, TapiError) else int(failed)
            if not isinstance(error, TapiError):
                self.server.log.write(
                    logging.ERROR, "internal-error", error=error, **self.facts(), request=packet.layout.name
                )
        self.tell(self._reply(pending, code, brings))

    def _reply(self, pending: Pending, code: int, brings: dict[str, Any] | None) -> Event:
        packet: Any = pending.request
        opened = pending.opened
        contexts = {
            "init_context": opened.app.context if opened is not None else self._first_context(packet),
            "open_context": opened.context if opened is not None else 0,
        }
        kind: Any = type(packet).Completion
        if kind is None or (brings is None and packet.layout.name == "Forward"):
            context = packet.words[packet.layout.index("lpContext")] if "lpContext" in packet.layout.by_spec else 0
            if packet.device == "phone":
                return PHONE_REPLY(**contexts, request_id=pending.number, result=code, context=context)
            return LINE_REPLY(**contexts, request_id=pending.number, result=code, context=context)
        fields: dict[str, Any] = {}
        known = packet.layout.by_spec
        for name, word in kind.layout.by_name.items():
            source = known.get(getattr(word, "echoes", ""))
            if source is not None and name != "request_id":
                fields[name] = packet.words[source.index]
        if "lpContext" in known:
            fields["context"] = packet.words[known["lpContext"].index]
        fields.update(brings or {})
        found: Event = kind(**contexts, **fields, request_id=pending.number, result=code)
        return found

    def _first_context(self, packet: Any) -> int:
        app = self.apps.get(getattr(packet, "line_app", 0) or getattr(packet, "phone_app", 0) or 0)
        return app.context if app is not None else 0

    def suppress(self, opened: LineOpen | PhoneOpen) -> None:
        """Cancel the pending requests of a closed line or phone."""
        for number, pending in list(self.pending.items()):
            if pending.opened is opened:
                del self.pending[number]
                if pending.work.undo is not None:
                    pending.work.undo()

    # -- events ---------------------------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Send an event, regardless of filters."""
        if self.gone or self.management:
            return
        if isinstance(event, Reply):
            self.undelivered.add(event.completed_id)
        if self._outbox is not None:
            self._outbox.append(event)
        else:
            self._deliver(event)

    def _deliver(self, event: Event) -> None:
        conversation = self._conversation
        if conversation is not None:
            error = self._watched(conversation.event, event, self.server.now())
            if isinstance(error, LocalProtocolError) and self.server.options.strict:
                if isinstance(event, Reply):
                    self.undelivered.discard(event.completed_id)
                return
        self.server.told += 1
        self.delivery.put(Completion(event.buffer, event.completed_id) if isinstance(event, Reply) else event.buffer)

    def tell_line(self, opened: LineOpen, event: Event, *extra: dict[str, int]) -> None:
        """Send an event about an open line, unless a filter suppresses it."""
        if passes(event, *extra, opened.masks, opened.app.masks, self.masks):
            self.tell(event)

    def tell_phone(self, opened: PhoneOpen, event: Event) -> None:
        """Send an event about an open phone, unless a filter suppresses it."""
        if passes(event, opened.masks, opened.app.masks, self.masks):
            self.tell(event)

    def tell_state(self, handle: Handle) -> None:
        """Send LINE_CALLSTATE, after LINE_APPNEWCALL if the client does not know the handle."""
        opened, call = handle.opened, handle.call
        init, context, remote = opened.app.context, opened.context, opened.remote
        if not handle.told:
            handle.told = True
            if opened.version >= 0x00020000:
                words = (40, init, 0, remote, 0x17, context, call.address, handle.value, call.number, call.related)
                self.tell_line(opened, quick(LINE_APPNEWCALL, words))
        mode = call.mode
        if call.state == LINECALLSTATE.CONFERENCED:
            parent = call.parent.handle_of(opened) if call.parent is not None else None
            mode = parent.value if parent is not None else 0
        words = (40, init, mode, handle.value, 2, context, call.state, handle.privilege, call.media, remote)
        self.tell_line(opened, quick(LINE_CALLSTATE, words))

    def tell_info(self, handle: Handle, changes: int) -> None:
        """Send LINE_CALLINFO."""
        opened = handle.opened
        words = (40, opened.app.context, 0, handle.value, 1, opened.context, changes, 0, 0, opened.remote)
        self.tell_line(opened, quick(LINE_CALLINFO, words))

    # -- binding --------------------------------------------------------------------------------------------------

    def attached(self, process_id: int, domain_user: str) -> None:
        """Record that ClientAttach succeeded."""
        if self._conversation is not None:
            self._conversation.attached(process_id, domain_user, 0, self.server.now())

    def channel_opened(self) -> None:
        """Record that RemoteSPAttach succeeded."""
        if self._conversation is not None:
            self._conversation.channel_opened(0, self.server.now())

    def fetched(self) -> None:
        """Return the events for GetAsyncEvents."""
        if self._conversation is not None:
            self._watched(lambda _, time: self._conversation.fetched(0, time), None, self.server.now())  # type: ignore[union-attr]

    def cut_off(self, why: str) -> None:
        """End the binding, because the client exceeds a limit or is unreachable."""
        if not self.gone:
            self.server.log.write(logging.WARNING, "cut-off", **self.facts(), reason=why)
            self.server.end(self, why)
            self.delivery.abort()
            for connection in list(self.connections):
                connection.abort()

    def forget(self) -> None:
        """Remove everything under the binding; the server handles calls and devices."""
        self.gone = True
        for task in list(self._tasks):
            task.cancel()
        for pending in list(self.pending.values()):
            if pending.work.undo is not None:
                pending.work.undo()
        self.pending.clear()


def owner_of(connection: ServiceConnection) -> Owner:
    """Return the association group, user and level of a connection."""
    association = connection.association
    user = str(getattr(association.security, "user", "") or "")
    return Owner(association.group, user.casefold(), association.level)


def quick(kind: type[Event], words: tuple[int, ...]) -> Event:
    """Encode an event of ten DWORDs directly, without its declaration."""
    event: Any = _new(kind)
    event.words = words
    event.buffer = _WORDS.pack(*words)
    found: Event = event
    return found


def _acknowledged(packet: Request, ack: int) -> bytes:
    """Return the fixed part of a response with a result."""
    return (ack & 0xFFFFFFFF).to_bytes(4, "little") + packet.buffer[4:FIXED].ljust(FIXED - 4, b"\0")
