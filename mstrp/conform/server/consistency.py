"""What packets say about the same thing, and so have to agree on: the table behind the requirements ``TRUE-…``.

A `Statement` reads what a packet says of a subject, or what it makes of it; a `Count` what a packet counts, and how much
there can be of it as far as the conversation itself knows. `mstrp.conform.server.consistency_checker` holds them against each other.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.tables.call_states import CallState
from fsm.tables.phone import PhoneState
from protocol import line, mmc, phone
from protocol.constants import LINEBEARERMODE, LINECALLORIGIN, LINECALLPARTYID, LINECALLPRIVILEGE
from protocol.events import LINE_APPNEWCALL, LINE_CALLSTATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fsm.conversation import Conversation
    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["CONSISTENCY", "COUNTS", "STATEMENTS", "Consistency", "Contradiction", "Count", "Observation", "Statement"]

_OWNER = int(LINECALLPRIVILEGE.OWNER)


class Observation(NamedTuple):
    """Something that a server said: the answer to a request, its completion, or an event."""

    client: str
    #: The request, or the event itself.
    packet: Any
    #: The answer, the completion or the event.
    said: Any
    conversation: Conversation
    #: Those of all clients, this one included.
    all: Sequence[Conversation]

    def structure(self, name: str) -> Any:
        """A structure of the answer, None where it is not there, or not whole for want of room (A6)."""
        found = getattr(self.said, name, None)
        whole = found is not None and (getattr(found, "needed_size", 0) or 0) <= (getattr(found, "total_size", 0) or 0)
        return found if whole else None

    @property
    def opened(self) -> Any:
        """The open line or phone that the packet is about, of a call its line; None where it names none that is known."""
        names = self.packet.layout.by_name
        if "call" in names:
            call = self.conversation.calls.get(self.packet.call)
            return None if call is None else call.line
        if "line" in names:
            return self.conversation.lines.get(self.packet.line)
        return self.conversation.phones.get(self.packet.phone) if "phone" in names else None

    @property
    def device(self) -> int | None:
        """The device of that line or phone."""
        opened = self.opened
        return None if opened is None else opened.device

    @property
    def stranger(self) -> bool:
        """Whether the packet names a line, call or phone that the client does not have."""
        return self.opened is None and not {"call", "line", "phone"}.isdisjoint(self.packet.layout.by_name)

    @property
    def call(self) -> tuple[str, str, int]:
        """The call that the packet names."""
        return ("call", self.client, self.packet.call)

    @property
    def made(self) -> tuple[str, str, int]:
        """The call that a completion brings."""
        return ("call", self.client, self.said.call)


class Consistency(NamedTuple):
    """A requirement that packets do not contradict each other."""

    section: str
    summary: str
    #: Whether another cause than a mistake of the server's can be thought of: then it is no failure, only odd.
    warning: bool = False
    #: Whether it stays as it is once said; else it counts only from the request that set it.
    constant: bool = False
    #: Whether what was said before agrees with what is said now.
    agree: Callable[[Any, Any], bool] = operator.eq


class Statement(NamedTuple):
    """What a packet says about something."""

    requirement: str
    packet: type[Request | Event]
    #: Pairs of a subject and what is said of it.
    read: Callable[[Observation], Iterator[tuple[object, object]]]
    #: Whether the packet makes it so, and does not only tell.
    sets: bool = False
    #: Whether it is the refusal of the request that says it.
    refused: bool = False


class Count(NamedTuple):
    """What a packet counts: less than the conversation itself has is wrong, more than that is odd."""

    requirement: str
    packet: type[Request | Event]
    #: What is counted, the number that was said, and the least and the most that there can be.
    read: Callable[[Observation], Iterator[tuple[str, int, int, int]]]
    #: Whether more than the most is wrong as well: nobody else can have part in it.
    closed: bool = False


class Contradiction(NamedTuple):
    """Two things that cannot both be true."""

    requirement: str
    summary: str
    #: Whether it may have another cause than a mistake of the server's.
    warning: bool


def _agree_on_mode(told: tuple[int, int], shown: tuple[int, int]) -> bool:
    """Modes are compared within one state only; 0 is the mode that is not stated."""
    return told[0] != shown[0] or told[1] == shown[1] or 0 in {told[1], shown[1]}


def _agree_on_number(dialled: str, shown: str) -> bool:
    """Numbers are compared by their digits; one may have a prefix."""
    digits, others = (re.sub(r"\D", "", each) for each in (dialled, shown))
    return not digits or digits.endswith(others) or others.endswith(digits)


#: The requirements by their ids. Those that end in "told" are about events that have to come (`Tester.event`), and
#: TRUE-completion and TRUE-reply-context are looked at with each completion.
CONSISTENCY: dict[str, Consistency] = {
    "TRUE-version": Consistency(
        "2.2.4.1.1.2", "NegotiateAPIVersion agrees on a version in the range that the client gave"
    ),
    "TRUE-sizes": Consistency("2.2.6", "a structure uses no more than it has and needs no less than it uses"),
    "TRUE-fields": Consistency("2.2", "responses and events have the layout and the values of their declarations"),
    "TRUE-address-id": Consistency(
        "2.2.4.1.3.31", "LINE_APPNEWCALL and GetCallInfo return the same address of a call", constant=True
    ),
    "TRUE-device-id": Consistency(
        "2.2.4.1.3.31", "GetCallInfo returns the device of the line that the call is on", constant=True
    ),
    "TRUE-origin": Consistency(
        "2.2.4.1.3.31", "GetCallInfo returns the origin of a call that the client made or received"
    ),
    "TRUE-bearer-mode": Consistency("2.2.4.1.3.31", "GetCallInfo returns the bearer mode with which a call was made"),
    "TRUE-state-mode": Consistency(
        "2.2.4.1.3.32", "GetCallStatus returns the mode that LINE_CALLSTATE has reported", agree=_agree_on_mode
    ),
    "TRUE-caps-device": Consistency(
        line.GetAddressCaps.layout.section, "GetAddressCaps returns the device that was requested", constant=True
    ),
    "TRUE-devices": Consistency(
        line.Initialize.layout.section, "Initialize counts the same devices each time", constant=True
    ),
    "TRUE-phone-status": Consistency(
        "2.2.4.1.6.10", "phone.GetStatus returns the ring mode and the volumes that were set"
    ),
    "TRUE-line-privilege": Consistency(
        "2.2.4.2.1.8", "the privilege that LINE_CALLSTATE reports is one with which the line was opened"
    ),
    "TRUE-called-id": Consistency(
        "2.2.4.1.3.31", "GetCallInfo returns the number that a call was made to", agree=_agree_on_number
    ),
    "TRUE-listed-devices": Consistency(
        mmc.GetLineInfo.layout.section, "GetLineInfo and GetPhoneInfo list the devices that Initialize counts"
    ),
    "TRUE-addresses": Consistency(
        "2.2.4.1.3.38", "GetDevCaps and GetNumAddressIDs count the same addresses of a line", constant=True
    ),
    "TRUE-address": Consistency(
        "2.2.4.1.3.20",
        "GetAddressID gives the id of the address that GetAddressCaps shows",
        constant=True,
    ),
    "TRUE-opens": Consistency("2.2.4.1.3.36", "GetLineDevStatus counts the open lines"),
    "TRUE-calls": Consistency("2.2.4.1.3.21", "GetAddressStatus counts the calls of an address"),
    "TRUE-owners": Consistency("2.2.4.1.3.31", "GetCallInfo counts the owners of a call"),
    "TRUE-call-id": Consistency(
        "2.2.4.1.3.30",
        "the completion that brings a call, GetCallIDs and GetCallInfo say the same id of it",
        constant=True,
    ),
    "TRUE-call-line": Consistency("2.2.4.1.3.31", "GetCallInfo names the line of a call", constant=True),
    "TRUE-privilege": Consistency("2.2.4.1.3.32", "GetCallStatus says the privilege that the client was told of"),
    "TRUE-app-specific": Consistency("2.2.4.1.3.63", "GetCallInfo says what SetAppSpecific set"),
    "TRUE-media-mode": Consistency("2.2.4.1.3.73", "GetCallInfo says what SetMediaMode set"),
    "TRUE-completion": Consistency(
        "2.2.4.2.1.25", "a request that is completed with an error has not led the call where it leads"
    ),
    "TRUE-reply-context": Consistency(
        "2.2.4.2.1.25", "the completion of a request on an open line or phone has the contexts of that"
    ),
    "TRUE-phone-owner": Consistency("2.2.4.1.6.10", "phone.GetStatus counts the owners and monitors of a phone"),
    "TRUE-phone-volume": Consistency("2.2.4.1.6.11", "GetVolume says what SetVolume set"),
    "TRUE-phone-gain": Consistency("2.2.4.1.6.5", "GetGain says what SetGain set"),
    "TRUE-phone-lamp": Consistency("2.2.4.1.6.8", "GetLamp says what SetLamp set"),
    "TRUE-phone-ring": Consistency("2.2.4.1.6.9", "GetRing says what SetRing set"),
    "TRUE-phone-display": Consistency(
        "2.2.4.1.6.4", "GetDisplay shows what SetDisplay wrote", agree=lambda wrote, shows: wrote in shows
    ),
    "TRUE-provider": Consistency(
        "2.2.4.1.7.5",
        "the providers of the devices that GetLineInfo lists are those of GetProviderList",
        constant=True,
        agree=lambda some, others: some <= others or others <= some,
    ),
    "TRUE-dialog": Consistency("2.2.4.1.7.9", "a dialog instance that GetUIDllName brought can be freed"),
    "TRUE-filter": Consistency("2.2.4.1.8.3", "no event comes that RSPSetEventFilterMasks holds back"),
    "TRUE-call-info-told": Consistency("2.2.4.2.1.7", "LINE_CALLINFO tells of what has changed"),
    "TRUE-line-state-told": Consistency("2.2.4.2.1.17", "LINE_LINEDEVSTATE tells what SetStatusMessages asks for"),
    "TRUE-address-state-told": Consistency("2.2.4.2.1.1", "LINE_ADDRESSSTATE tells what SetStatusMessages asks for"),
    "TRUE-phone-state-told": Consistency("2.2.4.2.1.32", "PHONE_STATE tells what SetStatusMessages asks for"),
}


# -- how they are read --------------------------------------------------------------------------------------------


def _info(name: str, *, zero: bool = False) -> Callable[[Observation], Iterator[tuple[object, object]]]:
    """A member of LINECALLINFO, where it is there; ``zero`` where that is a value and not "unknown"."""

    def read(observation: Observation) -> Iterator[tuple[object, object]]:
        value = getattr(observation.structure("call_info"), name, None)
        if value or (zero and value is not None):
            yield observation.call, value

    return read


def _call_id(observation: Observation) -> Iterator[tuple[object, object]]:
    if observation.said.call_id:
        yield observation.call, observation.said.call_id


def _new_call_id(observation: Observation) -> Iterator[tuple[object, object]]:
    if observation.said.call_id:
        yield observation.made, observation.said.call_id


def _own_line(observation: Observation) -> Iterator[tuple[object, object]]:
    yield observation.made, observation.packet.line


def _owned(observation: Observation) -> Iterator[tuple[object, object]]:
    yield observation.made, _OWNER


def _told_privilege(observation: Observation) -> Iterator[tuple[object, object]]:
    if observation.said.privilege:
        yield observation.call, observation.said.privilege


def _privilege(observation: Observation) -> Iterator[tuple[object, object]]:
    value = getattr(observation.structure("call_status"), "call_privilege", None)
    if value is not None:
        yield observation.call, value


def _addresses(observation: Observation) -> Iterator[tuple[object, object]]:
    value = getattr(observation.structure("line_dev_caps"), "num_addresses", None)
    if value is not None:
        yield ("line", observation.packet.device_id), value


def _counted_addresses(observation: Observation) -> Iterator[tuple[object, object]]:
    yield ("line", observation.device), observation.said.num_address_ids


def _shown_address(observation: Observation) -> Iterator[tuple[object, object]]:
    text = getattr(observation.structure("address_caps"), "address", None)
    if text:
        yield ("line", observation.packet.device_id, text), observation.packet.address_id


def _address(observation: Observation) -> Iterator[tuple[object, object]]:
    text = bytes(observation.packet.address or b"").decode("utf-16-le", "replace").rstrip("\0")
    yield ("line", observation.device, text), observation.said.address_id


def _written(observation: Observation) -> Iterator[tuple[object, object]]:
    yield (observation.device,), bytes(observation.packet.display or b"").decode("utf-16-le", "replace").rstrip("\0")


def _phone(*subject: str, sets: str = "", says: str = "") -> Callable[[Observation], Iterator[tuple[object, object]]]:
    """A value of a phone, that a request ``sets`` or that its answer ``says``; the request names the rest of the subject."""

    def read(observation: Observation) -> Iterator[tuple[object, object]]:
        value = getattr(observation.packet, sets) if sets else getattr(observation.said, says)
        yield (observation.device, *(getattr(observation.packet, name) for name in subject)), value

    return read


def _displayed(observation: Observation) -> Iterator[tuple[object, object]]:
    text = getattr(observation.structure("display"), "string", None)
    if text is not None:
        yield (observation.device,), text


def _providers(observation: Observation) -> Iterator[tuple[object, object]]:
    listed = getattr(observation.structure("provider_list"), "provider_list", None)
    if listed:
        yield "providers", frozenset(entry.permanent_provider_id for entry in listed)


def _providers_of_lines(observation: Observation) -> Iterator[tuple[object, object]]:
    listed = getattr(observation.structure("device_info_list"), "device_info", None)
    if listed:
        yield "providers", frozenset(entry.provider_id for entry in listed)


def _set(name: str) -> Callable[[Observation], Iterator[tuple[object, object]]]:
    """Something of a call that a request sets."""
    return lambda observation: iter([(observation.call, getattr(observation.packet, name))])


def _dialog(observation: Observation) -> Iterator[tuple[object, object]]:
    yield (observation.client, observation.said.dlg_inst), "there"


def _no_dialog(observation: Observation) -> Iterator[tuple[object, object]]:
    yield (observation.client, observation.packet.dlg_inst), "not there"


def _announced(
    name: str, value: Callable[[Observation], int]
) -> Callable[[Observation], Iterator[tuple[object, object]]]:
    """A value of a call that LINE_APPNEWCALL reports."""
    return lambda observation: iter([((*observation.call, name), value(observation))])


def _info_of(name: str, subject: str) -> Callable[[Observation], Iterator[tuple[object, object]]]:
    """A member of LINECALLINFO about one aspect of a call."""

    def read(observation: Observation) -> Iterator[tuple[object, object]]:
        value = getattr(observation.structure("call_info"), name, None)
        if value is not None:
            yield (*observation.call, subject), value

    return read


def _bearer_mode(observation: Observation) -> Iterator[tuple[object, object]]:
    params = getattr(observation.packet, "call_params", None)
    mode = getattr(params, "bearer_mode", None) or int(LINEBEARERMODE.VOICE)
    yield (*observation.made, "bearer"), int(mode)


def _device_of_call(observation: Observation) -> Iterator[tuple[object, object]]:
    info = observation.structure("call_info")
    if info is not None and observation.device is not None:
        # The first of the two is remembered, the second one compared with it.
        yield ("device", observation.device), observation.device
        yield ("device", observation.device), info.line_device_id


def _made_with(name: str, value: int) -> Callable[[Observation], Iterator[tuple[object, object]]]:
    """A value of the call that a completion returns."""
    return lambda observation: iter([((*observation.made, name), value)])


def _state_mode(observation: Observation) -> Iterator[tuple[object, object]]:
    status = observation.structure("call_status")
    if status is not None and status.call_state_mode is not None:
        yield (*observation.call, "mode"), (status.call_state & 0x00FFFFFF, int(status.call_state_mode))


def _told_mode(observation: Observation) -> Iterator[tuple[object, object]]:
    yield (*observation.call, "mode"), (observation.said.call_state & 0x00FFFFFF, int(observation.said.mode))


def _caps_device(observation: Observation) -> Iterator[tuple[object, object]]:
    caps = observation.structure("address_caps")
    if caps is not None and caps.line_device_id is not None:
        yield ("requested", observation.packet.device_id), observation.packet.device_id
        yield ("requested", observation.packet.device_id), caps.line_device_id


def _number_of_devices(observation: Observation) -> Iterator[tuple[object, object]]:
    yield observation.packet.device, observation.said.num_devs


def _phone_status(observation: Observation) -> Iterator[tuple[object, object]]:
    status = observation.structure("phone_status")
    if status is None:
        return
    for name in ("ring_mode", "handset_volume", "speaker_volume", "headset_volume"):
        value = getattr(status, name, None)
        if value is not None:
            yield (observation.device, name), value


_VOLUMES = {1: "handset_volume", 2: "speaker_volume", 4: "headset_volume"}


def _set_volume(observation: Observation) -> Iterator[tuple[object, object]]:
    for device, name in _VOLUMES.items():
        if observation.packet.hook_switch_dev & device:
            yield (observation.device, name), observation.packet.volume


def _set_ring(observation: Observation) -> Iterator[tuple[object, object]]:
    yield (observation.device, "ring_mode"), observation.packet.ring_mode


def _dialled(observation: Observation) -> Iterator[tuple[object, object]]:
    if isinstance(observation.packet.dest_address, str) and observation.packet.dest_address:
        yield (*observation.made, "called"), observation.packet.dest_address


def _called(observation: Observation) -> Iterator[tuple[object, object]]:
    info = observation.structure("call_info")
    number = getattr(info, "called_id", None)
    if isinstance(number, str) and number and (info.called_id_flags or 0) & int(LINECALLPARTYID.ADDRESS):
        yield (*observation.call, "called"), number


def _told_media_mode(observation: Observation) -> Iterator[tuple[object, object]]:
    if observation.said.media_mode:
        yield observation.call, observation.said.media_mode


STATEMENTS: tuple[Statement, ...] = (
    Statement("TRUE-called-id", line.MakeCall, _dialled, sets=True),
    Statement("TRUE-called-id", line.GetCallInfo, _called),
    Statement("TRUE-media-mode", LINE_CALLSTATE, _told_media_mode, sets=True),
    Statement("TRUE-address-id", LINE_APPNEWCALL, _announced("address", lambda each: each.said.address_id), sets=True),
    Statement("TRUE-address-id", line.GetCallInfo, _info_of("address_id", "address")),
    Statement("TRUE-call-id", LINE_APPNEWCALL, _call_id, sets=True),
    Statement("TRUE-origin", line.MakeCall, _made_with("origin", int(LINECALLORIGIN.OUTBOUND)), sets=True),
    Statement("TRUE-origin", line.GetCallInfo, _info_of("origin", "origin")),
    Statement("TRUE-bearer-mode", line.MakeCall, _bearer_mode, sets=True),
    Statement("TRUE-bearer-mode", line.GetCallInfo, _info_of("bearer_mode", "bearer")),
    Statement("TRUE-state-mode", LINE_CALLSTATE, _told_mode, sets=True),
    Statement("TRUE-state-mode", line.GetCallStatus, _state_mode),
    Statement("TRUE-devices", line.Initialize, _number_of_devices),
    Statement("TRUE-devices", phone.Initialize, _number_of_devices),
    Statement("TRUE-caps-device", line.GetAddressCaps, _caps_device),
    Statement("TRUE-device-id", line.GetCallInfo, _device_of_call),
    Statement("TRUE-phone-status", phone.SetVolume, _set_volume, sets=True),
    Statement("TRUE-phone-status", phone.SetRing, _set_ring, sets=True),
    Statement("TRUE-phone-status", phone.GetStatus, _phone_status),
    Statement("TRUE-addresses", line.GetDevCaps, _addresses),
    Statement("TRUE-addresses", line.GetNumAddressIDs, _counted_addresses),
    Statement("TRUE-address", line.GetAddressCaps, _shown_address),
    Statement("TRUE-address", line.GetAddressID, _address),
    Statement("TRUE-call-id", line.MakeCall, _new_call_id, sets=True),
    Statement("TRUE-call-id", line.GetCallIDs, _call_id),
    Statement("TRUE-call-id", line.GetCallInfo, _info("call_id")),
    Statement("TRUE-call-line", line.MakeCall, _own_line, sets=True),
    Statement("TRUE-call-line", line.GetCallInfo, _info("line")),
    Statement("TRUE-privilege", line.MakeCall, _owned, sets=True),
    Statement("TRUE-privilege", LINE_CALLSTATE, _told_privilege, sets=True),
    Statement("TRUE-privilege", line.GetCallStatus, _privilege),
    Statement("TRUE-app-specific", line.SetAppSpecific, _set("app_specific"), sets=True),
    Statement("TRUE-app-specific", line.GetCallInfo, _info("app_specific", zero=True)),
    Statement("TRUE-media-mode", line.SetMediaMode, _set("media_mode"), sets=True),
    Statement("TRUE-media-mode", line.GetCallInfo, _info("media_mode")),
    Statement("TRUE-phone-volume", phone.SetVolume, _phone("hook_switch_dev", sets="volume"), sets=True),
    Statement("TRUE-phone-volume", phone.GetVolume, _phone("hook_switch_dev", says="volume")),
    Statement("TRUE-phone-gain", phone.SetGain, _phone("hook_switch_dev", sets="gain"), sets=True),
    Statement("TRUE-phone-gain", phone.GetGain, _phone("hook_switch_dev", says="gain")),
    Statement("TRUE-phone-lamp", phone.SetLamp, _phone("button_lamp_id", sets="lamp_mode"), sets=True),
    Statement("TRUE-phone-lamp", phone.GetLamp, _phone("button_lamp_id", says="lamp_mode")),
    Statement("TRUE-phone-ring", phone.SetRing, _phone(sets="ring_mode"), sets=True),
    Statement("TRUE-phone-ring", phone.GetRing, _phone(says="ring_mode")),
    Statement("TRUE-phone-display", phone.SetDisplay, _written, sets=True),
    Statement("TRUE-phone-display", phone.GetDisplay, _displayed),
    Statement("TRUE-provider", mmc.GetProviderList, _providers),
    Statement("TRUE-provider", mmc.GetLineInfo, _providers_of_lines),
    Statement("TRUE-dialog", mmc.GetUIDllName, _dialog, sets=True),
    Statement("TRUE-dialog", mmc.FreeDialogInstance, _no_dialog, sets=True),
    Statement("TRUE-dialog", mmc.FreeDialogInstance, _no_dialog, refused=True),
)


# -- what is counted ----------------------------------------------------------------------------------------------


def _opens(observation: Observation, *, owners: bool = False) -> int:
    """How often the clients have the line open."""
    return sum(
        opened.device == observation.device and (not owners or bool((opened.privileges or 0) & _OWNER))
        for each in observation.all
        for opened in each.lines.values()
    )


def _version(observation: Observation) -> Iterator[tuple[str, int, int, int]]:
    transaction = observation.packet
    yield "version", observation.said.negotiated_version, transaction.version, transaction.version_current


def _line_opens(observation: Observation) -> Iterator[tuple[str, int, int, int]]:
    number = getattr(observation.structure("line_dev_status"), "num_opens", None)
    if number is not None:
        known = _opens(observation)
        yield "open lines", number, known, known


def _mask(*states: CallState) -> int:
    return sum(1 << state for state in states)


_HELD = _mask(CallState.ONHOLD)
_PENDING = _mask(CallState.ONHOLDPENDTRANSFER, CallState.ONHOLDPENDCONF)
#: The states of the calls in each count of LINEADDRESSSTATUS and LINEDEVSTATUS; all others are active, but for IDLE.
_HELD_STATES = (0, _HELD, _PENDING)
_ACTIVE = _mask(CallState.CONNECTED)
_NOT_ACTIVE = _mask(CallState.IDLE) | _HELD | _PENDING


def _is_on(call: Any, observation: Observation) -> bool:
    return call.line is not None and call.line.device == observation.device


def _in(call: Any, states: int) -> bool:
    """Whether a call is certainly in one of the states."""
    return bool(call.mask) and not call.mask & ~states


def _calls(observation: Observation) -> Iterator[tuple[str, int, int, int]]:
    status = observation.structure("address_status") or observation.structure("line_dev_status")
    names = ("num_active_calls", "num_on_hold_calls", "num_on_hold_pend_calls")
    for name, held in zip(names, _HELD_STATES, strict=True):
        number = getattr(status, name, None)
        if number is None:
            continue
        own = [call for call in observation.conversation.calls.values() if _is_on(call, observation)]
        every = [call for each in observation.all for call in each.calls.values() if _is_on(call, observation)]
        least = sum(_in(call, held or _ACTIVE) for call in own)
        most = sum(not _in(call, ~held if held else _NOT_ACTIVE) for call in every)
        yield f"{name.removeprefix('num_').replace('_', ' ')}", number, least, most


def _owners(observation: Observation) -> Iterator[tuple[str, int, int, int]]:
    number = getattr(observation.structure("call_info"), "num_owners", None)
    if number is not None:
        yield "owners", number, 0, _opens(observation, owners=True)


def _phone_users(observation: Observation) -> Iterator[tuple[str, int, int, int]]:
    status = observation.structure("phone_status")
    for name, mask in (("num_owners", 1 << PhoneState.OWNED), ("num_monitors", 1 << PhoneState.MONITORED)):
        number = getattr(status, name, None)
        if number is not None:
            known = sum(
                opened.device == observation.device and opened.mask == mask
                for each in observation.all
                for opened in each.phones.values()
            )
            yield name.removeprefix("num_"), number, known, known


def _line_privilege(observation: Observation) -> Iterator[tuple[str, int, int, int]]:
    opened, privilege = observation.opened, observation.said.privilege
    call = observation.conversation.calls.get(observation.packet.call)
    if opened is None or call is None or call.brought is not None or not privilege or opened.privileges is None:
        return
    owners = _opens(observation, owners=True)
    owns = int(bool(opened.privileges & _OWNER))
    yield "owner of the call", int(bool(privilege & _OWNER)), int(owns and owners == 1), owns


def _listed_devices(observation: Observation) -> Iterator[tuple[str, int, int, int]]:
    listed = getattr(observation.structure("device_info_list"), "device_info", None)
    kind = "line" if isinstance(observation.packet, mmc.GetLineInfo) else "phone"
    counts = {app.devices for app in observation.conversation.applications.values() if app.kind == kind} - {None}
    if listed is not None and len(counts) == 1:
        number = counts.pop()
        yield f"{kind} devices", len(listed), number or 0, number or 0


COUNTS: tuple[Count, ...] = (
    Count("TRUE-line-privilege", LINE_CALLSTATE, _line_privilege),
    Count("TRUE-listed-devices", mmc.GetLineInfo, _listed_devices),
    Count("TRUE-listed-devices", mmc.GetPhoneInfo, _listed_devices),
    Count("TRUE-version", line.NegotiateAPIVersion, _version, closed=True),
    Count("TRUE-version", phone.NegotiateAPIVersion, _version, closed=True),
    Count("TRUE-opens", line.GetLineDevStatus, _line_opens),
    Count("TRUE-calls", line.GetAddressStatus, _calls),
    Count("TRUE-calls", line.GetLineDevStatus, _calls),
    Count("TRUE-owners", line.GetCallInfo, _owners),
    Count("TRUE-phone-owner", phone.GetStatus, _phone_users),
)
