"""Directed conversations: legal whatever is chosen, and with least-covered choice far richer than by chance."""

from __future__ import annotations

from itertools import islice
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from fsm import MACHINES
from fsm.engine.levels import Verdict
from fsm.state.coverage import Coverage
from mstrp.testing import Director, covering_walk
from mstrp.testing.director import directed
from mstrp.testing.least import legal_rows
from mstrp.testing.seen import coverage_of
from mstrp.testing.tours import tours, untouched


def rows(coverage: Coverage) -> int:
    """How many legal rows were taken, of all machines."""
    return sum(len(set(coverage.cells[name]) & set(legal_rows(name))) for name in MACHINES)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_whatever_is_chosen_is_legal(seed: int, steps: int) -> None:
    """Chance among the options of a director never makes a finding, and everything can be brought to its end."""
    director, choose = Director(), Random(seed).randrange
    while len(director.play.steps) < steps:
        options = director.options()
        director.take(options[choose(len(options))])
    director.finish()
    found = [str(each) for each in director.monitor.findings if each.verdict is not Verdict.INFO]
    assert found == []


def test_least_covered_beats_chance() -> None:
    """A thousand steps of least-covered choice take more than twice the rows that chance has after four thousand."""
    least, chance = Coverage(), Coverage()
    covering_walk(1_000, Random(1).randrange, least)
    directed(4_000, Random(1).randrange, chance)
    assert rows(least) > 2 * rows(chance)


def test_options_take_what_they_say() -> None:
    """Nearly every row that an option promises is taken when it is chosen."""
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
    """What a director wrote, performed once more, takes the same rows."""
    coverage = Coverage()
    play = covering_walk(300, Random(2).randrange, coverage)
    assert coverage_of(play.order()).cells == coverage.cells


def test_tours_take_machine_after_machine() -> None:
    """The first tours take the rows of bindings that legal traffic can take, the same each time."""
    first = list(islice(tours(), 6))
    assert list(map(repr, first)) == list(map(repr, islice(tours(), 6)))
    coverage = Coverage()
    for play in first:
        coverage_of(play.order(), coverage)
    assert len(untouched(coverage, "binding")) < len(untouched(Coverage(), "binding")) / 2 + 3
