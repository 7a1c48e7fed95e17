"""Numbers in bytes for compiled code, to which one that is read byte by byte costs a tenth of what `struct` costs.

Plain Python is quicker with `struct`, so that what every packet passes through has both: ``if NATIVE`` tells which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["NATIVE", "big16", "big32", "little16", "little32"]

#: Whether this is compiled. The compiler is told (``setup.py``), so that it leaves out what is for plain Python.
NATIVE: Final = not __file__.endswith(".py")


def little16(data: bytes, at: i64) -> i64:
    """Two bytes, the low one first."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    return first | second << 8


def little32(data: bytes, at: i64) -> i64:
    """Four bytes, the lowest one first."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    third: i64 = data[at + 2]
    fourth: i64 = data[at + 3]
    return first | second << 8 | third << 16 | fourth << 24


def big16(data: bytes, at: i64) -> i64:
    """Two bytes, the high one first."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    return first << 8 | second


def big32(data: bytes, at: i64) -> i64:
    """Four bytes, the highest one first."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    third: i64 = data[at + 2]
    fourth: i64 = data[at + 3]
    return first << 24 | second << 16 | third << 8 | fourth
