"""Prechecks: fast tests that decide whether the full checks of a field have to run.

A precheck is derived from the same declaration as the checks. It may give false positives but no false negatives: if
it passes a packet, no check of the field finds a problem.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from protocol.unpacking import find_nul

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_extensions import i64

    from protocol.raw import Raw

__all__ = ["OffsetPrecheck", "Precheck", "PredicatePrecheck", "SizePrecheck", "TextPrecheck"]

#: Bytes of the fixed part of a request; offsets are relative to its end.
_FIXED: Final = 60
#: The offset value that means "absent".
_ABSENT: Final = 0xFFFFFFFF


class Precheck:
    """A fast test of one field or of one relation between fields."""

    def may_fail(self, raw: Raw) -> bool:
        """Whether the full checks may find a problem."""
        raise NotImplementedError


class PredicatePrecheck(Precheck):
    """A precheck that applies a predicate to the decoded packet."""

    def __init__(self, predicate: Callable[[Any], bool]) -> None:
        self._predicate = predicate

    def may_fail(self, raw: Raw) -> bool:
        return self._predicate(raw.packet())


class OffsetPrecheck(Precheck):
    """An offset with a size.

    ``absent``: the offset may be 0xFFFFFFFF. ``deep``: the data at the offset has checks of its own, so that these
    always run. ``size_index`` is -1 if no field gives the size.
    """

    def __init__(self, index: int, size_index: int, aligned: int, *, absent: bool, deep: bool) -> None:
        self._index = index
        self._size_index = size_index
        self._odd: i64 = aligned - 1
        self._absent = absent
        self._deep = deep

    def may_fail(self, raw: Raw) -> bool:
        """Whether the data is misaligned or extends past the variable data."""
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
    """The offset of a NUL-terminated UTF-16 string."""

    def __init__(self, index: int, *, absent: bool) -> None:
        self._index = index
        self._absent = absent

    def may_fail(self, raw: Raw) -> bool:
        """Whether the offset is odd or the string has no NUL within the variable data."""
        offset: i64 = raw.words[self._index]
        if offset == _ABSENT and self._absent:
            return False
        start: i64 = raw.first + _FIXED + offset
        return bool(offset & 1) or find_nul(raw.data, start, raw.first + raw.size) < 0


class SizePrecheck(Precheck):
    """The size of the client's buffer for a structure: at least ``least`` bytes and at most the size of VarData."""

    def __init__(self, index: int, least: int) -> None:
        self._index = index
        self._least: i64 = least

    def may_fail(self, raw: Raw) -> bool:
        """Whether the size is out of range; always true for a response, where the field is an offset."""
        if not raw.is_request:
            return True
        size: i64 = raw.words[self._index]
        return size < self._least or size > raw.capacity - _FIXED
