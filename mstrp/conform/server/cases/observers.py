"""Test cases with several clients: owners and monitors of one line, late openers, and clients that leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.conform.core.errors import NotOffered
from mstrp.conform.server.cases.session import in_session
from mstrp.conform.server.test_bed import TestBed
from protocol import generic, line
from protocol.constants import EM, LINECALLPRIVILEGE, LINECALLSELECT, LINECALLSTATE, OBJTYPE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.conform.core.campaign import Campaign
    from mstrp.conform.server.tester import Tester
    from mstrp.conform.server.transaction import Transaction

__all__ = ["OBSERVER_CASES"]

S = LINECALLSTATE
_OWNER, _MONITOR = int(LINECALLPRIVILEGE.OWNER), int(LINECALLPRIVILEGE.MONITOR)
_ENDED = (S.DISCONNECTED, S.IDLE)
_OBSERVED = ("CROSS-observer-new-call", "CROSS-observer-state")


async def _join(tester: Tester, privileges: int, name: str = "m") -> TestBed:
    """Another client that has the first line open."""
    bed = TestBed(tester, name)
    await bed.begin(lines=0, how="push")
    bed.subject = await bed.open(0, privileges)
    return bed


async def _offer(tester: Tester, bed: TestBed) -> tuple[int, Transaction]:
    """A call that is offered to the subject, with the request of the partner that made it."""
    if not bed.partner:
        raise NotOffered("there is no second line")
    await bed.numbers()
    made = await bed.making(bed.partner, bed.number)
    outgoing = int((await bed.finished(made)).call)
    call = await tester.call("a", bed.subject, promised="CROSS-offered", after=[made])
    bed.ends[call] = outgoing
    await tester.state("a", call, S.OFFERING, promised="CROSS-offered", after=[made])
    return call, made


async def _watch(tester: Tester, bed: TestBed, made: Transaction, *states: LINECALLSTATE) -> int:
    """The same call at the other client."""
    call = await tester.call(bed.client, bed.subject, promised="CROSS-observer-new-call", after=[made])
    await tester.state(bed.client, call, *states, promised="CROSS-observer-state", after=[made])
    return call


async def _succeed(bed: TestBed, packet: Any) -> Transaction:
    transaction = await bed.ask(packet)
    if type(packet).completion == "async" and transaction.ack:
        await bed.finished(transaction)
    return transaction


async def _monitored(tester: Tester, bed: TestBed) -> None:
    """A monitor is told of the call and of each of its states."""
    monitor = await _join(tester, _MONITOR)
    call, made = await _offer(tester, bed)
    watched = await _watch(tester, monitor, made, S.OFFERING)
    await tester.check("m", watched)
    for packet, state in (
        (line.Answer(call=call), S.CONNECTED),
        (line.Hold(call=call), S.ONHOLD),
        (line.UnHold(call=call), S.CONNECTED),
    ):
        asked = await _succeed(bed, packet)
        await tester.state("m", watched, state, promised="CROSS-observer-state", after=[asked])
        await tester.check("m", watched)
        await tester.check("a", call)
    for client, handle in (("a", call), ("m", watched)):
        await tester.ask(client, line.GetCallInfo(call=handle, call_info=2048), legal=True)
    dropped = await _succeed(bed, line.Drop(call=call))
    await tester.state("m", watched, *_ENDED, promised="CROSS-observer-state", after=[dropped])
    await tester.check("m", watched)


async def _powerless(tester: Tester, bed: TestBed) -> None:
    """A monitor's requests to control the call are refused, and change nothing."""
    monitor = await _join(tester, _MONITOR)
    call, made = await _offer(tester, bed)
    watched = await _watch(tester, monitor, made, S.OFFERING)
    await _refuse(tester, line.Answer(call=watched), line.Accept(call=watched), line.Drop(call=watched))
    await tester.remains("a", call, S.OFFERING, promised="CROSS-observer-privilege", after=[made])
    answered = await _succeed(bed, line.Answer(call=call))
    await tester.state("m", watched, S.CONNECTED, promised="CROSS-observer-state", after=[answered])
    await _refuse(
        tester,
        line.Hold(call=watched),
        line.SetUpTransfer(call=watched),
        line.BlindTransfer(call=watched, dest_address=bed.partner_number),
        line.SetUpConference(call=watched, num_parties=3),
        line.Park(call=watched, park_mode=1, dir_address="701"),
        line.SetAppSpecific(call=watched, app_specific=77),
        line.SetMediaMode(call=watched, media_mode=4),
        line.GenerateDigits(call=watched, digit_mode=2, digits="12"),
        line.Drop(call=watched),
    )
    await tester.remains("a", call, S.CONNECTED, promised="CROSS-observer-privilege", after=[answered])
    held = await _succeed(bed, line.Hold(call=call))
    await tester.state("m", watched, S.ONHOLD, promised="CROSS-observer-state", after=[held])
    await _refuse(tester, line.UnHold(call=watched))
    await tester.remains("a", call, S.ONHOLD, promised="CROSS-observer-privilege", after=[held])


