"""The row: one transition of one machine, with its level and its reference.

Everything else is derived from rows: the compiled index, the findings, the diagrams, the tests and the reference pages.
A row without a rule is legal. A row with a rule still makes its transition, and is reported as a violation of that
rule: with level MUST it is forbidden, with level SUSPICIOUS it is a warning.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from enum import IntEnum

    from fsm.engine.levels import Level

__all__ = ["Bits", "Event", "Guard", "Kind", "Ref", "Row", "ref", "unless", "when"]


class Kind(StrEnum):
    """The kind of packet of an event; determines its color and the acting side."""

    REQUEST = "request"
    ANSWER = "answer"
    REPLY = "reply"
    REPORT = "report"
    JOINT = "joint"


class Event:
    """An event of an instance of a machine. Events are compared by identity."""

    __slots__ = ("kind", "name", "summary")

    def __init__(self, name: str, kind: Kind, summary: str = "") -> None:
        self.name = name
        self.kind = kind
        self.summary = summary

    def __repr__(self) -> str:
        return f"<Event {self.name}>"


class Ref(NamedTuple):
    """The reference of a row: a section of MS-TRP, and other documents."""

    section: str
    #: The field, the phrase or the title.
    detail: str = ""

    def __str__(self) -> str:
        return f"MS-TRP {self.section}" + (f" ({self.detail})" if self.detail else "")


def ref(section: str, detail: str = "") -> Ref:
    """Return a reference to a section of MS-TRP; ``detail`` is the field, or the page with additional text."""
    return Ref(section, detail)


class Guard(NamedTuple):
    """A condition on one named bit. It is true or false, so every combination can be tested.

    A bit belongs to the instance, whose rows set and clear it, or to the context of one event, and then the caller of
    the step passes it.
    """

    name: str
    bit: int
    wanted: bool
    summary: str = ""

    def __str__(self) -> str:
        return self.name if self.wanted else f"not {self.name}"


class Bits:
    """Assigns numbers to the named bits that the rows of related tables use."""

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
    """Return the guard unchanged."""
    return guard


def unless(guard: Guard) -> Guard:
    """Return the negation of a guard."""
    return guard._replace(wanted=not guard.wanted)


class Row(NamedTuple):
    """A transition from a state, on an event, to a state."""

    source: IntEnum
    event: Event
    target: IntEnum
    level: Level
    ref: Ref
    #: All of these must be true; rows for the same state and event are tried in the order of the table.
    guards: tuple[Guard, ...] = ()
    #: Possible next states without a report: from now on each of them is possible.
    expect: tuple[IntEnum, ...] = ()
    #: The rule under which this row is reported; empty for legal rows.
    rule: str = ""
    #: The reason, if the reference is not sufficient.
    note: str = ""
    #: Bits of the instance that the row sets and clears.
    sets: tuple[Guard, ...] = ()
    clears: tuple[Guard, ...] = ()

    @property
    def legal(self) -> bool:
        """Whether the row is not reported."""
        return not self.rule
