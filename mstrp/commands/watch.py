"""``mstrp watch``: check live traffic, and report findings as soon as they are certain."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from fsm.engine.levels import Verdict
from mstrp.capture.files import Source
from mstrp.checking import check_capture
from mstrp.checking.baseline import is_ignored, read_baseline, read_ignored
from mstrp.commands.capture_options import add_capture_options, capture_setup
from mstrp.commands.collecting import seldom
from mstrp.commands.interrupt import Interrupts
from mstrp.commands.output import complain, terminal_width, write_lines
from mstrp.commands.status import BROKEN, INCONCLUSIVE, INTERRUPTED, OK, UNREADABLE
from mstrp.report.files import check_outputs
from mstrp.report.formats import CheckReport, check_report
from mstrp.report.lines import line
from mstrp.report.statistics import rule_counts
from mstrp.report.text import head_lines
from mstrp.watch.alerts import FORMATS
from mstrp.watch.feed import Child, FeedError, capture_command
from mstrp.watch.sink import Sink
from mstrp.watch.state import State, TimedStream

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from fsm.engine.finding import Finding
    from mstrp.checking import CaptureResult

__all__ = ["arguments", "run"]

EXAMPLE = """\
examples:
  mstrp watch eth0
  mstrp watch eth0 --filter 'host 10.0.0.1' --format eve --output /var/log/mstrp/eve.json
  tcpdump -i eth0 -U -w - | mstrp watch -
  mstrp watch eth0 --interval 60 --metrics 127.0.0.1:9464

SIGUSR1 prints a status line, SIGHUP opens the output file again, SIGTERM ends with the report.

