"""Test cases with several calls: what a request does at the other end, to other calls, and in a conference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.conform.core.errors import NotOffered
from mstrp.conform.server.cases.session import in_session
from protocol import line
from protocol.constants import LINECALLSTATE, LINETRANSFERMODE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.conform.core.campaign import Campaign
    from mstrp.conform.server.test_bed import TestBed
    from mstrp.conform.server.tester import Tester
    from mstrp.conform.server.transaction import Transaction

__all__ = ["INTERACTION_CASES"]

S = LINECALLSTATE
#: The states of a call that is on its way to the other line.
_PROGRESS = (S.DIALING, S.PROCEEDING, S.RINGBACK)
_ENDED = (S.DISCONNECTED, S.IDLE)
_TALKING = (S.CONNECTED, S.ONHOLD)


async def _succeed(tester: Tester, bed: TestBed, packet: Any) -> Transaction:
    """A request that has to succeed, with its completion."""
    transaction = await bed.ask(packet)
    if type(packet).completion == "async" and transaction.ack:
        await bed.finished(transaction)
    return transaction


async def _arriving(tester: Tester, bed: TestBed, made: Transaction) -> int:
    """The call that is offered to the partner's line."""
    call = await tester.call("a", bed.partner, promised="CROSS-offered", after=[made])
    await tester.state("a", call, S.OFFERING, promised="CROSS-offered", after=[made])
    return call


async def _call_out(tester: Tester, bed: TestBed) -> tuple[int, int, Transaction]:
    """A call from the subject to the partner that is offered there."""
    if not bed.partner or tester.target.to:
        raise NotOffered("there is no second line")
    await bed.numbers()
    made = await bed.making(bed.subject, bed.partner_number)
    call = int((await bed.finished(made)).call)
    far = await _arriving(tester, bed, made)
    bed.ends[call] = far
    return call, far, made


async def _talk(tester: Tester, bed: TestBed) -> tuple[int, int]:
    """A call from the subject that the partner has answered."""
    call, far, _ = await _call_out(tester, bed)
    answered = await _succeed(tester, bed, line.Answer(call=far))
    await tester.state("a", call, S.CONNECTED, promised="CROSS-answered", after=[answered])
    return call, far


async def _answered(tester: Tester, bed: TestBed) -> None:
    call, far, made = await _call_out(tester, bed)
    await tester.state("a", call, *_PROGRESS, promised="CROSS-progress", after=[made])
    await tester.check("a", call)
    for each in (call, far):
        await tester.ask("a", line.GetCallInfo(call=each, call_info=2048), legal=True)
    answered = await _succeed(tester, bed, line.Answer(call=far))
    await tester.state("a", call, S.CONNECTED, promised="CROSS-answered", after=[answered])
    for each in (call, far):
        await tester.check("a", each)
        await tester.remains("a", each, S.CONNECTED, promised="CROSS-answered", after=[answered])
    dropped = await _succeed(tester, bed, line.Drop(call=far))
    await tester.state("a", call, *_ENDED, promised="CROSS-dropped", after=[dropped])
    for each in (call, far):
        await tester.check("a", each)


async def _caller_drops(tester: Tester, bed: TestBed) -> None:
    call, far = await _talk(tester, bed)
    dropped = await _succeed(tester, bed, line.Drop(call=call))
    await tester.state("a", far, *_ENDED, promised="CROSS-dropped", after=[dropped])
    for each in (call, far):
        await tester.check("a", each)
    # The line is free again: the same once more.
    for each in (call, far):
        await bed.release(each)
    await _talk(tester, bed)


async def _caller_gives_up(tester: Tester, bed: TestBed) -> None:
    call, far, _ = await _call_out(tester, bed)
    dropped = await _succeed(tester, bed, line.Drop(call=call))
    await tester.state("a", far, *_ENDED, promised="CROSS-dropped", after=[dropped])


async def _rejected(tester: Tester, bed: TestBed) -> None:
    call, far, _ = await _call_out(tester, bed)
    dropped = await _succeed(tester, bed, line.Drop(call=far))
    await tester.state("a", call, S.BUSY, *_ENDED, promised="CROSS-dropped", after=[dropped])


async def _accepted(tester: Tester, bed: TestBed) -> None:
    call, far, made = await _call_out(tester, bed)
    accepted = await _succeed(tester, bed, line.Accept(call=far))
    await tester.remains("a", far, S.ACCEPTED, promised="EFFECT-line.Accept", after=[accepted])
    await tester.state("a", call, *_PROGRESS, promised="CROSS-progress", after=[made])
    await tester.check("a", far)
    answered = await _succeed(tester, bed, line.Answer(call=far))
    await tester.state("a", call, S.CONNECTED, promised="CROSS-answered", after=[answered])


