"""The declaration of a machine: states, alphabet, rows, names and layout."""

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
    """The meaning of an event in a state without a row for it."""

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
    #: Events that leave the set of possible states unchanged: they are intents, not facts.
    unproven: frozenset[Event] = frozenset()
    #: The reports of the monitor for pairs of state and event without a row.
    outside: dict[Event, Outside] = field(default_factory=dict)
    #: The states that events report: a finding lists the states that could have been reported instead.
    reported: dict[Event, IntEnum] = field(default_factory=dict)
    #: Names of states in reports and diagrams; default: the name of the member.
    labels: dict[IntEnum, str] = field(default_factory=dict)
    #: States with an arrow from each open state: diagrams replace it by a caption.
    sinks: frozenset[IntEnum] = frozenset()
    #: States in which instances start, before any of their real states: diagrams draw them as one box.
    entries: tuple[IntEnum, ...] = ()
    #: States after which any state is possible: diagrams draw no arrows from them.
    opaque: frozenset[IntEnum] = frozenset()
    #: Names in diagrams of states with an ambiguous name in reports.
    captions: dict[IntEnum, str] = field(default_factory=dict)
    #: Notes below diagrams.
    notes: tuple[str, ...] = ()

    def label(self, state: IntEnum) -> str:
        """Return the name of a state in reports."""
        return self.labels.get(state, state.name.lower())

    def caption(self, state: IntEnum) -> str:
        """Return the name of a state in diagrams."""
        return self.captions.get(state) or self.label(state)

    def _repr_svg_(self) -> str | None:
        """Return the diagram, for notebooks."""
        return DISPLAY.table(self)
