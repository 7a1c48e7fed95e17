"""Views of a table: complete, readable, or the path of one call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fsm.diagram.model import Diagram, Edge, Node, Tone
from fsm.engine.levels import Level
from fsm.engine.row import Kind

if TYPE_CHECKING:
    from enum import IntEnum

    from fsm.engine.row import Row
    from fsm.engine.table import Table

__all__ = ["collapsed", "detail", "full", "path_of", "tone_of"]

_TONES = {
    Kind.REQUEST: Tone.REQUEST,
    Kind.ANSWER: Tone.ANSWER,
    Kind.REPLY: Tone.REPLY,
    Kind.REPORT: Tone.REPORT,
    Kind.JOINT: Tone.JOINT,
}


def tone_of(row: Row) -> Tone:
    """Return the tone of a row: by kind if legal, otherwise by level."""
    if row.rule:
        return Tone.FORBIDDEN if row.level is Level.MUST else Tone.ODD
    return _TONES[row.event.kind]


def _kind(table: Table, state: IntEnum) -> str:
    if state is table.initial:
        return "start"
    if state in table.entries:
        return "entry"
    if state in table.finals:
        return "final"
    return "sink" if state in table.sinks else "state"


def _text(row: Row) -> str:
    guards = f" [{', '.join(str(guard) for guard in row.guards)}]" if row.guards else ""
    rule = f" → {row.rule}" if row.rule else ""
    return f"{row.event.name}{guards}{rule}"


def detail(row: Row) -> str:
    """Return a row in full: event, guards, rule, level and section."""
    return f"{_text(row)} · {row.level.name} · {row.ref.section}"


def full(table: Table) -> Diagram:
    """Return every state and every row that changes it, with level and section; other rows are listed in the state."""
    nodes = []
    for state in table.states:
        inside = [
            (tone_of(row), _text(row))
            for row in table.rows
            if row.source is state and row.target is state and not row.expect
        ]
        nodes.append(Node(state.name, table.caption(state), _distinct(inside), _kind(table, state)))
    edges: dict[tuple[str, str, Tone, bool], list[Row]] = {}
    for row in table.rows:
        if row.target is not row.source:
            edges.setdefault((row.source.name, row.target.name, tone_of(row), False), []).append(row)
        for state in row.expect:
            edges.setdefault((row.source.name, state.name, tone_of(row), True), []).append(row)
    return Diagram(table.name, table.summary, tuple(nodes), _edges(edges))


def collapsed(table: Table) -> Diagram:
    """Return the readable view.

    Requests are listed inside the states that allow them; arrows from every open state become a caption at their
    target; the start of handles is one box; transitions by inference only are omitted.
    """
    live = [state for state in table.states if state not in table.finals and state is not table.initial]
    live = [state for state in live if state not in table.entries]
    everywhere = _from_everywhere(table, live)
    nodes: list[Node] = []
    for state in table.states:
        if state in table.entries:
            continue
        lines = _inside(table, state, live)
        if state in everywhere:
            lines = ((Tone.PLAIN, "from any open state"), *lines)
        nodes.append(Node(state.name, table.caption(state), lines, _kind(table, state)))
    edges = _collapsed_edges(table, live, everywhere)
    if table.entries:
        nodes.append(_entry(table))
        edges = (Edge(table.initial.name, "ENTRY", (), Tone.REPORT), *edges)
    large = len(nodes) > 14 or everywhere.issuperset(live)
    ends = tuple(state.name for state in table.states if state in everywhere) if large else ()
    ranks = (ends,) if ends else ()
    return Diagram(table.name, table.summary, tuple(nodes), edges, table.notes, "TB" if large else "LR", ranks)


def _from_everywhere(table: Table, live: list[IntEnum]) -> set[IntEnum]:
    """Return the states that nearly all open states lead to by explicit rows."""
    found = set()
    for state in table.sinks:
        sources = {row.source for row in table.rows if row.target is state and not row.rule}
        if len(live) > 3 and len(sources & set(live)) >= len(live) - 2:
            found.add(state)
    return found


def _inside(table: Table, state: IntEnum, live: list[IntEnum]) -> tuple[tuple[Tone, str], ...]:
    """Return the lines in the box of a state: requests that not every open state allows, and forbidden events."""
    lines: list[tuple[Tone, str]] = []
    common = _common_requests(table, live)
    for row in table.rows:
        if row.source is not state or row.note.startswith("the server decides"):
            continue
        if row.event.kind is Kind.REQUEST and row.target is state and not row.rule and row.event.name not in common:
            if row.level <= Level.STATED:
                lines.append((Tone.REQUEST, row.event.name))
        elif row.rule and row.target is state and len(table.events) < 40:
            lines.append((tone_of(row), f"{row.event.name}: {row.rule}"))
    return _distinct(lines)


def _common_requests(table: Table, live: list[IntEnum]) -> set[str]:
    """Return the requests that nearly every open state allows, which are not listed in each."""
    if len(live) < 6:
        return set()
    found = set()
    for event in table.events:
        if event.kind is Kind.REQUEST:
            sources = {
                row.source for row in table.rows if row.event is event and not row.rule and row.level <= Level.STATED
            }
            if len(sources & set(live)) >= len(live) - 2:
                found.add(event.name)
    return found


def _collapsed_edges(table: Table, live: list[IntEnum], everywhere: set[IntEnum]) -> tuple[Edge, ...]:
    busy = len(table.events) >= 40
    edges: dict[tuple[str, str], list[Row]] = {}
    for row in table.rows:
        if row.source in table.entries or row.target in table.entries or row.source in table.opaque:
            continue
        if busy and (row.rule or row.note == "inferred" or (row.guards and row.event.kind is Kind.REPORT)):
            continue
        if busy and row.event.kind is Kind.ANSWER and row.target not in table.finals:
            continue
        if row.target is not row.source and _drawn(table, row.source, row.target, live, everywhere):
            edges.setdefault((row.source.name, row.target.name), []).append(row)
        for state in row.expect:
            definite = row.event.kind is not Kind.ANSWER and len(row.expect) <= _DEFINITE
            if definite and _drawn(table, row.source, state, live, everywhere):
                edges.setdefault((row.source.name, state.name), []).append(row)
    found = []
    for (source, target), rows in edges.items():
        causes = [row for row in rows if not (busy and row.event.kind is Kind.REPORT)]
        tones: dict[Tone, list[str]] = {}
        for row in causes or rows:
            label = row.event.name.removesuffix(" done") if busy else _text(row)
            tones.setdefault(tone_of(row), []).append("" if busy and row.event.kind is Kind.REPORT else label)
        for tone, labels in tones.items():
            reported = any(row.event.kind is Kind.REPORT for row in rows)
            names = tuple(dict.fromkeys(label for label in labels if label))
            details = tuple(dict.fromkeys(detail(row) for row in rows if tone_of(row) is tone))
            found.append(Edge(source, target, names, tone, expected=busy and not reported, details=details))
    return tuple(found)


#: Maximum number of possible next states of a success that is drawn as an arrow.
_DEFINITE = 3


def _drawn(table: Table, source: IntEnum, target: IntEnum, live: list[IntEnum], everywhere: set[IntEnum]) -> bool:
    """Return whether an arrow is drawn: not if a caption replaces it, except between the start and the end.

    If any state may follow any other, the captions are sufficient.
    """
    if target not in everywhere:
        return True
    return not everywhere.issuperset(live) and (
        source not in live or (source in table.sinks and target not in table.finals)
    )


def _entry(table: Table) -> Node:
    """Return the start of instances as one box: by state, with the states that may be reported first."""
    lines = []
    for state in table.entries:
        causes = [
            row.event.name for row in table.rows if row.target is state and row.source is table.initial and not row.rule
        ]
        first = [
            table.caption(row.target)
            for row in table.rows
            if row.source is state
            and row.target is not state
            and row.event.kind is Kind.REPORT
            and not row.rule
            and not row.guards
            and row.note != "inferred"
        ]
        states = ", ".join(dict.fromkeys(first))
        if len(set(first)) > 10:
            states = "any state but idle"
        elif set(first) == {table.caption(other) for other in table.states if other not in (table.initial, state)}:
            states = "any state"
        names = ", ".join(dict.fromkeys(cause.removesuffix(" creates").removesuffix(" lists") for cause in causes))
        lines.append((Tone.REPORT, f"{names} → {states or 'connected, offering, accepted (inferred)'}"))
    return Node("ENTRY", "handle returned → first report", tuple(lines), "entry")


def _distinct(lines: list[tuple[Tone, str]]) -> tuple[tuple[Tone, str], ...]:
    return tuple(dict.fromkeys(lines))


def _edges(edges: dict[tuple[str, str, Tone, bool], list[Row]]) -> tuple[Edge, ...]:
    return tuple(
        Edge(source, target, tuple(dict.fromkeys(map(detail, rows))), tone, expected, details=tuple(map(detail, rows)))
        for (source, target, tone, expected), rows in edges.items()
    )


def _id(words: str) -> str:
    """Return a set of states as an identifier that is valid in every format."""
    return re.sub(r"\W+", "_", words)


def path_of(table: Table, title: str, steps: list[tuple[str, str, str, Tone]]) -> Diagram:
    """Return the path of one instance: (from, event, to, tone), as a chain of states in chronological order."""
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str, Tone], list[str]] = {}
    for number, (source, event, target, tone) in enumerate(steps, 1):
        for state in (source, target):
            nodes.setdefault(state, Node(_id(state), state, visited=True))
        if source != target or tone in (Tone.FORBIDDEN, Tone.ODD):
            edges.setdefault((_id(source), _id(target), tone), []).append(f"{number} {event}")
    drawn = tuple(Edge(a, b, tuple(labels), tone, visited=True) for (a, b, tone), labels in edges.items())
    return Diagram(table.name, title, tuple(nodes.values()), drawn)
