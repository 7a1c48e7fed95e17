"""Tours: walks that together take every reachable row of a table, with shortest paths between new rows."""

from __future__ import annotations

from collections import deque
from itertools import chain, combinations
from typing import TYPE_CHECKING, NamedTuple

from fsm.engine.machine import Instance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from enum import IntEnum

    from fsm.engine.machine import Machine
    from fsm.engine.row import Event, Row

__all__ = ["TourStep", "tour"]


class TourStep(NamedTuple):
    """A step of a tour: the row to take, the guard bits that select it, and the next state."""

    row: Row
    flags: int
    after: IntEnum


class _Probe(Instance):
    __slots__ = ()

    def __init__(self, mask: int) -> None:
        self.mask = mask
        self.flags = 0


def tour(machine: Machine, takes: Callable[[Row], bool] = lambda row: True) -> list[list[TourStep]]:
    """Return walks from the initial state that together take every row, with each of its possible next states.

    ``takes`` selects the rows (default: all); ``lambda row: row.legal`` gives a tour of the legal ones.
    """
    graph = _steps(machine, takes)
    left = {state: dict.fromkeys(range(len(graph[state]))) for state in graph}
    walks: list[list[TourStep]] = []
    while True:
        walk: list[TourStep] = []
        here = machine.table.initial
        while (path := _nearest(graph, left, here)) is not None:
            for state, number in path:
                left[state].pop(number, None)
                walk.append(graph[state][number])
            here = walk[-1].after
        if not walk:
            return walks
        walks.append(walk)


def _steps(machine: Machine, takes: Callable[[Row], bool]) -> dict[IntEnum, list[TourStep]]:
    """Return, by state, every row that a combination of guards selects, with each possible next state."""
    found: dict[IntEnum, list[TourStep]] = {state: [] for state in machine.table.states}
    taken = set()
    for state in machine.table.states:
        for event in machine.table.events:
            for flags in _combinations(machine, state, event):
                row = machine.may(_Probe(1 << state), event, flags).row
                if row is not None and id(row) not in taken and takes(row):
                    taken.add(id(row))
                    found[state] += [TourStep(row, flags, after) for after in (row.target, *row.expect)]
    return found


def _combinations(machine: Machine, state: IntEnum, event: Event) -> Iterable[int]:
    """Return all combinations of the guard bits used for a state and an event, the smallest first."""
    bits = list(dict.fromkeys(guard.bit for row in machine.cell(state, event) for guard in row.guards))
    return [sum(some) for some in chain.from_iterable(combinations(bits, size) for size in range(len(bits) + 1))]


def _nearest(
    graph: dict[IntEnum, list[TourStep]], left: dict[IntEnum, dict[int, None]], here: IntEnum
) -> list[tuple[IntEnum, int]] | None:
    """Return the shortest path over known steps that ends with a new one; None if all are taken."""
    before: dict[IntEnum, list[tuple[IntEnum, int]]] = {here: []}
    queue = deque([here])
    while queue:
        state = queue.popleft()
        if left[state]:
            return [*before[state], (state, next(iter(left[state])))]
        for number, step in enumerate(graph[state]):
            if step.after not in before:
                before[step.after] = [*before[state], (state, number)]
                queue.append(step.after)
    return None
