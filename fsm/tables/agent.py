"""The agent of a call center, by handle."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref
from fsm.engine.table import Table
from fsm.tables.handle import (
    VOIDED,
)
from protocol.constants import LINEAGENTSTATEEX

__all__ = ["AGENT", "AGENT_CREATED", "AGENT_STATES", "AgentState", "life_rows", "report_events"]

_STATED, _TYPICAL = Level.STATED, Level.TYPICAL


_VOID = ref("2.2.4.2.1.9", "the line was closed; 3.1.4.3")


class AgentState(IntEnum):
    """An agent with a known handle: the LINEAGENTSTATEEX_Constants, with states before and after them."""

    ABSENT = 0
    CREATED = 1
    NOTREADY = 2
    READY = 3
    BUSYACD = 4
    BUSYINCOMING = 5
    BUSYOUTGOING = 6
    UNKNOWN = 7
    RELEASED = 8


AGENT_CREATED = Event("CreateAgent done", Kind.REPLY, "the completion returns the agent's handle")


def report_events(states: type[IntEnum], constants: type[IntEnum], name: str) -> dict[int, tuple[Event, IntEnum]]:
    """Return, by constant, the event that reports a state, and the state."""
    return {
        int(member): (
            Event(f"{name} {member.name}", Kind.REPORT, f"the server reports {member.name}"),
            states[member.name],
        )
        for member in constants
    }


#: By LINEAGENTSTATEEX constant: the event that reports it, and the state.
AGENT_STATES = report_events(AgentState, LINEAGENTSTATEEX, "LINE_AGENTSTATUSEX")  # type: ignore[arg-type]


def life_rows(
    states: type[IntEnum], created: Event, reports: dict[int, tuple[Event, IntEnum]], section: str, status: str
) -> tuple[Row, ...]:
    """Return rows for any order of states, because no document specifies one, and for reports before the completion."""
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
    summary="An agent of a call center, by handle",
    states=AgentState,
    initial=AgentState.ABSENT,
    finals=frozenset({AgentState.RELEASED}),
    events=(AGENT_CREATED, *(event for event, _ in AGENT_STATES.values()), VOIDED),
    rows=life_rows(AgentState, AGENT_CREATED, AGENT_STATES, "2.2.4.2.2.4", "2.2.4.2.1.5"),
    entries=(AgentState.CREATED,),
    sinks=frozenset(AgentState) - {AgentState.ABSENT},
    notes=("Any state may follow any other; agents have no release request (G3).",),
)
