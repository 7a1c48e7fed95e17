"""Handling of Ctrl-C while captures are read: reading ends between two frames, with a consistent partial result."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Self

from mstrp.capture import files

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Interrupts"]

#: Functions that may block while waiting for input; an interrupt there leaves no partial result.
_WAITING = files.__file__


class Interrupts:
    """Context in which SIGINT takes effect at the next block of a capture; a second SIGINT takes effect immediately."""

    def __init__(self) -> None:
        self.pending = False
        self._before: Any = None

    def __enter__(self) -> Self:
        # Keep an ignored SIGINT (background jobs of shells) and the handler of an embedding program.
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
        """Raise KeyboardInterrupt if SIGINT is pending; called between two blocks of a capture."""
        if self.pending:
            raise KeyboardInterrupt
