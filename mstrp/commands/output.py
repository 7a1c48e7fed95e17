"""Where a command's data goes: standard output with colour on a terminal, or a file."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["complain", "terminal_width", "write_lines", "write_text"]

#: Terminal colours by style; nothing but a terminal sees them.
_STYLES = {"fail": "31", "warn": "33", "info": "36", "pass": "32", "head": "1", "packet": "", "plain": ""}


def terminal_width(stream: TextIO | None = None) -> int:
    """How wide lines may be: the terminal's width, or a comfortable one where there is no terminal."""
    stream = stream or sys.stdout
    return max(40, shutil.get_terminal_size((120, 40)).columns) if stream.isatty() else 120


def _coloured(stream: TextIO) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def write_lines(lines: Iterable[tuple[str, str]], path: str | None) -> None:
    """Write styled lines to standard output, or plain ones to a file."""
    if path is not None and path != "-":
        write_text("".join(f"{text}\n" for _, text in lines), path)
        return
    coloured = _coloured(sys.stdout)
    for style, text in lines:
        code = _STYLES.get(style, "") if coloured else ""
        sys.stdout.write(f"\x1b[{code}m{text}\x1b[0m\n" if code else f"{text}\n")


def write_text(text: str, path: str | None) -> None:
    """Write text to standard output or a file."""
    if path is None or path == "-":
        sys.stdout.write(text)
        return
    with Path(path).open("w", encoding="utf-8") as stream:
        stream.write(text)


def complain(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"mstrp: {text}\n")
