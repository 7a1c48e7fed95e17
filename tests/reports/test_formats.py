"""Reports for other programs: validated with schemas, and read by other programs."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import junitparser
import pytest

from fsm.engine.levels import Fault, Level, Verdict
from mstrp.capture.files import Source
from mstrp.capture.replay import loss_dict
from mstrp.checking import CaptureResult, check_capture
from mstrp.report.formats import CheckReport, check_report
from mstrp.report.packets import packet_dict
from mstrp.report.schema import SCHEMAS, schema

BROKEN = ("impacket-scapy_fault_connected_after_idle.pcap", "impacket-scapy_fault_unknown_hcall.pcap")


@pytest.fixture(scope="session")
def results(captures: Path) -> list[CaptureResult]:
    """Return results for all recordings and for a file that is not a capture."""
    names = sorted(captures.glob("*.pcap*"))
    return [*(check_capture(str(name)) for name in names), check_capture(str(captures / "README.md"))]


def _report(name: str, results: list[CaptureResult]) -> str:
    """Return the content of a report in a format."""
    report = check_report(name, CheckReport(results))
    assert isinstance(report, str)
    return report


def valid(document: Any, name: str) -> None:
    own = schema(name)
    jsonschema.Draft202012Validator.check_schema(own)
    jsonschema.Draft202012Validator(own).validate(document)


def test_report_follows_its_schema(results: list[CaptureResult]) -> None:
    """The JSON report of every recording is valid against the published schema."""
    valid(json.loads(_report("json", results)), "report")


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "maybe"},
        {"counts": {"fail": 0}},
        {"schema": "mstrp-report/2"},
        {"findings": [{"rule": "CALL-V01"}]},
    ],
)
def test_schema_refuses_other_reports(results: list[CaptureResult], change: dict[str, Any]) -> None:
    """A report with a wrong part is not valid."""
    with pytest.raises(jsonschema.ValidationError):
        valid({**json.loads(_report("json", results)), **change}, "report")


def test_packets_follow_their_schema(captures: Path) -> None:
    """Every line of decode is valid against the published schema."""
    validator = jsonschema.Draft202012Validator(schema("packet"))
    found: list[dict[str, Any]] = []
    for name in sorted(captures.glob("*.pcap*")):
        check_capture(str(name), on_packet=lambda packet: found.append(packet_dict(packet)))
    assert len(found) > 500
    for packet in found:
        validator.validate(packet)


def test_losses_follow_the_schema_of_packets(captures: Path) -> None:
    """The lines about missing packets are valid against the schema as well."""
    validator = jsonschema.Draft202012Validator(schema("packet"))
    place = captures / "impacket-scapy_s45_transfer_typical.pcap"
    data = place.read_bytes()
    found: list[dict[str, Any]] = []
    ends = [24]
    while ends[-1] < len(data):
        ends.append(ends[-1] + 16 + int.from_bytes(data[ends[-1] + 8 : ends[-1] + 12], "little"))
    for gone in range(20, len(ends) - 1):
        lossy = Source(BytesIO(data[: ends[gone]] + data[ends[gone + 1] :]), "lossy", lambda frame, text: None)
        check_capture(lossy, on_loss=lambda *loss: found.append(loss_dict(*loss)))
    assert {line["phase"] for line in found} >= {"gap"}
    for line in found:
        validator.validate(line)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**found[0], "phase": "request"})


def test_schemas_are_published() -> None:
    """The documentation contains exactly the schemas of the program."""
    docs = Path(__file__).parent.parent.parent / "docs" / "schemas"
    for name in SCHEMAS:
        assert json.loads((docs / f"{name}.json").read_text(encoding="utf-8")) == schema(name)


def test_sarif_follows_its_schema(results: list[CaptureResult]) -> None:
    """SARIF is valid against the standard's requirements for the objects used, and no others are used."""
    rules = json.loads((Path(__file__).parent / "schemas" / "sarif.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(rules)
    jsonschema.Draft202012Validator(rules, format_checker=jsonschema.FormatChecker()).validate(
        json.loads(_report("sarif", results))
    )


def test_sarif_rules_come_with_help(results: list[CaptureResult]) -> None:
    """Each result refers to a rule by id and index, and each rule has help in text and Markdown with its section."""
    (run,) = json.loads(_report("sarif", results))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert (
        {result["ruleId"] for result in run["results"]}
        == {rule["id"] for rule in rules}
        == {
            "CALL-V01",
            "TRP-3.1.4.2-046-01",
        }
    )
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert "MS-TRP" in rule["help"]["text"]
        assert rule["id"] in rule["help"]["markdown"]


def test_sarif_says_what_json_says(results: list[CaptureResult]) -> None:
    """Findings have the same number, order, severity and frame in SARIF; unreadable files are notifications."""
    report = json.loads(_report("json", results))
    (run,) = json.loads(_report("sarif", results))["runs"]
    levels = {"fail": "error", "warn": "warning", "info": "note"}
    assert [(result["ruleId"], result["level"], result["properties"]["frame"]) for result in run["results"]] == [
        (finding["rule"], levels[finding["verdict"]], finding["frame"]) for finding in report["findings"]
    ]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    notices = invocation["toolExecutionNotifications"]
    assert [notice["level"] for notice in notices if "descriptor" not in notice] == ["error"]
    assert [(notice["descriptor"]["id"], notice["level"]) for notice in notices if "descriptor" in notice] == [
        (each["reason"], "warning") for each in report["unjudged"]
    ]


def test_sarif_fingerprints_tell_causes_apart(results: list[CaptureResult]) -> None:
    """The fingerprint of a finding does not depend on its frame, and differs between causes."""

    def prints(findings: list[Any]) -> list[str]:
        changed = [results[0]._replace(findings=findings)]
        (run,) = json.loads(_report("sarif", changed))["runs"]
        return [result["partialFingerprints"]["cause/v1"] for result in run["results"]]

    found = [finding for result in results for finding in result.findings]
    later = [finding._replace(frame=finding.frame + 7, time=9.0) for finding in found]
    assert prints(found) == prints(later)
    assert len(set(prints(found))) == len(found) == 2


#: Elements and attributes allowed by the xUnit plugin of Jenkins and compatible viewers.
_JUNIT = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors"},
    "testsuite": {
        "name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package",
        "file", "log", "url", "version",
    },
    "testcase": {"name", "assertions", "time", "timestamp", "classname", "status", "class", "file", "line", "log", "group", "url"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"message"},
    "system-out": set(),
}  # fmt: skip
_INSIDE = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "error", "skipped", "system-out"},
    "failure": set(),
    "error": set(),
    "skipped": set(),
    "system-out": set(),
}  # fmt: skip


