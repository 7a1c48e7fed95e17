"""The client: a binding to a server, requests, completions, events (3.2, 3.3)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from typing import TYPE_CHECKING, Any, Self

from fsm.engine.errors import LocalProtocolError, ProtocolError
from fsm.engine.levels import Fault
from fsm.monitor import Monitor
from mstrp.capture.packets import CLIENT_TO_SERVER, SERVER_TO_CLIENT
from mstrp.live.bindings import Binding, parse_binding
from mstrp.live.client.channel import Channel
from mstrp.live.client.completions import Completions
from mstrp.live.client.fetcher import Fetcher
from mstrp.live.client.handles import Handles
from mstrp.live.client.options import ClientOptions
from mstrp.live.provider import TapiError
from mstrp.live.transport import Caller, ConnectionEnded, RpcFault
from protocol import line, phone
from protocol.event import Reply, decode_events
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
from protocol.packet import decode_response
from protocol.rpc.association import AssociationError
from protocol.rpc.client_association import ClientAssociation
from protocol.rpc.pdu import NDR20, NDR64, Syntax

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

    from fsm.conversation import Conversation
    from mstrp.live.recorder import Recorder
    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["TapiClient"]

_logger = logging.getLogger("mstrp.live")
_METHODS = {method.name: method for method in METHODS.values()}
_TRANSFERS: dict[str, tuple[Syntax, ...]] = {"auto": (NDR20, NDR64), "20": (NDR20,), "64": (NDR64,)}
#: Events queued for a reader at most.
_BACKLOG = 100_000


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


class TapiClient:
    """A binding to a telephony server."""

    #: The state machines of the binding, from `attach` on.
    conversation: Conversation

    def __init__(self, binding: Binding, options: ClientOptions, recorder: Recorder | None = None) -> None:
        self.binding = binding
        self.options = options
        self.recorder = recorder
        self.machine = options.machine or socket.gethostname().split(".")[0].upper() or "CLIENT"
        #: Violations by the server, with ``strict``; without, they are among the findings of the monitor.
        self.problems: list[ProtocolError] = []
        self.monitor = Monitor()
        self.handles = Handles()
        self.completions = Completions()
        self.reconnected = asyncio.Event()
        self.attached = False
        #: Called with every packet: direction, method, phase, content.
        self.on_packet: Callable[[str, str, str, Any], None] | None = None
        #: Called with a description of each wait that takes longer than ``notice_after``.
        self.on_wait: Callable[[str], object] | None = None
        self.begun = time.monotonic()
        self._caller: Caller | None = None
        self._channel: Channel | None = None
        self._context = b""
        self._fetcher: Fetcher | None = None
        self._reconnecting: asyncio.Task[None] | None = None
        self._readers: set[asyncio.Queue[Event | None]] = set()
        self._closing = False
        self._last_id = 0x100

    @classmethod
    def connect(cls, binding: str | Binding, *, recorder: Recorder | None = None, **options: Any) -> _Connecting:
        """Attach to a server: ``async with TapiClient.connect("ncacn_ip_tcp:host[5150]") as client``.

        Keyword arguments are those of `ClientOptions`. Raises `OSError`, `TimeoutError`, `AssociationError` or
        `TapiError` if it fails.
        """
        found = parse_binding(binding) if isinstance(binding, str) else binding
        return _Connecting(cls(found, ClientOptions(**options), recorder))

    def now(self) -> float:
        """Seconds since the client was created."""
        return time.monotonic() - self.begun

    def new_id(self) -> int:
        """Return an unused value for contexts and for handles that the client chooses."""
        self._last_id += 1
        return self._last_id

    @contextlib.contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Report a long wait, and describe it in a TimeoutError."""
        notice = None
        if self.on_wait is not None:
            notice = asyncio.get_running_loop().call_later(self.options.notice_after, self.on_wait, what)
        try:
            yield
        except TimeoutError as error:
            raise TimeoutError(f"waiting for {what}") from error
        finally:
            if notice is not None:
                notice.cancel()

    # -- the binding ----------------------------------------------------------------------------------------------

    async def attach(self) -> Self:
        """Connect and attach; with ``wait``, retry until the server is reachable."""
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
        # In a thread, because it may contact a KDC.
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
            machine = f'{machine}"ncacn_ip_tcp"{await self._listen(caller)}"'
        else:
            user = options.mailslot or rf"\\{self.machine}\mailslot\tapi\tp{id(self) & 0xFFFF}"
        request = ClientAttach(process, user, machine)
        self._show(CLIENT_TO_SERVER, "ClientAttach", "request", request)
        result = await caller.call(_METHODS["ClientAttach"], request, options.timeout)
        self._show(SERVER_TO_CLIENT, "ClientAttach", "response", result)
        self._watch(lambda: self.conversation.inspect_attach(request, result))
        if result.result:
            raise TapiError(result.result & 0xFFFFFFFF, "ClientAttach")
        self._context = result.context
        self.conversation.attached(process, user, 0, self.now())
        self.attached = True
        caller.on_lost = self._lost
        if options.events == "pull" and not options.management:
            self._fetcher = Fetcher(options, request=self.request, fetched=self._receive_fetched, lost=self._lost)

    async def _listen(self, caller: Caller) -> int:
        """Open the event endpoint; its port."""
        options = self.options
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
        return await self._channel.start(self._event_host(caller))

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
        """End the binding: the connection, or the server's event channel, is lost."""
        if not self.attached or self._closing:
            return
        self.attached = False
        _logger.info("the connection to %s is lost", self.binding)
        self.conversation.lost(0, self.now())
        self._end(ConnectionEnded("the connection to the server is lost"))
        if self._caller is not None:
            self._caller.abort()
        if self.options.reconnect and self._reconnecting is None:
            self._reconnecting = asyncio.create_task(self._reconnect())
        else:
            self._publish(None)

    def _end(self, error: Exception) -> None:
        self._stop_fetching()
        self.completions.fail(error)
        self.handles.close_all()

    def _stop_fetching(self) -> None:
        fetcher, self._fetcher = self._fetcher, None
        if fetcher is not None:
            fetcher.stop()

    async def _reconnect(self) -> None:
        """Retry until the server is reachable; all handles have to be opened again (3.2.6)."""
        await self._release()
        while not self._closing:
            try:
                await self._attach()
            except (OSError, TimeoutError, AssociationError, TapiError):
                await self._release()
                await asyncio.sleep(self.options.absent_after)
            else:
                break
        self._reconnecting = None
        self.reconnected.set()

    async def _release(self) -> None:
        self._stop_fetching()
        if self._caller is not None:
            self._caller.on_lost = None
            self._caller.close()
            await self._caller.wait_closed()
            self._caller = None
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    async def close(self) -> None:
        """Detach and close the connections; handles that are still open become invalid."""
        await self.detach()
        await self._release()

    async def detach(self) -> None:
        """End the binding with ClientDetach; its connection stays open until `close`."""
        self._closing = True
        if self._reconnecting is not None:
            self._reconnecting.cancel()
        self._stop_fetching()
        caller = self._caller
        if self.attached and caller is not None and not caller.closed:
            self.attached = False
            with contextlib.suppress(OSError, TimeoutError, RpcFault, AssociationError):
                self._show(CLIENT_TO_SERVER, "ClientDetach", "request", ClientDetach(self._context))
                await caller.call(_METHODS["ClientDetach"], ClientDetach(self._context), self.options.timeout)
                self._show(SERVER_TO_CLIENT, "ClientDetach", "response", ClientDetach(self._context))
                self.conversation.detached(0, self.now())
                if self._channel is not None:
                    # RemoteSPDetach follows; do not wait long for a server that omits it.
                    async with asyncio.timeout(1.0):
                        await self._channel.detached.wait()
        self.attached = False
        self._end(ConnectionEnded("the client is closed"))
        self._publish(None)

    # -- requests -------------------------------------------------------------------------------------------------

    async def request(self, packet: Request, *, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """Send a request and return its response, also if that is an error.

        Raises `LocalProtocolError` instead of sending a request that the tables forbid (with ``strict``).
        """
        caller = self._caller
        if caller is None or not self.attached:
            raise ConnectionEnded("the client is not attached")
        conversation = self.conversation
        exchange = conversation.sent(packet, 0, self.now())
        if isinstance(packet, (line.Initialize, phone.Initialize)):
            self.handles.contexts.add(packet.init_context)
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
        """Perform a request; the response of a synchronous one, the completion of an asynchronous one.

        None for a Drop that returned 0, as sections 4.3 and 4.4 print it: it has no completion. Raises `TapiError` if
        the response or the completion is an error.
        """
        if type(packet).completion != "async":
            answer = await self.request(packet)
            if answer.ack < 0:
                raise TapiError(answer.words[0], packet.layout.name)
            return answer
        packet, number = self.completions.number(packet)
        future = self.expect(number, packet)
        try:
            accepted = await self._accepted(packet, number)
            if not accepted:
                self.completions.forget(number)
                self.handles.check_states(packet)
                return None
            number = accepted
            with self.waiting(f"the completion of {packet.layout.name} (request id {number:#x})"):
                async with asyncio.timeout(self.options.completion_timeout):
                    completion: Reply = await future
        except BaseException:
            self.completions.forget(number)
            raise
        self.handles.check_states(packet)
        if completion.outcome < 0:
            raise TapiError(completion.words[7], packet.layout.name)
        return completion

    def expect(self, number: int, packet: Request) -> asyncio.Future[Any]:
        """Register an asynchronous request; its future completion."""
        return self.completions.expect(number, self.handles.line_for(packet))

    async def _accepted(self, packet: Request, number: int) -> int:
        """Send an asynchronous request; the request id of its completion, 0 for a Drop that returned 0 (Q6)."""
        answer = await self.request(packet)
        if answer.ack == 0 and isinstance(packet, line.Drop):
            return 0
        if answer.ack <= 0:
            raise TapiError(answer.words[0], packet.layout.name)
        if answer.ack != number:
            self.completions.renumber(number, answer.ack)
        return int(answer.ack)

    def _watch(self, step: Callable[[], Any]) -> None:
        """Check an action of the server; keep and log violations instead of raising them."""
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

    def _receive_fetched(self, data: bytes) -> None:
        self._watch(lambda: self.conversation.fetched(0, self.now()))
        self._take(data)

    def _take(self, data: bytes, *, whole: bool = False) -> None:
        """Process the events of a buffer; with ``whole``, none of a damaged buffer (3.3.4.2)."""
        found = decode_events(data, self.conversation.completes)
        for event in () if whole and found.problems else found.events:
            self._show(SERVER_TO_CLIENT, "RemoteSPEventProc", "event", event)
            if self.options.strict and self._foreign(event):
                # A dropped event must not change what the client may request.
                _logger.warning("dropped an event with an unknown application or line: %s", event)
            else:
                self._watch(lambda event=event: self.conversation.event(event, 0, self.now()))  # type: ignore[misc]
            self.route(event)
            self._publish(event)
        for problem in found.problems:
            _logger.warning("events: %s", problem)
        self._watch(lambda: self.conversation.damaged_events(found.problems))

    def _foreign(self, event: Event) -> bool:
        """Whether an event has an InitContext or a line that no part of the program has registered."""
        if self.concerns(event):
            return False
        talk = self.conversation
        remote = self.handles.line_of(event)
        contexts = {app.init_context for app in talk.applications.values()} | self.handles.contexts
        lines = {*talk.registry.reported, *talk.registry.opening, *self.handles.lines}
        return event.words[1] not in contexts or (bool(remote) and remote not in lines)

    def concerns(self, event: Event) -> bool:
        """Whether an event is about an application and a line of this client."""
        return self.handles.concerns(event)

    def route(self, event: Event) -> None:
        """Deliver an event to the pending request, line, phone or call that it is about; drop others (3.3.4.2)."""
        if isinstance(event, Reply):
            self.complete(event)
        elif self.concerns(event):
            self.handles.deliver(event)

    def complete(self, event: Reply) -> None:
        """Complete a pending request."""
        line = self.completions.complete(event)
        if line is not None and event.outcome == 0:
            self.handles.adopt_created(line, event)

    def _publish(self, event: Event | None) -> None:
        for reader in self._readers:
            if event is None or reader.qsize() < _BACKLOG:
                reader.put_nowait(event)

    async def events(self) -> AsyncIterator[Event]:
        """Iterate over all events from now on, until the binding ends."""
        queue = self.reader()
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._readers.discard(queue)

    def reader(self) -> asyncio.Queue[Event | None]:
        """Return a queue of all events from now on; None marks the end of the binding."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._readers.add(queue)
        return queue

    def wake(self) -> None:
        """Fetch events now: the mailslot has signalled some (pull)."""
        if self._fetcher is not None:
            self._fetcher.wake()

    # -- applications ---------------------------------------------------------------------------------------------

    async def initialize(self, name: str = "", *, version: int = 0x00030001) -> Any:
        """Register a line application (2.2.4.1.1.1)."""
        from mstrp.live.client.line import LineApp

        return await LineApp.initialize(self, name or self.machine, version)

    async def initialize_phones(self, name: str = "", *, version: int = 0x00030001) -> Any:
        """Register a phone application (2.2.4.1.4.1)."""
        from mstrp.live.client.phone import PhoneApp

        return await PhoneApp.initialize(self, name or self.machine, version)
