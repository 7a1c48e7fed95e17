"""Reports of conformance runs: the terminal's text to the letter, other formats against their schemas, baselines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import junitparser
import pytest

from mstrp.conform.core.baseline import apply_baseline
from mstrp.conform.core.outcome import Outcome, Verdict
from mstrp.conform.core.program import Action, Program, Verb
from mstrp.conform.server.requirements import SERVER
from mstrp.report import conformance
from mstrp.report.formats import ConformReport, conform_report
from mstrp.report.lines import plain
from mstrp.report.schema import schema
from protocol import line

BINDING = "ncacn_ip_tcp:192.0.2.7[5150]"
_HOLD = line.Hold(call=0x10005, request_id=7)
_SEEN = {"CALL-V08": ["a ──▶ Hold id=0x7 hCall=0x10005", "a ◀── Hold = id 0x7", "a ◀── LINE_REPLY id=0x7 = 0"]}


def outcomes() -> list[Outcome]:
    """One of each result, in the order of a run."""
    ask = Action(1, Verb.ASK, packet="line.Hold", data=_HOLD.encode(), capacity=_HOLD.capacity)
    failure = Outcome(
        SERVER["CALL-V08"],
        Verdict.FAIL,
        "Hold is completed twice",
        program=Program([Action(0, Verb.ATTACH, how="push"), ask]),
        packets=2,
        found_after=17,
        tried=3,
    )
    return [
        Outcome(SERVER["TRP-3.1.4.2-008-01"], Verdict.PASS, "", tried=2),
        failure,
        Outcome(SERVER["LEGAL-line.Hold"], Verdict.INCONCLUSIVE, "odd: <something> & more", tried=1),
        Outcome(SERVER["FLOW-incoming"], Verdict.NOT_APPLICABLE, "the server has no line"),
        Outcome(SERVER["WALK"], Verdict.ERROR, "walk 1: KeyError: 5"),
    ]


def text(found: list[Outcome]) -> str:
    """What a terminal without colours gets."""
    lines = conformance.outcome_lines(found, _SEEN, binding=BINDING, width=100, sent=120, seconds=1.25, seed=7)
    return "".join(f"{plain(spans)}\n" for spans in lines)


def _text(name: str, found: list[Outcome]) -> str:
    """What a file in a format contains."""
    report = conform_report(name, ConformReport(found, _SEEN, BINDING))
    assert isinstance(report, str)
    return report


def test_the_text(golden: Callable[[str, str], None]) -> None:
    """Failures first with conversation and program, then what was not decided by cause, then the numbers by kind."""
    golden("cli/conform.txt", text(outcomes()))


def test_the_text_with_a_baseline(golden: Callable[[str, str], None]) -> None:
    """Expected failures are counted, and what passes by now is named."""
    found = outcomes()
    apply_baseline(found, {"CALL-V08": "ticket 12", "TRP-3.1.4.2-008-01": "fixed?", "WALK": "long ago"})
    golden("cli/conform-baseline.txt", text(found))


@pytest.mark.parametrize("result", [result for result in Verdict if result not in {Verdict.PASS, Verdict.FAIL}])
def test_only_a_pass_ends_an_expected_failure(result: Verdict) -> None:
    """What was inconclusive in this run is not said to be kept."""
    found = [Outcome(SERVER["CALL-V08"], result, "because")]
    apply_baseline(found, {"CALL-V08": "ticket 12"})
    assert "no longer failing" not in text(found)
    assert "inconclusive in this run: CALL-V08" in text(found)


def test_every_form_has_the_same_verdict() -> None:
    """Errors of the tests themselves are no pass, for nobody."""
    found = [outcome for outcome in outcomes() if outcome.verdict is not Verdict.FAIL]
    assert text(found).splitlines()[-1].startswith(f"{BINDING}: ERROR")
    assert conformance.as_dict(found)["verdict"] == "error"
    page = conform_report("html", ConformReport(found, {}, BINDING, sent=120, seed=7))
    assert "PASS:" not in page
    assert f"<title>error: {BINDING}</title>" in page


@pytest.mark.parametrize("known", [{}, {"CALL-V08": "ticket 12"}])
def test_sarif_follows_its_schema(known: dict[str, str]) -> None:
    """SARIF is valid; what the baseline knows is suppressed, with its reason."""
    found = outcomes()
    apply_baseline(found, known)
    report = json.loads(_text("sarif", found))
    rules = json.loads((Path(__file__).parent.parent / "reports" / "schemas" / "sarif.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(rules, format_checker=jsonschema.FormatChecker()).validate(report)
    (result,) = report["runs"][0]["results"]
    assert [each["justification"] for each in result.get("suppressions", [])] == list(known.values())


def test_junit_as_others_read_it() -> None:
    """The numbers of the suites are those of their cases; an expected failure is a skipped case."""
    found = outcomes()
    numbers = []
    for known in ({}, {"CALL-V08": "ticket 12"}):
        apply_baseline(found, known)
        document = _text("junit", found)
        suites = list(junitparser.JUnitXml.fromstring(document.encode()))
        for suite in suites:
            counts = (suite.tests, suite.failures, suite.errors, suite.skipped)
            suite.update_statistics()
            assert (suite.tests, suite.failures, suite.errors, suite.skipped) == counts
        numbers.append([sum(getattr(suite, name) for suite in suites) for name in ("failures", "errors", "skipped")])
        ET.fromstring(document)
    assert numbers == [[1, 1, 2], [0, 1, 3]]


def test_json_follows_its_schema() -> None:
    """Every result, a program, an expectation with its reason."""
    found = outcomes()
    apply_baseline(found, {"CALL-V08": "ticket 12"})
    report: dict[str, Any] = json.loads(conformance.as_json(found, binding=BINDING, sent=120, seed=7, seconds=1.25))
    jsonschema.Draft202012Validator(schema("conform")).validate(report)
    assert {each["reason"] for each in report["outcomes"] if each.get("expected")} == {"ticket 12"}
    assert report["verdict"] == "error"
