"""The declaration of a machine: states, alphabet, rows, and how they are spelled and drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from fsm.engine.display import DISPLAY

if TYPE_CHECKING:
    from enum import IntEnum

    from fsm.engine.levels import Level
    from fsm.engine.row import Event, Ref, Row

__all__ = ["Outside", "Table"]


class Outside(NamedTuple):
    """What an event means in a state that has no row for it."""

    rule: str
    level: Level
    ref: Ref
    summary: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """The declaration of a machine."""

    name: str
    summary: str
    states: type[IntEnum]
    initial: IntEnum
    finals: frozenset[IntEnum]
    events: tuple[Event, ...]
    rows: tuple[Row, ...]
    #: Events that leave the set of possible states alone: they are intentions, not facts.
    unproven: frozenset[Event] = frozenset()
    #: What the monitor reports for cells without a row.
    outside: dict[Event, Outside] = field(default_factory=dict)
    #: The states that events report: a finding lists the states that could have been reported instead.
    reported: dict[Event, IntEnum] = field(default_factory=dict)
    #: How states are spelled in reports and pictures; the enumeration's own name where missing.
    labels: dict[IntEnum, str] = field(default_factory=dict)
    #: States to which an arrow from each live state leads: pictures say that in a caption instead.
    sinks: frozenset[IntEnum] = frozenset()
    #: States in which instances begin without one of their real states: pictures draw them as one box.
    entries: tuple[IntEnum, ...] = ()
    #: States after which anything is possible: pictures draw no arrows from them.
    opaque: frozenset[IntEnum] = frozenset()
    #: What pictures call states whose label in reports is ambiguous.
    captions: dict[IntEnum, str] = field(default_factory=dict)
    #: Remarks under pictures.
    notes: tuple[str, ...] = ()

    def label(self, state: IntEnum) -> str:
        """The name of a state as the specification spells it."""
        return self.labels.get(state, state.name.lower())

    def caption(self, state: IntEnum) -> str:
        """The name of a state in pictures."""
        return self.captions.get(state) or self.label(state)

    def _repr_svg_(self) -> str | None:
        """Notebooks show the diagram."""
        return DISPLAY.table(self)
