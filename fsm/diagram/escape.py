"""Escape functions for text in diagrams: content of a capture remains text in each format."""

from __future__ import annotations

import json
import re

from protocol.printable import printable

__all__ = ["for_dot", "for_markdown", "for_mermaid", "for_plantuml", "front_matter"]

#: Characters with a possible meaning in Mermaid, such as an underscore at the end of a word. They become entities,
#: which Mermaid decodes last.
_MERMAID = re.compile(r"[^\w \-.,=()'/+?!\x80-\U0010ffff]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
#: Characters with a possible meaning in PlantUML, its preprocessor or its Creole markup, such as `--` and `__`.
_PLANTUML = re.compile(r"[^\w \-.,=()':;+?\x80-\U0010ffff]|(?<=[-_=.])[-_=.]|(?<=^)[=']")
#: Angle quotation marks instead of angle brackets.
_ANGLES = str.maketrans("<>", "\u2039\u203a")
_MARKDOWN = re.compile(r"[\\`*<>|\[\]&]")


def for_dot(text: str) -> str:
    """Escape text for a quoted string of DOT that is a label; Graphviz decodes HTML entities in labels."""
    return printable(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')


def for_mermaid(text: str) -> str:
    """Escape text for a label of Mermaid."""
    return _MERMAID.sub(lambda found: f"#{ord(found[0])};", printable(text))


def for_plantuml(text: str) -> str:
    """Escape text for a label of PlantUML."""
    return _PLANTUML.sub(lambda found: f"<U+{ord(found[0]):04X}>", printable(text))


def for_markdown(text: str) -> str:
    """Escape text for a cell of a Markdown table."""
    return _MARKDOWN.sub(lambda found: f"\\{found[0]}", printable(text))


def front_matter(title: str) -> list[str]:
    """Return the lines above a Mermaid diagram that give it a title.

    A JSON string is also a YAML string. Mermaid sanitizes titles and does not decode entities in them, so angle
    brackets are replaced.
    """
    text = printable(title).translate(_ANGLES)
    return ["---", f"title: {json.dumps(text, ensure_ascii=False)}", "---"]
