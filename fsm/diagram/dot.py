"""Diagrams as Graphviz text.

Only plain labels are used: the Graphviz in the package index does not support HTML-like ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.diagram.escape import for_dot
from fsm.diagram.model import Tone

if TYPE_CHECKING:
    from fsm.diagram.model import Diagram, Edge, Node

__all__ = ["ABSENT", "COLOURS", "LEGEND", "SIGNS", "dot"]

#: Colors by tone, distinguishable in print and by color-blind readers.
COLOURS: dict[Tone, str] = {
    Tone.REQUEST: "#1b5e9e",
    Tone.ANSWER: "#1b7a6e",
    Tone.REPLY: "#5b3d99",
    Tone.REPORT: "#33383f",
    Tone.JOINT: "#8a6d1a",
    Tone.ODD: "#b26a00",
    Tone.FORBIDDEN: "#b3261e",
    Tone.PLAIN: "#5f6670",
}
#: Texts of the tones, in the order of the legend.
LEGEND: tuple[tuple[Tone, str], ...] = (
    (Tone.REQUEST, "request"),
    (Tone.ANSWER, "response"),
    (Tone.REPLY, "success"),
    (Tone.REPORT, "report"),
    (Tone.JOINT, "joint row"),
    (Tone.ODD, "suspicious"),
    (Tone.FORBIDDEN, "forbidden"),
)
_FILLS = {"start": "#f2f3f5", "state": "#ffffff", "entry": "#eef4fb", "sink": "#f7f3e8", "final": "#e4e7eb"}
#: Fills of states and colors of arrows in comparisons, with a sign in addition to the color.
_CHANGES = {"added": "#d7efdc", "removed": "#f9dcd9", "missing": "#efe6f5"}
_MARKS = {
    "added": "#1b6e3c",
    "removed": "#b3261e",
    "extra": "#b3261e",
    "different": "#b26a00",
    "allowed": "#1b7a6e",
    "missing": "#7a3e9d",
}
SIGNS = {"added": "+", "removed": "-", "extra": "+", "different": "≠", "allowed": "≈", "missing": "-"}
#: Changes that are drawn dashed, because the object is not present.
ABSENT = frozenset({"removed", "missing"})
_DIM = "#c4c9d0"
#: Maximum number of rows in the tooltip of an arrow.
_TIPS = 12
_FONT = "Helvetica,Arial,sans-serif"


def dot(diagram: Diagram, *, legend: bool = True) -> str:
    """Return the diagram in the DOT language, in the order of the table, so that equal tables give equal text."""
    title = "".join(f"{for_dot(line)}\\l" for line in (diagram.title, *diagram.notes))
    lines = [
        f'digraph "{for_dot(diagram.name)}" {{',
        f'  graph [rankdir={diagram.direction}, fontname="{_FONT}", fontsize=12, nodesep=0.3, ranksep=0.6,',
        f'         bgcolor="white", pad=0.2, splines=true, labelloc=t, labeljust=l, label="{title}"]',
        f'  node [shape=box, style="rounded,filled", fontname="{_FONT}", fontsize=11, color="#5f6670", penwidth=1.1,',
        '        margin="0.12,0.07", height=0.3]',
        f'  edge [fontname="{_FONT}", fontsize=9, arrowsize=0.7, penwidth=1.2]',
    ]
    lines += [_node(node) for node in diagram.nodes]
    lines += [_edge(edge, number) for number, edge in enumerate(diagram.edges, 1)]
    for rank in diagram.ranks:
        lines.append("  { rank=sink; " + "; ".join(f'"{name}"' for name in rank) + " }")
    if legend:
        lines += _legend(diagram)
    return "\n".join([*lines, "}", ""])


def _node(node: Node) -> str:
    style = {"start": "rounded,filled,dashed", "final": "rounded,filled,bold"}.get(node.kind, "rounded,filled")
    fill = _CHANGES[node.change] if node.change else "#dff0e3" if node.visited else _FILLS[node.kind]
    label = for_dot(node.label) + (f" ({node.times}×)" if node.times else "")
    if node.lines:
        marks = {Tone.FORBIDDEN: "× ", Tone.ODD: "? "}
        label += "\\n" + "".join(f"{marks.get(tone, '')}{for_dot(text)}\\l" for tone, text in node.lines)
    tones = {tone for tone, _ in node.lines}
    colour = COLOURS[Tone.FORBIDDEN] if node.kind == "broken" else "#c4c9d0" if node.visited is False else "#5f6670"
    font = "" if not tones or node.kind == "state" else ", fontsize=9.5"
    if node.visited is False:
        font += ', fontcolor="#9aa1aa"'
    return f'  "{node.id}" [id="state-{for_dot(node.id)}", label="{label}", fillcolor="{fill}", style="{style}", color="{colour}"{font}]'


def _edge(edge: Edge, number: int) -> str:
    colour = _DIM if edge.visited is False else _MARKS.get(edge.change) or COLOURS[edge.tone]
    attributes = [f'color="{colour}"', f'fontcolor="{colour}"', f'id="edge-{edge.source}-{edge.target}-{number}"']
    labels = list(edge.labels)
    if edge.times:
        labels.append(f"{edge.times}×")
    if edge.change:
        labels.insert(0, f"{SIGNS[edge.change]} {edge.change}")
    if labels:
        text = "\\n".join(for_dot(label) for label in labels)
        attributes.insert(0, f'label="{text}"')
    if edge.details:
        tip = "\\n".join(for_dot(text) for text in edge.details[:_TIPS])
        more = len(edge.details) - _TIPS
        rest = f"\\nand {more} more" if more > 0 else ""
        attributes.append(f'edgetooltip="{tip}{rest}"')
    if edge.expected or edge.change in ABSENT:
        attributes.append("style=dashed")
    if edge.visited:
        attributes.append("penwidth=2.2")
    return f'  "{edge.source}" -> "{edge.target}" [{", ".join(attributes)}]'


def _legend(diagram: Diagram) -> list[str]:
    """Return a line of colored words for the tones used."""
    used = {edge.tone for edge in diagram.edges} | {tone for node in diagram.nodes for tone, _ in node.lines}
    words = [(COLOURS[tone], f"■ {word}") for tone, word in LEGEND if tone in used]
    if any(edge.expected for edge in diagram.edges):
        words.append((COLOURS[Tone.PLAIN], "dashed: possible without a report"))
    if any(edge.visited is False for edge in diagram.edges):
        words.append((COLOURS[Tone.PLAIN], "grey: not seen"))
    for change, mark in _MARKS.items():
        if any(node.change == change for node in diagram.nodes) or any(edge.change == change for edge in diagram.edges):
            words.append((mark, f"{SIGNS[change]} {change}"))
    if not words:
        return []
    lines = ["  {"]
    for number, (colour, word) in enumerate(words):
        lines.append(
            f'    "legend{number}" [label="{word}", shape=plaintext, style="", fontsize=9, fontcolor="{colour}", height=0.2]'
        )
    if diagram.direction == "TB":
        lines.append("    rank=sink")
    else:
        chain = " -> ".join(f"legend{number}" for number in range(len(words)))
        lines.append(f"    {chain} [style=invis]")
    return [*lines, "  }"]
