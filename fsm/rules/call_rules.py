"""The rules of the call model in words: hard rules, ordering, and what the suspicious ids stand for."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CALL_RULES", "CallRule"]


class CallRule(NamedTuple):
    """A rule that belongs to no single packet."""

    summary: str
    section: str
    source: str


#: Every rule of calls, requests and their order that a finding can carry.
CALL_RULES: dict[str, CallRule] = {
    "CALL-V01": CallRule(
        "After IDLE a call handle is in no other state any more.", "2.2.3.1.29", "TAPI page 'LINECALLSTATE_ Constants'"
    ),
    "CALL-V02": CallRule(
        "LINE_CALLSTATE reports exactly one of the sixteen states; the high byte is device-specific.",
        "2.2.4.2.1.8",
        "Param1",
    ),
    "CALL-V03": CallRule(
        "No event for a call before its handle was given out: by LINE_APPNEWCALL, GetNewCalls, or the completion that creates it.",
        "2.2.2",
        "TAPI page 'Async Replies versus Events on New Call Handles'",
    ),
    "CALL-V04": CallRule(
        "LINE_APPNEWCALL is followed at once by the LINE_CALLSTATE of the same call.",
        "2.2.4.2.1.6",
        "TAPI page 'LINE_APPNEWCALL'",
    ),
    "CALL-V05": CallRule(
        "LINE_APPNEWCALL never announces a handle that the client has already.",
        "2.2.4.2.1.6",
        "TAPI page 'LINE_APPNEWCALL'",
    ),
    "CALL-V06": CallRule(
        "LINE_APPNEWCALL and LINE_REMOVE go only to clients at TAPI 2.0 or later.", "2.2.2", "TAPI page 'LINE_REMOVE'"
    ),
    "CALL-V07": CallRule("No LINE_CALLINFO for a call that is idle.", "2.2.4.2.1.7", ""),
    "CALL-V08": CallRule(
        "Each request id gets exactly one reply, and only ids that were given out do.",
        "2.2.4.2.1.25",
        "ASYNC_COMPLETION",
    ),
    "CALL-V09": CallRule(
        "The server uses the request id that the client chose; for 0 it makes a positive, unused one.",
        "2.2.4.1.3.1",
        "dwRequestID",
    ),
    "CALL-V10": CallRule(
        "Asynchronous requests return an id or an error, never 0; synchronous ones 0 or an error, never an id.",
        "2.2.5.2",
        "TAPI page 'Asynchronous Functions'",
    ),
    "CALL-V11": CallRule(
        "CONFERENCED carries the handle of the conference, which is a live call of the client.",
        "2.2.4.2.1.8",
        "third word",
    ),
    "CALL-V12": CallRule(
        "No event for a line or call after its end, except what was under way.",
        "2.2.4.2.1.9",
        "lineClose, TSPI_lineClose",
    ),
    "CALL-V13": CallRule("InitContext and OpenContext of every event are the client's own.", "2.2.4.2.1", ""),
    "CALL-V14": CallRule(
        "A completion repeats the contexts of its request; one that creates a call brings its handle.", "2.2.4.2.2", ""
    ),
    "CALL-ORDER-O01": CallRule("After a negative return there is no reply.", "2.2.4.1.3.1", ""),
    "CALL-ORDER-O05": CallRule(
        "Each accepted request is completed, also before the server closes its line.",
        "2.2.4.2.1.9",
        "TSPI page 'LINE_CLOSE'",
    ),
    "CALL-ORDER-O06": CallRule(
        "A request id is not given out, or chosen, while it is pending.", "2.2.4.1.3.1", "DRV_REQUESTID"
    ),
    "CALL-ORDER-O08": CallRule(
        "A request still waits for its reply at the end; no document sets a limit.", "2.2.4.2.1.25", ""
    ),
    "CALL-ORDER-O09": CallRule("A client waits 5 seconds for an answer.", "3.2.2", ""),
    "CALL-ORDER-O12": CallRule(
        "After a successful MakeCall some LINE_CALLSTATE follows.", "2.2.4.2.1.8", "lineMakeCall"
    ),
    "CALL-ORDER-O14": CallRule("After SwapHold both calls are reported.", "2.2.4.1.3.79", "TSPI_lineSwapHold"),
    "CALL-Q05": CallRule("The privilege of a LINE_CALLSTATE is OWNER, MONITOR or 0.", "2.2.4.2.1.8", "Param2"),
    "CALL-Q17": CallRule(
        "The mode of a LINE_CALLSTATE is one of the constants of its state; 0 only for CONNECTED and OFFERING.",
        "2.2.4.2.1.8",
        "third word",
    ),
    "CALL-STATE-": CallRule(
        "LINE_CALLSTATE reports a state that no document derives from the one before.", "2.2.3.1.29", "16 x 16 relation"
    ),
    "CALL-PRE-": CallRule("A request is made in a state in which its text does not allow it.", "2.2.4.1.3", "hCall"),
}
