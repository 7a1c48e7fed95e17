"""Fast path for the most frequent stubs: ClientRequest (request and response) and RemoteSPEventProc.

Each reader takes the bytes of a PDU and the position of its stub. It returns None unless the stub is consistent;
`protocol.ndr` and the packet and event decoders then read the stub and report its problems. The tests compare both
paths.
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
#: Events whose fixed part has 40 bytes.
_PLAIN: Final = {number: event for number, event in EVENTS.items() if event.fixed == 40}
#: Msg of LINE_REPLY and PHONE_REPLY, whose layout may depend on the completed request.
_REPLIES: Final = frozenset((12, 17))
#: Bytes of the fixed part of a request and of an event.
_REQUEST: Final = 60
_EVENT: Final = 40
#: The largest value of a DWORD.
_LARGEST: Final = 0xFFFFFFFF


class Readers:
    """Stub readers for one transfer syntax, NDR20 or NDR64."""

    __slots__ = ("_ahead", "_behind", "_unpack", "_wide")

    def __init__(self, count: str, align: int) -> None:
        #: Unpacks max_count, offset and actual_count of the byte array.
        self._unpack: Callable[[bytes, int], tuple[int, int, int]] = Struct(f"<3{count}").unpack_from
        self._wide = count == "Q"
        self._ahead: i64 = Struct(f"<3{count}").size
        #: Distance from the start of a context handle to the counts after it.
        self._behind: i64 = (CONTEXT_SIZE + align - 1) // align * align

    def _size(self, data: bytes, counts: i64, behind: i64) -> i64:
        """Return actual_count of the byte array at ``counts``, which at least ``behind`` bytes follow.

        Returns -1 if the counts contradict each other or the length of the stub.
        """
        # Declared types for the compiler.
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
        # The size fields after the array; up to seven more bytes are padding.
        left = len(data) - first - actual - (-actual & 3)
        return actual if behind <= left < behind + 8 else -1

    def _maximum(self, data: bytes, counts: i64) -> i64:
        """Return max_count of the byte array, or 2**32 if it does not fit into a DWORD."""
        maximum: i64
        if not NATIVE:
            maximum = self._unpack(data, counts)[0]
        elif self._wide and little32(data, counts + 4):
            maximum = _LARGEST + 1
        else:
            maximum = little32(data, counts)
        return maximum

    def request(self, data: bytes, start: int) -> Raw | None:
        """Read a ClientRequest stub; None if it is not consistent."""
        counts: i64 = start + self._behind
        size = self._size(data, counts, 8)
        if size < _REQUEST:
            return None
        first = counts + self._ahead
        sizes = first + size + (-size & 3)
        # Declared types for the compiler.
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
        """Read the response stub of ClientRequest, given the class of the request; None if it is not consistent."""
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
        """Read a RemoteSPEventProc stub; None if it is not consistent.

        If the buffer is exactly one event with a fixed part of 40 bytes, the result has the class of that event (for a
        special completion, the class of the plain reply). Otherwise ``kind`` is None, and the result is a buffer of
        events.
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
    """Return the event class of a record of ``size`` bytes with a 40-byte fixed part; None for other records."""
    # Declared types for the compiler.
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
    """Split a buffer of events; None unless all events have a 40-byte fixed part and together fill the buffer."""
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


#: The readers for NDR20 and NDR64: ``READERS[ndr64]``.
READERS: Final = (Readers("I", 4), Readers("Q", 8))
