"""How the tester's events travel: as those of any server, and as buffers that a server must not send."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

from mstrp.live.server.delivery import Pull, Push
from mstrp.live.transport import ConnectionEnded, RpcFault
from protocol.ndr import METHODS, RemoteSPAttach, RemoteSPDetach, RemoteSPEventProc
from protocol.problem import DecodeError
from protocol.rpc.association import AssociationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from protocol.ndr import Method

__all__ = ["Alone", "TesterPull", "TesterPush"]

_METHODS = {method.name: method for method in METHODS.values()}
_EVENT = _METHODS["RemoteSPEventProc"]
_PATIENCE = 2.0
#: How long events are gathered that come in one buffer.
_GATHER = 0.05
#: How long after an answer the events follow that it caused.
_LATER = 0.002


class Alone(bytes):
    """Bytes that go out in a buffer of their own; ``done`` tells whether the client took it (False: an RPC fault)."""

    done: asyncio.Future[bool | None]


def alone(data: bytes) -> Alone:
    """Bytes for a buffer of their own."""
    found = Alone(data)
    found.done = asyncio.get_running_loop().create_future()
    return found


class _Stub:
    """A method whose parameters are written already, however wrong."""

    def __init__(self, method: Method, stub: bytes) -> None:
        self._method = method
        self._stub = stub

    def __getattr__(self, name: str) -> Any:
        return getattr(self._method, name)

    def write(self, value: Any, *, ndr64: bool = False) -> bytes:
        return self._stub


class TesterPush(Push):
    """Events are pushed, with what a test wants of the buffers."""

    #: Each event in a buffer of its own; or all that come within a while in one, behind some bytes.
    split = False
    gather = False
    prefix = b""
    #: What follows RemoteSPDetach at once, under the same context handle.
    farewell: bytes | None = None
    told: Callable[[str], None]
    #: While this is not 0, only buffers go out that are on their own.
    paused = 0
    _sending: Alone | None = None

    @property
    def idle(self) -> bool:
        """Whether the client has everything that was meant for it."""
        return not self.queue and self._busy is None

    async def alone(self, data: bytes) -> bool | None:
        """Send a buffer behind everything that waits: True for an answer, False for a fault, None for nothing.

        While the delivery is paused it goes before what waits.
        """
        part = alone(data)
        (self.queue.appendleft if self.paused else self.queue.append)(part)
        self.size += len(part)
        super()._schedule()
        try:
            async with asyncio.timeout(_PATIENCE):
                return await part.done
        except TimeoutError:
            return None

    def take(self, most: int) -> bytes:
        if self.queue and isinstance(self.queue[0], Alone):
            self._sending = self.queue.popleft()  # type: ignore[assignment]
            self.size -= len(self._sending or b"")
            return bytes(self._sending or b"")
        parts: list[bytes] = []
        room = most
        while self.queue and len(self.queue[0]) <= room and not isinstance(self.queue[0], Alone):
            part = self.pop()
            parts.append(part)
            room -= len(part)
            if self.split:
                break
        found = b"".join(parts)
        if found and self.prefix:
            found, self.prefix = self.prefix + found, b""
        return found

    def _schedule(self) -> None:
        # A little after the answer to the request that caused it, unless a test wants another order.
        asyncio.get_running_loop().call_later(_GATHER if self.gather else _LATER, super()._schedule)

    def _send(self) -> None:
        if self.paused and not (self.queue and isinstance(self.queue[0], Alone)):
            self._scheduled = False
            return
        super()._send()

    def resume(self) -> None:
        """Let out what waits."""
        self.paused -= 1
        if not self.closed:
            super()._schedule()

    def _sent(self, future: asyncio.Future[Any]) -> None:
        part, self._sending = self._sending, None
        if part is not None and not part.done.done():
            part.done.set_result(None if future.cancelled() else _outcome(future.exception()))
        super()._sent(future)

    async def outside(self, context: bytes | None, data: bytes, damage: Callable[[bytes], bytes] | None = None) -> Any:
        """Call RemoteSPEventProc beside the queue, under any context handle and with any stub."""
        caller = self._caller
        if caller is None or caller.closed:
            return None
        context = self._context if context is None else context
        method: Any = _EVENT
        if damage is not None:
            ndr64 = caller.association.ndr64(_EVENT)
            whole = _EVENT.write(RemoteSPEventProc(context, data), ndr64=ndr64)
            method = _Stub(_EVENT, damage(whole))
        return await _settled(caller.call(method, RemoteSPEventProc(context, data), _PATIENCE))

    async def attach_again(self) -> Any:
        """RemoteSPAttach a second time; whether it was answered, and what it returned."""
        caller = self._caller
        if caller is None or caller.closed:
            return None
        return await _settled(caller.call(_METHODS["RemoteSPAttach"], RemoteSPAttach(), _PATIENCE))

    def drop(self) -> None:
        _forgotten(self.queue)
        super().drop()

    async def close(self) -> None:
        caller, data = self._caller, self.farewell
        if data is None or caller is None or caller.closed:
            await super().close()
            return
        caller.on_lost = None
        if self._busy is not None:
            await asyncio.wait([self._busy], timeout=1.0)
        self.drop()
        self.closed = True
        context = self._context
        # Both go out before either is answered, so that the client is still there.
        first = caller.start(_METHODS["RemoteSPDetach"], RemoteSPDetach(context))
        second = caller.start(_EVENT, RemoteSPEventProc(context, data))
        await asyncio.wait([first, second], timeout=1.0)
        for future in (first, second):
            if not future.done():
                future.cancel()
        outcome = None if second.cancelled() else _outcome(second.exception())
        self.told({None: "lost", True: "taken", False: "refused"}[outcome])
        first.cancelled() or first.exception()
        caller.close()
        await caller.wait_closed()
        self.abort()


class TesterPull(Pull):
    """Events are fetched, with what a test wants of the buffers."""

    split = False
    gather = False
    prefix = b""
    paused = 0

    @property
    def idle(self) -> bool:
        """Whether the client has everything that was meant for it."""
        return not self.queue

    async def alone(self, data: bytes) -> bool | None:
        """Let the client fetch some events behind everything that waits; before it while the delivery is paused."""
        part = alone(data)
        (self.queue.appendleft if self.paused else self.queue.append)(part)
        self.size += len(part)
        self.mailslot.write(data[4:8])
        try:
            async with asyncio.timeout(_PATIENCE):
                return await part.done
        except TimeoutError:
            return None

    def resume(self) -> None:
        """Let out what waits."""
        self.paused -= 1

    def drop(self) -> None:
        _forgotten(self.queue)
        super().drop()

    def abort(self) -> None:
        _forgotten(self.queue)
        super().abort()

    def take(self, most: int) -> bytes:
        if self.prefix and self.queue:
            self.queue.appendleft(self.prefix)
            self.size += len(self.prefix)
            self.prefix = b""
        waiting = [part for part in self.queue if isinstance(part, Alone)]
        if self.paused:
            most = min(most, sum(map(len, itertools.takewhile(lambda part: isinstance(part, Alone), self.queue))))
        if self.split and self.queue:
            most = min(most, len(self.queue[0]))
        found = super().take(most)
        left = {id(part) for part in self.queue}
        for part in waiting:
            if id(part) not in left and not part.done.done():
                part.done.set_result(True)
        return found


def _forgotten(queue: Iterable[bytes]) -> None:
    """Buffers for nobody."""
    for part in queue:
        if isinstance(part, Alone) and not part.done.done():
            part.done.set_result(None)


def _outcome(error: BaseException | None) -> bool | None:
    if error is None:
        return True
    return False if isinstance(error, RpcFault) else None


async def _settled(call: Awaitable[Any]) -> Any:
    """What a call came to: its result, False for a fault, None for no answer."""
    try:
        return await call
    except RpcFault:
        return False
    except (ConnectionEnded, OSError, TimeoutError, AssociationError, DecodeError):
        return None
