"""Generator of the reference pages of the wire format: requests, events, completions, structures, tables."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from mstrp.reference.declarations import constants, packets
from mstrp.reference.wording import rows
from protocol.event import COMPLETIONS, EVENTS
from protocol.members import Union
from protocol.packet import REQUESTS
from protocol.structure import STRUCTURES
from protocol.tables import TABLES, members, spelling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from protocol.record import Layout

__all__ = ["write_wire"]

#: A page: its name, its declarations, and the function that formats each of them.
_Pages = dict[str, tuple[str, list[str]]]
_SUMMARIES = {(entry.kind, entry.data.get("id", entry.name)): entry.summary for entry in (*packets(), *constants())}
_TARGETS = {name: f"structure-{name.lower()}" for name in STRUCTURES} | {
    name: f"table-{name.lower()}" for name in TABLES
}
_NAMES = re.compile(r"\b(" + "|".join(sorted(_TARGETS, key=len, reverse=True)) + r")\b")


def write_wire(folder: Path) -> None:
    """Write the pages of the wire format and an index page."""
    chapters = {
        "requests": ("Requests", _pages("requests", REQUESTS.values(), _request)),
        "events": ("Events", _pages("events", EVENTS.values(), _event)),
        "completions": ("Special completions", _pages("completions", COMPLETIONS.values(), _completion)),
        "structures": ("Structures", _pages("structures", STRUCTURES.values(), _structure)),
        "constants": ("Constant tables", _pages("constants", TABLES.values(), _table)),
    }
    lines = [
        "# Packets, structures and constants",
        "",
        "The complete wire format, generated from the declarations.",
        "",
    ]
    for title, pages in chapters.values():
        for name, (heading, parts) in pages.items():
            text = f"# {title}: {heading}\n\n" + "\n".join(parts)
            (folder / f"{name}.md").write_text(text, encoding="utf-8")
        lines += [f"```{{toctree}}\n:maxdepth: 1\n:caption: {title}\n", *pages, "```", ""]
    (folder / "wire.md").write_text("\n".join(lines), encoding="utf-8")


def _pages(family: str, kinds: Iterable[Any], write: Callable[[Any], list[str]]) -> _Pages:
    """Yield one page for each module with declarations, in the order of the specification."""
    pages: _Pages = {}
    for kind in sorted(
        kinds, key=lambda kind: _order(kind.layout.section if hasattr(kind, "layout") else kind.section)
    ):
        module = sys.modules[kind.__module__]
        place = kind.__module__.removeprefix("protocol.").removeprefix(f"{family}.")
        name = family if place == family else f"{family}-{place.replace('.', '-')}"
        heading = (module.__doc__ or "").split("\n", maxsplit=1)[0].rstrip(".").split(": ``", maxsplit=1)[0]
        parts = pages.setdefault(name, (heading, []))[1]
        parts += write(kind)
    return pages


def _order(section: str) -> tuple[int, ...]:
    return tuple(map(int, section.split(".")))


# -- packets ----------------------------------------------------------------------------------------------------------


def _heading(target: str, title: str, section: str, text: str) -> list[str]:
    return [f"({target})=", f"## {title}", "", f"{text.rstrip('.')} (MS-TRP {section}).", ""]


def _layout(layout: Layout, *, start: int = 0, first: str = "") -> list[str]:
    """Return the table of a layout: offset, name, attribute, meaning."""
    lines = ["| offset | field | attribute | |", "| ---: | --- | --- | --- |", *([first] if first else [])]
    for row in rows(layout, start=start):
        lines.append(f"| {row.offset} | {row.name} | `{row.attribute}` | {_linked(str(row))} |")
    return [*lines, ""]


def _linked(text: str) -> str:
    """Replace the names of structures and tables by links."""
    escaped = text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
    return _NAMES.sub(lambda found: f"[{found[1]}](#{_TARGETS[found[1]]})", escaped)


def _request(kind: Any) -> list[str]:
    name = f"{kind.device}.{kind.__name__}"
    lines = _heading(f"request-{name.lower()}", name, kind.layout.section, _SUMMARIES["request", name])
    facts = [f"Req_Func {kind.req_func}", f"{kind.completion}hronous"]
    if kind.required_privilege:
        facts.append(f"needs privilege {kind.required_privilege}")
    if kind.Completion is not None:
        facts.append(f"[completed by a special completion](#completion-{name.lower()})")
    lines += [f"{', '.join(facts)}; class `{kind.__module__}.{kind.__qualname__}`.", ""]
    lines += _layout(kind.layout, first=f"| 0 | Req_Func | | {kind.req_func}; in the response, Ack_ReturnValue |")
    if kind.returns:
        lines += [f"Returns 0 or {', '.join(kind.returns)}.", ""]
    return lines


def _event(kind: Any) -> list[str]:
    name = kind.__name__
    lines = _heading(f"event-{name.lower()}", name, kind.layout.section, _SUMMARIES["event", name])
    facts = f"Msg {kind.msg} ({kind.msg:#x}), fixed part {kind.fixed} bytes"
    return [*lines, f"{facts}; class `{kind.__module__}.{name}`.", "", *_layout(kind.layout)]


def _completion(kind: Any) -> list[str]:
    request = f"{kind.completes.device}.{kind.completes.__name__}"
    summary = kind.layout.summary
    lines = _heading(f"completion-{request.lower()}", f"completion of {request}", kind.layout.section, summary)
    facts = f"Msg {kind.msg}, fixed part {kind.fixed} bytes; completes [{request}](#request-{request.lower()})"
    return [*lines, f"{facts}; class `{kind.__module__}.{kind.__name__}`.", "", *_layout(kind.layout)]


def _structure(kind: Any) -> list[str]:
    name = kind.__name__
    lines = _heading(_TARGETS[name], name, kind.layout.section, _SUMMARIES["structure", name])
    sizes = ", ".join(str(4 * length) for length in kind.lengths)
    lines += [f"Fixed part {sizes} bytes; class `{kind.__module__}.{name}`.", "", *_layout(kind.layout)]
    for field in kind.layout.fields:
        if isinstance(field, Union):
            table: Any = kind.layout.by_spec[field.selector]
            for number, body in field.bodies.items():
                lines += [
                    f"### {spelling(table.tables[0](number))}",
                    "",
                    f"Class `{body.__module__}.{body.__name__}`.",
                    "",
                ]
                lines += _layout(body.layout, start=4 * field.index)
    return lines


# -- tables -----------------------------------------------------------------------------------------------------------


def _table(table: Any) -> list[str]:
    summary = _SUMMARIES["constants", table.table]
    lines = _heading(_TARGETS[table.table], table.table, table.section, summary)
    kinds = {"flags": "Bits that combine", "enum": "One value out of a list", "error": "Return codes"}
    remark = f" Note: {_linked(table.remark)}." if table.remark else ""
    lines += [f"{kinds[table.kind]}; class `{table.__module__}.{table.__name__}`.{remark}", ""]
    lines += ["| value | name | since | |", "| ---: | --- | --- | --- |"]
    for member in members(table):
        lines.append(f"| {int(member):#010x} | {spelling(member)} | {member.since} | {_linked(member.note)} |")
    return [*lines, ""]
