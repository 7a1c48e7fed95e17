"""Grids: the effect of each event in each state, as a readable table.

A row is a state, a column an event. A cell is the result: ``.`` no change and no finding, a name the state entered,
``!RULE`` the finding (after the state if it changes), ``-`` a combination that cannot occur.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from fsm.engine.levels import Level, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.engine.finding import Finding

__all__ = ["Cell", "cells", "check"]

#: Level and verdict of the findings of rules.
VERDICTS = {"!": (Level.MUST, Verdict.FAIL), "?": (Level.SUSPICIOUS, Verdict.WARN), "~": (Level.TYPICAL, Verdict.INFO)}


class Cell(NamedTuple):
    """A cell of a grid."""

    state: str
    cause: str
    expected: str


def cells(text: str) -> Any:
    """Return the cells of a grid as parameters of a test."""
    head, *rows = text.strip().splitlines()
    causes = head.split()
    found = []
    for row in rows:
        state, *letters = row.split()
        found += [Cell(state, cause, letter) for cause, letter in zip(causes, letters, strict=True) if letter != "-"]
    return pytest.mark.parametrize("cell", found, ids=[f"{cell.state}-{cell.cause}" for cell in found])


def check(cell: Cell, states: Callable[[], set[str]], found: list[Finding], short: dict[str, str]) -> None:
    """Check that the result matches the cell; ``short`` expands abbreviated rules."""
    mark = next((mark for mark in VERDICTS if mark in cell.expected), "")
    state, _, rule = cell.expected.partition(mark) if mark else (cell.expected, "", "")
    rule = short.get(rule, rule)
    assert {finding.rule for finding in found} == ({rule} if rule else set())
    if mark:
        assert {(finding.level, finding.verdict) for finding in found} == {VERDICTS[mark]}
    expected = cell.state if state in ("", ".") else state
    assert states() == set(expected.split("|"))
