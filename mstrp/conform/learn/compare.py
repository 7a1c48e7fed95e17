"""A learned machine beside the tables: every move with what it is, and each difference with a conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mstrp.conform.learn.expectation import Assessment, Kind, assess
from mstrp.conform.learn.observation import Observation

if TYPE_CHECKING:
    from mstrp.conform.core.program import Program
    from mstrp.conform.learn.machine import Learned, Move, State
    from mstrp.conform.learn.system import System

__all__ = ["Comparison", "Difference", "Judged", "compare", "converse"]


class Judged(NamedTuple):
    """A move with what the tables say about it."""

    state: State
    move: Move
    assessment: Assessment


@dataclass(slots=True)
class Difference:
    """A move that is not what the tables have, and the shortest word that shows it."""

    number: int
    told: Judged
    word: tuple[int, ...]
    #: What was seen when the word was performed once more, and the packets of that conversation.
    observed: list[Observation] = field(default_factory=list)
    program: Program | None = None
    #: Whether the same was seen once more.
    confirmed: bool | None = None

    @property
    def kind(self) -> Kind:
        """What kind of difference it is."""
        return self.told.assessment.kind

    @property
    def hard(self) -> bool:
        """Whether the documents forbid it, and it showed again."""
        return self.told.assessment.hard and self.confirmed is not False


class Comparison(NamedTuple):
    """All moves of a learned machine, and those that are not what the tables have."""

    machine: Learned
    moves: tuple[Judged, ...]
    differences: tuple[Difference, ...]

    def count(self, kind: Kind) -> int:
        """How many moves are of a kind."""
        return sum(told.assessment.kind is kind for told in self.moves)


def _observed(system: System, state: State, move: Move) -> Observation:
    """What was reported on the way, or the least that must have been."""
    node = system.node((*state.access, move.symbol))
    if node is not None and node.observed is not None:
        return node.observed
    changed = zip(state.calls, move.output.states, strict=True)
    return Observation(move.output, tuple((after,) if after is not before else () for before, after in changed))


def compare(system: System, machine: Learned) -> Comparison:
    """Hold every move of a learned machine against the tables."""
    inputs = machine.alphabet.inputs
    moves = [
        Judged(state, move, assess(inputs[move.symbol], state.calls, _observed(system, state, move)))
        for state in machine.states
        for move in state.moves
    ]
    # Several states may have the same calls: a move that one of them shows is not missing.
    shown = {(told.state.calls, told.move.symbol) for told in moves if told.assessment.kind is Kind.SAME}
    for place, told in enumerate(moves):
        if told.assessment.kind is Kind.MISSING and (told.state.calls, told.move.symbol) in shown:
            moves[place] = told._replace(assessment=told.assessment._replace(kind=Kind.ALLOWED, usual=()))
    rank = {Kind.EXTRA: 0, Kind.DIFFERENT: 0, Kind.MISSING: 1, Kind.ALLOWED: 2}
    odd = [told for told in moves if told.assessment.kind is not Kind.SAME]
    odd.sort(key=lambda told: (not told.assessment.hard, rank[told.assessment.kind]))
    differences = tuple(
        Difference(number, told, (*told.state.access, told.move.symbol)) for number, told in enumerate(odd, 1)
    )
    return Comparison(machine, tuple(moves), differences)


async def converse(system: System, difference: Difference) -> None:
    """Perform the word of a difference with a client of its own: the conversation that shows it.

    Raises `BudgetSpent`, `SetUpFailed` or `Unreachable`.
    """
    session, observed = await system.perform(difference.word)
    difference.program = session.tester.program
    difference.observed = observed
    difference.confirmed = observed[-1].output == difference.told.move.output
