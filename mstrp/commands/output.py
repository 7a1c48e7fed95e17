"""Where a command's data goes: standard output with colour on a terminal, or a file."""

from __future__ import annotations

import codecs
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from mstrp.report.lines import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mstrp.report.lines import Line

__all__ = ["complain", "nobody_listens", "opened", "terminal_width", "tolerant", "write_lines", "write_text"]

#: Terminal colours by style; nothing but a terminal sees them.
_STYLES = {
    "fail": "1;31",
    "warn": "33",
    "info": "36",
    "pass": "1;32",
    "head": "1",
    "dim": "2",
    "state": "1",
    "request": "34",
    "response": "36",
    "event": "35",
}
#: How signs that an encoding does not have are written instead.
_SUBSTITUTES = {
    "→": "->",
    "←": "<-",
    "─": "-",
    "▶": ">",
    "◀": "<",
    "…": "...",
    "×": "x",
    "╰": "`",
    "§": "section ",
    "≥": ">=",
    "≤": "<=",
    "\N{EN DASH}": "-",
}
_ERRORS = "mstrp.substitute"


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(_SUBSTITUTES.get(sign, "?") for sign in signs), error.end


codecs.register_error(_ERRORS, _substitute)


def tolerant(stream: TextIO | None) -> None:
    """Let a stream write what it can where its encoding lacks a sign, instead of failing."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=_ERRORS)


def nobody_listens() -> None:
    """The reader of standard output has gone: what is still to be written goes nowhere."""
    try:
        place = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), place)


def terminal_width(stream: TextIO | None = None) -> int:
    """How wide lines may be: the terminal's width, or a comfortable one where there is no terminal."""
    stream = stream or sys.stdout
    return max(40, shutil.get_terminal_size((120, 40)).columns) if stream.isatty() else 120


def _coloured(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextmanager
def opened(path: str | None) -> Iterator[TextIO]:
    """Standard output, or a file of that name."""
    if path is None or path == "-":
        yield sys.stdout
        return
    with Path(path).open("w", encoding="utf-8", errors=_ERRORS) as stream:
        yield stream


def write_lines(lines: Iterable[Line], stream: TextIO) -> None:
    """Write styled lines, with their colours where the stream is a terminal."""
    if not _coloured(stream):
        stream.writelines(f"{plain(spans)}\n" for spans in lines)
        return
    for spans in lines:
        for style, text in spans:
            code = _STYLES.get(style)
            stream.write(f"\x1b[{code}m{text}\x1b[0m" if code else text)
        stream.write("\n")


def write_text(text: str, path: str | None) -> None:
    """Write text to standard output or a file."""
    with opened(path) as stream:
        stream.write(text)


def complain(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"mstrp: {text}\n")
