"""Fields of packets: as a tree for readers, and as columns for other programs."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mstrp.report.packets import PARAMETERS, packet_dict
from protocol.event import COMPLETIONS, EVENTS
from protocol.packet import REQUESTS
from protocol.printable import printable
from protocol.structure import STRUCTURES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.capture.packets import Packet

__all__ = ["check_field", "packet_columns", "packet_tree"]

#: Keys of a packet that are columns, besides its fields.
_ABOUT = (
    *("frame", "time", "session", "client", "server", "direction", "method", "phase", "packet", "device", "section"),
    *("call", "completes", "fault", "error", "problems", "raw", "bytes", "capacity"),
)
_INDENT = "    "


def packet_tree(packet: Packet) -> Iterator[str]:
    """Yield the lines of a packet: where it is, and each field with its value, nested structures indented."""
    found = packet_dict(packet)
    yield f"Frame {packet.frame}: time {packet.time:.6f}, session {packet.session or 'unknown'}"
    name = f"{found['device']}.{packet.name}" if found.get("device") else packet.name
    section = f" (MS-TRP {found['section']})" if "section" in found else ""
    yield f"{_INDENT}{name} {packet.phase}{section}, {packet.method}, {packet.direction}"
    if "completes" in found:
        yield f"{_INDENT}completes: {found['completes']}"
    fields, values = found.get("fields", {}), found.get("values", {})
    for field, number in fields.items():
        yield from _field(field, _number(field, number), values.get(field), _INDENT)
    for field, value in values.items():
        if field not in fields:
            yield from _field(field, "", value, _INDENT)
    for key in ("fault", "error", "raw"):
        if key in found:
            yield f"{_INDENT}{key}: {printable(str(found[key]))}"
    for problem in found.get("problems", ()):
        yield f"{_INDENT}problem: {printable(problem)}"


def _field(name: str, number: str, value: Any, indent: str) -> Iterator[str]:
    """Yield a field: its number, and its meaning beside or below it."""
    head = f"{indent}{name}:" + (f" {number}" if number else "")
    if isinstance(value, dict):
        yield head
        for below, each in value.items():
            text = _number(below, each) if isinstance(each, int) else ""
            yield from _field(below, text, None if isinstance(each, int) else each, indent + _INDENT)
    elif isinstance(value, list) and any(isinstance(each, (dict, list)) for each in value):
        yield head
        for place, each in enumerate(value):
            yield from _field(f"[{place}]", "", each, indent + _INDENT)
    elif value is None:
        yield head
    else:
        meaning = _text(value) if not isinstance(value, str) or value.isidentifier() else repr(value)
        yield f"{head} ({meaning})" if number else f"{head} {meaning}"


def _number(name: str, number: int) -> str:
    """Return a number; handles, and numbers with a high bit, are hexadecimal."""
    handle = len(name) > 1 and name[0] == "h" and name[1].isupper()
    return f"{number:#x}" if handle or number >> 31 else str(number)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "|".join(map(_text, value)) if value else "none"
    return printable(str(value))


def check_field(name: str) -> None:
    """Raise `ValueError` if no packet can have a field."""
    first, *path = name.split(".")
    known = _names()
    folded = {each.casefold(): each for each in sorted(known)}
    if first in ("fields", "values") and path:
        first, *path = path
    for each in (first, *path):
        if each not in known and not each.isdecimal():
            near = get_close_matches(each.casefold(), folded, 1, 0.7)
            hint = f"; did you mean {folded[near[0]]}?" if near else ""
            raise ValueError(f"no packet has a field {each!r}{hint}")


def _names() -> set[str]:
    """Return the names of all columns, fields and members of structures."""
    layouts = [each.layout for kinds in (REQUESTS, EVENTS, COMPLETIONS) for each in kinds.values()]
    names = {*_ABOUT, *PARAMETERS.values(), "Req_Func", "Ack_ReturnValue"}
    for structure in STRUCTURES.values():
        layouts.append(structure.layout)
    for layout in layouts:
        for field in layout.fields:
            names.update((field.spec, *field.specs()))
    return names


def packet_columns(packet: Packet, names: list[str]) -> list[str]:
    """Return the values of columns; "" where the packet does not have the field.

    The meaning of a field goes before its number; ``fields.NAME`` is the number, ``values.NAME`` the meaning.
    """
    found = packet_dict(packet)
    return [_column(found, name.split(".")) for name in names]


def _column(found: dict[str, Any], path: list[str]) -> str:
    first, *rest = path
    fields, values = found.get("fields", {}), found.get("values", {})
    if first in ("fields", "values") and rest:
        first, *rest = rest
        source = [fields if path[0] == "fields" else values]
    else:
        source = [values, fields, found]
    value = next((each[first] for each in source if first in each), None)
    if first == "time" and not rest and isinstance(value, float):
        return f"{value:.6f}"
    name = first
    for step in rest:
        name = step
        if isinstance(value, list):
            value = value[int(step)] if step.isdecimal() and int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int):
        return _plain(value)
    return _number(name, value)


def _plain(value: Any) -> str:
    """Return a value as one word of a table."""
    if isinstance(value, dict):
        return printable("; ".join(f"{name}={_plain(each)}" for name, each in value.items()))
    if isinstance(value, list):
        return ",".join(map(_plain, value))
    return printable(str(value))
