"""The shortest conversation that still shows a failure: steps are left out, and the rest is performed anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mstrp.conform.core.errors import Missing, Unreachable
from mstrp.conform.core.program import Program, Verb
from mstrp.conform.core.target import BudgetSpent
from mstrp.conform.server.tester import Tester

if TYPE_CHECKING:
    from mstrp.conform.core.target import Budget, Target
    from mstrp.conform.core.violation import Violation

__all__ = ["replay", "shrink"]

#: How often a program is performed at the most while it is made smaller.
_ATTEMPTS = 150


async def replay(target: Target, program: Program, budget: Budget | None = None) -> Tester:
    """Perform a program from its beginning with new clients; what cannot be done any more is passed over.

    Raises `Unreachable`, or `BudgetSpent`.
    """
    async with Tester(target, budget) as tester:
        for action in program:
            try:
                await tester.perform(action)
            except Missing:
                continue
    return tester


class _Shrinking:
    def __init__(self, target: Target, requirement: str, budget: Budget | None, *, strict: bool) -> None:
        # Most programs that were cut too short wait for something in vain.
        patience = min(target.patience, max(1.0, 8 * target.settle))
        self.target = replace(target, patience=patience)
        self.requirement = requirement
        self.budget = budget
        self.strict = strict
        self.left = _ATTEMPTS
        self.violation: Violation | None = None

    async def shows(self, program: Program) -> bool:
        """Whether a program still shows the failure."""
        if self.left <= 0:
            return False
        self.left -= 1
        try:
            tester = await replay(self.target, program, self.budget)
        except Unreachable:
            return False
        except BudgetSpent:
            # What is shortest so far is the answer.
            self.left = 0
            return False
        for violation in (*tester.violations, *(tester.warnings if self.strict else ())):
            if violation.requirement == self.requirement:
                self.violation = violation
                return True
        return False

    async def smaller(self, program: Program) -> Program:
        """Leave out as many steps as possible: halves, quarters, then each one, the last ones first."""
        size = max(len(program) // 2, 1)
        while True:
            changed = False
            end = len(program)
            while end > 0:
                part = program.actions[max(end - size, 0) : end]
                shorter = program.without(action.number for action in part)
                if len(shorter) < len(program) and await self.shows(shorter):
                    program, changed = shorter, True
                    end = min(end - size, len(program))
                else:
                    end -= size
            if size == 1 and not changed:
                return program
            size = max(size // 2, 1)


async def shrink(
    target: Target, program: Program, violation: Violation, budget: Budget | None = None, *, strict: bool = False
) -> tuple[Program, Violation]:
    """The shortest program found that shows a violation again, with what it showed.

    The program comes back as it was when the failure does not show a second time.
    """
    work = _Shrinking(target, violation.requirement, budget, strict=strict)
    until = [action for action in program if action.number <= violation.action] or program.actions
    whole = Program(list(until))
    last = {until[-1].number} if until else set()
    start = whole.only(last)
    for candidate in (start, whole, program):
        if await work.shows(candidate):
            found = await work.smaller(candidate)
            # Waiting costs time and no packets: it is left out last, one by one.
            for action in [each for each in found if each.verb in {Verb.QUIET, Verb.STATE, Verb.EVENT}]:
                shorter = found.without({action.number})
                if len(shorter) < len(found) and await work.shows(shorter):
                    found = shorter
            return found, work.violation or violation
    return program, violation
