"""Hooks through which notebooks show tables, states and findings; the package that draws fills them in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fsm.engine.finding import Finding
    from fsm.engine.table import Table

__all__ = ["DISPLAY"]


class _Display:
    """Functions that return SVG or HTML; None as long as nothing can draw."""

    def __init__(self) -> None:
        self.table: Callable[[Table], str | None] = lambda table: None
        self.states: Callable[[Table, str, Sequence[str]], str | None] = lambda table, title, states: None
        self.finding: Callable[[Finding], str | None] = lambda finding: None


DISPLAY = _Display()
