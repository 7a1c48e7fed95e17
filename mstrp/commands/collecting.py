"""Garbage collection while captures are read: seldom, because there is hardly any garbage that counting does not find."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["seldom"]

#: After how many new objects the collector looks at the youngest, after how many times at older ones, and at all: ended
#: sessions are circles, and hold memory until it does.
_THRESHOLDS = (2_000, 10, 10)


@contextmanager
def seldom() -> Iterator[None]:
    """Look for cycles less often, and never among what the program consists of.

    Where clients come and go, a fifth of the time would go there.
    """
    before = gc.get_threshold()
    try:
        gc.freeze()
        gc.set_threshold(*_THRESHOLDS)
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
