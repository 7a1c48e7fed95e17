"""A whole run: learn, compare, and hold a conversation for every difference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mstrp.conform.learn.compare import compare, converse
from mstrp.conform.learn.learner import learn
from mstrp.conform.learn.report import Report
from mstrp.conform.learn.system import SetUpFailed, System
from mstrp.conform.target import Budget, BudgetSpent

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.conform.learn.alphabet import Alphabet
    from mstrp.conform.target import Target

__all__ = ["study"]

#: How much longer silence has to be when answers differed the first time.
_LONGER = 4


async def study(
    target: Target,
    alphabet: Alphabet,
    budget: Budget | None = None,
    *,
    seed: int = 0,
    walks: int = 1,
    told: Callable[[System], None] | None = None,
) -> Report:
    """Learn the machine of a server over an alphabet and hold it against the tables.

    Where the same word is answered in different ways, everything is learned once more with longer silence after each
    step, in case it was only time; the second time is a verdict. Raises `SetUpFailed` or `Unreachable`.
    """
    budget = budget or Budget()
    system = System(alphabet, target, budget, told)
    lesson = await learn(system, seed=seed, walks=walks)
    if lesson.unsteady is not None:
        slower = System(alphabet, replace(target, settle=target.settle * _LONGER), budget, told)
        slower.queries, slower.steps = system.queries, system.steps
        system, lesson = slower, await learn(slower, seed=seed, walks=walks)
    if lesson.machine is None:
        return Report(system, lesson, None)
    comparison = compare(system, lesson.machine)
    for difference in comparison.differences:
        try:
            await converse(system, difference)
        except BudgetSpent as error:
            lesson.ended = lesson.ended or str(error)
            break
        except SetUpFailed as error:
            lesson.ended = lesson.ended or f"a conversation could not be begun: {error}"
            break
    return Report(system, lesson, comparison)