exit status: 0 no failures, 1 a mandatory rule was violated, 2 usage error or packets that cannot be captured,
3 nothing was judged, 4 internal error, 130 ended by Ctrl-C
"""
#: Numbers of what the report lists, if no option changes them: a watch keeps numbers, and little else.
_LIMITS = {"listed_sessions": 20, "listed_calls": 20, "findings": 100, "notes": 100}
#: Notes about damage that are printed.
_NOTES = 100


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("interface", metavar="INTERFACE", help="network interface; - reads packets from standard input")
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="text",
        help="format of findings: text, jsonl (as check writes), eve (EVE JSON of Suricata); default: text",
    )
    parser.add_argument("--output", metavar="FILE", help="append findings to a file instead of standard output")
    parser.add_argument("--filter", metavar="EXPRESSION", default="", help="capture filter of dumpcap or tcpdump")
    parser.add_argument(
        "--program", metavar="FILE", default="", help="capture program (default: dumpcap, else tcpdump)"
    )
    parser.add_argument(
        "--interval", metavar="SECONDS", type=float, default=0.0, help="print a status line at this interval"
    )
    parser.add_argument("--metrics", metavar="ADDRESS", help="serve metrics for Prometheus: [HOST]:PORT")
    parser.add_argument("--baseline", metavar="FILE", help="exclude known findings")
    parser.add_argument(
        "--ignore", metavar="RULE[,…]", action="append", default=[], help="exclude the findings of rules"
    )
    add_capture_options(parser)


def run(options: argparse.Namespace) -> int:
    """Watch until the packets end or a signal arrives; return the exit status."""
    try:
        setup = capture_setup(options)
        given = {text.partition("=")[0].strip().replace("-", "_") for text in options.limit}
        limits = setup.limits._replace(**{name: most for name, most in _LIMITS.items() if name not in given})
        options.setup = setup._replace(limits=limits)
        options.known = read_baseline(options.baseline) if options.baseline else {}
        options.ignored = [name.strip() for text in options.ignore for name in text.split(",") if name.strip()]
        options.ignored += read_ignored(options.baseline) if options.baseline else ()
        address = _address(options.metrics) if options.metrics else None
        check_outputs([options.output], [options.baseline] if options.baseline else [])
        _check(options)
    except ValueError as error:
        complain(str(error))
        return UNREADABLE
    state = State()
    with ExitStack() as stack:
        stack.enter_context(seldom())
        if address is not None:
            try:
                from mstrp.watch.metrics import serve_metrics
            except ImportError:
                complain("--metrics needs the package prometheus-client: pip install 'mstrp[metrics]'")
                return UNREADABLE
            port = stack.enter_context(serve_metrics(*address, state))
            _say(f"metrics at http://{address[0] or '127.0.0.1'}:{port}/metrics")
        sink = Sink(options.output, complain)
        stack.callback(sink.close)
        child: Child | None = None
        if options.interface != "-":
            try:
                command = capture_command(options.interface, options.filter, options.program)
                child = stack.enter_context(Child(command))
            except FeedError as error:
                complain(f"{options.interface}: {error}")
                return UNREADABLE
        interrupts = stack.enter_context(Interrupts(terminate=True, waiting=(TimedStream.read1.__code__,)))
        stack.enter_context(_signals(options, state, sink))
        return _watch(options, state, sink, child, interrupts)


def _watch(options: argparse.Namespace, state: State, sink: Sink, child: Child | None, interrupts: Interrupts) -> int:
    """Read packets until they end; write the report."""
    stream: Any = sys.stdin.buffer if child is None else child.stream
    name = "<stdin>" if child is None else options.interface
    write = FORMATS[options.format]
    notes = 0

    def warn(frame: int, text: str) -> None:
        nonlocal notes
        notes += 1
        if notes <= _NOTES:
            complain(f"{name}: frame {frame}: {text}")

    def found(finding: Finding) -> None:
        if finding.rule in options.known or is_ignored(finding.rule, options.ignored):
            return
        state.finding(finding)
        named = finding._replace(capture=name)
        sink.write(write(named, state.begin, state.hosts(finding.session)))
        state.unwritten = sink.waiting

    state.source = Source(TimedStream(stream, state, interrupts.check), name, warn)  # type: ignore[arg-type]
    _say(f"watching {name}")
    result = check_capture(
        state.source,
        on_finding=found,
        on_call=state.call,
        on_session=state.session,
        on_start=state.start,
        progress=lambda position: interrupts.check(),
        setup=options.setup,
        baseline=options.known,
        ignore=options.ignored,
    )
    why = ""
    if child is not None and not interrupts.pending:
        why = child.complaint()
    elif result.error is not None and not interrupts.pending:
        why = result.error
    if why:
        complain(why if why.startswith(name) else f"{name}: {why}")
    if why and not result.frames:
        return UNREADABLE
    sink.retry()
    if sink.waiting:
        complain(f"{options.output}: {sink.waiting} findings could not be written")
    _report(options, result, sink)
    return _status(options, result, interrupts, failed=bool(why) or bool(sink.waiting))


def _status(options: argparse.Namespace, result: CaptureResult, interrupts: Interrupts, *, failed: bool) -> int:
    if interrupts.signal == signal.SIGINT:
        return INTERRUPTED
    if result.verdict is Verdict.FAIL:
        return BROKEN
    if failed:
        return UNREADABLE
    return INCONCLUSIVE if result.verdict is Verdict.INCONCLUSIVE else OK


def _report(options: argparse.Namespace, result: CaptureResult, sink: Sink) -> None:
    """Write what the whole watch amounts to: the verdict, and the number of findings of each rule."""
    # A live capture ends where it is ended: that is neither an error nor an interruption of it.
    result = result._replace(error=None)
    lines = head_lines(result, width=terminal_width(sys.stderr))
    lines += [
        line(f"  {each.findings:,} {each.verdict} {each.rule}: {each.summary}", each.verdict)
        for each in rule_counts([result])
    ]
    if options.format == "jsonl":
        report = check_report("jsonl", CheckReport([result._replace(findings=[], sessions=[], notes=[])]))
        for text in str(report).splitlines():
            sink.write(text)
    elif options.format == "text" and options.output in (None, "-"):
        write_lines(lines, sys.stdout)
        return
    with suppress(OSError):
        write_lines(lines, sys.stderr)


@contextmanager
def _signals(options: argparse.Namespace, state: State, sink: Sink) -> Iterator[None]:
    """Print the status on SIGUSR1 and at the interval; open the output again on SIGHUP."""

    def status(*_: object) -> None:
        _say(f"{options.interface}: {state.numbers()}")

    def reopen(*_: object) -> None:
        try:
            sink.open()
        except OSError as error:
            complain(f"{options.output}: {error.strerror}")

    wanted = {"SIGUSR1": status, "SIGALRM": status}
    if options.output not in (None, "-"):
        wanted["SIGHUP"] = reopen
    numbers = {getattr(signal, name): handler for name, handler in wanted.items() if hasattr(signal, name)}
    before = {number: signal.signal(number, handler) for number, handler in numbers.items()}
    if options.interval and hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, options.interval, options.interval)
    try:
        yield
    finally:
        if options.interval and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    """Write a line of status to standard error."""
    with suppress(OSError, RuntimeError):
        sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {text}\n")
        sys.stderr.flush()


def _check(options: argparse.Namespace) -> None:
    if not 0 <= options.interval < float("inf"):
        raise ValueError("--interval: must be a positive number of seconds")
    if options.interface == "-" and (options.filter or options.program):
        raise ValueError("--filter and --program need an INTERFACE")


def _address(text: str) -> tuple[str, int]:
    """Parse ``[HOST]:PORT``."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise ValueError(f"--metrics: {text!r} is not [HOST]:PORT")
    return host.strip("[]"), int(port)
