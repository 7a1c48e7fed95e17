"""``mstrp conform server``: test a server with clients, and evaluate every requirement."""

from __future__ import annotations

import asyncio
import io
import random
import sys
from typing import TYPE_CHECKING, Any, Self

from mstrp.capture.packets import CLIENT_TO_SERVER, Packet
from mstrp.commands.live_options import add_client_options, client_options, credentials
from mstrp.commands.output import complain, opened, terminal_width, write_lines
from mstrp.commands.status import BROKEN, INCONCLUSIVE, INTERNAL, INTERRUPTED, OK
from mstrp.report.files import check_outputs
from mstrp.report.formats import ConformReport, add_format_option, conform_report

if TYPE_CHECKING:
    import argparse

    from mstrp.conform.core.campaign import Campaign
    from mstrp.conform.core.outcome import Outcome
    from mstrp.conform.core.target import Target
    from mstrp.conform.server.tester import Tester

__all__ = [
    "EXAMPLE",
    "add_report_options",
    "add_security_options",
    "arguments",
    "check_files",
    "report",
    "run",
    "security",
]

EXAMPLE = """\
examples:
  mstrp conform server 127.0.0.1:5150
  mstrp conform server 127.0.0.1:5150 --only 'TRP-3.1.4.2-008-*' --save failures
  mstrp conform server 127.0.0.1:5150 --write-baseline known.toml
  mstrp conform server --list
"""
_DEPTHS = {"quick": 0, "normal": 1, "full": 2}
#: A test that raised an exception is a fault of this program.
_STATUS = {"pass": OK, "fail": BROKEN, "error": INTERNAL, "inconclusive": INCONCLUSIVE}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.add_argument(
        "binding", metavar="BINDING", nargs="?", help=r"ncacn_ip_tcp:HOST[PORT] or ncacn_np:HOST[\pipe\tapsrv]"
    )
    parser.add_argument(
        "--to", metavar="NUMBER", default="", help="address to call (default: the second line of the server)"
    )
    add_security_options(parser)
    add_client_options(parser)
    parser.add_argument(
        "--depth", choices=tuple(_DEPTHS), default="normal", help="number of test variants (default: normal)"
    )
    parser.add_argument(
        "--only", metavar="PATTERN", action="append", help="run only these requirements or tests (wildcards allowed)"
    )
    parser.add_argument(
        "--skip", metavar="PATTERN", action="append", default=[], help="skip these requirements or tests"
    )
    parser.add_argument(
        "--patience", metavar="SECONDS", type=float, default=5.0, help="timeout for a response or event (default: 5)"
    )
    parser.add_argument(
        "--settle",
        metavar="SECONDS",
        type=float,
        default=0.25,
        help="quiet period that ends a test step (default: 0.25)",
    )
    parser.add_argument(
        "--seed", type=int, help="random seed, to reproduce a run (default: random; printed with the result)"
    )
    parser.add_argument("--max-packets", metavar="N", type=int, default=0, help="end after so many packets")
    parser.add_argument("--max-seconds", metavar="N", type=float, default=0.0, help="end after so many seconds")
    parser.add_argument(
        "-x", "--fail-fast", action="store_true", help="end at the first failure that no baseline expects"
    )
    parser.add_argument("--last-failed", action="store_true", help="only the test cases that failed in the last run")
    parser.add_argument("--replay", metavar="FILE", help="perform a stored failure again, and nothing else")
    parser.add_argument("--list", action="store_true", help="list the requirements, and test nothing")
    add_report_options(parser)


def check_files(options: argparse.Namespace) -> None:
    """Raise `OutputError` if an output is also an input; only a baseline may be read and written again."""
    inputs = [path for path in (options.baseline, getattr(options, "replay", None)) if path]
    check_outputs([options.output], inputs)
    check_outputs([options.output, options.write_baseline], [path for path in inputs if path != options.baseline])


def add_security_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options for authentication."""
    parser.add_argument("--auth", choices=("none", "ntlm", "negotiate"), default="none", help="how to authenticate")
    parser.add_argument("--user", metavar="NAME:PASSWORD", type=credentials, help="who one is")
    parser.add_argument("--level", choices=("connect", "integrity", "privacy"), default="privacy")


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options for reports and baselines."""
    add_format_option(parser, "conform")
    parser.add_argument("--output", metavar="FILE", help="output file (default: standard output)")
    parser.add_argument("--save", metavar="DIR", help="folder in which failures are stored for --replay")
    parser.add_argument("--baseline", metavar="FILE", help="baseline of known failures, which are expected")
    parser.add_argument("--write-baseline", metavar="FILE", help="write a baseline with the current failures")
    parser.add_argument("--strict", action="store_true", help="treat warnings as failures")


