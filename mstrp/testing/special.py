"""Names of requests that generators treat separately."""

from __future__ import annotations

from typing import Final

__all__ = ["LIFECYCLE", "SPECIAL"]

#: Requests that create or end handles.
LIFECYCLE: Final = frozenset({"Initialize", "ShutDown", "Open", "Close", "DeallocateCall", "GetNewCalls"})
#: These, and requests whose parameters or results depend on earlier packets.
SPECIAL: Final = LIFECYCLE | {
    "FreeDialogInstance",
    "GetAsyncEvents",
    "GetCallStatus",
    "GetUIDllName",
    "NegotiateAPIVersion",
    "NegotiateAPIVersionForAllDevices",
    "NegotiateExtVersion",
    "RSPSetEventFilterMasks",
    "TUISPIDLLCallback",
}
