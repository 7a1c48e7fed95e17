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

#: Maximum size of a frame; a larger length is damage (the limit of libpcap).
MAX_FRAME: Final = 262_144
#: Byte order, unit of the fractions and possible sizes of a record header, by magic number. Patched libpcap versions of
#: old systems have more bytes after the lengths: 24 in total (Red Hat 6.1) or 20 (Nokia) with the usual magic number,
#: 24 or 28 (SuSE 6.3) with a separate one. The records show which.
MAGICS: Final[dict[bytes, tuple[str, float, tuple[int, ...]]]] = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6, (16, 24, 20)),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6, (16, 24, 20)),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9, (16,)),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9, (16,)),
    b"\x34\xcd\xb2\xa1": ("<", 1e-6, (24, 28)),
    b"\xa1\xb2\xcd\x34": (">", 1e-6, (24, 28)),
}
#: Bytes of the file header.
_FILE: Final = 24
#: The link type in its DWORD; the other bits are the length of a frame check sequence, its flag, and reserved.
_LINK: Final = 0xFFFF
#: Link types of AIX, whose files have version 2.2 and nanoseconds, by their numbers in RFC 1573.
_AIX: Final = {6: 1, 15: 10, 24: 0}
#: Number of records that are compared with a possible size of the header.
_PROBED: Final = 8
#: Maximum difference in seconds between the last record and a record found after damage.
_NEAR: Final = 86_400


class Records(Cursor):
    """The frames of a pcap file that starts with ``data``."""

    def __init__(self, source: Source, data: bytes) -> None:
        super().__init__()
        self._source = source
        self._order = "<"
        self._unit = 1e-6
        self._big = False
        self._head: i64 = 16
        self._unpack: Callable[[bytes, int], tuple[int, int, int, int]] = Struct("<IIII").unpack_from
        #: Possible sizes of the header of a record, None once it is known.
        self._heads: tuple[int, ...] | None = None
        self.data = data
        #: Start of the next record, and the last possible start.
        self._position: i64 = 0
        self._last: i64 = -1
        self._begin()

    def _begin(self) -> None:
        """Read the file header at the current position."""
        data, position = self.data, self._position
        self._order, self._unit, self._heads = MAGICS[data[position : position + 4]]
        order = self._order
        self._head = self._heads[0]
        self._big = order == ">"
        self._unpack = Struct(f"{order}IIII").unpack_from
        version = Struct(f"{order}HH").unpack_from(data, position + 4)
        link = Struct(f"{order}I").unpack_from(data, position + 20)[0] & _LINK
        if version == (2, 2) and link in _AIX:
            link, self._unit = _AIX[link], 1e-9
        self.link = link
        self._position += _FILE
        # The first step inspects the records before it reads one.
        self._last = -1

    def step(self) -> bool:
        """Read the next frame; return False at the end."""
        # Types of the fields of a record header, for the compiler.
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
                if not 0 < size <= MAX_FRAME:
                    if size:
                        # Damage: continue at the next plausible records, here or later.
                        self._resume()
                        continue
                    if self._seam():
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
            if self._heads is not None:
                self._choose(self._heads)
                continue
            self._source.frames = self.number
            self._source.time = self.time
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

    def _choose(self, heads: tuple[int, ...]) -> None:
        """Select the size of the record header from the records in the buffer; wait for no more than the first one."""
        self._heads = None
        data = self._source.read_at_least(heads[0], self.data[self._position :])
        if len(heads) > 1 and len(data) >= heads[0]:
            size = self._unpack(data, 0)[2]
            data = self._source.read_at_least(heads[0] + min(size, MAX_FRAME), data)
            # A single record is not sufficient evidence.
            most = 1
            if self._probe(data, heads[0]) < 0:
                for head in heads[1:]:
                    count = self._probe(data, head)
                    if count > most:
                        self._head, most = head, count
        self._go_on(data, 0)

    def _probe(self, data: bytes, head: int) -> int:
        """Return the number of records that match a header size; -1 if one does not."""
        position, found, seconds = 0, 0, 0
        while found < _PROBED and position + head <= len(data):
            record = self._unpack(data, position)
            if not record[2] and data[position : position + 4] in MAGICS:
                break
            near = not found or abs(record[0] - seconds) <= _NEAR
            if not near or record[1] * self._unit >= 1 or record[2] > MAX_FRAME or record[2] > record[3]:
                return -1
            seconds = record[0]
            position += head + record[2]
            found += 1
        return found

    def _seam(self) -> bool:
        """Continue after a file header between the records, where files were concatenated; False if there is none."""
        position = self._position
        if self.data[position : position + 4] not in MAGICS:
            return False
        self.data = self._source.read_at_least(_FILE, self.data[position:])
        self._position = 0
        self._last = -1
        if len(self.data) >= _FILE:
            self._begin()
        return True

    def _over(self) -> None:
        """End the file; report a truncated record once."""
        left = len(self.data) - self._position
        if left > 0:
            self._source.warn(self.number + 1, f"the file ends inside a record: {left} bytes are left")
        self._go_on(b"", 0)

    def _resume(self) -> None:
        """Continue at the next two successive plausible records, or at the end if there are none."""
        head, unit, number, source = self._head, self._unit, self.number, self._source
        data = self.data
        position = self._position
        size = Struct(f"{self._order}I").unpack_from(data, position + 8)[0]
        source.warn(number + 1, f"record of {size} bytes: more than {MAX_FRAME}; continuing at the next record")
        unpack = self._unpack
        # Position of the highest byte of a size, which is 0 in all valid sizes: `find` skips other bytes quickly.
        high = 8 if self._big else 11
        position += 1
        while True:
            last = len(data) - 2 * head
            # Bytes to inspect again with more data: two records may cross the end of the buffer.
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
            # A large read, because the kept bytes are inspected again.
            data = source.read_at_least(left + MAX_FRAME, data[keep:])
            if len(data) == left:
                self._go_on(b"", 0)
                return
            position = 0


def _plausible(record: tuple[int, ...], unit: float) -> bool:
    seconds, fraction, size, length = record
    return seconds > 0 and fraction * unit < 1 and 14 <= size <= length <= MAX_FRAME
