"""The memory budget of a server: memory used by clients is counted, and refused or released above the limit."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

__all__ = ["CLIENT", "CONNECTION", "HANDLE", "Budget", "Reservation"]

#: Cost of a connection, an attached client and a handle in bytes: measured, rounded up.
CONNECTION, CLIENT, HANDLE = 8192, 8192, 2048


class Holder(Protocol):
    """A connection or client with buffered data that can be dropped."""

    def cut_off(self, why: str) -> None:
        """End it, to release its memory."""


class Budget:
    """Bytes in use: *reserved* for objects, *buffered* for data in transit.

    A reservation that does not fit is refused, and no user gets more than half of the budget. Buffered data cannot be
    refused, since it has already arrived: instead, the holder of the most data is ended.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.reserved = 0
        self.buffered = 0
        self._users: Counter[str] = Counter()
        self._holders: dict[Holder, int] = {}

    def reserve(self, user: str, size: int) -> bool:
        """Reserve ``size`` more bytes for a user (fewer, if negative); return False if there is not enough.

        Buffered data is released for reservations, so that it does not keep new clients out.
        """
        if size > 0:
            if self.reserved + size > self.limit or self._users[user] + size > self.limit // 2:
                return False
            self._relieve(self.limit - size)
        self.reserved += size
        self._users[user] += size
        if self._users[user] <= 0:
            del self._users[user]
        return True

    def buffer(self, holder: Holder, size: int) -> None:
        """Set the buffered bytes of a holder; above the limit, the largest holder is ended."""
        before = self._holders.get(holder, 0)
        if size == before:
            return
        if size:
            self._holders[holder] = size
        else:
            self._holders.pop(holder, None)
        self.buffered += size - before
        self._relieve(self.limit)

    def _relieve(self, limit: int) -> None:
        """End the largest holders until at most ``limit`` bytes are in use."""
        while self.buffered + self.reserved > limit and self._holders:
            largest = max(self._holders, key=self._holders.__getitem__)
            self.buffered -= self._holders.pop(largest)
            largest.cut_off("memory")

    def forget(self, holder: Holder) -> None:
        """Remove a holder that has ended."""
        self.buffered -= self._holders.pop(holder, 0)


class Reservation:
    """Reserved bytes, released with the object that owns them."""

    __slots__ = ("_budget", "_user", "size")

    def __init__(self, budget: Budget, user: str) -> None:
        self._budget = budget
        self._user = user
        self.size = 0

    def resize(self, size: int) -> bool:
        """Change the size; return False if there is not enough memory."""
        if not self._budget.reserve(self._user, size - self.size):
            return False
        self.size = size
        return True

    def close(self) -> None:
        """Release all bytes."""
        self.resize(0)

    def __del__(self) -> None:
        self.close()
