"""Lines of styled text: what reports are made of before a terminal or a file gets them."""

from __future__ import annotations

import textwrap
from typing import NamedTuple, TypeAlias

__all__ = ["Line", "Span", "blank", "line", "plain", "wrapped"]


class Span(NamedTuple):
    """A piece of a line. Styles are names; what they look like is the terminal's business."""

    style: str
    text: str


Line: TypeAlias = tuple[Span, ...]


def line(text: str, style: str = "plain") -> Line:
    """A line in one style."""
    return (Span(style, text),)


def blank() -> Line:
    """An empty line."""
    return ()


def plain(spans: Line) -> str:
    """The line without its styles, and without blanks at its end."""
    return "".join(span.text for span in spans).rstrip()


def wrapped(text: str, style: str, *, width: int, first: str, rest: str) -> list[Line]:
    """A long text as lines that are not wider than ``width``; ``first`` and ``rest`` go before them."""
    pieces = textwrap.wrap(
        text,
        max(width, len(rest) + 24),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line(piece, style) for piece in pieces or [first]]
