"""What has ended, remembered for a while: the latest few thousand of a kind."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

__all__ = ["Memory"]

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """A mapping that forgets what is old: it keeps between `SIZE` and twice as many of the latest entries.

    Two generations instead of one ordered mapping, because entries come and go with every call.
    """

    SIZE: ClassVar[int] = 2048

    __slots__ = ("older", "young")

    def __init__(self) -> None:
        self.young: dict[K, V] = {}
        self.older: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The latest entry under a key, while it is remembered."""
        found = self.young.get(key)
        return self.older.get(key) if found is None else found

    def put(self, key: K, value: V) -> None:
        """Remember something, in place of what was there under the same key."""
        young = self.young
        young[key] = value
        if len(young) > self.SIZE:
            self.older = young
            self.young = {}

    def pop(self, key: K) -> V | None:
        """Forget an entry and return it."""
        older = self.older.pop(key, None)
        return self.young.pop(key, older)
