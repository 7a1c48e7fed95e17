"""Tests of whether a server contradicts itself: what is said once is asked for in another way.

The judge is `mstrp.conform.witness`, which hears every packet; here is what gives it something to compare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.conform.session import in_session
from mstrp.conform.world import World
from protocol import generic, line, mmc, phone
from protocol.constants import (
    EM,
    LINEADDRESSMODE,
    LINEADDRESSSTATE,
    LINEDEVSTATE,
    LINEMEDIAMODE,
    OBJTYPE,
    PHONEHOOKSWITCHDEV,
    PHONELAMPMODE,
    PHONEPRIVILEGE,
    PHONESTATE,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.conform.book import Book
    from mstrp.conform.probe import Asked, Probe
    from protocol.packet import Request

__all__ = ["TRUTH_TESTS"]

_AUTOMATED = int(LINEMEDIAMODE.AUTOMATEDVOICE)
_HANDSET = int(PHONEHOOKSWITCHDEV.HANDSET)
_ALL_STATES = sum(LINEADDRESSSTATE.__members__.values())


def _text(text: str) -> bytes:
    """Text in a field of bytes: UTF-16 with its end, as all strings of the protocol (A11)."""
    return (text + "\0").encode("utf-16-le")


async def _set_and_get(probe: Probe, set_: Request, get: Request) -> Asked:
    """Something that is set, and asked for then."""
    asked = await probe.ask("a", set_, legal=True)
    if asked.ok and asked.ack and type(set_).completion == "async":
        await probe.reply("a", asked)
    await probe.ask("a", get, legal=True)
    return asked


# -- devices ------------------------------------------------------------------------------------------------------


async def _lines(probe: Probe, world: World) -> None:
    """The last line that Initialize counted is there, and the one after it is not."""
    for device in (world.line_count - 1, world.line_count):
        if device >= 0:
            caps = line.GetDevCaps(line_app=world.app, device_id=device, tspi_version=world.version, line_dev_caps=2048)
            await probe.ask("a", caps, legal=device < world.line_count)


async def _phones(probe: Probe, world: World) -> None:
    await world.count_phones()
    for device in (world.phone_count - 1, world.phone_count):
        if device >= 0:
            caps = phone.GetDevCaps(
                phone_app=world.phone_app, device_id=device, tspi_version=world.version, phone_caps=2048
            )
            await probe.ask("a", caps, legal=device < world.phone_count)


async def _addresses(probe: Probe, world: World) -> None:
    opened = await world.open(0)
    await probe.ask("a", line.GetNumAddressIDs(line=opened), legal=True)
    caps = line.GetDevCaps(line_app=world.app, device_id=0, tspi_version=world.version, line_dev_caps=2048)
    await probe.ask("a", caps, legal=True)
    number = await world.number_of(0)
    if number:
        found = line.GetAddressID(line=opened, address_mode=int(LINEADDRESSMODE.DIALABLEADDR), address=_text(number))
        await probe.ask("a", found, legal=True)


async def _opens(probe: Probe, world: World) -> None:
    """Open lines are counted, those of a client that has gone are not."""
    opened = await world.open(0)
    status = line.GetLineDevStatus(line=opened, line_dev_status=1024)
    await probe.ask("a", status, legal=True)
    await probe.ask("a", line.GetAddressStatus(line=opened, address_status=1024), legal=True)
    await world.ask(line.Close(line=await world.open(0)))
    await probe.ask("a", status, legal=True)


async def _gone(probe: Probe, world: World) -> None:
    await world.open(0)
    await probe.detach("a")
    await probe.quiet()
    after = World(probe)
    await after.begin(lines=1)
    await probe.ask("a", line.GetLineDevStatus(line=after.subject, line_dev_status=1024), legal=True)


# -- calls --------------------------------------------------------------------------------------------------------


async def _made(probe: Probe, world: World) -> None:
    """What is known of a call that the client makes."""
    opened = await world.open(0)
    call = await world.make(opened, None)
    await probe.ask("a", line.GetCallIDs(call=call), legal=True)
    await probe.ask("a", line.GetCallInfo(call=call, call_info=2048), legal=True)
    await probe.ask("a", line.GetCallStatus(call=call, call_status=256), legal=True)
    await probe.ask("a", line.GetAddressStatus(line=opened, address_status=1024), legal=True)


async def _values(probe: Probe, world: World) -> None:
    """What the client itself says of a call comes back, and is told to it."""
    call = await world.make(await world.open(0), None)
    info = line.GetCallInfo(call=call, call_info=2048)
    asked = await _set_and_get(probe, line.SetAppSpecific(call=call, app_specific=0xC0FFEE), info)
    await probe.event("a", "LINE_CALLINFO", promised="TRUE-call-info-told", after=[asked])
    await _set_and_get(probe, line.SetMediaMode(call=call, media_mode=_AUTOMATED), info)


async def _failures(probe: Probe, world: World) -> None:
    """What changes the state of a call, and says whether it did."""
    await world.open_lines()
    call = await world.connected()
    for packet in (line.Hold(call=call), line.UnHold(call=call)):
        asked = await probe.ask("a", packet, legal=True)
        if asked.ok:
            await probe.reply("a", asked)


async def _line_states(probe: Probe, world: World) -> None:
    """A line is told when it is opened once more, and its address when there is a call."""
    opened = await world.open(0)
    states = int(LINEDEVSTATE.OPEN | LINEDEVSTATE.REINIT)
    asked = await world.ask(line.SetStatusMessages(line=opened, line_states=states, address_states=_ALL_STATES))
    other = await world.opening(0)
    await probe.event("a", "LINE_LINEDEVSTATE", promised="TRUE-line-state-told", after=[asked, other])


async def _address_states(probe: Probe, world: World) -> None:
    await world.open_lines()
    states = int(LINEDEVSTATE.REINIT)
    asked = await world.ask(line.SetStatusMessages(line=world.subject, line_states=states, address_states=_ALL_STATES))
    await world.numbers()
    made = await world.making(world.partner, world.number)
    await probe.reply("a", made)
    await probe.event("a", "LINE_ADDRESSSTATE", promised="TRUE-address-state-told", after=[asked, made])


async def _filter(probe: Probe, world: World) -> None:
    """Nothing but the completion is told of a call on a line whose events are held back."""
    opened = await world.open(0)
    await world.ask(
        generic.RSPSetEventFilterMasks(
            obj_type=int(OBJTYPE.HLINE), object_id=opened, event_masks_lo=int(EM.LINE_CLOSE), event_masks_hi=0
        )
    )
    await probe.quiet()
    await world.make(opened, None)
    await probe.quiet()


# -- phones -------------------------------------------------------------------------------------------------------


async def _phone_values(probe: Probe, world: World) -> None:
    await world.begin_phone()
    handle = world.phone
    pairs: tuple[tuple[Request, Request], ...] = (
        (
            phone.SetVolume(phone=handle, hook_switch_dev=_HANDSET, volume=0x1234),
            phone.GetVolume(phone=handle, hook_switch_dev=_HANDSET),
        ),
        (
            phone.SetGain(phone=handle, hook_switch_dev=_HANDSET, gain=0x4321),
            phone.GetGain(phone=handle, hook_switch_dev=_HANDSET),
        ),
        (
            phone.SetLamp(phone=handle, button_lamp_id=1, lamp_mode=int(PHONELAMPMODE.STEADY)),
            phone.GetLamp(phone=handle, button_lamp_id=1),
        ),
        (phone.SetRing(phone=handle, ring_mode=1, volume=0x8000), phone.GetRing(phone=handle)),
        (
            phone.SetDisplay(phone=handle, row=0, column=0, display=_text("mstrp")),
            phone.GetDisplay(phone=handle, display=512),
        ),
    )
    for set_, get in pairs:
        await _set_and_get(probe, set_, get)


async def _phone_users(probe: Probe, world: World) -> None:
    """Who has a phone is counted, also after its owner has closed it."""
    await world.begin_phone()
    await probe.ask("a", phone.GetStatus(phone=world.phone, phone_status=1024), legal=True)
    await world.ask(phone.Close(phone=world.phone))
    watched = await world.open_phone(int(PHONEPRIVILEGE.MONITOR))
    await probe.ask("a", phone.GetStatus(phone=watched, phone_status=1024), legal=True)


async def _phone_states(probe: Probe, world: World) -> None:
    await world.begin_phone()
    states = int(PHONESTATE.HANDSETVOLUME | PHONESTATE.REINIT)
    asked = await world.ask(
        phone.SetStatusMessages(phone=world.phone, phone_states=states, button_modes=0, button_states=0)
    )
    changed = await world.ask(phone.SetVolume(phone=world.phone, hook_switch_dev=_HANDSET, volume=0x4000))
    await probe.reply("a", changed)
    await probe.event("a", "PHONE_STATE", promised="TRUE-phone-state-told", after=[asked, changed])


# -- providers ----------------------------------------------------------------------------------------------------


async def _providers(probe: Probe, world: World) -> None:
    await world.know_providers()


async def _dialog(probe: Probe, world: World) -> None:
    dialog = await world.begin_dialog()
    await probe.ask("a", mmc.FreeDialogInstance(dlg_inst=dialog), legal=True)


def _test(act: Callable[[Probe, World], Awaitable[Any]], *names: str) -> Callable[[Book], Awaitable[None]]:
    async def test(book: Book) -> None:
        await in_session(book, act, *names, lines=0)

    return test


_TESTS: tuple[tuple[str, Callable[[Probe, World], Awaitable[Any]], tuple[str, ...]], ...] = (
    ("lines that are counted", _lines, ("TRUE-version", "TRUE-sizes")),
    ("phones that are counted", _phones, ()),
    ("addresses", _addresses, ("TRUE-addresses", "TRUE-address")),
    ("open lines", _opens, ("TRUE-opens", "TRUE-calls")),
    ("lines of a client that has gone", _gone, ("TRUE-opens",)),
    ("a call that is made", _made, ("TRUE-call-id", "TRUE-call-line", "TRUE-privilege", "TRUE-owners", "TRUE-calls")),
    ("values of a call", _values, ("TRUE-app-specific", "TRUE-media-mode", "TRUE-call-info-told")),
    ("calls that change", _failures, ("TRUE-completion", "TRUE-reply-context")),
    ("states of a line", _line_states, ("TRUE-line-state-told",)),
    ("states of an address", _address_states, ("TRUE-address-state-told",)),
    ("event filter", _filter, ("TRUE-filter",)),
    (
        "values of a phone",
        _phone_values,
        ("TRUE-phone-volume", "TRUE-phone-gain", "TRUE-phone-lamp", "TRUE-phone-ring", "TRUE-phone-display"),
    ),
    ("users of a phone", _phone_users, ("TRUE-phone-owner",)),
    ("states of a phone", _phone_states, ("TRUE-phone-state-told",)),
    ("providers", _providers, ("TRUE-provider",)),
    ("dialog instance", _dialog, ("TRUE-dialog",)),
)
#: Tests by name, with the requirements that they try.
TRUTH_TESTS: tuple[tuple[str, Callable[[Book], Awaitable[None]], tuple[str, ...]], ...] = tuple(
    (name, _test(act, *names), names) for name, act, names in _TESTS
)
