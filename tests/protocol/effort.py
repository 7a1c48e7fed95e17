"""How much work a call does, counted instead of timed: lines of Python run, and the most memory held at once."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Effort", "effort", "everything"]


class Effort(NamedTuple):
    """Lines run and bytes held."""

    lines: int
    memory: int


def effort(function: Callable[[], Any]) -> Effort:
    """Run a function, once for its lines and once for its memory."""
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
    """What `decode` and `check` ask of a packet: its numbers, what they mean, what is wrong."""
    record.raw()
    record.meanings()
    record.problems()
