"""Journals: every step in a file, as JSON lines or in an SQLite database."""

from __future__ import annotations

import errno
import json
import sqlite3
from abc import ABC, abstractmethod
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from fsm.engine.step import Step

__all__ = ["Journal", "JsonLines", "Sqlite", "check_journal", "open_journal"]

#: Columns of the table, in the order of the records.
_COLUMNS = (
    "frame",
    "time",
    "session",
    "machine",
    "instance",
    "event",
    "kind",
    "source",
    "target",
    "level",
    "rule",
    "ref",
)


class Journal(ABC):
    """Writes steps until it is closed; also a context manager."""

    def __init__(self) -> None:
        self._capture = ""

    def capture(self, path: str) -> None:
        """Set the capture of the steps that follow."""
        self._capture = path

    @abstractmethod
    def step(self, step: Step) -> None:
        """Write one step."""

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class JsonLines(Journal):
    """One JSON object per line, the keys of `Step.as_dict` and the capture."""

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self._file: TextIO = Path(path).open("w", encoding="utf-8")  # noqa: SIM115 - closed by close()

    def step(self, step: Step) -> None:
        """Write one step."""
        json.dump({"capture": self._capture, **step.as_dict()}, self._file)
        self._file.write("\n")

    def close(self) -> None:
        self._file.close()


class Sqlite(Journal):
    """A table ``transitions`` with a row per step; sets of states are joined by spaces."""

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self._path = str(path)
        with self._telling():
            self._database = sqlite3.connect(path)
            self._database.execute("DROP TABLE IF EXISTS transitions")
            columns = ", ".join(f"{name} {_TYPES.get(name, 'TEXT')}" for name in _COLUMNS)
            self._database.execute(f"CREATE TABLE transitions (capture TEXT, {columns})")
        self._waiting: list[tuple[Any, ...]] = []

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Convert errors of SQLite to errors of the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise OSError(errno.EIO, str(error), self._path) from error

    def step(self, step: Step) -> None:
        """Write one step; rows are inserted in batches of a thousand."""
        found = step.as_dict()
        found["source"], found["target"] = " ".join(found["from"]), " ".join(found["to"])
        self._waiting.append((self._capture, *(found[name] for name in _COLUMNS)))
        if len(self._waiting) >= 1000:
            self._flush()

    def _flush(self) -> None:
        with self._telling():
            self._database.executemany(_INSERT, self._waiting)
        self._waiting.clear()

    def close(self) -> None:
        self._flush()
        with self._telling():
            self._database.commit()
            self._database.close()


_INSERT = f"INSERT INTO transitions VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"  # noqa: S608 - only marks
_TYPES = {"frame": "INTEGER", "time": "REAL"}


def open_journal(path: str | Path, *, place: str | Path | None = None) -> Journal:
    """Return a journal of the type of the file name: ``.jsonl`` or ``.sqlite``. Raises ValueError for others.

    ``place`` is the file to write, if it has a temporary name.
    """
    return _kind(path)(path if place is None else place)


def check_journal(path: str | Path) -> None:
    """Raise ValueError if no type of journal has such a file name."""
    _kind(path)


def _kind(path: str | Path) -> type[JsonLines | Sqlite]:
    name = str(path)
    if name.endswith(".jsonl"):
        return JsonLines
    if name.endswith((".sqlite", ".db")):
        return Sqlite
    message = f"{name}: a journal must be a .jsonl or a .sqlite file"
    raise ValueError(message)
