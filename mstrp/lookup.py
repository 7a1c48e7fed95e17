"""What a name, a number or an id stands for: the texts behind ``mstrp explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.callrules import CALL_RULES
from fsm.machines import MACHINES
from fsm.tables.call_requests import PRECONDITIONS
from fsm.tables.call_states import LABELS, STATE_BITS, STATES
from protocol.event import COMPLETIONS, EVENTS
from protocol.fields import Flag, Handle, Number, Offset
from protocol.packet import REQUESTS
from protocol.structure import STRUCTURES
from protocol.tables import TABLES, members, spelling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.record import Field, Layout

__all__ = ["KINDS", "Entry", "listing", "lookup"]


class Entry(NamedTuple):
    """Something that can be explained."""

    kind: str
    name: str
    section: str
    summary: str
    lines: tuple[str, ...]
    data: dict[str, Any]


def packets() -> Iterator[Entry]:
    """Requests, events, completions and structures."""
    for request in REQUESTS.values():
        name = f"{request.device}.{request.__name__}"
        lines = [f"Req_Func {request.req_func} ({request.req_func:#x}), {request.completion}hronous"]
        if request.required_privilege:
            lines[0] += f", needs privilege {request.required_privilege}"
        lines += ["", "fields (bytes from the start of the packet):", *_fields(request.layout)]
        lines += _allowed(request.__name__)
        if request.returns:
            lines += ["", "return codes:", *_wrapped(request.returns)]
        data = {"id": name, "req_func": request.req_func, "completion": request.completion}
        yield Entry("request", request.__name__, request.layout.section, request.layout.summary, tuple(lines), data)
    for event in EVENTS.values():
        lines = [f"Msg {event.msg} ({event.msg:#x})", "", "fields:", *_fields(event.layout)]
        yield Entry(
            "event", event.__name__, event.layout.section, event.layout.summary, tuple(lines), {"msg": event.msg}
        )
    for completion in COMPLETIONS.values():
        request = completion.completes
        lines = [f"completes {request.device}.{request.__name__}", "", "fields:", *_fields(completion.layout)]
        data = {"completes": request.__name__}
        yield Entry(
            "completion", request.__name__, completion.layout.section, completion.layout.summary, tuple(lines), data
        )
    for structure in STRUCTURES.values():
        sizes = ", ".join(str(4 * length) for length in structure.lengths)
        lines = [f"fixed part: {sizes} bytes", "", "members:", *_fields(structure.layout)]
        yield Entry(
            "structure", structure.__name__, structure.layout.section, structure.layout.summary, tuple(lines), {}
        )


def constants() -> Iterator[Entry]:
    """Constant tables with their members."""
    for name, table in TABLES.items():
        lines = []
        for member in members(table):
            since = f"  since TAPI {member.since}" if member.since else ""
            note = f"  {member.note}" if member.note else ""
            lines.append(f"  {int(member):#010x}  {spelling(member)}{since}{note}")
        if table.remark:
            lines.append(f"  note: {table.remark}")
        values = {spelling(member): int(member) for member in members(table)}
        data = {"table_kind": table.kind, "members": values}
        yield Entry("constants", name, table.section, (table.__doc__ or "").strip(), tuple(lines), data)


def machines() -> Iterator[Entry]:
    """Machines with their states."""
    for name, machine in MACHINES.items():
        table = machine.table
        states = ", ".join(table.caption(state) for state in table.states)
        lines = (f"states: {states}", f"{len(table.events)} events, {len(table.rows)} rows")
        data = {"states": [table.caption(state) for state in table.states], "rows": len(table.rows)}
        yield Entry("machine", name, "", table.summary, lines, data)


def rules() -> Iterator[Entry]:
    """Rules: of calls and their order, and of the fields of requests."""
    for name, rule in CALL_RULES.items():
        source = f"also: {rule.source}" if rule.source else ""
        yield Entry("rule", name, rule.section, rule.summary, (source,) if source else (), {})
    for request in REQUESTS.values():
        for field in request.layout.fields:
            for check, bullets in getattr(field, "rules", {}).items():
                for bullet in bullets.split():
                    name = f"{request.layout.prefix}{bullet}"
                    summary = _RULE_TEXTS.get(check, "{field} must be legal").format(
                        field=field.spec, type=_type(field)
                    )
                    data = {"request": f"{request.device}.{request.__name__}", "field": field.spec}
                    lines = (
                        f"request: {request.device}.{request.__name__} (MS-TRP {request.layout.section})",
                        f"field: {field.spec}",
                    )
                    yield Entry("rule", name, "3.1.4.2", f"The server fails the request unless {summary}.", lines, data)


#: What the checks of fields demand.
_RULE_TEXTS = {
    "live": "{field} is a live {type} handle",
    "aligned": "{field} is even",
    "inside": "{field} points into VarData",
    "terminated": "the string at {field} ends with NUL inside VarData",
    "start": "{field} is a multiple of 4 and points into VarData",
    "end": "what {field} points at ends inside VarData",
    "fits": "VarData has room for {field} bytes",
    "minimum": "{field} is at least the fixed part of {type}",
    "maximum": "{field} is at most 0x40000",
    "room": "VarData can hold a {type}",
    "valid": "the LINECALLPARAMS at {field} are valid",
    "listed": "{field} is a known TAPI version",
    "acceptable": "{field} is a version that the device accepts",
    "ordered": "{field} is not above dwVersionCurrent",
    "overlap": "a known version lies between {field} and dwVersionCurrent",
    "exists": "what {field} names exists",
    "nonzero": "{field} is not 0",
    "legal": "{field} has a legal value",
}


def _type(field: Field) -> str:
    type_ = getattr(field, "type", None)
    return str(getattr(type_, "value", getattr(type_, "__name__", "")))


KINDS = {"rules": rules, "packets": packets, "machines": machines, "constants": constants}


def _fields(layout: Layout) -> Iterator[str]:
    for field in layout.fields:
        for step, spec in enumerate(field.specs() or (field.spec,)):
            offset = 4 * (field.index + step)
            yield f"  {offset:>4}  {spec:<28} {_meaning(field)}"


def _meaning(field: Field) -> str:
    words = [field.kind]
    if isinstance(field, Handle):
        words = [f"{field.type.name} handle"]
    elif isinstance(field, Flag):
        words = [f"{field.cardinality} of {', '.join(table.table for table in field.tables)}"]
    elif isinstance(field, Number):
        words = [field.role.replace("_", " ")]
    elif isinstance(field, Offset):
        words = [f"offset of {_type(field) or field.kind}"]
        if field.size:
            words.append(f"size in {field.size}")
        if field.optional:
            words.append("0xFFFFFFFF when absent")
    direction = getattr(field, "direction", "in")
    if direction != "in":
        words.append({"out": "set by the server", "inout": "size in, offset out"}[direction])
    if field.since:
        words.append(f"since TAPI {field.since >> 16}.{field.since & 0xFFFF}")
    if field.note:
        words.append(field.note)
    return "; ".join(words)


def _allowed(name: str) -> list[str]:
    found = []
    for (request, field), condition in PRECONDITIONS.items():
        if request == name:
            states = ", ".join(LABELS.get(state, state.name.lower()) for state in condition.states)
            found.append(f"  {field} in: {states}")
    return ["", "allowed call states:", *found] if found else []


def _wrapped(words: tuple[str, ...]) -> list[str]:
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > 100:
            lines.append("")
        lines[-1] += f"  {word}" if not lines[-1] else f" {word}"
    return lines


def _states() -> Iterator[Entry]:
    table = MACHINES["call"].table
    for state in STATES:
        name = table.label(state)
        requests = [
            row.event.name for row in table.rows if row.source is state and row.event.kind == "request" and not row.rule
        ]
        following = [
            table.label(row.target)
            for row in table.rows
            if row.source is state
            and row.target is not state
            and row.event.kind == "report"
            and not row.rule
            and not row.guards
        ]
        lines = (
            f"LINECALLSTATE_{state.name} ({STATE_BITS[state]:#x})",
            f"may be followed by: {', '.join(dict.fromkeys(following)) or 'nothing'}",
            f"requests allowed: {', '.join(dict.fromkeys(requests)) or 'none'}",
        )
        yield Entry("call state", name, "2.2.3.1.29", f"Call state {name}.", lines, {})


def lookup(text: str) -> list[Entry]:
    """Everything that a name, a number (decimal or hex), a rule id or a section stands for."""
    wanted = text.strip()
    found: list[Entry] = []
    number = _number(wanted)
    lowered = wanted.lower()
    for entry in (*packets(), *constants(), *machines(), *rules(), *_states()):
        names = {
            entry.name.lower(),
            str(entry.data.get("id", "")).lower(),
            entry.name.lower().removesuffix("_constants"),
        }
        if lowered in names or (entry.section and entry.section == wanted and entry.kind != "rule"):
            found.append(entry)
        elif entry.kind == "constants":
            found += _member(entry, lowered, number)
        elif number is not None and number in (entry.data.get("req_func"), entry.data.get("msg")):
            found.append(entry)
    if not found and lowered.startswith(("call-state-", "call-pre-")):
        family = "CALL-STATE-" if lowered.startswith("call-state-") else "CALL-PRE-"
        rule = CALL_RULES[family]
        found.append(
            Entry("rule", wanted.upper() if family == "CALL-STATE-" else wanted, rule.section, rule.summary, (), {})
        )
    return found


def _member(entry: Entry, lowered: str, number: int | None) -> list[Entry]:
    """A member of a table, by name or by value; small values mean too much to be looked up."""
    for name, value in entry.data["members"].items():
        if lowered == name.lower() or (number is not None and number > 0xFFFF and number == value):
            line = f"{value:#010x} ({value}) in {entry.name}"
            return [Entry("constant", name, entry.section, entry.summary, (line,), {"value": value})]
    return []


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None


def listing(kind: str) -> list[Entry]:
    """All entries of a kind."""
    return list(KINDS[kind]())
