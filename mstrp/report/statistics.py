"""Number of findings by rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fsm.engine.levels import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mstrp.checking import CaptureResult

__all__ = ["RuleCount", "rule_counts"]

_ORDER = {Verdict.FAIL: 0, Verdict.WARN: 1, Verdict.INFO: 2}


class RuleCount(NamedTuple):
    """Number of findings of a rule."""

    rule: str
    verdict: str
    findings: int
    summary: str


def rule_counts(results: Iterable[CaptureResult]) -> Iterator[RuleCount]:
    """Yield the number of findings of each rule, failures first, then by number; unlisted ones are included."""
    # Imported here because it loads the texts of all rules.
    from mstrp.report.rules import rule_help

    found: dict[tuple[str, Verdict], int] = {}
    for result in results:
        for key, number in result.totals.items():
            found[key] = found.get(key, 0) + number
    ordered = sorted(found.items(), key=lambda item: (_ORDER[item[0][1]], -item[1], item[0][0]))
    for (rule, verdict), number in ordered:
        yield RuleCount(rule, verdict.value, number, rule_help(rule).summary)
