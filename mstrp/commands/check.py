"""``mstrp check``: check every session in captures, print the verdict and the findings."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsm.engine.journal import check_journal, open_journal
from fsm.engine.levels import Verdict
from fsm.rules.profiles import PROFILES, ProfileError, load_profile
from mstrp.checking import CaptureResult, check_capture
from mstrp.checking.baseline import baseline_toml, is_ignored, read_baseline, read_ignored
from mstrp.commands.capture_options import add_capture_options, capture_setup
from mstrp.commands.collecting import seldom
from mstrp.commands.interrupt import Interrupts
from mstrp.commands.output import complain, opened, terminal_width, write_lines
from mstrp.commands.progress import Bar
from mstrp.commands.selection_options import add_show_option, selection_of
from mstrp.commands.status import BROKEN, INCONCLUSIVE, INTERNAL, INTERRUPTED, OK, UNREADABLE, gravest, internal_error
from mstrp.report.files import OutputError, check_outputs, replaced
from mstrp.report.formats import CheckReport, add_format_option, check_report
from mstrp.report.headline import common_folder
from mstrp.report.html_record import Recorder
from mstrp.report.jsonl_report import finding_line
from mstrp.report.ladder import Ladder
from mstrp.report.lines import blank, line
from mstrp.report.pictures import draw_result
from mstrp.report.text import head_lines, result_lines, total_lines
from mstrp.selection.results import keep_selected, may_show, select_result, selecting
from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from fsm.engine.finding import Finding
    from fsm.engine.journal import Journal
    from fsm.engine.step import Step
    from fsm.state.coverage import Coverage
    from mstrp.capture.packets import Packet
    from mstrp.checking.parallel import Jobs
    from mstrp.report.lines import Line

__all__ = ["arguments", "run"]

EXAMPLE = """\
examples:
  mstrp check trace.pcapng
  mstrp check --format json --output report.json *.pcap
  mstrp check --format html --output report.html trace.pcap
  mstrp check trace.pcap --diagrams pictures --journal steps.sqlite
  mstrp check trace.pcap --baseline known.toml
  mstrp check trace.pcap --show verdict=fail --show call=0x10005,0x10006
  mstrp check trace.pcap --ignore 'CALL-STATE-*'

exit status: 0 no failures, 1 a mandatory rule is violated (with --strict: also warnings),
2 usage error or a capture that cannot be read, 3 inconclusive: nothing was judged (with --strict: also if part of the
MS-TRP traffic was not judged), 4 internal error (-vv prints the traceback), 130 ended by Ctrl-C (the report has what
was found so far); of several captures the first of 130, 1, 4, 2, 3, 0 that occurred
"""
#: Packets in a sequence chart if the report shows none.
_DRAWN = 500


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "captures",
        metavar="CAPTURE",
        nargs="+",
        help="pcap or pcapng file, or packets as JSON lines, plain or compressed; - reads standard input",
    )
    add_format_option(parser, "check")
    parser.add_argument("--output", metavar="FILE", help="write the report to a file instead of standard output")
    parser.add_argument("--journal", metavar="FILE", help="write every transition to a .jsonl or .sqlite file")
    parser.add_argument("--diagrams", metavar="DIR", help="draw the path of each call and the sequence of each session")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="treat warnings as failures, and return status 3 if part of the MS-TRP traffic was not judged",
    )
    parser.add_argument(
        "--allow-empty", action="store_true", help="return status 0 for a capture without any MS-TRP traffic"
    )
    parser.add_argument(
        "--ignore",
        metavar="RULE[,…]",
        action="append",
        default=[],
        help="exclude the findings of rules from report, verdict and exit status; * ? [] match as in file names; a "
        "baseline can list them too",
    )
    add_show_option(parser)
    parser.add_argument(
        "--statistics",
        action="store_true",
        help="print the number of findings of each rule, with text instead of the findings",
    )
    parser.add_argument(
        "--baseline",
        metavar="FILE",
        help="exclude known findings from verdict and exit status",
    )
    parser.add_argument(
        "--write-baseline",
        metavar="FILE",
        help="write a baseline with the rules that currently fail (with --strict: also those with warnings)",
    )
    parser.add_argument(
        "--coverage",
        action="store_true",
        help="print the rules and rows that the traffic exercised, and the requests that it lacks",
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        action=_ProfileAction,
        default=[],
        help="tolerate known deviations of a type of server: name of a profile, .toml file, or `list`",
    )
    parser.add_argument(
        "--ladder",
        metavar="N",
        type=_count,
        default=500,
        help="maximum number of packets in the text report (default: 500; 0: none)",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_count,
        default=1,
        help="number of processes for several captures or for the sessions of a large one (default: 1; 0: all cores; "
        "with --journal, --coverage and html always 1)",
    )
    # Files given as options.
    parser.set_defaults(files=[])
    add_capture_options(parser)


def _count(text: str) -> int:
    """Parse a non-negative integer."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be a non-negative number")
    return number