async def _held(tester: Tester, bed: TestBed) -> None:
    """Hold and UnHold in both directions, with the other end watched."""
    call, far = await _talk(tester, bed)
    for near, other in ((call, far), (far, call)):
        held = await _succeed(tester, bed, line.Hold(call=near))
        await tester.remains("a", near, S.ONHOLD, promised="EFFECT-line.Hold", after=[held])
        await tester.check("a", near)
        await tester.remains("a", other, *_TALKING, promised="CROSS-other-party", after=[held])
        await tester.check("a", other)
        retrieved = await _succeed(tester, bed, line.UnHold(call=near))
        await tester.remains("a", near, S.CONNECTED, promised="EFFECT-line.UnHold", after=[retrieved])
        await tester.check("a", near)
        await tester.remains("a", other, S.CONNECTED, promised="CROSS-other-party", after=[retrieved])
    held = await _succeed(tester, bed, line.Hold(call=call))
    dropped = await _succeed(tester, bed, line.Drop(call=far))
    await tester.state("a", call, *_ENDED, promised="CROSS-dropped", after=[held, dropped])


async def _second_call(tester: Tester, bed: TestBed) -> None:
    """A second call of the same two lines comes and goes; the first one stays."""
    first, far = await _talk(tester, bed)
    held = await _succeed(tester, bed, line.Hold(call=first))
    second, other, _ = await _call_out(tester, bed)
    await tester.remains("a", first, S.ONHOLD, promised="CROSS-other-call", after=[held])
    answered = await _succeed(tester, bed, line.Drop(call=other))
    await tester.state("a", second, S.BUSY, *_ENDED, promised="CROSS-dropped", after=[answered])
    await tester.remains("a", first, S.ONHOLD, promised="CROSS-other-call", after=[held, answered])
    await tester.remains("a", far, *_TALKING, promised="CROSS-other-call", after=[held, answered])
    await tester.check("a", first)


async def _swapped(tester: Tester, bed: TestBed) -> None:
    calls = await bed.provide(line.SwapHold)
    active, held = calls["hActiveCall"], calls["hHeldCall"]
    for one, other in ((active, held), (held, active)):
        swapped = await _succeed(tester, bed, line.SwapHold(active_call=one, held_call=other))
        await tester.remains(
            "a", one, S.ONHOLD, S.ONHOLDPENDTRANSFER, S.ONHOLDPENDCONF, promised="EFFECT-line.SwapHold", after=[swapped]
        )
        await tester.remains("a", other, S.CONNECTED, promised="EFFECT-line.SwapHold", after=[swapped])
        await tester.check("a", one)
        await tester.check("a", other)
    dropped = await _succeed(tester, bed, line.Drop(call=active))
    await tester.remains("a", held, *_TALKING, promised="CROSS-other-call", after=[dropped])


async def _consult(tester: Tester, bed: TestBed, consult: int) -> int:
    """Dial a consultation call and let the partner answer it; the partner's end."""
    if not bed.partner or tester.target.to:
        raise NotOffered("there is no second line")
    await tester.state("a", consult, S.DIALTONE, promised="CROSS-consultation")
    await tester.check("a", consult)
    dialled = await _succeed(tester, bed, line.Dial(call=consult, dest_address=bed.partner_number))
    far = await _arriving(tester, bed, dialled)
    answered = await _succeed(tester, bed, line.Answer(call=far))
    await tester.state("a", consult, S.CONNECTED, promised="CROSS-consultation", after=[dialled, answered])
    await tester.check("a", consult)
    return far


async def _transferred(tester: Tester, bed: TestBed, mode: int = int(LINETRANSFERMODE.TRANSFER)) -> None:
    call, far = await _talk(tester, bed)
    asked = await bed.ask(line.SetUpTransfer(call=call))
    consult = int((await bed.finished(asked)).consult_call)
    await tester.remains("a", call, S.ONHOLDPENDTRANSFER, promised="EFFECT-line.SetUpTransfer", after=[asked])
    await tester.check("a", call)
    await tester.remains("a", far, *_TALKING, promised="CROSS-other-party", after=[asked])
    other = await _consult(tester, bed, consult)
    await tester.remains("a", call, S.ONHOLDPENDTRANSFER, promised="CROSS-other-call", after=[asked])
    completing = await bed.ask(line.CompleteTransfer(call=call, consult_call=consult, transfer_mode=mode))
    done = await bed.finished(completing)
    wanted = S.IDLE if mode == LINETRANSFERMODE.TRANSFER else S.CONFERENCED
    for each in (call, consult):
        await tester.remains("a", each, wanted, promised="EFFECT-line.CompleteTransfer", after=[completing])
        await tester.check("a", each)
    for each in (far, other):
        await tester.remains("a", each, *_TALKING, promised="CROSS-other-party", after=[completing])
    if mode != LINETRANSFERMODE.TRANSFER and done.conf_call:
        await tester.state("a", int(done.conf_call), S.CONNECTED, promised="EFFECT-line.CompleteTransfer")
        await tester.check("a", int(done.conf_call))


