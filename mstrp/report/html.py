"""Results of `check` and `conform` as one self-contained HTML page."""

from __future__ import annotations

import html
import re
from importlib import resources
from itertools import groupby
from typing import TYPE_CHECKING, Any

from fsm.diagram import collapsed, dot
from fsm.engine.levels import Verdict
from fsm.state.machines import MACHINES
from mstrp.checking.results import judged_of, verdict_of
from mstrp.drawing.render import DrawError, render
from mstrp.report.headline import common_folder, count, explanation, left_out, short_path, totals, verdict_name
from mstrp.report.html_record import CHUNK, packed
from mstrp.report.rules import SPECIFICATION, rule_help
from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fsm.engine.finding import Finding
    from mstrp.checking import CaptureResult
    from mstrp.report.formats import CheckReport, ConformReport
    from mstrp.report.html_record import Recorder

__all__ = ["as_html", "check", "conform"]

#: Number of findings of a group in the page itself; the others are shown on request.
_FIRST = 5
_GROUPS = 200


def check(report: CheckReport) -> str:
    """Return the page of `check`."""
    return as_html(
        report.results,
        report.recorders,
        report=None if report.coverage is None else {"coverage": report.coverage},
    )


def conform(report: ConformReport) -> str:
    """Return the page of `conform`."""
    from mstrp.report.conformance_html import page

    return page(report)


def as_html(
    results: Sequence[CaptureResult],
    recorders: Sequence[Recorder],
    *,
    title: str = "",
    report: dict[str, Any] | None = None,
) -> str:
    """Return the page. ``report`` is the JSON report with additional data: its ``coverage`` is shown."""
    findings = [finding for result in results for finding in result.findings]
    for recorder in recorders:
        recorder.finish()
    whole = verdict_of(results)
    word = "unreadable" if whole is None else whole.value
    pages = resources.files("mstrp.report").joinpath("web")
    names = [result.path for result in results]
    folder = common_folder(names)
    short = [printable(short_path(name, folder)) for name in names[:3]]
    title = title or f"{word}: {printable(folder)}{', '.join(short)}{' …' if len(names) > 3 else ''}"
    places = {name: number for number, name in enumerate(names)}
    parts = {
        "title": html.escape(title),
        "verdict": word,
        "summary": _summary(results, whole),
        "captures": _folder(folder) + "".join(_capture(result, folder) for result in results),
        "findings": _groups(findings, places),
        "rules": _coverage(report or {}),
        "style": pages.joinpath("page.css").read_text("utf-8"),
        "script": pages.joinpath("page.js").read_text("utf-8"),
        "data": packed(_data(results, recorders, findings, places)),
        "chunks": "".join(_chunks(recorders)),
    }
    page = pages.joinpath("page.html").read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], page)


def _summary(results: Sequence[CaptureResult], whole: Verdict | None) -> str:
    found = totals(results)
    judged = judged_of(result.judged for result in results)
    numbers = [
        ("fail", found["fail"], "a MUST or an unqualified requirement is violated"),
        ("warn", found["warn"], "suspicious, or refused"),
        ("info", found["info"], "information"),
        ("", sum(result.frames for result in results), "frames"),
        ("", judged.packets, "packets judged"),
        ("", judged.sessions, "sessions"),
        ("", judged.calls, "calls"),
    ]
    cells = "".join(
        f'<div class="number {kind}"><dt>{html.escape(what)}</dt><dd>{number:,}</dd></div>'
        for kind, number, what in numbers
    )
    words = {
        Verdict.PASS: "PASS: no violations.",
        Verdict.WARN: "PASS with warnings: no MUST is violated.",
        Verdict.FAIL: "FAIL: a MUST, or an unqualified requirement of the TAPI documentation, is violated.",
        Verdict.INCONCLUSIVE: "Inconclusive.",
        None: "Unreadable.",
    }
    unread = sum(1 for result in results if result.error is not None)
    said = explanation(results)
    more = f" {html.escape(said[:1].upper() + said[1:])}."
    more += f" {unread} of {len(results)} captures could not be read." if unread and whole is not None else ""
    word = "unreadable" if whole is None else whole.value
    more += "".join(f" {html.escape(each[0].upper() + each[1:])}." for each in left_out(results))
    return f'<p class="verdict {word}" role="status">{words[whole]}{more}</p><dl class="numbers">{cells}</dl>'


def _folder(folder: str) -> str:
    """Return the common folder of several captures."""
    return f"<li>in <code>{html.escape(printable(folder))}</code>:</li>" if folder else ""


