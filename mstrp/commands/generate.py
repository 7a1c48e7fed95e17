"""``mstrp generate``: write captures of legal conversations of any size."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from mstrp.commands.output import complain
from mstrp.generate.captures import find_flow, play
from mstrp.generate.flows import FLOWS
from mstrp.generate.wire import Wire
from mstrp.report.files import replaced
from protocol.printable import printable

__all__ = ["arguments", "run"]

EXAMPLE = """\
examples:
  mstrp generate blind-transfer.pcapng
  mstrp generate large.pcap --packets 100000 --clients 20
  mstrp generate --scenario 4.3 --calls 10 - | mstrp check -

exit status: 0, or 2 when the file cannot be written
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "capture", metavar="FILE", help="output file, pcap or (by its extension) pcapng; - writes to standard output"
    )
    parser.add_argument(
        "--scenario",
        metavar="NAME",
        action=_ScenarioAction,
        default="4.5",
        help="flow, by name or section (default: 4.5), or `list`",
    )
    parser.add_argument("--calls", metavar="N", type=int, default=1, help="number of calls per client (default: 1)")
    parser.add_argument("--clients", metavar="N", type=int, default=1, help="number of clients (default: 1)")
    parser.add_argument(
        "--packets", metavar="N", type=int, help="make calls until the capture has this number of frames"
    )
    parser.add_argument("--ndr64", action="store_true", help="use the NDR64 transfer syntax")


class _ScenarioAction(argparse.Action):
    """Select a scenario; ``list`` prints the scenarios and exits."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        value: Any,
        option: str | None = None,
    ) -> None:
        if value == "list":
            for flow in FLOWS.values():
                sys.stdout.write(f"{flow.name:28} {flow.section:14} {flow.summary}\n")
            parser.exit()
        try:
            find_flow(value)
        except KeyError:
            parser.error(f"unknown scenario {value}; --scenario list prints the scenarios")
        setattr(namespace, self.dest, value)


def run(options: argparse.Namespace) -> int:
    """Write the capture."""
    if min(options.calls, options.clients, options.packets or 1) < 1:
        complain("--calls, --clients and --packets must be positive")
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
    with replaced(options.capture) as place, place.open("wb") as stream:
        wire = Wire(stream, pcapng=options.capture.endswith(".pcapng"))
        play(wire, **choices)
    if not options.quiet:
        sys.stderr.write(f"{printable(options.capture)}: {wire.frames} frames\n")
    return 0
