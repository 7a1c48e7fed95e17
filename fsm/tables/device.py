"""Applications, the versions they negotiate, and the lines and phones they open."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref, when
from fsm.engine.table import Table
from fsm.tables.binding import REQUEST_RULE
from fsm.tables.call import OLD
from fsm.tables.call_requests import IN_FLIGHT

__all__ = [
    "APPLICATION",
    "CLOSES",
    "CREATED",
    "DIALOG",
    "DIALOG_FREED",
    "DIALOG_OPENED",
    "DIALOG_USED",
    "FORCED",
    "FOREIGN",
    "INITIALIZED",
    "LINE",
    "LIVE_RULE",
    "NEGOTIATED",
    "NEGOTIATED_EXT",
    "OPENED",
    "OPENED_MONITOR",
    "OPENED_OWNER",
    "PHONE",
    "REINIT",
    "REINIT_DUE",
    "REMOVED",
    "REPORTS_ON",
    "SHUTS",
    "USED",
    "USED_AS_OWNER",
    "VERSION",
    "VERSION_USED",
    "VOIDED",
    "AppState",
    "DialogState",
    "LineState",
    "PhoneState",
    "VersionState",
]

#: Stands for the 3.1.4.2 rule of the request at hand: that its handle must be live, or its caller the owner.
LIVE_RULE = "TRP-3.1.4.2-*"

_MUST, _STATED, _TYPICAL, _ODD = Level.MUST, Level.STATED, Level.TYPICAL, Level.SUSPICIOUS

USED = Event("request", Kind.REQUEST, "a request names the handle")
VOIDED = Event("voided", Kind.JOINT, "what the handle hangs on was shut down, detached or lost")
REPORTS_ON = Event("event", Kind.REPORT, "the server sends an event for the handle")
FORCED = Event("forced close", Kind.REPORT, "LINE_CLOSE or PHONE_CLOSE")
CLOSES = Event("Close", Kind.ANSWER, "Close returned 0")
FOREIGN = Event("foreign context", Kind.REPORT, "InitContext or OpenContext is not what the client gave")

_LIVE = ref("3.1.4.2", "the handle must be live")
_ECHO = ref("2.2.4.2.1", "InitContext, OpenContext")
_STRANGER = ref("3.3.4.2", "the client drops events for handles that it does not know")
#: Stands for the check of the event at hand.
STRANGER_RULE = "TRP-3.3.4.2-*"
_TAIL = ref("2.2.4.2.1.9", "no event follows the end of a handle")


def _gone(states: tuple[IntEnum, ...], absent: IntEnum) -> list[Row]:
    """Requests on handles that never were or are no longer, and events about the latter."""
    rows = []
    for state in (absent, *states):
        if state is not absent:
            rows.append(
                Row(state, USED, state, _TYPICAL, _LIVE, (when(IN_FLIGHT),), note="sent before the client knew")
            )
            rows.append(Row(state, VOIDED, state, _TYPICAL, _TAIL, note="gone already"))
        rows.append(Row(state, USED, state, _MUST, _LIVE, rule=LIVE_RULE))
    return rows


class AppState(IntEnum):
    """Where the use of lines or phones by an application can be."""

    ABSENT = 0
    READY = 1
    DUE = 2
    SHUT = 3
    VOID = 4


INITIALIZED = Event("Initialize", Kind.ANSWER, "Initialize returned 0 and the handle")
REINIT = Event("Initialize REINIT", Kind.ANSWER, "Initialize returned REINIT: all applications have to shut down first")
REINIT_DUE = Event("REINIT", Kind.REPORT, "LINE_LINEDEVSTATE or PHONE_STATE says that the application has to shut down")
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
    events=(INITIALIZED, REINIT, REINIT_DUE, USED, SHUTS, VOIDED),
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
            note="or the client has initialised twice (C9)",
        ),
        Row(A.DUE, REINIT, A.DUE, _TYPICAL, _PENDING),
        Row(A.READY, REINIT_DUE, A.DUE, _STATED, _DUE),
        Row(A.DUE, REINIT_DUE, A.DUE, _TYPICAL, _DUE, note="told again"),
        *(
            row
            for state in (A.READY, A.DUE)
            for row in (
                Row(state, USED, state, _STATED, _LIVE),
                Row(state, SHUTS, A.SHUT, _STATED, ref("2.2.4.1.2.2", "ShutDown")),
                Row(state, VOIDED, A.VOID, _MUST, ref("3.1.4.3", "ClientDetach, rundown")),
            )
        ),
        *_gone((A.SHUT, A.VOID), A.ABSENT),
    ),
    unproven=frozenset({USED}),
    labels={A.DUE: "shutdown due"},
    sinks=frozenset({A.VOID}),
)


class VersionState(IntEnum):
    """How far an application and a device have agreed on versions."""

    UNNEGOTIATED = 0
    AGREED = 1
    EXTENDED = 2
    REMOVED = 3


NEGOTIATED = Event("version negotiated", Kind.ANSWER, "NegotiateAPIVersion, or ...ForAllDevices, gave a version")
NEGOTIATED_EXT = Event("extension negotiated", Kind.ANSWER, "NegotiateExtVersion gave a version")
VERSION_USED = Event("version used", Kind.REQUEST, "Open names a version of the device")
CREATED = Event("device created", Kind.REPORT, "LINE_CREATE or PHONE_CREATE: there is a new device of that number")
REMOVED = Event("device removed", Kind.REPORT, "LINE_REMOVE or PHONE_REMOVE: the device is gone for good")

V = VersionState
_NEGOTIATE = ref("2.2.4.1.1.2", "NegotiateAPIVersion")
_CREATE = ref("2.2.4.2.1.10", "LINE_CREATE; PHONE_CREATE")
VERSION = Table(
    name="version",
    summary="The versions that an application and one device agree on",
    states=VersionState,
    initial=V.UNNEGOTIATED,
    finals=frozenset(),
    events=(NEGOTIATED, NEGOTIATED_EXT, VERSION_USED, CREATED, REMOVED),
    rows=(
        Row(V.UNNEGOTIATED, NEGOTIATED, V.AGREED, _STATED, _NEGOTIATE),
        Row(V.AGREED, NEGOTIATED, V.AGREED, _TYPICAL, _NEGOTIATE, note="nothing forbids to negotiate again"),
        Row(V.EXTENDED, NEGOTIATED, V.AGREED, _TYPICAL, _NEGOTIATE, note="nothing forbids to negotiate again"),
        Row(V.AGREED, NEGOTIATED_EXT, V.EXTENDED, _STATED, ref("2.2.4.1.3.47", "NegotiateExtVersion")),
        Row(V.EXTENDED, NEGOTIATED_EXT, V.EXTENDED, _TYPICAL, ref("2.2.4.1.3.47", "NegotiateExtVersion")),
        Row(V.UNNEGOTIATED, NEGOTIATED_EXT, V.EXTENDED, _TYPICAL, ref("2.2.4.1.3.47"), note="the answer proves it"),
        Row(V.AGREED, VERSION_USED, V.AGREED, _STATED, ref("2.2.4.1.1.5", "dwNegotiatedVersion")),
        Row(V.EXTENDED, VERSION_USED, V.EXTENDED, _STATED, ref("2.2.4.1.1.5", "dwNegotiatedVersion")),
        Row(
            V.UNNEGOTIATED, VERSION_USED, V.UNNEGOTIATED, _ODD, ref("2.2.4.1.1.5", "negotiate first"), rule=REQUEST_RULE
        ),
        Row(V.REMOVED, VERSION_USED, V.REMOVED, _ODD, ref("2.2.4.1.1.5", "NODEVICE"), rule=REQUEST_RULE),
        Row(V.REMOVED, NEGOTIATED, V.AGREED, _TYPICAL, _NEGOTIATE, note="the answer proves that it is back"),
        Row(V.REMOVED, NEGOTIATED_EXT, V.EXTENDED, _TYPICAL, ref("2.2.4.1.3.47"), note="the answer proves it"),
        Row(V.REMOVED, CREATED, V.UNNEGOTIATED, _STATED, _CREATE),
        *(Row(state, CREATED, state, _TYPICAL, _CREATE) for state in (V.UNNEGOTIATED, V.AGREED, V.EXTENDED)),
        *(
            Row(state, REMOVED, V.REMOVED, _MUST, ref("2.2.2", "clients below 2.0"), (when(OLD),), rule="CALL-V06")
            for state in (V.UNNEGOTIATED, V.AGREED, V.EXTENDED)
        ),
        *(
            Row(state, REMOVED, V.REMOVED, _STATED, ref("2.2.4.2.1.24", "LINE_REMOVE; 2.2.4.2.1.30"))
            for state in (V.UNNEGOTIATED, V.AGREED, V.EXTENDED)
        ),
        Row(V.REMOVED, REMOVED, V.REMOVED, _TYPICAL, ref("2.2.4.2.1.24"), note="one for each application (E18)"),
    ),
    unproven=frozenset({VERSION_USED}),
)


class LineState(IntEnum):
    """Where an open line can be."""

    ABSENT = 0
    OPEN = 1
    CLOSED = 2
    LOST = 3
    VOID = 4


OPENED = Event("Open", Kind.ANSWER, "Open returned 0 and the handle")

L = LineState


def _tail(states: tuple[IntEnum, ...]) -> list[Row]:
    rows = []
    for state in states:
        for event in (REPORTS_ON, FORCED):
            rows.append(Row(state, event, state, _TYPICAL, _TAIL, (when(IN_FLIGHT),), note="under way at the end"))
            rows.append(Row(state, event, state, _MUST, _TAIL, rule="CALL-V12"))
    return rows


LINE = Table(
    name="line",
    summary="A line that the client has opened; each Open is a line of its own",
    states=LineState,
    initial=L.ABSENT,
    finals=frozenset({L.CLOSED, L.LOST, L.VOID}),
    events=(OPENED, USED, REPORTS_ON, FOREIGN, CLOSES, FORCED, VOIDED),
    rows=(
        Row(L.ABSENT, REPORTS_ON, L.ABSENT, _ODD, _STRANGER, rule=STRANGER_RULE),
        Row(L.ABSENT, OPENED, L.OPEN, _MUST, ref("2.2.4.1.1.5", "hLine")),
        Row(L.OPEN, USED, L.OPEN, _STATED, _LIVE),
        Row(L.OPEN, REPORTS_ON, L.OPEN, _STATED, ref("2.2.4.2.1", "hRemoteLine")),
        Row(L.OPEN, FOREIGN, L.OPEN, _MUST, _ECHO, rule="CALL-V13"),
        Row(L.OPEN, CLOSES, L.CLOSED, _STATED, ref("2.2.4.1.2.1", "Close")),
        Row(L.OPEN, FORCED, L.LOST, _MUST, ref("2.2.4.2.1.9", "LINE_CLOSE")),
        Row(L.OPEN, VOIDED, L.VOID, _MUST, ref("2.2.4.1.2.2", "ShutDown, ClientDetach, rundown")),
        *_gone((L.CLOSED, L.LOST, L.VOID), L.ABSENT),
        *_tail((L.CLOSED, L.LOST, L.VOID)),
    ),
    unproven=frozenset({USED}),
    sinks=frozenset({L.VOID}),
)


class PhoneState(IntEnum):
    """Where an open phone can be."""

    ABSENT = 0
    MONITORED = 1
    OWNED = 2
    CLOSED = 3
    LOST = 4
    VOID = 5


OPENED_MONITOR = Event("Open as monitor", Kind.ANSWER, "Open with PHONEPRIVILEGE_MONITOR returned 0")
OPENED_OWNER = Event("Open as owner", Kind.ANSWER, "Open with PHONEPRIVILEGE_OWNER returned 0")
USED_AS_OWNER = Event("owner's request", Kind.REQUEST, "a request that needs PHONEPRIVILEGE_OWNER")

P = PhoneState
_OWNER = ref("3.1.4.2", "the caller must hold PHONEPRIVILEGE_OWNER")
PHONE = Table(
    name="phone",
    summary="A phone that the client has opened",
    states=PhoneState,
    initial=P.ABSENT,
    finals=frozenset({P.CLOSED, P.LOST, P.VOID}),
    events=(OPENED_MONITOR, OPENED_OWNER, USED, USED_AS_OWNER, REPORTS_ON, FOREIGN, CLOSES, FORCED, VOIDED),
    rows=(
        Row(P.ABSENT, REPORTS_ON, P.ABSENT, _ODD, _STRANGER, rule=STRANGER_RULE),
        Row(P.ABSENT, OPENED_MONITOR, P.MONITORED, _MUST, ref("2.2.4.1.4.4", "dwPrivilege")),
        Row(P.ABSENT, OPENED_OWNER, P.OWNED, _MUST, ref("2.2.4.1.4.4", "dwPrivilege")),
        *(
            row
            for state in (P.MONITORED, P.OWNED)
            for row in (
                Row(state, USED, state, _STATED, _LIVE),
                Row(state, REPORTS_ON, state, _STATED, ref("2.2.4.2.1", "hRemotePhone")),
                Row(state, FOREIGN, state, _MUST, _ECHO, rule="CALL-V13"),
                Row(state, CLOSES, P.CLOSED, _STATED, ref("2.2.4.1.5.1", "Close")),
                Row(state, FORCED, P.LOST, _MUST, ref("2.2.4.2.1.27", "PHONE_CLOSE")),
                Row(state, VOIDED, P.VOID, _MUST, ref("2.2.4.1.5.2", "ShutDown, ClientDetach, rundown")),
            )
        ),
        Row(P.OWNED, USED_AS_OWNER, P.OWNED, _STATED, _OWNER),
        Row(P.MONITORED, USED_AS_OWNER, P.MONITORED, _MUST, _OWNER, rule=LIVE_RULE),
        *(Row(state, USED_AS_OWNER, state, _TYPICAL, _OWNER) for state in (P.ABSENT, P.CLOSED, P.LOST, P.VOID)),
        *_gone((P.CLOSED, P.LOST, P.VOID), P.ABSENT),
        Row(P.CLOSED, FORCED, P.LOST, _TYPICAL, ref("2.2.4.2.1.27", "PHONE_CLOSE may follow an own Close once (Q14)")),
        *(row for row in _tail((P.CLOSED, P.LOST, P.VOID)) if (row.source, row.event) != (P.CLOSED, FORCED)),
    ),
    unproven=frozenset({USED, USED_AS_OWNER}),
    sinks=frozenset({P.VOID}),
)


class DialogState(IntEnum):
    """Where a dialog instance of a provider can be."""

    ABSENT = 0
    OPEN = 1
    FREED = 2


DIALOG_OPENED = Event("GetUIDllName", Kind.ANSWER, "the answer brought a dialog instance")
DIALOG_USED = Event("TUISPIDLLCallback", Kind.REQUEST, "data travels between the provider and its dialog")
DIALOG_FREED = Event("FreeDialogInstance", Kind.REQUEST, "the client ends the dialog")

D = DialogState
_FREED = ref("2.2.4.1.7.11", "an instance is freed once, and void afterwards")
DIALOG = Table(
    name="dialog",
    summary="A dialog instance between a provider and its user interface on the client",
    states=DialogState,
    initial=D.ABSENT,
    finals=frozenset({D.FREED}),
    events=(DIALOG_OPENED, DIALOG_USED, DIALOG_FREED, VOIDED),
    rows=(
        Row(D.ABSENT, DIALOG_OPENED, D.OPEN, _STATED, ref("2.2.4.1.7.9", "htDlgInst")),
        Row(D.OPEN, DIALOG_USED, D.OPEN, _STATED, ref("2.2.4.1.7.10", "dwObjectID")),
        Row(D.OPEN, DIALOG_FREED, D.FREED, _STATED, _FREED),
        Row(D.OPEN, VOIDED, D.FREED, _TYPICAL, ref("3.1.4.3", "ClientDetach, rundown")),
        Row(D.ABSENT, VOIDED, D.ABSENT, _TYPICAL, _FREED),
        Row(D.FREED, VOIDED, D.FREED, _TYPICAL, _FREED),
        *(
            Row(state, DIALOG_USED, state, _MUST, ref("3.1.4.2", "dwObjectID must exist"), rule=LIVE_RULE)
            for state in (D.ABSENT, D.FREED)
        ),
        *(
            Row(state, DIALOG_FREED, state, _MUST, ref("3.1.4.2", "htDlgInst must be live"), rule=LIVE_RULE)
            for state in (D.ABSENT, D.FREED)
        ),
    ),
    unproven=frozenset({DIALOG_USED}),
)
