"""Progress bar while a large capture is read, if standard error is a terminal."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from protocol.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Bar"]

#: Seconds before the bar appears.
_PATIENCE = 0.5


class Bar:
    """Progress bar for one capture; called with the number of bytes read so far."""

    def __init__(self, path: str, *, quiet: bool = False) -> None:
        self.path = path
        self.shown = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._begin = time.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def __call__(self, position: int) -> None:
        if not self.shown:
            return
        if self._progress is None:
            if time.monotonic() - self._begin < _PATIENCE:
                return
            self._start()
        assert self._progress is not None
        assert self._task is not None
        self._progress.update(self._task, completed=position)

    def _start(self) -> None:
        """Create the bar; its library is imported here because most runs do not need it."""
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(escape(printable(self.path)), total=_size(self.path))
        self._progress.start()


def _size(path: str) -> int | None:
    """Return the size of the input in bytes; None if it is unknown."""
    try:
        place = Path(path)
        return place.stat().st_size if place.is_file() else None
    except OSError:
        return None
