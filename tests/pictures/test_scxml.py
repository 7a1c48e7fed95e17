"""SCXML in an independent implementation: python-statemachine executes it with the same results."""

from __future__ import annotations

from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statemachine.io import load

from fsm import MACHINES, Machine
from fsm.diagram.scxml import SCXML, scxml
from fsm.engine.interop import condition_name, state_name, trigger_name
from fsm.engine.row import Event

each_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=list(MACHINES))

WALKS = st.lists(
    st.tuples(st.integers(0, 4095), st.booleans(), st.integers(0, 0x1FFF), st.integers(0, 7)), min_size=1, max_size=30
)


@cache
def loaded(name: str) -> Any:
    """Return the class that python-statemachine creates from the document, once, because the table of calls is large."""
    return load(scxml(MACHINES[name].table), format="scxml")


class _Thing:
    def __init__(self, mask: int) -> None:
        self.mask = mask
        self.flags = 0


def moved(machine: Machine, state: Any, event: Event, flags: int) -> Any:
    """Return the target of the compiled index from one state."""
    thing: Any = _Thing(1 << state)
    move = machine.advance(thing, event, flags)
    if move.refused or (event in machine.table.unproven and move.legal):
        return state
    assert move.row is not None
    return move.row.target


@each_machine
@settings(max_examples=25)
@given(walk=WALKS)
def test_both_walk_the_same_way(machine: Machine, walk: list[tuple[int, bool, int, int]]) -> None:
    """On any walk, with any guards, python-statemachine and the compiled index are in the same state."""
    other = loaded(machine.name)()
    state = machine.table.initial
    assert [each.id for each in other.configuration] == [state_name(state)]
    for number, known, flags, _ in walk:
        events = [event for event in machine.table.events if not known or machine.cell(state, event)]
        if not events:
            break
        event = events[number % len(events)]
        for guard in machine.guards.values():
            setattr(other.model, condition_name(guard), bool(flags & guard.bit))
        other.send(trigger_name(event))
        state = moved(machine, state, event, flags)
        assert [each.id for each in other.configuration] == [state_name(state)]


@each_machine
def test_every_row_is_a_transition(machine: Machine) -> None:
    """The document has the states and rows of the table, in its order, with level and section."""
    table = machine.table
    root = ET.fromstring(scxml(table))
    states = root.findall(f"{{{SCXML}}}state")
    assert [state.get("id") for state in states] == [state_name(state) for state in table.states]
    found = [
        (state.get("id"), move.get("event"), move.get("{urn:mstrp:table}level"), move.get("{urn:mstrp:table}section"))
        for state in states
        for move in state.findall(f"{{{SCXML}}}transition")
    ]
    ordered = sorted(table.rows, key=lambda row: list(table.states).index(row.source))
    assert found == [(row.source.name, trigger_name(row.event), row.level.name, row.ref.section) for row in ordered]


@each_machine
def test_event_names_stay_apart(machine: Machine) -> None:
    """The events and guards of a table have distinct names in SCXML that need no quoting."""
    events = [trigger_name(event) for event in machine.table.events]
    guards = [condition_name(guard) for guard in machine.guards.values()]
    assert len(set(events)) == len(events)
    assert len(set(guards)) == len(guards)
    assert all(name.isidentifier() for name in (*events, *guards))
