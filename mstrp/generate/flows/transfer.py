"""Flows that transfer calls: blind, with consultation, undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstrp.generate.flows.calls import connect, dial, drop
from mstrp.generate.flows.flow import Flow
from protocol import line
from protocol.constants import LINECALLSTATE, LINECONNECTEDMODE, LINEDIALTONEMODE, LINETRANSFERMODE
from protocol.structures import LINECALLINFO

if TYPE_CHECKING:
    from mstrp.generate.play import Script

__all__ = ["TRANSFERS"]

S = LINECALLSTATE
_ACTIVE = int(LINECONNECTEDMODE.ACTIVE)
_TONE = int(LINEDIALTONEMODE.NORMAL)


def _blind(script: Script) -> None:
    """6.1: the state of the transferred call and the completion may be in any order."""
    call = script.offer()
    offered = tuple(script.last)
    script.info(call)
    script.ask(line.GetCallInfo(call=call, call_info=1024), call_info=LINECALLINFO(caller_id="5551000"), after=offered)
    answer = script.ask(line.Answer(call=call))
    script.state(call, S.CONNECTED, _ACTIVE, after=answer.sent)
    script.reply(answer)
    transfer = script.ask(line.BlindTransfer(call=call, dest_address="5551234"))
    script.reply(transfer)
    script.state(call, S.IDLE, after=transfer.sent)
    script.release(call)


def _blind_bare(script: Script) -> None:
    """Section 4.5 as printed: only the success implies connected and idle."""
    call = script.offer()
    answer = script.ask(line.Answer(call=call))
    script.reply(answer)
    transfer = script.ask(line.BlindTransfer(call=call, dest_address="5551234"))
    script.reply(transfer)
    script.release(call)


def _blind_disconnected(script: Script) -> None:
    """Some switches report disconnected before idle."""
    call = connect(script)
    transfer = script.ask(line.BlindTransfer(call=call, dest_address="5551234"))
    script.reply(transfer)
    disconnected = script.state(call, S.DISCONNECTED, 1, after=transfer.sent)
    script.state(call, S.IDLE, after=disconnected)
    script.release(call)


def _set_up(script: Script) -> tuple[int, int]:
    """Write a connected call on hold for a transfer, and the consultation call with its dial tone."""
    one, two = connect(script), script.call()
    asked = script.ask(line.SetUpTransfer(context=3, call=one, consult_call_context=4))
    script.state(one, S.ONHOLDPENDTRANSFER, after=asked.sent)
    reply = script.reply(asked, consult_call=two)
    script.state(two, S.DIALTONE, _TONE, after=reply)
    return one, two


def _complete(script: Script, one: int, two: int) -> None:
    asked = script.ask(
        line.CompleteTransfer(context=5, call=one, consult_call=two, transfer_mode=int(LINETRANSFERMODE.TRANSFER))
    )
    script.reply(asked)
    script.state(one, S.IDLE, after=asked.sent)
    script.state(two, S.IDLE, after=asked.sent)
    script.release(one, two)


def _consulted(script: Script) -> None:
    one, two = _set_up(script)
    dial(script, two)
    _complete(script, one, two)


def _unanswered(script: Script) -> None:
    """The transfer is completed while the consulted station is still alerting."""
    one, two = _set_up(script)
    dial(script, two, S.DIALING, S.PROCEEDING, S.RINGBACK)
    _complete(script, one, two)


def _given_up(script: Script) -> None:
    """The consultation call is dropped; the first call resumes automatically."""
    one, two = _set_up(script)
    dial(script, two)
    asked = script.ask(line.Drop(call=two))
    script.state(two, S.IDLE, after=asked.sent)
    script.state(one, S.CONNECTED, _ACTIVE, after=asked.sent)
    script.reply(asked)
    script.release(two)
    drop(script, one)


def _recovered(script: Script) -> None:
    """UnHold of the first call ends the consultation (Q27)."""
    one, two = _set_up(script)
    asked = script.ask(line.UnHold(call=one))
    script.state(one, S.CONNECTED, _ACTIVE, after=asked.sent)
    script.state(two, S.IDLE, after=asked.sent)
    script.reply(asked)
    script.release(two)
    drop(script, one)


def _into_conference(script: Script) -> None:
    """CompleteTransfer creates a conference of the three parties; its completion returns the handle (Q8)."""
    one, two = _set_up(script)
    dial(script, two)
    conference = script.call()
    asked = script.ask(
        line.CompleteTransfer(
            context=5,
            call=one,
            consult_call=two,
            conf_call_context=6,
            transfer_mode=int(LINETRANSFERMODE.CONFERENCE),
        )
    )
    reply = script.reply(asked, conf_call=conference)
    script.state(conference, S.CONNECTED, _ACTIVE, after=reply)
    script.state(one, S.CONFERENCED, conference, after=asked.sent)
    script.state(two, S.CONFERENCED, conference, after=asked.sent)
    asked = script.ask(line.Drop(call=conference))
    for call in (conference, one, two):
        script.state(call, S.IDLE, after=asked.sent)
    script.reply(asked)
    script.release(one, two, conference)


#: The flows.
TRANSFERS: tuple[Flow, ...] = (
    Flow(
        "blind-transfer",
        "4.5",
        "a call is offered, answered, transferred without consultation, and deallocated",
        _blind,
    ),
    Flow("blind-transfer-bare", "4.5", "the same with exactly the packets that section 4.5 lists", _blind_bare),
    Flow("blind-transfer-disconnected", "4.5", "the same, with disconnected before idle", _blind_disconnected),
    Flow("consultation", "2.2.4.1.3.78", "a call is transferred after speaking to the third party", _consulted),
    Flow(
        "consultation-ringing",
        "2.2.4.1.3.8",
        "a transfer is completed while the third party is still alerting",
        _unanswered,
    ),
    Flow("consultation-dropped", "2.2.4.1.3.15", "a consultation call is dropped", _given_up),
    Flow(
        "consultation-recovered",
        "2.2.4.1.3.81",
        "a consultation call ends because the first call is resumed",
        _recovered,
    ),
    Flow("transfer-to-conference", "2.2.4.1.3.8", "a transfer becomes a conference", _into_conference),
)
