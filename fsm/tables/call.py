"""The call: the states of one client's call handle, including the sixteen call states."""

from __future__ import annotations

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref, when
from fsm.engine.table import Outside, Table
from fsm.tables.bits import BRIDGED, FILTERED, IN_FLIGHT, MONITORING, OFFERED, OLD, OWNING, TOLD
from fsm.tables.call_reports import PER_STATE, REPORTS, SHOWN, report_rows, shown_rows
from fsm.tables.call_requests import ASKS, PRECONDITIONS, REPLIED, ask_rows, reply_rows
from fsm.tables.call_states import CREATED, ENDED, LABELS, LIVE, STATES, CallState

__all__ = [
    "ANNOUNCED",
    "CALL",
    "CREATIONS",
    "ENDS",
    "FILTERS",
    "INACTIVE",
    "INFORMED",
    "INTERRUPTED",
    "LINE_ENDED",
    "LISTED",
    "MONITORS",
    "NO_PARENT",
    "NO_STATE",
    "ODD_MODE",
    "ODD_PARENT",
    "ODD_PRIVILEGE",
    "OWNS",
    "RELEASED",
    "SIGNALLED",
    "UNSWAPPED",
    "VOIDED",
    "ZERO_PARENT",
]

S = CallState


ANNOUNCED = Event("LINE_APPNEWCALL", Kind.REPORT, "the server announces a handle")
LISTED = Event("GetNewCalls lists", Kind.ANSWER, "the response to GetNewCalls contains the handle")
INFORMED = Event("LINE_CALLINFO", Kind.REPORT, "the server reports that information about the call has changed")
SIGNALLED = Event("other call event", Kind.REPORT, "digits, tones, media or a device-specific event on the call")
RELEASED = Event("DeallocateCall done", Kind.ANSWER, "the client deallocated the handle")
VOIDED = Event("voided", Kind.JOINT, "the application shut down, or the client detached or was lost")
LINE_ENDED = Event("line closed", Kind.JOINT, "the line of the call was closed")
ENDS = Event("end of the conversation", Kind.JOINT, "no further packets")
OWNS = Event("privilege OWNER", Kind.REPORT, "LINE_CALLSTATE gives the client the privilege OWNER")
MONITORS = Event("privilege MONITOR", Kind.REPORT, "LINE_CALLSTATE gives the client the privilege MONITOR")
INACTIVE = Event("connected mode INACTIVE", Kind.REPORT, "LINE_CALLSTATE reports that the call is active elsewhere")
FILTERS = Event("events filtered", Kind.ANSWER, "RSPSetEventFilterMasks succeeded: events may be suppressed")
NO_STATE = Event("LINE_CALLSTATE without a state", Kind.REPORT, "Param1 is not exactly one of the sixteen states")
NO_PARENT = Event(
    "CONFERENCED without a parent", Kind.REPORT, "the third parameter is not an open call handle of the client"
)
ZERO_PARENT = Event(
    "CONFERENCED with parent 0", Kind.REPORT, "the third parameter is 0 although the client has a handle of the parent"
)
ODD_PARENT = Event(
    "CONFERENCED with another call as parent",
    Kind.REPORT,
    "the third parameter is the call itself, or an open call that was never a conference",
)
ODD_MODE = Event("odd mode", Kind.REPORT, "the mode is 0 or several bits instead of one of the constants")
ODD_PRIVILEGE = Event("odd privilege", Kind.REPORT, "the privilege is neither OWNER nor MONITOR nor 0")
INTERRUPTED = Event("another call first", Kind.REPORT, "an event for another call of the line was received in between")
UNSWAPPED = Event(
    "not reported after SwapHold", Kind.REPORT, "the other call of a SwapHold was reported, this one was not"
)

