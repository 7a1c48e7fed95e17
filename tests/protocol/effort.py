"""The cost of a call, counted instead of timed: executed lines of Python and peak memory."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Effort", "effort", "everything"]


class Effort(NamedTuple):
    """The number of executed lines and the peak memory in bytes."""

    lines: int
    memory: int


def effort(function: Callable[[], Any]) -> Effort:
    """Run a function twice, to count its lines and to measure its memory."""
    function()
    lines = 0

    def local(frame: Any, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return local

    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: local)
    try:
        function()
    finally:
        sys.settrace(before)
    gc.collect()
    tracemalloc.start()
    function()
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Effort(lines, memory)


def everything(record: Any) -> None:
    """Access everything that `decode` and `check` use of a packet: raw values, decoded values, problems."""
    record.raw()
    record.meanings()
    record.problems()
