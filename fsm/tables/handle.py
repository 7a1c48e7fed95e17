"""Common events, rules and rows of applications, lines, phones and dialogs: the lifetime of a handle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref, when
from fsm.tables.bits import ANSWERED, IN_FLIGHT

if TYPE_CHECKING:
    from enum import IntEnum

__all__ = [
    "CLOSES",
    "ECHO",
    "FORCED",
    "FOREIGN",
    "LIVE",
    "LIVE_RULE",
    "REPORTS_ON",
    "STRANGER",
    "STRANGER_RULE",
    "TAIL",
    "USED",
    "VOIDED",
    "gone_rows",
    "tail_rows",
]

#: Placeholder for the 3.1.4.2 rule of the current request: its handle must be open, or its caller the owner.
LIVE_RULE = "TRP-3.1.4.2-*"

USED = Event("request", Kind.REQUEST, "a request contains the handle")
VOIDED = Event("voided", Kind.JOINT, "the parent of the handle was shut down, detached or lost")
REPORTS_ON = Event("event", Kind.REPORT, "the server sends an event for the handle")
FORCED = Event("forced close", Kind.REPORT, "LINE_CLOSE or PHONE_CLOSE")
CLOSES = Event("Close", Kind.ANSWER, "Close returned 0")
FOREIGN = Event("foreign context", Kind.REPORT, "InitContext or OpenContext is not the client's value")

LIVE = ref("3.1.4.2", "the handle must be open")
ECHO = ref("2.2.4.2.1", "InitContext, OpenContext")
STRANGER = ref("3.3.4.2", "the client drops events for handles that it does not have")
#: Placeholder for the rule of the current event.
STRANGER_RULE = "TRP-3.3.4.2-*"
TAIL = ref("2.2.4.2.1.9", "no event follows the end of a handle")


def gone_rows(states: tuple[IntEnum, ...], absent: IntEnum) -> list[Row]:
    """Return the rows for requests on absent or ended handles, and for events about ended ones."""
    rows = []
    for state in (absent, *states):
        if state is not absent:
            # A late request excuses the client; a server knows what it has answered.
            rows.append(Row(state, USED, state, Level.MUST, LIVE, (when(IN_FLIGHT), when(ANSWERED)), rule=LIVE_RULE))
            rows.append(
                Row(
                    state,
                    USED,
                    state,
                    Level.TYPICAL,
                    LIVE,
                    (when(IN_FLIGHT),),
                    note="sent before the client was notified",
                )
            )
            rows.append(Row(state, VOIDED, state, Level.TYPICAL, TAIL, note="gone already"))
        rows.append(Row(state, USED, state, Level.MUST, LIVE, rule=LIVE_RULE))
    return rows


def tail_rows(states: tuple[IntEnum, ...]) -> list[Row]:
    rows = []
    for state in states:
        for event in (REPORTS_ON, FORCED):
            rows.append(Row(state, event, state, Level.TYPICAL, TAIL, (when(IN_FLIGHT),), note="in transit at the end"))
            rows.append(Row(state, event, state, Level.MUST, TAIL, rule="CALL-V12"))
    return rows
