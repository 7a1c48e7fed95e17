"""The declarations in the format of ``facts.json``: one entry per packet, field, member and constant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.event import COMPLETIONS, EVENTS
from protocol.fields import Block, Buffer, Flag, GuidAt, Handle, HandleType, Inner, Items, Mode, Offset, Size, Text
from protocol.members import Embedded, Following, Guid, Pair, Time, Union
from protocol.packet import FIXED, REQUESTS
from protocol.record import ABSENT
from protocol.structure import STRUCTURES
from protocol.tables import TABLES, members, spelling
from protocol.trailing import Trailing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.record import Field, Layout
    from protocol.structure import Structure

_SPELLED = {HandleType.DIALOGINSTANCE: "DIALOGINSTANCE"}


def requests() -> dict[str, dict[str, Any]]:
    """Return all requests by device and name."""
    return {f"{kind.device}.{kind.layout.name}": _request(kind) for kind in REQUESTS.values()}


def _request(kind: Any) -> dict[str, Any]:
    return {
        "number": kind.req_func,
        "section": kind.layout.section,
        "device": kind.device,
        "printed": FIXED,
        "mode": kind.completion,
        "privilege": kind.required_privilege,
        "returns": " ".join(kind.returns),
        "no_data": [spec for field, spec, offset in _words(kind.layout) if _answered(kind, field, offset)],
        "fields": [[spec, offset, field.direction, _parameter(field)] for field, spec, offset in _words(kind.layout)],
    }


def _answered(kind: Any, field: Any, offset: int) -> bool:
    """Whether a field is an output that the client initializes with TAPI_NO_DATA."""
    asked = isinstance(field, Offset) and field.direction == "in"
    return not asked and kind().words[offset // 4] == ABSENT


def _words(layout: Layout) -> Iterator[tuple[Field, str, int]]:
    for field in layout.fields:
        for step, spec in enumerate(field.specs()):
            yield field, spec, 4 * (field.index + step)


def _parameter(field: Any) -> str:
    """Describe a field of a request."""
    if isinstance(field, Handle):
        return _SPELLED.get(field.type, field.type.name)
    if isinstance(field, Buffer):
        return f"buffer {field.type.__name__}"
    if isinstance(field, Flag):
        return _flag(field)
    if isinstance(field, Offset):
        size = f" of {field.size}" if field.size else ""
        return f"{_target(field)}{size}{' or none' if field.optional else ''}"
    if isinstance(field, Size):
        return "size"
    if field.role == "request_id":
        return "request id"
    return f"limit {field.type.__name__}" if field.role == "limit" else ""


def _target(field: Offset) -> str:
    if isinstance(field, Text):
        return "wstring"
    if isinstance(field, GuidAt):
        return "GUID"
    if isinstance(field, Inner):
        return field.type.__name__
    if isinstance(field, Items):
        return f"{'DWORD' if field.entry is None else field.entry.__name__}[]"
    assert isinstance(field, Block)
    return "bytes"


def _flag(field: Flag) -> str:
    tables = "/".join(table.table for table in field.tables)
    allowed = [spelling(member) for table in field.tables for member in members(table) if field.allowed & int(member)]
    return f"{tables} {field.cardinality}" + (f": {' '.join(allowed)}" if allowed else "")


def events() -> dict[str, dict[str, Any]]:
    """Return all events by name."""
    return {
        kind.layout.name: {
            "number": number,
            "section": kind.layout.section,
            "device": kind.device,
            "size": kind.fixed,
            "variable": _variable(kind.layout),
            "fields": [[spec, offset, _param(field)] for field, spec, offset in _words(kind.layout)],
        }
        for number, kind in EVENTS.items()
    }


def completions() -> dict[str, dict[str, Any]]:
    """Return all special completions by the completed request."""
    return {
        f"{kind.device}.{kind.layout.name}": {
            "number": number,
            "msg": kind.msg,
            "section": kind.layout.section,
            "size": kind.fixed,
            "variable": _variable(kind.layout),
            "fields": [[spec, offset, _param(field)] for field, spec, offset in _words(kind.layout)],
        }
        for number, kind in COMPLETIONS.items()
    }


def _param(field: Field) -> str:
    """Describe a field of an event."""
    if isinstance(field, Mode):
        return _mode(field)
    if isinstance(field, Handle):
        return field.type.name
    return _flag(field) if isinstance(field, Flag) else ""


def _mode(field: Mode) -> str:
    tables = " ".join(f"{number:#x}={table.table}" for number, table in sorted(field.tables.items()))
    return f"by {field.by}: {tables}"


def _variable(layout: Layout) -> str:
    for field in layout.fields:
        if isinstance(field, Trailing):
            what = "text" if field.text else "bytes" if field.entry is None else field.entry.__name__
            size = f" of {field.length}" if field.length and field.unit == 1 else ""
            return f"{field.spec} {what}{size}"
    return ""


def structures() -> dict[str, dict[str, Any]]:
    """Return all structures by name."""
    return {
        name: {
            "section": kind.layout.section,
            "sizes": sorted(
                {4 * kind.length(version) for version in (0x10004, 0x20000, 0x20001, 0x20002, 0x30000, 0x30001)}
            )
            if len(kind.lengths) > 1
            else [4 * kind.lengths[0]],
            "members": _members(kind),
            **_arms(kind),
        }
        for name, kind in STRUCTURES.items()
    }


def _members(kind: type[Structure], shift: int = 0) -> list[list[Any]]:
    rows = []
    for field in kind.layout.fields:
        for step, spec in enumerate(field.specs()):
            size = 4 if isinstance(field, Pair) else 4 * field.width
            what = "" if isinstance(field, Pair) and not step else _member(field)
            rows.append([spec, shift + 4 * (field.index + step), size, _version(field.since), what])
        if isinstance(field, (Following, Trailing)):
            rows.append([field.spec, shift + 4 * field.index, 0, "", _member(field)])
    return rows


def _arms(kind: type[Structure]) -> dict[str, Any]:
    for field in kind.layout.fields:
        if isinstance(field, Union):
            table = TABLES["LINEPROXYREQUEST_Constants"]
            return {
                "arms": {
                    spelling(table(number)): _members(body, 4 * field.index) for number, body in field.bodies.items()
                }
            }
    return {}


def _version(since: int) -> str:
    return f"{since >> 16}.{since & 0xFFFF}" if since else ""


def _member(field: Any) -> str:
    """Describe a member of a structure."""
    if isinstance(field, Pair):
        return _pair(field)
    if isinstance(field, Following):
        return f"{field.entry.__name__}[] of {field.count}"
    if isinstance(field, Trailing):
        size = f" of {field.length}" if field.length else ""
        return f"{'bytes' if field.entry is None else field.entry.__name__}{size}"
    if isinstance(field, Embedded):
        return str(field.type.__name__)
    if isinstance(field, Guid):
        return "GUID"
    if isinstance(field, Time):
        return "SYSTEMTIME"
    if isinstance(field, Mode):
        return _mode(field)
    if isinstance(field, Handle):
        return field.type.name
    return _flag(field) if isinstance(field, Flag) else ""


def _pair(field: Pair) -> str:
    what = field.content
    if field.content in ("array", "structure"):
        what += f" {'DWORD' if field.entry is None else field.entry.__name__}"
    if field.count:
        what += f" of {field.count}"
    if field.table is not None:
        what += f" {field.table.table}"
    if field.format:
        what += f" {field.format}"
    if field.row:
        what += f" {field.row}"
    return what


def constants() -> dict[str, dict[str, Any]]:
    """Return all tables by their names in the specification."""
    return {
        name: {
            "section": table.section,
            "kind": table.kind,
            "members": {spelling(member): int(member) for member in members(table)},
            "since": {spelling(member): member.since for member in members(table) if member.since},
        }
        for name, table in TABLES.items()
    }
