"""Lines of styled text, for terminals and files."""

from __future__ import annotations

import textwrap
from typing import NamedTuple, TypeAlias

__all__ = ["Line", "Span", "blank", "line", "plain", "wrapped"]


class Span(NamedTuple):
    """A part of a line. Styles are names; the terminal determines their appearance."""

    style: str
    text: str


Line: TypeAlias = tuple[Span, ...]


def line(text: str, style: str = "plain") -> Line:
    """Return a line in one style."""
    return (Span(style, text),)


def blank() -> Line:
    """Return an empty line."""
    return ()


def plain(spans: Line) -> str:
    """Return the line without styles and without trailing spaces."""
    return "".join(span.text for span in spans).rstrip()


def wrapped(text: str, style: str, *, width: int, first: str, rest: str) -> list[Line]:
    """Wrap a text into lines up to ``width``; ``first`` and ``rest`` are their prefixes."""
    pieces = textwrap.wrap(
        text,
        max(width, len(rest) + 24),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line(piece, style) for piece in pieces or [first]]
