"""Diagrams of a checked capture: the path of each call, the sequence of each session."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from fsm.diagram import dot, path_of
from fsm.diagram.model import Tone
from fsm.engine.levels import Verdict
from fsm.state.machines import MACHINES
from mstrp.drawing.render import DrawError, render
from mstrp.report.files import write_file
from mstrp.report.headline import verdict_name
from mstrp.report.sequence import chart_dot, chart_mermaid, chart_of, chart_plantuml

if TYPE_CHECKING:
    from pathlib import Path

    from mstrp.checking import CallResult, CaptureResult, SessionResult
    from mstrp.report.ladder import Ladder

__all__ = ["draw_result"]

#: Characters that some systems do not allow in file names.
_FORBIDDEN = '<>:"/|?*'
#: Maximum number of calls drawn for a capture.
_CALLS = 100


def draw_result(result: CaptureResult, ladder: Ladder, folder: Path) -> list[str]:
    """Write the diagrams of a capture to a folder; return notes about omitted ones.

    Without a renderer, the DOT and Mermaid texts are written instead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = _stem(result.path)
    problems: list[str] = []
    chosen = _chosen(result)
    for session in result.sessions:
        for call in session.calls:
            if (session.id, call.name) not in chosen:
                continue
            name = f"{stem}-{session.id}-call-{call.handle:#x}-{call.epoch}"
            _write(folder, name, _call_dot(result, session, call), "dot", problems, [result.path])
        title = f"{stem}: session {session.id}"
        chart = chart_of(
            ladder, result.findings, session.id, title, f"client {session.client}", f"server {session.server}"
        )
        if chart.arrows:
            name = f"{stem}-{session.id}-sequence"
            write_file(folder / f"{name}.mmd", chart_mermaid(chart), [result.path])
            write_file(folder / f"{name}.puml", chart_plantuml(chart), [result.path])
            _write(folder, name, chart_dot(chart), "neato", problems, [result.path])
    calls = max(result.judged.calls, sum(len(session.calls) for session in result.sessions))
    if calls > len(chosen):
        problems.append(f"{result.path}: {len(chosen):,} of {calls:,} calls are drawn")
    return problems


def _chosen(result: CaptureResult) -> set[tuple[str, str]]:
    """Return the calls to draw: all with findings, and others up to the limit."""
    about = {(each.session, each.instance) for each in result.findings if each.machine == "call"}
    calls = [(session.id, call.name) for session in result.sessions for call in session.calls]
    found = {key for key in calls if key in about}
    return found | set([key for key in calls if key not in about][: max(0, _CALLS - len(found))])


def _stem(path: str) -> str:
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    stem = "stdin" if name == "-" else name.split(".", 1)[0] or "capture"
    return "".join("_" if char in _FORBIDDEN or not char.isprintable() else char for char in stem)


def _write(folder: Path, name: str, source: str, engine: str, problems: list[str], inputs: list[str]) -> None:
    try:
        write_file(folder / f"{name}.svg", render(source, "svg", engine=engine), inputs)
    except DrawError as error:
        write_file(folder / f"{name}.dot", source, inputs)
        if not problems:
            problems.append(f"{error}; DOT texts were written to {folder} instead")


def _call_dot(result: CaptureResult, session: SessionResult, call: CallResult) -> str:
    """Return the states of a call as a chain, with findings in color."""
    name = f"{call.handle:#x}#{call.epoch}"
    findings = [f for f in result.findings if f.session == session.id and f.machine == "call" and f.instance == name]
    states = [*call.states, call.final] if call.final != "live" else list(call.states)
    steps = []
    for source, target in itertools.pairwise(states):
        tone, event = Tone.REPORT, ""
        for finding in findings:
            if finding.state == (source,) and target != call.final:
                tone = Tone.FORBIDDEN if finding.verdict is Verdict.FAIL else Tone.ODD
                event = finding.rule
        steps.append((source, event, target, tone))
    title = f"call {name} of session {session.id}: {verdict_name(result)}"
    return dot(path_of(MACHINES["call"].table, title, steps), legend=False)
