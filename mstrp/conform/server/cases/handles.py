"""Tests of handles after their making and their end, of context handles, of buffers, and of the binding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.tables.call_states import CallState
from mstrp.conform.core.errors import Missing, NotOffered
from mstrp.conform.core.outcome import Verdict
from mstrp.conform.server.cases.session import in_session
from mstrp.conform.server.test_bed import TestBed
from mstrp.conform.server.tester import Tester
from mstrp.testing.variants import changed
from protocol import line, mmc, phone
from protocol.check import Edit
from protocol.constants import LINECALLSTATE
from protocol.packet import decode_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.conform.core.campaign import Campaign

__all__ = ["HANDLE_CASES"]


def _use(kind: str, bed: TestBed, handle: int) -> Any:
    """A request that needs nothing but a live handle."""
    makers: dict[str, Callable[[], Any]] = {
        "app": lambda: line.GetDevCaps(line_app=handle, tspi_version=bed.version, line_dev_caps=2048),
        "line": lambda: line.GetLineDevStatus(line=handle, line_dev_status=1024),
        "call": lambda: line.GetCallInfo(call=handle, call_info=2048),
        "phone app": lambda: phone.NegotiateAPIVersion(
            phone_app=handle, version=0x00010003, version_current=bed.version, size=16
        ),
        "phone": lambda: phone.GetRing(phone=handle),
    }
    return makers[kind]()


# -- handles that were made ---------------------------------------------------------------------------------------


async def _made_devices(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        await tester.ask("a", _use("app", bed, bed.app), legal=True)
        await tester.ask("a", _use("line", bed, bed.subject), legal=True)

    await in_session(campaign, act, "TRP-3.1.4.2-047-07", "TRP-3.1.4.2-054-11", "TRP-3.1.4.1-11")


async def _made_phone(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        await tester.ask("a", _use("phone app", bed, bed.phone_app), legal=True)
        await tester.ask("a", _use("phone", bed, bed.phone), legal=True)

    await in_session(campaign, act, "TRP-3.1.4.2-106-07", "TRP-3.1.4.2-107-05", phones=True)


async def _made_call(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        await bed.numbers()
        call = await bed.make(bed.subject, bed.partner_number)
        await tester.ask("a", _use("call", bed, call), legal=True)
        await tester.check("a", call)

    await in_session(campaign, act, "TRP-3.1.4.2-048-06", "TOLD-STATE")


async def _made_consultation(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        call = await bed.call_in(CallState.ONHOLDPENDTRANSFER)
        await tester.ask("a", _use("call", bed, bed.kin[call][1]), legal=True)

    await in_session(campaign, act, "TRP-3.1.4.2-085-05")


async def _made_conference(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        call = await bed.call_in(CallState.CONFERENCED)
        for handle in bed.kin[call]:
            await tester.ask("a", _use("call", bed, handle), legal=True)

    await in_session(campaign, act, "TRP-3.1.4.2-084-05")


async def _made_prepared(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        conference = await bed.conference()
        done = await bed.done(line.PrepareAddToConference(conf_call=conference))
        await tester.ask("a", _use("call", bed, done.consult_call), legal=True)

    await in_session(campaign, act, "TRP-3.1.4.2-057-05")


async def _made_parent(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        call = await bed.call_in(CallState.ONHOLDPENDTRANSFER)
        consult = await bed.reach(bed.kin[call][1])
        done = await bed.done(line.CompleteTransfer(call=call, consult_call=consult, transfer_mode=2))
        await tester.ask("a", _use("call", bed, done.conf_call), legal=True)

    await in_session(campaign, act, "TRP-3.1.4.2-011-06")


async def _made_unparked(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        call = await bed.connected()
        await bed.done(line.Park(call=call, park_mode=1, dir_address="701"))
        done = await bed.done(
            line.UnPark(context=bed.own(), line=bed.subject, call_context=bed.own(), dest_address="701")
        )
        await tester.ask("a", _use("call", bed, done.call), legal=True)

    await in_session(campaign, act, "TRP-3.1.4.2-090-03")


async def _made_picked_up(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        await bed.numbers()
        await bed.call_in(CallState.RINGBACK)
        done = await bed.done(
            line.PickUp(
                context=bed.own(),
                line=bed.subject,
                call_context=bed.own(),
                dest_address=bed.partner_number,
            )
        )
        await tester.ask("a", _use("call", bed, done.call), legal=True)

    await in_session(campaign, act, "TRP-3.1.4.2-056-04")


# -- handles that were dropped ------------------------------------------------------------------------------------


def _dropped(kind: str, rule: str, end: Callable[[TestBed, int], Any], handle: Callable[[TestBed], Any]) -> Any:
    """A handle is given up, time passes, and it is used again."""

    async def test(campaign: Campaign) -> None:
        async def act(tester: Tester, bed: TestBed) -> None:
            value = handle(bed)
            value = await value if not isinstance(value, int) else value
            await bed.ask(end(bed, value))
            await tester.lull()
            await tester.ask("a", _use(kind, bed, value))

        await in_session(campaign, act, rule, phones=kind.startswith("phone"))

    return test


async def _dropped_dialog(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        dialog = await bed.begin_dialog()
        await bed.ask(mmc.FreeDialogInstance(dlg_inst=dialog))
        await tester.ask("a", mmc.FreeDialogInstance(dlg_inst=dialog))

    await in_session(campaign, act, "TRP-3.1.4.2-003-01")


# -- handles of others --------------------------------------------------------------------------------------------


async def _foreign(campaign: Campaign) -> None:
    """What one client has, another one has not."""

    async def act(tester: Tester, bed: TestBed) -> None:
        await bed.numbers()
        call = await bed.make(bed.subject, bed.partner_number)
        other = TestBed(tester, "b")
        await other.begin(lines=0, how="push")
        await tester.ask("b", _use("line", bed, bed.subject))
        await tester.ask("b", _use("call", bed, call))

    await in_session(campaign, act, "TRP-3.1.4.2-038-03", "TRP-3.1.4.2-030-03")


async def _idle_call(bed: TestBed) -> int:
    return await bed.call_in(CallState.IDLE)


async def _void_call(campaign: Campaign) -> None:
    """A line is closed in mid-call: its calls are gone."""

    async def act(tester: Tester, bed: TestBed) -> None:
        call = await bed.connected()
        await bed.ask(line.Close(line=bed.subject))
        await tester.lull()
        await tester.ask("a", _use("call", bed, call))

    await in_session(campaign, act, "TRP-3.1.4.2-030-01")


async def _void_line(campaign: Campaign) -> None:
    """An application is shut down with its lines open."""

    async def act(tester: Tester, bed: TestBed) -> None:
        await bed.ask(line.ShutDown(line_app=bed.app))
        await tester.quiet()
        await tester.ask("a", _use("line", bed, bed.subject))

    await in_session(campaign, act, "TRP-3.1.4.2-041-01")


async def _void_phone(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        await bed.ask(phone.ShutDown(phone_app=bed.phone_app))
        await tester.quiet()
        await tester.ask("a", _use("phone", bed, bed.phone))

    await in_session(campaign, act, "TRP-3.1.4.2-099-01", phones=True)


# -- context handles, buffers, bindings ---------------------------------------------------------------------------


async def _stray(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        await tester.stray("a", mmc.GetProviderList(api_version=bed.version, provider_list=1024))
        await tester.ask("a", _use("line", bed, bed.subject), legal=True)

    await in_session(campaign, act, "TRP-3.1.4.2-GEN-03", "TRP-3.1.4-04")


async def _damaged(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        good = line.GetLineDevStatus(line=bed.subject, line_dev_status=1024)
        await tester.stray("a", good, "damaged")
        await tester.ask("a", good, legal=True)

    await in_session(campaign, act, "TRP-3.1.4-01", "TRP-3.1.4-02", "ALIVE")


async def _detached(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        await tester.detach("a")
        await tester.stray("a", mmc.GetProviderList(api_version=bed.version, provider_list=1024), "detached")

    await in_session(campaign, act, "TRP-3.1.4.2-GEN-03", "TRP-3.1.4.3-01")


async def _buffers(campaign: Campaign) -> None:
    async def act(tester: Tester, bed: TestBed) -> None:
        good = line.GetLineDevStatus(line=bed.subject, line_dev_status=1024)
        for packet in (
            changed(good, Edit({}, None, 59)),
            decode_request(b"\x09\0\0", 60),
            changed(good, Edit({0: 166, 2: 0})),
        ):
            await tester.ask("a", packet)
            await tester.ask("a", good, legal=True)

    rules = ("TRP-3.1.4.2-GEN-01", "TRP-3.1.4.2-GEN-02", "TRP-3.1.4.2-GEN-04", "ALIVE")
    await in_session(campaign, act, *rules)


_FLOWING = ("CALL-V01", "CALL-V02", "CALL-V03", "CALL-V04", "CALL-V05", "CALL-V07", "CALL-V08", "CALL-V09")


async def _one_at_a_time(campaign: Campaign, how: str) -> None:
    """Three calls with their events, as they travel in one model."""
    told = "TRP-3.1.4.1-04" if how == "pull" else "TRP-3.1.4.1-05"

    async def act(tester: Tester, bed: TestBed) -> None:
        transaction = await bed.making(bed.subject, None)
        made = int((await tester.reply("a", transaction)).call)
        await tester.state("a", made, LINECALLSTATE.DIALTONE, promised=told, after=[transaction])
        await bed.release(made)
        call = await bed.connected()
        await tester.check("a", call)
        await bed.done(line.Drop(call=call))
        await tester.state("a", call, LINECALLSTATE.IDLE)
        await tester.quiet()
        await tester.ask("a", _use("call", bed, call), legal=True)
        await bed.clear()
        call = await bed.connected()
        await bed.done(line.Drop(call=bed.ends[call]))
        await tester.quiet()
        await tester.check("a", call)
        await bed.clear()
        await tester.lull()

    await in_session(campaign, act, "TRP-2.1-02", told, "TRP-3.3.4.2-02", "TOLD-STATE", *_FLOWING, how=how)


async def _push(campaign: Campaign) -> None:
    await _one_at_a_time(campaign, "push")


async def _pull(campaign: Campaign) -> None:
    await _one_at_a_time(campaign, "pull")


async def _attach(campaign: Campaign) -> None:
    """ClientAttach and ClientDetach in each model."""
    for how in ("push", "pull", "management"):
        async with Tester.of(campaign) as tester:
            try:
                bed = TestBed(tester)
                await bed.begin(lines=0, how=how)
                await tester.detach("a")
            except NotOffered:
                continue
            except Missing as error:
                campaign.record(Verdict.INCONCLUSIVE, f"{how}: {error}", "TRP-3.1.4.1-02", "TRP-3.1.4.1-12")
        campaign.collect(tester)
        if how == "push" and tester.slots["a"].dismissed:
            campaign.record_pass("TRP-3.1.4.3-02")
        elif how == "push":
            campaign.record(Verdict.INCONCLUSIVE, "the event channel was not open at ClientDetach", "TRP-3.1.4.3-02")
    campaign.record_pass("TRP-3.1.4.1-01", "TRP-3.1.4.1-02", "TRP-3.1.4.1-12")


async def _lost(campaign: Campaign) -> None:
    """A connection ends in mid-call: the next client is served as if nothing had been."""
    async with Tester.of(campaign) as tester:
        try:
            bed = TestBed(tester)
            await bed.begin()
            await bed.connected()
            await tester.lose("a")
        except Missing as error:
            campaign.record_missing(error, "ALIVE")
    campaign.collect(tester)

    async def act(tester: Tester, bed: TestBed) -> None:
        await bed.connected()

    await in_session(campaign, act, "ALIVE")


#: The tests: name, function, and the requirements that the function decides.
HANDLE_CASES: tuple[tuple[str, Callable[[Campaign], Awaitable[None]], tuple[str, ...]], ...] = (
    ("attach", _attach, ("TRP-3.1.4.1-01", "TRP-3.1.4.1-02", "TRP-3.1.4.1-12", "TRP-3.1.4.3-02")),
    ("push", _push, ("TRP-2.1-02", "TRP-3.1.4.1-05", "TRP-3.3.4.2-02", "TOLD-STATE", *_FLOWING)),
    ("pull", _pull, ("TRP-2.1-02", "TRP-3.1.4.1-04", "TRP-3.3.4.2-02", "TOLD-STATE", *_FLOWING)),
    ("buffers", _buffers, ("TRP-3.1.4.2-GEN-01", "TRP-3.1.4.2-GEN-02", "TRP-3.1.4.2-GEN-04", "ALIVE")),
    ("stray context", _stray, ("TRP-3.1.4.2-GEN-03", "TRP-3.1.4-04")),
    ("detached context", _detached, ("TRP-3.1.4.2-GEN-03", "TRP-3.1.4.3-01")),
    ("damaged stub", _damaged, ("TRP-3.1.4-01", "TRP-3.1.4-02", "ALIVE")),
    ("made devices", _made_devices, ("TRP-3.1.4.2-047-07", "TRP-3.1.4.2-054-11", "TRP-3.1.4.1-11")),
    ("made phone", _made_phone, ("TRP-3.1.4.2-106-07", "TRP-3.1.4.2-107-05")),
    ("made call", _made_call, ("TRP-3.1.4.2-048-06", "TOLD-STATE")),
    ("made consultation", _made_consultation, ("TRP-3.1.4.2-085-05",)),
    ("made conference", _made_conference, ("TRP-3.1.4.2-084-05",)),
    ("made third party", _made_prepared, ("TRP-3.1.4.2-057-05",)),
    ("made parent", _made_parent, ("TRP-3.1.4.2-011-06",)),
    ("made by UnPark", _made_unparked, ("TRP-3.1.4.2-090-03",)),
    ("made by PickUp", _made_picked_up, ("TRP-3.1.4.2-056-04",)),
    (
        "dropped call",
        _dropped("call", "TRP-3.1.4.2-012-02", lambda bed, call: line.DeallocateCall(call=call), _idle_call),
        ("TRP-3.1.4.2-012-02",),
    ),
    (
        "dropped line",
        _dropped("line", "TRP-3.1.4.2-009-02", lambda bed, opened: line.Close(line=opened), lambda bed: bed.subject),
        ("TRP-3.1.4.2-009-02",),
    ),
    (
        "dropped application",
        _dropped("app", "TRP-3.1.4.2-086-02", lambda bed, app: line.ShutDown(line_app=app), lambda bed: bed.app),
        ("TRP-3.1.4.2-086-02",),
    ),
    (
        "dropped phone",
        _dropped("phone", "TRP-3.1.4.2-091-02", lambda bed, opened: phone.Close(phone=opened), lambda bed: bed.phone),
        ("TRP-3.1.4.2-091-02",),
    ),
    (
        "dropped phone application",
        _dropped(
            "phone app",
            "TRP-3.1.4.2-119-02",
            lambda bed, app: phone.ShutDown(phone_app=app),
            lambda bed: bed.phone_app,
        ),
        ("TRP-3.1.4.2-119-02",),
    ),
    ("dropped dialog", _dropped_dialog, ("TRP-3.1.4.2-003-01",)),
    ("handles of another client", _foreign, ("TRP-3.1.4.2-038-03", "TRP-3.1.4.2-030-03")),
    ("void call", _void_call, ("TRP-3.1.4.2-030-01",)),
    ("void line", _void_line, ("TRP-3.1.4.2-041-01",)),
    ("void phone", _void_phone, ("TRP-3.1.4.2-099-01",)),
    ("lost", _lost, ("ALIVE",)),
)