class _ProfileAction(argparse.Action):
    """Collect profiles; ``list`` prints them instead."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        value: Any,
        option: str | None = None,
    ) -> None:
        if value == "list":
            for profile in PROFILES.values():
                rules = ", ".join(softening.rule for softening in profile.softenings)
                sys.stdout.write(f"{profile.name:22} {profile.summary}; softens {rules}\n")
            parser.exit()
        try:
            profile = load_profile(value)
        except ProfileError as error:
            parser.error(str(error))
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), profile])
        if Path(value).is_file():
            namespace.files = [*namespace.files, value]


def run(options: argparse.Namespace) -> int:
    """Check every capture; return the most severe exit status."""
    try:
        options.setup = capture_setup(options)
        if options.journal:
            check_journal(options.journal)
        options.known = read_baseline(options.baseline) if options.baseline else {}
        options.ignored = [name.strip() for text in options.ignore for name in text.split(",") if name.strip()]
        options.ignored += read_ignored(options.baseline) if options.baseline else ()
        inputs = [*options.captures, *options.files, *options.nt_password_file]
        check_outputs([options.output, options.journal, options.write_baseline], inputs)
        check_outputs([options.output, options.journal], [options.baseline] if options.baseline else [])
    except ValueError as error:
        complain(str(error))
        return 2
    options.selection = selection_of(options)
    #: Results before the selection.
    options.found = []
    options.tally = _tally() if options.coverage else None
    alone = bool(options.journal) or options.format == "html" or options.coverage
    options.pool = None if options.jobs == 1 or alone else _pool(options)
    with (
        # First, so that forked processes inherit it.
        seldom(),
        opened(options.output, options.captures) as stream,
        _journal(options) as journal,
        options.pool or nullcontext(),
        Interrupts() as interrupts,
    ):
        recorders: list[Recorder] = []
        results = _check_all(options, stream, journal, interrupts, recorders)
        _write(options, results, recorders, stream)
    _headlines(options, results)
    if options.write_baseline:
        with opened(options.write_baseline, options.captures) as stream:
            stream.write(baseline_toml(_reasons(options.found, options)))
    return INTERRUPTED if interrupts.pending else int(options.status)


def _write(
    options: argparse.Namespace, results: list[CaptureResult], recorders: list[Recorder], stream: TextIO
) -> None:
    """Write the report, or with text what follows the captures, which are written as they come."""
    tally: Coverage | None = options.tally
    findings = [finding for result in options.found for finding in result.findings]
    coverage = None if tally is None or options.format == "text" else tally.as_dict(findings)
    report = check_report(
        options.format,
        CheckReport(
            results,
            recorders,
            coverage,
            options.statistics,
            options.known,
            terminal_width(stream),
            [path for path in options.captures if _streams(options, path)],
        ),
    )
    if isinstance(report, str):
        stream.write(report)
    else:
        write_lines(report, stream)
    if tally is not None and options.format == "text":
        stream.write("\n" + "".join(f"{line}\n" for line in tally.lines(findings)))


def _headlines(options: argparse.Namespace, results: list[CaptureResult]) -> None:
    """Write the headlines to standard error where the report goes to a file."""
    if options.output in (None, "-") or options.quiet:
        return
    folder = common_folder(options.captures)
    width = terminal_width(sys.stderr)
    lines: list[Line] = []
    for result in results:
        if result.error is None:
            lines += head_lines(result, width=width, folder=folder)
    if folder and lines:
        lines.insert(0, _folder_line(folder))
    if len(results) > 1:
        lines += total_lines(results, width=width)
    with suppress(OSError):
        write_lines(lines, sys.stderr)


def _folder_line(folder: str) -> Line:
    """Return the line that names the folder of all captures."""
    return line(f"captures in {printable(folder)}:", "head")


def _reasons(results: list[CaptureResult], options: argparse.Namespace) -> dict[str, str]:
    """Return the rules of a new baseline: those of the current one, and those of findings that count."""
    counted = {Verdict.FAIL, Verdict.WARN} if options.strict else {Verdict.FAIL}
    found = dict(options.known)
    for result in results:
        for finding in result.findings:
            if finding.verdict in counted:
                found.setdefault(finding.rule, finding.summary)
    return found


@contextmanager
def _journal(options: argparse.Namespace) -> Iterator[Journal | None]:
    if not options.journal:
        yield None
        return
    with replaced(options.journal, options.captures) as place, open_journal(options.journal, place=place) as journal:
        yield journal


def _tally() -> Coverage:
    # Imported here because the rule catalogue is rarely needed.
    from fsm.state.coverage import Coverage

    return Coverage()


def _pool(options: argparse.Namespace) -> Jobs:
    # Imported here because process pools load many modules.
    from mstrp.checking.parallel import Jobs

    number = options.jobs or os.cpu_count() or 1
    ladder = options.ladder if options.format == "text" else 0
    ladder = ladder or (_DRAWN if options.diagrams else 0)
    return Jobs(
        options.captures,
        number,
        setup=options.setup,
        profiles=options.profile,
        ladder=ladder,
        baseline=options.known,
        ignore=options.ignored,
        selection=options.selection,
    )


def _check_all(
    options: argparse.Namespace,
    stream: TextIO,
    journal: Journal | None,
    interrupts: Interrupts,
    recorders: list[Recorder],
) -> list[CaptureResult]:
    """Check captures in sequence, until Ctrl-C; write the text report of each capture when it is complete."""
    results: list[CaptureResult] = []
    folder = common_folder(options.captures)
    if folder and options.format == "text":
        write_lines([_folder_line(folder), blank()], stream)
    for path in options.captures:
        shown = options.ladder if options.format == "text" and not options.statistics else 0
        ladder = Ladder(shown or (_DRAWN if options.diagrams else 0))
        if options.format == "html":
            recorders.append(Recorder())
        with Bar(path, quiet=options.quiet) as bar:
            try:
                if options.pool is None:
                    result = _check(path, stream, ladder, journal, options, bar, interrupts, recorders[-1:])
                else:
                    result, ladder = options.pool.result(len(results))
            except OSError:
                # Raised only by the journal.
                raise
            except Exception as error:  # noqa: BLE001 - reported, with a status of its own
                text = internal_error(error, verbose=options.verbose, about=path)
                result = CaptureResult(path, 0, [], [], [], text)
                options.status = gravest(options.status, INTERNAL)
            else:
                options.status = gravest(
                    options.status, _status(result, strict=options.strict, allow_empty=options.allow_empty)
                )
                if result.error is not None:
                    complain(result.error)
                options.found.append(result)
                if options.selection:
                    result = select_result(result, options.selection)
                    keep_selected(ladder, result, options.selection)
        if options.format == "text" and (result.error is None or result.sessions):
            if results:
                stream.write("\n")
            lines = result_lines(
                result,
                ladder if shown else None,
                width=terminal_width(stream),
                folder=folder,
                every=not options.statistics,
            )
            write_lines(lines, stream)
        if options.diagrams and result.error is None and not interrupts.pending:
            _draw(result, ladder, options)
        results.append(result)
        if interrupts.pending:
            complain("interrupted: partial result")
            break
    return results


def _check(
    path: str,
    stream: TextIO,
    ladder: Ladder,
    journal: Journal | None,
    options: argparse.Namespace,
    bar: Bar,
    interrupts: Interrupts,
    recorders: list[Recorder],
) -> CaptureResult:
    if journal is not None:
        # JSON output escapes these characters itself.
        journal.capture(path if options.journal.endswith(".jsonl") else printable(path))

    def progress(position: int) -> None:
        interrupts.check()
        bar(position)

    def certain(finding: Finding) -> None:
        ignored = finding.rule in options.known or is_ignored(finding.rule, options.ignored)
        if not ignored and may_show(options.selection, finding):
            stream.write(finding_line(finding, path))
            stream.flush()

    tally: Coverage | None = options.tally
    watchers = [*([] if journal is None else [journal.step]), *(recorder.step for recorder in recorders)]
    lookers = [recorder.watch for recorder in recorders]
    if tally is not None:
        watchers.append(tally.step)
        lookers.append(tally.packet)

    def step(step: Step) -> None:
        for watcher in watchers:
            watcher(step)

    def look(packet: Packet) -> None:
        for looker in lookers:
            looker(packet)

    return check_capture(
        path,
        on_step=None if not watchers else watchers[0] if len(watchers) == 1 else step,
        on_packet=None if not lookers else lookers[0] if len(lookers) == 1 else look,
        watcher=selecting(ladder, options.selection) if ladder.limit else None,
        progress=progress,
        on_finding=certain if _streams(options, path) else None,
        profiles=options.profile,
        setup=options.setup,
        baseline=options.known,
        ignore=options.ignored,
    )


def _streams(options: argparse.Namespace, path: str) -> bool:
    """Whether findings are written as soon as they are certain: JSON lines of standard input."""
    return bool(path == "-" and options.format == "jsonl" and options.pool is None)


def _draw(result: CaptureResult, ladder: Ladder, options: argparse.Namespace) -> None:
    try:
        problems = draw_result(result, ladder, Path(options.diagrams))
    except OSError as error:
        problems = [f"{error.filename}: {error.strerror}"]
        options.status = gravest(options.status, UNREADABLE)
    except OutputError as error:
        problems = [str(error)]
        options.status = gravest(options.status, UNREADABLE)
    for problem in problems:
        complain(problem)


def _status(result: CaptureResult, *, strict: bool, allow_empty: bool) -> int:
    verdict = result.verdict
    if verdict is Verdict.FAIL or (strict and verdict is Verdict.WARN):
        return BROKEN
    if result.error is not None:
        return UNREADABLE
    if result.empty:
        return OK if allow_empty else INCONCLUSIVE
    unjudged = verdict is Verdict.INCONCLUSIVE or (strict and result.unjudged)
    return INCONCLUSIVE if unjudged else OK
