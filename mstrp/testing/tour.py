"""Tours: walks over a table that together take every row which can be reached, by the shortest paths between new rows."""

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

__all__ = ["Way", "tour"]


class Way(NamedTuple):
    """One step of a tour: the row that is to be taken, the guard bits that select it, and the state to go on from."""

    row: Row
    flags: int
    after: IntEnum


class _Thing(Instance):
    __slots__ = ()

    def __init__(self, mask: int) -> None:
        self.mask = mask
        self.flags = 0


def tour(machine: Machine, takes: Callable[[Row], bool] = lambda row: True) -> list[list[Way]]:
    """Walks from the initial state that together take every row in every way in which it can go on.

    ``takes`` says which rows may be used, by default all; ``lambda row: row.legal`` gives a tour of what is legal.
    """
    graph = _ways(machine, takes)
    left = {state: dict.fromkeys(range(len(graph[state]))) for state in graph}
    walks: list[list[Way]] = []
    while True:
        walk: list[Way] = []
        here = machine.table.initial
        while (path := _nearest(graph, left, here)) is not None:
            for state, number in path:
                left[state].pop(number, None)
                walk.append(graph[state][number])
            here = walk[-1].after
        if not walk:
            return walks
        walks.append(walk)


def _ways(machine: Machine, takes: Callable[[Row], bool]) -> dict[IntEnum, list[Way]]:
    """Every row that some combination of guards selects, and each state that it may lead to."""
    found: dict[IntEnum, list[Way]] = {state: [] for state in machine.table.states}
    taken = set()
    for state in machine.table.states:
        for event in machine.table.events:
            for flags in _combinations(machine, state, event):
                row = machine.may(_Thing(1 << state), event, flags).row
                if row is not None and id(row) not in taken and takes(row):
                    taken.add(id(row))
                    found[state] += [Way(row, flags, after) for after in (row.target, *row.expect)]
    return found


def _combinations(machine: Machine, state: IntEnum, event: Event) -> Iterable[int]:
    """All combinations of the guard bits that matter in a cell, the smallest first."""
    bits = list(dict.fromkeys(guard.bit for row in machine.cell(state, event) for guard in row.guards))
    return [sum(some) for some in chain.from_iterable(combinations(bits, size) for size in range(len(bits) + 1))]


def _nearest(
    graph: dict[IntEnum, list[Way]], left: dict[IntEnum, dict[int, None]], here: IntEnum
) -> list[tuple[IntEnum, int]] | None:
    """The shortest path over known ways that ends with a new one; None where there is none."""
    before: dict[IntEnum, list[tuple[IntEnum, int]]] = {here: []}
    queue = deque([here])
    while queue:
        state = queue.popleft()
        if left[state]:
            return [*before[state], (state, next(iter(left[state])))]
        for number, way in enumerate(graph[state]):
            if way.after not in before:
                before[way.after] = [*before[state], (state, number)]
                queue.append(way.after)
    return None
