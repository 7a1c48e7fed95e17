"""A memory of ended instances: the latest few thousand of each kind."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

__all__ = ["Memory"]

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """A mapping that discards old entries: it keeps between `SIZE` and twice as many of the latest ones.

    It has two generations instead of one ordered mapping, because every call adds and removes entries.
    """

    SIZE: ClassVar[int] = 2048

    __slots__ = ("older", "young")

    def __init__(self) -> None:
        self.young: dict[K, V] = {}
        self.older: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Return the latest entry with a key, if it is still stored."""
        found = self.young.get(key)
        return self.older.get(key) if found is None else found

    def put(self, key: K, value: V) -> None:
        """Store an entry, replacing one with the same key."""
        young = self.young
        young[key] = value
        if len(young) > self.SIZE:
            self.older = young
            self.young = {}

    def pop(self, key: K) -> V | None:
        """Remove an entry and return it."""
        older = self.older.pop(key, None)
        return self.young.pop(key, older)
