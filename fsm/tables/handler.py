"""The proxy handler: whether a client serves a type of request on a line."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref
from fsm.engine.table import Table

__all__ = ["ALL_OPEN", "HANDLER", "HANDLER_CLOSED", "HANDLER_OPENED", "SERVED", "HandlerState"]

_STATED, _TYPICAL = Level.STATED, Level.TYPICAL


class HandlerState(IntEnum):
    """Whether any client handles a type of request on a line."""

    UNKNOWN = 0
    PRESENT = 1
    MISSING = 2


HANDLER_OPENED = Event("LINE_PROXYSTATUS OPEN", Kind.REPORT, "a handler for the type opened the line")
HANDLER_CLOSED = Event("LINE_PROXYSTATUS CLOSE", Kind.REPORT, "the handler for the type closed the line")
ALL_OPEN = Event("LINE_PROXYSTATUS ALLOPENFORACD", Kind.REPORT, "handlers exist for all types of agent requests")
SERVED = Event("request accepted", Kind.ANSWER, "the server accepted a request of the type")

H = HandlerState
_STATUS = ref("2.2.4.2.1.22", "LINE_PROXYSTATUS")
HANDLER = Table(
    name="handler",
    summary="Whether a proxy handler serves a type of request, as reported to a client of the line",
    states=HandlerState,
    initial=H.UNKNOWN,
    finals=frozenset(),
    events=(HANDLER_OPENED, HANDLER_CLOSED, ALL_OPEN, SERVED),
    rows=(
        *(Row(state, HANDLER_OPENED, H.PRESENT, _STATED, _STATUS) for state in H),
        *(Row(state, HANDLER_CLOSED, H.MISSING, _STATED, _STATUS) for state in H),
        *(Row(state, ALL_OPEN, H.PRESENT, _STATED, _STATUS) for state in H),
        *(
            Row(state, SERVED, H.PRESENT, _TYPICAL, ref("2.2.4.2.1.21", "requests go to a handler"), note=note)
            for state, note in ((H.UNKNOWN, ""), (H.PRESENT, ""), (H.MISSING, "its LINE_PROXYSTATUS is in transit"))
        ),
    ),
)
