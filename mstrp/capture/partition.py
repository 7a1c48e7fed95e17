"""A part of a capture: the frames of a subset of the pairs of hosts, so that several processes can read one file.

All connections of a session are between the same two hosts, so each session is completely in one part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mstrp.capture.cursor import Cursor, cursor
from mstrp.capture.exported import EXPORTED_PDU, exported
from mstrp.capture.tunnels import carries, innermost
from protocol.unpacking import NATIVE, big32

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mstrp.capture.files import Frame

__all__ = ["Partition"]

#: Distributes neighboring addresses over the parts (Knuth's multiplicative hash).
_SPREAD: Final = 2_654_435_761
_RAW: Final = 101


class Partition(NamedTuple):
    """Part number ``place`` (from 0) of ``parts`` parts."""

    place: int
    parts: int

    def frames(self, source: Iterable[Frame]) -> Cursor:
        """Return the frames of this part; the first frame of the capture is included empty: it defines time 0."""
        return _Picked(source, self.place, self.parts)


class _Picked(Cursor):
    """The frames of a part."""

    def __init__(self, source: Iterable[Frame], place: int, parts: int) -> None:
        super().__init__()
        self._frames = cursor(source)
        self._place = place
        self._parts = parts
        #: Whether each pair of hosts belongs to this part.
        self._pairs: dict[bytes, bool] = {}
        #: Number of times that the first frame was read.
        self._begun = 0

    def step(self) -> bool:
        """Read the next frame; return False at the end."""
        frames = self._frames
        while self._begun == 1 or frames.step():
            data = frames.data
            start = frames.start
            end = frames.end
            self._begun += self._begun < 2
            if self._begun == 1:
                self._show(_RAW, start, 0)
                return True
            # The common case, Ethernet with IPv4, as in the reader.
            common = frames.link == 1 and end - start >= 34
            if common:
                if NATIVE:
                    common = big32(data, start + 12) >> 8 == 0x080045
                else:
                    common = data[start + 12 : start + 15] == b"\x08\x00\x45"
                if common and data[start + 23] != 6:
                    common = not carries(data[start + 23], data, start + 34, end)
            key = data[start + 26 : start + 34] if common else _addresses(frames.link, data, start, end)
            mine = self._pairs.get(key)
            if self._mine(key) if mine is None else mine:
                self._show(frames.link, end, frames.length)
                return True
        return False

    def _show(self, link: int, end: int, length: int) -> None:
        frames = self._frames
        self.number = frames.number
        self.time = frames.time
        self.link = link
        self.data = frames.data
        self.start = frames.start
        self.end = end
        self.length = length

    def _mine(self, key: bytes) -> bool:
        """Return whether a pair of hosts belongs to this part, in either direction."""
        pairs = self._pairs
        if len(pairs) > 1 << 16:
            pairs.clear()
        size = len(key) // 2
        mixed = int.from_bytes(key[:size], "big") ^ int.from_bytes(key[size:], "big")
        mine = pairs[key] = (mixed % 4_294_967_291 * _SPREAD >> 16) % self._parts == self._place
        return mine


def _addresses(link: int, data: bytes, start: int, end: int) -> bytes:
    """Return source and destination of an IP packet, of the innermost one in tunnels; empty if there is none."""
    if link == EXPORTED_PDU:
        tags = exported(data, start, end)
        return b"" if tags is None else tags.source + tags.target
    try:
        found = innermost(link, data, start, end)
    except IndexError:
        return b""
    return b"" if found is None else found.addresses
