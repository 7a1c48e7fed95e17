"""Flows with one call or two: outgoing, incoming, hold and swap, park, forwarding, completion, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstrp.generate.flows.flow import Flow
from protocol import events as event
from protocol import line
from protocol.constants import (
    LINECALLCOMPLMODE,
    LINECALLSTATE,
    LINECONNECTEDMODE,
    LINEDIALTONEMODE,
    LINEDIGITMODE,
    LINEDISCONNECTMODE,
    LINEERR,
    LINEPARKMODE,
    STRINGFORMAT,
)
from protocol.structures import LINECALLINFO, LINEFORWARD, LINEFORWARDLIST, VARSTRING

if TYPE_CHECKING:
    from mstrp.generate.play import Asked, Script

__all__ = ["CALLS", "connect", "dial", "drop"]

S = LINECALLSTATE
_ACTIVE = int(LINECONNECTEDMODE.ACTIVE)
_NORMAL = int(LINEDISCONNECTMODE.NORMAL)
_TONE = int(LINEDIALTONEMODE.NORMAL)
_NO_STATE, _UNAVAILABLE = int(LINEERR.INVALCALLSTATE), int(LINEERR.CALLUNAVAIL)


# -- parts -------------------------------------------------------------------------------------------------------


def connect(script: Script) -> int:
    """Write an incoming call that is answered."""
    call = script.offer()
    answer = script.ask(line.Answer(call=call))
    script.state(call, S.CONNECTED, _ACTIVE, after=answer.sent)
    script.reply(answer)
    return call


def make(script: Script, address: str | None = "5551000") -> tuple[Asked, int]:
    """Write MakeCall and its completion; the handle has no events before it (O10).

    Return the request and the handle.
    """
    assert script.line is not None
    call = script.call()
    made = script.ask(line.MakeCall(context=7, line=script.line.handle, call_context=8, dest_address=address))
    script.reply(made, call=call, call_id=call & 0xFFFF)
    return made, call


def dial(script: Script, call: int, *states: int) -> None:
    """Write Dial on a call with a dial tone, and the progress of the call; completion: digits accepted."""
    asked = script.ask(line.Dial(call=call, dest_address="5551234"))
    script.reply(asked)
    last = asked.sent
    for state in states or (S.DIALING, S.PROCEEDING, S.RINGBACK, S.CONNECTED):
        last = script.state(call, state, _ACTIVE if state == S.CONNECTED else 0, after=last)


def drop(script: Script, *calls: int) -> None:
    """Drop and deallocate calls, one after the other."""
    for call in calls:
        asked = script.ask(line.Drop(call=call))
        script.state(call, S.IDLE, after=asked.sent)
        script.reply(asked)
        script.release(call)


# -- flows -------------------------------------------------------------------------------------------------------


def _outgoing(script: Script) -> None:
    _, call = make(script)
    script.state(call, S.DIALTONE, _TONE)
    for state in (S.DIALING, S.PROCEEDING, S.RINGBACK):
        script.state(call, state)
    script.state(call, S.CONNECTED, _ACTIVE)
    drop(script, call)


def _outgoing_bare(script: Script) -> None:
    """Section 4.3 as printed: the completion, then Drop."""
    _, call = make(script)
    script.state(call, S.PROCEEDING)
    drop(script, call)


def _far_end_hangs_up(script: Script) -> None:
    _, call = make(script)
    script.state(call, S.PROCEEDING)
    script.state(call, S.RINGBACK)
    script.state(call, S.CONNECTED, _ACTIVE)
    script.state(call, S.DISCONNECTED, _NORMAL)
    drop(script, call)


def _busy(script: Script) -> None:
    _, call = make(script)
    script.state(call, S.DIALING)
    script.state(call, S.BUSY, 1)
    script.state(call, S.DISCONNECTED, int(LINEDISCONNECTMODE.BUSY))
    script.state(call, S.IDLE)
    script.release(call)


def _no_answer(script: Script) -> None:
    _, call = make(script)
    script.state(call, S.RINGBACK)
    script.state(call, S.DISCONNECTED, int(LINEDISCONNECTMODE.NOANSWER))
    script.state(call, S.IDLE)
    script.release(call)


def _dialled_by_hand(script: Script) -> None:
    """MakeCall without a destination stops at the dial tone; Dial continues."""
    _, call = make(script, None)
    script.state(call, S.DIALTONE, _TONE)
    dial(script, call)
    drop(script, call)


def _incoming(script: Script) -> None:
    call = script.offer()
    script.info(call)
    answer = script.ask(line.Answer(call=call))
    script.reply(answer)
    script.state(call, S.CONNECTED, _ACTIVE, after=answer.sent)
    drop(script, call)


def _accepted(script: Script) -> None:
    call = script.offer()
    accept = script.ask(line.Accept(call=call))
    script.state(call, S.ACCEPTED, after=accept.sent)
    script.reply(accept)
    answer = script.ask(line.Answer(call=call))
    script.reply(answer)
    script.state(call, S.CONNECTED, _ACTIVE, after=answer.sent)
    script.state(call, S.DISCONNECTED, _NORMAL)
    script.state(call, S.IDLE)
    script.release(call)


def _rejected(script: Script) -> None:
    drop(script, script.offer())


def _redirected(script: Script) -> None:
    call = script.offer()
    asked = script.ask(line.Redirect(call=call, dest_address="5559999"))
    script.reply(asked)
    script.state(call, S.IDLE, after=asked.sent)
    script.release(call)


def _caller_gives_up(script: Script) -> None:
    """The caller hangs up while Answer is pending; its completion is an error (6.8)."""
    call = script.offer()
    answer = script.ask(line.Answer(call=call))
    disconnected = script.state(call, S.DISCONNECTED, _NORMAL, after=answer.sent)
    script.state(call, S.IDLE, after=disconnected)
    script.reply(answer, _NO_STATE)
    script.release(call)


def _hold_and_swap(script: Script) -> None:
    """6.6: hold, a second call, swap; both states may come in either order."""
    assert script.line is not None
    one = connect(script)
    hold = script.ask(line.Hold(call=one))
    script.state(one, S.ONHOLD, after=hold.sent)
    script.reply(hold)
    _, two = make(script)
    script.state(two, S.PROCEEDING)
    script.state(two, S.CONNECTED, _ACTIVE)
    swap = script.ask(line.SwapHold(active_call=two, held_call=one))
    script.state(two, S.ONHOLD, after=swap.sent)
    script.state(one, S.CONNECTED, _ACTIVE, after=swap.sent)
    script.reply(swap)
    script.state(two, S.DISCONNECTED, _NORMAL)
    drop(script, two)
    script.ask(line.UnHold(call=one), ack=_NO_STATE)
    drop(script, one)


def _park_directed(script: Script) -> None:
    """6.5: park at an address, retrieve from there as a new call."""
    call = connect(script)
    park = script.ask(line.Park(call=call, park_mode=int(LINEPARKMODE.DIRECTED), dir_address="701"))
    script.reply(park)
    script.state(call, S.IDLE, after=park.sent)
    script.release(call)
    _taken_back(script, "701")


def _park_undirected(script: Script) -> None:
    """The switch selects the address; the call is offered again after a timeout."""
    call = connect(script)
    park = script.ask(
        line.Park(call=call, park_mode=int(LINEPARKMODE.NONDIRECTED), non_dir_address_context=9, non_dir_address=128)
    )
    script.reply(park, address=VARSTRING(string="702", string_format=int(STRINGFORMAT.UNICODE)))
    script.state(call, S.IDLE, after=park.sent)
    script.release(call)
    drop(script, script.offer())


def _taken_back(script: Script, address: str) -> None:
    assert script.line is not None
    call = script.call()
    asked = script.ask(line.UnPark(context=5, line=script.line.handle, call_context=6, dest_address=address))
    script.reply(asked, call=call)
    script.state(call, S.CONNECTED, _ACTIVE)
    drop(script, call)


def _picked_up(script: Script) -> None:
    assert script.line is not None
    call = script.call()
    asked = script.ask(line.PickUp(context=5, line=script.line.handle, call_context=6, dest_address="5550002"))
    script.reply(asked, call=call)
    script.state(call, S.CONNECTED, _ACTIVE)
    drop(script, call)


def _forwarded(script: Script) -> None:
    """4.6: forwarding is set without a consultation call, so the completion has no call (E5)."""
    assert script.line is not None
    rules = LINEFORWARDLIST(forward_list=(LINEFORWARD(forward_mode=1, dest_address="5551111"),))
    asked = script.ask(
        line.Forward(context=3, line=script.line.handle, all_addresses=1, forward_list=rules, consult_call_context=4)
    )
    script.reply(asked, plain=True)


def _called_back(script: Script) -> None:
    """6.9: the switch calls back when the busy station is free."""
    _, call = make(script)
    script.state(call, S.BUSY, 1)
    asked = script.ask(
        line.CompleteCall(
            context=3, call=call, completion_id_context=9, completion_mode=int(LINECALLCOMPLMODE.CALLBACK)
        )
    )
    script.reply(asked, completion_id=9)
    script.state(call, S.IDLE, after=asked.sent)
    script.release(call)
    drop(script, script.offer())


def _refused(script: Script) -> None:
    """6.8: a request in the wrong state is refused immediately and has no completion."""
    call = script.offer()
    script.ask(line.Hold(call=call), ack=_NO_STATE)
    drop(script, call)


def _not_made(script: Script) -> None:
    """6.8: MakeCall fails after it was accepted; there is no handle."""
    assert script.line is not None
    made = script.ask(line.MakeCall(context=7, line=script.line.handle, call_context=8, dest_address="5551000"))
    script.reply(made, _UNAVAILABLE)


def _bridged(script: Script) -> None:
    """A shared line: a call is answered at another station, joined, and left."""
    call = script.offer()
    script.state(call, S.CONNECTED, int(LINECONNECTEDMODE.INACTIVE))
    answer = script.ask(line.Answer(call=call))
    script.state(call, S.CONNECTED, _ACTIVE, after=answer.sent)
    script.reply(answer)
    script.state(call, S.CONNECTED, int(LINECONNECTEDMODE.INACTIVE))
    script.state(call, S.IDLE)
    script.release(call)


def _watched(script: Script) -> None:
    """A monitor of a call owned by another client; it can only query it, and deallocate the handle at any time."""
    watching = 2
    call = script.offer(state=S.UNKNOWN, mode=0, privilege=watching)
    script.state(call, S.DIALING, privilege=watching)
    script.ask(line.GetCallInfo(call=call, call_info=512), call_info=LINECALLINFO(call_id=1))
    script.state(call, S.CONNECTED, _ACTIVE, privilege=watching)
    script.ask(line.MonitorDigits(call=call, digit_modes=int(LINEDIGITMODE.DTMF)))
    script.about(event.LINE_MONITORDIGITS, call=call, digit=0x31, digit_mode=int(LINEDIGITMODE.DTMF))
    script.release(call)


def _released_early(script: Script) -> None:
    """From 2.0 on, a sole owner may deallocate a call that is not idle (Q3); events in transit still arrive."""
    call = connect(script)
    hold = script.ask(line.Hold(call=call))
    given = script.ask(line.DeallocateCall(call=call), after=hold.answered)
    script.reply(hold, after=hold.sent)
    script.state(call, S.ONHOLD, after=given.sent)


_UNHOLD, _HOLD = frozenset({"CALL-PRE-UnHold"}), frozenset({"CALL-PRE-Hold"})
#: The flows.
CALLS: tuple[Flow, ...] = (
    Flow("outgoing", "4.3", "a call is made, reaches the other party, and is dropped", _outgoing),
    Flow("outgoing-bare", "4.3", "a call is made and dropped, as section 4.3 lists it", _outgoing_bare),
    Flow("remote-hang-up", "2.2.3.1.37", "the other party hangs up", _far_end_hangs_up),
    Flow("busy", "2.2.3.1.15", "the other party is busy", _busy),
    Flow("no-answer", "2.2.6.20", "the other party does not answer", _no_answer),
    Flow("dial", "2.2.4.1.3.14", "a call is made without a number and dialed manually", _dialled_by_hand),
    Flow("incoming", "4.4", "a call is offered, answered and dropped", _incoming),
    Flow("accept", "2.2.4.1.3.1", "a call is accepted before it is answered; the caller hangs up", _accepted),
    Flow("reject", "2.2.4.1.3.15", "an offered call is rejected", _rejected),
    Flow("redirect", "2.2.4.1.3.51", "an offered call is redirected", _redirected),
    Flow("caller-gives-up", "2.2.3.1.37", "the caller hangs up while Answer is pending", _caller_gives_up),
    Flow("hold", "2.2.4.1.3.42", "hold, a second call, swap, and a refused UnHold", _hold_and_swap, warns=_UNHOLD),
    Flow("park", "2.2.4.1.3.48", "a call is parked at an address and retrieved", _park_directed),
    Flow("park-undirected", "2.2.4.1.3.48", "a call is parked at an address that the switch selects", _park_undirected),
    Flow("pickup", "2.2.4.1.3.49", "a call that is alerting at another station is picked up", _picked_up),
    Flow("forward", "4.6", "calls are forwarded", _forwarded),
    Flow("call-back", "2.2.4.1.3.7", "the switch calls back", _called_back),
    Flow("refused", "2.2.5.2", "a request in the wrong state is refused", _refused, warns=_HOLD),
    Flow("not-made", "2.2.4.2.2.19", "MakeCall fails after it was accepted", _not_made),
    Flow("bridged", "2.2.3.1.31", "a shared line: answered at another station, joined, left", _bridged),
    Flow("monitor", "2.2.3.1.26", "a client that only monitors", _watched, ({"privileges": 2},)),
    Flow("release-early", "2.2.4.1.3.6", "a call is deallocated before it is idle", _released_early),
)
