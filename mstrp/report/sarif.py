"""Reports of `check` and `conform` as SARIF 2.1.0, for code scanning in forges and editors, with help for every rule."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fsm.engine.levels import Level, Verdict
from mstrp.report.headline import headline
from mstrp.report.rules import SPECIFICATION, rule_help
from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsm.engine.finding import Finding
    from mstrp.checking import CaptureResult, Unjudged
    from mstrp.report.formats import CheckReport, ConformReport

__all__ = ["SARIF_SCHEMA", "check", "conform"]

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Verdict.FAIL: "error", Verdict.WARN: "warning", Verdict.INFO: "note", Verdict.PASS: "none"}
_PRECISION = {Level.MUST: "very-high", Level.STATED: "high", Level.TYPICAL: "medium", Level.SUSPICIOUS: "medium"}


def check(report: CheckReport) -> str:
    """Return one run with all captures: findings as results, frames as locations."""
    results = report.results
    expected = [each for result in results for each in result.expected]
    found = [finding for result in results for finding in result.findings]
    findings = [*found, *(each.finding for each in expected)]
    rules = {finding.rule: finding for finding in findings}
    places = {rule: number for number, rule in enumerate(rules)}
    captures = {result.path: number for number, result in enumerate(results)}
    run: dict[str, Any] = {
        "tool": {"driver": {**_driver(), "rules": [_rule(finding) for finding in rules.values()]}},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(result.path)}, "roles": ["analysisTarget"]} for result in results],
        "invocations": [_invocation(results)],
        "results": [
            *(_result(finding, places, captures) for finding in found),
            *(
                {
                    **_result(each.finding, places, captures),
                    "suppressions": [{"kind": "external", "justification": each.reason}],
                }
                for each in expected
            ),
        ],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def conform(report: ConformReport) -> str:
    """Return one run: a rule for each failed requirement, a result for each failure; expected ones are suppressed."""
    from mstrp.conform.core.outcome import Verdict as Outcomes

    outcomes, conversations, binding = report.outcomes, report.conversations, report.binding
    bad = [outcome for outcome in outcomes if outcome.verdict is Outcomes.FAIL]
    rules, results = [], []
    for number, outcome in enumerate(bad):
        requirement = outcome.requirement
        text = rule_help(requirement.id).text
        link = f"MS-TRP {requirement.section}: {SPECIFICATION}"
        rules.append(
            {
                "id": requirement.id,
                "shortDescription": {"text": requirement.summary},
                "help": {"text": "\n".join(filter(None, [requirement.summary, text, link]))},
                "helpUri": SPECIFICATION,
                "defaultConfiguration": {"level": "error"},
            }
        )
        found: dict[str, Any] = {
            "ruleId": requirement.id,
            "ruleIndex": number,
            "level": "error",
            "message": {"text": "\n".join([outcome.cause, *conversations.get(requirement.id, [])])},
            "locations": [{"logicalLocations": [{"fullyQualifiedName": binding, "kind": "resource"}]}],
            "partialFingerprints": {"requirement/v1": requirement.id},
        }
        if outcome.expected:
            found["suppressions"] = [{"kind": "external", "justification": outcome.reason or "in the baseline"}]
        results.append(found)
    run = {"tool": {"driver": {**_driver(), "rules": rules}}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _driver() -> dict[str, Any]:
    """Return the description of the program."""
    found: dict[str, Any] = {"name": "mstrp", "informationUri": "https://pypi.org/project/mstrp/"}
    with suppress(PackageNotFoundError):
        found["version"] = version("mstrp")
    return found


def _rule(finding: Finding) -> dict[str, Any]:
    text = rule_help(finding.rule)
    summary = text.summary or finding.summary
    section = text.section or finding.section
    lines = [summary, *text.text.splitlines(), f"MS-TRP {section}: {SPECIFICATION}"]
    markdown = f"**{finding.rule}**: {summary}\n\n{text.text}\n\nSee [MS-TRP {section}]({SPECIFICATION})."
    return {
        "id": finding.rule,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": f"{summary} (MS-TRP {section})"},
        "help": {"text": "\n".join(line for line in lines if line), "markdown": markdown},
        "helpUri": SPECIFICATION,
        "defaultConfiguration": {"level": _LEVELS[finding.verdict]},
        "properties": {
            "tags": ["MS-TRP", f"section {section}", finding.level.name],
            "precision": _PRECISION[finding.level],
        },
    }


def _result(finding: Finding, places: dict[str, int], captures: dict[str, int]) -> dict[str, Any]:
    fault = f" The {finding.fault.value} is at fault." if finding.fault else ""
    allowed = f" Legal: {', '.join(finding.allowed)}." if finding.allowed else ""
    artifact: dict[str, Any] = {"uri": _uri(finding.capture)}
    if finding.capture in captures:
        artifact["index"] = captures[finding.capture]
    instance = f"{finding.session}/{finding.machine}/{finding.instance}"
    key = "\0".join((finding.rule, finding.machine, finding.event, *finding.state))
    found: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": places[finding.rule],
        "level": _LEVELS[finding.verdict],
        "message": {"text": f"frame {finding.frame}: {finding.summary}.{allowed}{fault}"},
        "locations": [
            {
                # A capture has no lines; viewers require one, and the frame number is the most useful.
                "physicalLocation": {"artifactLocation": artifact, "region": {"startLine": max(1, finding.frame)}},
                "logicalLocations": [{"fullyQualifiedName": instance, "name": finding.instance, "kind": "object"}],
            }
        ],
        "partialFingerprints": {"cause/v1": hashlib.sha256(key.encode()).hexdigest()[:32]},
        "properties": {
            name: value for name, value in finding.as_dict().items() if name not in ("rule", "summary", "capture")
        },
    }
    return found


def _invocation(results: Sequence[CaptureResult]) -> dict[str, Any]:
    found: dict[str, Any] = {"executionSuccessful": all(result.error is None for result in results)}
    told = [
        {"level": "error", "message": {"text": printable(str(result.error))}}
        for result in results
        if result.error is not None
    ]
    told += [_notification(result, each) for result in results for each in result.unjudged]
    if told:
        found["toolExecutionNotifications"] = told
    return found


def _notification(result: CaptureResult, each: Unjudged) -> dict[str, Any]:
    """Return a notification about unchecked traffic."""
    return {
        "descriptor": {"id": each.reason},
        "level": "warning" if result.verdict is Verdict.INCONCLUSIVE else "note",
        "message": {"text": headline(result)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(result.path)}}}],
        "properties": each.as_dict(),
    }


def _uri(path: str) -> str:
    """Return a path as a URI reference; standard input has a fixed name."""
    if path == "-":
        return "stdin"
    name = quote(path.replace("\\", "/"), errors="surrogateescape")
    return f"file://{name}" if name.startswith("/") else name
