"""Quick looks at requests: whether the checks of a field may find something, without asking each of them.

A precheck is made from the same declaration as the checks. It may be wrong in one direction only: what it lets pass,
no check complains of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from protocol.unpacking import find_nul

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_extensions import i64

    from protocol.raw import Raw

__all__ = ["OffsetPrecheck", "Precheck", "PredicatePrecheck", "SizePrecheck", "TextPrecheck"]

#: Bytes of the fixed part of a request, behind which its offsets point.
_FIXED: Final = 60
#: "Nothing here".
_ABSENT: Final = 0xFFFFFFFF


class Precheck:
    """A quick look at one field."""

    def may_fail(self, raw: Raw) -> bool:
        """Whether something may be wrong."""
        raise NotImplementedError


class PredicatePrecheck(Precheck):
    """Asks the checks."""

    def __init__(self, wrong: Callable[[Any], bool]) -> None:
        self._wrong = wrong

    def may_fail(self, raw: Raw) -> bool:
        """Whether something is wrong."""
        return self._wrong(raw.packet())


class OffsetPrecheck(Precheck):
    """An offset with a size: ``absent`` where it may point nowhere, ``deep`` where what it points at has checks, too."""

    def __init__(self, index: int, size_index: int, aligned: int, *, absent: bool, deep: bool) -> None:
        self._index = index
        self._size_index = size_index
        self._odd: i64 = aligned - 1
        self._absent = absent
        self._deep = deep

    def may_fail(self, raw: Raw) -> bool:
        """Whether it does not lie within the variable data."""
        words = raw.words
        offset: i64 = words[self._index]
        if offset == _ABSENT and self._absent:
            return False
        size: i64 = 1
        if self._size_index >= 0:
            size = words[self._size_index]
        if not size:
            return False
        return self._deep or bool(offset & self._odd) or _FIXED + offset + size > raw.size


class TextPrecheck(Precheck):
    """The offset of a string."""

    def __init__(self, index: int, *, absent: bool) -> None:
        self._index = index
        self._absent = absent

    def may_fail(self, raw: Raw) -> bool:
        """Whether it does not end within the variable data."""
        offset: i64 = raw.words[self._index]
        if offset == _ABSENT and self._absent:
            return False
        start: i64 = raw.first + _FIXED + offset
        return bool(offset & 1) or find_nul(raw.data, start, raw.first + raw.size) < 0


class SizePrecheck(Precheck):
    """A number of bytes that the caller wants to get: at least ``least``, and no more than there is room for."""

    def __init__(self, index: int, least: int) -> None:
        self._index = index
        self._least: i64 = least

    def may_fail(self, raw: Raw) -> bool:
        """Whether it is too small or too large."""
        # What comes back has the structure itself.
        if not raw.is_request:
            return True
        size: i64 = raw.words[self._index]
        return size < self._least or size > raw.capacity - _FIXED
