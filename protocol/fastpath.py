"""The commonest stubs, read in one go: ClientRequest both ways and RemoteSPEventProc.

Each reader takes the bytes of a PDU and where its stub starts. It returns None for anything but a stub without
contradictions: `ndr` and the decoders of packets and events read those, and tell what is wrong. For what is read here
the result is the same, which the tests compare.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from protocol.event import EVENTS
from protocol.packet import REQUESTS, Unknown
from protocol.raw import Raw
from protocol.stub import CONTEXT_SIZE
from protocol.unpacking import NATIVE, little32

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_extensions import i64

    from protocol.packet import Request

__all__ = ["READERS", "Readers", "split"]

_one: Final = Struct("<I").unpack_from
_pair: Final = Struct("<2I").unpack_from
_five: Final = Struct("<I12xI").unpack_from
_requests: Final = REQUESTS
_unknown: Final = Unknown
#: Events without a longer fixed part.
_PLAIN: Final = {number: event for number, event in EVENTS.items() if event.fixed == 40}
#: Whose layout may depend on the request that they complete.
_REPLIES: Final = frozenset((12, 17))
#: Bytes of the fixed part of a request and of an event.
_REQUEST: Final = 60
_EVENT: Final = 40
#: The largest size that a word can say.
_LARGEST: Final = 0xFFFFFFFF


class Readers:
    """The readers for one transfer syntax: NDR20 or NDR64."""

    __slots__ = ("_ahead", "_behind", "_unpack", "_wide")

    def __init__(self, count: str, align: int) -> None:
        #: Maximum, offset and actual count of the array of bytes.
        self._unpack: Callable[[bytes, int], tuple[int, int, int]] = Struct(f"<3{count}").unpack_from
        self._wide = count == "Q"
        self._ahead: i64 = Struct(f"<3{count}").size
        #: Where the counts stand behind a context handle.
        self._behind: i64 = (CONTEXT_SIZE + align - 1) // align * align

    def _size(self, data: bytes, counts: i64, behind: i64) -> i64:
        """How many bytes the array has, with so many more behind it at least; -1 where something contradicts that."""
        # Types of the counts, for the compiler.
        maximum: i64
        offset: i64
        actual: i64
        first = counts + self._ahead
        if first > len(data):
            return -1
        if not NATIVE:
            maximum, offset, actual = self._unpack(data, counts)
        elif not self._wide:
            maximum, offset, actual = little32(data, counts), little32(data, counts + 4), little32(data, counts + 8)
        else:
            if little32(data, counts + 12) or little32(data, counts + 20):
                return -1
            maximum, offset, actual = (
                self._maximum(data, counts),
                little32(data, counts + 8),
                little32(data, counts + 16),
            )
        if offset or actual > maximum or actual > len(data):
            return -1
        # The sizes behind the array, and what may be left over as padding.
        left = len(data) - first - actual - (-actual & 3)
        return actual if behind <= left < behind + 8 else -1

    def _maximum(self, data: bytes, counts: i64) -> i64:
        """How many bytes the array may have; one more than any of the sizes can say where that is more."""
        maximum: i64
        if not NATIVE:
            maximum = self._unpack(data, counts)[0]
        elif self._wide and little32(data, counts + 4):
            maximum = _LARGEST + 1
        else:
            maximum = little32(data, counts)
        return maximum

    def request(self, data: bytes, start: int) -> Raw | None:
        """ClientRequest: context handle and request."""
        counts: i64 = start + self._behind
        size = self._size(data, counts, 8)
        if size < _REQUEST:
            return None
        first = counts + self._ahead
        sizes = first + size + (-size & 3)
        # Types of the sizes, for the compiler.
        needed: i64
        used: i64
        number: i64
        if NATIVE:
            needed, used, number = little32(data, sizes), little32(data, sizes + 4), little32(data, first)
        else:
            needed, used = _pair(data, sizes)
            number = _one(data, first)[0]
        if needed != self._maximum(data, counts) or used != size:
            return None
        return Raw(_requests.get(number, _unknown), data, first, size, needed, data[start : start + CONTEXT_SIZE])

    def response(self, data: bytes, start: int, asked: type[Request]) -> Raw | None:
        """Its response, given the class of the request."""
        size = self._size(data, start, 4)
        if size < _REQUEST:
            return None
        first: i64 = start + self._ahead
        sizes = first + size + (-size & 3)
        used: i64 = little32(data, sizes) if NATIVE else _one(data, sizes)[0]
        if used != size:
            return None
        raw = Raw(asked, data, first, size, size)
        raw.is_request = False
        return raw

    def events(self, data: bytes, start: int) -> Raw | None:
        """RemoteSPEventProc: context handle and events.

        Where the buffer is one event that has only the ten words of the fixed part, it comes with its class. A special
        completion of that length is the plain reply. Anything else has no class: it is a buffer.
        """
        counts: i64 = start + self._behind
        size = self._size(data, counts, 4)
        if size < 0:
            return None
        first = counts + self._ahead
        sizes = first + size + (-size & 3)
        used: i64 = little32(data, sizes) if NATIVE else _one(data, sizes)[0]
        if used != size or used != self._maximum(data, counts):
            return None
        kind = _plain(data, first, size) if size >= _EVENT and not size & 3 else None
        return Raw(kind, data, first, size, -1, data[start : start + CONTEXT_SIZE])


def _plain(data: bytes, first: i64, size: i64) -> Any:
    """The class of a record of that size which has only the ten words of the fixed part; None for others."""
    # Types of the words, for the compiler.
    total: i64
    number: i64
    if NATIVE:
        total, number = little32(data, first), little32(data, first + 16)
    else:
        total, number = _five(data, first)
    if total != size or (size != _EVENT and number in _REPLIES):
        return None
    return _PLAIN.get(number)


def split(buffer: Raw) -> list[Raw] | None:
    """The events in a buffer without its class, where all of them are plain and fill it; None for others."""
    data = buffer.data
    position = buffer.first
    end = position + buffer.size
    found: list[Raw] = []
    while position < end:
        if end - position < _EVENT:
            return None
        size: i64 = little32(data, position) if NATIVE else _one(data, position)[0]
        if size < _EVENT or size & 3 or size > end - position:
            return None
        kind = _plain(data, position, size)
        if kind is None:
            return None
        found.append(Raw(kind, data, position, size, -1))
        position += size
    return found


#: The readers of NDR20 and of NDR64: ``READERS[ndr64]``.
READERS: Final = (Readers("I", 4), Readers("Q", 8))
