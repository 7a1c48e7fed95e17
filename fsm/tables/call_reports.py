"""Reports of LINE_CALLSTATE allowed in each state: the 16 x 16 relation and the initial rows.

The relation is defined only in this matrix. Letters: ``F`` documented, ``f`` derived from documentation, ``S`` matches
no documented pattern, ``V`` forbidden, ``=`` the same state again. No document specifies a progression, so only leaving
IDLE is forbidden (2.2.3.1.29; the TAPI page on LINECALLSTATE_ Constants).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.engine.levels import Level
from fsm.engine.row import Event, Guard, Kind, Row, ref, unless, when
from fsm.tables.bits import BRIDGED, CHANGED, CONSISTENT, DIALLED, FILTERED, REMOVED
from fsm.tables.call_states import STATES, CallState

if TYPE_CHECKING:
    from fsm.engine.row import Ref

__all__ = [
    "MATRIX",
    "PER_STATE",
    "REPORTS",
    "SHOWN",
    "report_rows",
    "shown_rows",
]

#: reports(S): a LINE_CALLSTATE with that state was received.
REPORTS: dict[CallState, Event] = {
    state: Event(f"LINE_CALLSTATE {state.name}", Kind.REPORT, f"the server reports state {state.name}")
    for state in STATES
}
#: shown(S): the response to GetCallStatus contained that state.
SHOWN: dict[CallState, Event] = {
    state: Event(f"GetCallStatus {state.name}", Kind.ANSWER, f"the response to GetCallStatus contains {state.name}")
    for state in STATES
}


#: Bits that a report of a state clears, because they describe the previous state.
PER_STATE: tuple[Guard, ...] = (DIALLED, BRIDGED)

_COLUMNS = [
    "IDL",
    "OFF",
    "ACC",
    "DTN",
    "DLG",
    "RBK",
    "BSY",
    "SPI",
    "CON",
    "PRC",
    "HLD",
    "CNF",
    "HPC",
    "HPT",
    "DIS",
    "UNK",
]
_STATE_OF = dict(zip(_COLUMNS, STATES, strict=True))
_START_OF = {
    "ann": CallState.ANNOUNCED,
    "lis": CallState.LISTED,
    "mad": CallState.MADE,
    "pic": CallState.PICKED_UP,
    "csl": CallState.CONSULTATION,
    "par": CallState.PARENT,
}

#: Rows: last known state, or how the handle was created. Columns: the state reported next.
MATRIX = """
     IDL OFF ACC DTN DLG RBK BSY SPI CON PRC HLD CNF HPC HPT DIS UNK
