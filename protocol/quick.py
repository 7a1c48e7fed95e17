"""The commonest stubs, read in one go: ClientRequest both ways and RemoteSPEventProc, straight to packets.

Each reader takes the bytes of a PDU and where its stub starts. It returns None, or raises `struct.error`, for
anything but a stub without contradictions: `ndr` and the decoders of packets and events read those, and tell what is
wrong. For what is read here the result is the same, which the tests compare.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from protocol.event import EVENTS
from protocol.packet import REQUESTS, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["READERS", "Readers"]

_U32 = Struct("<I")
_PAIR = Struct("<2I")
_FIFTEEN = Struct("<15I")
_TEN = Struct("<10I")
_new = object.__new__
#: Whose layout may depend on the request that they complete.
_REPLIES = frozenset((12, 17))


class Readers(NamedTuple):
    """The readers for one transfer syntax."""

    #: ClientRequest: context handle and request.
    request: Callable[[bytes, int], tuple[bytes, Request] | None]
    #: Its response, given the class of the request.
    response: Callable[[bytes, int, type[Request]], Request | None]
    #: RemoteSPEventProc: context handle and the one event in it when that has only the ten words of the fixed part
    #: (a special completion of that length is read as the plain reply), or else the whole buffer.
    events: Callable[[bytes, int], tuple[bytes, Event | bytes] | None]


def _readers(counts: Struct, align: int) -> Readers:
    unpack_counts, unpack_pair, unpack_one = counts.unpack_from, _PAIR.unpack_from, _U32.unpack_from
    unpack_words, unpack_event = _FIFTEEN.unpack_from, _TEN.unpack_from
    behind = (20 + align - 1) // align * align
    head = behind + counts.size
    tail = counts.size
    requests = REQUESTS
    fixed = {number: event for number, event in EVENTS.items() if event.fixed == 40}

    def request(data: bytes, start: int) -> tuple[bytes, Request] | None:
        maximum, offset, actual = unpack_counts(data, start + behind)
        size = len(data)
        if not 60 <= actual <= size:
            return None
        first = start + head
        last = first + actual
        sizes = last + (-actual & 3)
        needed, used = unpack_pair(data, sizes)
        if needed != maximum or used != actual or offset or actual > maximum or size - sizes >= 16:
            return None
        words = unpack_words(data, first)
        packet: Any = _new(requests.get(words[0], Unknown))
        packet.words = words
        packet.buffer = data[first:last]
        packet.capacity = needed
        return data[start : start + 20], packet

    def response(data: bytes, start: int, asked: type[Request]) -> Request | None:
        maximum, offset, actual = unpack_counts(data, start)
        size = len(data)
        if not 60 <= actual <= size:
            return None
        first = start + tail
        last = first + actual
        sizes = last + (-actual & 3)
        used = unpack_one(data, sizes)[0]
        if used != actual or offset or actual > maximum or size - sizes >= 12:
            return None
        packet: Any = _new(asked.Response)
        packet.words = unpack_words(data, first)
        packet.buffer = data[first:last]
        packet.capacity = actual
        found: Request = packet
        return found

    def events(data: bytes, start: int) -> tuple[bytes, Event | bytes] | None:
        maximum, offset, actual = unpack_counts(data, start + behind)
        if actual > len(data):
            return None
        first = start + head
        last = first + actual
        sizes = last + (-actual & 3)
        size = unpack_one(data, sizes)[0]
        if size != maximum or size != actual or offset or len(data) - sizes >= 12:
            return None
        buffer = data[first:last]
        if actual >= 40:
            words = unpack_event(buffer)
            if words[0] == actual and not actual & 3:
                kind = fixed.get(words[4])
                if kind is not None and (actual == 40 or words[4] not in _REPLIES):
                    event: Any = _new(kind)
                    event.words = words
                    event.buffer = buffer
                    return data[start : start + 20], event
        return data[start : start + 20], buffer

    return Readers(request, response, events)


#: The readers of NDR20 and of NDR64: ``READERS[ndr64]``.
READERS = (_readers(Struct("<3I"), 4), _readers(Struct("<3Q"), 8))
