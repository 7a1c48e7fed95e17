"""The client itself: a binding to a server, requests, completions, events (3.2, 3.3)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from fsm.engine.errors import LocalProtocolError, ProtocolError
from fsm.engine.levels import Fault
from fsm.monitor import Monitor
from mstrp.capture.packets import CLIENT_TO_SERVER, SERVER_TO_CLIENT
from mstrp.live.bindings import Binding, parse_binding
from mstrp.live.client.channel import Channel
from mstrp.live.client.routing import Routing
from mstrp.live.provider import TapiError
from mstrp.live.transport import Caller, ConnectionEnded, RpcFault
from protocol import line, phone
from protocol.event import Reply, decode_events
from protocol.generic import GetAsyncEvents
from protocol.ndr import (
    MANAGEMENT,
    METHODS,
    TAPSRV,
    TELEPHONY,
    ClientAttach,
    ClientDetach,
    ClientRequest,
    RemoteSPAttach,
)
from protocol.packet import FIXED, decode_response
from protocol.rpc.association import AssociationError
from protocol.rpc.client_association import ClientAssociation
from protocol.rpc.pdu import NDR20, NDR64, Syntax

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from mstrp.live.recorder import Recorder
    from protocol.event import Event
    from protocol.packet import Request
    from protocol.rpc.association import Security

__all__ = ["ClientOptions", "TapiClient"]

_logger = logging.getLogger("mstrp.live")
_METHODS = {method.name: method for method in METHODS.values()}
_TRANSFERS: dict[str, tuple[Syntax, ...]] = {"auto": (NDR20, NDR64), "20": (NDR20,), "64": (NDR64,)}
#: Events that wait for an iterator: more than that nobody will read.
_BACKLOG = 100_000
#: The buffer for GetAsyncEvents, and how large it may grow.
_ROOM, _MOST = 16_384, 16 * 1024 * 1024
_USED = GetAsyncEvents.layout.index("dwUsedBufferSize")
_NEEDED = GetAsyncEvents.layout.index("dwNeededBufferSize")


@dataclass
class ClientOptions:
    """The settings of a client; times in seconds."""

    #: How events come: "push" to an endpoint of our own, or "pull" with GetAsyncEvents.
    events: str = "push"
    #: Administer the server instead of controlling its devices.
    management: bool = False
    ndr: str = "auto"
    #: Whether what the tables forbid raises `LocalProtocolError` before anything is sent.
    strict: bool = True
    #: A call of the interface (3.2.2), and a completion (None: for as long as it takes, O8).
    timeout: float = 5.0
    completion_timeout: float | None = None
    #: GetAsyncEvents that fails is tried again (3.2.6, note 9).
    retries: int = 2
    retry_after: float = 1.0
    #: How often to look for a server that is not there (3.2.6, note 8), and whether to do so when it is lost.
    absent_after: float = 300.0
    wait: bool = False
    reconnect: bool = False
    #: Pull without a mailslot that works: how often to look for events.
    poll: float = 0.05
    machine: str = ""
    user: str = ""
    mailslot: str = ""
    #: Where to listen for events; by default the address from which the server is reached.
    event_host: str = ""
    #: Makes security contexts for requests; for the event channel: of (type, level), and the least level.
    security: Callable[[], Security] | None = None
    event_security: Callable[[int, int], Security] | None = None
    event_level: int = 0
    header_signing: bool = True
    #: Who one is to the SMB server in front of a named pipe.
    smb_user: tuple[str, str] = ("guest", "")


class _Connecting:
    """What `TapiClient.connect` returns: await it, or use it with ``async with``."""

    def __init__(self, client: TapiClient) -> None:
        self.client = client

    def __await__(self) -> Generator[Any, None, TapiClient]:
        return self.client.attach().__await__()

    async def __aenter__(self) -> TapiClient:
        return await self.client.attach()

    async def __aexit__(self, *exc: object) -> None:
        await self.client.close()


class TapiClient(Routing):
    """A binding to a telephony server."""

    def __init__(self, binding: Binding, options: ClientOptions, recorder: Recorder | None = None) -> None:
        super().__init__()
        self.binding = binding
        self.options = options
        self.recorder = recorder
        self.machine = options.machine or socket.gethostname().split(".")[0].upper() or "CLIENT"
        #: What the server did that the tables do not allow; without ``strict`` it is among the findings of the monitor.
        self.problems: list[ProtocolError] = []
        self.monitor = Monitor()
        self.attached = False
        #: Called for every packet: direction, method, phase, content.
        self.on_packet: Callable[[str, str, str, Any], None] | None = None
        self.begun = time.monotonic()
        self._caller: Caller | None = None
        self._channel: Channel | None = None
        self._context = b""
        self._poller: asyncio.Task[None] | None = None
        self._reviver: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._room = _ROOM
        self._readers: set[asyncio.Queue[Event | None]] = set()
        self._closing = False

    @classmethod
    def connect(cls, binding: str | Binding, *, recorder: Recorder | None = None, **options: Any) -> _Connecting:
        """Attach to a server: ``async with TapiClient.connect("ncacn_ip_tcp:host[5150]") as client``.

        Keyword arguments are those of `ClientOptions`. Raises `OSError`, `TimeoutError`, `AssociationError` or
        `TapiError` when it does not work.
        """
        found = parse_binding(binding) if isinstance(binding, str) else binding
        return _Connecting(cls(found, ClientOptions(**options), recorder))

    def now(self) -> float:
        """Seconds since the client began, for the machines."""
        return time.monotonic() - self.begun

    # -- the binding ----------------------------------------------------------------------------------------------

    async def attach(self) -> Self:
        """Connect and attach; with ``wait`` as soon as the server is there."""
        while True:
            try:
                await self._attach()
            except (OSError, TimeoutError):
                await self._release()
                if not self.options.wait:
                    raise
                await asyncio.sleep(self.options.absent_after)
            except BaseException:
                await self._release()
                raise
            else:
                return self

    async def _attach(self) -> None:
        options = self.options
        self.monitor.conversations.clear()
        self.conversation = self.monitor.conversation(role=Fault.CLIENT if options.strict else None)
        # In a thread, because a KDC may be asked.
        security = await asyncio.to_thread(options.security) if options.security is not None else None
        association = ClientAssociation(
            [TAPSRV],
            transfers=_TRANSFERS[options.ndr],
            security=security,
            header_signing=options.header_signing,
        )
        caller = await self.open_transport(association)
        self._caller = caller
        machine, user, process = self.machine, options.user, TELEPHONY
        if options.management:
            process = MANAGEMENT
            user = user or "admin"
        elif options.events == "push":
            user = ""
            self._channel = Channel(
                opened=self._channel_opened,
                closed=self._channel_closed,
                events=self._pushed,
                lost=self._lost,
                recorder=self.recorder,
                association={
                    "transfers": _TRANSFERS[options.ndr][::-1],
                    "security": options.event_security,
                    "required_level": options.event_level,
                },
            )
            port = await self._channel.start(self._event_host(caller))
            machine = f'{machine}"ncacn_ip_tcp"{port}"'
        else:
            user = options.mailslot or rf"\\{self.machine}\mailslot\tapi\tp{id(self) & 0xFFFF}"
        asked = ClientAttach(process, user, machine)
        self._show(CLIENT_TO_SERVER, "ClientAttach", "request", asked)
        result = await caller.call(_METHODS["ClientAttach"], asked, options.timeout)
        self._show(SERVER_TO_CLIENT, "ClientAttach", "response", result)
        self._watch(lambda: self.conversation.inspect_attach(asked, result))
        if result.result:
            raise TapiError(result.result & 0xFFFFFFFF, "ClientAttach")
        self._context = result.context
        self.conversation.attached(process, user, 0, self.now())
        self.attached = True
        caller.on_lost = self._lost
        if options.events == "pull" and not options.management:
            self._poller = asyncio.create_task(self._poll())

    async def open_transport(self, association: ClientAssociation) -> Caller:
        """Connect to the server's endpoint."""
        if self.binding.sequence == "ncacn_np":
            from mstrp.live.pipe import connect_pipe

            return await connect_pipe(self.binding, association, self.options, recorder=self.recorder)
        return await Caller.connect(
            self.binding.host, self.binding.port, association, timeout=self.options.timeout, recorder=self.recorder
        )

    def _channel_opened(self) -> None:
        self._show(SERVER_TO_CLIENT, "RemoteSPAttach", "request", RemoteSPAttach())
        self._watch(lambda: self.conversation.channel_opened(0, self.now()))

    def _channel_closed(self) -> None:
        self._show(SERVER_TO_CLIENT, "RemoteSPDetach", "request", RemoteSPAttach())
        self._watch(lambda: self.conversation.channel_closed(0, self.now()))

    def _show(self, direction: str, method: str, phase: str, content: Any) -> None:
        if self.on_packet is not None:
            self.on_packet(direction, method, phase, content)

    def _event_host(self, caller: Caller) -> str:
        if self.options.event_host:
            return self.options.event_host
        own = caller.transport.get_extra_info("sockname")
        return str(own[0]) if isinstance(own, tuple) else "127.0.0.1"

    def _lost(self) -> None:
        """The connection, or the server's event channel, is gone: the binding is void."""
        if not self.attached or self._closing:
            return
        self.attached = False
        _logger.info("the connection to %s is lost", self.binding)
        self.conversation.lost(0, self.now())
        self.void(ConnectionEnded("the connection to the server is lost"))
        if self._caller is not None:
            self._caller.abort()
        if self.options.reconnect and self._reviver is None:
            self._reviver = asyncio.create_task(self._revive())
        else:
            self._tell(None)

    async def _revive(self) -> None:
        """Look for the server until it is there again; everything has to be opened anew (3.2.6)."""
        await self._release()
        while not self._closing:
            try:
                await self._attach()
            except (OSError, TimeoutError, AssociationError, TapiError):
                await self._release()
                await asyncio.sleep(self.options.absent_after)
            else:
                break
        self._reviver = None
        self.reconnected.set()

    async def _release(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
            self._poller = None
        if self._caller is not None:
            self._caller.on_lost = None
            self._caller.close()
            await self._caller.wait_closed()
            self._caller = None
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    async def close(self) -> None:
        """Detach; whatever is still open goes with the binding, and the connections end."""
        await self.detach()
        await self._release()

    async def detach(self) -> None:
        """ClientDetach: the binding ends, its connection stays open until `close`."""
        self._closing = True
        if self._reviver is not None:
            self._reviver.cancel()
        if self._poller is not None:
            self._poller.cancel()
            self._poller = None
        caller = self._caller
        if self.attached and caller is not None and not caller.closed:
            self.attached = False
            with contextlib.suppress(OSError, TimeoutError, RpcFault, AssociationError):
                self._show(CLIENT_TO_SERVER, "ClientDetach", "request", ClientDetach(self._context))
                await caller.call(_METHODS["ClientDetach"], ClientDetach(self._context), self.options.timeout)
                self._show(SERVER_TO_CLIENT, "ClientDetach", "response", ClientDetach(self._context))
                self.conversation.detached(0, self.now())
                if self._channel is not None:
                    # RemoteSPDetach follows; a server that forgets it is not waited for.
                    async with asyncio.timeout(1.0):
                        await self._channel.detached.wait()
        self.attached = False
        self.void(ConnectionEnded("the client is closed"))
        self._tell(None)

    # -- requests -------------------------------------------------------------------------------------------------

    async def request(self, packet: Request, *, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """Send a request and return its answer, whatever that says.

        Raises `LocalProtocolError` before anything is sent when the tables forbid it (unless ``strict`` is off).
        """
        caller = self._caller
        if caller is None or not self.attached:
            raise ConnectionEnded("the client is not attached")
        conversation = self.conversation
        exchange = conversation.sent(packet, 0, self.now())
        if isinstance(packet, (line.Initialize, phone.Initialize)):
            self.contexts.add(packet.init_context)
        self._show(CLIENT_TO_SERVER, "ClientRequest", "request", packet)
        value = ClientRequest(self._context, packet.encode(), packet.capacity)
        try:
            result = await caller.call(_METHODS["ClientRequest"], value, timeout or self.options.timeout)
        except RpcFault:
            self._watch(lambda: conversation.faulted(exchange, 0, self.now()))
            raise
        answer: Any = decode_response(result.buffer, type(packet))
        self._show(SERVER_TO_CLIENT, "ClientRequest", "response", answer)
        self._watch(lambda: conversation.answered(exchange, answer, 0, self.now()))
        return answer

    async def ask(self, packet: Request) -> Any:
        """Perform a request: the answer of a synchronous one, the completion of an asynchronous one.

        Raises `TapiError` when it fails, at once or later.
        """
        if type(packet).completion != "async":
            answer = await self.request(packet)
            if answer.ack < 0:
                raise TapiError(answer.words[0], packet.layout.name)
            return answer
        packet, number = self.numbered(packet)
        future = self.expect(number, packet)
        try:
            number = await self._accepted(packet, number)
            async with asyncio.timeout(self.options.completion_timeout):
                completion: Reply = await future
        except BaseException:
            self.give_up(number)
            raise
        if completion.outcome < 0:
            raise TapiError(completion.words[7], packet.layout.name)
        return completion

    async def _accepted(self, packet: Request, number: int) -> int:
        """Send an asynchronous request; the id under which its completion will come."""
        answer = await self.request(packet)
        if answer.ack <= 0:
            raise TapiError(answer.words[0], packet.layout.name)
        if answer.ack != number:
            self.renumber(number, answer.ack)
        found: int = answer.ack
        return found

    def _watch(self, step: Callable[[], Any]) -> None:
        """Let the machines look at what the server did; what they object to is kept and told, not raised."""
        try:
            step()
        except LocalProtocolError:
            raise
        except ProtocolError as error:
            if len(self.problems) < 1000:
                self.problems.append(error)
            _logger.warning("%s", error)

    # -- events ---------------------------------------------------------------------------------------------------

    def _pushed(self, data: bytes) -> None:
        self._watch(lambda: self.conversation.delivered(0, self.now()))
        self._take(data, whole=True)

    def _take(self, data: bytes, *, whole: bool = False) -> None:
        """Take the events of a buffer; with ``whole`` none of one that is damaged anywhere (3.3.4.2)."""
        found = decode_events(data, self.conversation.completes)
        for event in () if whole and found.problems else found.events:
            self._show(SERVER_TO_CLIENT, "RemoteSPEventProc", "event", event)
            if self.options.strict and self._foreign(event):
                # What is dropped must not decide what the client may ask for.
                _logger.warning("dropped, it is about nothing that is here: %s", event)
            else:
                self._watch(lambda event=event: self.conversation.event(event, 0, self.now()))  # type: ignore[misc]
            self.route(event)
            self._tell(event)
        for problem in found.problems:
            _logger.warning("events: %s", problem)
        self._watch(lambda: self.conversation.damaged_events(found.problems))

    def _foreign(self, event: Event) -> bool:
        """Whether an event is about an application or a line that was not asked for, by whatever part of the program."""
        if self.concerns(event):
            return False
        talk = self.conversation
        named = self.line_of(event)
        contexts = {app.init_context for app in talk.apps.values()} | self.contexts
        lines = {*talk.reported, *talk.opening, *self.lines}
        return event.words[1] not in contexts or (bool(named) and named not in lines)

    def _tell(self, event: Event | None) -> None:
        for reader in self._readers:
            if event is None or reader.qsize() < _BACKLOG:
                reader.put_nowait(event)

    async def events(self) -> AsyncIterator[Event]:
        """All events from now on, until the binding ends."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._readers.add(queue)
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._readers.discard(queue)

    def reader(self) -> asyncio.Queue[Event | None]:
        """A queue of all events from now on; None when the binding ends."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._readers.add(queue)
        return queue

    def wake(self) -> None:
        """The mailslot says that events wait."""
        self._wake.set()

    async def _poll(self) -> None:
        """Fetch events when the mailslot says so, and now and then in case it does not."""
        while self.attached:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.options.poll):
                    await self._wake.wait()
            self._wake.clear()
            try:
                while await self._fetch():
                    pass
            except (OSError, TimeoutError, RpcFault, AssociationError) as error:
                _logger.info("GetAsyncEvents: %s", error)
                self._lost()
                return

    async def _fetch(self) -> bool:
        """One GetAsyncEvents, tried again when it fails; whether there is more."""
        room = self._room
        packet = GetAsyncEvents(total_buffer_size=room, capacity=FIXED + room)
        for attempt in range(self.options.retries + 1):
            try:
                answer = await self.request(packet)
                break
            except (TimeoutError, RpcFault):
                if attempt == self.options.retries:
                    raise
                await asyncio.sleep(self.options.retry_after)
        used, needed = answer.words[_USED], answer.words[_NEEDED]
        if answer.words[0]:
            return False
        if not used:
            # The next event is larger than the buffer: bring a larger one (decision E20).
            self._room = max(self._room, min(needed, _MOST))
            return bool(needed) and room < self._room
        self._watch(lambda: self.conversation.fetched(0, self.now()))
        self._take(answer.buffer[FIXED : FIXED + used])
        return bool(needed > used)

    # -- applications ---------------------------------------------------------------------------------------------

    async def initialize(self, name: str = "", *, version: int = 0x00030001) -> Any:
        """Register a line application (2.2.4.1.1.1)."""
        from mstrp.live.client.line import LineApp

        return await LineApp.initialize(self, name or self.machine, version)

    async def initialize_phones(self, name: str = "", *, version: int = 0x00030001) -> Any:
        """Register a phone application (2.2.4.1.4.1)."""
        from mstrp.live.client.phone import PhoneApp

        return await PhoneApp.initialize(self, name or self.machine, version)
