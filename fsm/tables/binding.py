"""The binding of one client, from ClientAttach to ClientDetach."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref, when
from fsm.engine.table import Table
from fsm.tables.bits import IN_FLIGHT

__all__ = [
    "ATTACHED_MAILSLOT",
    "ATTACHED_MANAGEMENT",
    "ATTACHED_PUSH",
    "BINDING",
    "CONTROLS",
    "DELIVERED",
    "DETACHED",
    "FETCHED",
    "FETCHES",
    "LOST",
    "MANAGES",
    "REQUEST_RULE",
    "STRAYS",
    "BindingState",
]

#: Placeholder for the precondition rule of the current request.
REQUEST_RULE = "CALL-PRE-*"

_MUST, _STATED, _TYPICAL, _ODD = Level.MUST, Level.STATED, Level.TYPICAL, Level.SUSPICIOUS


class BindingState(IntEnum):
    """States of the context handle of a client, by the model of event delivery."""

    UNBOUND = 0
    PUSH = 1
    PULL = 2
    MANAGEMENT = 3
    DETACHED = 4


B = BindingState

ATTACHED_PUSH = Event("ClientAttach", Kind.ANSWER, "attached with an empty pszDomainUser: events are pushed")
ATTACHED_MAILSLOT = Event("ClientAttach mailslot", Kind.ANSWER, "attached with a mailslot name")
ATTACHED_MANAGEMENT = Event("ClientAttach management", Kind.ANSWER, "attached with lProcessID -3")
MANAGES = Event("request", Kind.REQUEST, "a request that every type of client may send")
CONTROLS = Event("device request", Kind.REQUEST, "a request that controls lines, calls or phones")
FETCHES = Event("GetAsyncEvents", Kind.REQUEST, "the client requests queued events")
FETCHED = Event("GetAsyncEvents returns events", Kind.ANSWER, "events were returned with the response")
DELIVERED = Event("events on remotesp", Kind.REPORT, "the server uses the event channel")
STRAYS = Event(
    "call under another context handle", Kind.REQUEST, "a call under a context handle that is not valid for the client"
)
DETACHED = Event("ClientDetach", Kind.ANSWER, "the client detached")
LOST = Event("connection lost", Kind.JOINT, "the connection was lost; context rundown")

_ATTACH = ref("3.1.4.1", "lProcessID, pszDomainUser")
_FIRST = ref("3", "ClientAttach is required first; a detached handle is never used again")
_MODEL = ref("2.1", "events are delivered as selected in ClientAttach")


def _binding_rows() -> list[Row]:
    rows = [
        Row(B.UNBOUND, ATTACHED_PUSH, B.PUSH, _MUST, _ATTACH),
        Row(
            B.UNBOUND,
            ATTACHED_MAILSLOT,
            B.PULL,
            _MUST,
            _ATTACH,
            expect=(B.PUSH,),
            note="push, if it cannot be opened",
        ),
        Row(B.UNBOUND, ATTACHED_MANAGEMENT, B.MANAGEMENT, _MUST, _ATTACH),
        Row(B.PUSH, DELIVERED, B.PUSH, _MUST, ref("3.3.4.2")),
        Row(B.PULL, DELIVERED, B.PUSH, _MUST, _MODEL, rule="TRP-2.1-02"),
        Row(B.MANAGEMENT, DELIVERED, B.MANAGEMENT, _ODD, ref("4.7", "no event channel"), rule="TRP-2.1-02"),
        Row(B.PULL, FETCHES, B.PULL, _STATED, ref("2.2.4.1.8.1")),
        Row(
            B.PUSH,
            FETCHES,
            B.PUSH,
            _ODD,
            ref("2.2.4.1.8.1", "no events are queued in the push model"),
            rule=REQUEST_RULE,
        ),
        Row(B.MANAGEMENT, FETCHES, B.MANAGEMENT, _ODD, ref("4.7", "no events"), rule=REQUEST_RULE),
        Row(B.PULL, FETCHED, B.PULL, _STATED, ref("2.2.4.1.8.1")),
        Row(B.PUSH, FETCHED, B.PULL, _ODD, _MODEL, rule="TRP-2.1-02"),
        Row(B.MANAGEMENT, CONTROLS, B.MANAGEMENT, _ODD, ref("4.7", "no events, so no control"), rule=REQUEST_RULE),
    ]
    for state in (B.PUSH, B.PULL, B.MANAGEMENT):
        rows.append(Row(state, MANAGES, state, _STATED, ref("3.1.4.2")))
        if state is not B.MANAGEMENT:
            rows.append(Row(state, CONTROLS, state, _STATED, ref("3.1.4.2")))
        rows.append(Row(state, DETACHED, B.DETACHED, _STATED, ref("3.1.4.3")))
        rows.append(Row(state, LOST, B.DETACHED, _TYPICAL, ref("3.1.6", "context rundown, C706 5.1.6 (Q20)")))
    for state in (B.UNBOUND, B.DETACHED):
        for event in (MANAGES, CONTROLS, FETCHES, DETACHED):
            rows.append(Row(state, event, state, _MUST, _FIRST, rule="TRP-3.1.4.2-GEN-03"))
        rows.append(Row(state, LOST, state, _TYPICAL, ref("3.1.6")))
    stray = ref("3.1.4.2", "phContext; strict_context_handle")
    rows += [Row(state, STRAYS, state, _MUST, stray, rule="TRP-3.1.4.2-GEN-03") for state in B]
    late = ref("3.1.4.3", "RemoteSPDetach follows")
    rows.append(Row(B.DETACHED, DELIVERED, B.DETACHED, _TYPICAL, late, (when(IN_FLIGHT),)))
    rows.append(Row(B.DETACHED, DELIVERED, B.DETACHED, _ODD, late, rule="CALL-V12"))
    rows.append(
        Row(B.UNBOUND, DELIVERED, B.UNBOUND, _TYPICAL, ref("3.3.4.1"), note="before ClientAttach returns (Q22)")
    )
    return rows


BINDING = Table(
    name="binding",
    summary="The context handle of one client at the server",
    states=BindingState,
    initial=B.UNBOUND,
    finals=frozenset({B.DETACHED}),
    events=(
        ATTACHED_PUSH,
        ATTACHED_MAILSLOT,
        ATTACHED_MANAGEMENT,
        MANAGES,
        CONTROLS,
        FETCHES,
        STRAYS,
        FETCHED,
        DELIVERED,
        DETACHED,
        LOST,
    ),
    rows=tuple(_binding_rows()),
    unproven=frozenset({MANAGES, CONTROLS, FETCHES, STRAYS}),
    sinks=frozenset({B.DETACHED}),
)
