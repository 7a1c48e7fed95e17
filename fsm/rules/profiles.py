"""Tolerance profiles: rows that are softened for a kind of server, as data.

Switches differ. Where one is known to do something that the documents forbid or do not explain, a profile names the
rows and what they are to count for from now on. Nothing else changes: the machines take the same steps.
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
    """A profile that cannot be used; the message says where and why."""


class Softening(NamedTuple):
    """Rows of a machine that count for less; patterns as in file names (``CALL-STATE-*``)."""

    rule: str
    #: What they count for: `Level.SUSPICIOUS` is a warning; None is nothing at all.
    level: Level | None
    #: Only in these states and on these events; empty means all.
    states: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    why: str = ""

    def applies(self, finding: Finding) -> bool:
        """Whether a finding comes from these rows."""
        return (
            fnmatchcase(finding.rule, self.rule)
            and (not self.states or any(state in self.states for state in finding.state))
            and (not self.events or any(fnmatchcase(finding.event, pattern) for pattern in self.events))
        )


class Profile(NamedTuple):
    """A named set of softened rows."""

    name: str
    summary: str
    softenings: tuple[Softening, ...]

    def soften(self, finding: Finding) -> Finding | None:
        """A finding as it counts under this profile; None when it does not count."""
        for softening in self.softenings:
            if softening.applies(finding):
                if softening.level is None:
                    return None
                if softening.level > finding.level:
                    return finding.at(softening.level)
        return finding


def _built_in(name: str, summary: str) -> Profile:
    """The tolerances that the records of the rules have for a profile."""
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


#: The profiles that come with the program.
PROFILES: dict[str, Profile] = {
    name: _built_in(name, summary)
    for name, summary in (
        (
            "announces-own-calls",
            "a switch that announces consultation and conference calls to the client that asked for them (Q12)",
        ),
        ("early-events", "a provider that reports on a new call before the completion that brings its handle (Q2)"),
        ("drop-returns-0", "a server that answers Drop with 0, as the examples of section 4 print it (Q6)"),
        (
            "any-progression",
            "a device whose calls go through states in an order of their own (1.5 of the call model)",
        ),
        (
            "lenient-preconditions",
            "a provider that takes requests in states that the packet texts do not name",
        ),
    )
}


def load_profile(name: str) -> Profile:
    """A profile by name, or out of a TOML file. Raises `ProfileError`.

    A file has ``summary`` and a list of ``[[soften]]`` with ``rule``, ``level`` (``"SUSPICIOUS"`` or ``"none"``) and,
    if wanted, ``states``, ``events`` and ``why``.
    """
    known = PROFILES.get(name)
    if known is not None:
        return known
    if not name.endswith(".toml"):
        raise ProfileError(f"no profile {name}; there are {', '.join(PROFILES)}, or name a .toml file")
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
    """One entry of a profile file; a rule that no row has is a slip, and is told."""
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
    """Whether a pattern matches a rule of the call model or is about rules of packets, which are not checked here."""
    if pattern.startswith("TRP-"):
        return True
    return any(
        fnmatchcase(rule, pattern) or (rule.endswith("-") and fnmatchcase(pattern, f"{rule}*"))
        for rule in CALL_RULES.rules
    )
