"""Records of rules: the wording, the source and the tolerance of each rule that rows refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fsm.engine.levels import Level

__all__ = ["Catalogue", "Rule", "Tolerance", "either"]


class Tolerance(NamedTuple):
    """The level of a rule under a named profile; None suppresses it."""

    profile: str
    level: Level | None
    reason: str = ""
    #: Patterns of event names to which the tolerance is limited; empty for all events.
    events: tuple[str, ...] = ()


class Rule(NamedTuple):
    """A rule: its id, the requirement, and the sentence of a finding.

    An id that ends in ``-`` is the record of all rules with that prefix.
    """

    id: str
    #: The requirement, as printed in reference pages.
    summary: str
    section: str
    #: The position in the section, or the document with additional text.
    source: str = ""
    #: Sentence of a finding. ``{what}`` is the event, ``{where}`` the instance, ``{state}`` its states before.
    sentence: str = "{what} on {where} in state {state}"
    #: Ids under which other documents state the same requirement.
    also: tuple[str, ...] = ()
    tolerances: tuple[Tolerance, ...] = ()


class Catalogue:
    """Rule records by id."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: dict[str, Rule] = {}
        for rule in rules:
            if rule.id in self.rules:
                raise ValueError(f"rule {rule.id} has two records")
            self.rules[rule.id] = rule
        self._families = sorted((rule for rule in self.rules if rule.endswith("-")), key=len, reverse=True)

    def find(self, rule: str) -> Rule | None:
        """Return the record of a rule: its own, or that of the longest prefix; None if there is neither."""
        found = self.rules.get(rule)
        if found is not None:
            return found
        for family in self._families:
            if rule.startswith(family):
                return self.rules[family]
        return None

    def also(self, rule: str) -> tuple[str, ...]:
        """Return the ids under which other documents state the requirement of a rule."""
        found = self.rules.get(rule)
        return () if found is None else found.also


def either(states: Sequence[str]) -> str:
    """Return a set of states in words: ``idle or connected``; only their number if there are more than six."""
    return " or ".join(states) if len(states) <= 6 else f"any of {len(states)} states"
