"""``mstrp draw``: draw the machines as diagrams and as text, or check whether the files in a folder are up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fsm.state.machines import MACHINES
from mstrp.capture.files import CaptureError
from mstrp.commands.output import complain
from mstrp.commands.selection_options import add_show_option, selection_of
from mstrp.drawing.gallery import TEXTS, pictures, texts
from mstrp.drawing.render import FORMATS, DrawError, render
from mstrp.drawing.views import Views
from mstrp.report.files import write_file
from protocol.printable import printable

if TYPE_CHECKING:
    import argparse

__all__ = ["arguments", "run"]

EXAMPLE = """\
examples:
  mstrp draw call --format svg --output .
  mstrp draw call --format mermaid
  mstrp draw call --near onHold --format svg
  mstrp draw call --capture trace.pcap --format svg                what the captures visited
  mstrp draw call --capture old.pcap --against new.pcap            what only one of the two visited
  mstrp draw call --capture trace.pcap --call 0x10005              the path of one call
  mstrp draw call --capture trace.pcap --show client=10.0.0.2      what the calls of one client visited
  mstrp draw --all diagrams          every machine, as picture and as text
  mstrp draw --check diagrams        exit status 1 when a text there is out of date

exit status: 0, 1 on drift (--check), 2 on a usage error or when nothing can draw the picture, 4 internal error
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    names = ", ".join(MACHINES)
    parser.add_argument("machines", metavar="MACHINE", nargs="*", help=f"machines to draw (default: all): {names}")
    parser.add_argument("--format", choices=(*FORMATS, *TEXTS), default="svg", help="output format (default: svg)")
    parser.add_argument("--view", choices=("collapsed", "full"), default="collapsed", help="default: collapsed")
    parser.add_argument(
        "--near", metavar="STATE", action="append", help="draw only transitions to or from a state; may be repeated"
    )
    parser.add_argument(
        "--capture",
        metavar="FILE",
        action="append",
        default=[],
        help="shade and count the states and transitions that captures visited",
    )
    parser.add_argument(
        "--against",
        metavar="FILE",
        action="append",
        default=[],
        help="compare with the states and transitions that other captures visited",
    )
    parser.add_argument(
        "--call", metavar="HANDLE", help="draw the path of one call of the captures, such as 0x10005 or 0x10005#2"
    )
    add_show_option(parser)
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="write files to a folder; by default, the text of one machine goes to standard output",
    )
    parser.add_argument("--all", metavar="DIR", help="write all machines to a folder, as diagrams and as text")
    parser.add_argument(
        "--check", metavar="DIR", help="compare the text files in a folder with the tables; write nothing"
    )


def run(options: argparse.Namespace) -> int:
    """Draw, or compare."""
    unknown = [name for name in options.machines if name not in MACHINES]
    if unknown:
        complain(f"unknown machine {', '.join(unknown)}; machines: {', '.join(MACHINES)}")
        return 2
    if options.check:
        return _check(Path(options.check))
    try:
        if options.all:
            return _all(Path(options.all))
        return _some(options)
    except DrawError as error:
        complain(str(error))
        return 2


def _some(options: argparse.Namespace) -> int:
    names = ["call"] if options.call else options.machines or list(MACHINES)
    form = options.format
    try:
        made = Views(
            options.capture,
            options.against,
            near=options.near,
            view=options.view,
            call=options.call,
            selection=selection_of(options),
        )
        sources = {name: made.text(name, form if form in TEXTS else "dot") for name in names}
    except (ValueError, CaptureError) as error:
        complain(str(error))
        return 2
    if form in TEXTS and not options.output and len(names) == 1:
        sys.stdout.write(sources[names[0]])
        return 0
    folder = Path(options.output or ".")
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        target = folder / f"{name}{TEXTS.get(form, '.' + form)}"
        content = source if form in TEXTS else render(source, form)
        write_file(target, content, [*options.capture, *options.against])
        sys.stderr.write(f"{printable(str(target))}\n")
    return 0


def _all(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        write_file(folder / name, text)
    for name, source, engine in pictures():
        write_file(folder / f"{name}.svg", render(source, "svg", engine=engine, portable=True))
        write_file(folder / f"{name}.png", render(source, "png", engine=engine, portable=True))
        sys.stderr.write(f"{printable(str(folder / name))}\n")
    return 0


def _check(folder: Path) -> int:
    """Compare text files only; SVG and PNG files are derived from them and depend on the renderer version."""
    if not folder.is_dir():
        complain(f"{folder}: no such folder")
        return 2
    stale = []
    for name, text in texts().items():
        place = folder / name
        if not place.is_file():
            stale.append(f"{place}: missing")
        elif place.read_text(encoding="utf-8") != text:
            stale.append(f"{place}: out of date")
    for name, _, _ in pictures():
        stale += [
            f"{folder / name}{end}: missing" for end in (".svg", ".png") if not (folder / f"{name}{end}").is_file()
        ]
    for line in stale:
        complain(f"{line}; run `mstrp draw --all {folder}`")
    return 1 if stale else 0
