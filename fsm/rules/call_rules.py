"""Rules of the call model, one record each: mandatory rules, ordering rules, and the families of suspicious steps."""

from __future__ import annotations

from typing import Final

from fsm.engine.levels import Level
from fsm.engine.rule import Catalogue, Rule, Tolerance

__all__ = ["CALL_RULES"]

#: Every rule of calls, requests and their order that a finding can carry.
CALL_RULES: Final = Catalogue(
    (
        Rule(
            "CALL-V01",
            "After IDLE a call handle is in no other state any more.",
            "2.2.3.1.29",
            "TAPI page 'LINECALLSTATE_ Constants'",
            sentence="server reported {what} for {where} after the call had become idle",
        ),
        Rule(
            "CALL-V02",
            "LINE_CALLSTATE reports exactly one of the sixteen states; the high byte is device-specific.",
            "2.2.4.2.1.8",
            "Param1",
            sentence="server sent LINE_CALLSTATE for {where} with {what}, which is not exactly one call state",
        ),
        Rule(
            "CALL-V03",
            "No event for a call before its handle was given out: by LINE_APPNEWCALL, GetNewCalls, or the completion that creates it.",
            "2.2.2",
            "TAPI page 'Async Replies versus Events on New Call Handles'",
            sentence="server sent {what} for {where} before the client was given that handle",
            also=("CALL-ORDER-O10", "CALL-ORDER-O17"),
            tolerances=(
                Tolerance(
                    "early-events", Level.SUSPICIOUS, "the TSPI page on pick-up permits callbacks before the return"
                ),
            ),
        ),
        Rule(
            "CALL-V04",
            "LINE_APPNEWCALL is followed at once by the LINE_CALLSTATE of the same call.",
            "2.2.4.2.1.6",
            "TAPI page 'LINE_APPNEWCALL'",
            sentence="server sent {what} for {where} instead of the LINE_CALLSTATE that has to follow LINE_APPNEWCALL at once",
            also=("CALL-ORDER-O17",),
        ),
        Rule(
            "CALL-V05",
            "LINE_APPNEWCALL never announces a handle that the client has already.",
            "2.2.4.2.1.6",
            "TAPI page 'LINE_APPNEWCALL'",
            sentence="server announced {where} by LINE_APPNEWCALL although the client has the handle already",
            tolerances=(Tolerance("announces-own-calls", None, "Cisco Unified CM announces them by LINE_APPNEWCALL"),),
        ),
        Rule(
            "CALL-V06",
            "LINE_APPNEWCALL and LINE_REMOVE go only to clients at TAPI 2.0 or later.",
            "2.2.2",
            "TAPI page 'LINE_REMOVE'",
            sentence="server sent {what} to a client below TAPI 2.0",
            also=("CALL-ORDER-O18",),
        ),
        Rule(
            "CALL-V07",
            "No LINE_CALLINFO for a call that is idle.",
            "2.2.4.2.1.7",
            sentence="server sent LINE_CALLINFO for {where} after the call had become idle",
            also=("CALL-ORDER-O21",),
        ),
        Rule(
            "CALL-V08",
            "Each request id gets exactly one reply, and only ids that were given out do.",
            "2.2.4.2.1.25",
            "ASYNC_COMPLETION",
            sentence="server sent a reply for {where}, which waits for none",
            also=("CALL-ORDER-O05",),
        ),
        Rule(
            "CALL-V09",
            "The server uses the request id that the client chose; for 0 it makes a positive, unused one.",
            "2.2.4.1.3.1",
            "dwRequestID",
            sentence="server answered {what} with a request id that is not the one the client chose",
        ),
        Rule(
            "CALL-V10",
            "Asynchronous requests return an id or an error, never 0; synchronous ones 0 or an error, never an id.",
            "2.2.5.2",
            "TAPI page 'Asynchronous Functions'",
            sentence="server answered {what} with a value of the wrong kind: asynchronous requests return an id, others 0",
            also=("CALL-ORDER-O02",),
            tolerances=(Tolerance("drop-returns-0", None, "MS-TRP 4.3 to 4.5", events=("Drop*",)),),
        ),
        Rule(
            "CALL-V11",
            "CONFERENCED carries the handle of the conference, which is a live call of the client.",
            "2.2.4.2.1.8",
            "third word",
            sentence="server reported CONFERENCED for {where} with {what}, which is no live call of this client",
        ),
        Rule(
            "CALL-V12",
            "No event for a line or call after its end, except what was under way.",
            "2.2.4.2.1.9",
            "lineClose, TSPI_lineClose",
            sentence="server sent {what} for {where} after its end",
        ),
        Rule(
            "CALL-V13",
            "InitContext and OpenContext of every event are the client's own.",
            "2.2.4.2.1",
            sentence="server sent {what} with a context that the client did not give for {where}",
        ),
        Rule(
            "CALL-V14",
            "A completion repeats the contexts of its request; one that creates a call brings its handle.",
            "2.2.4.2.2",
            sentence="server completed {what} without echoing the request's context or without a handle",
        ),
        Rule(
            "CALL-ORDER-O01",
            "After a negative return there is no reply.",
            "2.2.4.1.3.1",
            sentence="server sent a reply for {where}, which it had refused",
            also=("CALL-V08",),
        ),
        Rule(
            "CALL-ORDER-O05",
            "Each accepted request is completed, also before the server closes its line.",
            "2.2.4.2.1.9",
            "TSPI page 'LINE_CLOSE'",
            sentence="server forced {where} closed and left a request on it without a reply",
        ),
        Rule(
            "CALL-ORDER-O06",
            "A request id is not given out, or chosen, while it is pending.",
            "2.2.4.1.3.1",
            "DRV_REQUESTID",
            sentence="server gave {what} a request id that is still pending",
        ),
        Rule(
            "CALL-ORDER-O08",
            "A request still waits for its reply at the end; no document sets a limit.",
            "2.2.4.2.1.25",
            sentence="{what} has no reply yet at the end of the capture",
        ),
        Rule(
            "CALL-ORDER-O09",
            "A client waits 5 seconds for an answer.",
            "3.2.2",
            sentence="server took {what} to answer {where}, more than the 5 s a client waits",
        ),
        Rule(
            "CALL-ORDER-O12",
            "After a successful MakeCall some LINE_CALLSTATE follows.",
            "2.2.4.2.1.8",
            "lineMakeCall",
            sentence="server sent no LINE_CALLSTATE for {where} after {what} had succeeded",
            tolerances=(Tolerance("any-progression", None),),
        ),
        Rule(
            "CALL-ORDER-O14",
            "After SwapHold both calls are reported.",
            "2.2.4.1.3.79",
            "TSPI_lineSwapHold",
            sentence="server reported only one of the two calls after SwapHold: nothing for {where}",
            tolerances=(Tolerance("any-progression", None),),
        ),
        Rule(
            "CALL-Q05",
            "The privilege of a LINE_CALLSTATE is OWNER, MONITOR or 0.",
            "2.2.4.2.1.8",
            "Param2",
            sentence="server reported {what} as the privilege on {where}",
        ),
        Rule(
            "CALL-Q17",
            "The mode of a LINE_CALLSTATE is one of the constants of its state; 0 only for CONNECTED and OFFERING.",
            "2.2.4.2.1.8",
            "third word",
            sentence="server reported {what} for {where}",
        ),
        Rule(
            "CALL-STATE-",
            "LINE_CALLSTATE reports a state that no document derives from the one before.",
            "2.2.3.1.29",
            "16 x 16 relation",
            sentence="server reported {what} for {where} in state {state}, which fits no documented pattern",
            tolerances=(Tolerance("any-progression", None),),
        ),
        Rule(
            "CALL-PRE-",
            "A request is made in a state in which its text does not allow it.",
            "2.2.4.1.3",
            "hCall",
            tolerances=(
                Tolerance("lenient-preconditions", None, "LINECALLSTATUS.dwCallFeatures is the authority at run time"),
            ),
        ),
        Rule(
            "CALL-PRE-DeallocateCall",
            "Below TAPI 2.0 the only owner of a call that is not idle does not release it.",
            "2.2.4.1.3.6",
            "Q3",
            sentence="server let the only owner give up {where} in state {state} below TAPI 2.0",
        ),
    )
)
