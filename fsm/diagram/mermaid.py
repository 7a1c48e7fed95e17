"""Diagrams as Mermaid text, for pages that render it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.diagram.dot import SIGNS
from fsm.diagram.escape import for_mermaid, front_matter

if TYPE_CHECKING:
    from fsm.diagram.model import Diagram

__all__ = ["mermaid"]


def mermaid(diagram: Diagram) -> str:
    """Return the diagram as a Mermaid state diagram."""
    lines = [*front_matter(diagram.title), "stateDiagram-v2", "  direction LR"]
    for node in diagram.nodes:
        times = f" ({node.times}×)" if node.times else ""
        change = f"{SIGNS[node.change]} {node.change}: " if node.change else ""
        lines.append(f'  state "{for_mermaid(f"{change}{node.label}{times}")}" as {node.id}')
    for node in diagram.nodes:
        if node.kind == "start":
            lines.append(f"  [*] --> {node.id}")
        if node.lines:
            lines.append(f"  note right of {node.id}")
            lines += [f"    {for_mermaid(text)}" for _, text in node.lines]
            lines.append("  end note")
    for edge in diagram.edges:
        labels = [*edge.labels, *([f"{edge.times}×"] if edge.times else [])]
        if edge.change:
            labels.insert(0, f"{SIGNS[edge.change]} {edge.change}")
        label = "<br/>".join(map(for_mermaid, labels))
        lines.append(f"  {edge.source} --> {edge.target}" + (f" : {label}" if label else ""))
    for node in diagram.nodes:
        if node.kind == "final":
            lines.append(f"  {node.id} --> [*]")
    return "\n".join(lines) + "\n"
