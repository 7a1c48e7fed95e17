"""A test case for a rule: a conversation and its expected findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fsm.engine.levels import Verdict
from fsm.monitor import Monitor
from fsm.rules.catalogue import RULES
from mstrp.generate.stages import MonitorStage

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.conversation import Conversation
    from fsm.engine.finding import Finding
    from mstrp.generate.play import Step
    from mstrp.testing.prepared_session import PreparedSession

__all__ = ["ABSENT_HANDLE", "RuleCase", "played"]

#: A handle value that no test server returns.
ABSENT_HANDLE = 0x0BADCA11


class RuleCase(NamedTuple):
    """A conversation that violates or satisfies a rule."""

    rule: str
    #: Whether the rule is satisfied.
    keeps: bool
    #: The rules that findings may refer to: the rule itself, and the rules that are necessarily violated with it.
    expected: frozenset[str]
    #: Human-readable description.
    what: str
    #: Passes the conversation to a monitor.
    run: Callable[[Monitor], None]
    #: Number of the variant.
    number: int = 0
    #: Whether the server refuses the request; the finding is then a warning about the client.
    refused: bool = False
    #: Writes the conversation as a play, if possible: ``around`` adds steps before and after the case.
    write: Callable[[Callable[[PreparedSession], None]], PreparedSession] | None = None
    #: Sets facts of the conversation that no packet shows.
    learn: Callable[[Conversation], None] | None = None

    def __str__(self) -> str:
        return f"{self.rule}: {self.what} ({self.number})"

    def findings(self) -> list[Finding]:
        """Return the findings of a new monitor."""
        monitor = Monitor()
        self.run(monitor)
        monitor.finish()
        return monitor.findings

    def failure(self) -> str:
        """Return the deviation from the expected findings; empty if there is none."""
        found = self.findings()
        rules = {finding.rule for finding in found}
        if self.keeps:
            return "; ".join(map(str, found))
        told = RULES[self.rule].told
        if told not in rules:
            return f"{told} is not reported, but {', '.join(sorted(rules)) or 'nothing'}"
        if rules - self.expected - {told}:
            return f"{', '.join(sorted(rules - self.expected - {told}))} is also reported"
        right = Verdict.WARN if self.refused else None
        wrong = [str(finding) for finding in found if finding.rule == told and right not in (None, finding.verdict)]
        return "; ".join(wrong)


def played(steps: list[Step], learn: Callable[[Conversation], None] | None = None) -> Callable[[Monitor], None]:
    """Return a function that performs steps; ``learn`` sets facts that an embedding program would know."""

    def run(monitor: Monitor) -> None:
        stage = MonitorStage(monitor, pace=0.25)
        for step in steps:
            stage.take(step)
            if learn is not None:
                learn(stage.conversations[step.role])

    return run
