"""Tours as conversations: legal plays that take the rows of one machine after the other, by the shortest ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.state.coverage import Coverage
from fsm.state.machines import MACHINES
from mstrp.testing.director import Director
from mstrp.testing.least import LeastCovered, RowKey, legal_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.generate.play import Play

__all__ = ["tours", "untouched"]


def tours(*, length: int = 400, patience: int = 3) -> Iterator[Play]:
    """Legal conversations that together take the rows which legal traffic can take: of each machine those still missing.

    Each has about ``length`` steps. A machine is left when ``patience`` conversations in a row took nothing new of it.
    The same each time.
    """
    coverage = Coverage()
    for name in MACHINES:
        idle = 0
        while idle < patience and untouched(coverage, name):
            before = len(coverage.cells[name])
            director = Director(coverage)
            decide = LeastCovered(coverage, wanted=lambda key, name=name: key.machine == name)  # type: ignore[misc]
            while len(director.play.steps) < length:
                director.take(decide.next(director.options()))
            yield director.finish()
            idle = 0 if len(coverage.cells[name]) > before else idle + 1


def untouched(coverage: Coverage, machine: str) -> list[RowKey]:
    """The legal rows of a machine that were not taken."""
    return [RowKey(machine, *cell) for cell in legal_rows(machine) if not coverage.cells[machine][cell]]