def _capture(result: CaptureResult, folder: str) -> str:
    name = html.escape(printable(short_path(result.path, folder)))
    said = html.escape(explanation([result]))
    problem = f'<p class="fail">{said}</p>' if result.error else f": {said}"
    notes = "".join(f"<li>frame {frame}: {html.escape(text)}</li>" for frame, text in result.notes[:100])
    notes = (
        f"<details><summary>{count(len(result.notes), 'note')} on damage</summary><ul>{notes}</ul></details>"
        if notes
        else ""
    )
    return (
        f'<li><span class="badge {verdict_name(result)}">{verdict_name(result)}</span> <code>{name}</code>, '
        f"{result.frames:,} frames{problem}{notes}</li>"
    )


def _cause(finding: Finding) -> tuple[str, str, str, str]:
    return (finding.rule, finding.verdict.value, finding.fault.value if finding.fault else "", finding.event)


_ORDER = {"fail": 0, "warn": 1, "info": 2}


def _groups(findings: list[Finding], places: dict[str, int]) -> str:
    """Return findings grouped by cause: the same rule, side at fault and event."""
    if not findings:
        return '<p class="none">No findings.</p>'
    ordered = sorted(enumerate(findings), key=lambda pair: (_ORDER[pair[1].verdict.value], _cause(pair[1]), pair[0]))
    groups = [(cause, list(group)) for cause, group in groupby(ordered, key=lambda pair: _cause(pair[1]))]
    groups.sort(key=lambda group: (_ORDER[group[0][1]], -len(group[1]), group[0]))
    found = [_group(cause, group, places) for cause, group in groups[:_GROUPS]]
    if len(groups) > _GROUPS:
        found.append(f"<p>{len(groups) - _GROUPS:,} more causes are omitted; the JSON report contains all.</p>")
    return "".join(found)


def _group(cause: tuple[str, ...], group: list[tuple[int, Finding]], places: dict[str, int]) -> str:
    rule, kind, fault, event = cause
    first = group[0][1]
    text = rule_help(rule)
    who = f"the {fault}'s fault" if fault else "fault unknown"
    section = html.escape(first.section)
    items = "".join(finding_item(number, finding, places) for number, finding in group[:_FIRST])
    rest = [number for number, _ in group[_FIRST:]]
    more = (
        f'<button type="button" class="more" data-more="{" ".join(map(str, rest))}">Show {len(rest):,} more</button>'
        if rest
        else ""
    )
    return (
        f'<section class="cause {kind}"><h3><span class="badge {kind}">{kind}</span> <code>{html.escape(rule)}</code> '
        f'<span class="count">{len(group):,} ×</span></h3>'
        f"<p>{html.escape(text.summary or first.summary)}</p>"
        f'<p class="where">{html.escape(event)} · {first.level.name} · {who} · '
        f'<a href="{SPECIFICATION}" rel="noreferrer">MS-TRP {section}</a></p>'
        f'<ul class="list">{items}</ul>{more}</section>'
    )


def finding_item(number: int, finding: Finding, places: dict[str, int]) -> str:
    """Return a finding as a list item; the button leads to its position in the ladder."""
    allowed = f" Legal: {', '.join(finding.allowed)}." if finding.allowed else ""
    capture = f" of {html.escape(printable(finding.capture))}" if len(places) > 1 else ""
    return (
        f'<li><button type="button" class="go" data-finding="{number}">frame {finding.frame}</button> '
        f"<span>{finding.time:.6f} s{capture}: {html.escape(finding.summary)}."
        f"{html.escape(allowed)}</span></li>"
    )


def _coverage(report: dict[str, Any]) -> str:
    """Return the rule coverage, if the report contains it: how often each rule was checked and violated."""
    rules = _rules_of(report.get("coverage"))
    if not rules:
        return ""
    reached = sum(1 for _, checked, _ in rules if checked)
    rows = "".join(
        f'<tr class="{"broken" if broken else "met" if checked else "open"}"><th scope="row"><code>{html.escape(rule)}'
        f"</code></th><td>{checked:,}</td><td>{broken:,}</td><td>{html.escape(rule_help(rule).summary)}</td></tr>"
        for rule, checked, broken in rules
    )
    return (
        f'<section id="rules" aria-labelledby="rules-title"><h2 id="rules-title">Rule coverage</h2>'
        f'<p>{reached} of {len(rules)} rules were checked.</p><meter min="0" max="{len(rules)}" '
        f'value="{reached}">{reached} of {len(rules)}</meter><div class="scroll" tabindex="0" role="region" '
        f'aria-label="Rules"><table><thead><tr><th scope="col">rule</th><th scope="col">checked</th>'
        f'<th scope="col">violated</th><th scope="col">requirement</th></tr></thead><tbody>{rows}</tbody></table>'
        f"</div></section>"
    )


