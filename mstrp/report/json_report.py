"""Reports of `check` and `conform` as one JSON object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mstrp.checking.results import judged_of, verdict_of
from mstrp.report.headline import totals
from mstrp.report.statistics import rule_counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.checking import CaptureResult
    from mstrp.report.formats import CheckReport, ConformReport

__all__ = ["SCHEMA", "as_dict", "check", "conform", "counts"]

#: Name and version of the report format.
SCHEMA = "mstrp-report/1"


def as_dict(results: list[CaptureResult]) -> dict[str, Any]:
    """Return the report as one object."""
    whole = verdict_of(results)
    return {
        "schema": SCHEMA,
        "verdict": None if whole is None else whole.value,
        "judged": judged_of(result.judged for result in results).as_dict(),
        "unjudged": [{"capture": result.path, **each.as_dict()} for result in results for each in result.unjudged],
        "captures": [result.as_dict() for result in results],
        "findings": [finding.as_dict() for result in results for finding in result.findings],
        "counts": counts(results),
    }


def counts(results: list[CaptureResult]) -> dict[str, int]:
    """Return the number of all findings by verdict, of expected ones, and of ignored ones."""
    expected = sum(len(result.expected) for result in results)
    ignored = sum(sum(result.ignored.values()) for result in results)
    return {
        **totals(results),
        **({"expected": expected} if expected else {}),
        **({"ignored": ignored} if ignored else {}),
    }


def check(report: CheckReport) -> str:
    """Return the report of `check`, with coverage and statistics if they are requested."""
    found = as_dict(report.results)
    if report.statistics:
        found["statistics"] = [each._asdict() for each in rule_counts(report.results)]
    if report.coverage is not None:
        found["coverage"] = report.coverage
    return "".join(_pretty(found, 0)) + "\n"


def conform(report: ConformReport) -> str:
    """Return the report of `conform`."""
    from mstrp.report.conformance import as_json

    return as_json(
        report.outcomes,
        cut=report.cut,
        binding=report.binding,
        sent=report.sent,
        seed=report.seed,
        seconds=round(report.seconds, 3),
    )


#: Lists with one line per element, and objects with one line each.
_LISTS = {"calls", "findings", "expected", "notes", "unjudged", "unread", "statistics"}
_SHORT = {"judged", "requests", "events", "counts", "rules", "missing", "requests_never_made"}


def _pretty(value: Any, depth: int, flat: bool = False) -> Iterator[str]:
    """Return JSON with one line for each key, call and finding: readable, and faster than an indented dump."""
    if flat or not value or not isinstance(value, (dict, list)):
        yield json.dumps(value)
        return
    inner = " " * (depth + 1)
    first, last = "{}" if isinstance(value, dict) else "[]"
    yield first
    separator = "\n"
    if isinstance(value, dict):
        for key, below in value.items():
            yield f"{separator}{inner}{json.dumps(key)}: "
            lines = key in _LISTS and isinstance(below, list)
            yield from _lines(below, depth + 1) if lines else _pretty(below, depth + 1, key in _SHORT)
            separator = ",\n"
    else:
        for below in value:
            yield separator + inner
            yield from _pretty(below, depth + 1)
            separator = ",\n"
    yield f"\n{' ' * depth}{last}"


def _lines(values: list[Any], depth: int) -> Iterator[str]:
    """Return a list with one line per element."""
    if not values:
        yield "[]"
        return
    inner = " " * (depth + 1)
    whole = json.dumps(values)
    if whole.count("}, {") == len(values) - 1 and all(isinstance(value, dict) for value in values):
        # These objects contain no nested objects, so they need not be formatted one by one.
        text = inner + whole[1:-1].replace("}, {", f"}},\n{inner}{{")
    else:
        text = ",\n".join(inner + json.dumps(value) for value in values)
    yield f"[\n{text}\n{' ' * depth}]"
