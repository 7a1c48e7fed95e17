"""One complete instance of each declaration: every field has a distinct value derived from the declaration."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from protocol.fields import Buffer, Flag, GuidAt, Inner, Items, Mode, Offset, Size, Text
from protocol.members import Embedded, Extent, Following, Guid, Pair, SystemTime, Time, Union
from protocol.tables import Flags, members
from protocol.trailing import Trailing

if TYPE_CHECKING:
    from protocol.event import Event
    from protocol.packet import Request
    from protocol.record import Field
    from protocol.structure import Structure
    from protocol.tables import Table

__all__ = ["event", "request", "response", "structure"]

_FORMATS = {"dwStringFormat"}


def _flags(tables: tuple[Table, ...]) -> int:
    """Return the first, the last and an undefined bit of each table, or the last value of an enumeration."""
    found = 0
    for table in tables:
        values = [int(member) for member in members(table)]
        bits = [value for value in values if value and not value & (value - 1)]
        found |= bits[0] | bits[-1] if issubclass(table, Flags) and bits else values[-1]
    if tables[0].__name__ == "LINECALLSTATE":
        # A single state, because the table of the mode depends on it.
        return 0x100
    return found


def _number(field: Any) -> int:
    if isinstance(field, Mode):
        return 1
    return _flags(field.tables) if isinstance(field, Flag) else 0x0A000000 + field.index


def _guid(field: Field) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_DNS, field.spec)


def _offset(field: Offset) -> Any:
    """Return data for an offset."""
    if isinstance(field, Text):
        return f"{field.spec} é\U0001f4de"
    if isinstance(field, GuidAt):
        return _guid(field)
    if isinstance(field, Inner):
        return structure(field.type)
    if isinstance(field, Items):
        return (7, 0xFFFFFFFF) if field.entry is None else (structure(field.entry), structure(field.entry))
    return field.spec.encode()


def _pair(field: Pair) -> Any:
    """Return data for a size and an offset."""
    if field.content == "text":
        return f"{field.spec} ü"
    if field.content == "ascii":
        return f"{field.spec} ü"
    if field.content == "texts":
        return (f"{field.spec} 1", "ü")
    if field.content == "bytes":
        return field.spec.encode()
    if field.content == "rows":
        return ("first", "second ü")
    assert field.content in ("array", "structure")
    if field.content == "structure":
        return structure(field.entry)
    return (1, 2) if field.entry is None else (structure(field.entry), structure(field.entry))


def _member(field: Any) -> Any:
    if isinstance(field, Pair):
        return _pair(field)
    if isinstance(field, Guid):
        return _guid(field)
    if isinstance(field, Time):
        return SystemTime(2024, 4, 2, 23, 1, 2, 3, 4)
    if isinstance(field, Embedded):
        return structure(field.type)
    if isinstance(field, Following):
        return (structure(field.entry), structure(field.entry))
    if isinstance(field, Trailing):
        return _rest(field)
    return _number(field)


def _rest(field: Trailing) -> Any:
    if field.entry is not None:
        return structure(field.entry)
    return f"{field.spec} ü" if field.text else field.spec.encode()


def structure(kind: type[Structure], version: int = 0, body: type[Structure] | None = None) -> Structure:
    """Build a structure with all members of a version; ``body`` is the body of its union."""
    length = kind.length(version)
    given: dict[str, Any] = {}
    counted = {
        getattr(field, name, "") for field in kind.layout.fields for name in ("count", "row", "format", "length")
    }
    for field in kind.layout.fields:
        if field.index + field.width > length or isinstance(field, Extent) or field.spec in counted:
            continue
        if isinstance(field, Union):
            chosen = body or next(iter(field.bodies.values()))
            given[field.name] = structure(chosen)
            given[kind.layout.by_spec[field.selector].name] = next(n for n, b in field.bodies.items() if b is chosen)
        elif field.name not in given:
            given[field.name] = _member(field)
    return kind(**given, tapi_version=version)


def _message(kind: type[Request], directions: tuple[str, ...]) -> dict[str, Any]:
    sizes = {field.size for field in kind.layout.fields if isinstance(field, Offset) and field.direction in directions}
    given = {}
    for field in kind.layout.fields:
        if isinstance(field, Size) or field.spec in sizes:
            continue
        if isinstance(field, Offset):
            if field.direction in directions:
                given[field.name] = _offset(field)
        elif isinstance(field, Buffer) and "out" in directions:
            given[field.name] = structure(field.type)
        else:
            given[field.name] = _number(field)
    for field in kind.layout.fields:
        if isinstance(field, Offset) and field.only is not None:
            given[kind.layout.by_spec[field.only[0]].name] = field.only[1]
    return given


def request(kind: type[Request], **others: Any) -> Request:
    """Build a request with all its fields."""
    return kind(**{**_message(kind, ("in", "inout")), **others})


def response(kind: type[Request], ack: int = 0) -> Request:
    """Build the response to a request, with all its fields."""
    return kind(**_message(kind, ("out", "inout")), ack=ack)


def event(kind: type[Event], **others: Any) -> Event:
    """Build an event or a completion with all its fields."""
    counted = {field.length for field in kind.layout.fields if isinstance(field, Trailing)}
    given = {
        field.name: _rest(field) if isinstance(field, Trailing) else _number(field)
        for field in kind.layout.fields
        if field.spec not in counted and field.name not in ("total_size", "message")
    }
    return kind(**{**given, **others})
