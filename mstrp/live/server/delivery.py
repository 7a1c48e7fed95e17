"""Delivery of events to a client: pushed to its remotesp endpoint, or pulled by it; always with a limit."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from mstrp.capture.session import endpoints
from mstrp.live.transport import Caller, ConnectionEnded, RpcFault
from protocol.ndr import (
    METHODS,
    NULL_CONTEXT,
    REMOTESP,
    RemoteSPAttach,
    RemoteSPDetach,
    RemoteSPEventProc,
)
from protocol.rpc.association import AssociationError, Limits
from protocol.rpc.client_association import ClientAssociation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mstrp.live.server.attached import Attached

__all__ = ["Completion", "Delivery", "Pull", "Push"]

_METHODS = {method.name: method for method in METHODS.values()}
_EVENT = _METHODS["RemoteSPEventProc"]
#: Additional memory cost of a queued event in bytes.
_EVENT_COST = 100
#: Limits for the responses of a client, which have a few bytes each.
_RESPONSES = Limits(stub=4096, assembling=4096)
#: Maximum number of endpoints tried for a client.
_MOST_PORTS = 4


class Completion(bytes):
    """A completion, with the request id that can be used again after it is sent."""

    number: int

    def __new__(cls, data: bytes, number: int) -> Self:
        found = super().__new__(cls, data)
        found.number = number
        return found


class Delivery:
    """A queue of events in chronological order; the base class delivers none (management clients)."""

    def __init__(self, client: Attached) -> None:
        self.client = client
        self.queue: deque[bytes] = deque()
        self.size = 0
        self.closed = False

    def put(self, event: bytes) -> None:
        """Add an event."""

    def _keep(self, event: bytes) -> bool:
        """Queue an event; False if the client is ended because it does not receive its events."""
        self.queue.append(event)
        self.size += len(event)
        if self.size > self.client.server.options.limits.queue:
            self.client.cut_off(f"it does not receive its events: {self.size} bytes are queued")
            return False
        self._count()
        return not self.closed

    def _count(self) -> None:
        """Report the cost of the queue, including the additional cost of each event."""
        if not self.client.gone:
            self.client.server.memory.buffer(self.client, self.size + _EVENT_COST * len(self.queue))

    def take(self, most: int) -> bytes:
        """Remove and return whole events, in order, up to a number of bytes."""
        parts = []
        room = most
        while self.queue and len(self.queue[0]) <= room:
            part = self.pop()
            parts.append(part)
            room -= len(part)
        self._count()
        return b"".join(parts)

    def pop(self) -> bytes:
        """Remove the oldest event to send it; its request id can then be used again."""
        part = self.queue.popleft()
        self.size -= len(part)
        if isinstance(part, Completion):
            # Not before all data received with the current request has been handled.
            asyncio.get_running_loop().call_soon(self.client.undelivered.discard, part.number)
        return part

    def drop(self) -> None:
        """Discard the queue."""
        self.queue.clear()
        self.size = 0

    async def open(self) -> None:
        """Open the delivery; raises if the client cannot be reached."""

    async def close(self) -> None:
        """Close the delivery."""
        self.closed = True
        self.drop()

    def abort(self) -> None:
        """Close the delivery, because the client has disappeared."""
        self.closed = True
        self.drop()


class Pull(Delivery):
    """Events are queued until GetAsyncEvents fetches them; a DWORD in the mailslot signals them."""

    def __init__(self, client: Attached, mailslot: Any) -> None:
        super().__init__(client)
        self.mailslot = mailslot
        self._timer: asyncio.TimerHandle | None = None

    def put(self, event: bytes) -> None:
        waiting = bool(self.queue)
        if self._keep(event) and not waiting:
            self.mailslot.write(event[4:8])
            patience = self.client.server.options.fetch_timeout
            if patience is not None:
                self._timer = asyncio.get_running_loop().call_later(patience, self._too_late)

    def take(self, most: int) -> bytes:
        found = super().take(most)
        if self._timer is not None and found:
            self._timer.cancel()
            self._timer = None
        return found

    def _too_late(self) -> None:
        self._timer = None
        if self.queue and not self.closed:
            self.client.cut_off("it does not fetch its events in time")

    def abort(self) -> None:
        super().abort()
        if self._timer is not None:
            self._timer.cancel()

    async def close(self) -> None:
        self.abort()


class Push(Delivery):
    """Events are sent with RemoteSPEventProc, one call after the other, each with all queued events."""

    def __init__(
        self, client: Attached, host: str, machine: str, peers: Callable[[], Collection[str]] | None = None
    ) -> None:
        super().__init__(client)
        self.host = host
        self._peers = peers or (lambda: (host,))
        ports = [int(end) for sequence, end in endpoints(machine) if sequence == "ncacn_ip_tcp" and end.isdigit()]
        callbacks = client.server.options.callbacks
        self.ports = [port for port in ports[:_MOST_PORTS] if callbacks.admits_port(port)]
        self._caller: Caller | None = None
        self._context = NULL_CONTEXT
        self._busy: asyncio.Future[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._scheduled = False

    async def open(self) -> None:
        server = self.client.server
        options = server.options
        error: Exception = ConnectionEnded("the client specifies no reachable endpoint")
        make = options.event_security
        host = await self._address()
        for port in self.ports:
            # In a thread, because it may contact a KDC.
            security = await asyncio.to_thread(make) if make is not None else None
            association = ClientAssociation(
                [REMOTESP], transfers=self.client.transfers, security=security, limits=_RESPONSES
            )
            try:
                caller = await Caller.connect(
                    host, port, association, timeout=options.channel_timeout, recorder=server.recorder
                )
            except (OSError, AssociationError, TimeoutError) as failure:
                error = failure
                continue
            try:
                result = await caller.call(_METHODS["RemoteSPAttach"], RemoteSPAttach(), options.channel_timeout)
            except (OSError, AssociationError, TimeoutError, RpcFault) as failure:
                error = failure
                caller.abort()
                continue
            except BaseException:
                caller.abort()
                raise
            if result.result == 0:
                self._caller, self._context = caller, result.context
                caller.on_lost = self._lost
                self.client.channel_opened()
                if self.queue:
                    self._schedule()
                return
            caller.close()
        raise error

    async def _address(self) -> str:
        """Return the address of the host, if events may be sent there; it is resolved once."""
        found = await asyncio.get_running_loop().getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
        peers = self._peers()
        for *_, address in found:
            if self.client.server.options.callbacks.admits_host(str(address[0]), peers):
                return str(address[0])
        raise ConnectionEnded("events may not be sent to that host")

    def put(self, event: bytes) -> None:
        if not self.closed and self._keep(event):
            self._schedule()

    def _schedule(self) -> None:
        # After all current work: the response to a request precedes the events that it causes.
        if not self._scheduled and self._busy is None and self._caller is not None:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        self._scheduled = False
        if self.closed or self._busy is not None or not self.queue or self._caller is None or self._caller.closed:
            return
        data = self.take(self.client.server.options.limits.event_buffer) or self.take(1 << 20)
        try:
            self._busy = self._caller.start(_EVENT, RemoteSPEventProc(self._context, data))
        except AssociationError as error:
            self.client.cut_off(f"events can no longer be sent: {error}")
            return
        self._busy.add_done_callback(self._sent)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.client.server.options.push_timeout, self._stuck)

    def _sent(self, future: asyncio.Future[Any]) -> None:
        self._busy = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not future.cancelled() and future.exception() is not None and not self.closed:
            log, error = self.client.server.log, future.exception()
            log.write(logging.INFO, "events-refused", **self.client.facts(), reason=error)
        if self.queue and not self.closed:
            self._send()

    def _stuck(self) -> None:
        self._timer = None
        if not self.closed:
            self.client.cut_off("RemoteSPEventProc does not return")

    def _lost(self) -> None:
        if not self.closed:
            self.client.cut_off("its event channel is lost")

    async def close(self) -> None:
        self.drop()
        caller, self._caller = self._caller, None
        if caller is None or caller.closed:
            self.abort()
            return
        caller.on_lost = None
        try:
            if self._busy is not None:
                await asyncio.wait([self._busy], timeout=self.client.server.options.channel_timeout)
            self.closed = True
            await caller.call(_METHODS["RemoteSPDetach"], RemoteSPDetach(self._context), 1.0)
        except (OSError, AssociationError, TimeoutError) as error:
            self.client.server.log.write(logging.INFO, "detach-failed", **self.client.facts(), reason=error)
        caller.close()
        await caller.wait_closed()
        self.abort()

    def abort(self) -> None:
        super().abort()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._caller is not None:
            self._caller.on_lost = None
            self._caller.abort()
            self._caller = None
