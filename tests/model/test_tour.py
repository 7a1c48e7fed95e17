"""Generated walks over every row, and every step that the tables do not allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from grid import Thing, cells, each_machine, states_of

from fsm import Level, LocalProtocolError, RemoteProtocolError
from mstrp.testing.tour import tour

if TYPE_CHECKING:
    from fsm import Event, Machine


@each_machine
def test_every_row_is_met(machine: Machine) -> None:
    """Walks from the initial state take every row: none is dead or starts in an unreachable state."""
    met = set()
    for walk in tour(machine):
        thing = Thing(machine.start)
        for row, flags, after in walk:
            assert thing.mask == 1 << row.source
            thing.flags = 0  # The step has all bits that the row tests.
            move = machine.advance(thing, row.event, flags)
            assert move.row is row
            assert thing.mask >> after & 1, "the next state is one of the expected states"
            thing.mask = 1 << after
            met.add(id(row))
    missed = [f"{row.source.name}: {row.event.name}" for row in machine.table.rows if id(row) not in met]
    assert not missed


@each_machine
def test_illegal_steps_change_nothing(machine: Machine) -> None:
    """An event with a violation or without a row raises if it is the program's own, and changes nothing."""
    for state, event, flags in cells(machine):
        thing = Thing(1 << state)
        if machine.may(thing, event, flags).legal:
            continue
        with pytest.raises(LocalProtocolError):
            machine.apply(thing, event, flags)
        assert thing.mask == 1 << state


@each_machine
def test_legal_steps_are_taken(machine: Machine) -> None:
    """A legal event is accepted as an own step and as a step of the peer, with the same effect as in the monitor."""
    for state, event, flags in cells(machine):
        watched = Thing(1 << state)
        if not machine.advance(watched, event, flags).legal:
            continue
        for local in (True, False):
            thing = Thing(1 << state)
            machine.apply(thing, event, flags, local=local)
            assert thing.mask == watched.mask


@each_machine
def test_suspicious_steps_of_the_peer(machine: Machine) -> None:
    """A suspicious step of the peer is accepted, as in a monitor; a violation raises."""
    for state, event, flags in cells(machine):
        thing, watched = Thing(1 << state), Thing(1 << state)
        move = machine.advance(watched, event, flags)
        if move.legal:
            continue
        if move.level is Level.SUSPICIOUS:
            assert machine.apply(thing, event, flags, local=False) is move
            assert thing.mask == watched.mask
        else:
            with pytest.raises(RemoteProtocolError):
                machine.apply(thing, event, flags, local=False)
            assert thing.mask == 1 << state


@each_machine
def test_what_errors_say(machine: Machine) -> None:
    """An error contains the event, the state, the rule and its section, in its attributes and its text."""
    for state, event, flags in cells(machine):
        thing = Thing(1 << state)
        move = machine.may(thing, event, flags)
        if move.legal:
            continue
        with pytest.raises(LocalProtocolError) as caught:
            machine.apply(thing, event, flags)
        error, text = caught.value, str(caught.value)
        assert (error.machine, error.instance) == (machine.name, "thing")
        assert error.state == (machine.table.label(state),)
        assert error.event == event.name
        if move.row is not None:
            assert (error.rule, error.reference) == (move.row.rule, move.row.ref)
        for said in (machine.name, "thing", event.name, error.state[0], error.rule, *error.allowed):
            assert said in text
        assert error.reference is None or error.reference.section in text


@each_machine
def test_what_errors_allow(machine: Machine) -> None:
    """The allowed events of an error are exactly the legal ones of the same kind."""
    by_kind: dict[str, list[Event]] = {}
    for event in machine.table.events:
        by_kind.setdefault(event.kind, []).append(event)
    for state in machine.table.states:
        for events in by_kind.values():
            taken, refused = set(), []
            for event in events:
                try:
                    machine.apply(Thing(1 << state), event)
                    taken.add(event.name)
                except LocalProtocolError as error:
                    refused.append(error)
            assert all(set(error.allowed) == taken for error in refused)


@each_machine
def test_names_of_instances(machine: Machine) -> None:
    """Without a name, an error shows the instance; states are spelled as in reports."""
    for state in machine.table.states:
        labels = tuple(machine.table.label(other) for other in states_of(machine, 1 << state))
        assert machine.names(1 << state) == labels
        for event in machine.table.events:
            thing = Thing(1 << state)
            if not machine.may(thing, event):
                with pytest.raises(LocalProtocolError, match="thing"):
                    machine.apply(thing, event)
                break
