"""DCE/RPC over TCP with asyncio: a socket for the association of `protocol.rpc.association`."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any, Protocol

from mstrp.live.log import Log
from protocol.problem import DecodeError
from protocol.rpc.association import (
    AssociationError,
    AuthenticationError,
    Bound,
    CallReceived,
    FaultReceived,
    ResponseReceived,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.live.recorder import Recorder, Recording
    from protocol.ndr import Method
    from protocol.rpc.client_association import ClientAssociation
    from protocol.rpc.server_association import ServerAssociation

__all__ = ["Caller", "ConnectionEnded", "Guard", "RpcFault", "Service", "ServiceConnection"]

_log = Log(logging.getLogger("mstrp.live"))
#: Maximum read size, so that one busy connection does not delay the others.
_READ = 4096


class RpcFault(Exception):  # noqa: N818 - the name that RPC gives it
    """A call that ended with an RPC fault."""

    def __init__(self, method: str, status: int) -> None:
        super().__init__(f"{method}: RPC fault {status:#010x}")
        self.status = status


class ConnectionEnded(ConnectionError):  # noqa: N818 - as those of the standard library
    """The connection ended during a wait."""


def _keep_alive(transport: asyncio.Transport) -> None:
    """Enable keep-alive, to detect a peer that disappeared, and disable Nagle's algorithm."""
    found = transport.get_extra_info("socket")
    if found is not None and found.family in (socket.AF_INET, socket.AF_INET6):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)


class Service(Protocol):
    """The interface of a service that handles calls."""

    def called(self, connection: ServiceConnection, call: CallReceived) -> None:
        """Handle a call: respond with `ServiceConnection.answer` or `ServiceConnection.fault`, now or later."""

    def lost(self, connection: ServiceConnection) -> None:
        """Handle the end of a connection."""


class Guard(Protocol):
    """The limits on connections (`mstrp.live.server.guard`)."""

    halted: bool

    def admit(self, connection: ServiceConnection) -> bool:
        """Register a new connection; False if it must be closed."""

    def logged_on(self, connection: ServiceConnection) -> None:
        """Record that a connection has reached the required authentication level."""

    def held(self, connection: ServiceConnection, size: int) -> None:
        """Record the number of buffered bytes of a connection."""

    def failed(self, connection: ServiceConnection, error: Exception, *, logon: bool) -> float:
        """Record a protocol violation or failed log-on of a peer; return the delay of the response in seconds."""

    def dropped(self, connection: ServiceConnection, limit: str) -> None:
        """Record that a limit ends a connection."""

    def ended(self, connection: ServiceConnection) -> None:
        """Record the end of a connection."""


class _Since:
    """Start times of conditions, 0.0 if not active; ``used`` is the time of the last data from the peer."""

    __slots__ = ("blocked", "opened", "partial", "used")

    def __init__(self, now: float) -> None:
        self.opened = self.used = now
        self.blocked = self.partial = 0.0


class _Ends(asyncio.Protocol):
    """The common part of both types of connection."""

    transport: asyncio.Transport
    side = 0

    def __init__(self, recorder: Recorder | None) -> None:
        self._recorder = recorder
        self._recording: Recording | None = None
        self.peer: tuple[str, int] = ("", 0)
        self.closed = False
        self.gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        _keep_alive(transport)
        peer = transport.get_extra_info("peername") or ("0.0.0.0", 0)  # noqa: S104
        own = transport.get_extra_info("sockname") or ("0.0.0.0", 0)  # noqa: S104
        if isinstance(peer, tuple) and isinstance(own, tuple):
            self.peer = peer[:2]
            if self._recorder is not None:
                ends = (own[:2], peer[:2]) if self.side == 0 else (peer[:2], own[:2])
                self._recording = self._recorder.open(*ends)

    def _write(self, data: bytes) -> None:
        if data and not self.closed:
            if self._recording is not None:
                self._recording.send(self.side, data)
            self.transport.write(data)

    def _ended(self) -> None:
        self.closed = True
        if not self.gone.done():
            self.gone.set_result(None)
        if self._recording is not None:
            self._recording.close()

    def close(self) -> None:
        """Close the connection after all data is sent."""
        if not self.closed:
            self.transport.close()

    def abort(self) -> None:
        """Close the connection immediately."""
        if not self.closed:
            self.transport.abort()

    async def wait_closed(self, seconds: float = 1.0) -> None:
        """Wait until the connection has ended, up to a timeout."""
        await asyncio.wait([self.gone], timeout=seconds)


