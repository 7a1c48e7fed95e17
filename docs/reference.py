"""Generator of the reference pages: the wire format, the rules, and one page per machine with its diagram and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wire_pages import write_wire

from fsm.rules.catalogue import RULES, Rule, Status
from fsm.state.machines import MACHINES
from mstrp.drawing.gallery import machine_text
from mstrp.reference.lookup import rule_shares

if TYPE_CHECKING:
    from pathlib import Path

    from fsm.engine.table import Table

__all__ = ["write_reference"]


def write_reference(folder: Path) -> None:
    """Write all generated pages to a folder."""
    folder.mkdir(exist_ok=True)
    write_wire(folder)
    for name, machine in MACHINES.items():
        (folder / f"machine-{name}.md").write_text(_machine(name, machine.table), encoding="utf-8")
    (folder / "rules.md").write_text(_rules(), encoding="utf-8")
    pages = "\n".join(f"machine-{name}" for name in MACHINES)
    (folder / "machines.md").write_text(
        f"# Machines\n\nAll machines with their diagrams and rows, generated from the tables.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{pages}\n```\n",
        encoding="utf-8",
    )


def _rules() -> str:
    """Return the page of the rules: requirement, and how it is checked or why not."""
    lines = ["# Rules", "", f"{rule_shares()}.", ""]
    packet = None
    for rule in sorted(RULES.values(), key=lambda rule: (_chapter(rule), rule.id)):
        if _chapter(rule) != packet:
            packet = _chapter(rule)
            lines += [
                "",
                f"## {packet}",
                "",
                "| rule | kind | requirement | status |",
                "| --- | --- | --- | --- |",
            ]
        status = rule.how if rule.status is Status.CHECKED else f"{rule.status.value}: {rule.how}"
        lines.append(f"| {rule.id} | {rule.kind} | {_cell(rule.summary)} | {_cell(status)} |")
    return "\n".join(lines) + "\n"


def _chapter(rule: Rule) -> str:
    return rule.packet or "Buffers, bindings and RPC"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _machine(name: str, table: Table) -> str:
    """Return the page of a machine: diagram, states, events, guards, rows."""
    head, _, rest = machine_text(name, "markdown").partition("\n## ")
    lines = [head.rstrip(), "", f"```{{image}} ../../diagrams/{name}.svg\n:alt: {table.summary}\n```", ""]
    lines += ["## Events", "", "| event | kind | meaning |", "| --- | --- | --- |"]
    lines += [f"| {event.name} | {event.kind.value} | {event.summary} |" for event in table.events]
    guards = {guard.name: guard.summary for row in table.rows for guard in row.guards}
    if guards:
        lines += ["", "## Guards", "", "| guard | holds when |", "| --- | --- |"]
        lines += [f"| {guard} | {summary} |" for guard, summary in guards.items()]
    return "\n".join(lines) + "\n\n## " + rest
