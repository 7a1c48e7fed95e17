"""The pcap format: a file header, then records."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from mstrp.capture.cursor import Cursor
from protocol.unpacking import NATIVE, big32, little32

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_extensions import i64

    from mstrp.capture.files import Source

__all__ = ["MAGICS", "MAX_FRAME", "Records"]

#: What one frame may hold; a larger length is damage (libpcap's own limit).
MAX_FRAME: Final = 262_144
#: Byte order, unit of the fractions and size of a record's header by magic number; the last two are those of patched
#: libpcaps of old Linux distributions, which put eight more bytes behind the lengths.
MAGICS: Final[dict[bytes, tuple[str, float, int]]] = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1e-6, 24),
    b"\xa1\xb2\xcd\x34": (">", 1e-6, 24),
}
#: How far from the last record's time a record found behind damage may be, in seconds.
_NEAR: Final = 86_400


class Records(Cursor):
    """The frames of a pcap file whose first bytes are ``data``."""

    def __init__(self, source: Source, data: bytes) -> None:
        super().__init__()
        order, self._unit, head = MAGICS[data[:4]]
        self._source = source
        self._order = order
        self._big = order == ">"
        self._head: i64 = head
        self._unpack: Callable[[bytes, int], tuple[int, int, int, int]] = Struct(f"{order}IIII").unpack_from
        self.link = Struct(f"{order}I").unpack_from(data, 20)[0] & 0x0FFFFFFF
        self.data = data
        #: Where the next record begins, and where the last one could.
        self._position: i64 = 24
        self._last: i64 = len(data) - head

    def step(self) -> bool:
        """Go on to the next frame; False when there is none."""
        # Types of what a record's head holds, for the compiler.
        seconds: i64
        fraction: i64
        size: i64
        length: i64
        while True:
            data = self.data
            position = self._position
            if position <= self._last:
                if not NATIVE:
                    seconds, fraction, size, length = self._unpack(data, position)
                elif self._big:
                    seconds, fraction = big32(data, position), big32(data, position + 4)
                    size, length = big32(data, position + 8), big32(data, position + 12)
                else:
                    seconds, fraction = little32(data, position), little32(data, position + 4)
                    size, length = little32(data, position + 8), little32(data, position + 12)
                if size > MAX_FRAME:
                    # Damage: go on where the next records can be trusted, here or further on.
                    self._resume()
                    continue
                start = position + self._head
                end = start + size
                if end <= len(data):
                    self.number += 1
                    self.time = float(seconds) + float(fraction) * self._unit
                    self.start = start
                    self.end = end
                    self.length = length
                    self._position = end
                    return True
            self._source.frames = self.number
            left = len(data) - position
            needed = self._head if position > self._last else end - position
            data = self._source.read_at_least(needed, data[position:])
            if len(data) == left:
                self._over()
                return False
            self._go_on(data, 0)

    def _go_on(self, data: bytes, position: int) -> None:
        self.data = data
        self._position = position
        self._last = len(data) - self._head

    def _over(self) -> None:
        """Nothing more comes; said once where a record is cut off."""
        left = len(self.data) - self._position
        if left > 0:
            self._source.warn(self.number + 1, f"the file ends in the middle of a record: {left} bytes are left")
        self._go_on(b"", 0)

    def _resume(self) -> None:
        """Go on where two plausible records in a row stand next; at the end of everything when there are none."""
        head, unit, number, source = self._head, self._unit, self.number, self._source
        data = self.data
        position = self._position
        size = Struct(f"{self._order}I").unpack_from(data, position + 8)[0]
        source.warn(number + 1, f"record of {size} bytes: more than {MAX_FRAME}; going on at the next record")
        unpack = self._unpack
        # Where the highest byte of a size stands, which is 0 in all that are small enough: what `find` skips is cheap.
        high = 8 if self._big else 11
        position += 1
        while True:
            last = len(data) - 2 * head
            # What has to be looked at again with more behind it: two records may lie across the end of what has been read.
            keep = max(position, last + 1)
            place = data.find(b"\0", position + high) - high
            while 0 <= place <= last:
                first = unpack(data, place)
                if _plausible(first, unit):
                    behind = place + head + first[2]
                    if behind + head > len(data):
                        keep = min(keep, place)
                    else:
                        second = unpack(data, behind)
                        if _plausible(second, unit) and abs(second[0] - first[0]) <= _NEAR:
                            self._go_on(data, place)
                            return
                place = data.find(b"\0", place + 1 + high) - high
            left = len(data) - keep
            # A lot at once, because what was kept is looked at again.
            data = source.read_at_least(left + MAX_FRAME, data[keep:])
            if len(data) == left:
                self._go_on(b"", 0)
                return
            position = 0


def _plausible(record: tuple[int, ...], unit: float) -> bool:
    seconds, fraction, size, length = record
    return seconds > 0 and fraction * unit < 1 and 14 <= size <= length <= MAX_FRAME
