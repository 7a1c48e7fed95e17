"""Outcomes compared with a baseline of failures that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstrp.checking.baseline import baseline_toml
from mstrp.conform.core.outcome import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mstrp.conform.core.outcome import Outcome

__all__ = ["apply_baseline", "baseline_text"]


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
        if outcome.verdict is Verdict.FAIL:
            reasons.setdefault(name, outcome.cause)
        elif outcome.verdict is Verdict.PASS:
            reasons.pop(name, None)
    return baseline_toml(reasons)