#: created(request): the completion of a request returned the handle; with the initial state of the handle.
CREATIONS: dict[str, tuple[Event, CallState]] = {
    name: (Event(f"{name} creates", Kind.REPLY, f"the completion of {name} returns the handle"), state)
    for name, state in {
        "MakeCall": S.MADE,
        "PickUp": S.PICKED_UP,
        "UnPark": S.PICKED_UP,
        "Forward": S.CONSULTATION,
        "SetUpTransfer": S.CONSULTATION,
        "PrepareAddToConference": S.CONSULTATION,
        "SetUpConference hConsultCall": S.CONSULTATION,
        "SetUpConference hConfCall": S.PARENT,
        "CompleteTransfer": S.PARENT,
    }.items()
}

_MUST, _STATED, _TYPICAL, _ODD = Level.MUST, Level.STATED, Level.TYPICAL, Level.SUSPICIOUS


def _life() -> list[Row]:
    """Return the rows for the creation and the end of handles (2.2.2)."""
    rows = [
        Row(
            S.ABSENT,
            ANNOUNCED,
            S.ANNOUNCED,
            _MUST,
            ref("2.2.2", "clients below 2.0"),
            (when(OLD),),
            rule="CALL-V06",
            sets=(OFFERED,),
        ),
        Row(S.ABSENT, ANNOUNCED, S.ANNOUNCED, _MUST, ref("2.2.4.2.1.6", "Param2"), sets=(OFFERED,)),
        Row(S.ABSENT, LISTED, S.LISTED, _STATED, ref("2.2.4.1.3.37", "pCallList")),
    ]
    twice = ref("2.2.4.2.1.6", "TAPI page 'LINE_APPNEWCALL': never for a handle that the client has")
    for state in LIVE:
        crossed = "its announcement was in flight while GetNewCalls listed it"
        in_flight = (when(IN_FLIGHT),)
        rows.append(Row(state, ANNOUNCED, state, _TYPICAL, twice, in_flight, sets=(OFFERED,), note=crossed))
        rows.append(Row(state, ANNOUNCED, state, _MUST, twice, rule="CALL-V05", sets=(OFFERED,)))
        rows.append(Row(state, LISTED, state, _TYPICAL, ref("2.2.4.1.3.37", "a call that is already known")))
    for name, (event, start) in CREATIONS.items():
        where = ref("2.2.2", f"{name}; the completion contains the handle")
        rows.append(Row(S.ABSENT, event, start, _MUST, where))
        for state in LIVE:
            rows.append(Row(state, event, state, _MUST, twice, (when(OFFERED),), rule="CALL-V05"))
            rows.append(Row(state, event, state, _TYPICAL, where, note="reported before its completion"))
    old_owner = ref("2.2.4.1.3.6", "below 2.0 a sole owner must not deallocate a call that is not idle (Q3)")
    no_state = ref("2.2.4.2.1.8", "TAPI page 'LINE_CALLSTATE': an outgoing call gets one")
    for event in (RELEASED, VOIDED, LINE_ENDED, ENDS):
        target = {RELEASED: S.DEALLOCATED, ENDS: S.MADE}.get(event, S.VOID)
        for guard in (IN_FLIGHT, FILTERED):
            rows.append(Row(S.MADE, event, target, _TYPICAL, no_state, (when(guard),), note="may still be in transit"))
        rows.append(Row(S.MADE, event, target, _ODD, no_state, rule="CALL-ORDER-O12"))
    unreported = ref("2.2.4.2.1.6", "LINE_APPNEWCALL is followed immediately by LINE_CALLSTATE")
    for guard in (IN_FLIGHT, FILTERED):
        rows.append(
            Row(S.ANNOUNCED, LINE_ENDED, S.VOID, _TYPICAL, unreported, (when(guard),), note="may still be in transit")
        )
    rows.append(Row(S.ANNOUNCED, LINE_ENDED, S.VOID, _MUST, unreported, rule="CALL-V04"))
    for state in LIVE:
        if state is S.MADE:
            continue
        if state is not S.ANNOUNCED:
            rows.append(Row(state, LINE_ENDED, S.VOID, _MUST, ref("2.2.4.2.1.9", "lineClose")))
        rows.append(
            Row(state, ENDS, state, _TYPICAL, ref("2.2.2"), note="a handle that is open at the end is not a violation")
        )
        if state is not S.IDLE:
            guards = (when(OLD), when(OWNING))
            rows.append(Row(state, RELEASED, S.DEALLOCATED, _ODD, old_owner, guards, rule="CALL-PRE-DeallocateCall"))
        rows.append(Row(state, RELEASED, S.DEALLOCATED, _STATED, ref("2.2.4.1.3.6", "DeallocateCall")))
        rows.append(Row(state, VOIDED, S.VOID, _MUST, ref("2.2.4.1.2.2", "lineShutdown; 3.1.4.3")))
    for state in ENDED:
        for event in (VOIDED, LINE_ENDED, ENDS):
            rows.append(Row(state, event, state, _TYPICAL, ref("2.2.4.2.1.9"), note="gone already"))
        rows.append(Row(state, RELEASED, state, _TYPICAL, ref("2.2.4.1.3.6"), note="gone already"))
    return rows


