"""Reassembly of fragmented calls (C706 12.6.2); the user of the module enforces limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CALL_COST", "Assembly", "Fragments"]

#: Memory overhead of an incomplete call in bytes.
CALL_COST = 512

Key = TypeVar("Key")


class Assembly:
    """The fragments of one incomplete call; context and opnum are those of the first fragment."""

    __slots__ = ("contents", "context", "opnum")

    def __init__(self, context: int, opnum: int) -> None:
        self.context = context
        self.opnum = opnum
        #: One buffer: a list of many small fragments would need more memory than their bytes.
        self.contents = bytearray()

    @property
    def size(self) -> int:
        """The number of bytes received so far."""
        return len(self.contents)

    def join(self) -> bytes:
        """Return the concatenated fragments."""
        return bytes(self.contents)


class Fragments(Generic[Key]):
    """Incomplete calls by key, in the order of their first fragments, and their size in bytes."""

    __slots__ = ("_calls", "size")

    def __init__(self) -> None:
        self._calls: dict[Key, Assembly] = {}
        #: Bytes of all fragments.
        self.size = 0

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, key: Key) -> bool:
        return key in self._calls

    def __iter__(self) -> Iterator[Key]:
        return iter(self._calls)

    def begin(self, key: Key, context: int, opnum: int) -> None:
        """Start a call with its first fragment; discard an incomplete call with the same key."""
        self.drop(key)
        self._calls[key] = Assembly(context, opnum)

    def add(self, key: Key, stub: bytes) -> Assembly | None:
        """Add a fragment; return its call, or None if the call was not started."""
        assembly = self._calls.get(key)
        if assembly is not None and stub:
            assembly.contents += stub
            self.size += len(stub)
        return assembly

    def drop(self, key: Key) -> bool:
        """Remove a call; return whether it existed."""
        assembly = self._calls.pop(key, None)
        if assembly is None:
            return False
        self.size -= assembly.size
        return True

    def clear(self) -> None:
        """Discard all calls."""
        self._calls.clear()
        self.size = 0
