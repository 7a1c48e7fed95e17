"""Coverage: the rules that traffic exercises, and the rows of the machines that it takes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from fsm.rules.attach import ATTACH_RULES
from fsm.rules.catalogue import RULES, Status
from fsm.rules.conditions import conditions_of
from fsm.rules.handles import handles_of
from fsm.rules.protocol_rules import EVENT_RULES
from fsm.rules.successes import SUCCESSES
from fsm.state.machines import MACHINES
from protocol.fields import Inner
from protocol.packet import REQUESTS, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from enum import IntEnum

    from fsm.engine.finding import Finding
    from fsm.engine.row import Event
    from fsm.engine.step import Step
    from protocol.record import Record

__all__ = ["Coverage"]

_CHECKED = [rule.id for rule in RULES.values() if rule.status is Status.CHECKED]
_MADE = {row.request: row.rule for row in SUCCESSES}
_EVENTS: dict[int, list[str]] = {}
for _msg, _bullet, _ in EVENT_RULES:
    _EVENTS.setdefault(_msg, []).append(f"TRP-3.3.4.2-M{_msg:03X}-{_bullet}")
_ANY_REQUEST = [rule for rule in _CHECKED if "-GEN-" in rule and rule.startswith("TRP-3.1.4.2-")]
_ANY_EVENT = [rule for rule in _CHECKED if rule.startswith("TRP-3.3.4.2-GEN-")]


def _rules_of(request: type[Request]) -> tuple[str, ...]:
    """Return the rules that every request of a kind exercises, except those of its fields."""
    layout = request.layout
    found = [use.rule for use in handles_of(request)]
    found += (condition.rule for condition in conditions_of(request))
    return tuple(rule for rule in (*found, layout.privilege_rule, *layout.proxy_rules[2:]) if rule)


_OF_REQUEST = {number: _rules_of(request) for number, request in REQUESTS.items()}


class Traffic(Protocol):
    """A decoded packet, as `Coverage` needs it."""

    @property
    def method(self) -> str:
        """The RPC method."""

    @property
    def phase(self) -> str:
        """``request``, ``response`` or ``event``."""

    @property
    def content(self) -> Any:
        """The decoded packet or event."""


class Coverage:
    """Counts the rules and rows that traffic exercises; pass it every packet and step."""

    def __init__(self) -> None:
        #: Number of times that each rule was checked.
        self.rules: Counter[str] = Counter()
        #: Number of occurrences of each pair of state and event, by machine.
        self.cells: dict[str, Counter[tuple[IntEnum, Event]]] = {name: Counter() for name in MACHINES}
        #: Requests by device and name.
        self.requests: Counter[str] = Counter()

    # -- counting -------------------------------------------------------------------------------------------------

    def packet(self, packet: Traffic) -> None:
        """Count a decoded packet."""
        content = packet.content
        if packet.method == "ClientAttach" and packet.phase == "response":
            self.rules.update(rule.rule for rule in ATTACH_RULES)
        elif packet.phase == "event":
            self.rules.update(_ANY_EVENT)
            self.rules.update(_EVENTS.get(getattr(content, "msg", -1), ()))
        elif isinstance(content, Request):
            if packet.phase == "request":
                self._request(content)
            elif packet.phase == "response" and not content.words[0] & 0x80000000:
                made = _MADE.get(f"{content.device}.{type(content).__name__.partition('.')[0]}")
                if made is not None:
                    self.rules[made] += 1

    def _request(self, request: Request) -> None:
        self.rules.update(_ANY_REQUEST)
        rules = _OF_REQUEST.get(request.req_func)
        if rules is None:
            return
        self.requests[f"{request.device}.{type(request).__name__}"] += 1
        self.rules.update(_of_record(request))
        checks = request.layout.cross_field_checks
        self.rules.update(rule for check in checks if check.applies(request) for rule in check.rules)
        self.rules.update(rules)

    def step(self, step: Step) -> None:
        """Count a step, if the state before it was certain."""
        if not step.before & (step.before - 1):
            state = step.machine.table.states(step.before.bit_length() - 1)
            self.cells[step.machine.name][state, step.event] += 1

    # -- results --------------------------------------------------------------------------------------------------

    def never(self) -> list[str]:
        """Return the requests that were never sent, by device and name."""
        return sorted(
            f"{r.device}.{r.__name__}" for r in REQUESTS.values() if not self.requests[f"{r.device}.{r.__name__}"]
        )

    def as_dict(self, findings: Iterable[Finding] = ()) -> dict[str, Any]:
        """Return the data of the JSON report: the counts of checked and violated rules, and the rows by machine."""
        broken = Counter(finding.rule for finding in findings)
        for finding in findings:
            broken.update(finding.also)
        return {
            "rules": {
                rule: {"checked": max(self.rules[rule], broken[rule]), "broken": broken[rule]} for rule in _CHECKED
            },
            "rows": {name: self._rows(name) for name in MACHINES},
            "requests_never_made": self.never(),
        }

    def _rows(self, name: str) -> dict[str, Any]:
        legal = {(row.source, row.event) for row in MACHINES[name].table.rows if row.legal}
        taken = {cell for cell in self.cells[name] if cell in legal}
        missing = sorted(f"{state.name} {event.name}" for state, event in legal - taken)
        return {"taken": len(taken), "legal": len(legal), "missing": missing}

    def lines(self, findings: Iterable[Finding] = ()) -> Iterator[str]:
        """Return a human-readable table."""
        found = self.as_dict(findings)
        judged = sum(counts["checked"] > 0 for counts in found["rules"].values())
        broken = sum(counts["broken"] > 0 for counts in found["rules"].values())
        yield f"coverage: {judged} of {len(_CHECKED)} rules were checked, {broken} were violated"
        yield "  machine        rows taken    of legal ones"
        for name, rows in found["rows"].items():
            yield f"  {name:<14} {rows['taken']:>11}   {rows['legal']:>13}"
        yield f"  {len(REQUESTS) - len(self.never())} of {len(REQUESTS)} requests were sent; never:"
        yield from _wrapped(found["requests_never_made"])


def _of_record(record: Record) -> Iterator[str]:
    """Yield the rules of the significant fields of a record, and of the structures in it."""
    for field in record.layout.fields:
        for check in field.checks:
            if check.bullets and check.applies(record):
                yield from check.rules
        inner = field.inner_of(record) if isinstance(field, Inner) and record.carries(field.direction) else None
        if inner is not None:
            yield from _of_record(inner)


def _wrapped(names: list[str]) -> Iterator[str]:
    line = "   "
    for name in names:
        if len(line) + len(name) > 100:
            yield line
            line = "   "
        line += f" {name}"
    if line.strip():
        yield line
