"""Parts and differences of diagrams: the neighborhood of states, differences of tables and of captures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.diagram.model import Diagram, Edge, Node, Tone
from fsm.diagram.views import detail, full, tone_of

if TYPE_CHECKING:
    from fsm.diagram.coverage import Coverage
    from fsm.engine.row import Row
    from fsm.engine.table import Table

__all__ = ["difference", "near", "seen_in"]


def near(table: Table, *names: str) -> Diagram:
    """Return the diagram of the given states, with all rows to and from them and the states at the other ends.

    States are given by member name or by caption. Raises ValueError for names that the machine does not have.
    """
    wanted = set()
    for name in names:
        found = [
            state.name for state in table.states if name.lower() in (state.name.lower(), table.caption(state).lower())
        ]
        if not found:
            known = ", ".join(table.caption(state) for state in table.states)
            message = f"machine {table.name} has no state {name}; it has {known}"
            raise ValueError(message)
        wanted.update(found)
    whole = full(table)
    edges = tuple(edge for edge in whole.edges if edge.source in wanted or edge.target in wanted)
    ends = wanted.union(*((edge.source, edge.target) for edge in edges)) if edges else wanted
    nodes = tuple(
        node._replace(lines=_shortened(node.lines) if node.id in wanted else ())
        for node in whole.nodes
        if node.id in ends
    )
    shown = ", ".join(node.label for node in nodes if node.id in wanted)
    return whole._replace(title=f"{table.summary}: near {shown}", nodes=nodes, edges=edges)


#: Maximum number of lines listed inside a state; further lines are only counted.
_LISTED = 40


def _shortened(lines: tuple[tuple[Tone, str], ...]) -> tuple[tuple[Tone, str], ...]:
    rest = len(lines) - _LISTED
    return (*lines[:_LISTED], (Tone.PLAIN, f"and {rest} more")) if rest > 1 else lines


def difference(before: Table, after: Table) -> Diagram:
    """Return the difference of two tables: rows by source, event, guards, target, level and rule."""
    old = {_key(row): row for row in before.rows}
    new = {_key(row): row for row in after.rows}
    changed = [("removed", row) for key, row in old.items() if key not in new]
    changed += [("added", row) for key, row in new.items() if key not in old]
    inside: dict[str, list[tuple[Tone, str]]] = {}
    edges: dict[tuple[str, str, Tone, str], list[str]] = {}
    for change, row in changed:
        if row.source.name == row.target.name and not row.expect:
            sign = "+" if change == "added" else "-"
            inside.setdefault(row.source.name, []).append((tone_of(row), f"{sign} {detail(row)}"))
            continue
        targets = [row.target, *row.expect] if row.source.name != row.target.name else list(row.expect)
        for state in targets:
            edges.setdefault((row.source.name, state.name, tone_of(row), change), []).append(detail(row))
    captions = {state.name: table.caption(state) for table in (before, after) for state in table.states}
    olds, news = {state.name for state in before.states}, {state.name for state in after.states}
    touched = {*inside, *(end for source, target, _, _ in edges for end in (source, target)), *(olds ^ news)}
    nodes = tuple(
        Node(
            name,
            caption,
            tuple(dict.fromkeys(inside.get(name, ()))),
            change="removed" if name not in news else "added" if name not in olds else "",
        )
        for name, caption in captions.items()
        if name in touched
    )
    arrows = tuple(
        Edge(source, target, tuple(dict.fromkeys(texts)), tone, details=tuple(texts), change=change)
        for (source, target, tone, change), texts in edges.items()
    )
    removed = sum(1 for change, _ in changed if change == "removed")
    note = f"{len(changed) - removed} rows added, {removed} removed"
    names = before.name if before.name == after.name else f"{before.name} and {after.name}"
    return Diagram(after.name, f"Difference of {names}", nodes, arrows, (note,))


def _key(row: Row) -> tuple[object, ...]:
    guards = tuple(str(guard) for guard in row.guards)
    expect = tuple(state.name for state in row.expect)
    return (row.source.name, row.event.name, guards, row.target.name, expect, row.level, row.rule)


def seen_in(diagram: Diagram, first: Coverage, second: Coverage) -> Diagram:
    """Return the difference of two coverages: added if only in the second, removed if only in the first."""

    def change(one: int, other: int) -> str:
        return "added" if other and not one else "removed" if one and not other else ""

    nodes = tuple(
        node._replace(
            change=change(first.states[node.id], second.states[node.id]),
            visited=node.id == "ENTRY" or bool(first.states[node.id] or second.states[node.id]),
            times=second.states[node.id],
        )
        for node in diagram.nodes
    )
    known = {(edge.source, edge.target) for edge in diagram.edges}
    edges = [
        edge._replace(
            change=change(first.edges[edge.source, edge.target], second.edges[edge.source, edge.target]),
            visited=bool(first.edges[edge.source, edge.target] or second.edges[edge.source, edge.target]),
            times=second.edges[edge.source, edge.target],
        )
        for edge in diagram.edges
    ]
    ids = {node.id for node in diagram.nodes}
    for pair in sorted({*first.edges, *second.edges} - known):
        mark = change(first.edges[pair], second.edges[pair])
        if mark and set(pair) <= ids:
            edges.append(Edge(*pair, (), Tone.PLAIN, visited=True, times=second.edges[pair], change=mark))
    note = "added: only in the second captures, removed: only in the first; counts are those of the second"
    return diagram._replace(nodes=nodes, edges=tuple(edges), notes=(*diagram.notes, note))
