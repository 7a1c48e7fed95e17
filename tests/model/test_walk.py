"""The compiled index and `transitions` execute the same tables and must agree at each step."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from grid import Thing, combined, each_machine, guard_bits, states_of
from hypothesis import given
from hypothesis import strategies as st
from transitions import MachineError

from fsm import MACHINES, to_transitions
from fsm.engine.interop import condition_name, state_name, trigger_name

if TYPE_CHECKING:
    from enum import IntEnum

    from fsm import Event, Machine, Move

#: The choices at each step: an event, whether it must have a row, guards, and one of the next states.
CHOICES = st.lists(
    st.tuples(st.integers(0, 4095), st.booleans(), st.integers(0, 0x1FFF), st.integers(0, 15)), min_size=1, max_size=40
)


@cache
def exported(name: str, *, strict: bool) -> Any:
    """Return the machine of `transitions`, created once, because the tables are large."""
    return to_transitions(MACHINES[name].table, strict=strict)


def put(other: Any, machine: Machine, state: IntEnum, flags: int) -> None:
    """Force the other machine into a state, with guards."""
    other.set_state(state_name(state))
    for guard in machine.guards.values():
        setattr(other.model, condition_name(guard), bool(flags & guard.bit))


def pull(other: Any, event: Event) -> str | None:
    """Send an event to the other machine; return its new state, or None if no row matches."""
    if trigger_name(event) not in other.events:
        return None
    try:
        return other.model.state if other.model.trigger(trigger_name(event)) else None
    except MachineError:
        return None


def agreed(machine: Machine, state: IntEnum, event: Event, flags: int) -> Move:
    """Take a step in both from the same state; return the result of the compiled index."""
    lenient = exported(machine.name, strict=False)
    put(lenient, machine, state, flags)
    reached = pull(lenient, event)
    thing = Thing(1 << state)
    move = machine.advance(thing, event, flags)
    if move.refused:
        assert reached is None, "transitions accepts an event that the index refuses"
        assert thing.mask == 1 << state
    else:
        assert reached == state_name(move.row.target), "the two machines are in different states"
        if event in machine.table.unproven and move.legal:
            assert thing.mask == 1 << state, "an event of intent changes nothing by itself"
        else:
            assert thing.mask == 1 << move.row.target | sum(1 << other for other in move.row.expect)
    return move


@each_machine
@given(choices=CHOICES)
def test_both_executors_agree(machine: Machine, choices: list[tuple[int, bool, int, int]]) -> None:
    """On any walk, `transitions` reaches the targets that the index reached, and refuses what it refused."""
    state = machine.table.initial
    for number, known, flags, following in choices:
        events = [event for event in machine.table.events if not known or machine.cell(state, event)]
        if not events:
            break
        move = agreed(machine, state, events[number % len(events)], flags)
        possible = states_of(machine, move.target)
        state = possible[following % len(possible)]


@each_machine
@given(choices=CHOICES)
def test_strict_export_takes_what_is_legal(machine: Machine, choices: list[tuple[int, bool, int, int]]) -> None:
    """The strict export accepts an event exactly if it causes no finding, for all guards."""
    strict = exported(machine.name, strict=True)
    states = list(machine.table.states)
    for number, known, flags, chosen in choices:
        state = states[chosen % len(states)]
        events = [event for event in machine.table.events if not known or machine.cell(state, event)]
        if events:
            event = events[number % len(events)]
            put(strict, machine, state, flags)
            assert (pull(strict, event) is not None) is machine.may(Thing(1 << state), event, flags).legal


@each_machine
def test_strict_export_in_guarded_cells(machine: Machine) -> None:
    """For every pair of state and event with guarded rows, the strict export and the index agree for all guards."""
    strict = exported(machine.name, strict=True)
    for state in machine.table.states:
        for event in machine.table.events:
            rows = machine.cell(state, event)
            if len({row.legal for row in rows}) < 2:
                continue
            for flags in combined(guard_bits(rows)):
                put(strict, machine, state, flags)
                legal = machine.may(Thing(1 << state), event, flags).legal
                assert (pull(strict, event) is not None) is legal, (state.name, event.name, hex(flags))


@each_machine
def test_names_for_transitions(machine: Machine) -> None:
    """No two events, states or guards of a machine have the same exported name."""
    table = machine.table
    for names in (
        [trigger_name(event) for event in table.events],
        [state_name(state) for state in table.states],
        [condition_name(guard) for guard in machine.guards.values()],
    ):
        assert len(set(names)) == len(names)
        assert all(name.isidentifier() for name in names)
