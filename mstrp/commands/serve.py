"""``mstrp serve``: a live server with simulated lines, calls and agents."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from mstrp.commands.live_options import credentials, run_until_interrupted
from mstrp.commands.output import complain
from mstrp.report.files import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.live.log import Log
    from mstrp.live.server import Options, Server

__all__ = ["arguments", "run"]

#: File descriptors not used for connections.
_OTHER_FILES = 64

EXAMPLE = """\
examples:
  mstrp serve --listen 127.0.0.1:5150 --lines 8 --incoming 2
  mstrp serve --auth ntlm --user alice:secret --record calls.pcap
  mstrp serve --scenario switch.toml

stops cleanly on SIGINT and SIGTERM: every client is detached
exit status: 0, or 2 when it cannot start
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--listen", metavar="HOST:PORT", default="127.0.0.1:5150", help="address to listen on (default: 127.0.0.1:5150)"
    )
    parser.add_argument("--pipe", metavar="HOST:PORT", help=r"also serve \pipe\tapsrv, over SMB on this address")
    parser.add_argument(
        "--auth",
        choices=("none", "ntlm", "negotiate", "kerberos"),
        default="none",
        help="offered authentication; negotiate: NTLM, and Kerberos if there is a keytab (default: none)",
    )
    parser.add_argument(
        "--user",
        metavar="NAME:PASSWORD",
        type=credentials,
        action="append",
        default=[],
        help="account allowed to log on; may be repeated",
    )
    parser.add_argument(
        "--admin",
        metavar="NAME",
        action="append",
        help="account with the administrator role (default: none; without --auth: all clients)",
    )
    parser.add_argument("--insecure", action="store_true", help="allow a non-loopback address without --auth")
    parser.add_argument(
        "--level",
        choices=("none", "connect", "integrity", "privacy"),
        help="minimum authentication level (default: privacy with --auth, else none)",
    )
    parser.add_argument("--lines", metavar="N", type=int, help="number of lines of the simulated switch (default: 4)")
    parser.add_argument("--phones", metavar="N", type=int, help="number of phones of the simulated switch (default: 1)")
    parser.add_argument("--scenario", metavar="FILE", help="script of the simulated switch (TOML)")
    parser.add_argument(
        "--incoming", metavar="N", type=int, default=0, help="number of incoming calls for each opened line"
    )
    parser.add_argument("--pace", metavar="N", type=float, help="time factor of the simulated switch (default: 1)")
    parser.add_argument(
        "--callback-hosts",
        metavar="NETWORKS",
        help="addresses and networks to which events may be sent, comma-separated (default: the client's own address)",
    )
    parser.add_argument(
        "--callback-ports",
        metavar="PORTS",
        help="ports and ranges to which events may be sent, comma-separated (default: 1024-65535)",
    )
    parser.add_argument(
        "--limit",
        metavar="NAME=VALUE",
        type=_limit,
        action="append",
        default=[],
        help="a limit of the server, see --limits; may be repeated",
    )
    parser.add_argument("--limits", action=_Limits, nargs=0, help="print the limits with their defaults, and exit")
    parser.add_argument(
        "--log-format", choices=("text", "json"), default="text", help="format of the log on stderr (default: text)"
    )
    parser.add_argument("--record", metavar="FILE", help="record the traffic as pcap")


class _Limits(argparse.Action):
    """Print the limits and exit."""

    def __call__(self, parser: argparse.ArgumentParser, *given: Any) -> None:
        """Print one line for each limit, and exit."""
        from mstrp.live.server.options import DESCRIPTIONS

        for name, default in limits().items():
            sys.stdout.write(f"{f'{name}={default}':28} {DESCRIPTIONS[name.replace('-', '_')]}\n")
        parser.exit()


def limits() -> dict[str, Any]:
    """Return the defaults of the limits, by their names on the command line."""
    from mstrp.live.server import Limits, Options
    from mstrp.live.server.options import DESCRIPTIONS

    owners: tuple[Any, Any] = (Limits(), Options())
    return {
        name.replace("_", "-"): next(getattr(one, name) for one in owners if hasattr(one, name))
        for name in DESCRIPTIONS
    }


def _limit(text: str) -> tuple[str, float]:
    """Parse NAME=VALUE; raises `ArgumentTypeError`."""
    name, _, value = text.partition("=")
    default = limits().get(name)
    if default is None:
        raise argparse.ArgumentTypeError(f"{name!r} is not a limit; limits are {', '.join(limits())}")
    try:
        number = type(default)(value)
    except ValueError:
        number = 0
    if not 0 < number < 1e12:
        raise argparse.ArgumentTypeError(f"{value!r} is not a positive number")
    return name.replace("-", "_"), number


