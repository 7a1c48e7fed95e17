"""Requirements that only a finding names, such as a pair of states."""

from __future__ import annotations

from fsm.rules.call_rules import CALL_RULES
from fsm.rules.catalogue import RULES
from mstrp.conform.core.outcome import Requirement

__all__ = ["requirement_of"]


def requirement_of(name: str, section: str = "", summary: str = "") -> Requirement:
    """The requirement of an id that is in no catalogue."""
    rule = RULES.get(name)
    if rule is not None:
        return Requirement(name, "rule", rule.section, rule.summary)
    call_rule = CALL_RULES.rules.get(name)
    if call_rule is not None:
        return Requirement(name, "call rule", call_rule.section, call_rule.summary)
    return Requirement(name, "call rule", section, summary)
