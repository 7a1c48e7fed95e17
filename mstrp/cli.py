"""The command line: ``mstrp COMMAND …``."""

from __future__ import annotations

import argparse
import gc
import logging
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

from mstrp.commands.interrupt import INTERRUPTED
from mstrp.commands.output import complain, nobody_listens, tolerant

__all__ = ["main"]

_COMMANDS = {
    "check": "read captures, judge every session in them, print the verdict and the findings",
    "decode": "print every packet of captures",
    "draw": "draw the machines",
    "generate": "write captures of legal conversations, of any size",
    "export": "write the declarations in the form of another program: a dissector for Wireshark",
    "serve": "be a telephony server with simulated lines, calls and agents",
    "call": "be a client: run a scenario of section 4, or single requests, against a server",
    "demo": "run client and server over loopback, record, check and draw what they say",
    "explain": "say what a rule, state, packet, constant or section is",
}


def _version() -> str:
    try:
        return installed("mstrp")
    except PackageNotFoundError:
        return "unknown (not installed)"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mstrp",
        description="MS-TRP, the Telephony Remote Protocol: decode it, judge it, draw it.",
        epilog="example: mstrp check trace.pcapng",
    )
    parser.add_argument("--version", action="version", version=f"mstrp {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in _COMMANDS.items():
        module = import_module(f"mstrp.commands.{name}")
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=module.EXAMPLE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument(
            "-v", "--verbose", action="count", default=0, help="say more while it happens (-vv: every step)"
        )
        command.add_argument("-q", "--quiet", action="store_true", help="say nothing but the result")
        module.arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _tune() -> None:
    """In a process of our own: what is loaded stays, and a capture makes millions of objects that refer to nothing."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status."""
    options = argparse.Namespace(status=0)
    try:
        tolerant(sys.stdout)
        _parser().parse_args(arguments, options)
        if arguments is None:
            _tune()
        if options.verbose:
            level = logging.DEBUG if options.verbose > 1 else logging.INFO
            logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        nobody_listens()
        return int(options.status)
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except OSError as error:
        complain(f"{error.filename or ''}: {error.strerror or error}".lstrip(": "))
        return 2
    return status
