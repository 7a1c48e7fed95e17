"""Rule texts for reports that explain their findings."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from mstrp.reference.lookup import lookup

__all__ = ["SPECIFICATION", "RuleHelp", "rule_help"]


class RuleHelp(NamedTuple):
    """The requirement of a rule, details, and its section; empty if not known."""

    summary: str
    text: str
    section: str


#: The web page of the specification.
SPECIFICATION = "https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-trp/"


@cache
def rule_help(rule: str) -> RuleHelp:
    """Return the help text of a rule by id."""
    for entry in lookup(rule):
        if entry.kind == "rule":
            return RuleHelp(entry.summary, "\n".join(entry.lines), entry.section)
    return RuleHelp("", "", "")
