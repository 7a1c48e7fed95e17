"""The learned machine over that of the tables, as one picture."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fsm.diagram.model import Diagram, Edge, Node, Tone
from mstrp.conform.learn.expectation import Kind
from mstrp.conform.learn.observation import shown

if TYPE_CHECKING:
    from fsm.tables.call_states import CallState
    from mstrp.conform.learn.compare import Comparison, Judged
    from mstrp.conform.learn.machine import Learned

__all__ = ["picture"]

_NOTES = (
    "Arrows are what the server does; without a sign: as the tables have it. Dashed: only the tables have it.",
    "Letters that leave a state as it is, as the tables have it, are not drawn.",
)


def _names(machine: Learned) -> dict[int, str]:
    """What the states are called: by their calls, with a number where several have the same."""
    output: Counter[tuple[CallState, ...]] = Counter()
    found = {}
    for state in machine.states:
        output[state.calls] += 1
        count = output[state.calls]
        found[state.number] = shown(state.calls) + (f" ({count})" if count > 1 else "")
    return found


def picture(comparison: Comparison) -> Diagram:
    """Boxes are states of the calls, arrows what inputs do; what differs from the tables has its colour and its sign."""
    machine = comparison.machine
    names = _names(machine)
    known = {state.calls: f"s{state.number}" for state in reversed(machine.states)}
    nodes = [
        Node(f"s{number}", name, kind="start" if not number else _kind(machine.states[number].calls))
        for number, name in names.items()
    ]
    arrows: dict[tuple[str, str, Tone, str], list[Judged]] = {}
    for told in comparison.moves:
        assessment, move = told.assessment, told.move
        symbol = machine.alphabet.inputs[move.symbol]
        tone = Tone.REPORT if symbol.request is None else Tone.REQUEST
        here = f"s{told.state.number}"
        if assessment.usual:
            there = known.get(assessment.usual)
            if there is None:
                there = known[assessment.usual] = f"m{len(known)}"
                nodes.append(Node(there, shown(assessment.usual), kind="state", change="missing"))
            arrows.setdefault((here, there, tone, Kind.MISSING.value), []).append(told)
        change = "" if assessment.kind is Kind.SAME else assessment.kind.value
        if (move.target != told.state.number or change) and assessment.kind is not Kind.MISSING:
            arrows.setdefault((here, f"s{move.target}", tone, change), []).append(told)
        elif assessment.kind is Kind.MISSING and move.target != told.state.number:
            arrows.setdefault((here, f"s{move.target}", tone, Kind.ALLOWED.value), []).append(told)
    edges = [
        Edge(
            source,
            target,
            tuple(_label(machine, told, change) for told in found),
            tone,
            details=tuple(_detail(told) for told in found),
            change=change,
        )
        for (source, target, tone, change), found in arrows.items()
    ]
    title = f"{machine.alphabet.summary}: what the server does, beside the tables"
    return Diagram(f"learned-{machine.alphabet.name}", title, tuple(nodes), tuple(edges), _NOTES)


def _kind(calls: tuple[CallState, ...]) -> str:
    words = {state.name for state in calls}
    return "final" if words <= {"DEALLOCATED"} else "sink" if words <= {"IDLE", "DEALLOCATED"} else "state"


def _label(machine: Learned, told: Judged, change: str) -> str:
    symbol = machine.alphabet.inputs[told.move.symbol]
    answer = "" if told.move.output.ok or change == Kind.MISSING.value else f": {told.move.output.answer}"
    return f"{symbol}{answer}"


def _detail(told: Judged) -> str:
    assessment = told.assessment
    why = f"{assessment.kind}: {assessment.why} (MS-TRP {assessment.section})" if assessment.why else "as in the tables"
    return f"{told.move.output}; {why}"
