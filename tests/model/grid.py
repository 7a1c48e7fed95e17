"""Common parts of the table tests: instances in given sets of states, combinations of guards, outcomes."""

from __future__ import annotations

from itertools import chain, combinations
from typing import TYPE_CHECKING, NamedTuple

import pytest

from fsm import MACHINES, Level
from fsm.engine.machine import Instance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from enum import IntEnum

    from fsm import Event, Machine, Move, Row

#: Parametrizes a test with every machine.
each_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())


class Thing(Instance):
    """An instance in any set of states."""

    __slots__ = ()

    def __init__(self, mask: int) -> None:
        self.mask = mask
        self.flags = 0

    def __repr__(self) -> str:
        return "thing"


class Outcome(NamedTuple):
    """The content of a move in comparable form."""

    target: int
    rows: tuple[Row, ...]
    legal: bool
    refused: bool
    rule: str
    level: Level
    section: str
    expect: int
    sets: int
    clears: int


def outcome(move: Move) -> Outcome:
    """Return the outcome of a move."""
    section = move.ref.section if move.ref else ""
    return Outcome(
        move.target,
        move.rows,
        move.legal,
        move.refused,
        move.rule,
        move.level,
        section,
        move.expect,
        move.sets,
        move.clears,
    )


def bits_of(mask: int) -> Iterator[int]:
    """Yield the bits of a mask, each as a mask."""
    while mask:
        yield mask & -mask
        mask &= mask - 1


def states_of(machine: Machine, mask: int) -> list[IntEnum]:
    """Return the states of a set."""
    return [state for state in machine.table.states if mask >> state & 1]


def guard_bits(rows: Iterable[Row]) -> list[int]:
    """Return the guard bits that rows test, in the order of the rows."""
    return list(dict.fromkeys(guard.bit for row in rows for guard in row.guards))


def combined(bits: list[int]) -> list[int]:
    """Return all combinations of guard bits, the smallest first."""
    return [sum(some) for some in chain.from_iterable(combinations(bits, size) for size in range(len(bits) + 1))]


def cells(machine: Machine) -> Iterator[tuple[IntEnum, Event, int]]:
    """Yield every state and event of a machine with every combination of significant guards."""
    for state in machine.table.states:
        for event in machine.table.events:
            for flags in combined(guard_bits(machine.cell(state, event))):
                yield state, event, flags
