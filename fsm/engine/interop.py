"""Tables as machines of other libraries: `transitions.Machine` for programs that use its callbacks."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

from fsm.engine.row import unless

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import IntEnum

    from transitions import Machine as TransitionsMachine

    from fsm.engine.row import Event, Guard, Row
    from fsm.engine.table import Table

__all__ = ["state_name", "to_transitions", "trigger_name"]


def trigger_name(event: Event) -> str:
    """Return the method name of an event: ``LINE_CALLSTATE IDLE`` becomes ``LINE_CALLSTATE_IDLE``."""
    return re.sub(r"\W+", "_", event.name).strip("_")


def state_name(state: IntEnum) -> str:
    """Return the `transitions` name of a state: the name of the member."""
    return state.name


def condition_name(guard: Guard) -> str:
    """Return the attribute name of a guard in the model: ``in flight`` becomes ``when_in_flight``."""
    return "when_" + re.sub(r"\W+", "_", guard.name).strip("_").lower()


class Model:
    """A model for `to_transitions`: every guard is an attribute, initially false."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("when_"):
            return False
        raise AttributeError(name)


def _legal_rows(table: Table) -> Iterator[tuple[Row, tuple[Guard, ...]]]:
    """Yield the legal rows with their guards, and the negated guards of reported rows that are tried earlier."""
    reported: dict[tuple[IntEnum, Event], list[Row]] = {}
    for row in table.rows:
        earlier = reported.setdefault((row.source, row.event), [])
        if not row.legal:
            earlier.append(row)
            continue
        for failing in product(*(other.guards for other in earlier)):
            yield row, (*row.guards, *(unless(guard) for guard in failing))


def to_transitions(table: Table, model: Any = None, *, strict: bool = False, **options: Any) -> TransitionsMachine:
    """Return a `transitions.Machine` with the states and rows of a table; its ``.model`` has the state.

    Triggers are `trigger_name` of the events; an event that no row allows raises ``transitions.MachineError`` unless
    ``ignore_invalid_triggers=True``. Guards are looked up on the model, ``when_...``, as attribute or method. With
    ``strict``, rows that a monitor would report are omitted. A model is in one state at a time: an expected state
    (`Row.expect`) is entered when it is reported.
    """
    from transitions import Machine as TransitionsMachine

    moves = [
        {
            "trigger": trigger_name(row.event),
            "source": state_name(row.source),
            "dest": state_name(row.target),
            "conditions": [condition_name(guard) for guard in guards if guard.wanted],
            "unless": [condition_name(guard) for guard in guards if not guard.wanted],
        }
        for row, guards in (_legal_rows(table) if strict else ((row, row.guards) for row in table.rows))
    ]
    return TransitionsMachine(
        model=Model() if model is None else model,
        states=[state_name(state) for state in table.states],
        transitions=moves,
        initial=state_name(table.initial),
        auto_transitions=False,
        **options,
    )
