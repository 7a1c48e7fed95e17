"""IP packets: headers of both versions, extension headers, reassembly of fragments."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from mstrp.capture.tunnels import CARRIERS, carries

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Datagrams", "Transport"]

_TCP = 6
_UDP = 17
_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS, _MOBILITY = 0, 43, 44, 51, 60, 135
#: Timeout in seconds for missing fragments (RFC 8200, 4.5).
_PATIENCE = 60.0
#: Maximum size of a datagram.
_LARGEST = 65_535


class Transport(NamedTuple):
    """A whole TCP segment, or payload that may be a tunnel: both addresses, and its position."""

    protocol: int
    version: int
    addresses: bytes
    data: bytes
    start: int
    stop: int


class _Pieces:
    """The fragments of one packet so far, without overlaps: the first copy of a byte is kept."""

    __slots__ = ("frame", "parts", "places", "size", "time", "total")

    def __init__(self, frame: int, time: float) -> None:
        self.frame = frame
        self.time = time
        #: The start of each part, in order, and the parts in the same order.
        self.places: list[int] = []
        self.parts: list[bytes] = []
        self.size = 0
        self.total = -1

    def add(self, offset: int, data: bytes, last: bool) -> bytes | None:
        """Add a fragment; return the packet when it is complete."""
        if self.total < 0 and last:
            self.total = offset + len(data)
            self._limit()
        if self.total >= 0:
            data = data[: max(0, self.total - offset)]
        self._insert(offset, data)
        return b"".join(self.parts) if self.size == self.total else None

    def _limit(self) -> None:
        """Discard bytes beyond the end of the packet."""
        while self.places and self.places[-1] + len(self.parts[-1]) > self.total:
            place, part = self.places.pop(), self.parts.pop()
            self.size -= len(part)
            if place < self.total:
                self._insert(place, part[: self.total - place])

    def _insert(self, offset: int, data: bytes) -> None:
        """Insert the new bytes of a fragment."""
        end = offset + len(data)
        index = bisect_right(self.places, offset)
        if index:
            offset = max(offset, self.places[index - 1] + len(self.parts[index - 1]))
        while offset < end:
            following = self.places[index] if index < len(self.places) else end
            stop = min(end, following)
            if offset < stop:
                self.places.insert(index, offset)
                self.parts.insert(index, data[offset - end : stop - end or None])
                self.size += stop - offset
                index += 1
            if index == len(self.places):
                return
            offset = following + len(self.parts[index])
            index += 1


class Datagrams:
    """Extracts TCP segments and tunnels from IP packets; reassembles at most ``limit`` packets at a time."""

    def __init__(self, limit: int, note: Callable[[int, str], None]) -> None:
        self.limit = limit
        self.note = note
        self.waiting: dict[bytes, _Pieces] = {}
        self.told = False
        #: Whether a tunnel was fragmented.
        self.tunnels = False
        #: Number of incomplete or invalid packets, and of packets dropped because of the limit.
        self.lost = 0
        self.dropped = 0

    def transport(self, data: bytes, position: int, end: int, frame: int, time: float) -> Transport | None:
        """Return the segment or tunnel in the packet at ``position``, or None; raises `IndexError` if truncated."""
        version = data[position] >> 4
        if version == 4:
            return self._version4(data, position, end, frame, time)
        if version == 6:
            return self._version6(data, position, end, frame, time)
        return None

    def _version4(self, data: bytes, position: int, end: int, frame: int, time: float) -> Transport | None:
        total = data[position + 2] << 8 | data[position + 3]
        start = position + ((data[position] & 15) << 2)
        stop = min(end, position + total) if total else end
        addresses = data[position + 12 : position + 20]
        fragment = data[position + 6] << 8 | data[position + 7]
        protocol = data[position + 9]
        if protocol == _AUTHENTICATION and not fragment & 0x3FFF and start + 2 <= stop:
            protocol, start = data[start], start + 8 + (data[start + 1] << 2)
        if not fragment & 0x3FFF:
            known = protocol == _TCP or carries(protocol, data, start, stop)
            return Transport(protocol, 4, addresses, data, start, stop) if known else None
        key = addresses + data[position + 4 : position + 6] + data[position + 9 : position + 10]
        offset, last = (fragment & 0x1FFF) << 3, not fragment & 0x2000
        return self._fragment(protocol, 4, addresses, key, offset, data[start:stop], last, frame, time)

    def _version6(self, data: bytes, position: int, end: int, frame: int, time: float) -> Transport | None:
        size = data[position + 4] << 8 | data[position + 5]
        stop = min(end, position + 40 + size) if size else end
        addresses = data[position + 8 : position + 40]
        kind = data[position + 6]
        place = position + 40
        while kind != _TCP:
            if kind in (_HOP, _ROUTING, _OPTIONS, _MOBILITY):
                kind, place = data[place], place + 8 + (data[place + 1] << 3)
            elif kind == _AUTHENTICATION:
                kind, place = data[place], place + 8 + (data[place + 1] << 2)
            elif kind == _FRAGMENT:
                fragment = data[place + 2] << 8 | data[place + 3]
                key = addresses + data[place + 4 : place + 8]
                kind, place = data[place], place + 8
                if not fragment & 0xFFF9:
                    # An atomic fragment: the whole packet (RFC 6946).
                    continue
                # The fragment header is expected to be the last extension header.
                offset, last, part = fragment & 0xFFF8, not fragment & 1, data[place:stop]
                return self._fragment(kind, 6, addresses, key, offset, part, last, frame, time)
            else:
                known = carries(kind, data, place, stop)
                return Transport(kind, 6, addresses, data, place, stop) if known else None
            if place >= stop:
                return None
        return Transport(_TCP, 6, addresses, data, place, stop)

    def _fragment(
        self,
        protocol: int,
        version: int,
        addresses: bytes,
        key: bytes,
        offset: int,
        data: bytes,
        last: bool,
        frame: int,
        time: float,
    ) -> Transport | None:
        """Add a fragment; return the packet when it is complete."""
        if protocol == _UDP:
            # The first fragment contains the ports; fragments of other traffic are not kept.
            if key not in self.waiting and (offset or not carries(protocol, data, 0, len(data))):
                return None
        elif protocol != _TCP and protocol not in CARRIERS:
            return None
        self.tunnels |= protocol != _TCP
        whole = self._piece(key, offset, data, last, frame, time)
        return None if whole is None else Transport(protocol, version, addresses, whole, 0, len(whole))

    def _piece(self, key: bytes, offset: int, data: bytes, last: bool, frame: int, time: float) -> bytes | None:
        if offset + len(data) > _LARGEST:
            self.lost += 1
            self._tell(frame, f"an IP fragment extends to byte {offset + len(data)} of a packet; it is ignored")
            return None
        pieces = self.waiting.get(key)
        if pieces is not None and time - pieces.time > _PATIENCE:
            self._incomplete(self.waiting.pop(key))
            pieces = None
        if pieces is None:
            pieces = self.waiting[key] = _Pieces(frame, time)
            if len(self.waiting) > self.limit:
                oldest = next(iter(self.waiting))
                self._tell(frame, f"more than {self.limit} incomplete IP packets; the oldest is dropped")
                del self.waiting[oldest]
                self.dropped += 1
        whole = pieces.add(offset, data, last)
        if whole is not None:
            del self.waiting[key]
        return whole

    def _incomplete(self, pieces: _Pieces) -> None:
        self.lost += 1
        self._tell(pieces.frame, "fragments of this IP packet are missing")

    def _tell(self, frame: int, text: str) -> None:
        """Warn once: the missing data also appears as a gap of the stream."""
        if not self.told:
            self.told = True
            self.note(frame, text)

    def finish(self) -> None:
        """Report incomplete packets at the end of the capture."""
        for pieces in self.waiting.values():
            self._incomplete(pieces)
        self.waiting.clear()
