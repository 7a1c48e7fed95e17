"""Garbage collection while captures are read: rare, because reference counting frees almost all objects."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["seldom"]

#: Collector thresholds: new objects before a collection of the youngest generation, and numbers of collections
#: before one of the older generations. Ended sessions are reference cycles, and keep their memory until then.
_THRESHOLDS = (2_000, 10, 10)


@contextmanager
def seldom() -> Iterator[None]:
    """Collect cycles rarely, and never among the loaded modules.

    With many short sessions, the collector would otherwise take a fifth of the time.
    """
    before = gc.get_threshold()
    try:
        gc.freeze()
        gc.set_threshold(*_THRESHOLDS)
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
