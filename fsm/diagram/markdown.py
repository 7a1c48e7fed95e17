"""Tables as Markdown: every row with its level and its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.diagram.escape import for_markdown

if TYPE_CHECKING:
    from fsm.engine.table import Table

__all__ = ["markdown"]


def markdown(table: Table) -> str:
    """Return the rows of a table as a Markdown page, grouped by source state."""
    lines = [f"# {table.name}", "", f"{for_markdown(table.summary)}.", ""]
    finals = ", ".join(f"`{table.caption(state)}`" for state in table.states if state in table.finals)
    lines += [f"Starts in `{table.caption(table.initial)}`" + (f"; ends in {finals}." if finals else "."), ""]
    for state in table.states:
        rows = [row for row in table.rows if row.source is state]
        if not rows:
            continue
        lines += [
            f"## {for_markdown(table.caption(state))}",
            "",
            "| event | to | level | rule | reference |",
            "| --- | --- | --- | --- | --- |",
        ]
        for row in rows:
            guards = f" — {', '.join(str(guard) for guard in row.guards)}" if row.guards else ""
            targets = [table.caption(row.target), *(f"{table.caption(other)}?" for other in row.expect)]
            changes = (*(f"+{guard.name}" for guard in row.sets), *(f"-{guard.name}" for guard in row.clears))
            if changes:
                targets.append(f"{{{', '.join(changes)}}}")
            note = f"; {row.note}" if row.note else ""
            where = f"{row.ref.section}" + (f" {row.ref.detail}" if row.ref.detail else "") + note
            cells = (f"{row.event.name}{guards}", ", ".join(targets), row.level.name, row.rule, where)
            lines.append("| " + " | ".join(map(for_markdown, cells)) + " |")
        lines.append("")
    return "\n".join(lines)
