"""Call centres: agents, their sessions, the handlers that serve them, and the requests that are passed to a handler."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref
from fsm.engine.table import Table
from fsm.tables.device import VOIDED
from protocol.constants import LINEAGENTSESSIONSTATE, LINEAGENTSTATEEX

__all__ = [
    "AGENT",
    "AGENT_CREATED",
    "AGENT_STATES",
    "ALL_OPEN",
    "HANDLER",
    "HANDLER_CLOSED",
    "HANDLER_OPENED",
    "PASSED_ON",
    "PROXY",
    "SERVED",
    "SESSION",
    "SESSION_CREATED",
    "SESSION_STATES",
    "AgentState",
    "HandlerState",
    "ProxyState",
    "SessionState",
]

_STATED, _TYPICAL = Level.STATED, Level.TYPICAL
_VOID = ref("2.2.4.2.1.9", "the line was closed; 3.1.4.3")


class HandlerState(IntEnum):
    """Whether somebody serves a type of request on a line."""

    UNKNOWN = 0
    PRESENT = 1
    MISSING = 2


HANDLER_OPENED = Event("LINE_PROXYSTATUS OPEN", Kind.REPORT, "a handler for the type opened the line")
HANDLER_CLOSED = Event("LINE_PROXYSTATUS CLOSE", Kind.REPORT, "the handler for the type closed the line")
ALL_OPEN = Event("LINE_PROXYSTATUS ALLOPENFORACD", Kind.REPORT, "there are handlers for everything that agents need")
SERVED = Event("request accepted", Kind.ANSWER, "the server took a request of the type")

H = HandlerState
_STATUS = ref("2.2.4.2.1.22", "LINE_PROXYSTATUS")
HANDLER = Table(
    name="handler",
    summary="Whether a proxy handler serves a type of request, as a client of the line is told",
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
            for state, note in ((H.UNKNOWN, ""), (H.PRESENT, ""), (H.MISSING, "its LINE_PROXYSTATUS is under way"))
        ),
    ),
)


class ProxyState(IntEnum):
    """A request that was passed to this client, which handles such requests."""

    NONE = 0
    OWED = 1
    VOID = 2


PASSED_ON = Event("LINE_PROXYREQUEST", Kind.REPORT, "the server passes a request on")

P = ProxyState
PROXY = Table(
    name="proxy",
    summary="A request that was passed to this client as handler; its answer is no packet (G1)",
    states=ProxyState,
    initial=P.NONE,
    finals=frozenset({P.VOID}),
    events=(PASSED_ON, VOIDED),
    rows=(
        Row(P.NONE, PASSED_ON, P.OWED, _STATED, ref("2.2.4.2.1.21", "LINE_PROXYREQUEST")),
        Row(P.OWED, VOIDED, P.VOID, _TYPICAL, _VOID),
        Row(P.VOID, VOIDED, P.VOID, _TYPICAL, _VOID),
    ),
)


class AgentState(IntEnum):
    """An agent that is known by handle: LINEAGENTSTATEEX_Constants around its life."""

    ABSENT = 0
    CREATED = 1
    NOTREADY = 2
    READY = 3
    BUSYACD = 4
    BUSYINCOMING = 5
    BUSYOUTGOING = 6
    UNKNOWN = 7
    RELEASED = 8


class SessionState(IntEnum):
    """An agent session: LINEAGENTSESSIONSTATE_Constants around its life."""

    ABSENT = 0
    CREATED = 1
    NOTREADY = 2
    READY = 3
    BUSYONCALL = 4
    BUSYWRAPUP = 5
    ENDED = 6
    RELEASED = 7


AGENT_CREATED = Event("CreateAgent done", Kind.REPLY, "the completion brings the agent's handle")
SESSION_CREATED = Event("CreateAgentSession done", Kind.REPLY, "the completion brings the session's handle")


def _reports(states: type[IntEnum], constants: type[IntEnum], name: str) -> dict[int, tuple[Event, IntEnum]]:
    """Per constant: the event that reports it, and the state."""
    return {
        int(member): (
            Event(f"{name} {member.name}", Kind.REPORT, f"the server reports {member.name}"),
            states[member.name],
        )
        for member in constants
    }


#: By LINEAGENTSTATEEX and LINEAGENTSESSIONSTATE constant: the event that reports it, and the state.
AGENT_STATES = _reports(AgentState, LINEAGENTSTATEEX, "LINE_AGENTSTATUSEX")  # type: ignore[arg-type]
SESSION_STATES = _reports(SessionState, LINEAGENTSESSIONSTATE, "LINE_AGENTSESSIONSTATUS")  # type: ignore[arg-type]


def _life(
    states: type[IntEnum], created: Event, reports: dict[int, tuple[Event, IntEnum]], section: str, status: str
) -> tuple[Row, ...]:
    """No document orders the states: any may be reported after any other, and before the completion is seen."""
    absent, first = tuple(states)[:2]
    released = tuple(states)[-1]
    rows = [Row(absent, created, first, _STATED, ref(section, created.name))]
    for state in states:
        if state is not absent:
            rows.append(Row(state, created, state, _TYPICAL, ref(section), note="reported before its completion"))
        for event, target in reports.values():
            rows.append(Row(state, event, target, _TYPICAL, ref(status, event.name)))
        if state not in (absent, released):
            rows.append(Row(state, VOIDED, released, _TYPICAL, _VOID))
    rows.append(Row(released, VOIDED, released, _TYPICAL, _VOID))
    return tuple(rows)


AGENT = Table(
    name="agent",
    summary="An agent of a call centre, by handle",
    states=AgentState,
    initial=AgentState.ABSENT,
    finals=frozenset({AgentState.RELEASED}),
    events=(AGENT_CREATED, *(event for event, _ in AGENT_STATES.values()), VOIDED),
    rows=_life(AgentState, AGENT_CREATED, AGENT_STATES, "2.2.4.2.2.4", "2.2.4.2.1.5"),
    entries=(AgentState.CREATED,),
    sinks=frozenset(AgentState) - {AgentState.ABSENT},
    notes=("Any state may follow any other; agents have no release request (G3).",),
)
SESSION = Table(
    name="agent-session",
    summary="A session of an agent with a group",
    states=SessionState,
    initial=SessionState.ABSENT,
    finals=frozenset({SessionState.RELEASED}),
    events=(SESSION_CREATED, *(event for event, _ in SESSION_STATES.values()), VOIDED),
    rows=_life(SessionState, SESSION_CREATED, SESSION_STATES, "2.2.4.2.2.5", "2.2.4.2.1.2"),
    entries=(SessionState.CREATED,),
    sinks=frozenset(SessionState) - {SessionState.ABSENT},
    notes=("Any state may follow any other.",),
)
