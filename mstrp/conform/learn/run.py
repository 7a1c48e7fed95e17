"""A whole run: learn, compare, and hold a conversation for every difference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mstrp.conform.core.target import Budget, BudgetSpent
from mstrp.conform.learn.compare import compare, converse
from mstrp.conform.learn.learner import learn
from mstrp.conform.learn.report import Report
from mstrp.conform.learn.system import SetUpFailed, System

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.conform.core.target import Target
    from mstrp.conform.learn.alphabet import Alphabet

__all__ = ["study"]

#: How much longer silence has to be when answers differed before.
_LONGER = (1, 3, 9)


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

    Where the same word is answered in different ways, everything is learned anew with longer silence after each step,
    in case it was only time; the third time is a verdict. Raises `SetUpFailed` or `Unreachable`.
    """
    budget = budget or Budget()
    queries = steps = 0
    for longer in _LONGER:
        system = System(alphabet, replace(target, settle=target.settle * longer), budget, told)
        system.queries, system.steps = queries, steps
        lesson = await learn(system, seed=seed, walks=walks)
        queries, steps = system.queries, system.steps
        if lesson.unsteady is None:
            break
    if lesson.machine is None:
        return Report(system, lesson, None)
    comparison = compare(system, lesson.machine)
    if lesson.unsteady is not None:
        return Report(system, lesson, comparison)
    for difference in comparison.differences:
        try:
            await converse(system, difference)
        except BudgetSpent as error:
            lesson.ended = lesson.ended or str(error)
            break
        except SetUpFailed as error:
            lesson.ended = lesson.ended or f"a conversation could not be begun: {error}"
            break
        if not difference.confirmed:
            lesson.ended = lesson.ended or "the server is not deterministic: a difference did not show again"
    return Report(system, lesson, comparison)
