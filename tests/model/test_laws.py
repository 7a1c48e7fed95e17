"""Laws that every table satisfies, independent of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from grid import each_machine
from test_tables import GOOD, KICK, PRESS, Light, table

from fsm import Level, Machine, TableError
from fsm.engine.row import Kind
from fsm.tables.joint import JOINT

if TYPE_CHECKING:
    from fsm import Event

#: Agents and their sessions have no release request: they may be reported again after their end (G3).
RETURNING = {"agent", "agent-session"}
#: Rules that are information, not warnings.
INFORMATION = {"CALL-ORDER-O08"}


def sent_by_joints(machine: Machine) -> set[Event]:
    """Return the events that a machine receives by joint rows."""
    return {joint.event for joint in JOINT if joint.dependent is machine.table}


@each_machine
def test_levels(machine: Machine) -> None:
    """Legal rows are not suspicious; reported rows are forbidden, suspicious or information."""
    for row in machine.table.rows:
        if row.legal:
            assert row.level is not Level.SUSPICIOUS, row
        elif row.rule in INFORMATION:
            assert row.level is Level.TYPICAL
        else:
            assert row.level in {Level.MUST, Level.SUSPICIOUS}, row


@each_machine
def test_intentions_are_total(machine: Machine) -> None:
    """For each request there is a row in every state, or the table defines the meaning of a missing one."""
    for event in machine.table.unproven - set(machine.table.outside):
        assert all(machine.cell(state, event) for state in machine.table.states), event.name


@each_machine
def test_other_machines_are_heard(machine: Machine) -> None:
    """Each event of a joint row has a row in every state of an existing instance, and is never forbidden."""
    for event in sent_by_joints(machine):
        for state in machine.table.states:
            rows = machine.cell(state, event)
            assert rows or state is machine.table.initial, (state.name, event.name)
            assert all(row.legal or row.rule for row in rows)


@each_machine
def test_the_end_is_the_end(machine: Machine) -> None:
    """No row leads from a final state."""
    finals = machine.table.finals
    if machine.name not in RETURNING:
        assert all(row.target in finals for row in machine.table.rows if row.source in finals)


@each_machine
def test_what_is_over_stays_so(machine: Machine) -> None:
    """The end of an instance does not affect dependents that have already ended."""
    for row in machine.table.rows:
        if row.event in sent_by_joints(machine) and row.source in machine.table.finals:
            assert row.target is row.source


@each_machine
def test_what_ends_is_over(machine: Machine) -> None:
    """The end of an instance ends its open dependents, except conferences and pending responses."""
    for row in machine.table.rows:
        if row.event in sent_by_joints(machine) and row.source is not machine.table.initial:
            if machine.name == "request":
                assert row.target is row.source or row.target in machine.table.finals
            elif machine.name != "conference":
                assert row.target in machine.table.finals, row


@each_machine
def test_reports_of_requests(machine: Machine) -> None:
    """Sending a request changes no state."""
    for row in machine.table.rows:
        if row.event in machine.table.unproven:
            assert row.target is row.source
            assert row.event.kind is Kind.REQUEST


def test_intention_that_leads_somewhere() -> None:
    """A row for an event of intent that leads to another state is invalid."""
    with pytest.raises(TableError, match="light: OFF on press: an event of intent must not change the state"):
        Machine(table(GOOD, unproven=frozenset({PRESS})))
    kept = GOOD._replace(target=Light.OFF)
    assert Machine(table(kept, events=(PRESS, KICK), unproven=frozenset({PRESS}))).cell(Light.OFF, PRESS) == (kept,)
