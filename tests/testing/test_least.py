"""The decision to do what was done least, and tours: on the tables alone."""

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
from mstrp.testing.least import legal_rows

CALL = MACHINES["call"]


def walked(machine: Machine, steps: int, *, least: bool, seed: int = 0) -> Coverage:
    """The coverage of a walk over a table: at each step one of the legal rows.

    Chance goes on until an instance has ended; who decides may begin with a new one at any time.
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
    """From the same number of steps a walk that takes what was taken least has more rows, and never fewer."""
    machine = MACHINES[name]
    for steps in (50, 200, 800, 3_200):
        taken = [len(walked(machine, steps, least=least).cells[name]) for least in (True, False)]
        assert taken[0] >= taken[1]


def test_least_covered_takes_all_rows_of_the_call_several_times_earlier() -> None:
    """All 2,500 cells of the call take 4,000 steps; chance has not taken them after four times as many."""
    reachable = {(way.row.source, way.row.event) for walk in tour(CALL, lambda row: row.legal) for way in walk}
    assert reachable == set(legal_rows("call"))
    assert reachable <= set(walked(CALL, 4_000, least=True).cells["call"])
    assert len(reachable - set(walked(CALL, 16_000, least=False).cells["call"])) > 100


def test_a_new_row_comes_first() -> None:
    """Among options the one with most new rows is taken; its weight is what it takes, not where it leads."""
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
    """Where no option is new, the one is taken that leads toward what is missing, several rows ahead."""
    able = frozenset(REPORTS.values())
    wanted = (CallState.ONHOLDPENDTRANSFER, REPORTS[CallState.CONNECTED])
    decide = LeastCovered(_all_taken_but("call", wanted))
    options = [
        Option(state, (RowKey("call", CallState.OFFERING, REPORTS[state]),), (Place("call", state, able),))
        for state in (CallState.IDLE, CallState.ACCEPTED, CallState.DISCONNECTED, CallState.CONNECTED)
    ]
    # From CONNECTED it is one row, from ACCEPTED two; from IDLE and DISCONNECTED no row leads there.
    assert decide.next(options).what is CallState.CONNECTED


def test_what_cannot_be_done_does_not_attract() -> None:
    """A row whose event cannot be caused is no reason to go to its state."""
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
    """A row that is never offered although its state is there attracts only so often."""
    wanted = (CallState.ONHOLDPENDTRANSFER, REPORTS[CallState.UNKNOWN])
    decide = LeastCovered(_all_taken_but("call", wanted), patience=3)
    there = Option("there", (RowKey("call", CallState.CONNECTED, REPORTS[CallState.ONHOLDPENDTRANSFER]),))
    rare = Option("rare", (RowKey("call", CallState.CONNECTED, REPORTS[CallState.IDLE]),))
    decide.coverage.cells["call"][there.takes[0][1:]] = 7
    chosen = [decide.next([there, rare]).what for _ in range(6)]
    assert chosen == ["there"] * 3 + ["rare"] * 3


def test_requests_count_as_well() -> None:
    """Options may carry the names of requests: one that was never made comes first."""
    coverage = Coverage()
    coverage.requests["line.Answer"] = 1
    options = [Option(name, (name,)) for name in ("line.Answer", "line.Park")]
    assert LeastCovered(coverage).next(options).what == "line.Park"


def test_without_options() -> None:
    """Where nothing can be done there is nothing to choose."""
    with pytest.raises(ValueError, match="nothing to choose from"):
        LeastCovered(Coverage()).next([])


@given(st.sampled_from(sorted(MACHINES)))
def test_a_tour_hangs_together(name: str) -> None:
    """Each row of a tour begins where the one before ended."""
    for walk in tour(MACHINES[name]):
        state = MACHINES[name].table.initial
        for way in walk:
            assert way.row.source is state
            state = way.after
