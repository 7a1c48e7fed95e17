"""The line: one Open of a line device, until it is closed."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref
from fsm.engine.table import Table
from fsm.tables.bits import FILTERED
from fsm.tables.handle import (
    CLOSES,
    ECHO,
    FORCED,
    FOREIGN,
    LIVE,
    REPORTS_ON,
    STRANGER,
    STRANGER_RULE,
    USED,
    VOIDED,
    gone_rows,
    tail_rows,
)

__all__ = ["FILTERS", "LINE", "OPENED", "LineState"]

_MUST, _STATED, _ODD = Level.MUST, Level.STATED, Level.SUSPICIOUS


class LineState(IntEnum):
    """States of an open line."""

    ABSENT = 0
    OPEN = 1
    CLOSED = 2
    LOST = 3
    VOID = 4


OPENED = Event("Open", Kind.ANSWER, "Open returned 0 and the handle")

FILTERS = Event("events filtered", Kind.ANSWER, "RSPSetEventFilterMasks succeeded: events may be suppressed")

L = LineState


LINE = Table(
    name="line",
    summary="A line that the client has opened; each Open creates a separate line",
    states=LineState,
    initial=L.ABSENT,
    finals=frozenset({L.CLOSED, L.LOST, L.VOID}),
    events=(OPENED, USED, REPORTS_ON, FOREIGN, CLOSES, FORCED, VOIDED, FILTERS),
    rows=(
        Row(L.ABSENT, REPORTS_ON, L.ABSENT, _ODD, STRANGER, rule=STRANGER_RULE),
        Row(L.ABSENT, OPENED, L.OPEN, _MUST, ref("2.2.4.1.1.5", "hLine")),
        Row(L.OPEN, USED, L.OPEN, _STATED, LIVE),
        Row(L.OPEN, REPORTS_ON, L.OPEN, _STATED, ref("2.2.4.2.1", "hRemoteLine")),
        Row(L.OPEN, FOREIGN, L.OPEN, _MUST, ECHO, rule="CALL-V13"),
        Row(L.OPEN, FILTERS, L.OPEN, _STATED, ref("2.2.4.1.8.3", "Q19"), sets=(FILTERED,)),
        Row(L.OPEN, CLOSES, L.CLOSED, _STATED, ref("2.2.4.1.2.1", "Close")),
        Row(L.OPEN, FORCED, L.LOST, _MUST, ref("2.2.4.2.1.9", "LINE_CLOSE")),
        Row(L.OPEN, VOIDED, L.VOID, _MUST, ref("2.2.4.1.2.2", "ShutDown, ClientDetach, rundown")),
        *gone_rows((L.CLOSED, L.LOST, L.VOID), L.ABSENT),
        *tail_rows((L.CLOSED, L.LOST, L.VOID)),
    ),
    unproven=frozenset({USED}),
    sinks=frozenset({L.VOID}),
)
