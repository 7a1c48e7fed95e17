"""The pcap format: a file header, then records."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.capture.files import Frame, Source

__all__ = ["MAGICS", "MAX_FRAME", "frames"]

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


def frames(source: Source, data: bytes) -> Iterator[Frame]:
    """The frames of a pcap file whose first bytes are ``data``."""
    order, unit, head = MAGICS[data[:4]]
    unpack = Struct(f"{order}IIII").unpack_from
    link = Struct(f"{order}I").unpack_from(data, 20)[0] & 0x0FFFFFFF
    position = 24
    number = 0
    # Types of what a record's head holds, for the compiler.
    seconds: int
    fraction: int
    size: int
    length: int
    while True:
        end = len(data)
        last = end - head
        while position <= last:
            seconds, fraction, size, length = unpack(data, position)
            if size > MAX_FRAME:
                # Damage: go on where the next records can be trusted, here or further on.
                position, data = _resume(source, data, position, order, unit, head, number)
                end = len(data)
                last = end - head
                continue
            start = position + head
            stop = start + size
            if stop > end:
                break
            number += 1
            yield number, seconds + fraction * unit, link, data, start, stop, length
            position = stop
        source.frames = number
        more = source.read()
        if not more:
            if position < end:
                source.warn(number + 1, f"the file ends in the middle of a record: {end - position} bytes are left")
            return
        data = data[position:] + more
        position = 0


def _resume(
    source: Source, data: bytes, position: int, order: str, unit: float, head: int, number: int
) -> tuple[int, bytes]:
    """Where two plausible records in a row stand next; the end of everything when there are none."""
    size = Struct(f"{order}I").unpack_from(data, position + 8)[0]
    source.warn(number + 1, f"record of {size} bytes: more than {MAX_FRAME}; going on at the next record")
    unpack = Struct(f"{order}IIII").unpack_from
    position += 1
    while True:
        for place in range(position, len(data) - 2 * head + 1):
            first = unpack(data, place)
            behind = place + head + first[2]
            if not _plausible(first, unit) or behind + head > len(data):
                continue
            second = unpack(data, behind)
            if _plausible(second, unit) and abs(second[0] - first[0]) <= _NEAR:
                return place, data
        # The two may lie across the end of what has been read.
        keep = max(position, len(data) - MAX_FRAME - 2 * head)
        more = source.read()
        if not more:
            return 0, b""
        data = data[keep:] + more
        position = 0


def _plausible(record: tuple[int, ...], unit: float) -> bool:
    seconds, fraction, size, length = record
    return seconds > 0 and fraction * unit < 1 and 14 <= size <= length <= MAX_FRAME
