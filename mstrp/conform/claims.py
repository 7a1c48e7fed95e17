"""What packets say about the same thing, and so have to agree on: the table behind the requirements ``TRUE-…``.

A `Claim` reads what a packet says of a subject, or what it makes of it; a `Bound` what a packet counts, and how much
there can be of it as far as the conversation itself knows. `mstrp.conform.witness` holds them against each other.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.tables.device import PhoneState
from protocol import line, mmc, phone
from protocol.constants import LINECALLPRIVILEGE
from protocol.events import LINE_CALLSTATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fsm.conversation import Conversation
    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["BOUNDS", "CLAIMS", "TRUTHS", "Bound", "Claim", "Contradiction", "Heard", "Truth"]

_OWNER = int(LINECALLPRIVILEGE.OWNER)


class Heard(NamedTuple):
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


class Truth(NamedTuple):
    """A requirement that packets do not contradict each other."""

    section: str
    summary: str
    #: Whether another cause than a mistake of the server's can be thought of: then it is no failure, only odd.
    odd: bool = False
    #: Whether it stays as it is once said; else it counts only from the request that set it.
    constant: bool = False
    #: Whether what was said before agrees with what is said now.
    agree: Callable[[Any, Any], bool] = operator.eq


class Claim(NamedTuple):
    """What a packet says about something."""

    requirement: str
    packet: type[Request | Event]
    #: Pairs of a subject and what is said of it.
    read: Callable[[Heard], Iterator[tuple[object, object]]]
    #: Whether the packet makes it so, and does not only tell.
    sets: bool = False
    #: Whether it is the refusal of the request that says it.
    refused: bool = False


class Bound(NamedTuple):
    """What a packet counts: less than the conversation itself has is wrong, more than that is odd."""

    requirement: str
    packet: type[Request]
    #: What is counted, the number that was said, and the least and the most that there can be.
    read: Callable[[Heard], Iterator[tuple[str, int, int, int]]]
    #: Whether more than the most is wrong as well: nobody else can have part in it.
    closed: bool = False


class Contradiction(NamedTuple):
    """Two things that cannot both be true."""

    requirement: str
    summary: str
    #: Whether it may have another cause than a mistake of the server's.
    odd: bool


#: The requirements by their ids. Those that end in "told" are about events that have to come (`Probe.event`), and
#: TRUE-completion and TRUE-reply-context are looked at with each completion.
TRUTHS: dict[str, Truth] = {
    "TRUE-version": Truth("2.2.4.1.1.2", "NegotiateAPIVersion agrees on a version in the range that the client gave"),
    "TRUE-sizes": Truth("2.2.6", "a structure uses no more than it has and needs no less than it uses"),
    "TRUE-addresses": Truth(
        "2.2.4.1.3.38", "GetDevCaps and GetNumAddressIDs count the same addresses of a line", constant=True
    ),
    "TRUE-address": Truth(
        "2.2.4.1.3.20", "GetAddressID gives the id of the address that GetAddressCaps shows", odd=True, constant=True
    ),
    "TRUE-opens": Truth("2.2.4.1.3.36", "GetLineDevStatus counts the open lines"),
    "TRUE-calls": Truth("2.2.4.1.3.21", "GetAddressStatus counts the calls of an address"),
    "TRUE-owners": Truth("2.2.4.1.3.31", "GetCallInfo counts the owners of a call"),
    "TRUE-call-id": Truth(
        "2.2.4.1.3.30",
        "the completion that brings a call, GetCallIDs and GetCallInfo say the same id of it",
        odd=True,
        constant=True,
    ),
    "TRUE-call-line": Truth("2.2.4.1.3.31", "GetCallInfo names the line of a call", odd=True, constant=True),
    "TRUE-privilege": Truth("2.2.4.1.3.32", "GetCallStatus says the privilege that the client was told of"),
    "TRUE-app-specific": Truth("2.2.4.1.3.63", "GetCallInfo says what SetAppSpecific set", odd=True),
    "TRUE-media-mode": Truth("2.2.4.1.3.73", "GetCallInfo says what SetMediaMode set", odd=True),
    "TRUE-completion": Truth(
        "2.2.4.2.1.25", "a request that is completed with an error has not led the call where it leads", odd=True
    ),
    "TRUE-reply-context": Truth(
        "2.2.4.2.1.25", "the completion of a request on an open line or phone has the contexts of that", odd=True
    ),
    "TRUE-phone-owner": Truth("2.2.4.1.6.10", "phone.GetStatus counts the owners and monitors of a phone"),
    "TRUE-phone-volume": Truth("2.2.4.1.6.11", "GetVolume says what SetVolume set", odd=True),
    "TRUE-phone-gain": Truth("2.2.4.1.6.5", "GetGain says what SetGain set", odd=True),
    "TRUE-phone-lamp": Truth("2.2.4.1.6.8", "GetLamp says what SetLamp set", odd=True),
    "TRUE-phone-ring": Truth("2.2.4.1.6.9", "GetRing says what SetRing set", odd=True),
    "TRUE-phone-display": Truth(
        "2.2.4.1.6.4", "GetDisplay shows what SetDisplay wrote", odd=True, agree=lambda wrote, shows: wrote in shows
    ),
    "TRUE-provider": Truth(
        "2.2.4.1.7.5",
        "the providers of the devices that GetLineInfo lists are those of GetProviderList",
        constant=True,
        agree=lambda some, others: some <= others or others <= some,
    ),
    "TRUE-dialog": Truth("2.2.4.1.7.9", "a dialog instance that GetUIDllName brought can be freed", odd=True),
    "TRUE-filter": Truth("2.2.4.1.8.3", "no event comes that RSPSetEventFilterMasks holds back", odd=True),
    "TRUE-call-info-told": Truth("2.2.4.2.1.7", "LINE_CALLINFO tells of what has changed", odd=True),
    "TRUE-line-state-told": Truth("2.2.4.2.1.17", "LINE_LINEDEVSTATE tells what SetStatusMessages asks for", odd=True),
    "TRUE-address-state-told": Truth(
        "2.2.4.2.1.1", "LINE_ADDRESSSTATE tells what SetStatusMessages asks for", odd=True
    ),
    "TRUE-phone-state-told": Truth("2.2.4.2.1.32", "PHONE_STATE tells what SetStatusMessages asks for", odd=True),
}


# -- how they are read --------------------------------------------------------------------------------------------


def _info(name: str, *, zero: bool = False) -> Callable[[Heard], Iterator[tuple[object, object]]]:
    """A member of LINECALLINFO, where it is there; ``zero`` where that is a value and not "unknown"."""

    def read(heard: Heard) -> Iterator[tuple[object, object]]:
        value = getattr(heard.structure("call_info"), name, None)
        if value or (zero and value is not None):
            yield heard.call, value

    return read


def _call_id(heard: Heard) -> Iterator[tuple[object, object]]:
    if heard.said.call_id:
        yield heard.call, heard.said.call_id


def _new_call_id(heard: Heard) -> Iterator[tuple[object, object]]:
    if heard.said.call_id:
        yield heard.made, heard.said.call_id


def _own_line(heard: Heard) -> Iterator[tuple[object, object]]:
    yield heard.made, heard.packet.line


def _owned(heard: Heard) -> Iterator[tuple[object, object]]:
    yield heard.made, _OWNER


def _told_privilege(heard: Heard) -> Iterator[tuple[object, object]]:
    if heard.said.privilege:
        yield heard.call, heard.said.privilege


def _privilege(heard: Heard) -> Iterator[tuple[object, object]]:
    value = getattr(heard.structure("call_status"), "call_privilege", None)
    if value is not None:
        yield heard.call, value


def _addresses(heard: Heard) -> Iterator[tuple[object, object]]:
    value = getattr(heard.structure("line_dev_caps"), "num_addresses", None)
    if value is not None:
        yield ("line", heard.packet.device_id), value


def _counted_addresses(heard: Heard) -> Iterator[tuple[object, object]]:
    yield ("line", heard.device), heard.said.num_address_ids


def _shown_address(heard: Heard) -> Iterator[tuple[object, object]]:
    text = getattr(heard.structure("address_caps"), "address", None)
    if text:
        yield ("line", heard.packet.device_id, text), heard.packet.address_id


def _address(heard: Heard) -> Iterator[tuple[object, object]]:
    text = bytes(heard.packet.address or b"").decode("utf-16-le", "replace").rstrip("\0")
    yield ("line", heard.device, text), heard.said.address_id


def _written(heard: Heard) -> Iterator[tuple[object, object]]:
    yield (heard.device,), bytes(heard.packet.display or b"").decode("utf-16-le", "replace").rstrip("\0")


def _phone(*subject: str, sets: str = "", says: str = "") -> Callable[[Heard], Iterator[tuple[object, object]]]:
    """A value of a phone, that a request ``sets`` or that its answer ``says``; the request names the rest of the subject."""

    def read(heard: Heard) -> Iterator[tuple[object, object]]:
        value = getattr(heard.packet, sets) if sets else getattr(heard.said, says)
        yield (heard.device, *(getattr(heard.packet, name) for name in subject)), value

    return read


def _displayed(heard: Heard) -> Iterator[tuple[object, object]]:
    text = getattr(heard.structure("display"), "string", None)
    if text is not None:
        yield (heard.device,), text


def _providers(heard: Heard) -> Iterator[tuple[object, object]]:
    listed = getattr(heard.structure("provider_list"), "provider_list", None)
    if listed:
        yield "providers", frozenset(entry.permanent_provider_id for entry in listed)


def _providers_of_lines(heard: Heard) -> Iterator[tuple[object, object]]:
    listed = getattr(heard.structure("device_info_list"), "device_info", None)
    if listed:
        yield "providers", frozenset(entry.provider_id for entry in listed)


def _set(name: str) -> Callable[[Heard], Iterator[tuple[object, object]]]:
    """Something of a call that a request sets."""
    return lambda heard: iter([(heard.call, getattr(heard.packet, name))])


def _dialog(heard: Heard) -> Iterator[tuple[object, object]]:
    yield (heard.client, heard.said.dlg_inst), "there"


def _no_dialog(heard: Heard) -> Iterator[tuple[object, object]]:
    yield (heard.client, heard.packet.dlg_inst), "not there"


CLAIMS: tuple[Claim, ...] = (
    Claim("TRUE-addresses", line.GetDevCaps, _addresses),
    Claim("TRUE-addresses", line.GetNumAddressIDs, _counted_addresses),
    Claim("TRUE-address", line.GetAddressCaps, _shown_address),
    Claim("TRUE-address", line.GetAddressID, _address),
    Claim("TRUE-call-id", line.MakeCall, _new_call_id, sets=True),
    Claim("TRUE-call-id", line.GetCallIDs, _call_id),
    Claim("TRUE-call-id", line.GetCallInfo, _info("call_id")),
    Claim("TRUE-call-line", line.MakeCall, _own_line, sets=True),
    Claim("TRUE-call-line", line.GetCallInfo, _info("line")),
    Claim("TRUE-privilege", line.MakeCall, _owned, sets=True),
    Claim("TRUE-privilege", LINE_CALLSTATE, _told_privilege, sets=True),
    Claim("TRUE-privilege", line.GetCallStatus, _privilege),
    Claim("TRUE-app-specific", line.SetAppSpecific, _set("app_specific"), sets=True),
    Claim("TRUE-app-specific", line.GetCallInfo, _info("app_specific", zero=True)),
    Claim("TRUE-media-mode", line.SetMediaMode, _set("media_mode"), sets=True),
    Claim("TRUE-media-mode", line.GetCallInfo, _info("media_mode")),
    Claim("TRUE-phone-volume", phone.SetVolume, _phone("hook_switch_dev", sets="volume"), sets=True),
    Claim("TRUE-phone-volume", phone.GetVolume, _phone("hook_switch_dev", says="volume")),
    Claim("TRUE-phone-gain", phone.SetGain, _phone("hook_switch_dev", sets="gain"), sets=True),
    Claim("TRUE-phone-gain", phone.GetGain, _phone("hook_switch_dev", says="gain")),
    Claim("TRUE-phone-lamp", phone.SetLamp, _phone("button_lamp_id", sets="lamp_mode"), sets=True),
    Claim("TRUE-phone-lamp", phone.GetLamp, _phone("button_lamp_id", says="lamp_mode")),
    Claim("TRUE-phone-ring", phone.SetRing, _phone(sets="ring_mode"), sets=True),
    Claim("TRUE-phone-ring", phone.GetRing, _phone(says="ring_mode")),
    Claim("TRUE-phone-display", phone.SetDisplay, _written, sets=True),
    Claim("TRUE-phone-display", phone.GetDisplay, _displayed),
    Claim("TRUE-provider", mmc.GetProviderList, _providers),
    Claim("TRUE-provider", mmc.GetLineInfo, _providers_of_lines),
    Claim("TRUE-dialog", mmc.GetUIDllName, _dialog, sets=True),
    Claim("TRUE-dialog", mmc.FreeDialogInstance, _no_dialog, sets=True),
    Claim("TRUE-dialog", mmc.FreeDialogInstance, _no_dialog, refused=True),
)


# -- what is counted ----------------------------------------------------------------------------------------------


def _opens(heard: Heard, *, owners: bool = False) -> int:
    """How often the clients have the line open."""
    return sum(
        opened.device == heard.device and (not owners or bool((opened.privileges or 0) & _OWNER))
        for each in heard.all
        for opened in each.lines.values()
    )


def _version(heard: Heard) -> Iterator[tuple[str, int, int, int]]:
    asked = heard.packet
    yield "version", heard.said.negotiated_version, asked.version, asked.version_current


def _line_opens(heard: Heard) -> Iterator[tuple[str, int, int, int]]:
    number = getattr(heard.structure("line_dev_status"), "num_opens", None)
    if number is not None:
        known = _opens(heard)
        yield "open lines", number, known, known


def _calls(heard: Heard) -> Iterator[tuple[str, int, int, int]]:
    status = heard.structure("address_status")
    names = ("num_active_calls", "num_on_hold_calls", "num_on_hold_pend_calls")
    counts = [getattr(status, name, None) for name in names]
    if None in counts:
        return
    known = sum(
        call.line is not None and call.line.device == heard.device for each in heard.all for call in each.calls.values()
    )
    yield "calls", sum(count or 0 for count in counts), 0, known


def _owners(heard: Heard) -> Iterator[tuple[str, int, int, int]]:
    number = getattr(heard.structure("call_info"), "num_owners", None)
    if number is not None:
        yield "owners", number, 0, _opens(heard, owners=True)


def _phone_users(heard: Heard) -> Iterator[tuple[str, int, int, int]]:
    status = heard.structure("phone_status")
    for name, mask in (("num_owners", 1 << PhoneState.OWNED), ("num_monitors", 1 << PhoneState.MONITORED)):
        number = getattr(status, name, None)
        if number is not None:
            known = sum(
                opened.device == heard.device and opened.mask == mask
                for each in heard.all
                for opened in each.phones.values()
            )
            yield name.removeprefix("num_"), number, known, known


BOUNDS: tuple[Bound, ...] = (
    Bound("TRUE-version", line.NegotiateAPIVersion, _version, closed=True),
    Bound("TRUE-version", phone.NegotiateAPIVersion, _version, closed=True),
    Bound("TRUE-opens", line.GetLineDevStatus, _line_opens),
    Bound("TRUE-calls", line.GetAddressStatus, _calls),
    Bound("TRUE-owners", line.GetCallInfo, _owners),
    Bound("TRUE-phone-owner", phone.GetStatus, _phone_users),
)
