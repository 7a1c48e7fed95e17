"""Alphabets as data: what a tester can do to one call or two, so that the answers make a machine."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.tables.call_states import CallState
from protocol import line

if TYPE_CHECKING:
    from protocol.packet import Request

__all__ = ["ALPHABETS", "INCOMING", "TWO_CALLS", "Alphabet", "Cause", "Input"]

S = CallState


class Cause(StrEnum):
    """What a tester can cause without asking about the call itself."""

    #: The partner calls, unless the call is there already.
    OFFER = "is offered"
    #: The partner hangs up.
    HANG_UP = "the partner hangs up"


class Input(NamedTuple):
    """One input: a request, or something that the partner does."""

    name: str
    #: The request, with the places of the calls that it names, by the names of its fields.
    request: type[Request] | None = None
    calls: tuple[tuple[str, int], ...] = ()
    #: What else the request says; "{number}" stands for the number of the third line, or of the partner.
    fields: tuple[tuple[str, Any], ...] = ()
    #: The place of the call that the request makes; it is not sent while there is such a call.
    makes: int | None = None
    #: The field of the completion that names it.
    brings: str = ""
    cause: Cause | None = None
    #: Of a cause: the place of the call, and the states that it leads to, by the state in which it finds the call.
    place: int = 0
    leads: tuple[tuple[tuple[CallState, ...], tuple[CallState, ...]], ...] = ()

    def __str__(self) -> str:
        return self.name


class Alphabet(NamedTuple):
    """What is learned: how many calls there are, how the first begins, and the inputs."""

    name: str
    summary: str
    calls: int
    #: Whether the first call is connected when learning begins, or not there yet.
    connected: bool
    inputs: tuple[Input, ...]

    @property
    def look(self) -> int:
        """The input that changes nothing."""
        return next(place for place, symbol in enumerate(self.inputs) if symbol.request is line.GetCallInfo)


_ALIVE = (S.OFFERING, S.ACCEPTED, S.CONNECTED, S.ONHOLD, S.ONHOLDPENDTRANSFER)
_ENDS = ((_ALIVE, (S.DISCONNECTED, S.IDLE)),)


def _offer(name: str, place: int) -> Input:
    return Input(name, cause=Cause.OFFER, place=place, leads=(((S.ABSENT,), (S.OFFERING,)),))


def _on(request: type[Request], place: int = 0, mark: str = "", **fields: Any) -> Input:
    return Input(request.__name__ + mark, request, (("call", place),), tuple(fields.items()))


INCOMING = Alphabet(
    "incoming",
    "The life of an incoming call",
    1,
    False,
    (
        _offer("a call is offered", 0),
        Input("the partner hangs up", cause=Cause.HANG_UP, leads=_ENDS),
        _on(line.Accept),
        _on(line.Answer),
        _on(line.Drop),
        _on(line.Hold),
        _on(line.UnHold),
        _on(line.BlindTransfer, dest_address="{number}"),
        _on(line.GetCallInfo, call_info=2048),
        _on(line.DeallocateCall),
    ),
)

TWO_CALLS = Alphabet(
    "two-calls",
    "A connected call, and a second one beside it",
    2,
    True,
    (
        _offer("call 2 is offered", 1),
        _on(line.Answer, 1, " 2"),
        _on(line.Hold, 0, " 1"),
        _on(line.UnHold, 0, " 1"),
        _on(line.Hold, 1, " 2"),
        _on(line.UnHold, 1, " 2"),
        Input("SwapHold 1, 2", line.SwapHold, (("active_call", 0), ("held_call", 1))),
        Input("SwapHold 2, 1", line.SwapHold, (("active_call", 1), ("held_call", 0))),
        Input("SetUpTransfer 1", line.SetUpTransfer, (("call", 0),), makes=1, brings="consult_call"),
        Input(
            "CompleteTransfer 1, 2",
            line.CompleteTransfer,
            (("call", 0), ("consult_call", 1)),
            (("transfer_mode", 1),),
        ),
        _on(line.Drop, 0, " 1"),
        _on(line.Drop, 1, " 2"),
        _on(line.GetCallInfo, 0, " 1", call_info=2048),
    ),
)

ALPHABETS: dict[str, Alphabet] = {alphabet.name: alphabet for alphabet in (INCOMING, TWO_CALLS)}
