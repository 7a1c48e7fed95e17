"""The commonest stubs, read in one go: ClientRequest both ways and RemoteSPEventProc, straight to packets.

Each reader takes the bytes of a PDU and where its stub starts. It returns None, or raises `struct.error`, for
anything but a stub without contradictions: `ndr` and the decoders of packets and events read those, and tell what is
wrong. For what is read here the result is the same, which the tests compare.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from protocol.event import EVENTS
from protocol.packet import REQUESTS, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["READERS", "Readers"]

_one: Final = Struct("<I").unpack_from
_pair: Final = Struct("<2I").unpack_from
_new: Final = object.__new__
_requests: Final = REQUESTS
_unknown: Final = Unknown
#: Events without a longer fixed part.
_plain: Final = {number: event for number, event in EVENTS.items() if event.fixed == 40}
#: Whose layout may depend on the request that they complete.
_REPLIES: Final = frozenset((12, 17))


class Readers:
    """The readers for one transfer syntax: NDR20 or NDR64."""

    __slots__ = ("_ahead", "_behind", "_counts", "_event", "_head", "_message")

    def __init__(self, count: str, align: int) -> None:
        # Maximum, offset and actual count of the array of bytes, and the fixed part of what is in it.
        self._message: Callable[[bytes, int], Any] = Struct(f"<3{count}15I").unpack_from
        self._event: Callable[[bytes, int], Any] = Struct(f"<3{count}10I").unpack_from
        self._counts: Callable[[bytes, int], Any] = Struct(f"<3{count}").unpack_from
        self._ahead = Struct(f"<3{count}").size
        #: Where the counts stand behind a context handle, and where the bytes do.
        self._behind = (20 + align - 1) // align * align
        self._head = self._behind + self._ahead

    def request(self, data: bytes, start: int) -> tuple[bytes, Request] | None:
        """ClientRequest: context handle and request."""
        found: tuple[int, ...] = self._message(data, start + self._behind)
        maximum, offset, actual = found[0], found[1], found[2]
        size = len(data)
        if not 60 <= actual <= size:
            return None
        first = start + self._head
        last = first + actual
        sizes = last + (-actual & 3)
        needed: int
        used: int
        needed, used = _pair(data, sizes)
        if needed != maximum or used != actual or offset or actual > maximum or size - sizes >= 16:
            return None
        words = found[3:]
        packet: Any = _new(_requests.get(words[0], _unknown))
        packet.words = words
        packet.buffer = data[first:last]
        packet.capacity = needed
        return data[start : start + 20], packet

    def response(self, data: bytes, start: int, asked: type[Request]) -> Request | None:
        """Its response, given the class of the request."""
        found: tuple[int, ...] = self._message(data, start)
        maximum, offset, actual = found[0], found[1], found[2]
        size = len(data)
        if not 60 <= actual <= size:
            return None
        first = start + self._ahead
        last = first + actual
        sizes = last + (-actual & 3)
        used: int = _one(data, sizes)[0]
        if used != actual or offset or actual > maximum or size - sizes >= 12:
            return None
        packet: Any = _new(asked.Response)
        packet.words = found[3:]
        packet.buffer = data[first:last]
        packet.capacity = actual
        result: Request = packet
        return result

    def events(self, data: bytes, start: int) -> tuple[bytes, Event | bytes] | None:
        """RemoteSPEventProc: context handle and the one event in it when that has only the ten words of the fixed part.

        A special completion of that length is read as the plain reply. Anything else gives the whole buffer.
        """
        first = start + self._head
        counts = start + self._behind
        found: tuple[int, ...] = (self._event if len(data) - first >= 40 else self._counts)(data, counts)
        maximum, offset, actual = found[0], found[1], found[2]
        if actual > len(data):
            return None
        last = first + actual
        sizes = last + (-actual & 3)
        size: int = _one(data, sizes)[0]
        if size != maximum or size != actual or offset or len(data) - sizes >= 12:
            return None
        buffer = data[first:last]
        if actual >= 40 and found[3] == actual and not actual & 3:
            number = found[7]
            kind = _plain.get(number)
            if kind is not None and (actual == 40 or number not in _REPLIES):
                event: Any = _new(kind)
                event.words = found[3:]
                event.buffer = buffer
                return data[start : start + 20], event
        return data[start : start + 20], buffer


#: The readers of NDR20 and of NDR64: ``READERS[ndr64]``.
READERS: Final = (Readers("I", 4), Readers("Q", 8))
