"""Results of `check` for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.engine.levels import Verdict
from mstrp.report.ladder import finding_lines, ladder_lines
from mstrp.report.lines import Line, Span, blank, line, wrapped
from mstrp.report.results import counts, verdict
from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mstrp.checking import CallResult, CaptureResult, SessionResult
    from mstrp.report.ladder import Ladder

__all__ = ["result_lines", "summary_lines"]

#: Calls that are listed for a session, and notes that are listed for a capture, before the rest is counted.
_CALLS = 50
_NOTES = 20
#: Findings of a baseline that are listed for a capture.
_EXPECTED = 20


def result_lines(result: CaptureResult, ladder: Ladder | None, *, width: int) -> list[Line]:
    """Everything about one capture."""
    found = counts(result.findings)
    calls = sum(len(session.calls) for session in result.sessions)
    numbers = (
        f"{_count(result.frames, 'frame')}, {_count(len(result.sessions), 'session')}, {_count(calls, 'call')}, "
        f"{_count(len(result.findings), 'finding')}"
    )
    lines: list[Line] = [
        (
            Span("head", f"{printable(result.path)}: "),
            Span(result.verdict.value, result.verdict.value.upper()),
            *_but(result),
        ),
        line(f"  {numbers}"),
    ]
    if result.findings:
        lines.append(line(f"  {found['fail']} fail, {found['warn']} warn, {found['info']} info"))
    for frame, text in result.notes[:_NOTES]:
        lines += wrapped(f"note: frame {frame}: {text}", "warn", width=width, first="  ", rest=" " * 8)
    if len(result.notes) > _NOTES:
        lines.append(line(f"  and {_count(len(result.notes) - _NOTES, 'more note')}", "warn"))
    if not result.sessions:
        lines.append(line("  no MS-TRP conversation was found"))
    shown = set()
    for session in result.sessions:
        lines += [blank(), *_session(session, width)]
        if ladder is not None:
            rungs = ladder_lines(ladder, result.findings, width=width, session=session.id)
            if rungs:
                lines += [blank(), *rungs]
                shown.add(session.id)
    if ladder is not None and ladder.full:
        text = f"  the ladder ends after {_count(len(ladder.rungs), 'packet')}; --ladder N shows more"
        lines += [blank(), line(text)]
    if result.expected:
        lines.append(blank())
    for each in result.expected[:_EXPECTED]:
        text = f"expected: frame {each.finding.frame}: {each.finding.rule}: {each.finding.summary} ({each.reason})"
        lines += wrapped(printable(text), "dim", width=width, first="  ", rest=" " * 6)
    if len(result.expected) > _EXPECTED:
        lines.append(line(f"  and {len(result.expected) - _EXPECTED} more expected", "dim"))
    rest = [finding for finding in result.findings if finding.session not in shown]
    if rest:
        lines.append(blank())
        for finding in rest:
            lines += finding_lines(finding, indent=6, width=width)
    return lines


def _but(result: CaptureResult) -> list[Span]:
    """What the verdict leaves out."""
    if not result.expected:
        return []
    return [Span("dim", f" ({_count(len(result.expected), 'finding')} expected by the baseline)")]


def _session(session: SessionResult, width: int) -> list[Line]:
    version = f"TAPI {session.version >> 16}.{session.version & 0xFFFF}" if session.version else "TAPI version unknown"
    model = session.model or "model unknown"
    lines = [line(f"session {session.id}: {session.client} → {session.server}, {model}, {version}", "head")]
    for call in session.calls[:_CALLS]:
        lines += _call(call, width)
    if len(session.calls) > _CALLS:
        lines.append(line(f"  and {_count(len(session.calls) - _CALLS, 'more call')}"))
    return lines


def _call(call: CallResult, width: int) -> list[Line]:
    path = " → ".join(call.states) or "no state known"
    head = f"  call {call.handle:#x}#{call.epoch}: "
    text = f"{path}; {call.final}"
    return wrapped(text, "plain", width=width, first=head, rest=" " * 6)


def summary_lines(results: list[CaptureResult], baseline: Mapping[str, str] | None = None) -> list[Line]:
    """The last lines: rules of the baseline that no finding has, and the verdict of several captures."""
    seen = {each.finding.rule for result in results for each in result.expected}
    stale = sorted(set(baseline or ()) - seen)
    lines = [line(printable(f"in the baseline, not found: {', '.join(stale)}"), "warn")] if stale else []
    if len(results) < 2:
        return [blank(), *lines] if lines else []
    found = counts([finding for result in results for finding in result.findings])
    whole = verdict(results)
    unreadable = sum(1 for result in results if result.error is not None)
    text = f"{len(results)} captures: {whole.value.upper()}; {found['fail']} fail, {found['warn']} warn, {found['info']} info"
    if unreadable:
        text += f"; {unreadable} could not be read"
    expected = sum(len(result.expected) for result in results)
    if expected:
        text += f"; {expected} expected by the baseline"
    style = "pass" if whole is Verdict.PASS and not unreadable else "warn" if whole is not Verdict.FAIL else "fail"
    return [blank(), *lines, line(text, style)]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
