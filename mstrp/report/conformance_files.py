"""Outcomes of `conform` for other programs: JUnit XML, SARIF, and one HTML page."""

from __future__ import annotations

import html
import json
from importlib import resources
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from mstrp.conform.core.outcome import Verdict
from mstrp.conform.server.python_text import python_text
from mstrp.report.conformance import failed, verdict
from mstrp.report.html import SPECIFICATION
from mstrp.report.results import plain_text
from mstrp.report.rules import rule_help
from mstrp.report.sarif import SARIF_SCHEMA, driver

if TYPE_CHECKING:
    from mstrp.conform.core.outcome import Outcome

__all__ = ["as_html", "as_junit", "as_sarif"]

#: The conversations of what failed, a line for each packet, by requirement.
Conversations = dict[str, list[str]]


def _program(outcome: Outcome, binding: str) -> str:
    """The conversation as a Python program, where it can be performed."""
    if outcome.program is None or not outcome.program.performable:
        return ""
    return python_text(outcome.program, binding=binding, title=outcome.requirement.id)


def as_junit(outcomes: list[Outcome], conversations: Conversations, *, binding: str) -> str:
    """A suite for each kind of requirement, a case for each requirement; expected failures are skipped ones."""
    root = ET.Element("testsuites", name="mstrp conform")
    for kind in dict.fromkeys(outcome.requirement.kind for outcome in outcomes):
        mine = [outcome for outcome in outcomes if outcome.requirement.kind == kind]
        bad = failed(mine)
        errors = sum(outcome.verdict is Verdict.ERROR for outcome in mine)
        passed = sum(outcome.verdict is Verdict.PASS for outcome in mine)
        suite = ET.SubElement(
            root,
            "testsuite",
            name=plain_text(f"{binding} {kind}"),
            tests=str(len(mine)),
            failures=str(len(bad)),
            errors=str(errors),
            skipped=str(len(mine) - len(bad) - errors - passed),
        )
        for outcome in mine:
            suite.append(_case(outcome, conversations.get(outcome.requirement.id, []), binding))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(outcome: Outcome, rows: list[str], binding: str) -> ET.Element:
    requirement = outcome.requirement
    case = ET.Element("testcase", name=requirement.id, classname=f"MS-TRP {requirement.section}")
    message = plain_text(outcome.cause)
    if outcome.verdict is Verdict.FAIL and outcome.expected:
        reason = plain_text(outcome.reason)
        ET.SubElement(case, "skipped", message=f"expected to fail ({reason}): {message}")
    elif outcome.verdict is Verdict.FAIL:
        failure = ET.SubElement(case, "failure", type=requirement.id, message=message)
        failure.text = plain_text("\n".join([requirement.summary, *rows, "", _program(outcome, binding)]))
    elif outcome.verdict is Verdict.ERROR:
        ET.SubElement(case, "error", type="error", message=message)
    elif outcome.verdict is not Verdict.PASS:
        ET.SubElement(case, "skipped", message=f"{outcome.verdict.value}: {message}")
    return case


