"""Laws of steps on sets of states: conclusions from incomplete information."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from grid import Thing, bits_of, each_machine, outcome
from hypothesis import given
from hypothesis import strategies as st

from fsm import MACHINES, Event, Level, Machine, Row, Table
from fsm.engine.machine import Cell
from fsm.engine.row import Kind, ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


class Case(NamedTuple):
    """An event in a set of states, with guards."""

    machine: Machine
    mask: int
    event: Event
    flags: int

    def single(self, state: int) -> int:
        """Return the result of the same event in a single state."""
        thing = Thing(state)
        self.machine.advance(thing, self.event, self.flags)
        return thing.mask

    def explains(self, state: int) -> bool:
        """Return whether the event is legal in a single state."""
        return self.machine.may(Thing(state), self.event, self.flags).legal


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Generate any machine, set of states, event and guards; small sets more often than large ones."""
    machine = draw(st.sampled_from(list(MACHINES.values())))
    states = list(machine.table.states)
    some = draw(st.one_of(st.sets(st.sampled_from(states), min_size=1, max_size=4), st.sets(st.sampled_from(states))))
    event = draw(st.sampled_from(machine.table.events))
    mask = sum(1 << state for state in some) or machine.all
    return Case(machine, mask, event, draw(st.integers(0, 0x3FFF)))


def after(case: Case) -> int:
    """The set after the event."""
    return case.single(case.mask)


@given(cases())
def test_what_one_state_explains_is_legal(case: Case) -> None:
    """The event is legal in a set exactly if it is legal in some state of the set."""
    legal = any(case.explains(state) for state in bits_of(case.mask))
    assert case.explains(case.mask) is legal


@given(cases(), st.integers(0))
def test_knowing_less_never_accuses(case: Case, more: int) -> None:
    """An event that is legal in a set stays legal in a larger set."""
    wider = case.mask | (more & case.machine.all)
    if case.explains(case.mask):
        assert case.explains(wider)


@given(cases())
def test_nothing_comes_from_nowhere(case: Case) -> None:
    """Each possible state after an accepted event is a target from some state of the set."""
    thing = Thing(case.mask)
    move = case.machine.advance(thing, case.event, case.flags)
    union = 0
    for state in bits_of(case.mask):
        union |= case.single(state)
    if not move.refused:
        assert thing.mask & ~union == 0


@given(cases())
def test_effects_are_not_lost(case: Case) -> None:
    """Every state in which the event is legal and has an effect contributes all its targets."""
    for state in bits_of(case.mask):
        if case.explains(state) and case.single(state) != state:
            assert case.single(state) & ~after(case) == 0


@given(cases())
def test_legal_events_rule_out_the_rest(case: Case) -> None:
    """If the event is legal in some state, states in which it is not are ruled out; an event of intent rules out none."""
    if not case.explains(case.mask):
        return
    if case.event in case.machine.table.unproven:
        assert after(case) == case.mask
        return
    explained = 0
    for state in bits_of(case.mask):
        if case.explains(state):
            explained |= case.single(state)
    assert after(case) & ~explained == 0


@given(cases())
def test_tolerance_alone_keeps_what_tolerates(case: Case) -> None:
    """If the event has no effect in any state, all states in which it is legal remain possible."""
    legal = [state for state in bits_of(case.mask) if case.explains(state)]
    if legal and all(case.single(state) == state for state in legal):
        assert sum(legal) & ~after(case) == 0


@given(cases())
def test_intentions_prove_nothing(case: Case) -> None:
    """An event that proves nothing leaves every set unchanged, whatever is reported."""
    if case.event in case.machine.table.unproven:
        assert after(case) == case.mask


@each_machine
def test_intentions_prove_nothing_in_pairs(machine: Machine) -> None:
    """An event that proves nothing leaves all sets of two states unchanged."""
    for event in machine.table.unproven:
        for pair in combinations(machine.table.states, 2):
            mask = sum(1 << state for state in pair)
            thing = Thing(mask)
            machine.advance(thing, event)
            assert thing.mask == mask, (event.name, pair)


@given(cases())
def test_refused_events_change_nothing(case: Case) -> None:
    """An event without a matching row leaves the set unchanged and is not legal."""
    thing = Thing(case.mask)
    move = case.machine.advance(thing, case.event, case.flags)
    if move.refused:
        assert thing.mask == case.mask
        assert not move
        assert move.row is None
        assert move.expect == 0


@given(cases())
def test_sets_are_never_empty(case: Case) -> None:
    """A step leads to at least one state of the machine, and sets no other bit."""
    assert after(case)
    assert after(case) & ~case.machine.all == 0


@given(cases())
def test_reports_come_from_the_worst_that_is_needed(case: Case) -> None:
    """If no state makes the event legal, a forbidden row is reported only if no state makes it suspicious."""
    move = case.machine.may(Thing(case.mask), case.event, case.flags)
    if move.legal or move.refused or move.level is not Level.MUST:
        return
    for state in bits_of(case.mask):
        alone = case.machine.may(Thing(state), case.event, case.flags)
        assert not alone.legal
        assert alone.refused or alone.level is Level.MUST


@given(cases())
def test_looking_changes_nothing(case: Case) -> None:
    """`move` and `may` return the result of `step`, and leave the instance unchanged."""
    thing = Thing(case.mask)
    seen = case.machine.may(thing, case.event, case.flags)
    assert case.machine.may(thing, case.event, case.flags) is seen
    assert thing.mask == case.mask
    assert case.machine.advance(thing, case.event, case.flags) is seen
    assert thing.mask == seen.target


