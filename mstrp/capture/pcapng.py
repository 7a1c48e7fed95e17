"""The pcapng format: sections of blocks, each section with its own byte order and interfaces."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from mstrp.capture.pcap import MAX_FRAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.capture.files import Frame, Source

__all__ = ["MAGIC", "frames"]

#: The type of a section header block, the same in both byte orders.
MAGIC = b"\x0a\x0d\x0d\x0a"
_SIMPLE, _OBSOLETE, _ENHANCED, _INTERFACE = 3, 2, 6, 1
#: Blocks without a packet may be larger (names, secrets, statistics); they are skipped.
_MAX_BLOCK = 16 * 1024 * 1024
_TSRESOL, _TSOFFSET = 9, 14


class _Interface(NamedTuple):
    link: int
    #: Duration of a tick in seconds, and offset of all times in seconds.
    unit: float
    offset: int
    snap: int


class _Section:
    """Properties of the current section."""

    def __init__(self, order: str) -> None:
        self.interfaces: list[_Interface] = []
        self.pair = Struct(f"{order}II").unpack_from
        self.word = Struct(f"{order}I").unpack_from
        self.packet = Struct(f"{order}IIIII").unpack_from
        self.old = Struct(f"{order}HHIIII").unpack_from
        self.interface = Struct(f"{order}HHI").unpack_from
        self.option = Struct(f"{order}HH").unpack_from
        self.signed = Struct(f"{order}q").unpack_from


def frames(source: Source, data: bytes) -> Iterator[Frame]:
    """Yield the frames of a pcapng file that starts with ``data``."""
    section = _Section("<")
    position = 0
    number = 0
    #: The last time seen, because simple packet blocks have none.
    time = 0.0
    while True:
        end = len(data)
        while end - position >= 12:
            if data[position : position + 4] == MAGIC:
                section = _Section("<" if data[position + 8 : position + 12] == b"\x4d\x3c\x2b\x1a" else ">")
            kind, size = section.pair(data, position)
            if size < 12 or size & 3 or size > _MAX_BLOCK:
                source.warn(number + 1, f"block of {size} bytes; continuing at the next block")
                position, data = _resume(source, data, position, section)
                end = len(data)
                continue
            stop = position + size
            if stop > end:
                break
            if kind in (_ENHANCED, _SIMPLE, _OBSOLETE):
                number += 1
                found = _packet(source, data, position, stop, section, kind, number)
                if found is not None:
                    link, moment, start, last, length = found
                    time = time if moment is None else moment
                    yield number, time, link, data, start, last, length
            elif kind == _INTERFACE:
                if size >= 20:
                    section.interfaces.append(_interface(data, position, stop, section))
                else:
                    source.warn(number + 1, f"interface description of {size} bytes: too short")
            position = stop
        source.frames = number
        source.time = time
        left = end - position
        data = source.read_at_least(section.pair(data, position)[1] if left >= 12 else 12, data[position:])
        if len(data) == left:
            if left:
                source.warn(number + 1, f"the file ends inside a block: {left} bytes are left")
            return
        position = 0


def _packet(
    source: Source, data: bytes, position: int, stop: int, section: _Section, kind: int, number: int
) -> tuple[int, float | None, int, int, int] | None:
    """Return link type, time, start, end and original length of a packet block: enhanced, simple or the obsolete one."""
    size = stop - position
    if size < (16 if kind == _SIMPLE else 32):
        source.warn(number, f"packet block of {size} bytes: too short for its header")
        return None
    interfaces = section.interfaces
    if kind == _SIMPLE:
        index, high, low = 0, 0, 0
        length = section.word(data, position + 8)[0]
        snap = interfaces[0].snap if interfaces else 0
        kept = min(length, size - 16, snap or length)
        start = position + 12
    elif kind == _ENHANCED:
        index, high, low, kept, length = section.packet(data, position + 8)
        start = position + 28
    else:
        index, _, high, low, kept, length = section.old(data, position + 8)
        start = position + 28
    if index >= len(interfaces):
        source.warn(number, f"packet of interface {index}, which is not described")
        return None
    if start + kept > stop - 4:
        source.warn(number, f"packet of {kept} bytes in a block of {size}")
        kept = max(0, stop - 4 - start)
    if kept > MAX_FRAME:
        source.warn(number, f"packet of {kept} bytes: more than {MAX_FRAME}; it is ignored")
        return None
    interface = interfaces[index]
    time = None if kind == _SIMPLE else (high << 32 | low) * interface.unit + interface.offset
    return interface.link, time, start, start + kept, length


def _interface(data: bytes, position: int, stop: int, section: _Section) -> _Interface:
    """Read an interface description block."""
    link, _, snap = section.interface(data, position + 8)
    unit = 1e-6
    base = 0
    offset = position + 16
    while offset + 4 <= stop - 4:
        code, size = section.option(data, offset)
        if code == 0:
            break
        if code == _TSRESOL and size >= 1 and offset + 4 < stop:
            resolution = data[offset + 4]
            unit = 2.0 ** -(resolution & 0x7F) if resolution & 0x80 else 10.0**-resolution
        elif code == _TSOFFSET and size == 8 and offset + 12 <= stop:
            base = section.signed(data, offset + 4)[0]
        offset += 4 + (size + 3 & ~3)
    return _Interface(link, unit, base, snap)


def _resume(source: Source, data: bytes, position: int, section: _Section) -> tuple[int, bytes]:
    """Return the position of the next block with two equal lengths, or of the end if there is none."""
    position += 4
    while True:
        for place in range(position, len(data) - 11, 4):
            if data[place : place + 4] == MAGIC:
                return place, data
            kind, size = section.pair(data, place)
            if kind in (1, 2, 3, 4, 5, 6) and 12 <= size <= MAX_FRAME + 4096 and not size & 3:
                stop = place + size
                if stop <= len(data) and section.word(data, stop - 4)[0] == size:
                    return place, data
        # A block may cross the end of the buffer.
        keep = max(position, (len(data) - MAX_FRAME - 4096) & ~3)
        left = len(data) - keep
        # A large read, because the kept bytes are inspected again.
        data = source.read_at_least(left + MAX_FRAME, data[keep:])
        if len(data) == left:
            return 0, b""
        position = 0