async def _refuse(tester: Tester, *packets: Any) -> None:
    for packet in packets:
        asked = await tester.ask("m", packet)
        if asked.ok and asked.ack and type(packet).completion == "async":
            await tester.reply("m", asked)
        await tester.refused("m", asked, promised="CROSS-observer-privilege")


async def _listed(tester: Tester, bed: TestBed) -> None:
    """A client that opens the line later gets the calls that exist by GetNewCalls, and their states from then on."""
    call, made = await _offer(tester, bed)
    answered = await _succeed(bed, line.Answer(call=call))
    late = await _join(tester, _MONITOR)
    asked = await late.ask(
        line.GetNewCalls(line=late.subject, address_id=0, select=int(LINECALLSELECT.LINE), call_list=1024)
    )
    calls = getattr(asked.call_list, "calls", None) or ()
    if calls:
        watched = int(calls[0])
    else:
        watched = await tester.call("m", late.subject, promised="CROSS-observer-listed", after=[made, answered, asked])
    await tester.ask("m", line.GetCallInfo(call=watched, call_info=2048), legal=True)
    await tester.ask("m", line.GetCallStatus(call=watched, call_status=256), legal=True)
    held = await _succeed(bed, line.Hold(call=call))
    await tester.state("m", watched, S.ONHOLD, promised="CROSS-observer-state", after=[held])
    await tester.check("m", watched)
    dropped = await _succeed(bed, line.Drop(call=call))
    await tester.state("m", watched, *_ENDED, promised="CROSS-observer-state", after=[dropped])


async def _two_owners(tester: Tester, bed: TestBed) -> None:
    """Two clients with owner privilege have the line open: the call is announced to both, or owned by one."""
    other = await _join(tester, _OWNER | _MONITOR)
    call, made = await _offer(tester, bed)
    watched = await _watch(tester, other, made, S.OFFERING)
    for client, handle in (("a", call), ("m", watched)):
        await tester.ask(client, line.GetCallInfo(call=handle, call_info=2048), legal=True)
        await tester.check(client, handle)
    answered = await _succeed(bed, line.Answer(call=call))
    await tester.state("m", watched, S.CONNECTED, promised="CROSS-observer-state", after=[answered])
    dropped = await _succeed(bed, line.Drop(call=call))
    await tester.state("m", watched, *_ENDED, promised="CROSS-observer-state", after=[dropped])


def _leaving(leave: Callable[[Tester, TestBed, int], Awaitable[Any]]) -> Callable[[Tester, TestBed], Awaitable[None]]:
    """A monitor gives something up: the owner's call and line are as before, and are told of what happens."""

    async def act(tester: Tester, bed: TestBed) -> None:
        monitor = await _join(tester, _MONITOR)
        call, made = await _offer(tester, bed)
        watched = await _watch(tester, monitor, made, S.OFFERING)
        answered = await _succeed(bed, line.Answer(call=call))
        await tester.state("m", watched, S.CONNECTED, promised="CROSS-observer-state", after=[answered])
        await leave(tester, monitor, watched)
        await tester.remains("a", call, S.CONNECTED, promised="CROSS-released", after=[answered])
        await tester.check("a", call)
        held = await _succeed(bed, line.Hold(call=call))
        await tester.remains("a", call, S.ONHOLD, promised="CROSS-released", after=[held])
        await tester.ask("a", line.GetCallInfo(call=call, call_info=2048), legal=True)
        await tester.ask("a", line.GetLineDevStatus(line=bed.subject, line_dev_status=1024), legal=True)
        dropped = await _succeed(bed, line.Drop(call=bed.ends[call]))
        await tester.state("a", call, *_ENDED, promised="CROSS-released", after=[dropped])

    return act


