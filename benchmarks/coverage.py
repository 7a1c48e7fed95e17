"""Measure the legal rows and checked rules that each strategy of `mstrp.testing` reaches in equal steps.

``python benchmarks/coverage.py [STEPS...]`` prints a table, by default for 100, 1,000 and 10,000 steps. A step is a
request, a response or an event buffer. It measures counts, not times; they are reproducible.
"""

from __future__ import annotations

import sys
from random import Random
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fsm.rules.catalogue import RULES, Status
from fsm.state.coverage import Coverage
from fsm.state.machines import MACHINES
from mstrp.testing import covering_walk, legal_walk, rule_cases
from mstrp.testing.conversing import broken, conversations
from mstrp.testing.coverage import coverage_of
from mstrp.testing.director import directed
from mstrp.testing.selection import legal_rows
from mstrp.testing.tours import tours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mstrp.generate.play import Play

_CHECKED = {rule.id for rule in RULES.values() if rule.status is Status.CHECKED}


def _chance() -> Callable[[int], int]:
    """Return a seeded random choice."""
    return Random(1).randrange  # noqa: S311 - nothing secret


def _budget(plays: Iterable[Play], steps: int) -> Coverage:
    """Return the coverage of the given number of steps of conversations, one after the other."""
    coverage = Coverage()
    for play in plays:
        taken = play.order()[:steps]
        coverage_of(taken, coverage)
        steps -= len(taken)
        if steps <= 0:
            break
    return coverage


def _walks(choose: Callable[[int], int]) -> Iterator[Play]:
    while True:
        yield legal_walk(choose, 40)


def _drawn(strategy: st.SearchStrategy[Play], steps: int) -> list[Play]:
    """Yield conversations of Hypothesis, enough for the given number of steps."""
    found: list[Play] = []

    @seed(1)
    @settings(max_examples=max(steps // 20, 10), phases=[Phase.generate], database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def draw(play: Play) -> None:
        found.append(play)

    draw()
    return found


def _tried() -> Iterator[Play]:
    for case in rule_cases():
        if case.write is not None:
            yield case.write(lambda session: None).play


def _directed(steps: int) -> Coverage:
    coverage = Coverage()
    directed(steps, _chance(), coverage)
    return coverage


def _covering(steps: int) -> Coverage:
    coverage = Coverage()
    covering_walk(steps, _chance(), coverage)
    return coverage


STRATEGIES: dict[str, Callable[[int], Coverage]] = {
    "chance": _directed,
    "legal_walk": lambda steps: _budget(_walks(_chance()), steps),
    "conversations()": lambda steps: _budget(_drawn(conversations(length=40), steps), steps),
    "broken()": lambda steps: _budget(_drawn(broken().map(lambda each: each.play), steps), steps),
    "rule_cases()": lambda steps: _budget(_tried(), steps),
    "tours()": lambda steps: _budget(tours(), steps),
    "least covered": _covering,
}


def rows(coverage: Coverage, name: str) -> int:
    """Return the number of legal rows of a machine that were taken."""
    return len(set(coverage.cells[name]) & set(legal_rows(name)))


def rules(coverage: Coverage) -> int:
    """Return the number of rules that were checked."""
    return sum(1 for rule in _CHECKED if coverage.rules[rule])


def main() -> None:
    """Print the measurements as a Markdown table."""
    budgets = [int(word) for word in sys.argv[1:]] or [100, 1_000, 10_000]
    names = list(MACHINES)
    print("| steps | strategy | rules | rows |", " | ".join(names), "|")
    print("| --- " * (4 + len(names)) + "|")
    total = sum(len(legal_rows(name)) for name in names)
    print(f"| | total | {len(_CHECKED)} | {total} |", " | ".join(str(len(legal_rows(name))) for name in names), "|")
    for steps in budgets:
        for strategy, run in STRATEGIES.items():
            coverage = run(steps)
            counts = [rows(coverage, name) for name in names]
            print(f"| {steps:,} | {strategy} | {rules(coverage)} | {sum(counts)} |", " | ".join(map(str, counts)), "|",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
