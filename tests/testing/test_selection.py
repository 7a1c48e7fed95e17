"""Least-covered selection and tours, on tables only."""

from __future__ import annotations

from enum import IntEnum
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm import MACHINES, Event, Machine
from fsm.engine.step import Step
from fsm.state.coverage import Coverage
from fsm.tables.call_reports import REPORTS
from fsm.tables.call_states import CallState
from mstrp.testing import LeastCovered, Option, Place, RowKey, tour
from mstrp.testing.selection import legal_rows

CALL = MACHINES["call"]


def walked(machine: Machine, steps: int, *, least: bool, seed: int = 0) -> Coverage:
    """Return the coverage of a walk over a table that takes a legal row at each step.

    With random choice, an instance is used until it has ended; with selection, a new one can start at any time.
    """
    name = machine.name
    coverage, choose = Coverage(), Random(seed).randrange
    decide = LeastCovered(coverage, choose, wanted=lambda key: key.machine == name)
    anew: Option[tuple[Event, IntEnum] | None] = Option(None, (), (Place(name, machine.table.initial),))
    state = machine.table.initial
    for _ in range(steps):
        options = [
            Option((event, after), (RowKey(name, state, event),), (Place(name, after),))
            for (source, event), targets in legal_rows(name).items()
            if source is state
            for after in targets
        ]
        if least:
            option = decide.next([*options, anew])
        else:
            option = anew if not options or state in machine.table.finals else options[choose(len(options))]
        if option.what is None:
            state = machine.table.initial
            continue
        event, after = option.what
        move = machine.cells[event][1 << state]
        coverage.step(Step(0, 0.0, "", machine, "", event, 1 << state, 1 << after, move))
        state = after
    return coverage


@pytest.mark.parametrize("name", [name for name in MACHINES if len(legal_rows(name)) > 10])
def test_least_covered_takes_more_rows_than_chance(name: str) -> None:
    """With the same number of steps, least-covered selection takes more rows than random choice, or as many."""
    machine = MACHINES[name]
    for steps in (50, 200, 800, 3_200):
        taken = [len(walked(machine, steps, least=least).cells[name]) for least in (True, False)]
        assert taken[0] >= taken[1]


def test_least_covered_takes_all_rows_of_the_call_several_times_earlier() -> None:
    """4,000 steps take all 2,500 pairs of state and event of calls; 16,000 random steps do not."""
    reachable = {(step.row.source, step.row.event) for walk in tour(CALL, lambda row: row.legal) for step in walk}
    assert reachable == set(legal_rows("call"))
    assert reachable <= set(walked(CALL, 4_000, least=True).cells["call"])
    assert len(reachable - set(walked(CALL, 16_000, least=False).cells["call"])) > 100


def test_a_new_row_comes_first() -> None:
    """The option with the most new rows is selected, regardless of where it leads."""
    coverage = Coverage()
    coverage.cells["call"][CallState.OFFERING, REPORTS[CallState.IDLE]] = 5
    old = Option("old", (RowKey("call", CallState.OFFERING, REPORTS[CallState.IDLE]),))
    new = Option("new", (RowKey("call", CallState.OFFERING, REPORTS[CallState.CONNECTED]),))
    assert LeastCovered(coverage).next([old, new]).what == "new"


def _all_taken_but(machine: str, *missing: tuple[CallState, object]) -> Coverage:
    coverage = Coverage()
    for cell in legal_rows(machine):
        if cell not in missing:
            coverage.cells[machine][cell] = 1
    return coverage


def test_the_way_to_a_new_row() -> None:
    """Without a new row, the option on the shortest path to a missing row is selected."""
    able = frozenset(REPORTS.values())
    wanted = (CallState.ONHOLDPENDTRANSFER, REPORTS[CallState.CONNECTED])
    decide = LeastCovered(_all_taken_but("call", wanted))
    options = [
        Option(state, (RowKey("call", CallState.OFFERING, REPORTS[state]),), (Place("call", state, able),))
        for state in (CallState.IDLE, CallState.ACCEPTED, CallState.DISCONNECTED, CallState.CONNECTED)
    ]
    # One row from CONNECTED, two from ACCEPTED; no row leads there from IDLE and DISCONNECTED.
    assert decide.next(options).what is CallState.CONNECTED


def test_what_cannot_be_done_does_not_attract() -> None:
    """A row whose event cannot be caused does not attract."""
    wanted = (CallState.ONHOLDPENDTRANSFER, REPORTS[CallState.UNKNOWN])
    able = frozenset(REPORTS.values()) - {REPORTS[CallState.UNKNOWN]}
    decide = LeastCovered(_all_taken_but("call", wanted))
    there = Option("there", (RowKey("call", CallState.CONNECTED, REPORTS[CallState.ONHOLDPENDTRANSFER]),),
                   (Place("call", CallState.ONHOLDPENDTRANSFER, able),))  # fmt: skip
    rare = Option("rare", (RowKey("call", CallState.CONNECTED, REPORTS[CallState.IDLE]),),
                  (Place("call", CallState.IDLE, able),))  # fmt: skip
    decide.coverage.cells["call"][there.takes[0][1:]] = 7
    assert decide.next([there, rare]).what == "rare"


def test_what_cannot_be_taken_is_given_up() -> None:
    """A row that is never offered in its state is given up after the given number of attempts."""
    wanted = (CallState.ONHOLDPENDTRANSFER, REPORTS[CallState.UNKNOWN])
    decide = LeastCovered(_all_taken_but("call", wanted), attempts=3)
    there = Option("there", (RowKey("call", CallState.CONNECTED, REPORTS[CallState.ONHOLDPENDTRANSFER]),))
    rare = Option("rare", (RowKey("call", CallState.CONNECTED, REPORTS[CallState.IDLE]),))
    decide.coverage.cells["call"][there.takes[0][1:]] = 7
    chosen = [decide.next([there, rare]).what for _ in range(6)]
    assert chosen == ["there"] * 3 + ["rare"] * 3


def test_requests_count_as_well() -> None:
    """Options may contain names of requests: one that was never sent is preferred."""
    coverage = Coverage()
    coverage.requests["line.Answer"] = 1
    options = [Option(name, (name,)) for name in ("line.Answer", "line.Park")]
    assert LeastCovered(coverage).next(options).what == "line.Park"


def test_without_options() -> None:
    """An empty list of options is an error."""
    with pytest.raises(ValueError, match="no options to choose from"):
        LeastCovered(Coverage()).next([])


@given(st.sampled_from(sorted(MACHINES)))
def test_a_tour_hangs_together(name: str) -> None:
    """Each row of a tour starts in the state in which the previous one ended."""
    for walk in tour(MACHINES[name]):
        state = MACHINES[name].table.initial
        for step in walk:
            assert step.row.source is state
            state = step.after
