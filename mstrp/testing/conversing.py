"""Hypothesis strategies for conversations: legal ones, ones with exactly one broken rule, legal orders of one.

Hypothesis draws every choice, so that a failure shrinks to a short conversation in the plainest order.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from fsm.engine.levels import Verdict
from fsm.monitor import Monitor
from fsm.rules.catalogue import RULES
from mstrp.testing.extra import st
from mstrp.testing.faults import FAULTS
from mstrp.testing.situation import Situation
from mstrp.testing.trial import Trial, played
from mstrp.testing.trials import trials
from mstrp.testing.walk import legal_walk, wander

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn, SearchStrategy

    from fsm.conversation import Conversation
    from fsm.engine.finding import Finding
    from mstrp.generate.play import Play, Step

__all__ = ["Broken", "breakable", "broken", "conversations", "orders"]


class Broken(NamedTuple):
    """A conversation that is legal but for one thing."""

    #: The rule that is broken, and what is done against it.
    rule: str
    what: str
    play: Play
    #: The rules that findings may name: the one under which it is told, and those that cannot be kept then.
    breaks: frozenset[str]
    #: Whether the server refuses the request that breaks the rule: the finding is a warning about the client.
    refused: bool
    #: What a monitor has to be told that no packet shows.
    learn: Callable[[Conversation], None] | None

    def __repr__(self) -> str:
        return f"<{self.rule} broken by: {self.what}\n{self.play!r}>"

    @property
    def told(self) -> str:
        """The rule under which a finding is told: of several rules that say the same, one."""
        return RULES[self.rule].told if self.rule in RULES else self.rule

    def findings(self, steps: list[Step] | None = None) -> list[Finding]:
        """What a new monitor finds in the conversation, in its own order or another one; without information."""
        monitor = Monitor()
        played(self.play.order() if steps is None else steps, self.learn)(monitor)
        monitor.finish()
        return [finding for finding in monitor.findings if finding.verdict is not Verdict.INFO]


def _by_chance(draw: DrawFn) -> Callable[[int], int]:
    return lambda count: draw(st.integers(0, count - 1))


@st.composite
def conversations(draw: DrawFn, *, length: int = 20) -> Play:
    """Legal conversations of up to about ``length`` things that may happen; nothing in them is to be found."""
    return legal_walk(_by_chance(draw), draw(st.integers(0, length)))


@st.composite
def orders(draw: DrawFn, play: Play) -> list[Step]:
    """The legal orders of a conversation: those that no document excludes. Shrinks to that of the description."""
    return play.order(_by_chance(draw))


@cache
def _ways(rule: str) -> tuple[Trial, ...]:
    """The trials that break a rule and can happen anywhere in a conversation."""
    if rule.startswith("CALL-"):
        return tuple(_trial(name, fault) for name, fault in FAULTS if name == rule)
    return tuple(trial for trial in trials(rule) if not trial.keeps and trial.write is not None)


def _trial(rule: str, fault: Callable[[Situation], None]) -> Trial:
    def write(around: Callable[[Situation], None]) -> Situation:
        situation = Situation()
        around(situation)
        fault(situation)
        around(situation)
        return situation

    def run(monitor: Monitor) -> None:
        played(write(lambda situation: None).play.order())(monitor)

    what = fault.__name__.strip("_").replace("_", " ")
    return Trial(rule, False, frozenset({rule}), what, run, write=write)


@cache
def breakable() -> tuple[str, ...]:
    """The rules that `broken` can break."""
    found = dict.fromkeys(rule for rule, _ in FAULTS)
    found |= dict.fromkeys(trial.rule for trial in trials() if not trial.keeps and trial.write is not None)
    return tuple(found)


def broken(rule: str | None = None, *, length: int = 10) -> SearchStrategy[Broken]:
    """Conversations in which exactly one rule is broken, somewhere: this one, or any of `breakable`.

    Up to about ``length`` legal things happen before, and as many after. Raises `ValueError` for a rule that cannot be
    broken in the middle of a conversation: those of attaching, buffers and detaching; `trials` has them.
    """
    if rule is None:
        return st.sampled_from(breakable()).flatmap(lambda each: broken(each, length=length))
    if not _ways(rule):
        message = f"{rule} cannot be broken in the middle of a conversation"
        raise ValueError(message)
    return _broken(rule, length)


@st.composite
def _broken(draw: DrawFn, rule: str, length: int) -> Broken:
    trial = draw(st.sampled_from(_ways(rule)))
    choose = _by_chance(draw)
    assert trial.write is not None
    situation = trial.write(lambda found: wander(found, choose, draw(st.integers(0, length))))
    told = RULES[rule].told if rule in RULES else rule
    return Broken(rule, trial.what, situation.play, trial.expected | {told}, trial.refused, trial.learn)
