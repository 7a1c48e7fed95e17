"""Integers read from bytes without intermediate objects, for modules compiled by mypyc.

Interpreted code is faster with `struct`, so the code on the path of every packet has both variants and selects one
with ``if NATIVE``.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["NATIVE", "big16", "big32", "fifteen_dwords", "find_nul", "little16", "little32", "ten_dwords"]

#: Whether this module is compiled. The compiler gets the value as an option (``setup.py``) and omits the other branch.
NATIVE: Final = not __file__.endswith((".py", ".pyc"))


def little16(data: bytes, at: i64) -> i64:
    """Read a little-endian 16-bit unsigned integer."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    return first | second << 8


def little32(data: bytes, at: i64) -> i64:
    """Read a little-endian 32-bit unsigned integer."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    third: i64 = data[at + 2]
    fourth: i64 = data[at + 3]
    return first | second << 8 | third << 16 | fourth << 24


def big16(data: bytes, at: i64) -> i64:
    """Read a big-endian 16-bit unsigned integer."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    return first << 8 | second


def big32(data: bytes, at: i64) -> i64:
    """Read a big-endian 32-bit unsigned integer."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    third: i64 = data[at + 2]
    fourth: i64 = data[at + 3]
    return first << 24 | second << 16 | third << 8 | fourth


_ten: Final = Struct("<10I").unpack_from
_fifteen: Final = Struct("<15I").unpack_from


def ten_dwords(data: bytes, at: i64) -> tuple[int, ...]:
    """Read ten DWORDs, the fixed part of an event."""
    if not NATIVE:
        return _ten(data, at)
    return (
        little32(data, at),
        little32(data, at + 4),
        little32(data, at + 8),
        little32(data, at + 12),
        little32(data, at + 16),
        little32(data, at + 20),
        little32(data, at + 24),
        little32(data, at + 28),
        little32(data, at + 32),
        little32(data, at + 36),
    )


def fifteen_dwords(data: bytes, at: i64) -> tuple[int, ...]:
    """Read fifteen DWORDs, the fixed part of a request or response."""
    if not NATIVE:
        return _fifteen(data, at)
    return (
        little32(data, at),
        little32(data, at + 4),
        little32(data, at + 8),
        little32(data, at + 12),
        little32(data, at + 16),
        little32(data, at + 20),
        little32(data, at + 24),
        little32(data, at + 28),
        little32(data, at + 32),
        little32(data, at + 36),
        little32(data, at + 40),
        little32(data, at + 44),
        little32(data, at + 48),
        little32(data, at + 52),
        little32(data, at + 56),
    )


def find_nul(data: bytes, start: i64, end: i64) -> int:
    """Return the position of the UTF-16 NUL of the string at ``start``; -1 if there is none before ``end``."""
    stop: i64
    if NATIVE:
        end = min(end, len(data))
        stop = start
        while stop + 1 < end:
            if not data[stop] and not data[stop + 1]:
                return stop
            stop += 2
        return -1
    stop = data.find(b"\0\0", start, end)
    while stop >= 0 and (stop - start) & 1:
        stop = data.find(b"\0\0", stop + 1, end)
    return stop
