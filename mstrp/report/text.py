"""Reports of `check` and `conform` for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.engine.levels import Verdict
from mstrp.checking.results import verdict_of
from mstrp.report.headline import count, explanation, headline, left_out, short_path, totals, verdict_name
from mstrp.report.ladder import grouped_lines, ladder_lines
from mstrp.report.lines import Line, Span, blank, line, wrapped
from mstrp.report.statistics import rule_counts
from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mstrp.checking import CallResult, CaptureResult, SessionResult
    from mstrp.report.formats import CheckReport, ConformReport
    from mstrp.report.ladder import Ladder

__all__ = ["check", "conform", "head_lines", "result_lines", "summary_lines", "total_lines"]

#: Maximum number of calls listed for a session, and of notes listed for a capture.
_CALLS = 50
_NOTES = 20
#: Maximum number of expected findings listed for a capture.
_EXPECTED = 20


def check(report: CheckReport) -> list[Line]:
    """Return the part after the captures: the summary, statistics and coverage."""
    lines = summary_lines(report.results, report.baseline, width=report.width)
    if report.statistics:
        lines += [blank(), *_statistics(report.results)]
    return lines


def conform(report: ConformReport) -> list[Line]:
    """Return the report of `conform`."""
    from mstrp.report.conformance import outcome_lines

    return list(
        outcome_lines(
            report.outcomes,
            report.conversations,
            binding=report.binding,
            width=report.width,
            sent=report.sent,
            seconds=report.seconds,
            seed=report.seed,
            cut=report.cut,
        )
    )


def head_lines(result: CaptureResult, *, width: int, folder: str = "") -> list[Line]:
    """Return the headline of a capture in lines of the given width; ``folder`` is removed from its path."""
    path, _, rest = headline(result, path=short_path(result.path, folder)).partition(": ")
    verdict, separator, said = rest.partition(": ")
    said += _but(result)
    head = f"{path}: {verdict}{separator or ' '}"
    first, *others = wrapped(said, "plain", width=width, first=head, rest=" " * 4) if said else [line(head)]
    text = "".join(span.text for span in first)[len(head) :]
    return [
        (Span("head", f"{path}: "), Span(verdict_name(result), verdict), Span("plain", f"{separator or ' '}{text}")),
        *others,
    ]


def result_lines(
    result: CaptureResult, ladder: Ladder | None, *, width: int, folder: str = "", every: bool = True
) -> list[Line]:
    """Return the whole report on one capture; without ``every``, no findings."""
    found = totals([result])
    number = sum(found.values())
    numbers = (
        f"{count(result.frames, 'frame')}, {count(result.judged.sessions, 'session')}, {_calls(result)}, "
        f"{count(number, 'finding')}"
    )
    lines: list[Line] = [*head_lines(result, width=width, folder=folder), line(f"  {numbers}")]
    if number:
        listed = "" if number == len(result.findings) else f"; {len(result.findings):,} of {number:,} listed"
        lines.append(line(f"  {found['fail']:,} fail, {found['warn']:,} warn, {found['info']:,} info{listed}"))
    for frame, text in result.notes[:_NOTES]:
        lines += wrapped(f"note: frame {frame}: {text}", "warn", width=width, first="  ", rest=" " * 8)
    if len(result.notes) > _NOTES:
        lines.append(line(f"  and {count(len(result.notes) - _NOTES, 'more note')}", "warn"))
    about = {(each.session, each.instance) for each in result.findings if each.machine == "call"}
    shown = set()
    for session in result.sessions:
        lines += [blank(), *_session(session, width, about)]
        if ladder is not None:
            rungs = ladder_lines(ladder, result.findings, width=width, session=session.id)
            if rungs:
                lines += [blank(), *rungs]
                shown.add(session.id)
    if ladder is not None and ladder.full:
        text = f"  the ladder ends after {count(len(ladder.rungs), 'packet')}; --ladder N shows more"
        lines += [blank(), line(text)]
    if result.expected:
        lines.append(blank())
    for each in result.expected[:_EXPECTED]:
        text = f"expected: frame {each.finding.frame}: {each.finding.rule}: {each.finding.summary} ({each.reason})"
        lines += wrapped(printable(text), "dim", width=width, first="  ", rest=" " * 6)
    if len(result.expected) > _EXPECTED:
        lines.append(line(f"  and {len(result.expected) - _EXPECTED} more expected", "dim"))
    rest = [finding for finding in result.findings if finding.session not in shown] if every else []
    if rest:
        lines += [blank(), *grouped_lines(rest, width=width)]
    return lines


def _calls(result: CaptureResult) -> str:
    """Return the number of calls, and the number listed."""
    listed = sum(len(session.calls) for session in result.sessions)
    total = max(listed, result.judged.calls)
    return f"{listed:,} of {total:,} calls listed" if listed < total else count(total, "call")


def _but(result: CaptureResult) -> str:
    """Return the findings excluded from the verdict."""
    return "".join(f" ({text})" for text in left_out([result]))


def _session(session: SessionResult, width: int, about: set[tuple[str, str]]) -> list[Line]:
    version = f"TAPI {session.version >> 16}.{session.version & 0xFFFF}" if session.version else "TAPI version unknown"
    model = session.model or "model unknown"
    lines = [line(f"session {session.id}: {session.client} → {session.server}, {model}, {version}", "head")]
    shown = _shown(session, about)
    for call in shown:
        lines += _call(call, width)
    total = max(len(session.calls), session.judged.calls)
    if total > len(shown):
        lines.append(line(f"  and {count(total - len(shown), 'more call')}"))
    return lines


def _shown(session: SessionResult, about: set[tuple[str, str]]) -> list[CallResult]:
    """Return the calls to list: those with findings, and others up to the limit, in order."""
    if len(session.calls) <= _CALLS:
        return session.calls
    found = [call for call in session.calls if (session.id, call.name) in about][:_CALLS]
    others = [call for call in session.calls if (session.id, call.name) not in about]
    chosen = {id(call) for call in [*found, *others[: _CALLS - len(found)]]}
    return [call for call in session.calls if id(call) in chosen]


def _call(call: CallResult, width: int) -> list[Line]:
    path = " → ".join(call.states) or "state not known"
    head = f"  call {call.handle:#x}#{call.epoch}: "
    text = f"{path}; {call.final}"
    return wrapped(text, "plain", width=width, first=head, rest=" " * 6)


def summary_lines(
    results: list[CaptureResult], baseline: Mapping[str, str] | None = None, *, width: int = 120
) -> list[Line]:
    """Return the last lines: baseline rules without a finding, and the verdict on several captures."""
    seen = {each.finding.rule for result in results for each in result.expected}
    stale = sorted(set(baseline or ()) - seen)
    lines = [line(printable(f"in the baseline, not found: {', '.join(stale)}"), "warn")] if stale else []
    if len(results) < 2:
        return [blank(), *lines] if lines else []
    return [blank(), *lines, *total_lines(results, width=width)]


def total_lines(results: list[CaptureResult], *, width: int) -> list[Line]:
    """Return the verdict on several captures, with their numbers."""
    found = totals(results)
    whole = verdict_of(results)
    unreadable = sum(1 for result in results if result.error is not None)
    undecided = sum(1 for result in results if result.verdict is Verdict.INCONCLUSIVE)
    text = f"{len(results)} captures: {'UNREADABLE' if whole is None else whole.value.upper()}: {explanation(results)}"
    text += f"; {found['fail']:,} fail, {found['warn']:,} warn, {found['info']:,} info"
    if undecided and whole is not Verdict.INCONCLUSIVE:
        text += f"; {undecided} inconclusive"
    if unreadable and whole is not None:
        text += f"; {unreadable} could not be read"
    text += "".join(f"; {each}" for each in left_out(results))
    good = whole is Verdict.PASS and not unreadable and not undecided
    style = "pass" if good else "fail" if whole is Verdict.FAIL else "warn"
    return wrapped(text, style, width=width, first="", rest=" " * 4)


def _statistics(results: list[CaptureResult]) -> list[Line]:
    """Return the number of findings by rule."""
    found = list(rule_counts(results))
    if not found:
        return [line("no findings")]
    room = max(len(f"{each.findings:,}") for each in found)
    width = max(len(each.rule) for each in found)
    return [
        (
            Span("plain", f"{each.findings:>{room},}  "),
            Span(each.verdict, f"{each.verdict:<4}  {each.rule:<{width}}"),
            Span("plain", f"  {printable(each.summary)}"),
        )
        for each in found
    ]
