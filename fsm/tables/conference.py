"""The conference: a group of calls and the call that represents it (3.7 of the call model)."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref
from fsm.engine.table import Table

__all__ = [
    "ADDED",
    "CONFERENCE",
    "JOINED",
    "LEFT",
    "MERGED",
    "PARENT_CONNECTED",
    "PARENT_ENDED",
    "PARENT_HELD",
    "PARENT_RELEASED",
    "PREPARED",
    "SET_UP",
    "ConferenceState",
]


class ConferenceState(IntEnum):
    """Progress of a conference."""

    NONE = 0
    SETUP = 1
    ACTIVE = 2
    EXTENDING = 3
    DISSOLVED = 4
    RELEASED = 5


SET_UP = Event("SetUpConference done", Kind.REPLY, "the completion returns the conference call and a consultation call")
MERGED = Event("CompleteTransfer done", Kind.REPLY, "a transfer became a conference; the completion returns its call")
PREPARED = Event("PrepareAddToConference done", Kind.REPLY, "a consultation call was returned for another member")
ADDED = Event("AddToConference done", Kind.REPLY, "the consultation call is being added as a member")
JOINED = Event("member CONFERENCED", Kind.REPORT, "a call is reported as member of this conference")
LEFT = Event("member left", Kind.REPORT, "a member is reported in another state")
PARENT_CONNECTED = Event("parent connected", Kind.JOINT, "the conference call is reported as connected")
PARENT_HELD = Event("parent held", Kind.JOINT, "the conference call is on hold for another member")
PARENT_ENDED = Event("parent idle", Kind.JOINT, "the conference call is reported as idle or disconnected")
PARENT_RELEASED = Event("parent released", Kind.JOINT, "the client's handle of the conference call has ended")

S = ConferenceState
_LIVE = (S.SETUP, S.ACTIVE, S.EXTENDING)
_STATED, _TYPICAL = Level.STATED, Level.TYPICAL
_SETUP = ref("2.2.4.1.3.77", "SetUpConference; lineSetupConference")
_PREPARE = ref("2.2.4.1.3.50", "PrepareAddToConference; linePrepareAddToConference")
_ADD = ref("2.2.4.1.3.2", "AddToConference; lineAddToConference")
_MEMBER = ref("2.2.4.2.1.8", "CONFERENCED contains the handle of the parent")
_CLEARED = ref("2.2.4.1.3.15", "lineDrop: the bridge is released")


def _rows() -> list[Row]:
    rows = [
        Row(S.NONE, SET_UP, S.SETUP, _STATED, _SETUP),
        Row(S.NONE, MERGED, S.ACTIVE, _STATED, ref("2.2.4.1.3.8", "LINETRANSFERMODE_CONFERENCE")),
        *(
            Row(S.NONE, event, S.NONE, _TYPICAL, _MEMBER, note="a member may be reported before the completion (Q10)")
            for event in (JOINED, LEFT, PARENT_CONNECTED, PARENT_HELD, PARENT_ENDED)
        ),
        Row(S.NONE, ADDED, S.ACTIVE, _TYPICAL, _ADD, note="the creation was not seen"),
        Row(S.NONE, PREPARED, S.EXTENDING, _TYPICAL, _PREPARE, note="the creation was not seen"),
        Row(S.NONE, PARENT_RELEASED, S.RELEASED, _STATED, ref("2.2.4.1.3.6", "DeallocateCall")),
        Row(S.SETUP, ADDED, S.ACTIVE, _TYPICAL, _ADD),
        Row(S.EXTENDING, ADDED, S.ACTIVE, _TYPICAL, _ADD),
        Row(
            S.ACTIVE,
            ADDED,
            S.ACTIVE,
            _TYPICAL,
            _ADD,
            note="the parent was reported before the completion, or was on hold",
        ),
        Row(S.ACTIVE, PREPARED, S.EXTENDING, _TYPICAL, _PREPARE),
        Row(
            S.EXTENDING, PREPARED, S.EXTENDING, _TYPICAL, _PREPARE, note="the parent was reported before the completion"
        ),
        Row(S.SETUP, PREPARED, S.EXTENDING, _TYPICAL, _PREPARE, note="the provider accepted it nevertheless"),
        Row(S.SETUP, PARENT_HELD, S.SETUP, _TYPICAL, _SETUP),
        Row(S.ACTIVE, PARENT_HELD, S.EXTENDING, _TYPICAL, _PREPARE),
        Row(S.EXTENDING, PARENT_HELD, S.EXTENDING, _TYPICAL, _PREPARE),
    ]
    for state in _LIVE:
        rows += [
            Row(state, JOINED, state, _STATED, _MEMBER),
            Row(state, LEFT, state, _TYPICAL, ref("2.2.4.1.3.53", "RemoveFromConference, or the member hung up")),
            Row(state, PARENT_CONNECTED, S.ACTIVE, _TYPICAL, _ADD),
            Row(state, PARENT_ENDED, S.DISSOLVED, _TYPICAL, _CLEARED),
            Row(state, PARENT_RELEASED, S.RELEASED, _STATED, ref("2.2.4.1.3.6", "DeallocateCall")),
        ]
    for state in (*_LIVE, S.DISSOLVED):
        for event in (SET_UP, MERGED):
            rows.append(
                Row(state, event, state, _TYPICAL, _SETUP, note="the handle was returned twice, which the call reports")
            )
    for state in (S.DISSOLVED, S.RELEASED):
        gone = "the client no longer has a handle of it, or the bridge has ended"
        for event in (ADDED, PREPARED, LEFT, PARENT_ENDED, PARENT_CONNECTED, PARENT_HELD, JOINED):
            rows.append(Row(state, event, state, _TYPICAL, _CLEARED, note=gone))
        rows.append(Row(state, PARENT_RELEASED, S.RELEASED, _TYPICAL, ref("2.2.4.1.3.6", "DeallocateCall")))
    return rows


CONFERENCE = Table(
    name="conference",
    summary="A conference, from the point of view of the call that represents it",
    states=ConferenceState,
    initial=S.NONE,
    finals=frozenset({S.RELEASED}),
    events=(
        SET_UP,
        MERGED,
        PREPARED,
        ADDED,
        JOINED,
        LEFT,
        PARENT_CONNECTED,
        PARENT_HELD,
        PARENT_ENDED,
        PARENT_RELEASED,
    ),
    rows=tuple(_rows()),
)
