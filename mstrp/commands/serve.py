"""``mstrp serve``: a live server with simulated lines, calls and agents."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING

from mstrp.commands.live_options import credentials, run_until_interrupted
from mstrp.commands.output import complain
from mstrp.output_file import replaced

if TYPE_CHECKING:
    import argparse

    from mstrp.live.server import Options

__all__ = ["arguments", "run"]

EXAMPLE = """\
examples:
  mstrp serve --listen 127.0.0.1:5150 --lines 8 --incoming 2
  mstrp serve --auth ntlm --user alice:secret --record calls.pcap
  mstrp serve --scenario switch.toml

stops cleanly on SIGINT and SIGTERM: every client is detached
exit status: 0, or 2 when it cannot start
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:5150", help="default: 127.0.0.1:5150")
    parser.add_argument("--pipe", metavar="HOST:PORT", help=r"serve \pipe\tapsrv as well, over SMB on this address")
    parser.add_argument(
        "--auth",
        choices=("none", "ntlm", "negotiate", "kerberos"),
        default="none",
        help="which authentication is offered; negotiate: NTLM, and Kerberos where there is a keytab (default: none)",
    )
    parser.add_argument(
        "--user", metavar="NAME:PASSWORD", type=credentials, action="append", default=[], help="somebody who may log on"
    )
    parser.add_argument("--admin", metavar="NAME", action="append", help="who may administer (default: everybody)")
    parser.add_argument(
        "--level",
        choices=("none", "connect", "integrity", "privacy"),
        help="the least authentication level (default: privacy with --auth, else none)",
    )
    parser.add_argument("--lines", metavar="N", type=int, help="lines of the switch (default: 4)")
    parser.add_argument("--phones", metavar="N", type=int, help="phones of the switch (default: 1)")
    parser.add_argument("--scenario", metavar="FILE", help="what happens at the switch (TOML)")
    parser.add_argument("--incoming", metavar="N", type=int, default=0, help="calls for each line that is opened")
    parser.add_argument("--pace", metavar="N", type=float, help="how slow the switch is (default: 1)")
    parser.add_argument("--record", metavar="FILE", help="record what passes as pcap")


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    from mstrp.live.switch import ScriptError

    try:
        return run_until_interrupted(_serve(options))
    except (ScriptError, ValueError) as error:
        complain(str(error))
        return 2


def _settings(options: argparse.Namespace) -> Options:
    from mstrp.live.server import Options

    host, _, port = options.listen.rpartition(":")
    if not port.isdigit():
        raise ValueError(f"{options.listen!r} is not HOST:PORT")
    found = Options(host=host.strip("[]") or "127.0.0.1", port=int(port))
    if options.admin is not None:
        found.administrators = frozenset(options.admin)
    if options.auth == "none" and options.user and not options.pipe:
        raise ValueError("--user needs --auth, or --pipe for those who come through the pipe")
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
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # where there are no signals, Ctrl-C cancels instead
            loop.add_signal_handler(number, stopped.set)
    with contextlib.ExitStack() as stack:
        recorder = None
        if options.record:
            inputs = [options.scenario] if options.scenario else []
            place = stack.enter_context(replaced(options.record, inputs, keep=True))
            stream = stack.enter_context(place.open("wb"))
            recorder = Recorder(stream, pcapng=options.record.endswith(".pcapng"))
        server = Server(Switch(script.plan, script=script, incoming=options.incoming), settings, recorder=recorder)
        async with server, contextlib.AsyncExitStack() as pipes:
            if options.pipe:
                from mstrp.live.pipe import PipeFront

                await pipes.enter_async_context(PipeFront(server, options.pipe, dict(options.user)))
            sys.stderr.write(f"ready tapsrv {server.options.host}:{server.port}\n")
            sys.stderr.flush()
            await stopped.wait()
        if not options.quiet:
            sys.stderr.write(
                f"{server.requests} requests, {server.refused} refused, {server.told} events, "
                f"{len(server.ended)} clients lost\n"
            )
    return 0
