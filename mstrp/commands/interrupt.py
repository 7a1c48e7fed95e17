"""Ctrl-C while captures are read: it ends the reading between two frames, so that what was found so far is whole."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Self

from mstrp.capture import files

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Interrupts"]

#: Where a program waits for bytes that may never come; nothing is half done there.
_WAITING = files.__file__


class Interrupts:
    """While this is entered, SIGINT waits for the next block of a capture; the second one ends everything at once."""

    def __init__(self) -> None:
        self.pending = False
        self._before: Any = None

    def __enter__(self) -> Self:
        # Shells have background jobs ignore SIGINT, and an embedding program may have a handler of its own: both stay.
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before is signal.default_int_handler:
                self._before = signal.signal(signal.SIGINT, self._caught)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if self.pending or (frame is not None and frame.f_code.co_filename == _WAITING):
            self.pending = True
            raise KeyboardInterrupt
        self.pending = True

    def check(self) -> None:
        """Between two blocks of a capture: end the reading when Ctrl-C was pressed meanwhile."""
        if self.pending:
            raise KeyboardInterrupt
