"""What became of a requirement: pass, fail, inconclusive, not applicable, or error."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mstrp.conform.core.program import Program
    from mstrp.conform.core.violation import Violation

__all__ = ["Outcome", "Requirement", "Verdict"]


class Verdict(StrEnum):
    """What became of a requirement."""

    PASS = "pass"
    FAIL = "fail"
    #: It was tried, and what was seen does not decide it.
    INCONCLUSIVE = "inconclusive"
    #: The peer does not have what it is about.
    NOT_APPLICABLE = "not applicable"
    #: The test itself failed.
    ERROR = "error"


_UNTRIED = "not tried"
_RANK = {
    Verdict.NOT_APPLICABLE: 0,
    Verdict.INCONCLUSIVE: 1,
    Verdict.PASS: 2,
    Verdict.ERROR: 3,
    Verdict.FAIL: 4,
}


class Requirement(NamedTuple):
    """Something that a peer has to keep, or to be able to do."""

    id: str
    #: "rule", "call rule", "scenario", "flow", "row", "request", "consistency" or "walk".
    kind: str
    section: str
    summary: str


@dataclass(slots=True)
class Outcome:
    """What became of one requirement."""

    requirement: Requirement
    verdict: Verdict = Verdict.INCONCLUSIVE
    #: Why it is not a pass: what was done wrong, what is missing, what the peer does not offer.
    cause: str = _UNTRIED
    #: The shortest conversation that shows a failure, and what was wrong in it.
    program: Program | None = None
    violation: Violation | None = None
    #: Packets that the clients of that conversation send, and how many the run had sent when it was found.
    packets: int = 0
    found_after: int = 0
    #: The test case in which a failure was found.
    case: str = ""
    #: Whether the conversation shows the failure each time it is performed.
    confirmed: bool = True
    #: Where it was saved, without the suffix of the file.
    saved: str = ""
    #: How often it was tried.
    tried: int = 0
    #: Whether a baseline knows of the failure.
    expected: bool = False
    #: What the baseline gives as the reason.
    reason: str = ""

    @property
    def touched(self) -> bool:
        """Whether any test had to do with it."""
        return bool(self.tried) or self.cause != _UNTRIED

    def record_pass(self) -> None:
        """It was tried and kept; what was worse before stays."""
        self.tried += 1
        self.record(Verdict.PASS, "")

    def record(self, verdict: Verdict, cause: str) -> None:
        """What one more test says: the gravest stays, and a pass is more than what could not be decided."""
        if self.cause == _UNTRIED or _RANK[verdict] > _RANK[self.verdict]:
            self.verdict, self.cause = verdict, cause

    def as_dict(self) -> dict[str, Any]:
        """The outcome as reports spell it."""
        found: dict[str, Any] = {
            "requirement": self.requirement.id,
            "kind": self.requirement.kind,
            "section": self.requirement.section,
            "summary": self.requirement.summary,
            "result": self.verdict.value,
            "cause": self.cause,
            "tried": self.tried,
        }
        if self.program is not None:
            if self.saved:
                found["saved"] = self.saved
            found["packets"] = self.packets
            found["confirmed"] = self.confirmed
            found["found_after"] = self.found_after
            found["program"] = self.program.to_json()
        if self.expected:
            found["expected"] = True
            found["reason"] = self.reason
        return found