def as_sarif(outcomes: list[Outcome], conversations: Conversations, *, binding: str) -> str:
    """One run: a rule for each requirement that failed, a result for each failure; expected ones are suppressed."""
    bad = [outcome for outcome in outcomes if outcome.verdict is Verdict.FAIL]
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
            found["suppressions"] = [{"kind": "external", "justification": outcome.reason or "known to the baseline"}]
        results.append(found)
    run = {"tool": {"driver": {**driver(), "rules": rules}}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


# -- HTML ---------------------------------------------------------------------------------------------------------

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><main><h1>{title}</h1>{summary}
<form class="filters" onsubmit="return false"><label>Show <select id="result">
<option value="">all results</option>{results}</select></label>
<label>of <select id="kind"><option value="">all kinds</option>{kinds}</select></label>
<label>with <input id="text" type="search" placeholder="id, section or words"></label> <output id="count"></output></form>
<table class="outcomes"><thead><tr><th>result</th><th>requirement</th><th>section</th><th>what it demands, and what was seen</th>
<th>tried</th></tr></thead><tbody>{rows}</tbody></table></main><script>{script}</script></body></html>
"""
_STYLE = """
.outcomes{border-collapse:collapse;width:100%}.outcomes td,.outcomes th{padding:.3rem .6rem;text-align:left;
vertical-align:top;border-bottom:1px solid color-mix(in srgb,currentColor 18%,transparent)}.outcomes td:nth-child(2){font-family:monospace;overflow-wrap:anywhere;min-width:11rem}
.outcomes pre{white-space:pre-wrap;overflow-wrap:anywhere}.filters{display:flex;gap:1rem;flex-wrap:wrap;margin:1rem 0;align-items:center}
.outcomes .cause{opacity:.8}.badge.not-applicable,.badge.expected{background:#8883}
"""
_SCRIPT = """
const rows=[...document.querySelectorAll('tbody tr')],by=id=>document.getElementById(id);
function show(){const r=by('result').value,k=by('kind').value,t=by('text').value.toLowerCase();let n=0;
for(const row of rows){const on=(!r||row.dataset.result===r)&&(!k||row.dataset.kind===k)&&(!t||row.textContent.toLowerCase().includes(t));
row.hidden=!on;n+=on}by('count').textContent=n+' of '+rows.length}
for(const id of['result','kind','text'])by(id).addEventListener('input',show);show();
"""
_BADGES = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.ERROR: "fail",
    Verdict.INCONCLUSIVE: "warn",
    Verdict.NOT_APPLICABLE: "not-applicable",
}
_ORDER = [Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE, Verdict.PASS]


def as_html(outcomes: list[Outcome], conversations: Conversations, *, binding: str, seed: int, sent: int) -> str:
    """One page that needs nothing else: every requirement, and the conversations of what failed."""
    style = resources.files("mstrp.report").joinpath("web", "page.css").read_text("utf-8")
    ordered = sorted(outcomes, key=lambda outcome: (_ORDER.index(outcome.verdict), outcome.found_after))
    whole = verdict(outcomes)
    style_of = "pass" if whole == "pass" else "fail"
    bad = len(failed(outcomes))
    words = {
        "fail": f"Failed: {bad} requirement{'s' if bad != 1 else ''}.",
        "error": "Nothing failed, but tests themselves did: see the errors.",
        "pass": "Passed: no requirement failed.",
    }[whole]
    numbers = "".join(
        f'<div class="number {_BADGES[result]}"><dt>{result.value}</dt><dd>'
        f"{sum(outcome.verdict is result for outcome in outcomes):,}</dd></div>"
        for result in Verdict
    )
    summary = (
        f'<p class="verdict {style_of}" role="status">{words}</p><dl class="numbers">{numbers}'
        f'<div class="number"><dt>packets, seed {seed}</dt><dd>{sent:,}</dd></div></dl>'
    )
    kinds = dict.fromkeys(outcome.requirement.kind for outcome in outcomes)
    return _PAGE.format(
        title=html.escape(f"{whole}: {binding}"),
        style=style + _STYLE,
        script=_SCRIPT,
        summary=summary,
        results="".join(f"<option>{result.value}</option>" for result in Verdict),
        kinds="".join(f"<option>{html.escape(kind)}</option>" for kind in kinds),
        rows="".join(_row(outcome, conversations.get(outcome.requirement.id, []), binding) for outcome in ordered),
    )


def _row(outcome: Outcome, rows: list[str], binding: str) -> str:
    requirement = outcome.requirement
    badge = f'<span class="badge {_BADGES[outcome.verdict]}">{outcome.verdict.value}</span>'
    if outcome.expected:
        badge += f' <span class="badge expected" title="{html.escape(outcome.reason)}">expected</span>'
    cause = f'<p class="cause">{html.escape(outcome.cause)}</p>' if outcome.cause else ""
    shown = ""
    if outcome.program is not None and len(outcome.program):
        table = html.escape("\n".join(rows))
        text = html.escape(_program(outcome, binding))
        shown = (
            f"<details><summary>the shortest conversation, {outcome.packets} packets</summary>"
            f"<pre>{table}</pre><pre>{text}</pre></details>"
        )
    return (
        f'<tr id="{html.escape(requirement.id)}" data-result="{outcome.verdict.value}" data-kind="{html.escape(requirement.kind)}">'
        f"<td>{badge}</td><td>{html.escape(requirement.id)}</td>"
        f'<td><a href="{SPECIFICATION}">{html.escape(requirement.section)}</a></td>'
        f"<td>{html.escape(requirement.summary)}{cause}{shown}</td><td>{outcome.tried}</td></tr>"
    )
