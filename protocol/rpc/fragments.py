"""Calls that are being put together from their fragments (C706 12.6.2); what to do with too many is up to who keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CALL_COST", "Assembly", "Fragments"]

#: Bytes that an incomplete call costs beside its contents.
CALL_COST = 512

Key = TypeVar("Key")


class Assembly:
    """The fragments of one call so far; context and opnum are those of the first one."""

    __slots__ = ("contents", "context", "opnum")

    def __init__(self, context: int, opnum: int) -> None:
        self.context = context
        self.opnum = opnum
        #: One buffer for all of them: a list of many small ones would cost more than their bytes.
        self.contents = bytearray()

    @property
    def size(self) -> int:
        """Bytes so far."""
        return len(self.contents)

    def join(self) -> bytes:
        """All of them in a row."""
        return bytes(self.contents)


class Fragments(Generic[Key]):
    """Incomplete calls by key, in the order in which they began, and how many bytes they hold."""

    __slots__ = ("_calls", "size")

    def __init__(self) -> None:
        self._calls: dict[Key, Assembly] = {}
        #: Bytes of all of them.
        self.size = 0

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, key: Key) -> bool:
        return key in self._calls

    def __iter__(self) -> Iterator[Key]:
        return iter(self._calls)

    def begin(self, key: Key, context: int, opnum: int) -> None:
        """The first fragment of a call comes; one with the same key that was not complete is forgotten."""
        self.drop(key)
        self._calls[key] = Assembly(context, opnum)

    def add(self, key: Key, stub: bytes) -> Assembly | None:
        """One more fragment; None when there was no first one."""
        assembly = self._calls.get(key)
        if assembly is not None and stub:
            assembly.contents += stub
            self.size += len(stub)
        return assembly

    def drop(self, key: Key) -> bool:
        """A call is complete, or not wanted any more; whether there was one."""
        assembly = self._calls.pop(key, None)
        if assembly is None:
            return False
        self.size -= assembly.size
        return True