def security(options: argparse.Namespace) -> dict[str, Any]:
    """Return the client options for authentication; raises `ValueError`."""
    if options.auth == "none":
        return {}
    from mstrp.live.auth import initiator

    if options.user is None:
        raise ValueError("--auth needs --user NAME:PASSWORD")
    return {"security": initiator(options.auth, *options.user, level=options.level)}


def run(options: argparse.Namespace) -> int:
    """Test a server."""
    if options.list:
        return _list()
    if options.binding is None:
        complain("BINDING is required, such as ncacn_ip_tcp:127.0.0.1[5150]")
        return 2
    from mstrp.checking.baseline import read_baseline
    from mstrp.conform.core.saved import read_saved
    from mstrp.conform.core.target import Target

    check_files(options)
    try:
        choices = {**client_options(options), **security(options)}
        target = Target.of(
            options.binding, options=choices, to=options.to, patience=options.patience, settle=options.settle
        )
        known = read_baseline(options.baseline) if options.baseline else {}
        saved = read_saved(options.replay) if options.replay else None
    except ValueError as error:
        complain(str(error))
        return 2
    if saved is not None:
        return _replay(target, saved, options)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    return _test(target, known, seed, options)


def _selected(options: argparse.Namespace, binding: str) -> list[str] | None:
    """The patterns of the test cases that are selected; None for all."""
    if not options.last_failed:
        return list(options.only) if options.only else None
    from mstrp.conform.core.last_failed import read_last_failed

    cases = read_last_failed(binding)
    if not cases:
        complain("--last-failed: no failures are known, all test cases are performed")
    return cases or None


def _list() -> int:
    from mstrp.conform.server.requirements import SERVER

    for requirement in SERVER.values():
        sys.stdout.write(
            f"{requirement.id:<34} {requirement.kind:<10} {requirement.section:<14} {requirement.summary}\n"
        )
    return 0


def _test(target: Target, known: dict[str, str], seed: int, options: argparse.Namespace) -> int:
    from mstrp.conform.core.campaign import Campaign
    from mstrp.conform.core.last_failed import write_last_failed
    from mstrp.conform.core.outcome import Verdict
    from mstrp.conform.core.target import Budget
    from mstrp.conform.server.requirements import SERVER
    from mstrp.conform.server.suite import run as perform
    from mstrp.conform.server.suite import select

    budget = Budget(options.max_packets, options.max_seconds)
    campaign = Campaign.of(
        target,
        SERVER.values(),
        budget=budget,
        seed=seed,
        strict=options.strict,
        depth=_DEPTHS[options.depth],
        skip=tuple(options.skip),
    )
    interrupted = False
    with _Progress(quiet=options.quiet) as progress:

        def told(outcome: Outcome) -> None:
            progress.say(f"FAIL {outcome.requirement.id}: {outcome.cause}")

        def unexpected(outcome: Outcome) -> bool:
            return outcome.requirement.id not in known

        campaign.on_failure = told
        try:
            only = _selected(options, str(target.binding))
            asyncio.run(
                perform(
                    campaign,
                    wanted=select(only, options.skip),
                    progress=progress,
                    until=lambda campaign: options.fail_fast and any(map(unexpected, campaign.failures)),
                )
            )
        except KeyboardInterrupt:
            interrupted = True
    tried = any(outcome.tried for name, outcome in campaign.outcomes.items() if name != "ALIVE")
    if not interrupted and not tried and campaign.outcomes["ALIVE"].verdict is Verdict.FAIL:
        complain(campaign.outcomes["ALIVE"].cause)
        return 2
    if not interrupted and not budget.sent:
        complain("no test has that name (--list lists the requirements)")
        return 2
    # After Ctrl-C, nothing more is sent.
    seen, recorded = ({}, {}) if interrupted else conversations(campaign, target)
    write_last_failed(str(target.binding), campaign.failures)
    status = report(campaign, known, options, binding=str(target.binding), seen=seen, recorded=recorded)
    return INTERRUPTED if interrupted else status


