"""Grids: what happens to one thing in each of its states, as a table that is read at a glance.

A row is a state, a column something that happens. A cell says what follows: ``.`` nothing changes and nothing is
found, a name the state that is entered, ``!RULE`` what is found (with the state in front where it changes), ``-`` that
the two cannot meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from fsm.engine.levels import Level, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.engine.finding import Finding

__all__ = ["Cell", "cells", "check"]

#: What findings of rules count for.
VERDICTS = {"!": (Level.MUST, Verdict.FAIL), "?": (Level.SUSPICIOUS, Verdict.WARN), "~": (Level.TYPICAL, Verdict.INFO)}


class Cell(NamedTuple):
    """A cell of a grid."""

    state: str
    cause: str
    expected: str


def cells(text: str) -> Any:
    """The cells of a grid as parameters of a test."""
    head, *rows = text.strip().splitlines()
    causes = head.split()
    found = []
    for row in rows:
        state, *letters = row.split()
        found += [Cell(state, cause, letter) for cause, letter in zip(causes, letters, strict=True) if letter != "-"]
    return pytest.mark.parametrize("cell", found, ids=[f"{cell.state}-{cell.cause}" for cell in found])


def check(cell: Cell, states: Callable[[], set[str]], found: list[Finding], short: dict[str, str]) -> None:
    """What happened is what the cell says; ``short`` spells out abbreviated rules."""
    mark = next((mark for mark in VERDICTS if mark in cell.expected), "")
    state, _, rule = cell.expected.partition(mark) if mark else (cell.expected, "", "")
    rule = short.get(rule, rule)
    assert {finding.rule for finding in found} == ({rule} if rule else set())
    if mark:
        assert {(finding.level, finding.verdict) for finding in found} == {VERDICTS[mark]}
    expected = cell.state if state in ("", ".") else state
    assert states() == set(expected.split("|"))
