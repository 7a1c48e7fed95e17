"""Handling of Ctrl-C while captures are read: reading ends between two frames, with a consistent partial result."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Self

from mstrp.capture import files

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import CodeType, FrameType

__all__ = ["Interrupts"]

#: Functions that may block while waiting for input; an interrupt there leaves no partial result.
_WAITING = files.__file__


class Interrupts:
    """Context in which SIGINT takes effect at the next block of a capture; a second SIGINT takes effect immediately.

    With ``terminate``, SIGTERM does the same. ``waiting`` has further functions that wait for input.
    """

    def __init__(self, *, terminate: bool = False, waiting: Collection[CodeType] = ()) -> None:
        self.pending = False
        #: The signal that is pending.
        self.signal = 0
        self._terminate = terminate
        self._waiting = set(waiting)
        self._before: Any = None
        self._before_term: Any = None

    def __enter__(self) -> Self:
        # Keep an ignored SIGINT (background jobs of shells) and the handler of an embedding program.
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before is signal.default_int_handler:
                self._before = signal.signal(signal.SIGINT, self._caught)
            if self._terminate:
                self._before_term = signal.signal(signal.SIGTERM, self._caught)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        if self._before_term is not None:
            signal.signal(signal.SIGTERM, self._before_term)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or number
        if self.pending or self._is_waiting(frame):
            self.pending = True
            raise KeyboardInterrupt
        self.pending = True

    def _is_waiting(self, frame: FrameType | None) -> bool:
        """Whether input is waited for, also while another signal is handled."""
        if frame is not None and frame.f_code.co_filename == _WAITING:
            return True
        while frame is not None:
            if frame.f_code in self._waiting:
                return True
            frame = frame.f_back
        return False

    def check(self) -> None:
        """Raise KeyboardInterrupt if SIGINT is pending; called between two blocks of a capture."""
        if self.pending:
            raise KeyboardInterrupt
