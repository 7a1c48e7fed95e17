"""The command line: ``mstrp COMMAND …``."""

from __future__ import annotations

import argparse
import gc
import logging
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from mstrp.commands.output import abandon, complain, repair_streams, tolerant
from mstrp.commands.status import INTERNAL, INTERRUPTED, UNREADABLE, internal_error
from mstrp.commands.verbosity import Verbosity
from mstrp.report.files import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_COMMANDS = {
    "check": "check every session in captures, print the verdict and the findings",
    "decode": "print every packet of captures",
    "watch": "check live traffic, and report findings as soon as they are certain",
    "stats": "count requests, events, return codes, response times, calls and clients of captures",
    "draw": "draw the machines",
    "generate": "write captures of legal conversations of any size",
    "export": "export the declarations for another program: a Wireshark dissector",
    "serve": "run a telephony server with simulated lines, calls and agents",
    "call": "run a client: perform a scenario of section 4, or send a single request",
    "conform": "test a live server or client",
    "demo": "run client and server over loopback; record, check and draw their traffic",
    "explain": "explain a rule, state, packet, constant or section",
}


class _Version(argparse.Action):
    """Print the version and exit; the lookup is expensive and therefore done on demand."""

    def __call__(self, parser: argparse.ArgumentParser, *args: object, **options: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("mstrp")
        except PackageNotFoundError:
            found = "unknown (not installed)"
        # The file name of a module shows whether it is compiled.
        from fsm import conversation

        kind = "plain Python" if str(conversation.__file__).endswith(".py") else "compiled"
        sys.stdout.write(f"mstrp {found} ({kind})\n")
        parser.exit()


def _parser(arguments: Sequence[str], verbosity: Verbosity) -> argparse.ArgumentParser:
    """Return the parser; only the module of the command in the arguments is loaded."""
    wanted = next((argument for argument in arguments if not argument.startswith("-")), "")
    parser = argparse.ArgumentParser(
        prog="mstrp",
        description="Decode, check and draw MS-TRP, the Telephony Remote Protocol.",
        epilog="example: mstrp check trace.pcapng",
    )
    verbosity.add_to(parser)
    parser.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in _COMMANDS.items():
        if name != wanted:
            commands.add_parser(name, help=summary)
            continue
        module = import_module(f"mstrp.commands.{name}")
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=module.EXAMPLE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verbosity.add_to(command)
        # For commands that have subcommands.
        command.set_defaults(verbosity=verbosity)
        module.arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _tune() -> None:
    """Tune garbage collection for a dedicated process that creates millions of objects without references.

    Ended sessions contain reference cycles, so that all generations have to be collected.
    """
    gc.freeze()
    gc.set_threshold(50_000, 2, 2)


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status."""
    options = argparse.Namespace(status=0)
    verbosity = Verbosity()
    try:
        repair_streams()
        tolerant(sys.stdout)
        tolerant(sys.stderr)
        _parser(sys.argv[1:] if arguments is None else arguments, verbosity).parse_args(arguments, options)
        options.verbose, options.quiet = verbosity.verbose, verbosity.quiet
        if arguments is None:
            _tune()
        if options.verbose:
            level = logging.DEBUG if options.verbose > 1 else logging.INFO
            logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output closed it: the result so far is the status.
        status = int(options.status)
    except KeyboardInterrupt:
        complain("interrupted")
        status = INTERRUPTED
    except OutputError as error:
        complain(str(error))
        status = UNREADABLE
    except OSError as error:
        complain(f"{error.filename or ''}: {error.strerror or error}".lstrip(": "))
        status = UNREADABLE
    except Exception as error:  # noqa: BLE001 - reported, with a status of its own
        internal_error(error, verbose=verbosity.verbose)
        status = INTERNAL
    abandon()
    return status
