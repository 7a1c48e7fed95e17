"""What a name, a number or an id stands for: the texts behind ``mstrp explain``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fsm.callrules import CALL_RULES
from fsm.machines import MACHINES
from fsm.tables.call_states import STATE_BITS, STATES
from mstrp.declarations import Entry, constants, packets, returned_by, same_number
from protocol.packet import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.record import Field

__all__ = ["KINDS", "Entry", "listing", "lookup"]


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


@cache
def _known() -> tuple[Entry, ...]:
    """Everything that has a name."""
    return (*packets(), *constants(), *machines(), *rules(), *_states())


def lookup(text: str) -> list[Entry]:
    """Everything that a name, a number (decimal or hex), a rule id or a section stands for."""
    wanted = text.strip()
    found: list[Entry] = []
    number = _number(wanted)
    lowered = wanted.lower()
    for entry in _known():
        names = {
            entry.name.lower(),
            str(entry.data.get("id", "")).lower(),
            entry.name.lower().removesuffix("_constants"),
        }
        if lowered in names or (entry.section and entry.section == wanted and entry.kind != "rule"):
            found.append(entry)
        elif entry.kind == "constants":
            found += _member(entry, lowered)
        elif number is not None and number in (entry.data.get("req_func"), entry.data.get("msg")):
            found.append(entry)
    if number is not None:
        value = same_number(number & 0xFFFFFFFF)
        found += [value] if value is not None else []
    if not found and lowered.startswith(("call-state-", "call-pre-")):
        family = "CALL-STATE-" if lowered.startswith("call-state-") else "CALL-PRE-"
        rule = CALL_RULES[family]
        found.append(
            Entry("rule", wanted.upper() if family == "CALL-STATE-" else wanted, rule.section, rule.summary, (), {})
        )
    return found


def _member(entry: Entry, lowered: str) -> list[Entry]:
    """A member of a table by name."""
    for name, value in entry.data["members"].items():
        if lowered == name.lower():
            lines = (f"{value:#010x} ({value}) in {entry.name}", *returned_by(name))
            return [Entry("constant", name, entry.section, entry.summary, lines, {"value": value})]
    return []


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None


def listing(kind: str) -> list[Entry]:
    """All entries of a kind."""
    return list(KINDS[kind]())