async def _transferred_into_conference(tester: Tester, bed: TestBed) -> None:
    await _transferred(tester, bed, int(LINETRANSFERMODE.CONFERENCE))


async def _transfer_cancelled(tester: Tester, bed: TestBed) -> None:
    """The consultation call is dropped: the other one is held or connected, and can be retrieved."""
    call, _ = await _talk(tester, bed)
    asked = await bed.ask(line.SetUpTransfer(call=call))
    consult = int((await bed.finished(asked)).consult_call)
    dropped = await _succeed(tester, bed, line.Drop(call=consult))
    states = (S.ONHOLDPENDTRANSFER, S.ONHOLD, S.CONNECTED)
    now = await tester.remains("a", call, *states, promised="CROSS-other-call", after=[asked, dropped])
    if now != S.CONNECTED:
        retrieved = await _succeed(tester, bed, line.UnHold(call=call))
        await tester.remains("a", call, S.CONNECTED, promised="EFFECT-line.UnHold", after=[retrieved])
    await tester.check("a", call)


async def _conferenced(tester: Tester, bed: TestBed) -> None:
    """A conference of three: set up, extended by the partner's second call, reduced, and ended."""
    call, _ = await _talk(tester, bed)
    asked = await bed.ask(line.SetUpConference(call=call, num_parties=3))
    done = await bed.finished(asked)
    conference, consult = int(done.conf_call), int(done.consult_call)
    await tester.remains("a", call, S.CONFERENCED, promised="EFFECT-line.SetUpConference", after=[asked])
    await tester.state("a", conference, S.ONHOLDPENDCONF, promised="EFFECT-line.SetUpConference", after=[asked])
    for each in (call, conference):
        await tester.check("a", each)
    await _consult(tester, bed, consult)
    added = await _succeed(tester, bed, line.AddToConference(conf_call=conference, consult_call=consult))
    await tester.remains("a", conference, S.CONNECTED, promised="EFFECT-line.AddToConference", after=[added])
    for each in (call, consult):
        await tester.remains("a", each, S.CONFERENCED, promised="CROSS-member", after=[added])
    for each in (call, consult, conference):
        await tester.check("a", each)
    dropped = await _succeed(tester, bed, line.Drop(call=conference))
    for each in (call, consult):
        left = (S.CONNECTED, S.ONHOLD, *_ENDED)
        await tester.state("a", each, *left, promised="CROSS-member", after=[dropped])
        await tester.check("a", each)


async def _member_removed(tester: Tester, bed: TestBed) -> None:
    """The last member is removed; nothing else changes but what a conference of two may become."""
    call, _ = await _talk(tester, bed)
    done = await bed.finished(await bed.ask(line.SetUpConference(call=call, num_parties=3)))
    conference, consult = int(done.conf_call), int(done.consult_call)
    await _consult(tester, bed, consult)
    added = await _succeed(tester, bed, line.AddToConference(conf_call=conference, consult_call=consult))
    removed = await _succeed(tester, bed, line.RemoveFromConference(call=consult))
    await tester.check("a", consult)
    states = (S.CONFERENCED, S.CONNECTED)
    await tester.remains("a", call, *states, promised="CROSS-member", after=[added, removed])
    await tester.check("a", call)
    await tester.check("a", conference)


async def _extended(tester: Tester, bed: TestBed) -> None:
    """PrepareAddToConference makes a consultation call that becomes one more member."""
    call, _ = await _talk(tester, bed)
    done = await bed.finished(await bed.ask(line.SetUpConference(call=call, num_parties=4)))
    conference, first = int(done.conf_call), int(done.consult_call)
    await _consult(tester, bed, first)
    await _succeed(tester, bed, line.AddToConference(conf_call=conference, consult_call=first))
    asked = await bed.ask(line.PrepareAddToConference(conf_call=conference))
    consult = int((await bed.finished(asked)).consult_call)
    await tester.remains(
        "a", conference, S.ONHOLDPENDCONF, promised="EFFECT-line.PrepareAddToConference", after=[asked]
    )
    await _consult(tester, bed, consult)
    added = await _succeed(tester, bed, line.AddToConference(conf_call=conference, consult_call=consult))
    await tester.remains("a", consult, S.CONFERENCED, promised="CROSS-member", after=[added])
    await tester.remains("a", conference, S.CONNECTED, promised="EFFECT-line.AddToConference", after=[added])


