"""The book of a run: the outcome of every requirement, and the conversations that show what failed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mstrp.conform.catalogue import SERVER, named
from mstrp.conform.complaint import Complaint
from mstrp.conform.outcome import Outcome, Result
from mstrp.conform.probe import Missing, Probe, Unreachable
from mstrp.conform.program import Program
from mstrp.conform.target import Budget, Target
from mstrp.conform.world import NotOffered
from mstrp.report.coverage import Coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mstrp.conform.outcome import Requirement

__all__ = ["Book"]


@dataclass(slots=True)
class Book:
    """Outcomes by requirement; what tests write to."""

    target: Target
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    #: Whether what is merely odd is a failure too.
    strict: bool = False
    #: How much is tried: 0 each row and each rule once, 1 each rule in every state, 2 with every variant.
    depth: int = 1
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    #: Called with each new failure.
    told: Callable[[Outcome], None] | None = None
    chance: random.Random = field(default_factory=random.Random)
    #: The rows that were taken: what walks look at.
    coverage: Coverage = field(default_factory=Coverage)
    #: Requests that the server does not offer, with what it said.
    missing: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, target: Target, requirements: Iterable[Requirement] = SERVER.values(), **options: Any) -> Book:
        """A new book with all requirements."""
        book = cls(target, **options)
        book.chance = random.Random(book.seed)  # noqa: S311 - reproducible, not secret
        for requirement in requirements:
            book.outcomes[requirement.id] = Outcome(requirement)
        return book

    def probe(self) -> Probe:
        """New clients for a conversation."""
        return Probe(self.target, self.budget, observer=self.coverage.step)

    def outcome(self, name: str, section: str = "", summary: str = "") -> Outcome:
        """The outcome of a requirement by its id."""
        found = self.outcomes.get(name)
        if found is None:
            found = self.outcomes[name] = Outcome(named(name, section, summary))
        return found

    # -- what tests say -------------------------------------------------------------------------------------------

    def passes(self, *names: str) -> None:
        """These were tried and kept."""
        for name in names:
            self.outcome(name).passes()

    def leaves(self, result: Result, cause: str, *names: str) -> None:
        """These could not be decided."""
        for name in names:
            self.outcome(name).leaves(result, cause)

    def missed(self, error: Missing, *names: str) -> None:
        """Something that a test needs did not happen."""
        result = Result.NOT_APPLICABLE if isinstance(error, NotOffered) else Result.INCONCLUSIVE
        self.leaves(result, str(error), *names)

    def judge(self, probe: Probe) -> bool:
        """Write down what a conversation showed; whether that was anything bad."""
        bad = False
        for complaint in probe.complaints:
            bad |= self.fails(complaint, probe.program)
        for complaint in probe.odd:
            if self.strict:
                bad |= self.fails(complaint, probe.program)
            else:
                outcome = self.outcome(complaint.requirement, complaint.section, complaint.summary)
                outcome.leaves(Result.INCONCLUSIVE, f"odd: {complaint.summary}")
        probe.complaints.clear()
        probe.odd.clear()
        return bad

    def fails(self, complaint: Complaint, program: Program) -> bool:
        """A requirement was not kept; the first conversation that shows it is kept. Whether it is the first."""
        outcome = self.outcome(complaint.requirement, complaint.section, complaint.summary)
        outcome.tried += 1
        if outcome.result is Result.FAIL:
            return False
        outcome.leaves(Result.FAIL, complaint.summary)
        outcome.complaint = complaint
        outcome.program = Program(list(program.actions))
        outcome.packets = program.packets
        outcome.found_after = self.budget.sent
        if self.told is not None:
            self.told(outcome)
        return True

    def unreachable(self, error: Unreachable) -> None:
        """The server does not let anybody in any more."""
        complaint = Complaint("ALIVE", f"the server does not answer any more: {error}", "3.1.4")
        self.fails(complaint, Program())

    @property
    def failures(self) -> list[Outcome]:
        """What failed, in the order in which it was found."""
        found = [outcome for outcome in self.outcomes.values() if outcome.result is Result.FAIL]
        return sorted(found, key=lambda outcome: outcome.found_after)
