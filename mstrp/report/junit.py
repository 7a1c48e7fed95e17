"""Reports of `check` and `conform` as JUnit XML."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from fsm.engine.levels import Verdict
from fsm.engine.rule import either
from mstrp.report.headline import explanation
from protocol.printable import printable

if TYPE_CHECKING:
    from fsm.engine.finding import Finding
    from mstrp.checking import CaptureResult, Expected
    from mstrp.conform.core.outcome import Outcome
    from mstrp.report.formats import CheckReport, ConformReport

__all__ = ["check", "conform", "plain_text"]


def check(report: CheckReport) -> str:
    """Return a suite for each capture, with a case for each session and call; unchecked traffic is a skipped case."""
    root = ET.Element("testsuites", name="mstrp check")
    for result in report.results:
        _suite(root, result)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def conform(report: ConformReport) -> str:
    """Return a suite for each type of requirement, with a case for each requirement; expected failures are skipped."""
    from mstrp.conform.core.outcome import Verdict
    from mstrp.report.conformance import failed

    root = ET.Element("testsuites", name="mstrp conform")
    outcomes = report.outcomes
    for kind in dict.fromkeys(outcome.requirement.kind for outcome in outcomes):
        mine = [outcome for outcome in outcomes if outcome.requirement.kind == kind]
        bad = failed(mine)
        errors = sum(outcome.verdict is Verdict.ERROR for outcome in mine)
        passed = sum(outcome.verdict is Verdict.PASS for outcome in mine)
        suite = ET.SubElement(
            root,
            "testsuite",
            name=plain_text(f"{report.binding} {kind}"),
            tests=str(len(mine)),
            failures=str(len(bad)),
            errors=str(errors),
            skipped=str(len(mine) - len(bad) - errors - passed),
        )
        for outcome in mine:
            suite.append(_requirement(outcome, report.conversations.get(outcome.requirement.id, []), report.binding))
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
            title = f"{session.id} call {name}: {path or 'state not known'}, {call.final}"
            cases.append(_case(title, result.path, about, known_here))
    if result.error is None and result.verdict is Verdict.INCONCLUSIVE:
        cases.append(_skipped("judged", result.path, explanation([result])))
    elif result.unjudged:
        cases.append(_skipped("judged completely", result.path, explanation([result])))
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


def _skipped(name: str, path: str, message: str) -> ET.Element:
    """Return a case for unchecked traffic."""
    case = ET.Element("testcase", name=name, classname=plain_text(path))
    ET.SubElement(case, "skipped", message=plain_text(message))
    return case


def _line(finding: Finding) -> str:
    allowed = f"; expected: {', '.join(finding.allowed)}" if finding.allowed else ""
    state = either(finding.state)
    fault = f", {finding.fault.value} at fault" if finding.fault else ""
    return (
        f"frame {finding.frame}: {finding.rule} ({finding.level.name}{fault}): {finding.summary} "
        f"[state {state}{allowed}; MS-TRP {finding.section}]"
    )


def plain_text(text: str) -> str:
    """Return text for XML: characters that are invalid there, or control a terminal, are escaped."""
    return "\n".join(map(printable, text.split("\n")))


def _requirement(outcome: Outcome, rows: list[str], binding: str) -> ET.Element:
    from mstrp.conform.core.outcome import Verdict
    from mstrp.report.conformance import program_text

    requirement = outcome.requirement
    case = ET.Element("testcase", name=requirement.id, classname=f"MS-TRP {requirement.section}")
    message = plain_text(outcome.cause)
    if outcome.verdict is Verdict.FAIL and outcome.expected:
        reason = plain_text(outcome.reason)
        ET.SubElement(case, "skipped", message=f"expected to fail ({reason}): {message}")
    elif outcome.verdict is Verdict.FAIL:
        failure = ET.SubElement(case, "failure", type=requirement.id, message=message)
        failure.text = plain_text("\n".join([requirement.summary, *rows, "", program_text(outcome, binding)]))
    elif outcome.verdict is Verdict.ERROR:
        ET.SubElement(case, "error", type="error", message=message)
    elif outcome.verdict is not Verdict.PASS:
        ET.SubElement(case, "skipped", message=f"{outcome.verdict.value}: {message}")
    return case
