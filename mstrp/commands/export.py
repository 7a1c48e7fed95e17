"""``mstrp export``: export the declarations for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstrp.commands.output import write_text

if TYPE_CHECKING:
    import argparse

__all__ = ["arguments", "run"]

EXAMPLE = """\
examples:
  mstrp export wireshark --output ~/.local/lib/wireshark/plugins/mstrp.lua
  mstrp export wireshark --output mstrp.lua && tshark -X lua_script:mstrp.lua -r trace.pcap

exit status: 0, or 2 when the file cannot be written
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("form", choices=("wireshark",), help="wireshark: a Lua dissector")
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of standard output")


def run(options: argparse.Namespace) -> int:
    """Write the exported text."""
    from mstrp.export.wireshark import lua_dissector

    write_text(lua_dissector(), options.output)
    return 0
