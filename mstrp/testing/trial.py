"""One trial of a rule: a conversation, and what may be found in it."""

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
    from mstrp.testing.situation import Situation

__all__ = ["STRANGER", "Trial", "played"]

#: A handle that no server of ours gives out.
STRANGER = 0x0BADCA11


class Trial(NamedTuple):
    """A conversation that breaks or keeps a rule."""

    rule: str
    #: Whether the rule is kept.
    keeps: bool
    #: The rules that findings may name: the rule itself, and those that cannot be kept then.
    expected: frozenset[str]
    #: What is tried, for people.
    what: str
    #: Lets the conversation happen before a monitor.
    run: Callable[[Monitor], None]
    #: Which of several variants it is.
    number: int = 0
    #: Whether the server refuses the request: the finding is a warning about the client then.
    refused: bool = False
    #: Writes the conversation as a play, where it is one: ``around`` adds what happens before and after the trial.
    write: Callable[[Callable[[Situation], None]], Situation] | None = None
    #: What the monitor has to be told that no packet shows.
    learn: Callable[[Conversation], None] | None = None

    def __str__(self) -> str:
        return f"{self.rule}: {self.what} ({self.number})"

    def findings(self) -> list[Finding]:
        """What a new monitor finds in the conversation."""
        monitor = Monitor()
        self.run(monitor)
        monitor.finish()
        return monitor.findings

    def failure(self) -> str:
        """What does not happen as announced; empty where all does."""
        found = self.findings()
        rules = {finding.rule for finding in found}
        if self.keeps:
            return "; ".join(map(str, found))
        told = RULES[self.rule].told
        if told not in rules:
            return f"{told} is not found, but {', '.join(sorted(rules)) or 'nothing'}"
        if rules - self.expected - {told}:
            return f"{', '.join(sorted(rules - self.expected - {told}))} is found as well"
        right = Verdict.WARN if self.refused else None
        wrong = [str(finding) for finding in found if finding.rule == told and right not in (None, finding.verdict)]
        return "; ".join(wrong)


def played(steps: list[Step], learn: Callable[[Conversation], None] | None = None) -> Callable[[Monitor], None]:
    """Perform the steps of a play; ``learn`` tells the conversation what an embedding program would know."""

    def run(monitor: Monitor) -> None:
        stage = MonitorStage(monitor, pace=0.25)
        for step in steps:
            stage.take(step)
            if learn is not None:
                learn(stage.conversations[step.role])

    return run
