"""Find the meaning of a name, a number or an id, for ``mstrp explain``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from fsm.rules.call_rules import CALL_RULES
from fsm.rules.catalogue import RULES, Rule, Status, share
from fsm.state.machines import MACHINES
from fsm.tables.call_states import STATE_BITS, STATES
from mstrp.reference.declarations import Entry, constants, packets, returned_by, same_number
from protocol.event import EVENTS
from protocol.packet import REQUESTS
from protocol.structure import STRUCTURES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.record import Field

__all__ = ["KINDS", "Entry", "listing", "lookup", "rule_shares"]


def machines() -> Iterator[Entry]:
    """Return machines with their states."""
    for name, machine in MACHINES.items():
        table = machine.table
        states = ", ".join(table.caption(state) for state in table.states)
        lines = (f"states: {states}", f"{len(table.events)} events, {len(table.rows)} rows")
        data = {"states": [table.caption(state) for state in table.states], "rows": len(table.rows)}
        yield Entry("machine", name, "", table.summary, lines, data)


def rules() -> Iterator[Entry]:
    """Return the rules of calls and their order, and all rules of MS-TRP with their checks."""
    for name, call_rule in CALL_RULES.rules.items():
        source = f"also: {call_rule.source}" if call_rule.source else ""
        data = {"status": Status.CHECKED.value, "mechanism": "table row"}
        yield Entry("rule", name, call_rule.section, call_rule.summary, (source,) if source else (), data)
    for rule in RULES.values():
        yield Entry("rule", rule.id, rule.section, _demand(rule), tuple(_rule_lines(rule)), _rule_data(rule))


#: The section of every packet and structure that rules refer to.
_SECTIONS = {
    **{f"{request.device}.{request.__name__}": request.layout.section for request in REQUESTS.values()},
    **{each.__name__: each.layout.section for each in (*EVENTS.values(), *STRUCTURES.values())},
}


def _demand(rule: Rule) -> str:
    """Return the requirement of a rule as a sentence."""
    who = {"server": "The server", "client": "The client"}[rule.role]
    if rule.kind == "fail-if":
        what = "the request" if rule.role == "server" and rule.packet else "it"
        return f"{who} fails {what} unless {rule.summary}."
    if rule.kind == "ignore-if":
        return f"{who} drops the event unless {rule.summary}."
    if rule.kind == "on-success":
        return f"On success {rule.summary}."
    return f"Required: {rule.summary}."


def _rule_lines(rule: Rule) -> Iterator[str]:
    if rule.packet:
        yield f"packet: {rule.packet} (MS-TRP {_SECTIONS[rule.packet]})"
    if rule.field:
        yield f"field: {rule.field}"
    how = {Status.CHECKED: "checked by", Status.NOT_OBSERVABLE: "not observable", Status.SUPERSEDED: "superseded"}
    yield f"{how[rule.status]}: {rule.how}"
    if rule.told and rule.told != rule.id:
        yield f"reported as: {rule.told}"


def _rule_data(rule: Rule) -> dict[str, Any]:
    how = {Status.CHECKED: "mechanism", Status.NOT_OBSERVABLE: "reason", Status.SUPERSEDED: "decision"}[rule.status]
    data: dict[str, Any] = {"status": rule.status.value, how: rule.how, "role": rule.role, "rule_kind": rule.kind}
    data |= {name: known for name, known in (("packet", rule.packet), ("field", rule.field)) if known}
    if rule.told and rule.told != rule.id:
        data["told"] = rule.told
    return data


def _example(rule: str) -> str:
    """Return a finding of a monitor, from a generated conversation that violates the rule."""
    from mstrp.testing import rule_cases

    known = RULES.get(rule)
    if known is None or known.status is not Status.CHECKED:
        return ""
    broken = next(case for case in rule_cases(rule) if not case.keeps)
    return next((finding.summary for finding in broken.findings() if finding.rule == known.told), "")


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
    """Return everything that has a name."""
    return (*packets(), *constants(), *machines(), *rules(), *_states())


def lookup(text: str) -> list[Entry]:
    """Return all entries for a name, a number (decimal or hexadecimal), a rule id or a section."""
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
    found = [
        entry._replace(lines=(*entry.lines, *_with_example(entry))) if entry.kind == "rule" else entry
        for entry in found
    ]
    if not found and lowered.startswith(("call-state-", "call-pre-")):
        family = "CALL-STATE-" if lowered.startswith("call-state-") else "CALL-PRE-"
        rule = CALL_RULES.rules[family]
        found.append(
            Entry("rule", wanted.upper() if family == "CALL-STATE-" else wanted, rule.section, rule.summary, (), {})
        )
    return found


def _member(entry: Entry, lowered: str) -> list[Entry]:
    """Return a member of a table by name."""
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


def rule_shares() -> str:
    """Return the number of checked MS-TRP rules, by mechanism."""
    kinds = share()
    counts = {status: kinds.pop(status.value, 0) for status in (Status.NOT_OBSERVABLE, Status.SUPERSEDED)}
    checked = sum(kinds.values())
    parts = ", ".join(f"{count} by {kind}" for kind, count in sorted(kinds.items(), key=lambda item: -item[1]))
    rest = ", ".join(f"{count} {status.value}" for status, count in counts.items())
    total = checked + sum(counts.values())
    return f"{total} rules of MS-TRP: {checked} checked ({100 * checked / total:.1f} %; {parts}), {rest}"


def _with_example(entry: Entry) -> Iterator[str]:
    example = _example(entry.name)
    if example:
        yield f"example: {example}"


def listing(kind: str) -> list[Entry]:
    """Return all entries of a kind."""
    return list(KINDS[kind]())
