"""Directed conversations are legal for any choice, and cover far more with least-covered selection than at random."""

from __future__ import annotations

from itertools import islice
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from fsm import MACHINES
from fsm.engine.levels import Verdict
from fsm.state.coverage import Coverage
from mstrp.testing import Director, covering_walk
from mstrp.testing.coverage import coverage_of
from mstrp.testing.director import directed
from mstrp.testing.selection import legal_rows
from mstrp.testing.tours import tours, untouched


def rows(coverage: Coverage) -> int:
    """Return the number of legal rows taken, over all machines."""
    return sum(len(set(coverage.cells[name]) & set(legal_rows(name))) for name in MACHINES)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_whatever_is_chosen_is_legal(seed: int, steps: int) -> None:
    """Random selection among the options never causes a finding, and every conversation can be completed."""
    director, choose = Director(), Random(seed).randrange
    while len(director.play.steps) < steps:
        options = director.options()
        director.take(options[choose(len(options))])
    director.finish()
    found = [str(each) for each in director.monitor.findings if each.verdict is not Verdict.INFO]
    assert found == []


def test_least_covered_beats_chance() -> None:
    """1,000 steps of least-covered selection take more than twice the rows of 4,000 random steps."""
    least, chance = Coverage(), Coverage()
    covering_walk(1_000, Random(1).randrange, least)
    directed(4_000, Random(1).randrange, chance)
    assert rows(least) > 2 * rows(chance)


def test_options_take_what_they_say() -> None:
    """Nearly every row that an option promises is taken when it is selected."""
    director, choose = Director(), Random(3).randrange
    kept = broken = 0
    while len(director.play.steps) < 1_500:
        options = director.options()
        option = options[choose(len(options))]
        before = [director.coverage.cells[key[0]][key[1:]] for key in option.takes if isinstance(key, tuple)]
        director.take(option)
        after = [director.coverage.cells[key[0]][key[1:]] for key in option.takes if isinstance(key, tuple)]
        kept += sum(new > old for old, new in zip(before, after, strict=True))
        broken += sum(new == old for old, new in zip(before, after, strict=True))
    assert broken < 0.05 * kept


def test_the_play_says_it_all() -> None:
    """A conversation written by a director takes the same rows when performed again."""
    coverage = Coverage()
    play = covering_walk(300, Random(2).randrange, coverage)
    assert coverage_of(play.order()).cells == coverage.cells


def test_tours_take_machine_after_machine() -> None:
    """The first tours take every row of bindings that legal traffic can take, reproducibly."""
    first = list(islice(tours(), 6))
    assert list(map(repr, first)) == list(map(repr, islice(tours(), 6)))
    coverage = Coverage()
    for play in first:
        coverage_of(play.order(), coverage)
    assert len(untouched(coverage, "binding")) < len(untouched(Coverage(), "binding")) / 2 + 3
