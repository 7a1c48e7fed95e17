"""Outcomes of `conform` as one HTML page."""

from __future__ import annotations

import html
from importlib import resources
from typing import TYPE_CHECKING

from mstrp.conform.core.outcome import Verdict
from mstrp.report.conformance import failed, program_text, verdict
from mstrp.report.rules import SPECIFICATION

if TYPE_CHECKING:
    from mstrp.conform.core.outcome import Outcome
    from mstrp.report.formats import ConformReport

__all__ = ["page"]

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


def page(report: ConformReport) -> str:
    """Return a self-contained page: every requirement, and the conversations of failures."""
    outcomes, conversations, binding = report.outcomes, report.conversations, report.binding
    seed, sent = report.seed, report.sent
    style = resources.files("mstrp.report").joinpath("web", "page.css").read_text("utf-8")
    ordered = sorted(outcomes, key=lambda outcome: (_ORDER.index(outcome.verdict), outcome.found_after))
    whole = verdict(outcomes, report.cut)
    style_of = {"pass": "pass", "inconclusive": "warn"}.get(whole, "fail")
    bad = len(failed(outcomes))
    words = {
        "fail": f"FAIL: {bad} requirement{'s' if bad != 1 else ''}.",
        "error": "No requirement failed, but some test cases had errors.",
        "inconclusive": f"INCONCLUSIVE: {report.cut or 'no selected requirement was decided'}.",
        "pass": "PASS: no requirement failed.",
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
        text = html.escape(program_text(outcome, binding))
        shown = (
            f"<details><summary>the shortest conversation found, {outcome.packets} packets</summary>"
            f"<pre>{table}</pre><pre>{text}</pre></details>"
        )
    return (
        f'<tr id="{html.escape(requirement.id)}" data-result="{outcome.verdict.value}" data-kind="{html.escape(requirement.kind)}">'
        f"<td>{badge}</td><td>{html.escape(requirement.id)}</td>"
        f'<td><a href="{SPECIFICATION}">{html.escape(requirement.section)}</a></td>'
        f"<td>{html.escape(requirement.summary)}{cause}{shown}</td><td>{outcome.tried}</td></tr>"
    )
