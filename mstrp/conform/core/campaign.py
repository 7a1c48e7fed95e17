"""The campaign of a run: the outcome of every requirement, and the conversations that show what failed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from fsm.state.coverage import Coverage
from mstrp.conform.core.errors import Missing, NotOffered, Unreachable
from mstrp.conform.core.outcome import Outcome, Verdict
from mstrp.conform.core.patience import Patience
from mstrp.conform.core.program import Program
from mstrp.conform.core.requirements import requirement_of
from mstrp.conform.core.target import Budget, Target
from mstrp.conform.core.violation import Recorded, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mstrp.conform.core.outcome import Requirement

__all__ = ["Campaign"]


@dataclass(slots=True)
class Campaign:
    """The settings of a test run, and the outcome of each requirement."""

    target: Target
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    #: Whether what is merely odd is a failure too.
    strict: bool = False
    #: How much is tried: 0 each row and each rule once, 1 each rule in every state, 2 with every variant.
    depth: int = 1
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    #: Called with each new failure.
    on_failure: Callable[[Outcome], None] | None = None
    chance: random.Random = field(default_factory=random.Random)
    #: The rows that were taken: what walks look at.
    coverage: Coverage = field(default_factory=Coverage)
    #: The test case that is performed.
    case: str = ""
    #: How long to wait; briefly for what was missing before.
    patience: Patience = field(init=False)
    #: Why the run ended before all selected cases were performed; empty if it did not.
    cut: str = ""
    #: Patterns of requirements that are not evaluated.
    skip: tuple[str, ...] = ()
    #: Requests that the server does not offer, with what it said.
    missing: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.patience = Patience(self.target.patience)

    @classmethod
    def of(cls, target: Target, requirements: Iterable[Requirement], **options: Any) -> Campaign:
        """A new campaign with these requirements."""
        campaign = cls(target, **options)
        campaign.chance = random.Random(campaign.seed)  # noqa: S311 - reproducible, not secret
        for requirement in requirements:
            campaign.outcomes[requirement.id] = Outcome(requirement)
        return campaign

    def outcome(self, name: str, section: str = "", summary: str = "") -> Outcome:
        """The outcome of a requirement by its id."""
        found = self.outcomes.get(name)
        if found is None:
            found = self.outcomes[name] = Outcome(requirement_of(name, section, summary))
        return found

    # -- verdicts -------------------------------------------------------------------------------------------

    def record_pass(self, *names: str) -> None:
        """These were tried and kept."""
        for name in names:
            self.outcome(name).record_pass()

    def record(self, result: Verdict, cause: str, *names: str) -> None:
        """These could not be decided."""
        for name in names:
            self.outcome(name).record(result, cause)

    def record_missing(self, error: Missing, *names: str) -> None:
        """Something that a test needs did not happen."""
        result = Verdict.NOT_APPLICABLE if isinstance(error, NotOffered) else Verdict.INCONCLUSIVE
        self.record(result, str(error), *names)

    def collect(self, tester: Recorded) -> bool:
        """Write down what a conversation showed; whether that was anything bad."""
        bad = False
        for violation in tester.violations:
            bad |= self.record_violation(violation, tester.program)
        for violation in tester.warnings:
            if self.strict:
                bad |= self.record_violation(violation, tester.program)
            else:
                outcome = self.outcome(violation.requirement, violation.section, violation.summary)
                outcome.record(Verdict.INCONCLUSIVE, f"odd: {violation.summary}")
        self.record_pass(*(name for name in tester.passed if name in self.outcomes))
        tester.passed.clear()
        tester.violations.clear()
        tester.warnings.clear()
        return bad

    def record_violation(self, violation: Violation, program: Program) -> bool:
        """A requirement was not kept; the first conversation that shows it is kept. Whether it is the first."""
        if self.is_skipped(violation.requirement):
            return False
        outcome = self.outcome(violation.requirement, violation.section, violation.summary)
        outcome.tried += 1
        if outcome.verdict is Verdict.FAIL:
            return False
        outcome.record(Verdict.FAIL, violation.summary)
        outcome.violation = violation
        outcome.program = Program(list(program.actions))
        outcome.packets = program.packets
        outcome.found_after = self.budget.sent
        outcome.case = self.case
        if self.on_failure is not None:
            self.on_failure(outcome)
        return True

    def is_skipped(self, name: str) -> bool:
        """Whether a requirement is not evaluated. A server that is gone is always reported."""
        return name != "ALIVE" and any(fnmatchcase(name, pattern) for pattern in self.skip)

    def unreachable(self, error: Unreachable) -> None:
        """The server does not let anybody in any more."""
        violation = Violation("ALIVE", f"the server does not answer any more: {error}", "3.1.4")
        self.record_violation(violation, Program())

    @property
    def failures(self) -> list[Outcome]:
        """What failed, in the order in which it was found."""
        found = [outcome for outcome in self.outcomes.values() if outcome.verdict is Verdict.FAIL]
        return sorted(found, key=lambda outcome: outcome.found_after)
