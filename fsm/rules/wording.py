"""What findings say: one sentence per rule, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ALSO", "either", "sentence"]

#: Rules that say the same thing in another table of the call model.
ALSO: dict[str, tuple[str, ...]] = {
    "CALL-V03": ("CALL-ORDER-O10", "CALL-ORDER-O17"),
    "CALL-V04": ("CALL-ORDER-O17",),
    "CALL-V06": ("CALL-ORDER-O18",),
    "CALL-V07": ("CALL-ORDER-O21",),
    "CALL-V08": ("CALL-ORDER-O05", "TRP-3.3.4.2-M00C-01", "TRP-3.3.4.2-M011-01"),
    "CALL-V10": ("CALL-ORDER-O02",),
    "CALL-V13": ("TRP-3.3.4.2-GEN-04",),
    "CALL-ORDER-O01": ("CALL-V08",),
    "TRP-2.1-02": ("TRP-3.1.4.1-04", "TRP-3.1.4.1-05"),
    "TRP-3.1.4-01": ("TRP-3.1.4-02",),
    "TRP-3.3.4-01": ("TRP-3.3.4-02",),
    "TRP-3.3.4-04": ("TRP-3.3.4.1-03", "TRP-3.3.4.3-01"),
    "TRP-3.1.4.2-GEN-02": ("TRP-3.1.4.2-02",),
    "TRP-3.1.4.2-GEN-03": ("TRP-3-01", "TRP-3-03", "TRP-3.1.4-04", "TRP-3.1.4.2-01", "TRP-3.1.4.3-01"),
    "TRP-3.3.4.2-GEN-01": ("TRP-3.3.4.2-02",),
    "TRP-3.3.4.2-GEN-02": ("TRP-3.3.4.2-02",),
    "TRP-3.3.4.2-GEN-03": ("TRP-3.3.4.2-02",),
}

#: Sentences by rule. ``what`` is the event, ``where`` the instance, ``state`` what was known before.
_SENTENCES: dict[str, str] = {
    "CALL-V01": "server reported {what} for {where} after the call had become idle",
    "CALL-V02": "server sent LINE_CALLSTATE for {where} with {what}, which is not exactly one call state",
    "CALL-V03": "server sent {what} for {where} before the client was given that handle",
    "CALL-V04": "server sent {what} for {where} instead of the LINE_CALLSTATE that has to follow LINE_APPNEWCALL at once",
    "CALL-V05": "server announced {where} by LINE_APPNEWCALL although the client has the handle already",
    "CALL-V06": "server sent {what} to a client below TAPI 2.0",
    "CALL-V07": "server sent LINE_CALLINFO for {where} after the call had become idle",
    "CALL-V08": "server sent a reply for {where}, which waits for none",
    "CALL-V09": "server answered {what} with a request id that is not the one the client chose",
    "CALL-V10": "server answered {what} with a value of the wrong kind: asynchronous requests return an id, others 0",
    "CALL-V11": "server reported CONFERENCED for {where} with {what}, which is no live call of this client",
    "CALL-V12": "server sent {what} for {where} after its end",
    "CALL-V13": "server sent {what} with a context that the client did not give for {where}",
    "CALL-V14": "server completed {what} without echoing the request's context or without a handle",
    "CALL-ORDER-O01": "server sent a reply for {where}, which it had refused",
    "CALL-ORDER-O05": "server forced {where} closed and left a request on it without a reply",
    "CALL-ORDER-O06": "server gave {what} a request id that is still pending",
    "CALL-ORDER-O08": "{what} has no reply yet at the end of the capture",
    "CALL-ORDER-O09": "server took {what} to answer {where}, more than the 5 s a client waits",
    "CALL-ORDER-O12": "server sent no LINE_CALLSTATE for {where} after {what} had succeeded",
    "CALL-ORDER-O14": "server reported only one of the two calls after SwapHold: nothing for {where}",
    "CALL-Q05": "server reported {what} as the privilege on {where}",
    "CALL-Q17": "server reported {what} for {where}",
    "CALL-PRE-DeallocateCall": "server let the only owner give up {where} in state {state} below TAPI 2.0",
    "TRP-2.1-02": "server delivered events by another way than the client chose in ClientAttach",
    "TRP-3.3.4-04": "server used the event channel with a context handle that is not live",
}


def either(states: Sequence[str]) -> str:
    """A set of states for people: ``idle or connected``, and only how many where there are many."""
    return " or ".join(states) if len(states) <= 6 else f"any of {len(states)} states"


def sentence(rule: str, *, what: str, where: str, state: str) -> str:
    """The sentence of a rule about an event on an instance."""
    pattern = _SENTENCES.get(rule)
    if pattern is None and rule.startswith("CALL-STATE-"):
        pattern = "server reported {what} for {where} in state {state}, which fits no documented pattern"
    return (pattern or "{what} on {where} in state {state}").format(what=what, where=where, state=state)
