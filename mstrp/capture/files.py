"""Capture files: pcap and pcapng, read in one pass and in constant memory.

Why an own reader: the formats are small and stable, and the two libraries that are alive and free for this use cost
ten times (dpkt) and a hundred times (python-pcapng) what a frame costs here; `docs/decisions.md` has the figures.
"""

from __future__ import annotations

import sys
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, BinaryIO, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CaptureError", "Frame", "Source", "open_capture"]

#: What one frame may hold; a larger length is damage (libpcap's own limit).
MAX_FRAME = 262_144
_CHUNK = 1 << 20


class CaptureError(ValueError):
    """A file that is no capture, or one that cannot be read; the message says which and where."""


#: One frame: its number from 1, its time in seconds, its link type, the bytes it lies in, where it starts and ends
#: there, and how long it was on the wire (more than is there when the capture cut it off). A plain tuple: a capture
#: has millions of them.
Frame: TypeAlias = tuple[int, float, int, bytes, int, int, int]


class Source:
    """A capture that is being read. ``warn`` is told about damage; reading goes on where that is possible."""

    def __init__(self, stream: BinaryIO, name: str, warn: Callable[[int, str], None]) -> None:
        self.stream = stream
        self.name = name
        self.warn = warn
        #: Called with the number of bytes read so far.
        self.progress: Callable[[int], None] | None = None
        self.position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stream.close()

    def __iter__(self) -> Iterator[Frame]:
        head = self._read_at_least(24)
        if not head:
            raise CaptureError(f"{self.name}: the file is empty; a pcap or pcapng capture was expected")
        magic = head[:4]
        if magic == b"\x0a\x0d\x0d\x0a":
            return self._pcapng(head)
        found = _PCAP.get(magic)
        if found is None:
            shown = " ".join(f"{byte:02x}" for byte in magic)
            message = f"{self.name}: not a capture: it starts with {shown}; expected pcap (d4 c3 b2 a1) or pcapng (0a 0d 0d 0a)"
            raise CaptureError(message)
        if len(head) < 24:
            raise CaptureError(f"{self.name}: the pcap header is cut off after {len(head)} of 24 bytes")
        return self._pcap(head, *found)

    def _read(self) -> bytes:
        data = self.stream.read(_CHUNK)
        self.position += len(data)
        if self.progress is not None:
            self.progress(self.position)
        return data

    def _read_at_least(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._read()
            if not more:
                break
            data += more
        return data

    def _pcap(self, data: bytes, order: str, unit: float) -> Iterator[Frame]:
        header = Struct(f"{order}IIII")
        link = Struct(f"{order}I").unpack_from(data, 20)[0] & 0x0FFFFFFF
        unpack = header.unpack_from
        position = 24
        number = 0
        while True:
            end = len(data)
            while end - position >= 16:
                seconds, fraction, size, length = unpack(data, position)
                if size > MAX_FRAME:
                    self.warn(number + 1, f"record of {size} bytes: more than {MAX_FRAME}; reading stops here")
                    return
                start = position + 16
                stop = start + size
                if stop > end:
                    break
                number += 1
                yield number, seconds + fraction * unit, link, data, start, stop, length
                position = stop
            more = self._read()
            if not more:
                if position < end:
                    self.warn(number + 1, f"the file ends in the middle of a record: {end - position} bytes are left")
                return
            data = data[position:] + more
            position = 0

    def _pcapng(self, data: bytes) -> Iterator[Frame]:
        order = "<"
        interfaces: list[tuple[int, float, int]] = []
        position = 0
        number = 0
        while True:
            end = len(data)
            while end - position >= 12:
                if data[position : position + 4] == b"\x0a\x0d\x0d\x0a":
                    order = "<" if data[position + 8 : position + 12] == b"\x4d\x3c\x2b\x1a" else ">"
                    interfaces = []
                kind, size = Struct(f"{order}II").unpack_from(data, position)
                if size < 12 or size & 3 or size > MAX_FRAME + 4096:
                    self.warn(number + 1, f"block of {size} bytes at byte {position}; reading stops here")
                    return
                stop = position + size
                if stop > end:
                    break
                if kind == 1:
                    interfaces.append(_interface(data, position, stop, order))
                elif kind in (2, 3, 6):
                    frame = self._block(data, position, stop, order, kind, interfaces, number + 1)
                    number += 1
                    if frame is not None:
                        yield frame
                position = stop
            more = self._read()
            if not more:
                if position < end:
                    self.warn(number + 1, f"the file ends in the middle of a block: {end - position} bytes are left")
                return
            data = data[position:] + more
            position = 0

    def _block(
        self,
        data: bytes,
        position: int,
        stop: int,
        order: str,
        kind: int,
        interfaces: list[tuple[int, float, int]],
        number: int,
    ) -> Frame | None:
        """A packet block: enhanced (6), simple (3) or the obsolete one (2)."""
        if kind == 3:
            index, high, low = 0, 0, 0
            length = Struct(f"{order}I").unpack_from(data, position + 8)[0]
            snap = interfaces[0][2] if interfaces else 0
            size = min(length, stop - position - 16, snap or length)
            start = position + 12
        else:
            if stop - position < 32:
                self.warn(number, f"packet block of {stop - position} bytes: too short for its header")
                return None
            index, high, low, size, length = Struct(f"{order}IIIII").unpack_from(data, position + 8)
            index &= 0xFFFF if kind == 2 else 0xFFFFFFFF
            start = position + 28
        if index >= len(interfaces):
            self.warn(number, f"packet of interface {index}, which is not described")
            return None
        if start + size > stop - 4:
            self.warn(number, f"packet of {size} bytes in a block of {stop - position}")
            size = max(0, stop - 4 - start)
        link, unit, _ = interfaces[index]
        time = (high << 32 | low) * unit
        return number, time, link, data, start, start + size, length


def _interface(data: bytes, position: int, stop: int, order: str) -> tuple[int, float, int]:
    """Link type, seconds per tick and snap length of an interface description block."""
    link, _, snap = Struct(f"{order}HHI").unpack_from(data, position + 8)
    unit = 1e-6
    offset = position + 16
    while offset + 4 <= stop - 4:
        code, size = Struct(f"{order}HH").unpack_from(data, offset)
        if code == 0:
            break
        if code == 9 and size >= 1 and offset + 4 < stop:
            resolution = data[offset + 4]
            unit = 2.0 ** -(resolution & 0x7F) if resolution & 0x80 else 10.0**-resolution
        offset += 4 + (size + 3 & ~3)
    return link, unit, snap


#: Byte order and unit of the fractions by magic number.
_PCAP: dict[bytes, tuple[str, float]] = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}


def open_capture(path: str | Path, warn: Callable[[int, str], None]) -> Source:
    """Open a capture by name; ``-`` is standard input. Raises `CaptureError` when it cannot be opened."""
    name = str(path)
    if name == "-":
        return Source(sys.stdin.buffer, "<stdin>", warn)
    try:
        stream = Path(name).open("rb")  # noqa: SIM115 - closed by the reader of the capture
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaptureError(f"{name}: {reason}") from None
    return Source(stream, name, warn)
