"""The phone: one Open of a phone device, until it is closed."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref
from fsm.engine.table import Table
from fsm.tables.handle import (
    CLOSES,
    ECHO,
    FORCED,
    FOREIGN,
    LIVE,
    LIVE_RULE,
    REPORTS_ON,
    STRANGER,
    STRANGER_RULE,
    USED,
    VOIDED,
    gone_rows,
    tail_rows,
)

__all__ = ["OPENED_MONITOR", "OPENED_OWNER", "PHONE", "USED_AS_OWNER", "PhoneState"]

_MUST, _STATED, _TYPICAL, _ODD = Level.MUST, Level.STATED, Level.TYPICAL, Level.SUSPICIOUS


class PhoneState(IntEnum):
    """States of an open phone."""

    ABSENT = 0
    MONITORED = 1
    OWNED = 2
    CLOSED = 3
    LOST = 4
    VOID = 5


OPENED_MONITOR = Event("Open as monitor", Kind.ANSWER, "Open with PHONEPRIVILEGE_MONITOR returned 0")
OPENED_OWNER = Event("Open as owner", Kind.ANSWER, "Open with PHONEPRIVILEGE_OWNER returned 0")
USED_AS_OWNER = Event("owner's request", Kind.REQUEST, "a request that requires PHONEPRIVILEGE_OWNER")

P = PhoneState
_OWNER = ref("3.1.4.2", "the caller must have PHONEPRIVILEGE_OWNER")
PHONE = Table(
    name="phone",
    summary="A phone that the client has opened",
    states=PhoneState,
    initial=P.ABSENT,
    finals=frozenset({P.CLOSED, P.LOST, P.VOID}),
    events=(OPENED_MONITOR, OPENED_OWNER, USED, USED_AS_OWNER, REPORTS_ON, FOREIGN, CLOSES, FORCED, VOIDED),
    rows=(
        Row(P.ABSENT, REPORTS_ON, P.ABSENT, _ODD, STRANGER, rule=STRANGER_RULE),
        Row(P.ABSENT, OPENED_MONITOR, P.MONITORED, _MUST, ref("2.2.4.1.4.4", "dwPrivilege")),
        Row(P.ABSENT, OPENED_OWNER, P.OWNED, _MUST, ref("2.2.4.1.4.4", "dwPrivilege")),
        *(
            row
            for state in (P.MONITORED, P.OWNED)
            for row in (
                Row(state, USED, state, _STATED, LIVE),
                Row(state, REPORTS_ON, state, _STATED, ref("2.2.4.2.1", "hRemotePhone")),
                Row(state, FOREIGN, state, _MUST, ECHO, rule="CALL-V13"),
                Row(state, CLOSES, P.CLOSED, _STATED, ref("2.2.4.1.5.1", "Close")),
                Row(state, FORCED, P.LOST, _MUST, ref("2.2.4.2.1.27", "PHONE_CLOSE")),
                Row(state, VOIDED, P.VOID, _MUST, ref("2.2.4.1.5.2", "ShutDown, ClientDetach, rundown")),
            )
        ),
        Row(P.OWNED, USED_AS_OWNER, P.OWNED, _STATED, _OWNER),
        Row(P.MONITORED, USED_AS_OWNER, P.MONITORED, _MUST, _OWNER, rule=LIVE_RULE),
        *(Row(state, USED_AS_OWNER, state, _TYPICAL, _OWNER) for state in (P.ABSENT, P.CLOSED, P.LOST, P.VOID)),
        *gone_rows((P.CLOSED, P.LOST, P.VOID), P.ABSENT),
        Row(
            P.CLOSED,
            FORCED,
            P.LOST,
            _TYPICAL,
            ref("2.2.4.2.1.27", "PHONE_CLOSE may follow the client's Close once (Q14)"),
        ),
        *(row for row in tail_rows((P.CLOSED, P.LOST, P.VOID)) if (row.source, row.event) != (P.CLOSED, FORCED)),
    ),
    unproven=frozenset({USED, USED_AS_OWNER}),
    sinks=frozenset({P.VOID}),
)
