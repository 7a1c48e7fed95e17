"""Pull delivery of events: GetAsyncEvents."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from mstrp.live.transport import RpcFault
from protocol.generic import GetAsyncEvents
from protocol.packet import FIXED
from protocol.rpc.association import AssociationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.live.client.options import ClientOptions
    from protocol.packet import Request

__all__ = ["Fetcher"]

_logger = logging.getLogger("mstrp.live")
#: Initial and maximum size of the buffer.
_INITIAL, _MAXIMUM = 16_384, 16 * 1024 * 1024
_USED = GetAsyncEvents.layout.index("dwUsedBufferSize")
_NEEDED = GetAsyncEvents.layout.index("dwNeededBufferSize")


class Fetcher:
    """Fetches events when the mailslot signals them, and periodically in case it does not."""

    def __init__(
        self,
        options: ClientOptions,
        *,
        request: Callable[[Request], Awaitable[Any]],
        fetched: Callable[[bytes], None],
        lost: Callable[[], None],
    ) -> None:
        self._options = options
        self._request = request
        self._fetched = fetched
        self._lost = lost
        self._size = _INITIAL
        self._signal = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Fetch events now."""
        self._signal.set()

    def stop(self) -> None:
        """Stop fetching."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._options.poll):
                    await self._signal.wait()
            self._signal.clear()
            try:
                while await self._fetch():
                    pass
            except (OSError, TimeoutError, RpcFault, AssociationError) as error:
                _logger.info("GetAsyncEvents: %s", error)
                self._lost()
                return

    async def _fetch(self) -> bool:
        """Send GetAsyncEvents, with retries; whether more events are available."""
        size = self._size
        packet = GetAsyncEvents(total_buffer_size=size, capacity=FIXED + size)
        for attempt in range(self._options.retries + 1):
            try:
                answer = await self._request(packet)
                break
            except (TimeoutError, RpcFault):
                if attempt == self._options.retries:
                    raise
                await asyncio.sleep(self._options.retry_after)
        used, needed = answer.words[_USED], answer.words[_NEEDED]
        if answer.words[0]:
            return False
        if not used:
            # The next event is larger than the buffer: enlarge the buffer (decision E20).
            self._size = max(self._size, min(needed, _MAXIMUM))
            return bool(needed) and size < self._size
        self._fetched(answer.buffer[FIXED : FIXED + used])
        return bool(needed > used)
