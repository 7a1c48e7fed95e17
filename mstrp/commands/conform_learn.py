"""``mstrp conform learn``: learn the state machine of a live server and compare it with the tables."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mstrp.commands.live_options import add_client_options, client_options, credentials, run_until_interrupted
from mstrp.commands.output import complain, write_lines, write_text
from mstrp.conform.learn.alphabet import ALPHABETS
from mstrp.report.files import write_file

if TYPE_CHECKING:
    import argparse

    from mstrp.conform.learn.report import Report
    from mstrp.conform.learn.system import System

__all__ = ["EXAMPLE", "arguments", "run"]

EXAMPLE = """\
examples:
  mstrp conform learn ncacn_ip_tcp:127.0.0.1[5150] --alphabet incoming --output learned
  mstrp conform learn 127.0.0.1:5150 --alphabet two-calls --settle 0.1 --max-seconds 600 --format json

Learns from outside: calls are offered by the server's second line. Needs `pip install mstrp[learn]`.
exit status: 0, 1 when the server does what the documents forbid (with --strict: anything that contradicts the tables,
and when learning does not come to its end), 2 when the server cannot be reached or has no calls to learn with
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("server", metavar="BINDING", help=r"ncacn_ip_tcp:HOST[PORT] or ncacn_np:HOST[\pipe\tapsrv]")
    words = "; ".join(f"{alphabet.name}: {alphabet.summary.lower()}" for alphabet in ALPHABETS.values())
    parser.add_argument("--alphabet", choices=tuple(ALPHABETS), default="incoming", help=f"{words} (default: incoming)")
    parser.add_argument(
        "--output", metavar="DIR", help="write the diagram (dot, mermaid, svg, png) and the report to a folder"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="report format (default: text)")
    parser.add_argument("--strict", action="store_true", help="treat every contradiction to the tables as a failure")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="random seed of the walks (default: 0)")
    parser.add_argument(
        "--walks", metavar="N", type=int, default=1, help="random walks after every input in every state (default: 1)"
    )
    parser.add_argument(
        "--settle", metavar="SECONDS", type=float, default=0.25, help="quiet period after each step (default: 0.25)"
    )
    parser.add_argument(
        "--patience", metavar="SECONDS", type=float, default=5.0, help="timeout for a response or a call (default: 5)"
    )
    parser.add_argument(
        "--max-packets", metavar="N", type=int, default=0, help="maximum number of packets (default: unlimited)"
    )
    parser.add_argument("--max-seconds", metavar="S", type=float, default=0.0, help="maximum duration")
    parser.add_argument("--to", metavar="ADDRESS", default="", help="address to transfer calls to")
    parser.add_argument(
        "--auth", choices=("none", "ntlm", "negotiate"), default="none", help="authentication (default: none)"
    )
    parser.add_argument("--user", metavar="NAME:PASSWORD", type=credentials, help="credentials")
    parser.add_argument(
        "--level",
        choices=("connect", "integrity", "privacy"),
        default="privacy",
        help="authentication level (default: privacy)",
    )
    add_client_options(parser)


def run(options: argparse.Namespace) -> int:
    """Learn, compare, draw."""
    if find_spec("aalpy") is None:
        complain("learning needs AALpy: pip install 'mstrp[learn]'")
        return 2
    for name in ("walks", "max_packets", "max_seconds"):
        if getattr(options, name) < 0:
            complain(f"--{name.replace('_', '-')} must not be negative")
            return 2
    for name in ("settle", "patience"):
        if getattr(options, name) <= 0:
            complain(f"--{name} must be more than 0 seconds")
            return 2
    from mstrp.conform.core.errors import Unreachable
    from mstrp.conform.learn.system import SetUpFailed
    from mstrp.drawing.render import DrawError

    try:
        return run_until_interrupted(_learn(options))
    except Unreachable as error:
        complain(str(error))
    except SetUpFailed as error:
        complain(f"{options.server}: learning is not possible: {error}")
    except (ValueError, OSError, DrawError) as error:
        complain(str(error) or type(error).__name__)
    return 2


async def _learn(options: argparse.Namespace) -> int:
    from fsm.engine.levels import Verdict
    from mstrp.conform.core.target import Budget, Target
    from mstrp.conform.learn.run import study

    target = Target.of(
        options.server, options=_client(options), to=options.to, settle=options.settle, patience=options.patience
    )
    budget = Budget(options.max_packets, options.max_seconds)
    alphabet = ALPHABETS[options.alphabet]
    progress = _Progress()
    try:
        report = await study(target, alphabet, budget, seed=options.seed, walks=options.walks, told=progress)
    finally:
        progress.end()
    text = json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n"
    if options.output:
        _write(report, text, Path(options.output))
    if options.format == "json":
        write_text(text, None)
    else:
        write_lines(report.text(), sys.stdout)
    bad = {Verdict.FAIL, Verdict.WARN} if options.strict else {Verdict.FAIL}
    return int(report.verdict in bad)


def _client(options: argparse.Namespace) -> dict[str, Any]:
    found = client_options(options)
    if options.auth != "none":
        from mstrp.live.auth import initiator

        if options.user is None:
            raise ValueError("--auth needs --user NAME:PASSWORD")
        found["security"] = initiator(options.auth, *options.user, level=options.level)
    return found


def _write(report: Report, text: str, folder: Path) -> None:
    """Write the report, and the diagram in all formats."""
    from fsm.diagram import dot, mermaid
    from mstrp.conform.learn.diagram import picture
    from mstrp.drawing.render import render

    folder.mkdir(parents=True, exist_ok=True)
    name = f"learned-{report.system.alphabet.name}"
    write_file(folder / f"{name}.json", text)
    if report.comparison is None:
        return
    diagram = picture(report.comparison)
    source = dot(diagram)
    (folder / f"{name}.mmd").write_text(mermaid(diagram), encoding="utf-8")
    write_file(folder / f"{name}.dot", source)
    write_file(folder / f"{name}.svg", render(source, "svg"))
    write_file(folder / f"{name}.png", render(source, "png"))


class _Progress:
    """Progress of learning, on a terminal."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        self.written = 0

    def __call__(self, system: System) -> None:
        if self.shown:
            text = f"{system.queries:,} conversations, {system.budget.sent:,} packets, {system.budget.elapsed:.0f} s"
            sys.stderr.write(f"\r{text:{self.written}}")
            sys.stderr.flush()
            self.written = len(text)

    def end(self) -> None:
        """Clear the progress line."""
        if self.written:
            sys.stderr.write(f"\r{'':{self.written}}\r")
