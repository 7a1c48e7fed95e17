"""Hypothesis strategies for conversations: legal ones, ones with exactly one violation, and the legal orders of one.

Hypothesis makes every choice, so a failure shrinks to a short conversation in the simplest order.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from fsm.engine.levels import Verdict
from fsm.monitor import Monitor
from fsm.rules.catalogue import RULES
from mstrp.testing.case import RuleCase, played
from mstrp.testing.faults import FAULTS
from mstrp.testing.hypothesis_names import st
from mstrp.testing.prepared_session import PreparedSession
from mstrp.testing.rule_cases import rule_cases
from mstrp.testing.walk import insert_legal_actions, legal_walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn, SearchStrategy

    from fsm.conversation import Conversation
    from fsm.engine.finding import Finding
    from mstrp.generate.play import Play, Step

__all__ = ["Broken", "breakable", "broken", "conversations", "orders"]


class Broken(NamedTuple):
    """A conversation that is legal except for one violation."""

    #: The violated rule, and a description of the violation.
    rule: str
    what: str
    play: Play
    #: The rules that findings may refer to: the reported rule, and the rules that are necessarily violated with it.
    breaks: frozenset[str]
    #: Whether the server refuses the violating request; the finding is then a warning about the client.
    refused: bool
    #: Sets facts of the monitor that no packet shows.
    learn: Callable[[Conversation], None] | None

    def __repr__(self) -> str:
        return f"<{self.rule} broken by: {self.what}\n{self.play!r}>"

    @property
    def reported_rule(self) -> str:
        """The rule that findings refer to: one of several rules with the same content."""
        return RULES[self.rule].told if self.rule in RULES else self.rule

    def findings(self, steps: list[Step] | None = None) -> list[Finding]:
        """Return the findings of a new monitor, without information; ``steps`` is another order of the conversation."""
        monitor = Monitor()
        played(self.play.order() if steps is None else steps, self.learn)(monitor)
        monitor.finish()
        return [finding for finding in monitor.findings if finding.verdict is not Verdict.INFO]


def _chooser(draw: DrawFn) -> Callable[[int], int]:
    return lambda count: draw(st.integers(0, count - 1))


@st.composite
def conversations(draw: DrawFn, *, length: int = 20) -> Play:
    """Legal conversations of up to about ``length`` actions, without findings."""
    return legal_walk(_chooser(draw), draw(st.integers(0, length)))


@st.composite
def orders(draw: DrawFn, play: Play) -> list[Step]:
    """The legal orders of a conversation: all that no document excludes. Shrinks to the order in which it was written."""
    return play.order(_chooser(draw))


@cache
def _cases(rule: str) -> tuple[RuleCase, ...]:
    """Return the cases that violate a rule and are possible anywhere in a conversation."""
    if rule.startswith("CALL-"):
        return tuple(_case(name, fault) for name, fault in FAULTS if name == rule)
    return tuple(case for case in rule_cases(rule) if not case.keeps and case.write is not None)


def _case(rule: str, fault: Callable[[PreparedSession], None]) -> RuleCase:
    def write(around: Callable[[PreparedSession], None]) -> PreparedSession:
        session = PreparedSession()
        around(session)
        fault(session)
        around(session)
        return session

    def run(monitor: Monitor) -> None:
        played(write(lambda session: None).play.order())(monitor)

    what = fault.__name__.strip("_").replace("_", " ")
    return RuleCase(rule, False, frozenset({rule}), what, run, write=write)


@cache
def breakable() -> tuple[str, ...]:
    """Return the rules that `broken` can violate."""
    found = dict.fromkeys(rule for rule, _ in FAULTS)
    found |= dict.fromkeys(case.rule for case in rule_cases() if not case.keeps and case.write is not None)
    return tuple(found)


def broken(rule: str | None = None, *, length: int = 10) -> SearchStrategy[Broken]:
    """Conversations with exactly one violation, at any point: of the given rule, or of any rule of `breakable`.

    Up to about ``length`` legal actions precede the violation, and up to as many follow it. Raises `ValueError` for a
    rule that cannot be violated in the middle of a conversation (attaching, buffers, detaching); `rule_cases` covers
    those.
    """
    if rule is None:
        return st.sampled_from(breakable()).flatmap(lambda each: broken(each, length=length))
    if not _cases(rule):
        message = f"{rule} cannot be violated in the middle of a conversation"
        raise ValueError(message)
    return _broken(rule, length)


@st.composite
def _broken(draw: DrawFn, rule: str, length: int) -> Broken:
    case = draw(st.sampled_from(_cases(rule)))
    choose = _chooser(draw)
    assert case.write is not None
    session = case.write(lambda found: insert_legal_actions(found, choose, draw(st.integers(0, length))))
    reported = RULES[rule].told if rule in RULES else rule
    return Broken(rule, case.what, session.play, case.expected | {reported}, case.refused, case.learn)