ann  S   F   F   F   F   F   F   F   F   F   F   F   F   F   F   F
lis  S   F   F   F   F   F   F   F   F   F   F   F   F   F   F   F
mad  f   S   S   F   F   F   f   f   F   F   S   S   S   S   f   f
pic  f   f   f   S   S   S   S   S   f   S   f   f   S   S   f   f
csl  f   S   S   F   f   f   f   f   f   f   S   S   S   S   f   f
par  f   S   S   S   S   S   S   S   F   S   f   S   F   S   f   f
IDL  =   V   V   V   V   V   V   V   V   V   V   V   V   V   V   V
OFF  F   =   F   S   S   S   S   S   F   S   F   S   S   S   F   F
ACC  F   S   =   S   S   S   S   S   F   S   f   S   S   S   F   F
DTN  F   S   S   =   F   F   F   F   F   F   S   S   S   S   F   F
DLG  F   S   S   f   =   F   F   F   F   F   S   S   S   S   F   F
RBK  F   S   S   S   S   =   f   f   F   f   S   F   S   S   F   F
BSY  F   S   S   S   S   f   =   S   f   f   S   f   S   S   F   F
SPI  F   S   S   S   S   f   f   =   f   f   S   S   S   S   F   F
CON  F   S   S   S   S   F   S   S   =   S   F   F   F   F   F   F
PRC  F   S   S   S   S   F   F   F   F   =   S   F   S   S   F   F
HLD  F   F   S   S   S   S   S   S   F   S   =   F   f   f   F   F
CNF  F   S   S   S   S   S   S   S   F   S   f   =   S   S   F   F
HPC  F   S   S   S   S   S   S   S   F   S   f   f   =   S   F   F
HPT  F   S   S   S   S   S   S   S   F   S   f   F   S   =   F   F
DIS  F   S   S   S   S   S   S   S   S   S   S   S   S   S   =   S
UNK  F   F   F   F   F   F   F   F   F   F   F   F   F   F   F   =
"""

#: References of documented pairs, by column, then by pair; the page on the constants covers the rest.
_REFERENCE: dict[tuple[str, str], Ref] = {
    ("OFF", "ACC"): ref("2.2.4.1.3.1", "Accept; lineAccept"),
    ("OFF", "CON"): ref("2.2.4.1.3.4", "Answer; lineAnswer"),
    ("ACC", "CON"): ref("2.2.4.1.3.4", "Answer; lineAnswer"),
    ("OFF", "IDL"): ref("2.2.4.1.3.15", "Drop rejects; Redirect; TAPI page 'Unowned Calls'"),
    ("OFF", "DIS"): ref("2.2.3.1.37", "the caller hung up"),
    ("OFF", "HLD"): ref("2.2.3.1.29", "TAPI 3 CALL_STATE"),
    ("PRC", "DIS"): ref("2.2.6.20", "dwNoAnswerTimeout"),
    ("RBK", "DIS"): ref("2.2.6.20", "dwNoAnswerTimeout"),
    ("CON", "HLD"): ref("2.2.4.1.3.42", "Hold; lineHold"),
    ("CON", "HPT"): ref("2.2.4.1.3.78", "SetUpTransfer; lineSetupTransfer"),
    ("CON", "HPC"): ref("2.2.4.1.3.50", "PrepareAddToConference; linePrepareAddToConference"),
    ("CON", "CNF"): ref("2.2.4.1.3.77", "SetUpConference; lineSetupConference"),
    ("PRC", "CNF"): ref("2.2.4.1.3.2", "AddToConference; lineAddToConference"),
    ("RBK", "CNF"): ref("2.2.4.1.3.2", "AddToConference; lineAddToConference"),
    ("CON", "RBK"): ref("2.2.3.1.29", "the call is rerouted, as some switches do"),
    ("HLD", "CON"): ref("2.2.4.1.3.81", "UnHold; TSPI_lineUnhold"),
    ("HPT", "CON"): ref("2.2.4.1.3.81", "UnHold; lineSetupTransfer"),
    ("HPC", "CON"): ref("2.2.4.1.3.2", "AddToConference; lineAddToConference"),
    ("HLD", "DIS"): ref("2.2.3.1.37", "the held party hung up; lineHold"),
    ("HLD", "OFF"): ref("2.2.3.1.27", "CAMPEDON: the call becomes deliverable"),
    ("HLD", "CNF"): ref("2.2.4.1.3.8", "CompleteTransfer as conference"),
    ("HPT", "CNF"): ref("2.2.4.1.3.8", "CompleteTransfer as conference"),
    ("HPT", "IDL"): ref("2.2.4.1.3.8", "CompleteTransfer; lineCompleteTransfer"),
    ("CNF", "CON"): ref("2.2.4.1.3.53", "RemoveFromConference; lineDrop"),
    ("DIS", "IDL"): ref("2.2.3.1.37", "Drop clears the call, or the provider does"),
}
_COLUMN_REFERENCE = {
    "IDL": ref("2.2.3.1.29", "IDLE; a call can be cleared in any state"),
    "DIS": ref("2.2.3.1.37", "the remote party disconnected"),
    "UNK": ref("2.2.3.1.29", "UNKNOWN; call progress could not be monitored"),
}
_START_REFERENCE = {
    "ann": ref("2.2.4.2.1.6", "LINE_APPNEWCALL, then LINE_CALLSTATE with the first state"),
    "lis": ref("2.2.4.1.3.37", "GetNewCalls"),
    "mad": ref("2.2.4.1.3.43", "MakeCall; lineMakeCall"),
    "pic": ref("2.2.4.1.3.49", "PickUp, UnPark"),
    "csl": ref("2.2.4.1.3.78", "start of the consultation call; lineSetupTransfer, lineSetupConference"),
    "par": ref("2.2.4.1.3.77", "start of the conference call; lineSetupConference"),
}
_SAME = ref("2.2.4.2.1.8", "LINE_CALLSTATE")
_NEVER_OUT_OF_IDLE = ref("2.2.3.1.29", "TAPI page 'LINECALLSTATE_ Constants': a call can never leave idle")


def _reference(source: str, column: str) -> Ref:
    if source == "UNK":
        return ref("2.2.3.1.29", "UNKNOWN: the report provides the state")
    return (
        _START_REFERENCE.get(source)
        or _REFERENCE.get((source, column))
        or _COLUMN_REFERENCE.get(column)
        or ref("2.2.3.1.29", "call progress; lineMakeCall")
    )


def report_rows() -> list[Row]:
    """Return the rows that the matrix represents."""
    rows = []
    for line in MATRIX.strip().splitlines()[1:]:
        name, *letters = line.split()
        source = _START_OF.get(name) or _STATE_OF[name]
        for column, letter in zip(_COLUMNS, letters, strict=True):
            rows += _cell(name, source, column, letter)
    return rows


def _cell(name: str, source: CallState, column: str, letter: str) -> list[Row]:
    target = _STATE_OF[column]
    event = REPORTS[target]
    where = _reference(name, column)
    origin = "NEW" if name in _START_OF else source.name
    rule = f"CALL-STATE-{origin}-{target.name}"
    if letter in "Ff":
        note = "inferred" if letter == "f" else ""
        return [Row(source, event, target, Level.TYPICAL, where, note=note, clears=PER_STATE)]
    if letter == "V":
        return [Row(source, event, target, Level.MUST, _NEVER_OUT_OF_IDLE, rule="CALL-V01", clears=PER_STATE)]
    rows = []
    if letter == "=":
        rows.append(
            Row(
                source,
                event,
                target,
                Level.TYPICAL,
                _SAME,
                (when(CHANGED),),
                note="repeated with changes",
                clears=PER_STATE,
            )
        )
    rows.append(
        Row(
            source,
            event,
            target,
            Level.TYPICAL,
            _SAME,
            (when(FILTERED),),
            note="events may be missing",
            clears=PER_STATE,
        )
    )
    if letter == "S" and column == "DLG" and name != "DIS":
        dial = ref("2.2.4.1.3.14", "Dial")
        rows.append(Row(source, event, target, Level.TYPICAL, dial, (when(DIALLED),), clears=PER_STATE))
    if letter == "S" and name == "CNF":
        removal = ref("2.2.6.6", "dwRemoveFromConfState")
        rows.append(Row(source, event, target, Level.TYPICAL, removal, (when(REMOVED),), clears=PER_STATE))
    rows.append(Row(source, event, target, Level.SUSPICIOUS, _SAME, rule=rule, clears=PER_STATE))
    return rows


def shown_rows() -> list[Row]:
    """Return the rows of GetCallStatus: it selects one of the possible states, or adds one not yet reported."""
    where = ref("2.2.4.1.3.32", "GetCallStatus, LINECALLSTATUS.dwCallState")
    rows = []
    starts = tuple(_START_OF.values())
    for state, event in SHOWN.items():
        for source in starts:
            rows.append(Row(source, event, state, Level.STATED, where))
        for source in STATES:
            if source is state or source is CallState.UNKNOWN:
                rows.append(Row(source, event, state, Level.STATED, where))
            else:
                guards = (unless(CONSISTENT),)
                idle = source is CallState.IDLE
                note = "the response may be older than the event" if idle else "the event may still be in transit"
                expect = () if idle else (state,)
                rows.append(Row(source, event, source, Level.TYPICAL, where, guards, expect=expect, note=note))
    return rows
