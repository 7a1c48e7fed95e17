"""``mstrp check``: read captures, judge every session in them, print the verdict and the findings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsm.journal import open_journal
from fsm.levels import Verdict
from fsm.profiles import PROFILES, Profile, ProfileError, load_profile
from mstrp.checking import check_capture
from mstrp.commands.output import complain, terminal_width, write_lines, write_text
from mstrp.report.ladder import Ladder
from mstrp.report.pictures import draw_result
from mstrp.report.results import as_json, as_jsonl, as_junit
from mstrp.report.text import result_lines, summary_lines

if TYPE_CHECKING:
    from fsm.journal import Journal
    from fsm.step import Step
    from mstrp.checking import CaptureResult

__all__ = ["arguments", "run"]

EXAMPLE = """\
examples:
  mstrp check trace.pcapng
  mstrp check --format json --output report.json *.pcap
  mstrp check trace.pcap --diagrams pictures --journal steps.sqlite

exit status: 0 nothing worse than information or warnings, 1 a MUST is broken (with --strict: also warnings),
2 usage error or a capture that cannot be read
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("captures", metavar="CAPTURE", nargs="+", help="pcap or pcapng file; - reads standard input")
    parser.add_argument("--format", choices=("text", "json", "jsonl", "junit"), default="text", help="default: text")
    parser.add_argument("--output", metavar="FILE", help="write the report there instead of standard output")
    parser.add_argument("--journal", metavar="FILE", help="write every transition to a .jsonl or .sqlite file")
    parser.add_argument("--diagrams", metavar="DIR", help="draw the path of each call and the sequence of each session")
    parser.add_argument("--strict", action="store_true", help="warnings fail too")
    parser.add_argument(
        "--profile",
        metavar="NAME",
        action=_ProfileAction,
        default=[],
        help="tolerate what a kind of server is known for: a name, a .toml file, or `list` to see what there is",
    )
    parser.add_argument(
        "--ladder",
        metavar="N",
        type=int,
        default=500,
        help="packets that the text report shows (default: 500; 0: none)",
    )


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


def run(options: argparse.Namespace) -> int:
    """Check every capture; the worst outcome is the exit status."""
    try:
        journal = open_journal(options.journal) if options.journal else None
    except (ValueError, OSError) as error:
        complain(str(error))
        return 2
    results = []
    status = 0
    text: list[tuple[str, str]] = []
    for path in options.captures:
        ladder = Ladder(options.ladder if options.format == "text" else 0)
        if options.diagrams and not ladder.limit:
            ladder.limit = 500
        result = _check(path, ladder, journal, options.profile)
        results.append(result)
        status = max(status, _status(result, strict=options.strict))
        if result.error is not None:
            complain(result.error)
        if options.format == "text" and result.error is None:
            if text:
                text.append(("plain", ""))
            text += result_lines(result, ladder if options.ladder else None, width=terminal_width())
        if options.diagrams and result.error is None:
            for problem in draw_result(result, ladder, Path(options.diagrams)):
                complain(problem)
    if journal is not None:
        journal.close()
    _write(results, text, options)
    return status


def _check(path: str, ladder: Ladder, journal: Journal | None, profiles: list[Profile]) -> CaptureResult:
    watchers = []
    if ladder.limit:
        watchers.append(ladder.step)
    if journal is not None:
        journal.capture(path)
        watchers.append(journal.step)

    def step(step: Step) -> None:
        for watcher in watchers:
            watcher(step)

    return check_capture(
        path,
        on_step=step if watchers else None,
        on_packet=ladder.packet if ladder.limit else None,
        profiles=profiles,
    )


def _status(result: CaptureResult, *, strict: bool) -> int:
    if result.error is not None:
        return 2
    if result.verdict is Verdict.FAIL or (strict and result.verdict is Verdict.WARN):
        return 1
    return 0


def _write(results: list[CaptureResult], text: list[tuple[str, str]], options: argparse.Namespace) -> None:
    if options.format == "json":
        write_text(as_json(results), options.output)
    elif options.format == "jsonl":
        write_text("".join(f"{line}\n" for line in as_jsonl(results)), options.output)
    elif options.format == "junit":
        write_text(as_junit(results), options.output)
    else:
        write_lines([*text, *summary_lines(results)], options.output)
