"""What is wrong with a peer: a requirement that it did not keep, and the step in which that showed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from fsm.engine.levels import Fault, Level, Verdict

if TYPE_CHECKING:
    from fsm.engine.finding import Finding
    from mstrp.conform.core.program import Program

__all__ = ["Recorded", "Violation"]


class Violation(NamedTuple):
    """A requirement that was not kept."""

    requirement: str
    summary: str
    section: str
    level: Level = Level.STATED
    #: The step of the program in which it showed, -1 before the first.
    action: int = -1
    finding: Finding | None = None
    #: Whether it may have another cause than a mistake of the peer's: no failure, unless one is strict.
    warning: bool = False

    @classmethod
    def of(cls, finding: Finding, action: int) -> Violation:
        """What a monitor found."""
        warning = finding.verdict is not Verdict.FAIL
        return cls(finding.rule, finding.summary, finding.section, finding.level, action, finding, warning)

    @staticmethod
    def blames(finding: Finding, whom: Fault = Fault.SERVER) -> bool:
        """Whether a finding is a failure of the peer's, and not a warning or the tester's own doing."""
        return finding.fault is whom and finding.verdict is Verdict.FAIL

    def __str__(self) -> str:
        return f"{self.summary} [{self.requirement}, {self.section}]"


class Recorded(Protocol):
    """A conversation with what was wrong in it."""

    program: Program
    violations: list[Violation]
    warnings: list[Violation]
    #: Requirements that the conversation has shown to be kept.
    passed: set[str]
