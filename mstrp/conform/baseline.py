"""Failures that are known: a reviewable file of requirement ids with reasons."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from mstrp.conform.outcome import Result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mstrp.conform.outcome import Outcome

__all__ = ["apply_baseline", "baseline_text", "read_baseline"]


def read_baseline(path: str) -> dict[str, str]:
    """Requirement ids with reasons; raises `OSError`, or `ValueError` that says what is wrong where."""
    try:
        found = tomllib.loads(Path(path).read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
    known = found.get("expected", {})
    if not isinstance(known, dict) or not all(isinstance(reason, str) for reason in known.values()):
        raise ValueError(f'{path}: a table [expected] of lines "ID" = "reason" is wanted')
    return known


def apply_baseline(outcomes: Iterable[Outcome], known: dict[str, str]) -> None:
    """Mark what the baseline expects to fail."""
    for outcome in outcomes:
        outcome.expected = outcome.requirement.id in known
        outcome.reason = known.get(outcome.requirement.id, "")


def baseline_text(outcomes: Iterable[Outcome], known: dict[str, str]) -> str:
    """A baseline with everything that failed; what it had before stays, with its reason, unless that passes now."""
    reasons = dict(known)
    for outcome in outcomes:
        name = outcome.requirement.id
        if outcome.result is Result.FAIL:
            reasons.setdefault(name, outcome.cause)
        elif outcome.result is Result.PASS:
            reasons.pop(name, None)
    lines = ["# Requirements that are known not to be kept, with the reason.", "[expected]"]
    lines += [f"{_quoted(name)} = {_quoted(reason)}" for name, reason in sorted(reasons.items())]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    shown = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in shown) + '"'
