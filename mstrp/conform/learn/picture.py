"""The learned machine over that of the tables, as one picture."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fsm.diagram.model import Diagram, Edge, Node, Tone
from mstrp.conform.learn.expect import Kind
from mstrp.conform.learn.seen import shown

if TYPE_CHECKING:
    from fsm.tables.call_states import CallState
    from mstrp.conform.learn.compare import Comparison, Told
    from mstrp.conform.learn.machine import Learned

__all__ = ["picture"]

_NOTES = (
    "Arrows are what the server does; without a sign: as the tables have it. Dashed: only the tables have it.",
    "Letters that leave a state as it is, as the tables have it, are not drawn.",
)


def _names(machine: Learned) -> dict[int, str]:
    """What the states are called: by their calls, with a number where several have the same."""
    seen: Counter[tuple[CallState, ...]] = Counter()
    found = {}
    for state in machine.states:
        seen[state.calls] += 1
        count = seen[state.calls]
        found[state.number] = shown(state.calls) + (f" ({count})" if count > 1 else "")
    return found


def picture(comparison: Comparison) -> Diagram:
    """Boxes are states of the calls, arrows what letters do; what differs from the tables has its colour and its sign."""
    machine = comparison.machine
    names = _names(machine)
    known = {state.calls: f"s{state.number}" for state in reversed(machine.states)}
    nodes = [
        Node(f"s{number}", name, kind="start" if not number else _kind(machine.states[number].calls))
        for number, name in names.items()
    ]
    arrows: dict[tuple[str, str, Tone, str], list[Told]] = {}
    for told in comparison.moves:
        judgement, move = told.judgement, told.move
        letter = machine.alphabet.letters[move.letter]
        tone = Tone.REPORT if letter.request is None else Tone.REQUEST
        here = f"s{told.state.number}"
        if judgement.usual:
            there = known.get(judgement.usual)
            if there is None:
                there = known[judgement.usual] = f"m{len(known)}"
                nodes.append(Node(there, shown(judgement.usual), kind="state", change="missing"))
            arrows.setdefault((here, there, tone, Kind.MISSING.value), []).append(told)
        change = "" if judgement.kind is Kind.SAME else judgement.kind.value
        if (move.target != told.state.number or change) and judgement.kind is not Kind.MISSING:
            arrows.setdefault((here, f"s{move.target}", tone, change), []).append(told)
        elif judgement.kind is Kind.MISSING and move.target != told.state.number:
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


def _label(machine: Learned, told: Told, change: str) -> str:
    letter = machine.alphabet.letters[told.move.letter]
    answer = "" if told.move.seen.ok or change == Kind.MISSING.value else f": {told.move.seen.answer}"
    return f"{letter}{answer}"


def _detail(told: Told) -> str:
    judgement = told.judgement
    why = f"{judgement.kind}: {judgement.why} (MS-TRP {judgement.section})" if judgement.why else "as in the tables"
    return f"{told.move.seen}; {why}"
