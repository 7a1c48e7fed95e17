"""``mstrp conform client``: listen as a server, and test the clients that connect."""

from __future__ import annotations

import fnmatch
import sys
from typing import TYPE_CHECKING, Any

from mstrp.commands.conform_server import add_report_options, check_files, report
from mstrp.commands.live_options import credentials, run_until_interrupted
from mstrp.commands.output import complain
from mstrp.commands.status import INTERRUPTED

if TYPE_CHECKING:
    import argparse

    from mstrp.conform.client.execution import ClientBed
    from mstrp.conform.client.iut import Iut
    from mstrp.conform.core.campaign import Campaign
    from mstrp.conform.core.outcome import Outcome
    from mstrp.conform.core.program import Action

__all__ = ["EXAMPLE", "arguments", "conduct", "run"]

EXAMPLE = """\
examples:
  mstrp conform client --run 'mstrp call {binding} incoming'
  mstrp conform client --listen 192.0.2.1:5150 --sessions 3
  mstrp conform client --run './phone --server {host} --port {port}' --only 'call-*' --strict

With --run the command is started once for each test, without a shell; {binding}, {host} and {port} are filled in.
Without it, somebody has to let the client connect, as often as --sessions says.
exit status: 0, 1 when a requirement failed (with --strict also what is odd), 2 when no client came or usage is wrong
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--listen", metavar="HOST:PORT", default="127.0.0.1:5150", help="address to listen on (default: 127.0.0.1:5150)"
    )
    parser.add_argument(
        "--run", dest="command_line", metavar="COMMAND", help="command that starts the client for each test"
    )
    parser.add_argument(
        "--sessions",
        metavar="N",
        type=int,
        default=3,
        help="without --run: number of client sessions to test (default: 3)",
    )
    parser.add_argument("--auth", choices=("none", "ntlm", "negotiate"), default="none", help="offered authentication")
    parser.add_argument(
        "--user",
        metavar="NAME:PASSWORD",
        type=credentials,
        action="append",
        default=[],
        help="account allowed to log on; may be repeated",
    )
    parser.add_argument(
        "--incoming", metavar="N", type=int, default=1, help="incoming calls for each line (default: 1)"
    )
    parser.add_argument("--lines", metavar="N", type=int, default=2, help="lines of the switch (default: 2)")
    parser.add_argument("--phones", metavar="N", type=int, default=1, help="phones of the switch (default: 1)")
    parser.add_argument(
        "--pace", metavar="N", type=float, default=0.2, help="time factor of the simulated switch (default: 0.2)"
    )
    parser.add_argument(
        "--only", metavar="NAME", action="append", help="run only these stimuli (wildcards * and ?); see --list"
    )
    parser.add_argument("--list", action="store_true", dest="listing", help="list the stimuli and exit")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="random seed for invalid handles (default: 0)")
    parser.add_argument(
        "--max-packets", metavar="N", type=int, default=0, help="maximum number of packets (default: unlimited)"
    )
    parser.add_argument(
        "--max-seconds", metavar="N", type=float, default=0.0, help="maximum duration (default: unlimited)"
    )
    parser.add_argument(
        "--patience",
        metavar="SECONDS",
        type=float,
        default=5.0,
        help="inactivity after which a client is considered stuck (default: 5)",
    )
    parser.add_argument(
        "--settle",
        metavar="SECONDS",
        type=float,
        default=0.25,
        help="quiet period that ends a test step (default: 0.25)",
    )
    add_report_options(parser)


def run(options: argparse.Namespace) -> int:
    """Run the tests and print the result."""
    if options.listing:
        sys.stdout.write(_listed())
        return 0
    from mstrp.checking.baseline import read_baseline

    check_files(options)
    try:
        known = read_baseline(options.baseline) if options.baseline else {}
        campaign, interrupted = conduct(options)
    except (ValueError, OSError) as error:
        complain(f"{error}")
        return 2
    if campaign is None:
        return 2
    seen = {outcome.requirement.id: _rows(outcome) for outcome in campaign.failures}
    status = report(campaign, known, options, binding=f"clients of {options.listen}", seen=seen)
    return INTERRUPTED if interrupted else status


def conduct(options: argparse.Namespace) -> tuple[Campaign | None, bool]:
    """Run the tests; return the campaign, None if no client connected, and whether Ctrl-C interrupted it.

    Raises `ValueError` for invalid options, and `OSError` if the address cannot be used.
    """
    from mstrp.conform.client.requirements import CLIENT
    from mstrp.conform.client.suite import run as test
    from mstrp.conform.client.suite import watch
    from mstrp.conform.core.campaign import Campaign
    from mstrp.conform.core.errors import Unreachable
    from mstrp.conform.core.target import Budget, Target

    bed = _bed(options)
    iut = _iut(options)
    wanted = _wanted(options.only)
    budget = Budget(packets=options.max_packets, seconds=options.max_seconds)
    target = Target.of(f"{bed.host}:{bed.port}", patience=options.patience, settle=options.settle)
    campaign = Campaign.of(target, CLIENT.values(), budget=budget, seed=options.seed, strict=options.strict)
    campaign.on_failure = lambda outcome: (
        None if options.quiet else _say(f"fail: {outcome.cause} [{outcome.requirement.id}]")
    )

    def progress(done: int, total: int, name: str) -> None:
        if not options.quiet and sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{done}/{total} {name}")
            sys.stderr.flush()

    async def work() -> int:
        if iut.repeatable:
            await test(campaign, bed, iut, wanted=wanted, progress=progress)
        else:
            await watch(campaign, bed, iut, sessions=options.sessions, wanted=wanted, progress=progress)
        return 0

    if not iut.repeatable:
        _say(f"ready tapsrv {bed.host}:{bed.port}, for {options.sessions} sessions")
    try:
        run_until_interrupted(work())
    except Unreachable as error:
        complain(str(error))
        return None, False
    except KeyboardInterrupt:
        return campaign, True
    finally:
        if not options.quiet and sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
    return campaign, False


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _bed(options: argparse.Namespace) -> ClientBed:
    from mstrp.conform.client.execution import ClientBed
    from mstrp.live.switch import Plan

    host, _, port = options.listen.rpartition(":")
    if not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"--listen: {options.listen!r} is not HOST:PORT")
    more: dict[str, Any] = {}
    if options.auth != "none":
        from mstrp.live.auth import Users

        if not options.user:
            raise ValueError("--auth needs --user NAME:PASSWORD")
        more = {"security": Users(dict(options.user)).acceptor(options.auth), "required_level": 6}
    elif options.user:
        raise ValueError("--user needs --auth")
    plan = Plan(lines=options.lines, phones=options.phones, pace=options.pace)
    return ClientBed(
        host=host.strip("[]") or "127.0.0.1",
        port=int(port),
        patience=options.patience,
        settle=options.settle,
        plan=plan,
        incoming=options.incoming,
        options=more,
        seed=options.seed,
    )


def _iut(options: argparse.Namespace) -> Iut:
    from mstrp.conform.client.iut import Command, Waiting

    return Waiting() if options.command_line is None else Command(options.command_line)


def _wanted(patterns: list[str] | None) -> Any:
    if not patterns:
        return lambda name: True
    from mstrp.conform.client.requirements import STIMULI

    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(one.name, pattern) for one in STIMULI):
            raise ValueError(f"--only: no stimulus matches {pattern!r}; --list shows them")
    return lambda name: any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _listed() -> str:
    from mstrp.conform.client.requirements import STIMULI

    lines = [f"{one.name:24} {one.expect.value:7} {one.rule:22} {one.summary}" for one in STIMULI]
    return "\n".join(lines) + "\n"


# -- output ---------------------------------------------------------------------------------------------------------


def _rows(outcome: Outcome) -> list[str]:
    """Return the conversation of a failure, one line per packet."""
    return [_step(action) for action in outcome.program or ()]


def _step(action: Action) -> str:
    arrow = "──▶" if action.verb.value == "does" else "◀──"
    text = action.packet.partition(".")[2] if action.data and "." in action.packet else action.packet
    if action.verb.value == "tells" and action.how:
        return f"{arrow} {text}: {action.how} ({len(action.data)} bytes)"
    return f"{arrow} {text} {action.how}".rstrip()
