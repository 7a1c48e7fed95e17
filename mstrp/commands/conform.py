"""``mstrp conform``: conformance tests of a live server or client, derived from the tables."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

__all__ = ["EXAMPLE", "arguments", "run"]

EXAMPLE = """\
examples:
  mstrp conform server ncacn_ip_tcp:192.0.2.7[5150]
  mstrp conform server 127.0.0.1:5150 --depth quick --format html --output conform.html
  mstrp conform server 127.0.0.1:5150 --auth ntlm --user alice:secret --baseline known.toml
  mstrp conform server 127.0.0.1:5150 --replay failures/CALL-V08.json

exit status: 0 nothing failed that is not expected, 1 a requirement is not kept, 2 usage error or no server,
3 inconclusive: the run was cut short, or decided nothing that was selected, 4 internal error, 130 ended by Ctrl-C (the report has what was found so far)
"""
#: Subcommands with their modules.
_SIDES = {
    "client": ("mstrp.commands.conform_client", "test clients: listen and check connecting clients"),
    "learn": ("mstrp.commands.conform_learn", "learn the state machine of a server and compare it with the tables"),
    "server": ("mstrp.commands.conform_server", "test a server with one or more clients"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    import argparse as arg

    sides = parser.add_subparsers(dest="side", metavar="SIDE", required=True)
    for name, (module, summary) in _SIDES.items():
        side = import_module(module)
        found = sides.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=side.EXAMPLE,
            formatter_class=arg.RawDescriptionHelpFormatter,
        )
        parser.get_default("verbosity").add_to(found)
        side.arguments(found)
        found.set_defaults(side_run=side.run)


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    status: int = options.side_run(options)
    return status
