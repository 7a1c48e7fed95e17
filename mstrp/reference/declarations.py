"""Declarations as entries of `explain`: packets, structures, tables and numbers."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.tables.call_requests import PRECONDITIONS
from fsm.tables.call_states import LABELS
from mstrp.reference.wording import rows
from protocol.event import COMPLETIONS, EVENTS
from protocol.members import Union
from protocol.packet import REQUESTS
from protocol.structure import STRUCTURES
from protocol.tables import TABLES, members, spelling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.reference.wording import Row
    from protocol.event import Completion, Event
    from protocol.packet import Request
    from protocol.structure import Structure
    from protocol.tables import Table

__all__ = ["Entry", "constants", "packets", "returned_by", "same_number"]

#: The values of all return codes by name, including alternative spellings of the tables.
_CODES = {
    name: int(member)
    for table in TABLES.values()
    if table.kind == "error"
    for member in members(table)
    for name in (spelling(member), f"{table.prefix}{member.name}")
}


class Entry(NamedTuple):
    """An object that can be explained."""

    kind: str
    name: str
    section: str
    summary: str
    lines: tuple[str, ...]
    data: dict[str, Any]


def packets() -> Iterator[Entry]:
    """Return requests, events, completions and structures."""
    for request in REQUESTS.values():
        yield _request(request)
    for event in EVENTS.values():
        yield _event(event)
    for completion in COMPLETIONS.values():
        yield _completion(completion)
    for structure in STRUCTURES.values():
        yield _structure(structure)


def _request(kind: type[Request]) -> Entry:
    name = f"{kind.device}.{kind.__name__}"
    layout = kind.layout
    found = list(rows(layout))
    head = f"Req_Func {kind.req_func} ({kind.req_func:#x}), {kind.completion}hronous"
    if kind.required_privilege:
        head += f", needs privilege {kind.required_privilege}"
    lines = [head, "", "fields (bytes from the start of the packet; DWORDs without a name are reserved):"]
    lines += _shown([_word(0, "Req_Func", f"{kind.req_func}; in the response, Ack_ReturnValue"), *_lines(found)])
    if kind.Completion is not None:
        lines += ["", f"completed by a special completion (MS-TRP {kind.Completion.layout.section})"]
    lines += _allowed(kind.__name__) if kind.device == "line" else []
    if kind.returns:
        lines += ["", "return codes:", *(f"  {_CODES[code]:#010x}  {code}" for code in kind.returns)]
    data = {
        "id": name,
        "req_func": kind.req_func,
        "completion": kind.completion,
        "fields": _objects(found),
        "returns": {code: _CODES[code] for code in kind.returns},
    }
    return Entry("request", kind.__name__, layout.section, layout.summary, tuple(lines), data)


def _event(kind: type[Event]) -> Entry:
    found = list(rows(kind.layout))
    lines = (f"Msg {kind.msg} ({kind.msg:#x}), fixed part {kind.fixed} bytes", "", "fields:", *_shown(_lines(found)))
    data = {"msg": kind.msg, "fields": _objects(found)}
    return Entry("event", kind.__name__, kind.layout.section, kind.layout.summary, lines, data)


def _completion(kind: type[Completion]) -> Entry:
    request = kind.completes
    found = list(rows(kind.layout))
    reply = "PHONE_REPLY" if kind.device == "phone" else "LINE_REPLY"
    head = f"the {reply} (Msg {kind.msg}) that completes {request.device}.{request.__name__}"
    lines = (f"{head}, fixed part {kind.fixed} bytes", "", "fields:", *_shown(_lines(found)))
    data = {"completes": request.__name__, "fields": _objects(found)}
    return Entry("completion", request.__name__, kind.layout.section, kind.layout.summary, lines, data)


def _structure(kind: type[Structure]) -> Entry:
    found = list(rows(kind.layout))
    sizes = [4 * length for length in kind.lengths]
    lines = [f"fixed part: {', '.join(map(str, sizes))} bytes", "", "members:", *_shown(_lines(found))]
    data: dict[str, Any] = {"sizes": sizes, "fields": _objects(found)}
    for field in kind.layout.fields:
        if isinstance(field, Union):
            data["bodies"] = {}
            table = field.owner.by_spec[field.selector].tables[0]  # type: ignore[attr-defined]
            for number, body in field.bodies.items():
                name = spelling(table(number))
                within = list(rows(body.layout, start=4 * field.index))
                lines += ["", f"{field.spec} where {field.selector} is {name} ({number}):", *_shown(_lines(within))]
                data["bodies"][name] = _objects(within)
    return Entry("structure", kind.__name__, kind.layout.section, kind.layout.summary, tuple(lines), data)


def _word(offset: int, name: str, what: str) -> tuple[int, str, str]:
    return offset, name, what


def _lines(found: list[Row]) -> Iterator[tuple[int, str, str]]:
    for row in found:
        yield row.offset, row.name, str(row)


def _shown(words: Any) -> list[str]:
    return [f"  {offset:>4}  {name:<28} {what}" for offset, name, what in words]


def _objects(found: list[Row]) -> list[dict[str, Any]]:
    return [{key: part for key, part in row._asdict().items() if part != ""} for row in found]


def _allowed(name: str) -> list[str]:
    found = []
    for (request, field), condition in PRECONDITIONS.items():
        if request == name:
            states = ", ".join(LABELS.get(state, state.name.lower()) for state in condition.states)
            found.append(f"  {field} in: {states}")
    return ["", "allowed call states:", *found] if found else []


def constants() -> Iterator[Entry]:
    """Return constant tables with their members."""
    for name, table in TABLES.items():
        lines = [f"  {row}" for row in _values(table)]
        if table.remark:
            lines.append(f"  note: {table.remark}")
        values = {spelling(member): int(member) for member in members(table)}
        data = {"table_kind": table.kind, "members": values}
        yield Entry("constants", name, table.section, (table.__doc__ or "").strip(), tuple(lines), data)


def _values(table: Table) -> Iterator[str]:
    for member in members(table):
        since = f"  since TAPI {member.since}" if member.since else ""
        note = f"  {member.note}" if member.note else ""
        yield f"{int(member):#010x}  {spelling(member)}{since}{note}"


def same_number(number: int) -> Entry | None:
    """Return all constants with a value, in one entry, because many tables contain small values."""
    found = [
        (spelling(member), name) for name, table in TABLES.items() for member in members(table) if int(member) == number
    ]
    if not found:
        return None
    lines = [f"  {name:<44} in {table}" for name, table in found]
    for name, _ in found:
        lines += returned_by(name)
    data = {"value": number, "members": dict(found)}
    return Entry("value", f"{number:#x}", "", f"{number} is the value of:", tuple(lines), data)


def returned_by(code: str) -> list[str]:
    """Return the requests that list a return code."""
    wanted = _CODES.get(code)
    if wanted is None:
        return []
    found = [
        f"{kind.device}.{kind.__name__}"
        for kind in REQUESTS.values()
        if any(_CODES[each] == wanted for each in kind.returns)
    ]
    return ["", f"{code} is listed by {len(found)} requests:", *textwrap.wrap(", ".join(found), 100)] if found else []