class ServiceConnection(_Ends):
    """An incoming connection."""

    side = 1

    def __init__(
        self,
        service: Service,
        association: ServerAssociation,
        *,
        recorder: Recorder | None = None,
        patience: float = 30.0,
        pending: int = 256,
        guard: Guard | None = None,
    ) -> None:
        super().__init__(recorder)
        self.service = service
        self.association = association
        #: For the service: the objects that the connection belongs to.
        self.notes: set[Any] = set()
        #: Whether it was forwarded, so that the peer is not the client.
        self.forwarded = False
        #: The number of the connection in the log.
        self.number = 0
        #: Whether the peer has bound, and is authenticated if required.
        self.logged_on = False
        self._loop = asyncio.get_running_loop()
        self.since = _Since(self._loop.time())
        self._guard = guard
        self._patience = patience
        self._most_pending = pending
        self._pending = 0
        self._reading = False
        self._failed = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def user(self) -> str:
        """The authenticated user, empty if there is none."""
        return str(getattr(self.association.security, "user", "") or "") if self.association.admitted else ""

    def facts(self) -> dict[str, Any]:
        """Fields of the connection in the log."""
        return {"connection": self.number, "peer": self.peer[0], "user": self.user}

    def stop_reading(self) -> None:
        """Accept no more calls."""
        self._failed = True
        if not self.closed and not self.transport.is_closing():
            self.transport.pause_reading()

    @property
    def in_use(self) -> bool:
        """Whether a client depends on the connection, or a call has no response yet."""
        return bool(self.notes) or self._pending > 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if hasattr(transport, "max_size"):
            transport.max_size = _READ
        if self._guard is None:
            self._timer = self._loop.call_later(self._patience, self._too_slow)
        elif not self._guard.admit(self):
            self.abort()

    def _too_slow(self) -> None:
        """Close the connection, because the peer has not sent a valid PDU in time."""
        if not self.logged_on:
            self.abort()

    def data_received(self, data: bytes) -> None:
        if self._failed or self.transport.is_closing() or (self._guard is not None and self._guard.halted):
            return
        if self._recording is not None:
            self._recording.send(0, data)
        since = self.since
        since.used = self._loop.time()
        self._reading = True
        whole = False
        try:
            for item in self.association.receive(data):
                if isinstance(item, CallReceived):
                    whole = True
                    if self._pending >= self._most_pending:
                        self.association.fault(item.call_id, Status.TOO_BUSY, item.context)
                        continue
                    self._pending += 1
                    self.service.called(self, item)
                elif isinstance(item, Bound):
                    self._bound()
        except AssociationError as error:
            self._fail(error)
            return
        finally:
            self._reading = False
        self._flush()
        held = self.association.held
        if whole or not held:
            since.partial = 0.0
        if held and not since.partial:
            since.partial = since.used
        self._count()

    def _bound(self) -> None:
        if not self.logged_on and self.association.admitted:
            self.logged_on = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._guard is not None:
                self._guard.logged_on(self)

    def _fail(self, error: AssociationError) -> None:
        """End the connection after an error: send the explanation, and close."""
        self._failed = True
        delay = 0.0
        if self._guard is not None:
            delay = self._guard.failed(self, error, logon=isinstance(error, AuthenticationError))
        else:
            _log.write(logging.INFO, "protocol-error", peer=self.peer[0], reason=error)
        if delay:
            self.transport.pause_reading()
            self._loop.call_later(delay, self._farewell)
        else:
            self._farewell()

    def _farewell(self) -> None:
        self._write(self.association.take_outgoing())
        self.close()

    def close(self) -> None:
        if not self.closed and not self.since.blocked:
            # Do not wait longer for a peer that does not read.
            self.since.blocked = self._loop.time()
        super().close()

    def cut_off(self, why: str) -> None:
        """End the connection because it exceeds a limit."""
        if not self.closed:
            if self._guard is not None:
                self._guard.dropped(self, why)
            self.abort()

    def _count(self) -> None:
        """Report the number of buffered bytes."""
        if self._guard is not None and not self.closed:
            self._guard.held(self, self.association.held + self.transport.get_write_buffer_size())

    def _flush(self) -> None:
        if not self._reading and self.association.outgoing:
            self._write(self.association.take_outgoing())
            if self.since.blocked:
                self._count()

    def answer(self, call: CallReceived, value: Any) -> None:
        """Respond to a call with the output parameters of its method."""
        self._pending -= 1
        if self.closed:
            return
        try:
            self.association.respond(call.call_id, call.context, call.method.write(value, ndr64=call.ndr64))
        except AssociationError as error:
            _log.write(logging.INFO, "protocol-error", peer=self.peer[0], reason=error)
            self.abort()
        else:
            self._flush()

    def fault(self, call: CallReceived, status: int) -> None:
        """Respond to a call with an RPC fault."""
        self._pending -= 1
        if not self.closed:
            self.association.fault(call.call_id, status, call.context)
            self._flush()

    def read(self, call: CallReceived) -> Any:
        """Return the parameters of a call; None if they are invalid and an RPC fault was sent."""
        try:
            found = call.method.read("request", call.stub, ndr64=call.ndr64)
        except DecodeError:
            self.fault(call, Status.NDR_DATA)
            return None
        if any(problem.aspect == "size" for problem in found.problems):
            # Inconsistent counts: consistency is checked at target level 6.0 (3.1.4, 3.3.4).
            self.fault(call, Status.NDR_DATA)
            return None
        return found.value

    def pause_writing(self) -> None:
        """Stop reading requests while the peer does not read its responses."""
        self.transport.pause_reading()
        self.since.blocked = self.since.blocked or self._loop.time()

    def resume_writing(self) -> None:
        if not self.closed and not self._failed and not self.transport.is_closing():
            self.transport.resume_reading()
            self.since.blocked = 0.0
            self._count()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._ended()
        if self._guard is not None:
            self._guard.ended(self)
        self.service.lost(self)


