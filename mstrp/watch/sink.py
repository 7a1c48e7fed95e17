"""Output of a watch: each line is written at once, and kept for a while if that fails."""

from __future__ import annotations

import os
import sys
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Sink"]

#: Lines that are kept while nothing can be written.
_MOST = 10_000


class Sink:
    """Standard output, or a file that lines are appended to."""

    def __init__(self, path: str | None, complain: Callable[[str], None]) -> None:
        self._path = path
        self._complain = complain
        self._number = -1
        #: Bytes that could not be written yet, and the number of lines that were given up.
        self._waiting: deque[bytes] = deque()
        self.lost = 0
        self._failing = False
        self.open()

    def open(self) -> None:
        """Open the file; after its rotation, open the new one."""
        if self._path not in (None, "-"):
            assert self._path is not None
            number = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            self.close()
            self._number = number

    def close(self) -> None:
        """Close the file."""
        if self._number >= 0:
            os.close(self._number)
            self._number = -1

    @property
    def waiting(self) -> int:
        """Number of lines that could not be written, or only in part."""
        return len(self._waiting) + self.lost

    def write(self, line: str) -> None:
        """Write a line, after those that are waiting."""
        if self._number < 0:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            return
        self._waiting.append(f"{line}\n".encode("utf-8", "backslashreplace"))
        self.retry()
        if len(self._waiting) > _MOST:
            # Not the first one: a part of it may have been written.
            del self._waiting[1]
            self.lost += 1

    def retry(self) -> None:
        """Write what is waiting."""
        while self._waiting and self._number >= 0:
            data = self._waiting[0]
            try:
                written = os.write(self._number, data)
            except OSError as error:
                if not self._failing:
                    self._failing = True
                    self._complain(f"{self._path}: {error.strerror}; findings are kept and written later")
                return
            if written < len(data):
                self._waiting[0] = data[written:]
            else:
                self._waiting.popleft()
        if self._failing:
            self._failing = False
            self._complain(f"{self._path}: writing again" + (f"; {self.lost} lines were lost" if self.lost else ""))
