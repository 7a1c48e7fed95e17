"""Coverage of a machine by captures, in its diagram."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsm.diagram.model import Diagram
    from fsm.engine.step import Step

__all__ = ["Coverage", "covered"]


class Coverage:
    """Counts the steps of the instances of one machine: states entered, pairs of states, rows taken.

    `step` is an observer for ``Monitor.on_step``; steps of other machines are ignored. A state or an arrow counts only
    if the state of the instance was certain.
    """

    def __init__(self, machine: str) -> None:
        self.machine = machine
        self.states: Counter[str] = Counter()
        self.edges: Counter[tuple[str, str]] = Counter()
        self.rows: Counter[int] = Counter()

    def step(self, step: Step) -> None:
        """Count a step."""
        machine = step.machine
        if machine.name != self.machine:
            return
        before, after = step.before, step.after
        states = machine.table.states
        if after.bit_count() == 1:
            target = states(after.bit_length() - 1).name
            if before != after or not self.states[target]:
                self.states[target] += 1
            if before != after and before.bit_count() == 1:
                self.edges[states(before.bit_length() - 1).name, target] += 1
        for row in step.move.rows:
            self.rows[id(row)] += 1


def covered(diagram: Diagram, coverage: Coverage) -> Diagram:
    """Return the diagram with visited states and arrows shaded and counted, and all others in gray."""
    nodes = tuple(
        node._replace(visited=bool(coverage.states[node.id]), times=coverage.states[node.id])
        if node.id != "ENTRY"
        else node
        for node in diagram.nodes
    )
    edges = tuple(
        edge._replace(
            visited=bool(coverage.edges[edge.source, edge.target]), times=coverage.edges[edge.source, edge.target]
        )
        if edge.target != "ENTRY"
        else edge
        for edge in diagram.edges
    )
    return diagram._replace(nodes=nodes, edges=edges)
