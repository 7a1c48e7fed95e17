"""Structures of MS-TRP 2.2.6 that the second subject fills, and the checks of request fields."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

from second_switches import on

HEADER = 60
ABSENT = 0xFFFFFFFF
VERSIONS = (0x10003, 0x10004, 0x20000, 0x20001, 0x20002, 0x30000, 0x30001)
NUMBERS = ("1001", "1002")
VOICE = 0x4
MEDIA = 0xE
STATES = 0x7F7F  # all but SPECIALINFO and UNKNOWN


def by_version(version: int, first: int, *later: tuple[int, int]) -> int:
    """The size of a fixed part at a version."""
    for since, size in later:
        if version >= since:
            first = size
    return first


class RequestError(Exception):
    """A request that fails with a code of 2.2.3."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code:#x}")
        self.code = code


class Message:
    """A TAPI32_MSG: the request, and the response that grows in it."""

    def __init__(self, data: bytes, room: int) -> None:
        self.head = bytearray(data[:HEADER])
        self.room = room - HEADER
        self.given = data[HEADER:]
        self.out = b""

    def get(self, offset: int) -> int:
        """Read a DWORD of the fixed part."""
        return int(struct.unpack_from("<I", self.head, offset)[0])

    def put(self, offset: int, value: int) -> None:
        """Write a DWORD of the fixed part."""
        struct.pack_into("<I", self.head, offset, value & 0xFFFFFFFF)

    def text(self, offset: int, error: int, optional: bool = False) -> str:
        """Read a UTF-16 string: aligned, inside VarData and terminated, as 3.1.4.2 demands."""
        at = self.get(offset)
        if optional and at == ABSENT:
            return ""
        if at % 2 and not on("string-alignment-unchecked"):
            raise RequestError(error)
        if at >= len(self.given) and not on("string-bounds-unchecked"):
            raise RequestError(error)
        for end in range(at, len(self.given) - 1, 2):
            if self.given[end : end + 2] == b"\0\0":
                return self.given[at:end].decode("utf-16-le", "replace")
        if on("string-end-unchecked") or (at >= len(self.given) and on("string-bounds-unchecked")):
            return self.given[at : at + 2 * ((len(self.given) - at) // 2)].decode("utf-16-le", "replace")
        raise RequestError(error)

    def block(self, offset: int, size: int, error: int, optional: bool = True) -> bytes:
        """Read a block of bytes: a multiple of 4, inside VarData, not past its end."""
        at, length = self.get(offset), self.get(size)
        if (optional and at == ABSENT) or on("block-unchecked"):
            return b""
        if at % 4 or at >= len(self.given) or at + length > len(self.given):
            raise RequestError(error)
        return self.given[at : at + length]

    def params(self, offset: int, version: int, needed: bool = False) -> bytes:
        """Read LINECALLPARAMS and check it by the rules of 3.1.4.2."""
        at = self.get(offset)
        if at == ABSENT and not needed:
            return b""
        fixed = by_version(version, 112, (0x20000, 176), (0x30000, 180))
        if at % 4 or at + fixed > len(self.given):
            raise RequestError(0x80000019)
        raw = self.given[at:]
        if not on("callparams-unchecked"):
            check_params(raw, fixed)
        return raw

    def fill(self, offset: int, shape: Shape, small: int = 0x8000004D) -> None:
        """Return a structure in VarData; the field gives the room and becomes the offset."""
        room = self.get(offset)
        if room < len(shape.fixed) and not on("small-buffer-accepted"):
            raise RequestError(small)
        if room > self.room and not on("room-unchecked"):
            raise RequestError(small)
        self.out = shape.build(room)
        self.put(offset, 4 if on("offset-nonzero") else 0)

    def done(self, code: int) -> bytes:
        """The response."""
        self.put(0, code)
        out = self.out if code < 0x80000000 else b""
        return bytes(self.head) + out


def check_params(raw: bytes, fixed: int) -> None:
    """Fail on a LINECALLPARAMS that 3.1.4.2 does not allow."""

    def get(offset: int) -> int:
        return int(struct.unpack_from("<I", raw, offset)[0])

    bearer, media, flags, mode = get(4), get(16), get(20), get(24)
    if get(0) < fixed or get(0) > len(raw):
        raise RequestError(0x8000004D)
    if bearer & ~0xFF or bearer & (bearer - 1):
        raise RequestError(0x80000016)
    if media & ~0xFFFE:
        raise RequestError(0x8000002F)
    if flags & ~0xFF or mode & ~3:
        raise RequestError(0x80000019)
    pairs = [48, 56, 64, 72, 80, 88, 96, 104]
    if fixed >= 176:
        pairs += [116, 124, 132, 140, 148, 156, 168]
        if get(112) & ~0xFFFF:
            raise RequestError(0x80000019)
    if fixed >= 180 and get(176) & ~0x1F:
        raise RequestError(0x80000019)
    for at in pairs:
        size, offset = get(at), get(at + 4)
        if size and (offset % 4 or offset >= len(raw) or offset + size > len(raw)):
            raise RequestError(0x80000019)


def wide(text: str) -> bytes:
    """UTF-16 with its terminator."""
    return text.encode("utf-16-le") + b"\0\0"


class Shape:
    """A structure with dwTotalSize, dwNeededSize, dwUsedSize and parts behind the fixed part."""

    def __init__(self, name: str, size: int) -> None:
        self.name, self.fixed = name, bytearray(size)
        self.parts: list[tuple[int, bytes]] = []

    def put(self, **fields: int) -> Shape:
        """Set DWORDs by offset: `at12=5`; what the version does not have is left out."""
        for name, value in fields.items():
            if int(name[2:]) + 4 <= len(self.fixed):
                struct.pack_into("<I", self.fixed, int(name[2:]), value & 0xFFFFFFFF)
        return self

    def raw(self, offset: int, data: bytes) -> Shape:
        """Set bytes of the fixed part."""
        if offset + len(data) <= len(self.fixed):
            self.fixed[offset : offset + len(data)] = data
        return self

    def tail(self, offset: int, data: bytes) -> Shape:
        """Add a variable part: its size at `offset`, its offset behind."""
        if data and offset + 8 <= len(self.fixed):
            self.parts.append((offset, data))
        return self

    def build(self, room: int) -> bytes:
        """The structure in `room` bytes; parts that do not fit are left out."""
        out, needed = bytearray(self.fixed), len(self.fixed)
        for at, data in self.parts:
            padded = data + b"\0" * (-len(data) % 4)
            needed += len(padded)
            if len(out) + len(padded) <= room or on("used-over-total"):
                size = len(data) + (4096 if on("part-past-end") and at != 16 else 0)
                struct.pack_into("<II", out, at, size, len(out))
                out += padded
        used = len(out)
        if on("used-zero"):
            used = 0
        if on("needed-is-total"):
            needed = min(needed, room)
        if on("needed-below-used"):
            needed = used - 4
        if on("total-is-used"):
            room = used
        struct.pack_into("<III", out, 0, room, needed, used + (8 if on("used-too-high") else 0))
        return bytes(out)


def dial_params() -> bytes:
    """LINEDIALPARAMS."""
    return struct.pack("<IIII", 2000, 100, 100, 1000)


def line_caps(device: int, version: int) -> Shape:
    """LINEDEVCAPS (2.2.6.23)."""
    size = by_version(version, 240, (0x20000, 252), (0x20002, 268), (0x30000, 292))
    caps = Shape("LINEDEVCAPS", size)
    caps.put(at28=0x500 if on("caps-same-permanent-id") else 0x500 + device)
    caps.put(at40=0 if on("caps-string-format") else 3, at44=3, at48=2 if on("caps-two-addresses") else 1)
    caps.put(at52=0 if on("caps-no-bearer") else 1, at56=64000)
    caps.put(at60=0 if on("caps-no-media") else MEDIA)
    caps.put(at112=0x20, at116=8, at120=6 if on("caps-answer-mode") else 1, at124=1, at128=0xE02)
    for at in (156, 172, 188):
        caps.raw(at, dial_params())
    caps.put(at236=0x8)
    caps.raw(252, b"second-line-id-" + bytes([48 + device]))
    caps.put(at268=1)
    caps.tail(12, wide("Second subject")).tail(20, wide("Two lines")).tail(32, wide(f"Line {NUMBERS[device]}"))
    return caps.tail(244, wide("tapi/line") + b"\0\0")


OFFERED = 0x1 | 0x2 | 0x4 | 0x8 | 0x20 | 0x40 | 0x80 | 0x800 | 0x10000 | 0x20000 | 0x40000
OFFERED |= 0x1000000 | 0x2000000 | 0x4000000 | 0x8000000


def address_caps(device: int, version: int) -> Shape:
    """LINEADDRESSCAPS (2.2.6.6)."""
    caps = Shape("LINEADDRESSCAPS", by_version(version, 180, (0x20000, 228)))
    caps.put(at12=1 - device if on("addresscaps-other-line") else device, at32=1, at36=0x3C)
    caps.put(at40=0x20 | 0x3800 | 0x38000, at44=0x48, at48=0x48, at52=0x48, at56=0x40, at60=0x40)
    caps.put(at64=STATES & ~0x400 if on("caps-no-onhold-state") else STATES, at68=1, at72=1)
    caps.put(at80=0x1 | 0x4 | 0x20, at84=8, at88=8, at92=8, at96=6, at100=6)
    caps.put(at104=0x20 | 0x400 | 0x200000, at108=OFFERED & ~0x800 if on("caps-no-hold-feature") else OFFERED)
    caps.put(at112=3, at116=0x1, at120=3, at176=0x2)
    caps.put(at208=0x40 | 0x80, at216=1, at220=1, at224=MEDIA)
    number = "9999" if on("addresscaps-number") else NUMBERS[device]
    return caps.tail(16, wide(number)).tail(196, wide("tapi/line") + b"\0\0")


def varstring(data: bytes, form: int = 4) -> Shape:
    """VARSTRING (2.2.6.48)."""
    return Shape("VARSTRING", 24).put(at12=form).tail(16, data)


def system_time() -> bytes:
    """SYSTEMTIME, now."""
    now = datetime.now(UTC)
    day = (now.weekday() + 1) % 7
    return struct.pack("<8H", now.year, now.month, day, now.day, now.hour, now.minute, now.second, 0)
