"""Invalid tables are detected when they are compiled, with a message that identifies the row."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest
from grid import Thing, each_machine

from fsm import MACHINES, Event, Guard, Level, Machine, Row, Table, TableError
from fsm.engine.machine import Outside
from fsm.engine.row import Kind, ref, unless, when


class Light(IntEnum):
    """States of a small machine."""

    OFF = 0
    ON = 1


class Door(IntEnum):
    """States of another machine, with the same numbers."""

    SHUT = 0
    AJAR = 1


PRESS = Event("press", Kind.REQUEST)
KICK = Event("kick", Kind.REQUEST)
WARM = Guard("warm", 1, True)
WHERE = ref("1.1")
GOOD = Row(Light.OFF, PRESS, Light.ON, Level.MUST, WHERE)


def table(*rows: Row, **changes: Any) -> Table:
    """Return a table of two states and one event."""
    parts: dict[str, Any] = {
        "name": "light",
        "summary": "A light",
        "states": Light,
        "initial": Light.OFF,
        "finals": frozenset(),
        "events": (PRESS,),
        "rows": rows,
    }
    return Table(**(parts | changes))


MALFORMED = {
    "source of another machine": (table(GOOD._replace(source=Door.SHUT)), "not a state of this machine"),
    "target of another machine": (table(GOOD._replace(target=Door.AJAR)), "not a state of this machine"),
    "expected state of another machine": (table(GOOD._replace(expect=(Door.AJAR,))), "not a state of this machine"),
    "event outside the alphabet": (table(GOOD._replace(event=KICK)), "not in the alphabet"),
    "same name, but another event": (table(GOOD._replace(event=Event("press", Kind.REQUEST))), "not in the alphabet"),
    "no reference": (table(GOOD._replace(ref=ref(""))), "needs a reference"),
    "the same row twice": (table(GOOD, GOOD), "always matches first"),
    "a row behind one without guards": (table(GOOD, GOOD._replace(guards=(when(WARM),))), "always matches first"),
    "a row behind one with fewer guards": (
        table(GOOD._replace(guards=(WARM,)), GOOD._replace(guards=(WARM, Guard("dry", 2, True)))),
        "always matches first",
    ),
    "two guards with one bit": (
        table(GOOD._replace(guards=(WARM,)), GOOD._replace(source=Light.ON, guards=(Guard("dry", 1, True),))),
        "conflicts",
    ),
    "one guard with two bits": (
        table(GOOD._replace(guards=(WARM,)), GOOD._replace(source=Light.ON, guards=(Guard("warm", 2, True),))),
        "conflicts",
    ),
    "a guard of several bits": (table(GOOD._replace(guards=(Guard("both", 3, True),))), "one bit"),
    "a guard without a bit": (table(GOOD._replace(guards=(Guard("never", 0, True),))), "one bit"),
    "a rule for an event outside the alphabet": (
        table(GOOD, outside={KICK: Outside("R", Level.MUST, WHERE)}),
        "not in the alphabet",
    ),
}


@pytest.mark.parametrize(("malformed", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_table(malformed: Table, message: str) -> None:
    """An invalid table raises an error with the machine and the reason."""
    with pytest.raises(TableError, match=f"light.*{message}"):
        Machine(malformed)


def test_table_error_is_a_value_error() -> None:
    """Programs that build tables can catch the error as a ValueError."""
    with pytest.raises(ValueError, match="press"):
        Machine(table(GOOD, GOOD))


def test_message_names_the_row() -> None:
    """The message contains the state and the event of the invalid row."""
    with pytest.raises(TableError, match="light: OFF on press"):
        Machine(table(GOOD._replace(ref=ref(""))))


def test_rows_are_tried_in_order() -> None:
    """The first row whose guards match is taken, and the one without guards if none does."""
    stays = GOOD._replace(target=Light.OFF)
    machine = Machine(table(stays._replace(guards=(when(WARM),)), GOOD))
    assert machine.may(Thing(1), PRESS, WARM.bit).target == 1 << Light.OFF
    assert machine.may(Thing(1), PRESS, 0).target == 1 << Light.ON


def test_opposite_guards() -> None:
    """A guard and its negation select different rows, and both have names."""
    rows = (GOOD._replace(guards=(when(WARM),)), GOOD._replace(target=Light.OFF, guards=(unless(WARM),)))
    machine = Machine(table(*rows))
    assert machine.may(Thing(1), PRESS, WARM.bit).row is rows[0]
    assert machine.may(Thing(1), PRESS, 0).row is rows[1]
    assert [str(row.guards[0]) for row in rows] == ["warm", "not warm"]


def test_nothing_outside_the_table() -> None:
    """An event without a matching row and without a declared meaning is refused without a rule."""
    move = Machine(table(GOOD)).may(Thing(1 << Light.ON), PRESS)
    assert (move.refused, move.legal, move.rule, move.ref) == (True, False, "", None)


def test_words_of_small_things() -> None:
    """Events, references and rows have readable names."""
    assert repr(PRESS) == "<Event press>"
    assert str(ref("1.1")) == "MS-TRP 1.1"
    assert str(ref("1.1", "hCall")) == "MS-TRP 1.1 (hCall)"
    assert GOOD.legal
    assert not GOOD._replace(rule="R").legal


@each_machine
def test_captions_tell_states_apart(machine: Machine) -> None:
    """The states of a machine have distinct names in diagrams."""
    names = [machine.table.caption(state) for state in machine.table.states]
    assert len(set(names)) == len(names)


@each_machine
def test_tables_are_whole(machine: Machine) -> None:
    """All states and events that a table refers to are its own."""
    table = machine.table
    states = set(table.states)
    for group in (
        {table.initial},
        table.finals,
        table.sinks,
        table.entries,
        table.opaque,
        table.labels,
        table.captions,
    ):
        assert {*group} <= states
    assert all(isinstance(state, table.states) for state in {*table.finals, table.initial})
    assert table.unproven <= set(table.events)
    assert len(set(table.events)) == len(table.events)
    assert table.summary
    assert table.name == machine.name


def test_machines_have_distinct_names() -> None:
    """The machines have distinct table names."""
    assert all(name == machine.table.name for name, machine in MACHINES.items())
