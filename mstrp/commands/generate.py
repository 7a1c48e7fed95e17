"""``mstrp generate``: captures of legal conversations, of any size."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mstrp.commands.output import complain
from mstrp.generate.scenarios import SCENARIOS, play
from mstrp.generate.wire import Wire

if TYPE_CHECKING:
    import argparse

__all__ = ["arguments", "run"]

EXAMPLE = """\
examples:
  mstrp generate blind-transfer.pcapng
  mstrp generate large.pcap --packets 100000 --clients 20
  mstrp generate --scenario 4.3 --calls 10 - | mstrp check -

exit status: 0, or 2 when the file cannot be written
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "capture", metavar="FILE", help="pcap, or pcapng when the name ends so; - writes standard output"
    )
    names = ", ".join(SCENARIOS)
    parser.add_argument("--scenario", choices=list(SCENARIOS), default="4.5", help=f"default: 4.5; there are {names}")
    parser.add_argument("--calls", metavar="N", type=int, default=1, help="calls of each client (default: 1)")
    parser.add_argument("--clients", metavar="N", type=int, default=1, help="clients of one server (default: 1)")
    parser.add_argument("--packets", metavar="N", type=int, help="go on calling until there are so many frames")
    parser.add_argument("--ndr64", action="store_true", help="use the NDR64 transfer syntax")


def run(options: argparse.Namespace) -> int:
    """Write the capture."""
    if min(options.calls, options.clients, options.packets or 1) < 1:
        complain("--calls, --clients and --packets take positive numbers")
        return 2
    choices = {
        "scenario": options.scenario,
        "calls": options.calls,
        "clients": options.clients,
        "packets": options.packets or 0,
        "ndr64": options.ndr64,
    }
    if options.capture == "-":
        play(Wire(sys.stdout.buffer), **choices)
        return 0
    with Path(options.capture).open("wb") as stream:
        wire = Wire(stream, pcapng=options.capture.endswith(".pcapng"))
        play(wire, **choices)
    if not options.quiet:
        sys.stderr.write(f"{options.capture}: {wire.frames} frames\n")
    return 0
