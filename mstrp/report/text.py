"""Results of `check` for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.levels import Verdict
from mstrp.report.ladder import finding_lines, ladder_text
from mstrp.report.results import counts, verdict

if TYPE_CHECKING:
    from mstrp.checking import CaptureResult, SessionResult
    from mstrp.report.ladder import Ladder

__all__ = ["result_lines", "summary_lines"]

#: Calls that are listed for a session before the rest is counted.
_CALLS = 50


def result_lines(result: CaptureResult, ladder: Ladder | None, *, width: int) -> list[tuple[str, str]]:
    """Everything about one capture as (style, line)."""
    found = counts(result.findings)
    calls = sum(len(session.calls) for session in result.sessions)
    numbers = (
        f"{result.frames} frames, {_count(len(result.sessions), 'session')}, {_count(calls, 'call')}, "
        f"{_count(len(result.findings), 'finding')}"
    )
    if result.error is not None:
        return [("fail", f"{result.path}: cannot be read: {result.error.removeprefix(result.path + ': ')}")]
    style = "pass" if result.verdict is Verdict.PASS else result.verdict.value
    lines = [(style, f"{result.path}: {result.verdict.value.upper()}"), ("plain", f"  {numbers}")]
    if result.findings:
        lines.append(("plain", f"  {found['fail']} fail, {found['warn']} warn, {found['info']} info"))
    for frame, text in result.notes:
        lines.append(("info", f"  note: frame {frame}: {text}"))
    shown = set()
    for session in result.sessions:
        lines += [("plain", ""), *_session(session)]
        if ladder is not None:
            rungs = ladder_text(ladder, result.findings, width=width, session=session.id)
            if rungs:
                lines += [("plain", ""), ("head", f"{'frame':>7} {'time':>10} {'':3} packet and state after"), *rungs]
                shown.add(session.id)
    if ladder is not None and ladder.left_out:
        text = (
            f"  the ladder shows the first {len(ladder.rungs)} packets, {ladder.left_out} more are left out (--ladder)"
        )
        lines += [("plain", ""), ("plain", text)]
    rest = [finding for finding in result.findings if finding.session not in shown]
    if rest:
        lines.append(("plain", ""))
        for finding in rest:
            lines += finding_lines(finding, indent=2)
    return lines


def _session(session: SessionResult) -> list[tuple[str, str]]:
    version = f"TAPI {session.version >> 16}.{session.version & 0xFFFF}" if session.version else "TAPI version unknown"
    model = session.model or "model unknown"
    lines = [("head", f"session {session.id}: {session.client} → {session.server}, {model}, {version}")]
    for call in session.calls[:_CALLS]:
        path = " → ".join(call.states) or "no state known"
        lines.append(("plain", f"  call {call.handle:#x}#{call.epoch}: {path}; {call.final}"))
    if len(session.calls) > _CALLS:
        lines.append(("plain", f"  and {len(session.calls) - _CALLS} more calls"))
    return lines


def summary_lines(results: list[CaptureResult]) -> list[tuple[str, str]]:
    """The last lines, where several captures were checked."""
    if len(results) < 2:
        return []
    found = counts([finding for result in results for finding in result.findings])
    whole = verdict(results)
    unreadable = sum(1 for result in results if result.error is not None)
    text = f"{len(results)} captures: {whole.value.upper()}; {found['fail']} fail, {found['warn']} warn, {found['info']} info"
    if unreadable:
        text += f"; {unreadable} could not be read"
    return [("plain", ""), ("pass" if whole is Verdict.PASS and not unreadable else "fail", text)]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