@given(cases(), st.integers(0, 0xFFFF_FFFF))
def test_only_relevant_guards_count(case: Case, noise: int) -> None:
    """Guard bits that no row for the state and event tests have no effect."""
    machine = case.machine
    relevant = machine.cells[case.event][case.mask].relevant
    first = machine.may(Thing(case.mask), case.event, case.flags)
    other = machine.may(Thing(case.mask), case.event, (case.flags & relevant) | (noise & ~relevant))
    assert first is other


#: Separate machines for the lookup test: Hypothesis determines the order in which their caches are filled.
FRESH = {name: Machine(machine.table) for name, machine in MACHINES.items()}


@given(st.lists(cases(), min_size=1, max_size=8))
def test_earlier_look_ups_do_not_matter(chosen: list[Case]) -> None:
    """The moves of a machine do not depend on earlier lookups and their order."""
    for case in reversed(chosen):
        FRESH[case.machine.name].may(Thing(case.mask), case.event, case.flags)
    for case in chosen:
        fresh = FRESH[case.machine.name].may(Thing(case.mask), case.event, case.flags)
        assert outcome(fresh) == outcome(case.machine.may(Thing(case.mask), case.event, case.flags))
        unkept = case.machine.compute(case.event, case.mask)
        unkept = unkept.variants[case.flags & unkept.relevant] if unkept.relevant else unkept
        assert outcome(fresh) == outcome(unkept)


@given(cases())
def test_allowed_lists_what_is_legal(case: Case) -> None:
    """`allowed` lists exactly the events that a step in the set would not report."""
    listed = case.machine.allowed(case.mask, case.flags)
    thing = Thing(case.mask)
    assert listed == [event for event in case.machine.table.events if case.machine.may(thing, event, case.flags)]


@given(cases(), st.sampled_from(list(Level)))
def test_allowing_lists_states(case: Case, level: Level) -> None:
    """`allowing` lists exactly the states in which an event is legal at the given level."""
    machine = case.machine
    for _ in range(2):
        found = machine.allowing(case.event, case.flags, level)
        expected = []
        for state in machine.table.states:
            move = machine.may(Thing(1 << state), case.event, case.flags)
            if move.legal and move.level <= level:
                expected.append(machine.table.label(state))
        assert list(found) == expected


@given(cases())
def test_source_is_proof(case: Case) -> None:
    """The source state of a move is the only one of the set in which the event is possible."""
    move = case.machine.may(Thing(case.mask), case.event, case.flags)
    sources = {row.source for row in move.rows}
    assert (move.source is None) is (len(sources) != 1)
    assert move.source is None or sources == {move.source}
    assert all(case.mask >> source & 1 for source in sources)


def distinct(machine: Machine, many: int) -> Iterator[int]:
    """Return more sets of states than the limit."""
    return (number % machine.all + 1 for number in range(many))


def test_memory_of_cells_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell caches no more sets than its limit, and computes the others correctly."""
    monkeypatch.setattr(Cell, "LIMIT", 100)
    machine = Machine(MACHINES["call"].table)
    event = machine.table.events[0]
    for mask in distinct(machine, 1000):
        machine.may(Thing(mask), event)
    assert len(machine.cells[event]) == 100
    for mask in distinct(machine, 1000):
        kept = MACHINES["call"].compute(event, mask)
        assert outcome(machine.cells[event][mask]) == outcome(kept)
    assert len(machine.cells[event]) == 100


def test_limit_of_cells_is_modest() -> None:
    """The default limit keeps the cache of the largest machine within a few hundred thousand moves."""
    assert 1000 <= Cell.LIMIT <= 1 << 16


def test_doubtful_precondition_is_odd() -> None:
    """If one state forbids an event and another has no row for it, the event is suspicious, not forbidden."""
    machine = MACHINES["call"]
    for event, outside in machine.table.outside.items():
        for state in machine.table.states:
            for other in machine.table.states:
                move = machine.may(Thing(1 << state | 1 << other), event)
                if not move.legal and not all(machine.cell(one, event) for one in (state, other)):
                    assert (move.rule, move.level) == (outside.rule, outside.level)


def test_moves_for_people() -> None:
    """A move is true if legal, and its repr shows whether it is legal, reported or refused."""
    machine = MACHINES["request"]
    kinds = set()
    for event in machine.table.events:
        for state in machine.table.states:
            move = machine.may(Thing(1 << state), event)
            assert bool(move) is move.legal
            kinds.add(repr(move).split()[1])
    assert kinds == {"legal", "reported", "refused"}


def test_words_for_sets() -> None:
    """A small set of states is spelled out, a large one is counted."""
    machine = MACHINES["call"]
    states = machine.table.states
    assert machine.words(1 << states.IDLE | 1 << states.CONNECTED) == "idle or connected"
    assert machine.words(machine.all) == f"any of {len(states)} states"
    thing = Thing(1 << states.ONHOLD)
    assert machine.names(thing.mask) == ("onHold",)


def test_rows_are_the_table() -> None:
    """A machine returns its rows in the order of the table, and those of a state and event in the order of matching."""
    for machine in MACHINES.values():
        assert tuple(machine.table.rows) == machine.table.rows
        cells = [machine.cell(state, event) for state in machine.table.states for event in machine.table.events]
        assert sum(map(len, cells)) == len(machine.table.rows)


def test_expected_states_join_the_set() -> None:
    """The expected states of a row are added to its target: each is possible from then on."""
    states = MACHINES["version"].table.states
    event = Event("may", Kind.ANSWER)
    first, second, third = tuple(states)[:3]
    rows = (Row(first, event, second, Level.STATED, ref("1"), expect=(third,)),)
    table = Table(
        name="t", summary="", states=states, initial=first, finals=frozenset({third}), events=(event,), rows=rows
    )
    machine = Machine(table)
    thing = Thing(machine.start)
    move = machine.advance(thing, event)
    assert thing.mask == 1 << second | 1 << third
    assert move.expect == 1 << third
