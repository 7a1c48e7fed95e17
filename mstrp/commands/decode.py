"""``mstrp decode``: print every MS-TRP packet of captures, one per line."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from mstrp.capture.packets import CLIENT_TO_SERVER
from mstrp.capture.replay import loss_dict
from mstrp.checking import check_capture
from mstrp.commands.capture_options import OptionError, add_capture_options, capture_setup
from mstrp.commands.interrupt import Interrupts
from mstrp.commands.output import complain, opened
from mstrp.commands.selection_options import add_show_option, selection_of
from mstrp.commands.status import INTERNAL, INTERRUPTED, OK, UNREADABLE, gravest, internal_error
from mstrp.report.describe import describe
from mstrp.report.fields import check_field, packet_columns, packet_tree
from mstrp.report.packets import packet_dict
from mstrp.selection.packets import PacketChooser, needs_findings

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from fsm.conversation import Conversation
    from mstrp.capture.packets import Packet
    from mstrp.checking import CaptureResult

__all__ = ["arguments", "run"]

EXAMPLE = """\
examples:
  mstrp decode trace.pcap
  mstrp decode --format jsonl trace.pcap | jq 'select(.packet == "BlindTransfer")'
  mstrp decode --show call=0x30011 --show packet='*Transfer,LINE_CALLSTATE' trace.pcap
  mstrp decode -V --show frames=49 trace.pcap
  mstrp decode -e frame -e packet -e hCall -e lpCallInfo.dwCallID trace.pcap

exit status: 0, 2 usage error or a capture that cannot be read, 4 internal error, 130 ended by Ctrl-C
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("captures", metavar="CAPTURE", nargs="+", help="pcap or pcapng file; - reads standard input")
    parser.add_argument("--format", choices=("text", "jsonl"), default="text", help="output format (default: text)")
    parser.add_argument(
        "-V",
        "--tree",
        action="store_true",
        help="print every field of each packet as a tree, with its value and meaning",
    )
    parser.add_argument(
        "-e",
        "--field",
        metavar="FIELD",
        action="append",
        default=[],
        type=_field,
        help="print a column with a field of each packet, as named in the specification: hCall, lpszDestAddress, "
        "lpCallInfo.dwCallID; or frame, time, session, packet, phase, …; may be repeated",
    )
    parser.add_argument("--header", action="store_true", help="with -e: begin with the names of the columns")
    parser.add_argument(
        "--separator", metavar="TEXT", default="\t", help="with -e: text between columns (default: a tabulator)"
    )
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of standard output")
    add_show_option(parser)
    add_capture_options(parser)


def _field(name: str) -> str:
    """Check the name of a field."""
    try:
        check_field(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name


def run(options: argparse.Namespace) -> int:
    """Decode every capture."""
    try:
        options.setup = capture_setup(options)
    except OptionError as error:
        complain(str(error))
        return 2
    if (options.tree or options.field) and (options.format == "jsonl" or (options.tree and options.field)):
        complain("-V, -e and --format jsonl exclude each other")
        return 2
    if needs_findings(selection_of(options)) and "-" in options.captures:
        complain("--show: rule and verdict read a capture twice, which standard input does not allow")
        return 2
    with opened(options.output, options.captures) as stream, Interrupts() as interrupts:
        return _decode(options, stream, interrupts)


def _decode(options: argparse.Namespace, stream: TextIO, interrupts: Interrupts) -> int:
    status = OK
    show = _writer(options)
    if options.field and options.header:
        stream.write(options.separator.join(options.field) + "\n")
    selection = selection_of(options)
    chooser = PacketChooser(selection)

    def packet(found: Packet) -> None:
        interrupts.check()
        if chooser.chooses(found):
            stream.write(show(found) + "\n")

    def loss(conversation: Conversation, kind: str, frame: int, time: float, since: int) -> None:
        if chooser.chooses_loss(conversation, frame, time):
            stream.write(json.dumps(loss_dict(conversation, kind, frame, time, since)) + "\n")

    for path in options.captures:
        on_loss = loss if options.format == "jsonl" else None
        try:
            chooser = PacketChooser(selection, _findings(path, options) if needs_findings(selection) else None)
            result = check_capture(path, on_packet=packet, on_loss=on_loss, setup=options.setup)
        except OSError:
            # Raised only by the output.
            raise
        except Exception as error:  # noqa: BLE001 - reported, with a status of its own
            internal_error(error, verbose=options.verbose, about=path)
            status = gravest(status, INTERNAL)
            continue
        stream.flush()
        for frame, text in result.notes:
            complain(f"{path}: frame {frame}: {text}")
        if result.error is not None:
            complain(result.error)
            status = gravest(status, UNREADABLE)
        if result.interrupted:
            return INTERRUPTED
    return status


def _findings(path: str, options: argparse.Namespace) -> CaptureResult:
    """Read a capture once in advance, for a selection by findings."""
    return check_capture(path, setup=options.setup)


def _writer(options: argparse.Namespace) -> Callable[[Packet], str]:
    """Return the function that writes a packet."""
    if options.field:
        return lambda packet: str(options.separator.join(packet_columns(packet, options.field)))
    if options.tree:
        return lambda packet: "\n".join(packet_tree(packet)) + "\n"
    return _json if options.format == "jsonl" else _text


def _json(packet: Packet) -> str:
    return json.dumps(packet_dict(packet))


def _text(packet: Packet) -> str:
    arrow = "→" if packet.direction == CLIENT_TO_SERVER else "←"
    problems = "".join(f" [{problem.field}: {problem.detail}]" for problem in packet.problems)
    return f"{packet.frame:>7} {packet.time:>11.6f} {packet.session:<4} {arrow} {describe(packet)}{problems}"
