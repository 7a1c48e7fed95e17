"""One budget of memory for a server: what clients make it hold is counted, and too much of it is refused or dropped."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

__all__ = ["CLIENT", "CONNECTION", "HANDLE", "Budget", "Reservation"]

#: Bytes that a connection, an attached client and a handle are counted as: measured, rounded up.
CONNECTION, CLIENT, HANDLE = 8192, 8192, 2048


class Holder(Protocol):
    """A connection or client with data in memory that can be dropped."""

    def cut_off(self, why: str) -> None:
        """End it, so that what it holds is freed."""


class Budget:
    """Bytes in use: *reserved* for objects that stay, *buffered* for data on its way.

    A reservation that does not fit is refused, and no user has more than half of the budget. Buffered data cannot be
    refused, since it has arrived already: the holder of most of it is cut off.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.reserved = 0
        self.buffered = 0
        self._users: Counter[str] = Counter()
        self._holders: dict[Holder, int] = {}

    def reserve(self, user: str, size: int) -> bool:
        """Count ``size`` bytes more for a user (or less, if negative); False if there is no room.

        Buffered data gives way to what is reserved, so that it keeps no client out.
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
        """Set how many bytes of data a holder has; the largest holder is cut off when there are too many."""
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
        """Cut off the largest holders until no more than ``limit`` bytes are in use."""
        while self.buffered + self.reserved > limit and self._holders:
            largest = max(self._holders, key=self._holders.__getitem__)
            self.buffered -= self._holders.pop(largest)
            largest.cut_off("memory")

    def forget(self, holder: Holder) -> None:
        """A holder has ended."""
        self.buffered -= self._holders.pop(holder, 0)


class Reservation:
    """Reserved bytes, which are given back when the object that has them is gone."""

    __slots__ = ("_budget", "_user", "size")

    def __init__(self, budget: Budget, user: str) -> None:
        self._budget = budget
        self._user = user
        self.size = 0

    def resize(self, size: int) -> bool:
        """Change the size; False if there is no room."""
        if not self._budget.reserve(self._user, size - self.size):
            return False
        self.size = size
        return True

    def close(self) -> None:
        """Give everything back."""
        self.resize(0)

    def __del__(self) -> None:
        self.close()
