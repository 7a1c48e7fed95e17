"""All rules of MS-TRP: where each is defined, what it requires, and how it is checked.

The catalogue is generated from the declarations and tables that implement the checks, so it cannot claim more than they
do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fsm.rules.attach import ATTACH_RULES
from fsm.rules.conditions import conditions_of
from fsm.rules.handles import handles_of
from fsm.rules.protocol_rules import EVENT_RULES, OTHERS, Status
from fsm.rules.successes import SUCCESSES
from fsm.tables.call_requests import PRECONDITIONS
from protocol.event import EVENTS
from protocol.fields import Buffer, HandleType
from protocol.packet import REQUESTS
from protocol.structures import LINECALLHUBTRACKINGINFO, LINECALLPARAMS, LINEFORWARD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.check import Check
    from protocol.packet import Request
    from protocol.record import Layout

__all__ = ["RULES", "Rule", "Status", "share"]


class Rule(NamedTuple):
    """A rule of MS-TRP."""

    id: str
    section: str
    #: The bound role: "server" or "client".
    role: str
    #: "fail-if", "on-success", "must" or "ignore-if"; the summary of a "fail-if" rule is the condition required for
    #: success.
    kind: str
    #: The request by device and name, or the event; empty for general rules.
    packet: str
    field: str
    summary: str
    status: Status
    #: The mechanism of the check, the reason why it cannot be checked, or the decision that replaces it.
    how: str
    #: The rule that findings refer to: this rule, unless another one has the same content.
    told: str


def _section(rule: str) -> str:
    return rule.removeprefix("TRP-").partition("-")[0]


def _fail_if(rule: str, packet: str, field: str, summary: str, how: str) -> Rule:
    return Rule(rule, _section(rule), "server", "fail-if", packet, field, summary, Status.CHECKED, how, rule)


def _of_checks(layout: Layout, packet: str) -> Iterator[Rule]:
    """Yield the rules of the fields of a record, and of several fields together."""
    found: list[Check] = []
    for field in layout.fields:
        found += field.checks
        if isinstance(field, Buffer):
            found += field.inner.checks
    for check in (*found, *layout.cross_field_checks):
        how = f"field type: {check.field.kind}, {check.name}"
        if check in layout.cross_field_checks:
            how = f"declaration: {check.name}"
        for rule in check.rules:
            yield _fail_if(rule, packet, check.field.spec, check.summary, how)


def _of_request(request: type[Request]) -> Iterator[Rule]:
    layout = request.layout
    name = f"{request.device}.{request.__name__}"
    yield from _of_checks(layout, name)
    for use in handles_of(request):
        if use.rule:
            kind = "call" if use.type is HandleType.HCALL else f"handle of its type: {use.type.value}"
            yield _fail_if(use.rule, name, use.spec, f"{use.spec} is an open {kind}", "field type: handle")
    for condition in conditions_of(request):
        how = f"condition: {type(condition).__name__}"
        yield _fail_if(condition.rule, name, condition.field, condition.summary, how)
    if layout.privilege_rule:
        summary = "the caller has PHONEPRIVILEGE_OWNER"
        yield _fail_if(layout.privilege_rule, name, "hPhone", summary, "table row: phone, a request of the owner")
    for rule in layout.proxy_rules[2:]:
        summary = "the request is forwarded to the proxy handler of the line"
        how = "function: requests that a client forwards to itself"
        yield Rule(rule, "3.1.4.2", "server", "on-success", name, "hLine", summary, Status.CHECKED, how, rule)


def _rules() -> Iterator[Rule]:
    for request in REQUESTS.values():
        yield from _of_request(request)
    for structure in (LINECALLPARAMS, LINEFORWARD, LINECALLHUBTRACKINGINFO):
        yield from _of_checks(structure.layout, structure.__name__)
    for (name, spec), condition in PRECONDITIONS.items():
        if condition.rule:
            states = " or ".join(state.name for state in condition.states)
            yield _fail_if(condition.rule, f"line.{name}", spec, f"{spec} is in state {states}", "table row: call")
    for row in SUCCESSES:
        how = "table row: successes"
        yield Rule(
            row.rule, "3.1.4.2", "server", "on-success", row.request, "", row.summary, Status.CHECKED, how, row.rule
        )
    for attach in ATTACH_RULES:
        how = "function: ClientAttach and its response"
        yield Rule(
            attach.rule, "3.1.4.1", attach.fault, "must", "", "", attach.summary, Status.CHECKED, how, attach.rule
        )
    for msg, bullet, summary in EVENT_RULES:
        rule = f"TRP-3.3.4.2-M{msg:03X}-{bullet}"
        event = EVENTS[msg].__name__
        how = "table row: line and phone, events for handles that the client does not have"
        yield Rule(rule, "3.3.4.2", "client", "ignore-if", event, "", summary, Status.CHECKED, how, rule)
    for other in OTHERS:
        told = other.told or other.rule
        yield Rule(
            other.rule,
            _section(other.rule),
            other.role,
            other.kind,
            "",
            "",
            other.summary,
            other.status,
            other.how,
            told if other.status is Status.CHECKED else "",
        )


def _book() -> dict[str, Rule]:
    """Return all rules by id; a rule shared by several fields or checks of one request has one entry."""
    found: dict[str, Rule] = {}
    for rule in _rules():
        known = found.get(rule.id)
        if known is None:
            found[rule.id] = rule
        else:
            assert known.packet == rule.packet, f"{rule.id} is declared for {known.packet} and {rule.packet}"
            if rule.summary not in known.summary:
                found[rule.id] = known._replace(summary=f"{known.summary}; {rule.summary}")
    return dict(sorted(found.items()))


#: Every rule of MS-TRP by id.
RULES: dict[str, Rule] = _book()


def share() -> dict[str, int]:
    """Return the number of checked rules by mechanism: field type, declaration, condition, table row, ..."""
    found: dict[str, int] = {}
    for rule in RULES.values():
        kind = rule.how.partition(":")[0] if rule.status is Status.CHECKED else rule.status.value
        found[kind] = found.get(kind, 0) + 1
    return found
