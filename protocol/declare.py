"""Functions that declare the fields of packets.

Each function declares one field of a kind (`protocol.fields`), from which layout, decoding, encoding, checks,
documentation and generators follow. Keyword arguments named after a check (``live``, ``start``, ``minimum``, ...) take
the number of the 3.1.4.2 rule that the check enforces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from protocol.fields import (
    Block,
    Buffer,
    Direction,
    Flag,
    GuidAt,
    Handle,
    HandleType,
    Inner,
    Items,
    Mode,
    Number,
    Size,
    Text,
)
from protocol.problem import ALL_VERSIONS
from protocol.record import ABSENT
from protocol.trailing import Trailing

if TYPE_CHECKING:
    from protocol.structure import Structure
    from protocol.tables import Table

__all__ = [
    "address",
    "array",
    "block",
    "buffer",
    "context",
    "device",
    "flags",
    "guid_at",
    "handle",
    "limit",
    "mode",
    "no_data",
    "number",
    "request_id",
    "room",
    "size",
    "structure",
    "tail",
    "text",
    "version",
]


#: Name of another field and a bit mask: the declared field is in use only if the other one has any of these bits.
Only: TypeAlias = tuple[str, int] | None


def _rules(**numbers: str) -> dict[str, str]:
    return {check: number for check, number in numbers.items() if number}


def request_id() -> Any:
    """Declare ``dwRequestID``: 0 if the server chooses the id, 1..0x7FFFFFFF if the client does (2.2.4.1.3.1)."""
    return Number("dwRequestID", role="request_id")


def handle(
    spec: str,
    type_: HandleType,
    *,
    direction: Direction = "in",
    optional: bool = False,
    default: int = 0,
    note: str = "",
    live: str = "",
) -> Any:
    """Declare a handle; ``live``: it must be an open handle of that type."""
    return Handle(
        spec, type_, direction=direction, optional=optional, default=default, note=note, rules=_rules(live=live)
    )


def number(
    spec: str,
    *,
    direction: Direction = "in",
    default: int = 0,
    only: Only = None,
    note: str = "",
    nonzero: str = "",
    exists: str = "",
) -> Any:
    """Declare a number; ``exists``: the object that it identifies must exist."""
    rules = _rules(nonzero=nonzero, exists=exists)
    return Number(spec, direction=direction, default=default, only=only, note=note, rules=rules)


def context(spec: str, *, note: str = "", echoes: str = "") -> Any:
    """Declare an opaque client value; ``echoes`` is the repeated request field, if its name differs."""
    found = Number(spec, role="context", note=note)
    found.echoes = echoes or spec
    return found


def no_data(spec: str, *, note: str = "") -> Any:
    """Declare a field that must be TAPI_NO_DATA."""
    return Number(spec, role="no_data", default=ABSENT, note=note)


def version(
    spec: str,
    *,
    direction: Direction = "in",
    default: int = 0,
    note: str = "",
    listed: str = "",
    acceptable: str = "",
    ordered: str = "",
    overlap: str = "",
    oldest: int = 0,
) -> Any:
    """Declare a TAPI version; ``listed``: a known one not below ``oldest``, ``acceptable``: a negotiated one."""
    rules = _rules(listed=listed, acceptable=acceptable, ordered=ordered, overlap=overlap)
    found = Number(spec, role="version", direction=direction, default=default, note=note, rules=rules)
    found.oldest = oldest
    return found


def device(spec: str, *, direction: Direction = "in", note: str = "", exists: str = "") -> Any:
    """Declare a device id; ``exists``: the device must exist."""
    return Number(spec, role="device", direction=direction, note=note, rules=_rules(exists=exists))


def address(spec: str, *, direction: Direction = "in", default: int = 0, note: str = "", exists: str = "") -> Any:
    """Declare an address id of a line; ``exists``: the address must exist."""
    return Number(spec, role="address", direction=direction, default=default, note=note, rules=_rules(exists=exists))


def size(spec: str, *, direction: Direction = "in", note: str = "", minimum: str = "", fits: str = "") -> Any:
    """Declare the size in bytes of the data at an offset; computed from the data unless given."""
    rules = _rules(minimum=minimum, fits=fits)
    return Size(spec, role="size", direction=direction, default=None, note=note, rules=rules)


def limit(
    spec: str,
    type_: type[Structure],
    *,
    only: Only = None,
    note: str = "",
    maximum: str = "",
    minimum: str = "",
    room: str = "",
    fits: str = "",
) -> Any:
    """Declare the maximum size in bytes of the structure in the completion."""
    rules = _rules(maximum=maximum, minimum=minimum, room=room, fits=fits)
    found = Number(spec, role="limit", only=only, note=note, rules=rules)
    found.type = type_
    return found


def flags(
    spec: str,
    *tables: Table,
    cardinality: str = "unstated",
    allowed: int = 0,
    zero: bool = False,
    mask: bool = False,
    direction: Direction = "in",
    default: int = 0,
    only: Only = None,
    note: str = "",
    legal: str = "",
    wanted: str = "",
    versions: tuple[int, int] = ALL_VERSIONS,
) -> Any:
    """Declare a combination of constants; ``legal``: valid members and cardinality, ``wanted``: not 0.

    ``zero``: 0 is valid regardless of the cardinality. ``mask``: any combination is valid. ``versions``: the range of
    negotiated TAPI versions to which the rules apply.
    """
    found = Flag(
        spec,
        tables,
        cardinality=cardinality,
        allowed=allowed,
        zero=zero,
        mask=mask,
        direction=direction,
        default=default,
        only=only,
        note=note,
        rules=_rules(legal=legal, wanted=wanted),
    )
    found.versions = versions
    return found


def room(spec: str, *, direction: Direction = "in", note: str = "", fits: str = "", minimum: str = "") -> Any:
    """Declare the number of bytes that the client reserves for the data at an output offset."""
    return Number(spec, role="capacity", direction=direction, note=note, rules=_rules(fits=fits, minimum=minimum))


def guid_at(spec: str, size: str, *, note: str = "", start: str = "", end: str = "") -> Any:
    """Declare the offset of a GUID whose size is in another field."""
    return GuidAt(spec, size=size, note=note, rules=_rules(start=start, end=end))


def text(
    spec: str,
    *,
    size: str = "",
    direction: Direction = "in",
    optional: str = "",
    only: Only = None,
    note: str = "",
    aligned: str = "",
    inside: str = "",
    terminated: str = "",
    rule: str = "",
) -> Any:
    """Declare the offset of a NUL-terminated UTF-16 string; ``rule`` is the rule of all three checks."""
    rules = _rules(aligned=aligned or rule, inside=inside or rule, terminated=terminated or rule)
    return Text(spec, size=size, direction=direction, optional=optional, only=only, note=note, rules=rules)


def block(
    spec: str,
    size: str,
    *,
    direction: Direction = "in",
    optional: str = "",
    absent: bool = False,
    note: str = "",
    start: str = "",
    end: str = "",
) -> Any:
    """Declare the offset of bytes whose length is in another field."""
    return Block(
        spec,
        size=size,
        direction=direction,
        optional=optional,
        absent=absent,
        note=note,
        rules=_rules(start=start, end=end),
    )


def structure(
    spec: str,
    type_: type[Structure],
    *,
    size: str = "",
    direction: Direction = "in",
    optional: str = "",
    absent: bool = False,
    only: Only = None,
    note: str = "",
    start: str = "",
    end: str = "",
    room: str = "",
    valid: str = "",
) -> Any:
    """Declare the offset of a structure; ``room``: VarData can hold one, ``valid``: its members are valid."""
    return Inner(
        spec,
        type_,
        size=size,
        direction=direction,
        optional=optional,
        absent=absent,
        only=only,
        note=note,
        rules=_rules(start=start, end=end, room=room, valid=valid),
    )


def array(
    spec: str,
    entry: type[Structure] | None,
    size: str,
    *,
    direction: Direction = "in",
    optional: str = "",
    note: str = "",
    start: str = "",
    end: str = "",
) -> Any:
    """Declare the offset of an array of structures, or of DWORDs if ``entry`` is None."""
    return Items(
        spec, entry, size=size, direction=direction, optional=optional, note=note, rules=_rules(start=start, end=end)
    )


def buffer(
    spec: str, type_: type[Structure], *, note: str = "", fits: str = "", minimum: str = "", room: str = ""
) -> Any:
    """Declare a buffer: in a request, the size of the buffer for a structure; in a response, its offset."""
    return Buffer(spec, type_, note=note, rules=_rules(fits=fits, minimum=minimum, room=room))


def mode(spec: str, by: str, tables: dict[int, Table]) -> Any:
    """Declare a number whose constant table depends on the field ``by``."""
    return Mode(spec, by, tables)


def tail(
    spec: str,
    type_: type[Structure] | None = None,
    *,
    text: bool = False,
    size: str = "",
    count: str = "",
) -> Any:
    """Declare the data after the fixed part: bytes, text or a structure; ``size`` or ``count`` is its length."""
    return Trailing(spec, entry=type_, text=text, size=size, count=count)
