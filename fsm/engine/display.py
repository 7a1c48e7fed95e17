"""Hooks for the display of tables, states and findings in notebooks; the drawing package sets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fsm.engine.finding import Finding
    from fsm.engine.table import Table

__all__ = ["DISPLAY"]


class _Display:
    """Functions that return SVG or HTML; None if drawing is not available."""

    def __init__(self) -> None:
        self.table: Callable[[Table], str | None] = lambda table: None
        self.states: Callable[[Table, str, Sequence[str]], str | None] = lambda table, title, states: None
        self.finding: Callable[[Finding], str | None] = lambda finding: None


DISPLAY = _Display()
