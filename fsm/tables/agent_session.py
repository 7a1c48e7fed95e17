"""The session of an agent with a group, by handle."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.row import Event, Kind
from fsm.engine.table import Table
from fsm.tables.agent import life_rows, report_events
from fsm.tables.handle import VOIDED
from protocol.constants import LINEAGENTSESSIONSTATE

__all__ = ["SESSION", "SESSION_CREATED", "SESSION_STATES", "SessionState"]


class SessionState(IntEnum):
    """An agent session: the LINEAGENTSESSIONSTATE_Constants, with states before and after them."""

    ABSENT = 0
    CREATED = 1
    NOTREADY = 2
    READY = 3
    BUSYONCALL = 4
    BUSYWRAPUP = 5
    ENDED = 6
    RELEASED = 7


SESSION_CREATED = Event("CreateAgentSession done", Kind.REPLY, "the completion returns the session's handle")
#: By LINEAGENTSESSIONSTATE constant: the event that reports it, and the state.
SESSION_STATES = report_events(SessionState, LINEAGENTSESSIONSTATE, "LINE_AGENTSESSIONSTATUS")  # type: ignore[arg-type]
SESSION = Table(
    name="agent-session",
    summary="A session of an agent with a group",
    states=SessionState,
    initial=SessionState.ABSENT,
    finals=frozenset({SessionState.RELEASED}),
    events=(SESSION_CREATED, *(event for event, _ in SESSION_STATES.values()), VOIDED),
    rows=life_rows(SessionState, SESSION_CREATED, SESSION_STATES, "2.2.4.2.2.5", "2.2.4.2.1.2"),
    entries=(SessionState.CREATED,),
    sinks=frozenset(SessionState) - {SessionState.ABSENT},
    notes=("Any state may follow any other.",),
)
