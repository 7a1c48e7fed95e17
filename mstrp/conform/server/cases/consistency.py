"""Tests of whether a server contradicts itself: what is said once is asked for in another way.

The judge is `mstrp.conform.server.consistency_checker`, which observe every packet; here is what gives it something to compare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.conform.server.cases.session import in_session
from mstrp.conform.server.test_bed import TestBed
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

    from mstrp.conform.core.campaign import Campaign
    from mstrp.conform.server.tester import Tester
    from mstrp.conform.server.transaction import Transaction
    from protocol.packet import Request

__all__ = ["CONSISTENCY_CASES"]

_AUTOMATED = int(LINEMEDIAMODE.AUTOMATEDVOICE)
_HANDSET = int(PHONEHOOKSWITCHDEV.HANDSET)
_ALL_STATES = sum(LINEADDRESSSTATE.__members__.values())


def _text(text: str) -> bytes:
    """Text in a field of bytes: UTF-16 with its end, as all strings of the protocol (A11)."""
    return (text + "\0").encode("utf-16-le")


async def _set_and_get(tester: Tester, set_: Request, get: Request) -> Transaction:
    """Something that is set, and then queried."""
    transaction = await tester.ask("a", set_, legal=True)
    if transaction.ok and transaction.ack and type(set_).completion == "async":
        await tester.reply("a", transaction)
    await tester.ask("a", get, legal=True)
    return transaction


# -- devices ------------------------------------------------------------------------------------------------------


async def _lines(tester: Tester, bed: TestBed) -> None:
    """The last line that Initialize counted is there, and the one after it is not."""
    for device in (bed.line_count - 1, bed.line_count):
        if device >= 0:
            caps = line.GetDevCaps(line_app=bed.app, device_id=device, tspi_version=bed.version, line_dev_caps=2048)
            await tester.ask("a", caps, legal=device < bed.line_count)


async def _phones(tester: Tester, bed: TestBed) -> None:
    await bed.count_phones()
    for device in (bed.phone_count - 1, bed.phone_count):
        if device >= 0:
            caps = phone.GetDevCaps(
                phone_app=bed.phone_app, device_id=device, tspi_version=bed.version, phone_caps=2048
            )
            await tester.ask("a", caps, legal=device < bed.phone_count)


async def _addresses(tester: Tester, bed: TestBed) -> None:
    opened = await bed.open(0)
    await tester.ask("a", line.GetNumAddressIDs(line=opened), legal=True)
    caps = line.GetDevCaps(line_app=bed.app, device_id=0, tspi_version=bed.version, line_dev_caps=2048)
    await tester.ask("a", caps, legal=True)
    number = await bed.number_of(0)
    if number:
        found = line.GetAddressID(line=opened, address_mode=int(LINEADDRESSMODE.DIALABLEADDR), address=_text(number))
        await tester.ask("a", found, legal=True)


async def _opens(tester: Tester, bed: TestBed) -> None:
    """Open lines are counted, those of a client that has gone are not."""
    opened = await bed.open(0)
    status = line.GetLineDevStatus(line=opened, line_dev_status=1024)
    await tester.ask("a", status, legal=True)
    await tester.ask("a", line.GetAddressStatus(line=opened, address_status=1024), legal=True)
    await bed.ask(line.Close(line=await bed.open(0)))
    await tester.ask("a", status, legal=True)


async def _gone(tester: Tester, bed: TestBed) -> None:
    await bed.open(0)
    await tester.detach("a")
    await tester.quiet()
    after = TestBed(tester)
    await after.begin(lines=1)
    await tester.ask("a", line.GetLineDevStatus(line=after.subject, line_dev_status=1024), legal=True)


# -- calls --------------------------------------------------------------------------------------------------------


async def _made(tester: Tester, bed: TestBed) -> None:
    """What is known of a call that the client makes."""
    opened = await bed.open(0)
    call = await bed.make(opened, None)
    await tester.ask("a", line.GetCallIDs(call=call), legal=True)
    await tester.ask("a", line.GetCallInfo(call=call, call_info=2048), legal=True)
    await tester.ask("a", line.GetCallStatus(call=call, call_status=256), legal=True)
    await tester.ask("a", line.GetAddressStatus(line=opened, address_status=1024), legal=True)


async def _values(tester: Tester, bed: TestBed) -> None:
    """What the client itself says of a call comes back, and is told to it."""
    call = await bed.make(await bed.open(0), None)
    info = line.GetCallInfo(call=call, call_info=2048)
    transaction = await _set_and_get(tester, line.SetAppSpecific(call=call, app_specific=0xC0FFEE), info)
    await tester.event("a", "LINE_CALLINFO", promised="TRUE-call-info-told", after=[transaction])
    await _set_and_get(tester, line.SetMediaMode(call=call, media_mode=_AUTOMATED), info)


async def _failures(tester: Tester, bed: TestBed) -> None:
    """What changes the state of a call, and says whether it did."""
    await bed.open_lines()
    call = await bed.connected()
    for packet in (line.Hold(call=call), line.UnHold(call=call)):
        transaction = await tester.ask("a", packet, legal=True)
        if transaction.ok:
            await tester.reply("a", transaction)


async def _line_states(tester: Tester, bed: TestBed) -> None:
    """A line is told when it is opened once more, and its address when there is a call."""
    opened = await bed.open(0)
    states = int(LINEDEVSTATE.OPEN | LINEDEVSTATE.REINIT)
    transaction = await bed.ask(line.SetStatusMessages(line=opened, line_states=states, address_states=_ALL_STATES))
    other = await bed.opening(0)
    await tester.event("a", "LINE_LINEDEVSTATE", promised="TRUE-line-state-told", after=[transaction, other])


async def _address_states(tester: Tester, bed: TestBed) -> None:
    await bed.open_lines()
    states = int(LINEDEVSTATE.REINIT)
    transaction = await bed.ask(
        line.SetStatusMessages(line=bed.subject, line_states=states, address_states=_ALL_STATES)
    )
    await bed.numbers()
    made = await bed.making(bed.partner, bed.number)
    await tester.reply("a", made)
    await tester.event("a", "LINE_ADDRESSSTATE", promised="TRUE-address-state-told", after=[transaction, made])


async def _filter(tester: Tester, bed: TestBed) -> None:
    """Nothing but the completion is told of a call on a line whose events are held back."""
    opened = await bed.open(0)
    await bed.ask(
        generic.RSPSetEventFilterMasks(
            obj_type=int(OBJTYPE.HLINE), object_id=opened, event_masks_lo=int(EM.LINE_CLOSE), event_masks_hi=0
        )
    )
    await tester.quiet()
    await bed.make(opened, None)
    await tester.quiet()


# -- phones -------------------------------------------------------------------------------------------------------


async def _phone_values(tester: Tester, bed: TestBed) -> None:
    await bed.begin_phone()
    handle = bed.phone
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
        await _set_and_get(tester, set_, get)
    await tester.ask("a", phone.GetStatus(phone=handle, phone_status=1024), legal=True)


async def _phone_users(tester: Tester, bed: TestBed) -> None:
    """Who has a phone is counted, also after its owner has closed it."""
    await bed.begin_phone()
    await tester.ask("a", phone.GetStatus(phone=bed.phone, phone_status=1024), legal=True)
    await bed.ask(phone.Close(phone=bed.phone))
    watched = await bed.open_phone(int(PHONEPRIVILEGE.MONITOR))
    await tester.ask("a", phone.GetStatus(phone=watched, phone_status=1024), legal=True)


async def _phone_states(tester: Tester, bed: TestBed) -> None:
    await bed.begin_phone()
    states = int(PHONESTATE.HANDSETVOLUME | PHONESTATE.REINIT)
    transaction = await bed.ask(
        phone.SetStatusMessages(phone=bed.phone, phone_states=states, button_modes=0, button_states=0)
    )
    changed = await bed.ask(phone.SetVolume(phone=bed.phone, hook_switch_dev=_HANDSET, volume=0x4000))
    await tester.reply("a", changed)
    await tester.event("a", "PHONE_STATE", promised="TRUE-phone-state-told", after=[transaction, changed])


# -- providers ----------------------------------------------------------------------------------------------------


async def _providers(tester: Tester, bed: TestBed) -> None:
    await bed.know_providers()


async def _dialog(tester: Tester, bed: TestBed) -> None:
    dialog = await bed.begin_dialog()
    await tester.ask("a", mmc.FreeDialogInstance(dlg_inst=dialog), legal=True)


def _test(act: Callable[[Tester, TestBed], Awaitable[Any]], *names: str) -> Callable[[Campaign], Awaitable[None]]:
    async def test(campaign: Campaign) -> None:
        await in_session(campaign, act, *names, lines=0)

    return test


_TESTS: tuple[tuple[str, Callable[[Tester, TestBed], Awaitable[Any]], tuple[str, ...]], ...] = (
    ("lines that are counted", _lines, ("TRUE-version", "TRUE-sizes")),
    ("phones that are counted", _phones, ()),
    ("addresses", _addresses, ("TRUE-addresses", "TRUE-address", "TRUE-caps-device", "TRUE-devices", "TRUE-fields")),
    ("open lines", _opens, ("TRUE-opens", "TRUE-calls")),
    ("lines of a client that has gone", _gone, ("TRUE-opens",)),
    (
        "a call that is made",
        _made,
        (
            "TRUE-call-id",
            "TRUE-call-line",
            "TRUE-privilege",
            "TRUE-owners",
            "TRUE-calls",
            "TRUE-address-id",
            "TRUE-device-id",
            "TRUE-origin",
            "TRUE-bearer-mode",
            "TRUE-state-mode",
            "TRUE-called-id",
            "TRUE-line-privilege",
        ),
    ),
    ("values of a call", _values, ("TRUE-app-specific", "TRUE-media-mode", "TRUE-call-info-told")),
    ("calls that change", _failures, ("TRUE-completion", "TRUE-reply-context")),
    ("states of a line", _line_states, ("TRUE-line-state-told",)),
    ("states of an address", _address_states, ("TRUE-address-state-told",)),
    ("event filter", _filter, ("TRUE-filter",)),
    (
        "values of a phone",
        _phone_values,
        (
            "TRUE-phone-status",
            "TRUE-phone-volume",
            "TRUE-phone-gain",
            "TRUE-phone-lamp",
            "TRUE-phone-ring",
            "TRUE-phone-display",
        ),
    ),
    ("users of a phone", _phone_users, ("TRUE-phone-owner",)),
    ("states of a phone", _phone_states, ("TRUE-phone-state-told",)),
    ("providers", _providers, ("TRUE-provider", "TRUE-listed-devices")),
    ("dialog instance", _dialog, ("TRUE-dialog",)),
)
#: Tests by name, with the requirements that they try.
CONSISTENCY_CASES: tuple[tuple[str, Callable[[Campaign], Awaitable[None]], tuple[str, ...]], ...] = tuple(
    (name, _test(act, *names), names) for name, act, names in _TESTS
)
