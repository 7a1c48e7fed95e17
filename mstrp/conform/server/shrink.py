"""The shortest conversation that still shows a failure: steps are left out, and the rest is performed again."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from mstrp.conform.core.errors import Missing, Unreachable
from mstrp.conform.core.program import Program, Verb
from mstrp.conform.core.target import BudgetSpent
from mstrp.conform.server.tester import Tester

if TYPE_CHECKING:
    from mstrp.conform.core.target import Budget, Target
    from mstrp.conform.core.violation import Violation
    from mstrp.live.recorder import Recorder

__all__ = ["Shrunk", "replay", "same_failure", "shrink"]

#: How often a program is performed at the most while it is made smaller, and how often the result has to show again.
_ATTEMPTS, _CONFIRMATIONS = 120, 2
#: Seconds after which no smaller program is looked for.
_SECONDS = 20.0
_NUMBERS = re.compile(r"\b(0x[0-9a-f]+|\d[\d.]*)\b")


class Shrunk(NamedTuple):
    """The shortest program found, what it shows, and whether it shows that each time."""

    program: Program
    violation: Violation
    confirmed: bool


def same_failure(violation: Violation, other: Violation) -> bool:
    """Whether two violations are the same failure: the requirement, and the event and the state in which it shows."""
    return _signature(violation) == _signature(other)


def _signature(violation: Violation) -> tuple[object, ...]:
    finding = violation.finding
    if finding is None:
        return violation.requirement, _NUMBERS.sub("#", violation.summary)
    return violation.requirement, finding.event, tuple(finding.state)


async def replay(
    target: Target, program: Program, budget: Budget | None = None, *, recorder: Recorder | None = None
) -> Tester:
    """Perform a program from its beginning with new clients, and wait until nothing is pending.

    Steps that can no longer be performed are skipped. Raises `Unreachable`, or `BudgetSpent`.
    """
    async with Tester(target, budget, recorder=recorder) as tester:
        for action in program:
            try:
                await tester.perform(action)
            except Missing:
                continue
        await tester.rest()
    return tester


class _Shrinking:
    def __init__(self, target: Target, violation: Violation, budget: Budget | None, *, strict: bool) -> None:
        # Most programs that were cut too short wait for something in vain.
        self.target = replace(target, patience=min(target.patience, max(1.0, 8 * target.settle)))
        self.wanted = violation
        self.budget = budget
        self.strict = strict
        self.left = _ATTEMPTS
        self.begun = time.monotonic()
        self.violation = violation

    @property
    def over(self) -> bool:
        """Whether enough has been tried."""
        return self.left <= 0 or time.monotonic() - self.begun > _SECONDS

    async def shows(self, program: Program) -> bool:
        """Whether a program still shows the failure."""
        self.left -= 1
        try:
            tester = await replay(self.target, program, self.budget)
        except Unreachable:
            return False
        except BudgetSpent:
            # What is shortest so far is the result.
            self.left = 0
            return False
        for violation in (*tester.violations, *(tester.warnings if self.strict else ())):
            if same_failure(violation, self.wanted):
                self.violation = violation
                return True
        return False

    async def confirms(self, program: Program) -> bool:
        """Whether a program shows the failure each time."""
        for _ in range(_CONFIRMATIONS):
            if not await self.shows(program):
                return False
        return True

    async def smaller(self, program: Program) -> list[Program]:
        """Leave out as many steps as possible, halves first; every program that showed the failure, the best last."""
        found = [program]
        size = max(len(program) // 2, 1)
        while not self.over:
            changed = False
            end = len(program)
            while end > 0 and not self.over:
                part = program.actions[max(end - size, 0) : end]
                shorter = program.without(action.number for action in part)
                if len(shorter) < len(program) and await self.shows(shorter):
                    program, changed = shorter, True
                    found.append(program)
                    end = min(end - size, len(program))
                else:
                    end -= size
            if size == 1 and not changed:
                break
            size = max(size // 2, 1)
        # Waiting costs time and no packets: it is left out last, one by one.
        for action in [each for each in program if each.verb in {Verb.QUIET, Verb.STATE, Verb.EVENT}]:
            shorter = program.without({action.number})
            if not self.over and len(shorter) < len(program) and await self.shows(shorter):
                program = shorter
                found.append(program)
        return found


async def shrink(
    target: Target, program: Program, violation: Violation, budget: Budget | None = None, *, strict: bool = False
) -> Shrunk:
    """The shortest program found that shows a violation each time it is performed.

    Where none does, the program is returned as it was, unconfirmed.
    """
    work = _Shrinking(target, violation, budget, strict=strict)
    until = [action for action in program if action.number <= violation.action] or program.actions
    whole = Program(list(until))
    start = whole.only({until[-1].number} if until else set())
    for candidate in (start, whole, program):
        if not await work.shows(candidate):
            continue
        found = await work.smaller(candidate)
        for shorter in (found[-1], *found[-2:-8:-2], candidate):
            if await work.confirms(shorter):
                return Shrunk(shorter, work.violation, confirmed=True)
    return Shrunk(program, violation, confirmed=False)
