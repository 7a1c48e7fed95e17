"""The application: the use of line or phone devices, from Initialize to ShutDown."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref, when
from fsm.engine.table import Table
from fsm.tables.bits import IN_FLIGHT
from fsm.tables.handle import (
    ECHO,
    LIVE,
    TAIL,
    USED,
    VOIDED,
    gone_rows,
)

__all__ = ["ADDRESSED", "APPLICATION", "INITIALIZED", "REINIT", "REINIT_DUE", "SHUTS", "AppState"]

_MUST, _STATED, _TYPICAL = Level.MUST, Level.STATED, Level.TYPICAL


class AppState(IntEnum):
    """States of the use of line or phone devices by an application."""

    ABSENT = 0
    READY = 1
    DUE = 2
    SHUT = 3
    VOID = 4


INITIALIZED = Event("Initialize", Kind.ANSWER, "Initialize returned 0 and the handle")
REINIT = Event("Initialize REINIT", Kind.ANSWER, "Initialize returned REINIT: all applications must shut down first")
REINIT_DUE = Event("REINIT", Kind.REPORT, "LINE_LINEDEVSTATE or PHONE_STATE requests the application to shut down")
ADDRESSED = Event("event for the application", Kind.REPORT, "an event carries an InitContext")
SHUTS = Event("ShutDown", Kind.ANSWER, "ShutDown returned 0")

A = AppState
_DUE = ref("2.2.3.1.33", "LINEDEVSTATE_REINIT with Param2 0; PHONESTATE_REINIT")
_PENDING = ref("2.2.3.1.38", "LINEERR_REINIT")
APPLICATION = Table(
    name="application",
    summary="The use of line or phone devices by an application of the client",
    states=AppState,
    initial=A.ABSENT,
    finals=frozenset({A.SHUT, A.VOID}),
    events=(INITIALIZED, REINIT, REINIT_DUE, ADDRESSED, USED, SHUTS, VOIDED),
    rows=(
        Row(A.ABSENT, INITIALIZED, A.READY, _MUST, ref("2.2.4.1.1.1", "hLineApp")),
        Row(A.ABSENT, REINIT, A.ABSENT, _STATED, _PENDING),
        Row(
            A.READY,
            REINIT,
            A.READY,
            _TYPICAL,
            _PENDING,
            expect=(A.DUE,),
            note="or the client has initialized twice (C9)",
        ),
        Row(A.DUE, REINIT, A.DUE, _TYPICAL, _PENDING),
        Row(A.ABSENT, ADDRESSED, A.ABSENT, _MUST, ECHO, rule="CALL-V13"),
        *(
            row
            for state in (A.SHUT, A.VOID)
            for row in (
                Row(state, ADDRESSED, state, _TYPICAL, TAIL, (when(IN_FLIGHT),), note="under way at the end"),
                Row(state, ADDRESSED, state, _MUST, TAIL, rule="CALL-V12"),
            )
        ),
        Row(A.READY, REINIT_DUE, A.DUE, _STATED, _DUE),
        Row(A.DUE, REINIT_DUE, A.DUE, _TYPICAL, _DUE, note="told again"),
        *(
            row
            for state in (A.READY, A.DUE)
            for row in (
                Row(state, ADDRESSED, state, _STATED, ECHO),
                Row(state, USED, state, _STATED, LIVE),
                Row(state, SHUTS, A.SHUT, _STATED, ref("2.2.4.1.2.2", "ShutDown")),
                Row(state, VOIDED, A.VOID, _MUST, ref("3.1.4.3", "ClientDetach, rundown")),
            )
        ),
        *gone_rows((A.SHUT, A.VOID), A.ABSENT),
    ),
    unproven=frozenset({USED}),
    labels={A.DUE: "shutdown due"},
    sinks=frozenset({A.VOID}),
)
