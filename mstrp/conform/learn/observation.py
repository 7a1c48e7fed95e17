"""What a client observes after a step: the kind of the answer, and the states of the calls."""

from __future__ import annotations

from typing import NamedTuple

from fsm.tables.call_states import ENDED, LABELS, CallState
from mstrp.conform.server.refusals import NOT_OFFERED
from protocol.constants import LINEERR

__all__ = [
    "FAULT",
    "NOT_COMPLETED",
    "NOT_SENT",
    "NO_ANSWER",
    "OK",
    "REFUSED",
    "Observation",
    "Output",
    "caption",
    "refusal",
    "shown",
]

#: Nothing could be sent, because there is no such call.
NOT_SENT = "not sent"
#: The request succeeded, or what the partner did is done.
OK = "ok"
#: How the request did not succeed: the kind of the error code; whether in the answer or in the completion is one.
REFUSED = "refused"
FAULT = "RPC fault"
NO_ANSWER = "no answer"
NOT_COMPLETED = "not completed"

#: Codes that say something about the state of a call, or about its handle.
_STATE = frozenset({int(LINEERR.INVALCALLSTATE)})
_HANDLE = frozenset({int(LINEERR.INVALCALLHANDLE), int(LINEERR.INVALLINEHANDLE)})


def refusal(code: int) -> str:
    """The kind of an error code: state, handle, not offered, other."""
    code &= 0xFFFFFFFF
    kind = (
        "state"
        if code in _STATE
        else "handle"
        if code in _HANDLE
        else "not offered"
        if code in NOT_OFFERED
        else "other"
    )
    return f"{REFUSED} ({kind})"


class Output(NamedTuple):
    """The output of a step; it is all that learning looks at, so transient states are not in it."""

    answer: str
    #: What LINE_CALLSTATE said last of each call; ABSENT before it is there, DEALLOCATED once it was given up.
    states: tuple[CallState, ...]
    #: What was reported of calls after they were given up; ABSENT for a report without a state.
    late: tuple[CallState, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the server took the request."""
        return self.answer == OK

    def __str__(self) -> str:
        late = f", then reported {' '.join(map(caption, self.late))}" if self.late else ""
        return f"{self.answer} → {shown(self.states)}{late}"


class Observation(NamedTuple):
    """The output of a step, with all the states that were reported on the way, call by call.

    ABSENT stands for a LINE_CALLSTATE that is not exactly one of the states.
    """

    output: Output
    path: tuple[tuple[CallState, ...], ...]


def caption(state: CallState) -> str:
    """A state for people."""
    if state is CallState.ABSENT:
        return "no call"
    return "deallocated" if state in ENDED else LABELS.get(state, state.name.lower())


def shown(states: tuple[CallState, ...]) -> str:
    """The states of all calls for people."""
    return " | ".join(map(caption, states))
