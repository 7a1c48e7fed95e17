"""The states of a call handle: the sixteen call states (2.2.3.1.29), and states before and after them."""

from __future__ import annotations

from enum import IntEnum

from protocol.constants import LINECALLSTATE

__all__ = ["BY_BIT", "CREATED", "ENDED", "LABELS", "LIVE", "STATES", "STATE_BITS", "CallState"]


class CallState(IntEnum):
    """States of a call handle of one client."""

    ABSENT = 0
    # The handle exists, its call state is not known yet; how it was created determines the possible first states.
    ANNOUNCED = 1
    LISTED = 2
    MADE = 3
    PICKED_UP = 4
    CONSULTATION = 5
    PARENT = 6
    # LINECALLSTATE_Constants
    IDLE = 7
    OFFERING = 8
    ACCEPTED = 9
    DIALTONE = 10
    DIALING = 11
    RINGBACK = 12
    BUSY = 13
    SPECIALINFO = 14
    CONNECTED = 15
    PROCEEDING = 16
    ONHOLD = 17
    CONFERENCED = 18
    ONHOLDPENDCONF = 19
    ONHOLDPENDTRANSFER = 20
    DISCONNECTED = 21
    UNKNOWN = 22
    # The handle has ended.
    DEALLOCATED = 23
    VOID = 24


#: The sixteen states, in the order of the specification.
STATES: tuple[CallState, ...] = tuple(state for state in CallState if CallState.IDLE <= state <= CallState.UNKNOWN)
#: States of a new handle whose call state was not reported yet.
CREATED: tuple[CallState, ...] = tuple(state for state in CallState if CallState.ANNOUNCED <= state <= CallState.PARENT)
#: States of a handle that has ended.
ENDED: tuple[CallState, ...] = (CallState.DEALLOCATED, CallState.VOID)
#: States in which the handle is open.
LIVE: tuple[CallState, ...] = CREATED + STATES

#: LINECALLSTATE bit of each of the sixteen states, and back.
STATE_BITS: dict[CallState, int] = {state: int(LINECALLSTATE[state.name]) for state in STATES}
BY_BIT: dict[int, CallState] = {bit: state for state, bit in STATE_BITS.items()}

#: Names of states in reports, as spelled in the text of the specification.
LABELS: dict[IntEnum, str] = {
    CallState.ABSENT: "absent",
    CallState.PICKED_UP: "pickedUp",
    CallState.SPECIALINFO: "specialInfo",
    CallState.ONHOLD: "onHold",
    CallState.ONHOLDPENDCONF: "onHoldPendingConference",
    CallState.ONHOLDPENDTRANSFER: "onHoldPendingTransfer",
    CallState.VOID: "voided",
}
