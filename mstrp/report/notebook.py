"""Notebook display of a checked capture: the verdict, sessions with the paths of their calls, and the findings."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from fsm.diagram.notebook import finding_html, states_svg
from fsm.state.machines import MACHINES
from mstrp.report.headline import count, explanation, verdict_name
from protocol.printable import printable

if TYPE_CHECKING:
    from mstrp.checking import CallResult, CaptureResult

__all__ = ["call_svg", "result_html"]

#: Maximum number of calls and findings listed.
_SHOWN = 50


def result_html(result: CaptureResult) -> str:
    """Return a capture as HTML."""
    said, frames = html.escape(explanation([result])), count(result.frames, "frame")
    parts = [f"<p><b>{html.escape(printable(result.path))}: {verdict_name(result).upper()}</b>: {said}, {frames}</p>"]
    for session in result.sessions:
        ends = f"{html.escape(session.client)} → {html.escape(session.server)}"
        parts.append(f"<p>session {html.escape(session.id)}: {ends}, {session.model or 'unknown event delivery'}</p>")
        rows = [
            f"<tr><td><code>{call.handle:#x}#{call.epoch}</code></td><td>{' → '.join(call.states) or 'state not known'}</td>"
            f"<td>{call.final}</td></tr>"
            for call in session.calls[:_SHOWN]
        ]
        if len(session.calls) > _SHOWN:
            rows.append(f"<tr><td colspan=3>and {len(session.calls) - _SHOWN} more calls</td></tr>")
        if rows:
            head = "<tr><th>call</th><th>states</th><th>end</th></tr>"
            parts.append(f"<table>{head}{''.join(rows)}</table>")
    parts += [finding_html(finding) for finding in result.findings[:_SHOWN]]
    if len(result.findings) > _SHOWN:
        parts.append(f"<p>and {len(result.findings) - _SHOWN} more findings</p>")
    return "".join(parts)


def call_svg(call: CallResult) -> str | None:
    """Return a diagram of the states of a call."""
    states = [*call.states, *([] if call.final == "live" else [call.final])]
    return states_svg(MACHINES["call"].table, f"call {call.handle:#x}#{call.epoch}", states) if states else None
