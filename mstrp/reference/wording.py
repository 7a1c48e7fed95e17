"""Descriptions of declared fields for ``mstrp explain`` and for the reference pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from protocol.fields import Block, Buffer, Flag, GuidAt, Handle, Inner, Items, Mode, Number, Offset, Size, Text
from protocol.members import Embedded, Extent, Following, Guid, Pair, Time, Union
from protocol.record import ABSENT
from protocol.tables import members, spelling
from protocol.trailing import Trailing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.record import Field, Layout

__all__ = ["Row", "rows", "version"]

_CARDINALITIES = {
    "one": "one of {}",
    "one-or-more": "one or more of {}",
    "one-or-zero": "one of {}, or 0",
    "zero-or-more": "any of {}, or 0",
    "one-unless-unknown": "one of {}, or more together with UNKNOWN",
    "unstated": "out of {}",
}
_ROLES = {
    "number": "number",
    "request_id": "request id: 0 lets the server choose",
    "context": "opaque value of the client",
    "no_data": "0xFFFFFFFF (TAPI_NO_DATA)",
    "version": "TAPI version",
    "device": "device id",
    "address": "address id",
    "capacity": "size of the output buffer in bytes",
    "total": "size of the whole packet in bytes",
    "flags": "flags",
}
_EXTENTS = {
    "dwNeededSize": "required size of the whole structure in bytes",
    "dwUsedSize": "used size in bytes",
}
_CONTENTS = {
    "text": "a UTF-16 string",
    "ascii": "a string of one byte per character",
    "texts": "a list of UTF-16 strings, ended by an empty one",
    "bytes": "bytes",
}


class Row(NamedTuple):
    """A DWORD or member of a layout: offset, name, meaning."""

    offset: int
    #: Size in bytes, or 0 if it varies.
    size: int
    name: str
    #: The attribute of the Python class; a size and its offset have the same one.
    attribute: str
    what: str
    #: "in", "out" or "inout" for the fields of requests.
    direction: str
    #: The TAPI version that added a member, or empty.
    since: str
    note: str

    def __str__(self) -> str:
        return "; ".join(part for part in (self.what, self._way(), self._age(), self.note) if part)

    def _way(self) -> str:
        return "set by the server" if self.direction == "out" else ""

    def _age(self) -> str:
        return f"since TAPI {self.since}" if self.since else ""


def version(number: int) -> str:
    """Format a TAPI version as MAJOR.MINOR; "" for 0."""
    return f"{number >> 16}.{number & 0xFFFF}" if number else ""


def rows(layout: Layout, *, start: int = 0) -> Iterator[Row]:
    """Return all fields of a layout, one row per DWORD; ``start`` is its first offset."""
    for field in layout.fields:
        names = field.specs() or (field.spec,)
        size = 4 * field.width // len(names)
        for step, name in enumerate(names):
            yield Row(
                start + 4 * field.index + step * size,
                size,
                name,
                field.name,
                _what(field, step, layout),
                getattr(field, "direction", "in"),
                version(field.since),
                field.note if step == len(names) - 1 else "",
            )


def _what(field: Field, step: int, layout: Layout) -> str:
    if isinstance(field, Pair):
        return _pair(field, step)
    if isinstance(field, Number):
        return _number(field, layout)
    if isinstance(field, Offset):
        return _offset(field)
    if isinstance(field, Embedded):
        return f"{field.type.__name__} of {4 * field.width} bytes"
    if isinstance(field, Following):
        return f"{field.count} entries, each a {field.entry.__name__}"
    if isinstance(field, Union):
        return f"body selected by {field.selector}"
    if isinstance(field, Trailing):
        return _rest(field)
    assert isinstance(field, (Guid, Time))
    return "GUID" if isinstance(field, Guid) else "SYSTEMTIME"


def _number(field: Number, layout: Layout) -> str:
    if isinstance(field, Handle):
        return f"{field.type.name} handle" + (" or 0" if field.optional else "")
    if isinstance(field, Mode):
        tables = ", ".join(dict.fromkeys(table.table for table in field.tables.values()))
        return f"by {field.by}: out of {tables}"
    if isinstance(field, Flag):
        return _flag(field) + _only(field)
    if isinstance(field, Buffer):
        return f"in: bytes of room for a {field.type.__name__}; out: its offset"
    if isinstance(field, Size):
        return (_ROLES[field.role] if field.role == "total" else _length(field, layout)) + _only(field)
    if field.role == "limit":
        return f"bytes of the largest {field.type.__name__} that the client takes in the completion" + _only(field)
    if isinstance(field, Extent):
        return _EXTENTS.get(field.spec, "size of the whole structure in bytes")
    return ("number of the event" if field.spec == "Msg" else _ROLES[field.role]) + _only(field)


def _length(field: Size, layout: Layout) -> str:
    at = [other.spec for other in layout.fields if getattr(other, "size", "") == field.spec]
    behind = [other.spec for other in layout.fields if isinstance(other, Trailing) and other.length == field.spec]
    return " and ".join(
        [*(f"byte length of the data at {name}" for name in at), *(f"byte length of {name}" for name in behind)]
    )


def _flag(field: Flag) -> str:
    tables = ", ".join(table.table for table in field.tables)
    if field.allowed:
        allowed = [member for table in field.tables for member in members(table) if field.allowed & int(member)]
        tables = f"{', '.join(spelling(member) for member in allowed)} ({tables})"
    return _CARDINALITIES[field.cardinality].format(tables)


def _offset(field: Offset) -> str:
    if isinstance(field, Text):
        what = "a NUL-terminated UTF-16 string"
    elif isinstance(field, GuidAt):
        what = "a GUID"
    elif isinstance(field, Inner):
        what = f"a {field.type.__name__}"
    elif isinstance(field, Items):
        what = f"an array of {'DWORD' if field.entry is None else field.entry.__name__}"
    else:
        assert isinstance(field, Block)
        what = "bytes"
    size = f", length in {field.size}" if field.size else ""
    absent = f", {ABSENT:#010X} if there is none".replace("0X", "0x") if field.optional else ""
    return f"offset of {what}{size}{absent}{_only(field)}"


def _only(field: Any) -> str:
    """Describe the condition under which the field is in use."""
    only = getattr(field, "only", None)
    if only is None:
        return ""
    name, bits = only
    if bits == ABSENT:
        return f", if {name} is not 0"
    return f", if {name} has {_bits(field.owner.by_spec[name], bits)}"


def _bits(selector: Any, bits: int) -> str:
    names = [
        spelling(member)
        for table in getattr(selector, "tables", ())
        for member in members(table)
        if int(member) & bits and int(member).bit_count() == 1
    ]
    return " or ".join(names) or f"{bits:#x}"


def _pair(field: Pair, step: int) -> str:
    if step == 0:
        return f"byte length of the data at {field.spec}Offset"
    what = _CONTENTS.get(field.content, "")
    if field.format:
        what = f"a string in the format {field.format}"
    elif field.content == "rows":
        what = f"{field.count} texts of {field.row} bytes"
    elif field.content == "structure":
        what = f"a {field.entry.__name__ if field.entry else ''}"
    elif field.content == "array":
        entry = field.entry.__name__ if field.entry else field.table.table if field.table else "DWORD"
        what = f"{field.count} entries of {entry}" if field.count else f"an array of {entry}"
    return f"offset of {what}"


def _rest(field: Trailing) -> str:
    what = "a UTF-16 string" if field.text else "bytes" if field.entry is None else f"a {field.entry.__name__}"
    unit = "characters" if field.unit == 2 else "byte length"
    return f"{what}, {unit} in {field.length}" if field.length else what