def _announcements() -> list[Row]:
    """Return the rows after an announcement, and for reports about handles that were never returned (V3, V4, V12)."""
    rows = []
    at_once = ref("2.2.4.2.1.6", "TAPI page 'LINE_APPNEWCALL': always immediately followed by LINE_CALLSTATE")
    unannounced = ref("2.2.2", "a call has no events before its handle is returned")
    below = ref("2.2.4.2.1.8", "below 2.0 the first LINE_CALLSTATE announces the handle")
    late = ref("2.2.4.2.1.9", "no event follows the end of a handle")
    after_idle = ref("2.2.4.2.1.7", "not sent once the call is idle")
    for event in (INFORMED, SIGNALLED):
        rows.append(Row(S.ANNOUNCED, event, S.ANNOUNCED, _TYPICAL, at_once, (when(FILTERED),)))
        rows.append(Row(S.ANNOUNCED, event, S.ANNOUNCED, _MUST, at_once, rule="CALL-V04"))
        rows.append(Row(S.ABSENT, event, S.UNKNOWN, _MUST, unannounced, rule="CALL-V03"))
        for state in LIVE:
            if state is S.ANNOUNCED:
                continue
            if state is S.IDLE and event is INFORMED:
                rows.append(Row(state, event, state, _MUST, after_idle, rule="CALL-V07"))
            else:
                rows.append(Row(state, event, state, _TYPICAL, ref("2.2.4.2.1", event.name)))
    for state, event in REPORTS.items():
        rows.append(Row(S.ABSENT, event, state, _MUST, below, (when(OLD),), clears=PER_STATE))
        rows.append(Row(S.ABSENT, event, state, _MUST, unannounced, rule="CALL-V03", clears=PER_STATE))
    for event in (*REPORTS.values(), INFORMED, SIGNALLED):
        for state in (S.DEALLOCATED, S.VOID):
            rows.append(Row(state, event, state, _TYPICAL, late, (when(IN_FLIGHT),), note="in transit at the end"))
            rows.append(Row(state, event, state, _TYPICAL, late, (when(TOLD),), note="reported already"))
            rows.append(Row(state, event, state, _MUST, late, rule="CALL-V12", sets=(TOLD,)))
    return rows


