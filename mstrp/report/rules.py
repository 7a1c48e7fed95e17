"""What a rule says, for reports that explain their findings."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from mstrp.reference.lookup import lookup

__all__ = ["SPECIFICATION", "RuleHelp", "rule_help"]


class RuleHelp(NamedTuple):
    """The sentence of a rule, more about it, and the section in which it stands; empty where nothing is known."""

    summary: str
    text: str
    section: str


#: The page of the specification.
SPECIFICATION = "https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-trp/"


@cache
def rule_help(rule: str) -> RuleHelp:
    """The help of a rule by its id."""
    for entry in lookup(rule):
        if entry.kind == "rule":
            return RuleHelp(entry.summary, "\n".join(entry.lines), entry.section)
    return RuleHelp("", "", "")
