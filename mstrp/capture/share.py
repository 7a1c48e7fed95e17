"""A part of a capture: the frames of every so-many-th pair of hosts, so that several processes can read one file.

All connections of a session are between the same two hosts, so a session is whole in one part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mstrp.capture.link import network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.capture.files import Frame, Source

__all__ = ["Share"]

#: Spreads neighbouring addresses over the parts (Knuth's multiplicative hash).
_SPREAD = 2_654_435_761
_RAW = 101


class Share(NamedTuple):
    """Part number ``place`` (from 0) of ``parts``."""

    place: int
    parts: int

    def frames(self, source: Source) -> Iterator[Frame]:
        """The frames of this part; the first frame of all comes first, emptied, because times count from it."""
        place, parts = self
        pairs: dict[bytes, bool] = {}
        first = True
        for frame in source:
            number, time, link, data, start, end, _ = frame
            if first:
                first = False
                yield number, time, _RAW, data, start, start, 0
            if link == 1 and data[start + 12 : start + 15] == b"\x08\x00\x45":
                key = data[start + 26 : start + 34]
            else:
                key = _addresses(link, data, start, end)
            mine = pairs.get(key)
            if mine is None:
                if len(pairs) > 1 << 16:
                    pairs.clear()
                size = len(key) // 2
                mixed = int.from_bytes(key[:size], "big") ^ int.from_bytes(key[size:], "big")
                mine = pairs[key] = (mixed % 4_294_967_291 * _SPREAD >> 16) % parts == place
            if mine:
                yield frame


def _addresses(link: int, data: bytes, start: int, end: int) -> bytes:
    """Source and target of an IP packet; nothing where there is none."""
    position = network(link, data, start, end)
    if position < 0 or position >= end:
        return b""
    if data[position] >> 4 == 4:
        return data[position + 12 : position + 20]
    return data[position + 8 : position + 40]
