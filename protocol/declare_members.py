"""Functions that declare the members of structures; their kinds are in `protocol.fields` and `protocol.members`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.fields import Flag, Handle, HandleType, Mode, Number
from protocol.members import Embedded, Extent, Following, Guid, Pair, Time, Union
from protocol.problem import ALL_VERSIONS
from protocol.trailing import Trailing

if TYPE_CHECKING:
    from protocol.structure import Structure
    from protocol.tables import Table

__all__ = [
    "ascii_text",
    "data",
    "embedded",
    "entries",
    "extent",
    "flags",
    "following",
    "guid",
    "handle",
    "inner",
    "mode",
    "number",
    "rest",
    "rows",
    "text",
    "texts",
    "time",
    "union",
]


def _rules(start: str, end: str) -> dict[str, str]:
    return {check: number for check, number in (("start", start), ("end", end)) if number}


def extent(spec: str, *, whole: str = "") -> Any:
    """Declare ``dwTotalSize``, ``dwNeededSize`` or ``dwUsedSize``; ``whole``: it must cover the fixed part."""
    return Extent(spec, rules={"whole": whole} if whole else None)


def number(spec: str, *, since: int = 0, note: str = "") -> Any:
    """Declare a number."""
    return Number(spec, since=since, note=note)


def handle(spec: str, type_: HandleType, *, note: str = "") -> Any:
    """Declare a handle."""
    return Handle(spec, type_, note=note)


def flags(
    spec: str,
    table: Table,
    *,
    cardinality: str = "unstated",
    zero: bool = False,
    since: int = 0,
    note: str = "",
    legal: str = "",
) -> Any:
    """Declare a combination of constants; ``zero``: 0 is valid regardless of the cardinality."""
    rules = {"legal": legal} if legal else {}
    return Flag(spec, (table,), cardinality=cardinality, zero=zero, since=since, note=note, rules=rules)


def mode(spec: str, by: str, tables: dict[int, Table]) -> Any:
    """Declare a number whose constant table depends on the member ``by``."""
    return Mode(spec, by, tables)


def guid(spec: str, *, since: int = 0, note: str = "") -> Any:
    """Declare a GUID of 16 bytes."""
    return Guid(spec, since=since, note=note)


def time(spec: str, *, since: int = 0, note: str = "") -> Any:
    """Declare a SYSTEMTIME of 16 bytes."""
    return Time(spec, since=since, note=note)


def embedded(spec: str, type_: type[Structure], *, since: int = 0) -> Any:
    """Declare a structure within the fixed part."""
    return Embedded(spec, type_, since=since)


def text(
    spec: str,
    *,
    format_: str = "",
    since: int = 0,
    note: str = "",
    start: str = "",
    end: str = "",
    versions: tuple[int, int] = ALL_VERSIONS,
) -> Any:
    """Declare size and offset of a string in UTF-16 (F7), or in the format that the member ``format_`` specifies.

    ``versions``: the range of negotiated TAPI versions to which the rules apply.
    """
    return Pair(spec, "text", format_=format_, since=since, note=note, rules=_rules(start, end), versions=versions)


def ascii_text(spec: str, *, since: int = 0, note: str = "", start: str = "", end: str = "") -> Any:
    """Declare size and offset of a string with one byte per character."""
    return Pair(spec, "ascii", since=since, note=note, rules=_rules(start, end))


def texts(spec: str, *, since: int = 0, note: str = "") -> Any:
    """Declare size and offset of a list of NUL-terminated strings; another NUL ends the list."""
    return Pair(spec, "texts", since=since, note=note)


def data(spec: str, *, since: int = 0, note: str = "", start: str = "", end: str = "") -> Any:
    """Declare size and offset of bytes."""
    return Pair(spec, "bytes", since=since, note=note, rules=_rules(start, end))


def entries(
    spec: str,
    entry: type[Structure] | None,
    *,
    count: str = "",
    table: Table | None = None,
    since: int = 0,
    note: str = "",
) -> Any:
    """Declare size and offset of an array of structures, or of DWORDs if ``entry`` is None."""
    return Pair(spec, "array", entry=entry, count=count, table=table, since=since, note=note)


def rows(spec: str, *, row: str, count: str, since: int = 0) -> Any:
    """Declare size and offset of strings of equal length; the member ``row`` is that length in bytes."""
    return Pair(spec, "rows", row=row, count=count, since=since)


def inner(spec: str, type_: type[Structure], *, since: int = 0, note: str = "", start: str = "", end: str = "") -> Any:
    """Declare size and offset of a structure."""
    return Pair(spec, "structure", entry=type_, since=since, note=note, rules=_rules(start, end))


def following(spec: str, entry: type[Structure], count: str) -> Any:
    """Declare an array of structures directly after the fixed part."""
    return Following(spec, entry, count)


def rest(spec: str, type_: type[Structure] | None = None, *, size: str = "") -> Any:
    """Declare a structure, or bytes, after the fixed part."""
    return Trailing(spec, entry=type_, size=size)


def union(spec: str, selector: str, bodies: dict[int, type[Structure]]) -> Any:
    """Declare a body after the fixed part, whose layout the member ``selector`` selects."""
    return Union(spec, selector, bodies)
