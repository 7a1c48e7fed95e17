"""Results of `check` as JSON, JSON lines, JUnit XML and text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from fsm.engine.levels import Verdict, worst
from fsm.engine.rule import either
from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsm.engine.finding import Finding
    from mstrp.checking import CaptureResult, Expected

__all__ = ["SCHEMA", "as_json", "as_jsonl", "as_junit", "counts", "plain_text", "verdict"]

#: Name and version of the report format.
SCHEMA = "mstrp-report/1"


def verdict(results: list[CaptureResult]) -> Verdict:
    """The gravest verdict of several captures."""
    return worst(*(result.verdict for result in results))


def counts(findings: list[Finding]) -> dict[str, int]:
    """How many findings of each verdict."""
    found = {"fail": 0, "warn": 0, "info": 0}
    for finding in findings:
        found[finding.verdict.value] += 1
    return found


def as_dict(results: list[CaptureResult]) -> dict[str, Any]:
    """The report as one object."""
    findings = [finding for result in results for finding in result.findings]
    return {
        "schema": SCHEMA,
        "verdict": verdict(results).value,
        "captures": [result.as_dict() for result in results],
        "findings": [finding.as_dict() for finding in findings],
        "counts": _counts(results, findings),
    }


def _counts(results: list[CaptureResult], findings: list[Finding]) -> dict[str, int]:
    expected = sum(len(result.expected) for result in results)
    return {**counts(findings), **({"expected": expected} if expected else {})}


def as_json(results: list[CaptureResult], coverage: dict[str, Any] | None = None) -> str:
    """The report as one JSON object, with what the traffic has exercised where that was asked for."""
    report = as_dict(results)
    if coverage is not None:
        report["coverage"] = coverage
    return "".join(_pretty(report, 0)) + "\n"


#: Lists whose elements stand on one line each, and objects that do.
_LISTS = {"calls", "findings", "expected", "notes"}
_SHORT = {"requests", "events", "counts", "rules", "missing", "requests_never_made"}


def _pretty(value: Any, depth: int, flat: bool = False) -> Iterator[str]:
    """JSON with one line for each key, call and finding: readable, and quicker than an indented dump."""
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
    """A list with each element on a line of its own."""
    if not values:
        yield "[]"
        return
    inner = " " * (depth + 1)
    whole = json.dumps(values)
    if whole.count("}, {") == len(values) - 1 and all(isinstance(value, dict) for value in values):
        # There is nothing like that inside them, so that they need not be written one by one.
        text = inner + whole[1:-1].replace("}, {", f"}},\n{inner}{{")
    else:
        text = ",\n".join(inner + json.dumps(value) for value in values)
    yield f"[\n{text}\n{' ' * depth}]"


def as_jsonl(results: list[CaptureResult]) -> Iterator[str]:
    """One line per session and per finding, and a last one with the verdict."""
    for result in results:
        for session in result.sessions:
            yield json.dumps({"type": "session", "capture": result.path, **session.as_dict()})
        for frame, text in result.notes:
            yield json.dumps({"type": "note", "capture": result.path, "frame": frame, "text": text})
    findings = [finding for result in results for finding in result.findings]
    for finding in findings:
        yield json.dumps({"type": "finding", **finding.as_dict()})
    for result in results:
        for each in result.expected:
            yield json.dumps({"type": "expected", **each.as_dict()})
    yield json.dumps(
        {"type": "verdict", "schema": SCHEMA, "verdict": verdict(results).value, "counts": _counts(results, findings)}
    )


def as_junit(results: list[CaptureResult]) -> str:
    """A suite for each capture, a case for each session and each call; failures carry the findings."""
    root = ET.Element("testsuites", name="mstrp check")
    for result in results:
        _suite(root, result)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: ET.Element, result: CaptureResult) -> None:
    cases: list[ET.Element] = []
    for session in result.sessions:
        mine = [finding for finding in result.findings if finding.session == session.id]
        known = [each for each in result.expected if each.finding.session == session.id]
        of_calls = {f"{call.handle:#x}#{call.epoch}" for call in session.calls}
        other = [finding for finding in mine if finding.machine != "call" or finding.instance not in of_calls]
        known_of_session = [
            each for each in known if each.finding.machine != "call" or each.finding.instance not in of_calls
        ]
        cases.append(_case(f"session {session.id}", result.path, other, known_of_session))
        for call in session.calls:
            name = f"{call.handle:#x}#{call.epoch}"
            path = " ".join(call.states)
            about = [finding for finding in mine if finding.machine == "call" and finding.instance == name]
            known_here = [each for each in known if each.finding.machine == "call" and each.finding.instance == name]
            title = f"{session.id} call {name}: {path or 'no state'}, {call.final}"
            cases.append(_case(title, result.path, about, known_here))
    if result.error is not None:
        case = ET.Element("testcase", name="read", classname=plain_text(result.path))
        ET.SubElement(case, "error", type="unreadable", message=plain_text(result.error))
        cases.append(case)
    failures = sum(1 for case in cases if case.find("failure") is not None)
    suite = ET.SubElement(
        root,
        "testsuite",
        name=plain_text(result.path),
        tests=str(len(cases)),
        failures=str(failures),
        errors="0" if result.error is None else "1",
        skipped=str(sum(1 for case in cases if case.find("skipped") is not None)),
    )
    suite.extend(cases)


def _case(name: str, path: str, findings: list[Finding], expected: list[Expected]) -> ET.Element:
    case = ET.Element("testcase", name=plain_text(name), classname=plain_text(path))
    failed = [finding for finding in findings if finding.verdict is Verdict.FAIL]
    if failed:
        first = failed[0]
        failure = ET.SubElement(case, "failure", type=first.rule, message=plain_text(first.summary))
        failure.text = plain_text("\n".join(_line(finding) for finding in failed))
    elif expected:
        first_known = expected[0]
        message = f"expected by the baseline ({first_known.reason}): {_line(first_known.finding)}"
        ET.SubElement(case, "skipped", message=plain_text(message))
    odd = [finding for finding in findings if finding.verdict is not Verdict.FAIL]
    if odd:
        ET.SubElement(case, "system-out").text = plain_text("\n".join(_line(finding) for finding in odd))
    return case


def _line(finding: Finding) -> str:
    allowed = f"; legal: {', '.join(finding.allowed)}" if finding.allowed else ""
    state = either(finding.state)
    fault = f", fault of the {finding.fault.value}" if finding.fault else ""
    return (
        f"frame {finding.frame}: {finding.rule} ({finding.level.name}{fault}): {finding.summary} "
        f"[state {state}{allowed}; MS-TRP {finding.section}]"
    )


def plain_text(text: str) -> str:
    """Text for XML: characters that it cannot carry, or that act on a terminal, are escaped."""
    return "\n".join(map(printable, text.split("\n")))