async def _dialled(tester: Tester, bed: TestBed) -> None:
    """A call without a number waits for Dial, and then goes on as any other."""
    if not bed.partner or tester.target.to:
        raise NotOffered("there is no second line")
    await bed.numbers()
    made = await bed.making(bed.subject, None)
    call = int((await bed.finished(made)).call)
    await tester.remains("a", call, S.DIALTONE, promised="EFFECT-line.MakeCall", after=[made])
    dialled = await _succeed(tester, bed, line.Dial(call=call, dest_address=bed.partner_number))
    far = await _arriving(tester, bed, dialled)
    answered = await _succeed(tester, bed, line.Answer(call=far))
    await tester.state("a", call, S.CONNECTED, promised="CROSS-answered", after=[dialled, answered])


async def _released(tester: Tester, bed: TestBed) -> None:
    """The far end's handle is released after its call; the line is closed; the near end keeps what it has."""
    call, far = await _talk(tester, bed)
    dropped = await _succeed(tester, bed, line.Drop(call=far))
    await tester.state("a", call, *_ENDED, promised="CROSS-dropped", after=[dropped])
    released = await _succeed(tester, bed, line.DeallocateCall(call=far))
    await tester.remains("a", call, *_ENDED, promised="CROSS-released", after=[released])
    await tester.check("a", call)
    closed = await _succeed(tester, bed, line.Close(line=bed.partner))
    await tester.remains("a", call, *_ENDED, promised="CROSS-released", after=[closed])
    await tester.ask("a", line.GetCallInfo(call=call, call_info=2048), legal=True)


async def _counted(tester: Tester, bed: TestBed) -> None:
    """The calls of a line are listed and counted, in each state."""
    call, far = await _talk(tester, bed)
    for packet in (
        None,
        line.Hold(call=call),
        line.UnHold(call=call),
        line.Drop(call=far),
        line.DeallocateCall(call=far),
    ):
        if packet is not None:
            await _succeed(tester, bed, packet)
            await tester.state("a", call, *_TALKING, *_ENDED)
        for opened in (bed.subject, bed.partner):
            await tester.ask("a", line.GetAddressStatus(line=opened, address_status=1024), legal=True)
            await tester.ask("a", line.GetLineDevStatus(line=opened, line_dev_status=1024), legal=True)
        await tester.ask("a", line.GetCallInfo(call=call, call_info=2048), legal=True)


def _case(act: Callable[[Tester, TestBed], Awaitable[None]], *names: str) -> Callable[[Campaign], Awaitable[None]]:
    async def case(campaign: Campaign) -> None:
        await in_session(campaign, act, *names)

    return case


_CASES: tuple[tuple[str, Callable[[Tester, TestBed], Awaitable[None]], tuple[str, ...]], ...] = (
    ("call that is answered", _answered, ("CROSS-offered", "CROSS-progress", "CROSS-answered", "CROSS-dropped")),
    ("call that is accepted", _accepted, ("CROSS-answered",)),
    ("caller drops", _caller_drops, ("CROSS-dropped",)),
    ("caller gives up", _caller_gives_up, ("CROSS-dropped",)),
    ("call that is rejected", _rejected, ("CROSS-dropped",)),
    ("call that is dialled", _dialled, ("CROSS-answered",)),
    ("call that is held", _held, ("CROSS-other-party", "CROSS-dropped")),
    ("second call", _second_call, ("CROSS-other-call",)),
    ("calls that are swapped", _swapped, ("CROSS-other-call",)),
    ("consultation transfer", _transferred, ("CROSS-consultation", "CROSS-other-party")),
    ("transfer into a conference", _transferred_into_conference, ("CROSS-consultation",)),
    ("transfer that is cancelled", _transfer_cancelled, ("CROSS-other-call",)),
    ("conference of three", _conferenced, ("CROSS-member", "CROSS-consultation")),
    ("member that is removed", _member_removed, ("CROSS-member",)),
    ("conference that is extended", _extended, ("CROSS-member",)),
    ("handles that are released", _released, ("CROSS-released",)),
    ("calls that are counted", _counted, ("TRUE-calls", "TRUE-owners")),
)
#: Cases by name, with the requirements that they try.
INTERACTION_CASES: tuple[tuple[str, Callable[[Campaign], Awaitable[None]], tuple[str, ...]], ...] = tuple(
    (name, _case(act, *names), names) for name, act, names in _CASES
)