def _rules_of(coverage: Any) -> list[tuple[str, int, int]]:
    """Return (rule, checked, violated) from an object by rule or a list of objects."""
    if isinstance(coverage, dict) and "rules" in coverage:
        coverage = coverage["rules"]
    if isinstance(coverage, dict):
        coverage = [
            {"rule": name, **(value if isinstance(value, dict) else {"checked": value})}
            for name, value in coverage.items()
        ]
    found = []
    for entry in coverage or ():
        rule = entry.get("rule") or entry.get("id")
        broken = entry.get("broken", entry.get("findings", 0))
        checked = entry.get("checked", entry.get("evaluated", 0))
        found.append((str(rule), int(checked or 0), len(broken) if isinstance(broken, list) else int(broken or 0)))
    return found


def _data(
    results: Sequence[CaptureResult], recorders: Sequence[Recorder], findings: list[Finding], places: dict[str, int]
) -> dict[str, Any]:
    """Return all data that the script shows on request, except the packets."""
    return {
        "chunk": CHUNK,
        "captures": [_capture_data(result, recorder) for result, recorder in zip(results, recorders, strict=True)],
        "findings": [
            [
                places.get(finding.capture, 0), finding.frame, finding.time, finding.session, finding.machine,
                finding.instance, finding.rule, finding.verdict.value, finding.summary, list(finding.state),
                finding.event, list(finding.allowed), finding.section,
            ]
            for finding in findings
        ],
        "machines": list(_machines(recorders)),
    }  # fmt: skip


def _capture_data(result: CaptureResult, recorder: Recorder) -> dict[str, Any]:
    calls = []
    for session in result.sessions:
        for call in session.calls:
            name = f"{call.handle:#x}#{call.epoch}"
            key = (session.id, name)
            calls.append(
                [
                    session.id,
                    name,
                    list(call.states),
                    call.final,
                    recorder.calls.get(key, []),
                    recorder.ways.get(key, []),
                ]
            )
    sessions = [
        {
            "id": session.id,
            "client": session.client,
            "server": session.server,
            "model": session.model,
            "version": f"{session.version >> 16}.{session.version & 0xFFFF}" if session.version else None,
            "packets": recorder.sessions.get(session.id, []),
            "requests": session.requests,
            "events": session.events,
        }
        for session in result.sessions
    ]
    left_out = recorder.left_out
    return {
        "path": printable(result.path),
        "sessions": sessions,
        "calls": calls,
        "packets": recorder.count,
        "leftOut": left_out,
    }


def _machines(recorders: Sequence[Recorder]) -> Iterable[dict[str, Any]]:
    """Return diagrams of the machines used, with their coverage."""
    for name, machine in MACHINES.items():
        table = machine.table
        taken = {number for recorder in recorders for number in recorder.rows[name]}
        rows = sum(1 for row in table.rows if id(row) in taken)
        if not rows:
            continue
        states: dict[str, int] = {}
        edges: dict[str, int] = {}
        for recorder in recorders:
            for state, number in recorder.states[name].items():
                states[state] = states.get(state, 0) + number
            for (source, target), number in recorder.edges[name].items():
                edges[f"{source} {target}"] = edges.get(f"{source} {target}", 0) + number
        labels = {state.name: table.caption(state) for state in table.states}
        yield {
            "name": name,
            "summary": table.summary,
            "svg": _drawn(name),
            "rows": [rows, len(table.rows)],
            "states": states,
            "edges": edges,
            "labels": labels,
        }


def _drawn(name: str) -> str:
    """Return the diagram of a machine with unique ids; empty if drawing is not available."""
    try:
        svg = render(dot(collapsed(MACHINES[name].table)), "svg").decode()
    except DrawError:
        return ""
    svg = svg[svg.index("<svg") :]
    return re.sub(r'id="', f'id="{name}-', svg)


def _chunks(recorders: Sequence[Recorder]) -> Iterable[str]:
    for number, recorder in enumerate(recorders):
        for place, chunk in enumerate(recorder.chunks):
            yield f'<script type="text/plain" id="packets-{number}-{place}">{chunk}</script>\n'
