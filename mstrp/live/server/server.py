"""The server: clients, devices, calls, and the service provider."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

from fsm.engine.levels import Fault
from fsm.monitor import Monitor
from mstrp.live.listener import Listener, listen
from mstrp.live.log import Log
from mstrp.live.provider import Provider, TapiError
from mstrp.live.server import handlers
from mstrp.live.server.attached import Attached, owner_of
from mstrp.live.server.budget import CLIENT, Budget, Reservation
from mstrp.live.server.calls import Call
from mstrp.live.server.delivery import Delivery, Pull, Push
from mstrp.live.server.devices import LineDevice, PhoneDevice
from mstrp.live.server.guard import Guard
from mstrp.live.server.options import NAME, Options
from mstrp.live.server.refusal import refuse
from mstrp.live.server.reports import Reports
from mstrp.live.transport import ServiceConnection
from protocol.constants import LINEDEVSTATE, LINEERR
from protocol.events import LINE_LINEDEVSTATE
from protocol.fastpath import READERS
from protocol.generic import GetAsyncEvents
from protocol.ndr import (
    ALL_DEVICES,
    MANAGED_64,
    MANAGEMENT,
    NULL_CONTEXT,
    TAPSRV,
    TELEPHONY,
    ClientAttachResult,
    ClientDetachResult,
    ClientRequestResult,
)
from protocol.packet import FIXED, decode_request
from protocol.rpc.association import Limits as RpcLimits
from protocol.rpc.association import Status
from protocol.rpc.pdu import NDR20, NDR64
from protocol.rpc.server_association import ServerAssociation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fsm.conversation import Conversation
    from fsm.engine.errors import ProtocolError
    from mstrp.live.recorder import Recorder
    from mstrp.live.server.devices import LineOpen, PhoneOpen
    from protocol.ndr import ClientAttach
    from protocol.packet import Request
    from protocol.rpc.association import CallReceived

__all__ = ["Server"]

#: lProcessID of telephony clients and of management clients, and the result of ClientAttach (3.1.4.1).
_MARKERS = {TELEPHONY: ALL_DEVICES, MANAGEMENT: MANAGED_64}
#: TAPIERR_NOTADMIN, which belongs to no family of codes (B3).
_NOT_ADMINISTRATOR = -19 & 0xFFFFFFFF

assert handlers


class Server:
    """A telephony server; ``async with`` starts and stops it."""

    #: The classes of attached clients and of connections; servers with additional checks replace them.
    holder: type[Attached] = Attached
    connection: type[ServiceConnection] = ServiceConnection

    def __init__(
        self,
        provider: Provider,
        options: Options | None = None,
        *,
        recorder: Recorder | None = None,
        log: Log | None = None,
    ) -> None:
        self.provider = provider
        self.options = options or Options()
        self.recorder = recorder
        self.clients: dict[bytes, Attached] = {}
        self.log = log or Log()
        self.memory = Budget(self.options.limits.memory)
        self._attached: Counter[str] = Counter()
        self.lines: dict[int, LineDevice] = {}
        self.phones: dict[int, PhoneDevice] = {}
        #: Events of the provider.
        self.reports = Reports(self)
        self.connections: set[ServiceConnection] = set()
        self.begun = time.monotonic()
        #: Counters: requests, refusals, events, ended clients.
        self.requests = self.refused = self.told = 0
        self.ended: list[tuple[str, str]] = []
        #: Violations by the server itself, as found by the machines: none, unless the provider has an error.
        self.mistakes: list[ProtocolError] = []
        #: Installed providers by id, names of installable ones, and settings of administrators.
        self.installed: dict[int, str] = {1: provider.file_name}
        self.available: set[str] = set()
        self.users: dict[tuple[str, int], tuple[str, ...]] = {}
        self.account = (self.options.domain, self.options.account)
        self.enabled = True
        #: Agents and agent sessions: they belong to their handler, and any client may use them.
        self.agents: set[int] = set()
        self.agent_sessions: set[int] = set()
        self.locked_by: Attached | None = None
        self._monitor = Monitor()
        self._later: list[Any] = []
        self._handle = 0x1_0000
        self._call = 0
        self._listener: Listener | None = None
        self._others: list[Listener] = []
        self._guard: Guard | None = None
        #: Returns the addresses of clients with an open pipe, for a pipe front end.
        self.pipe_peers: Callable[[], Collection[str]] = tuple
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopping = False

    # -- running --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start to accept clients."""
        self.provider.provider_init(self.reports)
        for number in range(self.provider.lines):
            self.lines[number] = LineDevice(number)
        for number in range(self.provider.phones):
            self.phones[number] = PhoneDevice(number)
        self._guard = Guard(self.options, self.memory, self.log)
        try:
            self._listener = await listen(self._connection, self.options.host, self.options.port, log=self.log)
        except BaseException:
            self._guard.stop()
            raise

    async def listen_locally(self) -> int:
        """Open a local endpoint for a front end (a pipe); return its port."""
        listener = await listen(lambda: self._connection(forwarded=True), "127.0.0.1", 0, log=self.log)
        self._others.append(listener)
        return listener.port

    def _connection(self, *, forwarded: bool = False) -> ServiceConnection:
        association = ServerAssociation(
            [TAPSRV],
            group=int.from_bytes(os.urandom(4), "little") or 1,
            joins=self._has_group,
            address=str(self.port),
            limits=RpcLimits(
                stub=self.options.limits.request,
                assembling=2 * self.options.limits.request,
                calls=self.options.limits.calls,
            ),
            **self.options.association(),
        )
        found = self.connection(
            self,
            association,
            recorder=self.recorder,
            pending=self.options.limits.calls,
            guard=self._guard,
        )
        found.forwarded = forwarded
        self.connections.add(found)
        return found

    def _has_group(self, group: int) -> bool:
        """Return whether a connection of an association group is open."""
        return any(one.association.bound and one.association.group == group for one in self.connections)

    @property
    def port(self) -> int:
        """The listening port."""
        if self._listener is None or not self._listener.sockets:
            return self.options.port
        return self._listener.port

    @property
    def address(self) -> str:
        """The binding of the server for clients."""
        return f"ncacn_ip_tcp:{self.options.host}[{self.port}]"

    def halt(self) -> None:
        """Ignore all further input; safe in a signal handler; call `stop` afterwards."""
        if self._guard is not None:
            self._guard.halted = True

    async def stop(self) -> None:
        """Detach every client, close every connection."""
        if self._stopping:
            return
        self._stopping = True
        if self._listener is not None:
            self._listener.close()
        for other in self._others:
            other.close()
        self.halt()
        if self._guard is not None:
            self._guard.stop()
        connections = list(self.connections)
        for connection in connections:
            connection.stop_reading()
        clients = list(self.clients.values())
        for client in clients:
            self.end(client, "the server stops")
        # Pending detach calls are completed, up to a timeout.
        closing = {asyncio.ensure_future(client.delivery.close()) for client in clients} | self._tasks
        if closing:
            await asyncio.wait(closing, timeout=self.options.stop_timeout)
        for task in closing:
            task.cancel()
        for client in clients:
            client.delivery.abort()
        for connection in connections:
            connection.close()
        if connections:
            await asyncio.wait([one.gone for one in connections], timeout=0.5)
        for connection in list(self.connections):
            connection.abort()
        await asyncio.gather(*closing, return_exceptions=True)
        self.log.flush()
        self.provider.provider_shutdown()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def now(self) -> float:
        """Seconds since the server was created, for the machines."""
        return time.monotonic() - self.begun

    def handle(self) -> int:
        """Return an unused handle."""
        self._handle = self._handle + 1 if self._handle < 0x7FFF_FFFF else 0x1_0000
        return self._handle

    def background(self, work: Any) -> asyncio.Task[Any]:
        """Run a coroutine in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- checking -------------------------------------------------------------------------------------------------

    def watch(self, client: Attached) -> Conversation | None:
        """Return the machines of a client, in strict use as server."""
        if not self.options.watch:
            return None
        found = self._monitor.conversation(role=Fault.SERVER)
        self._monitor.conversations.clear()
        self._monitor.findings.clear()
        return found

    def mistake(self, client: Attached, error: ProtocolError) -> None:
        """Record an illegal action of the server."""
        if len(self.mistakes) < 1000:
            self.mistakes.append(error)
        self.log.write(logging.ERROR, "kept-back", **client.facts(), reason=error)

    # -- calls of the interface -----------------------------------------------------------------------------------

    def called(self, connection: ServiceConnection, call: CallReceived) -> None:
        """Handle a call of one of the three methods."""
        match call.method.name:
            case "ClientRequest":
                self._client_request(connection, call)
            case "ClientAttach":
                self._client_attach(connection, call)
            case _:
                self._client_detach(connection, call)

    def lost(self, connection: ServiceConnection) -> None:
        """Handle the end of a connection: bindings that used no other one run down (C706 5.1.6)."""
        self.connections.discard(connection)
        for client in list(connection.notes):
            client.connections.discard(connection)
            if not client.connections and not client.gone:
                self.end(client, "its connection is lost")
                client.delivery.abort()

    def _client(self, connection: ServiceConnection, context: bytes) -> Attached | None:
        """Return the client of a context handle, if the connection may use it."""
        client = self.clients.get(context)
        if client is None or connection in client.connections or client.owner.admits(owner_of(connection)):
            return client
        return None

    def _client_request(self, connection: ServiceConnection, call: CallReceived) -> None:
        raw = READERS[call.ndr64].request(call.stub, 0)
        if raw is None:
            value = connection.read(call)
            if value is None:
                return
            context, packet = value.context, decode_request(value.buffer, value.needed)
        else:
            context, packet = raw.context, raw.packet()
        client = self._client(connection, context)
        if client is None:
            connection.fault(call, Status.CONTEXT_MISMATCH)
            return
        if connection not in client.connections:
            client.connections.add(connection)
            connection.notes.add(client)
        self.requests += 1
        if len(packet.buffer) < 8:
            # Shorter than any request: return an error if there is space for one (B11).
            code = int(LINEERR.OPERATIONFAILED).to_bytes(4, "little")
            connection.answer(call, ClientRequestResult(code[: packet.capacity], packet.capacity))
        elif type(packet) is GetAsyncEvents:
            connection.answer(call, ClientRequestResult(self._fetch(client, packet), packet.capacity))
        else:
            data = client.request(packet)
            data = data[: max(packet.capacity, 0)]
            connection.answer(call, ClientRequestResult(data, max(packet.capacity, len(data))))

    def _fetch(self, client: Attached, packet: Any) -> bytes:
        """Handle GetAsyncEvents: the events follow the fixed part of the response (2.2.4.1.8.1)."""
        answer = client.request(packet)
        if answer[:4] != bytes(4):
            return answer
        room = min(packet.total_buffer_size, packet.capacity - FIXED)
        needed = client.delivery.size
        events = client.delivery.take(room) if isinstance(client.delivery, Pull) else b""
        if events:
            client.fetched()
        words = GetAsyncEvents(
            ack=0, total_buffer_size=packet.total_buffer_size, needed_buffer_size=needed, used_buffer_size=len(events)
        )
        return words.encode() + events

    def _client_attach(self, connection: ServiceConnection, call: CallReceived) -> None:
        value: ClientAttach | None = connection.read(call)
        if value is None:
            return
        user = connection.user
        reason = self._no_room(connection, value)
        if reason:
            self.log.write(logging.WARNING, "refused", **connection.facts(), limit=reason)
            connection.answer(call, ClientAttachResult(NULL_CONTEXT, 0, int(LINEERR.OPERATIONFAILED)))
            return
        admin = self._administers(user)
        management = value.process_id == MANAGEMENT
        if management and not admin:
            connection.answer(call, ClientAttachResult(NULL_CONTEXT, 0, _NOT_ADMINISTRATOR))
            return
        reservation = Reservation(self.memory, self._payer(connection))
        if not reservation.resize(CLIENT):
            self.log.write(logging.WARNING, "refused", **connection.facts(), limit="memory")
            connection.answer(call, ClientAttachResult(NULL_CONTEXT, 0, int(LINEERR.OPERATIONFAILED)))
            return
        context = bytes(4) + os.urandom(16)
        client = self.holder(
            self,
            context,
            connection,
            management=management,
            machine=value.machine.split('"')[0],
            user=user or (value.domain_user if management else ""),
            admin=admin,
        )
        client.transfers = (call_transfer(call),)
        client.reservation = reservation
        client.payer = self._payer(connection)
        self._attached[client.payer] += 1
        client.delivery = self._delivery(client, value, connection)
        self.clients[context] = client
        connection.notes.add(client)
        if isinstance(client.delivery, Push):
            client.opening = self.background(self._open_channel(client, connection, call, value))
        else:
            client.attached(value.process_id, value.domain_user)
            self.log.write(logging.INFO, "attached", **client.facts(), events=type(client.delivery).__name__.lower())
            connection.answer(call, ClientAttachResult(context, _MARKERS[value.process_id], 0))

    def _no_room(self, connection: ServiceConnection, value: ClientAttach) -> str:
        """Return the limit that prevents a client from attaching; empty if there is none."""
        limits = self.options.limits
        if value.process_id not in _MARKERS:
            return "process-id"
        if self._stopping:
            return "stopping"
        if len(value.machine) > NAME or len(value.domain_user) > NAME:
            return "name"
        if len(self.clients) >= limits.clients:
            return "clients"
        if self._attached[self._payer(connection)] >= limits.user_clients:
            return "user-clients"
        if len(connection.notes) >= limits.connection_clients:
            return "connection-clients"
        return ""

    @staticmethod
    def _payer(connection: ServiceConnection) -> str:
        """Return the identity for the limits per user: the authenticated user, or the peer."""
        return connection.user.casefold() or connection.peer[0]

    def _administers(self, user: str) -> bool:
        """Return whether a user has the administrator role."""
        names = self.options.administrators
        if names is None:
            return self.options.security is None
        return user.casefold() in {name.casefold() for name in names}

    def _delivery(self, client: Attached, value: ClientAttach, connection: ServiceConnection) -> Delivery:
        if client.management:
            return Delivery(client)
        if value.domain_user:
            mailslot = self.options.mailslots.open(value.domain_user)
            if mailslot is not None:
                return Pull(client, mailslot)
        # The client selects the endpoint, but not the host: the server uses the source address of the client. For a
        # pipe it is not visible; then the host is the specified machine, if it has the pipe open.
        if connection.forwarded:
            return Push(client, client.machine or connection.peer[0], value.machine, self.pipe_peers)
        return Push(client, connection.peer[0], value.machine, lambda: (connection.peer[0],))

    async def _open_channel(
        self, client: Attached, connection: ServiceConnection, call: CallReceived, value: ClientAttach
    ) -> None:
        """Call RemoteSPAttach before the response to ClientAttach; if it fails there is no binding (decision B6)."""
        client.attached(value.process_id, value.domain_user if not isinstance(client.delivery, Push) else "")
        try:
            async with asyncio.timeout(2 * self.options.channel_timeout):
                await client.delivery.open()
        except Exception as error:  # noqa: BLE001 - whatever it is, the client cannot be reached
            self.log.write(logging.WARNING, "unreachable", **client.facts(), reason=repr(error))
            self.end(client, "it cannot be reached")
            client.delivery.abort()
            connection.answer(call, ClientAttachResult(NULL_CONTEXT, 0, int(LINEERR.OPERATIONFAILED)))
            return
        if client.gone:
            connection.fault(call, Status.CONTEXT_MISMATCH)
            return
        self.log.write(logging.INFO, "attached", **client.facts(), events="push")
        connection.answer(call, ClientAttachResult(client.context, _MARKERS[TELEPHONY], 0))

    def _client_detach(self, connection: ServiceConnection, call: CallReceived) -> None:
        value = connection.read(call)
        if value is None:
            return
        client = self._client(connection, value.context)
        if client is None:
            connection.fault(call, Status.CONTEXT_MISMATCH)
            return
        self.log.write(logging.INFO, "detached", **client.facts())
        self.end(client, "")
        self.background(client.delivery.close())
        connection.answer(call, ClientDetachResult(NULL_CONTEXT))

    # -- end of clients and devices -------------------------------------------------------------------------------

    def end(self, client: Attached, why: str) -> None:
        """Remove a client: it detached, its connection was lost, or it exceeded a limit."""
        if client.gone:
            return
        self.clients.pop(client.context, None)
        self._attached[client.payer] -= 1
        if self._attached[client.payer] <= 0:
            del self._attached[client.payer]
        for connection in client.connections:
            connection.notes.discard(client)
        if why:
            self.log.write(logging.INFO, "ended", **client.facts(), reason=why)
        if why and why != "the server stops" and len(self.ended) < 1000:
            self.ended.append((str(client), why))
        if client.opening is not None and client.opening is not asyncio.current_task():
            client.opening.cancel()
        client.forget()
        for phone in list(client.phones.values()):
            self.close_phone(phone)
        for line in list(client.lines.values()):
            self.close_line(line)
        client.apps.clear()
        client.reservation.close()
        self.memory.forget(client)

    def close_line(self, opened: LineOpen) -> None:
        """Close a line of a client."""
        client, device = opened.client, opened.device
        client.lines.pop(opened.value, None)
        client.suppress(opened)
        if opened in device.opens:
            device.opens.remove(opened)
        for handle in list(opened.handles.values()):
            client.release(handle)
        if opened.serves:
            self.reports.proxy_closed(device, opened)
        for other in device.opens:
            self.device_state(other, int(LINEDEVSTATE.CLOSE))
        if not device.opens:
            device.version = 0
            self.provider.line_close(device)

    def close_phone(self, opened: PhoneOpen) -> None:
        """Close a phone of a client."""
        opened.client.phones.pop(opened.value, None)
        opened.client.suppress(opened)
        device = opened.device
        if opened in device.opens:
            device.opens.remove(opened)
        self.reports.phone_users(device, opened)
        if not device.opens:
            self.provider.phone_close(device)

    def device_state(self, opened: LineOpen, states: int) -> None:
        """Send LINE_LINEDEVSTATE to one open line that requested it."""
        if opened.line_states & states:
            event = LINE_LINEDEVSTATE(
                init_context=opened.app.context,
                open_context=opened.context,
                remote_line=opened.remote,
                device_states=states,
            )
            opened.client.tell_line(opened, event)

    def check_device(self, packet: Request, number: int, *, phone: bool) -> None:
        """Raise if a device does not exist."""
        if number == 0xFFFFFFFF and packet.layout.name in {"Open", "ConditionalMediaDetection"} and not phone:
            return  # LINEMAPPER
        devices: dict[int, Any] = self.phones if phone else self.lines
        device = devices.get(number)
        if device is None:
            raise refuse(packet, "BADDEVICEID", f"device {number}")
        if device.removed:
            raise refuse(packet, "NODEVICE", f"device {number}")

    def check_address(self, packet: Request, device: int, address: int) -> None:
        """Raise if a line does not have an address."""
        if address >= self.provider.line_get_num_address_ids(device):
            raise refuse(packet, "INVALADDRESSID", f"address {address}")

    # -- calls ----------------------------------------------------------------------------------------------------

    def make_call(self, device: int, address: int = 0, *, owned: bool = True) -> Call:
        """Return a call object with a new id."""
        self._call += 1
        call = Call(device, address, self._call, owned=owned)
        self.lines[device].calls[call.number] = call
        return call

    def abandoned(self, call: Call) -> None:
        """Handle a call to which no client has a handle."""
        device = self.lines.get(call.device)
        if device is not None and device.calls.pop(call.number, None) is not None and not call.pending:
            try:
                self.provider.line_close_call(call)
            except TapiError as error:
                self.log.write(logging.INFO, "provider-error", call=repr(call), reason=error)

    def later(self, step: Callable[[], None]) -> None:
        """Run a function after the current response or completion was sent."""
        self._later.append(step)
        if len(self._later) == 1:
            asyncio.get_running_loop().call_soon(self._catch_up)

    def _catch_up(self) -> None:
        steps, self._later = self._later, []
        for step in steps:
            step()

    def settled(self, call: Call) -> None:
        """Handle the completion of the request that created a call: send the postponed events."""
        call.pending = False
        early, call.early = call.early, None
        for event in early or ():
            event()

    def announce(self, call: Call) -> None:
        """Give a handle of a call that no client made to every client that requests such calls."""
        for opened in list(self.lines[call.device].opens):
            privilege = opened.wants(call)
            if privilege and call.handle_of(opened) is None:
                try:
                    opened.client.hold(call, opened, privilege, told=False)
                except TapiError as error:
                    self.log.write(logging.WARNING, "no-handle", **opened.client.facts(), call=repr(call), reason=error)


def call_transfer(call: CallReceived) -> Any:
    """Return the transfer syntax that a client selected; its event channel uses the same one."""
    return NDR64 if call.ndr64 else NDR20
