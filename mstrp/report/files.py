"""Output files: never one of the inputs, and complete or absent.

A file is written under a temporary name in the same folder and then renamed. Devices, pipes and sockets are written
directly.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["OutputError", "check_outputs", "replaced", "write_file"]


class OutputError(ValueError):
    """An output that is also an input, or the same file as another output."""


def check_outputs(outputs: Iterable[str | Path | None], inputs: Iterable[str | Path] = ()) -> None:
    """Raise `OutputError` if an output is the same file as an input or another output, through links too."""
    read = [Path(each) for each in inputs if str(each) != "-"]
    written: list[Path] = []
    for output in outputs:
        if output is None or str(output) in {"", "-"}:
            continue
        place = Path(output)
        if any(_is_same(place, other) for other in read):
            raise OutputError(f"{place}: the output is also an input, and would be overwritten")
        if any(_is_same(place, other) for other in written):
            raise OutputError(f"{place}: two outputs are the same file")
        written.append(place)


def _is_same(one: Path, other: Path) -> bool:
    """Return whether two names refer to the same file; devices and pipes may be used several times."""
    try:
        return one.samefile(other) and (one.is_file() or one.is_dir())
    except (OSError, ValueError):
        return os.path.realpath(one) == os.path.realpath(other)


@contextmanager
def replaced(path: str | Path, inputs: Iterable[str | Path] = (), *, keep: bool = False) -> Iterator[Path]:
    """Return the name of a temporary file that replaces ``path`` at the end.

    After an exception ``path`` is unchanged, unless ``keep`` is set: then it is replaced by the data written so far.
    Raises `OutputError` for an input, and `OSError` if the file cannot be written.
    """
    check_outputs([path], inputs)
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_file():
        if place.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        # A device or a pipe has no content to preserve.
        yield Path(path)
        return
    if place.exists() and not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    temporary = place.with_name(f".mstrp-{secrets.token_hex(6)}.tmp")
    try:
        temporary.touch(exist_ok=False)
        if place.exists():
            temporary.chmod(place.stat().st_mode & 0o7777)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        yield temporary
    except BaseException:
        if keep:
            temporary.replace(place)
        raise
    else:
        temporary.replace(place)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_file(path: str | Path, data: str | bytes, inputs: Iterable[str | Path] = (), **options: Any) -> None:
    """Write a whole file; ``options`` are those of `open` for text."""
    with replaced(path, inputs) as place:
        if isinstance(data, bytes):
            place.write_bytes(data)
        else:
            with place.open("w", **{"encoding": "utf-8", **options}) as stream:
                stream.write(data)
