"""Reports of `check` as JSON lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mstrp.checking.results import judged_of, verdict_of
from mstrp.report.json_report import SCHEMA, counts
from mstrp.report.statistics import rule_counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsm.engine.finding import Finding
    from mstrp.report.formats import CheckReport

__all__ = ["check", "finding_line"]


def check(report: CheckReport) -> str:
    """Return a line for each capture, session, note and finding, and a last one with the verdict."""
    return "".join(f"{line}\n" for line in _lines(report))


def finding_line(finding: Finding, capture: str) -> str:
    """Return the line of a finding of a capture that is still being read."""
    return json.dumps({"type": "finding", **finding._replace(capture=capture).as_dict()}) + "\n"


def _lines(report: CheckReport) -> Iterator[str]:
    results = report.results
    for result in results:
        whole = result.as_dict()
        about = {key: whole[key] for key in ("verdict", "frames", "error", "judged", "unjudged", "unread")}
        about |= {key: whole[key] for key in ("ignored", "selection") if key in whole}
        yield json.dumps({"type": "capture", "capture": result.path, **about})
        for session in result.sessions:
            yield json.dumps({"type": "session", "capture": result.path, **session.as_dict()})
        for frame, text in result.notes:
            yield json.dumps({"type": "note", "capture": result.path, "frame": frame, "text": text})
    for result in results:
        for finding in () if result.path in report.streamed else result.findings:
            yield json.dumps({"type": "finding", **finding.as_dict()})
    for result in results:
        for each in result.expected:
            yield json.dumps({"type": "expected", **each.as_dict()})
    if report.statistics:
        for rule in rule_counts(results):
            yield json.dumps({"type": "statistics", **rule._asdict()})
    verdict = verdict_of(results)
    last = {
        "type": "verdict",
        "schema": SCHEMA,
        "verdict": None if verdict is None else verdict.value,
        "judged": judged_of(result.judged for result in results).as_dict(),
        "unjudged": [{"capture": result.path, **each.as_dict()} for result in results for each in result.unjudged],
        "counts": counts(results),
    }
    yield json.dumps(last)