async def _deallocate(tester: Tester, monitor: TestBed, watched: int) -> None:
    await monitor.ask(line.DeallocateCall(call=watched))


async def _close(tester: Tester, monitor: TestBed, watched: int) -> None:
    await monitor.ask(line.Close(line=monitor.subject))


async def _shut_down(tester: Tester, monitor: TestBed, watched: int) -> None:
    await monitor.ask(line.ShutDown(line_app=monitor.app))


async def _detach(tester: Tester, monitor: TestBed, watched: int) -> None:
    await tester.detach("m")


async def _lose(tester: Tester, monitor: TestBed, watched: int) -> None:
    await tester.lose("m")


async def _mask(tester: Tester, monitor: TestBed, watched: int) -> None:
    await monitor.ask(line.SetStatusMessages(line=monitor.subject, line_states=0x1000000, address_states=0))


async def _owner_leaves(tester: Tester, bed: TestBed) -> None:
    """The client with the line goes: another one can open it, and calls work as before."""
    other = await _join(tester, _OWNER)
    await tester.lose("a")
    next_one = TestBed(tester, "n")
    await next_one.begin()
    if not next_one.partner:
        raise NotOffered("there is no second line")
    await next_one.numbers()
    made = await next_one.making(next_one.partner, next_one.number)
    await next_one.finished(made)
    for each in (next_one, other):
        call = await tester.call(each.client, each.subject, promised="CROSS-line-again", after=[made])
        await tester.state(each.client, call, S.OFFERING, promised="CROSS-line-again", after=[made])


async def _masked(tester: Tester, bed: TestBed) -> None:
    """What one client sets for its session, another one's session does not have."""
    monitor = await _join(tester, _MONITOR)
    await monitor.ask(
        generic.RSPSetEventFilterMasks(
            obj_type=int(OBJTYPE.NONE), object_id=0, event_masks_lo=int(EM.LINE_CLOSE), event_masks_hi=0
        )
    )
    call, made = await _offer(tester, bed)
    answered = await _succeed(bed, line.Answer(call=call))
    await tester.state("a", call, S.CONNECTED, promised="CROSS-released", after=[made, answered])


def _case(act: Callable[[Tester, TestBed], Awaitable[None]], *names: str) -> Callable[[Campaign], Awaitable[None]]:
    async def case(campaign: Campaign) -> None:
        await in_session(campaign, act, *names, how="push")

    return case


_CASES: tuple[tuple[str, Callable[[Tester, TestBed], Awaitable[None]], tuple[str, ...]], ...] = (
    ("monitor of a call", _monitored, _OBSERVED),
    ("monitor that acts", _powerless, ("CROSS-observer-privilege",)),
    ("monitor that comes late", _listed, ("CROSS-observer-listed", "CROSS-observer-state")),
    ("two owners", _two_owners, _OBSERVED),
    ("monitor that releases its handle", _leaving(_deallocate), ("CROSS-released",)),
    ("monitor that closes its line", _leaving(_close), ("CROSS-released",)),
    ("monitor that shuts down", _leaving(_shut_down), ("CROSS-released",)),
    ("monitor that detaches", _leaving(_detach), ("CROSS-released",)),
    ("monitor that is lost", _leaving(_lose), ("CROSS-released",)),
    ("monitor that sets its masks", _leaving(_mask), ("CROSS-released",)),
    ("client that filters", _masked, ("CROSS-released",)),
    ("owner that is lost", _owner_leaves, ("CROSS-line-again",)),
)
#: Cases by name, with the requirements that they try.
OBSERVER_CASES: tuple[tuple[str, Callable[[Campaign], Awaitable[None]], tuple[str, ...]], ...] = tuple(
    (name, _case(act, *names), names) for name, act, names in _CASES
)