def _details() -> list[Row]:
    """Return the rows for other violations in state events (V2, V11, Q5, Q17), and for missing ones (V4, O14)."""
    modal = (S.OFFERING, S.DIALTONE, S.BUSY, S.SPECIALINFO, S.CONNECTED, S.DISCONNECTED)
    member = (S.CONFERENCED,)
    details = (
        (NO_STATE, LIVE, _MUST, "CALL-V02", ref("2.2.4.2.1.8", "Param1: exactly one of the constants")),
        (NO_PARENT, member, _MUST, "CALL-V11", ref("2.2.4.2.1.8", "CONFERENCED contains the handle of the parent")),
        (ODD_PARENT, member, _ODD, "CALL-V11", ref("2.2.4.2.1.8", "CONFERENCED contains the handle of the parent")),
        (
            ZERO_PARENT,
            member,
            _ODD,
            "CALL-Q17",
            ref("2.2.4.2.1.8", "TAPI page 'LINE_CALLSTATE': 0 if it was deallocated"),
        ),
        (ODD_MODE, modal, _ODD, "CALL-Q17", ref("2.2.4.2.1.8", "the mode is one of the constants of the state")),
        (ODD_PRIVILEGE, STATES, _ODD, "CALL-Q05", ref("2.2.4.2.1.8", "Param2")),
        (INTERRUPTED, LIVE, _ODD, "CALL-V04", ref("2.2.4.2.1.6", "LINE_CALLSTATE follows LINE_APPNEWCALL immediately")),
        (UNSWAPPED, LIVE, _ODD, "CALL-ORDER-O14", ref("2.2.4.1.3.79", "TSPI_lineSwapHold: both calls are reported")),
    )
    rows = []
    for event, states, level, rule, where in details:
        for state in states:
            if event in (INTERRUPTED, UNSWAPPED):
                rows.append(Row(state, event, state, _TYPICAL, where, (when(FILTERED),), note="events may be missing"))
            rows.append(Row(state, event, state, level, where, rule=rule))
    return rows


def _known() -> list[Row]:
    """Return the rows for what events show in addition to states: privilege, connected mode, event filters."""
    privilege = ref("2.2.4.2.1.8", "Param2; 2.2.3.1.26")
    rows = [
        Row(S.CONNECTED, INACTIVE, S.CONNECTED, _STATED, ref("2.2.3.1.31", "INACTIVE"), sets=(BRIDGED,)),
        *(Row(state, FILTERS, state, _STATED, ref("2.2.4.1.8.3", "Q19"), sets=(FILTERED,)) for state in CallState),
    ]
    for state in STATES:
        rows.append(Row(state, OWNS, state, _STATED, privilege, sets=(OWNING,), clears=(MONITORING,)))
        rows.append(Row(state, MONITORS, state, _STATED, privilege, sets=(MONITORING,), clears=(OWNING,)))
    return rows


def _outside() -> dict[Event, Outside]:
    """Return the meaning of a request in a state that its specification does not list."""
    found = {}
    for (request, field), event in ASKS.items():
        condition = PRECONDITIONS.get((request, field))
        where = condition.ref if condition else ref("2.2.3.1.26", "LINECALLPRIVILEGE")
        found[event] = Outside(f"CALL-PRE-{request}", _ODD, where)
    return found


CALL = Table(
    name="call",
    summary="A call handle of one client and the state of its call",
    states=CallState,
    initial=S.ABSENT,
    finals=frozenset(ENDED),
    events=(
        ANNOUNCED,
        LISTED,
        *(event for event, _ in CREATIONS.values()),
        *REPORTS.values(),
        INFORMED,
        SIGNALLED,
        *SHOWN.values(),
        *ASKS.values(),
        *REPLIED.values(),
        RELEASED,
        VOIDED,
        LINE_ENDED,
        ENDS,
        NO_STATE,
        NO_PARENT,
        ZERO_PARENT,
        ODD_PARENT,
        ODD_MODE,
        ODD_PRIVILEGE,
        INTERRUPTED,
        UNSWAPPED,
        OWNS,
        MONITORS,
        INACTIVE,
        FILTERS,
    ),
    rows=(
        *_life(),
        *_announcements(),
        *_details(),
        *_known(),
        *report_rows(),
        *shown_rows(),
        *ask_rows(),
        *reply_rows(),
    ),
    reported={event: state for state, event in REPORTS.items()},
    unproven=frozenset(ASKS.values()),
    outside=_outside(),
    labels=LABELS,
    entries=CREATED,
    opaque=frozenset({S.UNKNOWN}),
    captions={S.ABSENT: "no handle"},
    notes=(
        "Arrows without a label: LINE_CALLSTATE reports the state. Labeled arrows: the usual cause.",
        "Any state may be reported after unknown. Requests that nearly every state allows are not listed.",
        "No state may be reported after idle (CALL-V01).",
    ),
    sinks=frozenset({S.IDLE, S.DISCONNECTED, S.UNKNOWN, S.DEALLOCATED, S.VOID}),
)