class _Progress:
    """Progress bar and failures, if standard error is a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self.shown = not quiet and sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if self.shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=None)
            self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int, name: str) -> None:
        if self._bar is not None:
            from rich.markup import escape

            self._bar.update(self._task, completed=done, total=total, description=escape(name[:44].ljust(44)))

    def say(self, text: str) -> None:
        if self._bar is not None:
            from rich.markup import escape

            self._bar.console.print(escape(text))


def rows_of(tester: Tester) -> list[str]:
    """Return the packets of a conversation, one line each."""
    from mstrp.report.describe import describe

    found = []
    for client, direction, what, content in tester.transcript:
        method, _, phase = what.partition(" ")
        packet = Packet(0, 0.0, "", direction, method if phase else "RemoteSPEventProc", phase or "event", content)
        found.append(f"{client} {'──▶' if direction == CLIENT_TO_SERVER else '◀──'} {describe(packet)}")
    return found


def conversations(campaign: Campaign, target: Target) -> tuple[dict[str, list[str]], dict[str, bytes]]:
    """Reproduce every failure to get the table of its packets, and a capture of them."""
    from mstrp.conform.core.errors import Unreachable
    from mstrp.conform.core.target import BudgetSpent
    from mstrp.conform.server.shrink import replay
    from mstrp.live.recorder import Recorder

    rows: dict[str, list[str]] = {}
    recorded: dict[str, bytes] = {}

    async def perform() -> None:
        for outcome in campaign.failures:
            if outcome.program is None or not len(outcome.program):
                continue
            stream = io.BytesIO()
            try:
                tester = await replay(target, outcome.program, campaign.budget, recorder=Recorder(stream))
            except (BudgetSpent, Unreachable):
                break
            rows[outcome.requirement.id] = rows_of(tester)
            recorded[outcome.requirement.id] = stream.getvalue()

    if campaign.failures:
        asyncio.run(perform())
    return rows, recorded


def report(
    campaign: Campaign,
    known: dict[str, str],
    options: argparse.Namespace,
    *,
    binding: str,
    seen: dict[str, list[str]],
    recorded: dict[str, bytes] | None = None,
) -> int:
    """Write the report in the selected format, and the other outputs; return the exit status."""
    from mstrp.conform.core.baseline import apply_baseline, baseline_text
    from mstrp.conform.core.saved import save
    from mstrp.report import conformance

    apply_baseline(campaign.outcomes.values(), known)
    chosen = bool(getattr(options, "only", None) or getattr(options, "skip", None))
    # With --only, report only the selected requirements; with --skip, none that is skipped.
    outcomes = [
        each
        for name, each in campaign.outcomes.items()
        if (each.touched or each.expected or not chosen) and not campaign.is_skipped(name)
    ]
    # Set before writing, in case the reader closes the output.
    options.status = _STATUS[conformance.verdict(outcomes, campaign.cut)]
    if options.save:
        from mstrp.conform.server.python_text import python_text

        for outcome in campaign.failures:
            if outcome.program is not None and len(outcome.program):
                name = outcome.requirement.id
                python = (
                    python_text(outcome.program, binding=binding, title=name) if outcome.program.performable else ""
                )
                save(options.save, outcome, campaign.seed, python=python, packets=(recorded or {}).get(name, b""))
    with opened(options.output) as stream:
        found = conform_report(
            options.format,
            ConformReport(
                outcomes,
                seen,
                binding=binding,
                sent=campaign.budget.sent,
                seed=campaign.seed,
                seconds=campaign.budget.elapsed,
                cut=campaign.cut,
                width=terminal_width(stream),
            ),
        )
        if isinstance(found, str):
            stream.write(found)
        else:
            write_lines(found, stream)
    if options.write_baseline:
        with opened(options.write_baseline) as stream:
            stream.write(baseline_text(outcomes, known))
    return int(options.status)


def _replay(target: Target, saved: Any, options: argparse.Namespace) -> int:
    """Reproduce a stored failure; return 1 if it still occurs, else 0."""
    from mstrp.conform.core.errors import Unreachable
    from mstrp.conform.server.shrink import replay
    from mstrp.report.conformance import conversation_lines

    try:
        tester = asyncio.run(replay(target, saved.program))
    except Unreachable as error:
        complain(str(error))
        return 2
    write_lines(conversation_lines(rows_of(tester)), sys.stdout)
    shown = [violation for violation in tester.violations if violation.requirement == saved.requirement]
    odd = [violation for violation in tester.warnings if violation.requirement == saved.requirement]
    if shown or (odd and options.strict):
        sys.stdout.write(f"{saved.requirement} still fails: {shown[0].summary if shown else odd[0].summary}\n")
        return 1
    if odd:
        sys.stdout.write(f"{saved.requirement} is still odd: {odd[0].summary}\n")
        return 0
    sys.stdout.write(f"{saved.requirement} no longer occurs\n")
    return 0
