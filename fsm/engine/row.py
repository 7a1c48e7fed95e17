"""The row: one move of one machine, with how hard it is and where that stands.

Everything else is derived from rows: the compiled index, the findings, the pictures, the tests and the reference
pages. A row without a rule is legal. A row with a rule is a move that happens all the same and is reported under
that rule: with level MUST it is forbidden, with level SUSPICIOUS it is merely odd.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from enum import IntEnum

    from fsm.engine.levels import Level

__all__ = ["Bits", "Event", "Guard", "Kind", "Ref", "Row", "ref", "unless", "when"]


class Kind(StrEnum):
    """What an event is made of, for colours and for telling whose move it is."""

    REQUEST = "request"
    ANSWER = "answer"
    REPLY = "reply"
    REPORT = "report"
    JOINT = "joint"


class Event:
    """Something that can happen to an instance of a machine. Events are compared by identity."""

    __slots__ = ("kind", "name", "summary")

    def __init__(self, name: str, kind: Kind, summary: str = "") -> None:
        self.name = name
        self.kind = kind
        self.summary = summary

    def __repr__(self) -> str:
        return f"<Event {self.name}>"


class Ref(NamedTuple):
    """Where a row stands: a section of MS-TRP, and what else says so."""

    section: str
    #: The field, the word or the title that is meant.
    detail: str = ""

    def __str__(self) -> str:
        return f"MS-TRP {self.section}" + (f" ({self.detail})" if self.detail else "")


def ref(section: str, detail: str = "") -> Ref:
    """A reference to a section of MS-TRP; ``detail`` names the field, or the page that adds to it."""
    return Ref(section, detail)


class Guard(NamedTuple):
    """A condition on one named bit. The domain is yes or no, so every combination can be tried.

    A bit belongs to the instance, where rows set and clear it, or to the context of one event, where the caller of
    the step passes it.
    """

    name: str
    bit: int
    wanted: bool
    summary: str = ""

    def __str__(self) -> str:
        return self.name if self.wanted else f"not {self.name}"


class Bits:
    """Numbers the named bits that the rows of related tables use."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def guard(self, name: str, summary: str = "") -> Guard:
        """Declare the next bit. Raises `ValueError` if the name is taken."""
        if name in self._names:
            raise ValueError(f"bit {name!r} is declared twice")
        bit = 1 << len(self._names)
        self._names.add(name)
        return Guard(name, bit, True, summary)


def when(guard: Guard) -> Guard:
    """The guard as it is."""
    return guard


def unless(guard: Guard) -> Guard:
    """The opposite of a guard."""
    return guard._replace(wanted=not guard.wanted)


class Row(NamedTuple):
    """From a state, on an event, to a state."""

    source: IntEnum
    event: Event
    target: IntEnum
    level: Level
    ref: Ref
    #: All of these must hold; rows of one cell are tried in the order of the table.
    guards: tuple[Guard, ...] = ()
    #: States that may follow although nothing announces them yet: from now on each of them may be true.
    expect: tuple[IntEnum, ...] = ()
    #: The rule under which taking this row is reported; empty for legal rows.
    rule: str = ""
    #: Why, where the reference alone does not say it.
    note: str = ""
    #: Bits of the instance that taking the row sets and clears.
    sets: tuple[Guard, ...] = ()
    clears: tuple[Guard, ...] = ()

    @property
    def legal(self) -> bool:
        """Whether taking the row is no finding."""
        return not self.rule
