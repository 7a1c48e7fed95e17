"""Tests of handles after their making and their end, of context handles, of buffers, and of the binding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.tables.call_states import CallState
from mstrp.conform.outcome import Result
from mstrp.conform.probe import Missing, Probe
from mstrp.conform.session import in_session
from mstrp.conform.world import NotOffered, World
from mstrp.testing.variants import changed
from protocol import line, mmc, phone
from protocol.check import Edit
from protocol.constants import LINECALLSTATE
from protocol.packet import decode_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.conform.book import Book

__all__ = ["HANDLE_TESTS"]


def _use(kind: str, world: World, handle: int) -> Any:
    """A request that needs nothing but a live handle."""
    makers: dict[str, Callable[[], Any]] = {
        "app": lambda: line.GetDevCaps(line_app=handle, tspi_version=world.version, line_dev_caps=2048),
        "line": lambda: line.GetLineDevStatus(line=handle, line_dev_status=1024),
        "call": lambda: line.GetCallInfo(call=handle, call_info=2048),
        "phone app": lambda: phone.NegotiateAPIVersion(
            phone_app=handle, version=0x00010003, version_current=world.version, size=16
        ),
        "phone": lambda: phone.GetRing(phone=handle),
    }
    return makers[kind]()


# -- handles that were made ---------------------------------------------------------------------------------------


async def _made_devices(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        await probe.ask("a", _use("app", world, world.app), legal=True)
        await probe.ask("a", _use("line", world, world.subject), legal=True)

    await in_session(book, act, "TRP-3.1.4.2-047-07", "TRP-3.1.4.2-054-11", "TRP-3.1.4.1-11")


async def _made_phone(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        await probe.ask("a", _use("phone app", world, world.phone_app), legal=True)
        await probe.ask("a", _use("phone", world, world.phone), legal=True)

    await in_session(book, act, "TRP-3.1.4.2-106-07", "TRP-3.1.4.2-107-05", phones=True)


async def _made_call(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        await world.numbers()
        call = await world.make(world.subject, world.partner_number)
        await probe.ask("a", _use("call", world, call), legal=True)
        await probe.check("a", call)

    await in_session(book, act, "TRP-3.1.4.2-048-06", "TOLD-STATE")


async def _made_consultation(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        call = await world.call_in(CallState.ONHOLDPENDTRANSFER)
        await probe.ask("a", _use("call", world, world.kin[call][1]), legal=True)

    await in_session(book, act, "TRP-3.1.4.2-085-05")


async def _made_conference(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        call = await world.call_in(CallState.CONFERENCED)
        for handle in world.kin[call]:
            await probe.ask("a", _use("call", world, handle), legal=True)

    await in_session(book, act, "TRP-3.1.4.2-084-05")


async def _made_prepared(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        conference = await world.conference()
        done = await world.done(line.PrepareAddToConference(conf_call=conference))
        await probe.ask("a", _use("call", world, done.consult_call), legal=True)

    await in_session(book, act, "TRP-3.1.4.2-057-05")


async def _made_parent(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        call = await world.call_in(CallState.ONHOLDPENDTRANSFER)
        consult = await world.reach(world.kin[call][1])
        done = await world.done(line.CompleteTransfer(call=call, consult_call=consult, transfer_mode=2))
        await probe.ask("a", _use("call", world, done.conf_call), legal=True)

    await in_session(book, act, "TRP-3.1.4.2-011-06")


async def _made_unparked(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        call = await world.connected()
        await world.done(line.Park(call=call, park_mode=1, dir_address="701"))
        done = await world.done(
            line.UnPark(context=world.own(), line=world.subject, call_context=world.own(), dest_address="701")
        )
        await probe.ask("a", _use("call", world, done.call), legal=True)

    await in_session(book, act, "TRP-3.1.4.2-090-03")


async def _made_picked_up(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        await world.numbers()
        await world.call_in(CallState.RINGBACK)
        done = await world.done(
            line.PickUp(
                context=world.own(),
                line=world.subject,
                call_context=world.own(),
                dest_address=world.partner_number,
            )
        )
        await probe.ask("a", _use("call", world, done.call), legal=True)

    await in_session(book, act, "TRP-3.1.4.2-056-04")


# -- handles that were dropped ------------------------------------------------------------------------------------


def _dropped(kind: str, rule: str, end: Callable[[World, int], Any], handle: Callable[[World], Any]) -> Any:
    """A handle is given up, time passes, and it is used again."""

    async def test(book: Book) -> None:
        async def act(probe: Probe, world: World) -> None:
            value = handle(world)
            value = await value if not isinstance(value, int) else value
            await world.ask(end(world, value))
            await probe.lull()
            await probe.ask("a", _use(kind, world, value))

        await in_session(book, act, rule, phones=kind.startswith("phone"))

    return test


async def _dropped_dialog(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        dialog = await world.begin_dialog()
        await world.ask(mmc.FreeDialogInstance(dlg_inst=dialog))
        await probe.ask("a", mmc.FreeDialogInstance(dlg_inst=dialog))

    await in_session(book, act, "TRP-3.1.4.2-003-01")


# -- handles of others --------------------------------------------------------------------------------------------


async def _foreign(book: Book) -> None:
    """What one client has, another one has not."""

    async def act(probe: Probe, world: World) -> None:
        await world.numbers()
        call = await world.make(world.subject, world.partner_number)
        other = World.of(probe, "b")
        await other.begin(lines=0, how="push")
        await probe.ask("b", _use("line", world, world.subject))
        await probe.ask("b", _use("call", world, call))

    await in_session(book, act, "TRP-3.1.4.2-038-03", "TRP-3.1.4.2-030-03")


async def _idle_call(world: World) -> int:
    return await world.call_in(CallState.IDLE)


async def _void_call(book: Book) -> None:
    """A line is closed in mid-call: its calls are gone."""

    async def act(probe: Probe, world: World) -> None:
        call = await world.connected()
        await world.ask(line.Close(line=world.subject))
        await probe.lull()
        await probe.ask("a", _use("call", world, call))

    await in_session(book, act, "TRP-3.1.4.2-030-01")


async def _void_line(book: Book) -> None:
    """An application is shut down with its lines open."""

    async def act(probe: Probe, world: World) -> None:
        await world.ask(line.ShutDown(line_app=world.app))
        await probe.quiet()
        await probe.ask("a", _use("line", world, world.subject))

    await in_session(book, act, "TRP-3.1.4.2-041-01")


async def _void_phone(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        await world.ask(phone.ShutDown(phone_app=world.phone_app))
        await probe.quiet()
        await probe.ask("a", _use("phone", world, world.phone))

    await in_session(book, act, "TRP-3.1.4.2-099-01", phones=True)


# -- context handles, buffers, bindings ---------------------------------------------------------------------------


async def _stray(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        await probe.stray("a", mmc.GetProviderList(api_version=world.version, provider_list=1024))
        await probe.ask("a", _use("line", world, world.subject), legal=True)

    await in_session(book, act, "TRP-3.1.4.2-GEN-03", "TRP-3.1.4-04")


async def _damaged(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        good = line.GetLineDevStatus(line=world.subject, line_dev_status=1024)
        await probe.stray("a", good, "damaged")
        await probe.ask("a", good, legal=True)

    await in_session(book, act, "TRP-3.1.4-01", "TRP-3.1.4-02", "ALIVE")


async def _detached(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        await probe.detach("a")
        await probe.stray("a", mmc.GetProviderList(api_version=world.version, provider_list=1024), "detached")

    await in_session(book, act, "TRP-3.1.4.2-GEN-03", "TRP-3.1.4.3-01")


async def _buffers(book: Book) -> None:
    async def act(probe: Probe, world: World) -> None:
        good = line.GetLineDevStatus(line=world.subject, line_dev_status=1024)
        for packet in (
            changed(good, Edit({}, None, 59)),
            decode_request(b"\x09\0\0", 60),
            changed(good, Edit({0: 166, 2: 0})),
        ):
            await probe.ask("a", packet)
            await probe.ask("a", good, legal=True)

    rules = ("TRP-3.1.4.2-GEN-01", "TRP-3.1.4.2-GEN-02", "TRP-3.1.4.2-GEN-04", "ALIVE")
    await in_session(book, act, *rules)


_FLOWING = ("CALL-V01", "CALL-V02", "CALL-V03", "CALL-V04", "CALL-V05", "CALL-V07", "CALL-V08", "CALL-V09")


async def _one_at_a_time(book: Book, how: str) -> None:
    """Three calls with their events, as they travel in one model."""
    told = "TRP-3.1.4.1-04" if how == "pull" else "TRP-3.1.4.1-05"

    async def act(probe: Probe, world: World) -> None:
        asked = await world.making(world.subject, None)
        made = int((await probe.reply("a", asked)).call)
        await probe.state("a", made, LINECALLSTATE.DIALTONE, promised=told, after=[asked])
        await world.release(made)
        call = await world.connected()
        await probe.check("a", call)
        await world.done(line.Drop(call=call))
        await probe.state("a", call, LINECALLSTATE.IDLE)
        await probe.quiet()
        await probe.ask("a", _use("call", world, call), legal=True)
        await world.clear()
        call = await world.connected()
        await world.done(line.Drop(call=world.ends[call]))
        await probe.quiet()
        await probe.check("a", call)
        await world.clear()
        await probe.lull()

    await in_session(book, act, "TRP-2.1-02", told, "TRP-3.3.4.2-02", "TOLD-STATE", *_FLOWING, how=how)


async def _push(book: Book) -> None:
    await _one_at_a_time(book, "push")


async def _pull(book: Book) -> None:
    await _one_at_a_time(book, "pull")


async def _attach(book: Book) -> None:
    """ClientAttach and ClientDetach in each model."""
    for how in ("push", "pull", "management"):
        async with book.probe() as probe:
            try:
                world = World(probe)
                await world.begin(lines=0, how=how)
                await probe.detach("a")
            except NotOffered:
                continue
            except Missing as error:
                book.leaves(Result.INCONCLUSIVE, f"{how}: {error}", "TRP-3.1.4.1-02", "TRP-3.1.4.1-12")
        book.judge(probe)
        if how == "push":
            book.passes("TRP-3.1.4.3-02")
    book.passes("TRP-3.1.4.1-01", "TRP-3.1.4.1-02", "TRP-3.1.4.1-12")


async def _lost(book: Book) -> None:
    """A connection ends in mid-call: the next client is served as if nothing had been."""
    async with book.probe() as probe:
        try:
            world = World(probe)
            await world.begin()
            await world.connected()
            await probe.lose("a")
        except Missing as error:
            book.missed(error, "ALIVE")
    book.judge(probe)

    async def act(probe: Probe, world: World) -> None:
        await world.connected()

    await in_session(book, act, "ALIVE")


#: The tests: name, function, and the requirements that the function decides.
HANDLE_TESTS: tuple[tuple[str, Callable[[Book], Awaitable[None]], tuple[str, ...]], ...] = (
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
        _dropped("call", "TRP-3.1.4.2-012-02", lambda world, call: line.DeallocateCall(call=call), _idle_call),
        ("TRP-3.1.4.2-012-02",),
    ),
    (
        "dropped line",
        _dropped(
            "line", "TRP-3.1.4.2-009-02", lambda world, opened: line.Close(line=opened), lambda world: world.subject
        ),
        ("TRP-3.1.4.2-009-02",),
    ),
    (
        "dropped application",
        _dropped("app", "TRP-3.1.4.2-086-02", lambda world, app: line.ShutDown(line_app=app), lambda world: world.app),
        ("TRP-3.1.4.2-086-02",),
    ),
    (
        "dropped phone",
        _dropped(
            "phone", "TRP-3.1.4.2-091-02", lambda world, opened: phone.Close(phone=opened), lambda world: world.phone
        ),
        ("TRP-3.1.4.2-091-02",),
    ),
    (
        "dropped phone application",
        _dropped(
            "phone app",
            "TRP-3.1.4.2-119-02",
            lambda world, app: phone.ShutDown(phone_app=app),
            lambda world: world.phone_app,
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