def _ports(text: str) -> tuple[range, ...]:
    found = []
    for part in text.split(","):
        low, _, high = part.partition("-")
        if not low.isdecimal() or not (high or low).isdecimal() or not 0 < int(low) <= int(high or low) < 65_536:
            raise ValueError(f"--callback-ports: {part!r} is neither a port nor a range of ports")
        found.append(range(int(low), int(high or low) + 1))
    return tuple(found)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal is received."""
    from mstrp.live.switch import ScriptError

    try:
        return run_until_interrupted(_serve(options))
    except (ScriptError, ValueError) as error:
        complain(str(error))
        return 2


def _loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]") or "127.0.0.1"
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _descriptors(settings: Options) -> None:
    """Raise the limit of file descriptors as far as allowed, and limit the number of connections accordingly.

    A connection needs one descriptor, and so does the event channel of a client.
    """
    try:
        import resource
    except ImportError:
        return
    limits = settings.limits
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + limits.clients + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = max(1, (soft - _OTHER_FILES) // 2)
        settings.limits = limits._replace(connections=min(limits.connections, most), clients=min(limits.clients, most))


def _settings(options: argparse.Namespace) -> Options:
    from mstrp.live.server import Limits, Options
    from mstrp.live.server.options import Callbacks

    host, _, port = options.listen.rpartition(":")
    if not port.isdigit():
        raise ValueError(f"{options.listen!r} is not HOST:PORT")
    found = Options(host=host.strip("[]") or "127.0.0.1", port=int(port))
    if options.admin is not None:
        found.administrators = frozenset(options.admin)
    elif options.auth != "none" or options.user:
        found.administrators = frozenset()
    for address in filter(None, (options.listen, options.pipe)):
        protected = options.auth != "none" or (address == options.pipe and options.user)
        if not protected and not options.insecure and not _loopback(address):
            raise ValueError(f"{address} is open to the network: use --auth with --user, or --insecure")
    given = dict(options.limit)
    found.limits = found.limits._replace(**{name: value for name, value in given.items() if hasattr(Limits, name)})
    for name, value in given.items():
        if hasattr(found, name):
            setattr(found, name, value)
    hosts = (options.callback_hosts or "").split(",") if options.callback_hosts else ()
    found.callbacks = Callbacks(
        tuple(ip_network(host, strict=False) for host in hosts),
        _ports(options.callback_ports) if options.callback_ports else Callbacks().ports,
    )
    if options.auth == "none" and options.user and not options.pipe:
        raise ValueError("--user needs --auth or --pipe")
    if options.auth == "ntlm" and not options.user:
        raise ValueError("--auth ntlm needs --user NAME:PASSWORD")
    level = options.level or ("none" if options.auth == "none" else "privacy")
    found.required_level = {"none": 0, "connect": 2, "integrity": 5, "privacy": 6}[level]
    if options.auth != "none":
        from mstrp.live.auth import Users

        found.security = Users(dict(options.user)).acceptor(options.auth)
    elif found.required_level:
        raise ValueError("--level needs --auth")
    return found


async def _serve(options: argparse.Namespace) -> int:
    from mstrp.live.recorder import Recorder
    from mstrp.live.server import Server
    from mstrp.live.switch import Plan, Script, Switch, load_script

    script = load_script(options.scenario) if options.scenario else Script(Plan())
    for name in ("lines", "phones", "pace"):
        value = getattr(options, name)
        if value is not None:
            setattr(script.plan, name, value)
    settings = _settings(options)
    _descriptors(settings)
    stopped = asyncio.Event()
    with contextlib.ExitStack() as stack:
        recorder = None
        if options.record:
            inputs = [options.scenario] if options.scenario else []
            place = stack.enter_context(replaced(options.record, inputs, keep=True))
            stream = stack.enter_context(place.open("wb"))
            recorder = Recorder(stream, pcapng=options.record.endswith(".pcapng"))
        log = stack.enter_context(_logging(options))
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: log.write(
                logging.ERROR, "internal-error", error=context.get("exception"), reason=context["message"]
            )
        )
        server = Server(
            Switch(script.plan, script=script, incoming=options.incoming), settings, recorder=recorder, log=log
        )
        stack.enter_context(_signals(server, stopped))
        async with server, contextlib.AsyncExitStack() as pipes:
            if options.pipe:
                from mstrp.live.pipe import PipeFront

                await pipes.enter_async_context(PipeFront(server, options.pipe, dict(options.user)))
            sys.stderr.write(f"ready tapsrv {server.options.host}:{server.port}\n")
            sys.stderr.flush()
            await stopped.wait()
        if not options.quiet:
            _summary(server, log)
    return 0


@contextlib.contextmanager
def _signals(server: Server, stopped: asyncio.Event) -> Iterator[None]:
    """Stop on SIGINT and SIGTERM: at once, however much there is to be read (handlers of the loop run after that)."""
    loop = asyncio.get_running_loop()

    def stop(*given: object) -> None:
        server.halt()
        loop.call_soon_threadsafe(stopped.set)

    before = {}
    with contextlib.suppress(ValueError):  # not the main thread
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _summary(server: Server, log: Log) -> None:
    counts = log.counts
    log.always(
        "summary",
        requests=server.requests,
        refused=server.refused,
        events=server.told,
        attached=counts["attached"],
        lost=len(server.ended),
        logons_failed=counts["logon-failed"],
        limited=counts["refused"] + counts["dropped"] + counts["cut-off"],
        faults=counts["protocol-error"] + counts["internal-error"],
    )


@contextlib.contextmanager
def _logging(options: argparse.Namespace) -> Iterator[Log]:
    """Configure the log on standard error: warnings; with -v also connecting clients, with -q only errors."""
    from mstrp.live.log import JsonFormatter, Log, TextFormatter, Writer

    logger = logging.getLogger("mstrp.live")
    writer = Writer(sys.stderr.fileno())
    writer.setFormatter(JsonFormatter() if options.log_format == "json" else TextFormatter())
    level = logging.DEBUG if options.verbose > 1 else logging.INFO if options.verbose else logging.WARNING
    before = (logger.level, logger.propagate)
    logger.addHandler(writer)
    logger.setLevel(logging.ERROR if options.quiet else level)
    logger.propagate = False
    try:
        yield Log(logger)
    finally:
        writer.close()
        logger.removeHandler(writer)
        logger.setLevel(before[0])
        logger.propagate = before[1]
