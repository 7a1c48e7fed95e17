"""Output of commands: standard output, with colour on a terminal, or a file."""

from __future__ import annotations

import codecs
import errno
import io
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn, TextIO

from mstrp.report.files import replaced
from mstrp.report.lines import plain
from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mstrp.report.lines import Line

__all__ = [
    "abandon",
    "complain",
    "opened",
    "repair_streams",
    "terminal_width",
    "tolerant",
    "write_lines",
    "write_text",
]

#: Terminal colours by style.
_STYLES = {
    "fail": "1;31",
    "warn": "33",
    "info": "36",
    "pass": "1;32",
    "inconclusive": "1;33",
    "unreadable": "1;31",
    "head": "1",
    "dim": "2",
    "state": "1",
    "request": "34",
    "response": "36",
    "event": "35",
}
#: Replacements for characters that an encoding does not have.
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
    """Replace characters that the encoding of a stream does not have, instead of failing."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=_ERRORS)


class _Closed(io.TextIOBase):
    """Standard output that was closed by the caller (``>&-``): writing fails like writing to a full disk."""

    @property
    def buffer(self) -> _Closed:
        return self

    def write(self, text: object, /) -> NoReturn:
        raise OSError(errno.EBADF, "standard output is closed")


def repair_streams() -> None:
    """Replace standard streams that the caller closed, so that no other file takes their descriptors."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = _Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - until the program ends


def abandon() -> None:
    """Discard output that the standard streams cannot write, so that the interpreter does not retry at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def terminal_width(stream: TextIO | None = None) -> int:
    """Return the line width: that of the terminal, or a default."""
    stream = stream or sys.stdout
    return max(40, shutil.get_terminal_size((120, 40)).columns) if stream.isatty() else 120


def _coloured(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextmanager
def opened(path: str | None, inputs: Iterable[str | Path] = ()) -> Iterator[TextIO]:
    """Open standard output or a file, which must not be one of the inputs."""
    if path is None or path == "-":
        yield sys.stdout
        return
    with replaced(path, inputs) as place, place.open("w", encoding="utf-8", errors=_ERRORS) as stream:
        yield stream


def write_lines(lines: Iterable[Line], stream: TextIO) -> None:
    """Write styled lines, in colour if the stream is a terminal."""
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
    """Print an error on standard error."""
    with suppress(OSError):
        sys.stderr.write(f"mstrp: {printable(text)}\n")
