"""Tolerance profiles: reduced levels of rules for a type of server, as data.

Switches differ. If one is known for behavior that the documents forbid or do not explain, a profile lists the rules and
their reduced levels. The machines take the same steps.
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.engine.levels import Level
from fsm.rules.call_rules import CALL_RULES

if TYPE_CHECKING:
    from fsm.engine.finding import Finding

__all__ = ["PROFILES", "Profile", "ProfileError", "Softening", "load_profile"]


class ProfileError(ValueError):
    """An invalid profile; the message contains the position and the reason."""


class Softening(NamedTuple):
    """Rules of a machine with a reduced level; patterns as in file names (``CALL-STATE-*``)."""

    rule: str
    #: The reduced level: `Level.SUSPICIOUS` is a warning; None suppresses the finding.
    level: Level | None
    #: Only in these states and for these events; empty for all.
    states: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    why: str = ""

    def applies(self, finding: Finding) -> bool:
        """Return whether a finding matches."""
        return (
            fnmatchcase(finding.rule, self.rule)
            and (not self.states or any(state in self.states for state in finding.state))
            and (not self.events or any(fnmatchcase(finding.event, pattern) for pattern in self.events))
        )


class Profile(NamedTuple):
    """A named set of reduced levels."""

    name: str
    summary: str
    softenings: tuple[Softening, ...]

    def soften(self, finding: Finding) -> Finding | None:
        """Return the finding at its reduced level; None if it is suppressed."""
        for softening in self.softenings:
            if softening.applies(finding):
                if softening.level is None:
                    return None
                if softening.level > finding.level:
                    return finding.at(softening.level)
        return finding


def _built_in(name: str, summary: str) -> Profile:
    """Return the reduced levels that the rule records contain for a profile."""
    return Profile(
        name,
        summary,
        tuple(
            Softening(f"{rule.id}*" if rule.id.endswith("-") else rule.id, each.level, (), each.events, each.reason)
            for rule in CALL_RULES.rules.values()
            for each in rule.tolerances
            if each.profile == name
        ),
    )


#: The built-in profiles.
PROFILES: dict[str, Profile] = {
    name: _built_in(name, summary)
    for name, summary in (
        (
            "announces-own-calls",
            "a switch that announces consultation and conference calls to the client that created them (Q12)",
        ),
        ("early-events", "a provider that reports a new call before the completion that returns its handle (Q2)"),
        ("drop-returns-0", "a server that responds to Drop with 0, as in the examples of section 4 (Q6)"),
        (
            "any-progression",
            "a device whose calls pass through states in a different order (1.5 of the call model)",
        ),
        (
            "lenient-preconditions",
            "a provider that accepts requests in states that the packet specifications do not list",
        ),
    )
}


def load_profile(name: str) -> Profile:
    """Return a profile by name, or from a TOML file. Raises `ProfileError`.

    A file contains ``summary`` and a list of ``[[soften]]`` with ``rule``, ``level`` (``"SUSPICIOUS"`` or ``"none"``)
    and optional ``states``, ``events`` and ``why``.
    """
    known = PROFILES.get(name)
    if known is not None:
        return known
    if not name.endswith(".toml"):
        raise ProfileError(f"no profile {name}; use one of {', '.join(PROFILES)}, or a .toml file")
    try:
        content = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError(f"{name}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"{name}: not a TOML file: {error}") from None
    unknown = content.keys() - {"summary", "soften"}
    entries = content.get("soften")
    if unknown or not isinstance(entries, list) or not entries:
        what = f"unknown key {', '.join(sorted(unknown))}" if unknown else "no [[soften]]"
        raise ProfileError(f"{name}: {what}; expected summary and a list of [[soften]]")
    softenings = tuple(_softening(f"{name}: soften {place}", entry) for place, entry in enumerate(entries, 1))
    return Profile(Path(name).stem, str(content.get("summary", "")), softenings)


def _softening(where: str, entry: Any) -> Softening:
    """Parse one entry of a profile file; a rule that no row has is an error."""
    if not isinstance(entry, dict):
        raise ProfileError(f"{where}: expected a table")
    unknown = entry.keys() - {"rule", "level", "states", "events", "why"}
    if unknown:
        raise ProfileError(f"{where}: unknown key {', '.join(sorted(unknown))}")
    rule = entry.get("rule")
    if not isinstance(rule, str) or not _has_rows(rule):
        raise ProfileError(f"{where}: no row has the rule {rule!r}")
    level = entry.get("level", "none")
    if level not in ("none", "SUSPICIOUS"):
        raise ProfileError(f"{where}: level {level!r} is neither 'SUSPICIOUS' nor 'none'")
    states, events = tuple(entry.get("states", ())), tuple(entry.get("events", ()))
    if not all(isinstance(text, str) for text in (*states, *events)):
        raise ProfileError(f"{where}: states and events are lists of names")
    soft = None if level == "none" else Level.SUSPICIOUS
    return Softening(rule, soft, states, events, str(entry.get("why", "")))


def _has_rows(pattern: str) -> bool:
    """Return whether a pattern matches a rule of the call model, or rules of packets (not verified here)."""
    if pattern.startswith("TRP-"):
        return True
    return any(
        fnmatchcase(rule, pattern) or (rule.endswith("-") and fnmatchcase(pattern, f"{rule}*"))
        for rule in CALL_RULES.rules
    )
