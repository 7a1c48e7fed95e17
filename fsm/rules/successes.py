"""Requirements after a success (3.1.4.2, "if successful"): created handles are open, closed ones are not.

A server that rejects an open handle as unknown violates a rule of the first kind; one that accepts a request on a
closed handle violates one of the second kind.
"""

from __future__ import annotations

from typing import NamedTuple

from fsm.tables.application import APPLICATION, AppState
from fsm.tables.call import CALL
from fsm.tables.call_states import CallState
from fsm.tables.line import LINE, LineState
from fsm.tables.phone import PHONE, PhoneState

__all__ = ["DROPPED", "MADE", "SUCCESSES", "Success"]


class Success(NamedTuple):
    """A rule about the success of a request."""

    #: The request by device and name, and its rule.
    request: str
    rule: str
    summary: str
    #: The machine of the handle, and the state in which the handle is closed; None for a handle that is created.
    machine: str
    state: int | None = None


SUCCESSES: tuple[Success, ...] = (
    Success("line.Initialize", "TRP-3.1.4.2-047-07", "the server keeps an HLINEAPP for the client", APPLICATION.name),
    Success("phone.Initialize", "TRP-3.1.4.2-106-07", "the server keeps an HPHONEAPP for the client", APPLICATION.name),
    Success("line.Open", "TRP-3.1.4.2-054-11", "the server keeps an HLINE for the client", LINE.name),
    Success("phone.Open", "TRP-3.1.4.2-107-05", "the server keeps an HPHONE for the client", PHONE.name),
    *(
        Success(f"line.{name}", f"TRP-3.1.4.2-{bullet}", f"the server keeps a new HCALL for {what}", CALL.name)
        for name, bullet, what in (
            ("MakeCall", "048-06", "the call"),
            ("PickUp", "056-04", "the call"),
            ("UnPark", "090-03", "the call"),
            ("Forward", "017-12", "the consultation call, if there is one"),
            ("PrepareAddToConference", "057-05", "the consultation call"),
            ("SetUpConference", "084-05", "the conference and the consultation call"),
            ("SetUpTransfer", "085-05", "the consultation call"),
            ("CompleteTransfer", "011-06", "the conference, with LINETRANSFERMODE_CONFERENCE"),
        )
    ),
    Success("line.Close", "TRP-3.1.4.2-009-02", "the HLINE is dropped", LINE.name, LineState.CLOSED),
    Success("phone.Close", "TRP-3.1.4.2-091-02", "the HPHONE is dropped", PHONE.name, PhoneState.CLOSED),
    Success("line.ShutDown", "TRP-3.1.4.2-086-02", "the HLINEAPP is dropped", APPLICATION.name, AppState.SHUT),
    Success("phone.ShutDown", "TRP-3.1.4.2-119-02", "the HPHONEAPP is dropped", APPLICATION.name, AppState.SHUT),
    Success(
        "line.DeallocateCall",
        "TRP-3.1.4.2-012-02",
        "the client no longer has the call",
        CALL.name,
        CallState.DEALLOCATED,
    ),
)
#: The rules of created handles, by the request that creates them.
MADE: dict[str, str] = {row.request: row.rule for row in SUCCESSES if row.state is None}
#: The rules of closed handles: by machine, device of the request and set of states.
DROPPED: dict[tuple[str, str, int], str] = {
    (row.machine, row.request.partition(".")[0], 1 << row.state): row.rule for row in SUCCESSES if row.state is not None
}
