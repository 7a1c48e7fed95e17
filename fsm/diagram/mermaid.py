"""Diagrams as Mermaid text, for pages that draw it themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsm.diagram.model import Diagram

__all__ = ["mermaid"]


def mermaid(diagram: Diagram) -> str:
    """The diagram as a Mermaid state diagram."""
    lines = ["---", f"title: {diagram.title}", "---", "stateDiagram-v2", "  direction LR"]
    for node in diagram.nodes:
        lines.append(f'  state "{_plain(node.label)}" as {node.id}')
    for node in diagram.nodes:
        if node.kind == "start":
            lines.append(f"  [*] --> {node.id}")
        if node.lines:
            lines.append(f"  note right of {node.id}")
            lines += [f"    {_plain(text)}" for _, text in node.lines]
            lines.append("  end note")
    for edge in diagram.edges:
        label = "<br/>".join(_plain(text) for text in edge.labels)
        lines.append(f"  {edge.source} --> {edge.target}" + (f" : {label}" if label else ""))
    for node in diagram.nodes:
        if node.kind == "final":
            lines.append(f"  {node.id} --> [*]")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text without what Mermaid takes for syntax."""
    return text.replace(":", "·").replace('"', "'").replace(";", ",").replace("#", "")
