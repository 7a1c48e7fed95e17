"""Diagrams as PlantUML text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.diagram.dot import ABSENT, COLOURS, LEGEND
from fsm.diagram.escape import for_plantuml

if TYPE_CHECKING:
    from fsm.diagram.model import Diagram, Edge

__all__ = ["plantuml"]


def plantuml(diagram: Diagram) -> str:
    """Return the diagram as a PlantUML state diagram with a legend."""
    lines = ["@startuml", f"title {for_plantuml(diagram.title)}", "hide empty description"]
    if diagram.direction == "LR":
        lines.append("left to right direction")
    for node in diagram.nodes:
        colour = " #dff0e3" if node.visited else ""
        count = f" ({node.times} x)" if node.times else ""
        lines.append(f'state "{for_plantuml(node.label)}{count}" as {node.id}{colour}')
        lines += [f"{node.id} : {for_plantuml(text)}" for _, text in node.lines]
    lines += [f"[*] --> {node.id}" for node in diagram.nodes if node.kind == "start"]
    lines += [_edge(edge) for edge in diagram.edges]
    lines += [f"{node.id} --> [*]" for node in diagram.nodes if node.kind == "final"]
    used = {edge.tone for edge in diagram.edges} | {tone for node in diagram.nodes for tone, _ in node.lines}
    words = [f"<color:{COLOURS[tone]}>{word}</color>" for tone, word in LEGEND if tone in used]
    if any(edge.expected for edge in diagram.edges):
        words.append("dashed: possible without a report")
    if words:
        lines += ["legend", *words, "endlegend"]
    lines += [f"footer {for_plantuml(note)}" for note in diagram.notes[:1]]
    return "\n".join([*lines, "@enduml", ""])


def _edge(edge: Edge) -> str:
    style = f"{COLOURS[edge.tone]},dashed" if edge.expected or edge.change in ABSENT else COLOURS[edge.tone]
    labels = [*edge.labels, *([f"{edge.times} x"] if edge.times else []), *([edge.change] if edge.change else [])]
    text = "\\n".join(for_plantuml(label) for label in labels)
    return f"{edge.source} -[{style}]-> {edge.target}" + (f" : {text}" if text else "")
