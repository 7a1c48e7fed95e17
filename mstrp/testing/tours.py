"""Tours as conversations: legal plays that take the rows of one machine after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.state.coverage import Coverage
from fsm.state.machines import MACHINES
from mstrp.testing.director import Director
from mstrp.testing.selection import LeastCovered, RowKey, legal_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.generate.play import Play

__all__ = ["tours", "untouched"]


def tours(*, length: int = 400, attempts: int = 3) -> Iterator[Play]:
    """Yield legal conversations that together take every row that legal traffic can take, one machine after the other.

    Each has about ``length`` steps. After ``attempts`` successive conversations without a new row, the next machine
    follows. The result is reproducible.
    """
    coverage = Coverage()
    for name in MACHINES:
        idle = 0
        while idle < attempts and untouched(coverage, name):
            before = len(coverage.cells[name])
            director = Director(coverage)
            decide = LeastCovered(coverage, wanted=lambda key, name=name: key.machine == name)  # type: ignore[misc]
            while len(director.play.steps) < length:
                director.take(decide.next(director.options()))
            yield director.finish()
            idle = 0 if len(coverage.cells[name]) > before else idle + 1


def untouched(coverage: Coverage, machine: str) -> list[RowKey]:
    """Return the legal rows of a machine that were not taken."""
    return [RowKey(machine, *cell) for cell in legal_rows(machine) if not coverage.cells[machine][cell]]
