"""``mstrp explain``: explain a rule, state, packet, structure, constant, number or section."""

from __future__ import annotations

import json
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mstrp.commands.output import complain
from mstrp.reference.lookup import KINDS, Entry, listing, lookup, rule_shares

if TYPE_CHECKING:
    import argparse

__all__ = ["arguments", "run"]

EXAMPLE = """\
examples:
  mstrp explain BlindTransfer
  mstrp explain CALL-V01
  mstrp explain 0x8000001C
  mstrp explain --list packets --format json

exit status: 0, or 2 if the id is unknown
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "names", metavar="ID", nargs="*", help="id of a rule, state, packet, structure, constant, number or section"
    )
    parser.add_argument("--list", choices=tuple(KINDS), help="list all items of a kind")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def run(options: argparse.Namespace) -> int:
    """Explain or list."""
    if options.list:
        _list(listing(options.list), options.format)
        if options.list == "rules" and options.format == "text":
            sys.stdout.write(f"\n{rule_shares()}\n")
        return 0
    if not options.names:
        complain("explain: give an ID, or --list rules|packets|machines|constants")
        return 2
    status = 0
    found = []
    for name in options.names:
        entries = lookup(name)
        if not entries:
            complain(f"explain: nothing is known as {name}{_suggestion(name)}")
            status = 2
        found += entries
    if options.format == "json":
        sys.stdout.write(json.dumps([_object(entry) for entry in found], indent=1) + "\n")
    else:
        sys.stdout.write("\n".join(_page(entry) for entry in found))
    return status


def _list(entries: list[Entry], form: str) -> None:
    if form == "json":
        sys.stdout.write(json.dumps([_object(entry) for entry in entries], indent=1) + "\n")
        return
    width = min(44, max(len(_shown(entry)) for entry in entries))
    for entry in entries:
        sys.stdout.write(f"{_shown(entry):<{width}}  {entry.section:<14} {entry.summary}\n")


def _shown(entry: Entry) -> str:
    return str(entry.data.get("id") or entry.name)


def _object(entry: Entry) -> dict[str, Any]:
    return {"kind": entry.kind, "name": entry.name, "section": entry.section, "summary": entry.summary, **entry.data}


def _page(entry: Entry) -> str:
    where = f" (MS-TRP {entry.section})" if entry.section else ""
    return "\n".join(
        [f"{entry.kind} {_shown(entry)}{where}", f"  {entry.summary}", *(f"  {line}" for line in entry.lines), ""]
    )


def _suggestion(name: str) -> str:
    known = [_shown(entry).split(".")[-1] for kind in KINDS for entry in listing(kind)]
    close = get_close_matches(name, known, 3)
    return f"; did you mean {', '.join(close)}?" if close else ""
