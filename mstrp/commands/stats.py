"""``mstrp stats``: count requests, events, return codes, response times, calls and clients of captures."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

from mstrp.checking import check_capture
from mstrp.checking.results import judged_of
from mstrp.commands.capture_options import OptionError, add_capture_options, capture_setup
from mstrp.commands.collecting import seldom
from mstrp.commands.interrupt import Interrupts
from mstrp.commands.output import complain, opened
from mstrp.commands.progress import Bar
from mstrp.commands.status import INTERNAL, INTERRUPTED, UNREADABLE, gravest, internal_error
from mstrp.report.headline import explanation
from mstrp.stats.collector import Collector
from mstrp.stats.tables import TABLES, table_lines

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from mstrp.checking import CaptureResult

__all__ = ["arguments", "run"]

#: Name and version of the JSON format.
SCHEMA = "mstrp-stats/1"
EXAMPLE = """\
examples:
  mstrp stats trace.pcap
  mstrp stats --top 0 --table calls *.pcap
  mstrp stats --format json trace.pcap | jq '.clients[0]'
  mstrp stats --format csv --table requests --output requests.csv trace.pcap

exit status: 0, 2 usage error or a capture that cannot be read, 4 internal error, 130 ended by Ctrl-C
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("captures", metavar="CAPTURE", nargs="+", help="pcap or pcapng file; - reads standard input")
    parser.add_argument(
        "--format", choices=("table", "json", "csv"), default="table", help="output format (default: table)"
    )
    parser.add_argument(
        "--table",
        choices=tuple(TABLES),
        action="append",
        help="write one table; may be repeated (default: all; csv: requests)",
    )
    parser.add_argument(
        "--top", metavar="N", type=int, default=20, help="rows of each table in the text (default: 20; 0: all)"
    )
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of standard output")
    add_capture_options(parser)


def run(options: argparse.Namespace) -> int:
    """Read every capture, and write the tables."""
    names = options.table or (["requests"] if options.format == "csv" else list(TABLES))
    if options.format == "csv" and len(names) > 1:
        complain("--format csv writes one --table")
        return 2
    try:
        options.setup = capture_setup(options)
    except OptionError as error:
        complain(str(error))
        return 2
    found = Collector()
    results: list[CaptureResult] = []
    status = 0
    with seldom(), opened(options.output, options.captures) as stream:
        with Interrupts() as interrupts:
            for path in options.captures:
                status = gravest(status, _read(path, options, interrupts, found, results))
                if status == INTERRUPTED:
                    break
        _write(options, names, found, results, stream)
    return status


def _read(
    path: str, options: argparse.Namespace, interrupts: Interrupts, found: Collector, results: list[CaptureResult]
) -> int:
    """Read one capture; return the status."""
    found.next_capture()
    with Bar(path, quiet=options.quiet) as bar:

        def progress(position: int) -> None:
            interrupts.check()
            bar(position)

        try:
            result = check_capture(
                path,
                on_packet=found.packet,
                on_call=found.call,
                on_session=found.session,
                on_finding=found.finding,
                progress=progress,
                setup=options.setup,
            )
        except Exception as error:  # noqa: BLE001 - reported, with a status of its own
            internal_error(error, verbose=options.verbose, about=path)
            return INTERNAL
    results.append(result)
    if result.error is not None:
        complain(result.error)
        return UNREADABLE
    return INTERRUPTED if result.interrupted else 0


def _write(
    options: argparse.Namespace, names: list[str], found: Collector, results: list[CaptureResult], stream: TextIO
) -> None:
    tables = [TABLES[name](found) for name in names]
    if options.format == "csv":
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(tables[0].columns)
        writer.writerows(tables[0].rows)
    elif options.format == "json":
        judged = judged_of(result.judged for result in results)
        whole = {
            "schema": SCHEMA,
            "captures": [result.path for result in results],
            "frames": sum(result.frames for result in results),
            "packets": found.packets,
            "judged": judged.as_dict(),
            "unjudged": [{"capture": result.path, **each.as_dict()} for result in results for each in result.unjudged],
            **{table.name: table.objects() for table in tables},
        }
        stream.write(json.dumps(whole, indent=1) + "\n")
    else:
        stream.write(f"{len(results):,} {'capture' if len(results) == 1 else 'captures'}: {explanation(results)}\n")
        for table in tables:
            if table.rows:
                stream.write("\n" + "".join(f"{line}\n" for line in table_lines(table, options.top)))
