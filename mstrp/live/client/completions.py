"""Asynchronous requests that await their completion."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mstrp.live.client.line import Line
    from protocol.event import Reply
    from protocol.packet import Request

__all__ = ["Completions"]


class Completions:
    """Pending requests by request id, each with the line that a created call belongs to."""

    def __init__(self) -> None:
        self.pending: dict[int, tuple[asyncio.Future[Any], Line | None]] = {}
        self._last = 0

    def number(self, packet: Request) -> tuple[Request, int]:
        """Return the request with its own request id, or with an unused one if it has none, and the id."""
        given: Any = packet
        if given.request_id:
            return packet, given.request_id
        while True:
            self._last = self._last % 0xF000 + 1
            if self._last not in self.pending:
                return given.replace(request_id=self._last), self._last

    def expect(self, number: int, line: Line | None) -> asyncio.Future[Any]:
        """Register a request; its future completion."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.pending[number] = (future, line)
        return future

    def renumber(self, number: int, other: int) -> None:
        """Replace the request id by the one that the server returned."""
        if number in self.pending:
            self.pending[other] = self.pending.pop(number)

    def forget(self, number: int) -> None:
        """Ignore the completion of a request."""
        self.pending.pop(number, None)

    def complete(self, event: Reply) -> Line | None:
        """Complete a request; the line of a created call."""
        future, line = self.pending.pop(event.completed_id, (None, None))
        if future is not None and not future.done():
            future.set_result(event)
        return line

    def fail(self, error: Exception) -> None:
        """Fail all pending requests."""
        pending, self.pending = self.pending, {}
        for future, _ in pending.values():
            if not future.done():
                future.set_exception(error)
                future.exception()
