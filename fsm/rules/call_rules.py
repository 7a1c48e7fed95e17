"""Rules of the call model, one record each: mandatory rules, ordering rules, and the families of suspicious steps."""

from __future__ import annotations

from typing import Final

from fsm.engine.levels import Level
from fsm.engine.rule import Catalogue, Rule, Tolerance

__all__ = ["CALL_RULES"]

#: All rules of calls, requests and their order that findings refer to.
CALL_RULES: Final = Catalogue(
    (
        Rule(
            "CALL-V01",
            "A call never leaves IDLE.",
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
            "No event for a call before its handle is returned: by LINE_APPNEWCALL, GetNewCalls, or the completion that creates it.",
            "2.2.2",
            "TAPI page 'Async Replies versus Events on New Call Handles'",
            sentence="server sent {what} for {where} before it returned that handle to the client",
            also=("CALL-ORDER-O10", "CALL-ORDER-O17"),
            tolerances=(
                Tolerance(
                    "early-events", Level.SUSPICIOUS, "the TSPI page on pick-up permits callbacks before the return"
                ),
            ),
        ),
        Rule(
            "CALL-V04",
            "LINE_APPNEWCALL is followed immediately by the LINE_CALLSTATE of the same call.",
            "2.2.4.2.1.6",
            "TAPI page 'LINE_APPNEWCALL'",
            sentence="server sent {what} for {where} instead of the LINE_CALLSTATE required immediately after LINE_APPNEWCALL",
            also=("CALL-ORDER-O17",),
        ),
        Rule(
            "CALL-V05",
            "LINE_APPNEWCALL never announces a handle that the client already has.",
            "2.2.4.2.1.6",
            "TAPI page 'LINE_APPNEWCALL'",
            sentence="server announced {where} by LINE_APPNEWCALL although the client already has the handle",
            tolerances=(Tolerance("announces-own-calls", None, "Cisco Unified CM announces them by LINE_APPNEWCALL"),),
        ),
        Rule(
            "CALL-V06",
            "LINE_APPNEWCALL and LINE_REMOVE are sent only to clients at TAPI 2.0 or later.",
            "2.2.2",
            "TAPI page 'LINE_REMOVE'",
            sentence="server sent {what} to a client below TAPI 2.0",
            also=("CALL-ORDER-O18",),
        ),
        Rule(
            "CALL-V07",
            "No LINE_CALLINFO for an idle call.",
            "2.2.4.2.1.7",
            sentence="server sent LINE_CALLINFO for {where} after the call had become idle",
            also=("CALL-ORDER-O21",),
        ),
        Rule(
            "CALL-V08",
            "Each request id gets exactly one reply; no other id gets one.",
            "2.2.4.2.1.25",
            "ASYNC_COMPLETION",
            sentence="server sent a reply for {where}, which has no pending completion",
            also=("CALL-ORDER-O05",),
        ),
        Rule(
            "CALL-V09",
            "The server uses the request id that the client selected; for 0 it selects a positive, unused id.",
            "2.2.4.1.3.1",
            "dwRequestID",
            sentence="server accepted {what} with a request id other than the one the client selected",
        ),
        Rule(
            "CALL-V10",
            "Asynchronous requests return an id or an error, never 0; synchronous ones 0 or an error, never an id.",
            "2.2.5.2",
            "TAPI page 'Asynchronous Functions'",
            sentence="server responded to {what} with the wrong type of value: asynchronous requests return an id, others 0",
            also=("CALL-ORDER-O02",),
            tolerances=(Tolerance("drop-returns-0", None, "MS-TRP 4.3 to 4.5", events=("Drop*",)),),
        ),
        Rule(
            "CALL-V11",
            "CONFERENCED contains the handle of the conference, which is an open call handle of the client.",
            "2.2.4.2.1.8",
            "third word",
            sentence="server reported CONFERENCED for {where} with {what}",
        ),
        Rule(
            "CALL-V12",
            "No event for a line or call after its end, except those in transit.",
            "2.2.4.2.1.9",
            "lineClose, TSPI_lineClose",
            sentence="server sent {what} for {where} after its end",
        ),
        Rule(
            "CALL-V13",
            "InitContext and OpenContext of every event are the client's own.",
            "2.2.4.2.1",
            sentence="server sent {what} with a context that is not the client's context for {where}",
        ),
        Rule(
            "CALL-V14",
            "A completion repeats the contexts of its request; one that creates a call contains its handle.",
            "2.2.4.2.2",
            sentence="server completed {what} without the request's context or without a handle",
        ),
        Rule(
            "CALL-ORDER-O01",
            "There is no reply after a negative return value.",
            "2.2.4.1.3.1",
            sentence="server sent a reply for {where}, which it had refused",
            also=("CALL-V08",),
        ),
        Rule(
            "CALL-ORDER-O05",
            "Each accepted request is completed, including before the server closes its line.",
            "2.2.4.2.1.9",
            "TSPI page 'LINE_CLOSE'",
            sentence="server forced {where} closed without completing a request on it",
        ),
        Rule(
            "CALL-ORDER-O06",
            "A request id is not assigned, or selected, while it is pending.",
            "2.2.4.1.3.1",
            "DRV_REQUESTID",
            sentence="server assigned {what} a request id that is still pending",
        ),
        Rule(
            "CALL-ORDER-O08",
            "A request is still pending at the end; no document specifies a time limit.",
            "2.2.4.2.1.25",
            sentence="{what} has no reply at the end of the capture",
        ),
        Rule(
            "CALL-ORDER-O09",
            "A client waits 5 seconds for a response.",
            "3.2.2",
            sentence="server took {what} to respond to {where}, more than the client's timeout of 5 s",
        ),
        Rule(
            "CALL-ORDER-O12",
            "After a successful MakeCall at least one LINE_CALLSTATE follows.",
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
            "LINE_CALLSTATE reports a state that no document describes after the previous one.",
            "2.2.3.1.29",
            "16 x 16 relation",
            sentence="server reported {what} for {where} in state {state}, which matches no documented pattern",
            tolerances=(Tolerance("any-progression", None),),
        ),
        Rule(
            "CALL-PRE-",
            "A request is sent in a state in which its specification does not allow it.",
            "2.2.4.1.3",
            "hCall",
            tolerances=(
                Tolerance("lenient-preconditions", None, "LINECALLSTATUS.dwCallFeatures is the authority at run time"),
            ),
        ),
        Rule(
            "CALL-PRE-DeallocateCall",
            "Below TAPI 2.0 the sole owner of a call that is not idle does not deallocate it.",
            "2.2.4.1.3.6",
            "Q3",
            sentence="server let the sole owner deallocate {where} in state {state} below TAPI 2.0",
        ),
    )
)