class Caller(_Ends):
    """An outgoing connection, to call methods of the peer."""

    side = 0

    def __init__(self, association: ClientAssociation, *, recorder: Recorder | None = None) -> None:
        super().__init__(recorder)
        self.association = association
        self._calls: dict[int, tuple[Method, bool, asyncio.Future[Any]]] = {}
        self._bound: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        #: Called at the end of the connection.
        self.on_lost: Callable[[], None] | None = None

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        association: ClientAssociation,
        *,
        timeout: float = 5.0,  # noqa: ASYNC109 - part of the interface
        recorder: Recorder | None = None,
    ) -> Caller:
        """Open a connection and bind; raises `AssociationError`, `OSError` or `TimeoutError`."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout):
            _, found = await loop.create_connection(lambda: cls(association, recorder=recorder), host, port)
            try:
                await found.bind()
            except BaseException:
                found.abort()
                raise
        return found

    async def bind(self) -> None:
        """Bind, and wait for the response."""
        self._bound = self._loop.create_future()
        self.association.bind()
        self._write(self.association.take_outgoing())
        await self._bound

    def data_received(self, data: bytes) -> None:
        if self._recording is not None:
            self._recording.send(1, data)
        try:
            for item in self.association.receive(data):
                if isinstance(item, ResponseReceived):
                    self._answered(item)
                elif isinstance(item, FaultReceived):
                    method, _, future = self._calls.pop(item.call_id)
                    if not future.done():
                        future.set_exception(RpcFault(method.name, item.status))
                elif isinstance(item, Bound) and self._bound is not None and not self._bound.done():
                    # The end of the authentication is sent before the first call.
                    self._write(self.association.take_outgoing())
                    self._bound.set_result(None)
        except AssociationError as error:
            self._fail(error)
            self.abort()
        if self.association.outgoing:
            self._write(self.association.take_outgoing())

    def _answered(self, item: ResponseReceived) -> None:
        method, ndr64, future = self._calls.pop(item.call_id)
        if future.done():
            return
        try:
            future.set_result(method.read("response", item.stub, ndr64=ndr64).value)
        except DecodeError as error:
            future.set_exception(error)

    def start(self, method: Method, value: Any) -> asyncio.Future[Any]:
        """Send a call; the future returns its output parameters."""
        if self.closed:
            raise ConnectionEnded("the connection has ended")
        ndr64 = self.association.ndr64(method)
        call_id = self.association.call(method, method.write(value, ndr64=ndr64))
        future: asyncio.Future[Any] = self._loop.create_future()
        self._calls[call_id] = (method, ndr64, future)
        self._write(self.association.take_outgoing())
        return future

    async def call(self, method: Method, value: Any, timeout: float | None = 5.0) -> Any:  # noqa: ASYNC109
        """Call a method and wait for its parameters; after the timeout, the call is orphaned."""
        future = self.start(method, value)
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(future)
        except (TimeoutError, asyncio.CancelledError):
            for call_id, (_, _, known) in list(self._calls.items()):
                if known is future:
                    del self._calls[call_id]
                    self.association.orphan(call_id)
                    self._write(self.association.take_outgoing())
            future.cancel()
            raise

    def _fail(self, error: Exception) -> None:
        if self._bound is not None and not self._bound.done():
            self._bound.set_exception(error)
        calls, self._calls = self._calls, {}
        for _, _, future in calls.values():
            if not future.done():
                future.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended()
        self._fail(ConnectionEnded(str(exc) if exc else "the peer closed the connection"))
        if self.on_lost is not None:
            self.on_lost()