def test_junit_uses_the_common_format(results: list[CaptureResult]) -> None:
    """JUnit XML contains only elements and attributes of the common format."""
    root = ET.fromstring(_report("junit", results))
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) <= _JUNIT[element.tag]
        assert {child.tag for child in element} <= _INSIDE[element.tag]
        if element.tag in ("testsuite", "testcase"):
            assert element.get("name")
        if element.tag == "testcase":
            assert element.get("classname")


def test_junit_is_read_by_another_program(results: list[CaptureResult]) -> None:
    """Junitparser counts the same numbers of suites, failures and errors as the report."""
    suites = junitparser.JUnitXml.fromstring(_report("junit", results).encode())
    read = list(suites)
    assert [suite.name for suite in read] == [result.path for result in results]
    assert sum(suite.failures for suite in read) == sum(1 for result in results if result.verdict is Verdict.FAIL) == 2
    assert sum(suite.errors for suite in read) == 1
    messages = [entry.message for suite in read for case in suite for entry in case.result if entry.message]
    assert any("after the call had become idle" in message for message in messages)
    for suite in read:
        counted = sum(isinstance(entry, junitparser.Failure) for case in suite for entry in case.result)
        assert (suite.tests, suite.failures) == (len(list(suite)), counted)


def test_every_kind_of_finding_is_reported(results: list[CaptureResult]) -> None:
    """All levels, verdicts and faults, including undetermined ones, are valid in every format."""
    base = next(finding for result in results for finding in result.findings)
    findings = [
        base.at(level)._replace(fault=fault, capture=results[0].path, summary=f"sentence \x01 {level.name}", allowed=())
        for level in Level
        for fault in (Fault.CLIENT, Fault.SERVER, None)
    ]
    changed = [results[0]._replace(findings=findings)]
    valid(json.loads(_report("json", changed)), "report")
    test_sarif_follows_its_schema(changed)
    test_junit_uses_the_common_format(changed)
