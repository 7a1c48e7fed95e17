"""What stands behind a server: a telephone switch, reached through functions named after TSPI.

A provider is asked by the server (`Provider`, one method for each TSPI function that a remote client can cause) and tells
it what happens (`Sink`). Operations that take time return an awaitable: its result completes the request, an exception
`TapiError` fails it. Operations that are done at once return their result. What is refused at once raises `TapiError`.
The server has checked handles, offsets, values, states and privileges before it asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from protocol.constants import LINEERR, PHONEERR
from protocol.packet import error_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping

    from mstrp.live.server.calls import Call
    from mstrp.live.server.devices import LineDevice, PhoneDevice
    from protocol.event import Event
    from protocol.packet import Request
    from protocol.structures import (
        FLOWSPEC,
        LINEADDRESSCAPS,
        LINEADDRESSSTATUS,
        LINECALLPARAMS,
        LINEDEVCAPS,
        LINEDEVSTATUS,
        LINEDIALPARAMS,
        LINEFORWARDLIST,
        PHONEBUTTONINFO,
        PHONECAPS,
        PHONESTATUS,
        VARSTRING,
    )

__all__ = ["Provider", "Reply", "Sink", "TapiError"]

#: The result of an operation, now or later.
Reply: TypeAlias = "Awaitable[Any] | Any"


class TapiError(Exception):
    """An operation that fails; ``code`` is what the client gets to see."""

    def __init__(self, code: int, why: str = "") -> None:
        name = error_name(int(code)) or f"{code:#x}"
        super().__init__(f"{name}: {why}" if why else name)
        self.code = int(code)


def unavailable(phone: bool = False) -> TapiError:
    """What a provider that cannot do something answers."""
    return TapiError(PHONEERR.OPERATIONUNAVAIL if phone else LINEERR.OPERATIONUNAVAIL)


class Sink(Protocol):
    """What the server offers to its provider: the LINEEVENT and PHONEEVENT procedures of TSPI, as methods."""

    @property
    def lines(self) -> Mapping[int, LineDevice]:
        """The lines with their open handles and calls."""

    def new_call(self, device: int, *, address: int = 0, owned: bool = True, **facts: Any) -> Call:
        """LINE_NEWCALL: there is a call that no client made. The state that follows announces it to clients.

        ``owned``: somebody may own it; else all clients only watch.
        """

    def call_state(self, call: Call, state: int, mode: int = 0, *, media: int = 0) -> None:
        """LINE_CALLSTATE: a call is in a state now."""

    def call_info(self, call: Call, changes: int, **facts: Any) -> None:
        """LINE_CALLINFO: something that is known about a call has changed."""

    def call_gone(self, call: Call) -> None:
        """The provider will say nothing about a call any more."""

    def device_event(self, device: int, event: type[Event], **fields: Any) -> None:
        """Any other event of a line, to all who have it open (LINE_LINEDEVSTATE and LINE_ADDRESSSTATE: who asked for it)."""

    def call_event(self, call: Call, event: type[Event], *, to: Any = None, **fields: Any) -> None:
        """Any other event about a call, to all who have a handle of it, or to the one who asked for it."""

    def phone_event(self, device: int, event: type[Event], **fields: Any) -> None:
        """An event of a phone, to all who have it open (PHONE_STATE, PHONE_BUTTON: who asked for it)."""

    def line_close(self, device: int) -> None:
        """LINE_CLOSE: a line is closed by force; everything on it is void."""

    def line_create(self) -> int:
        """LINE_CREATE: there is one more line; its device id."""

    def line_remove(self, device: int) -> None:
        """LINE_REMOVE: a line is gone for good."""

    def phone_close(self, device: int) -> None:
        """PHONE_CLOSE: a phone is closed by force."""

    def phone_create(self) -> int:
        """PHONE_CREATE: there is one more phone; its device id."""

    def phone_remove(self, device: int) -> None:
        """PHONE_REMOVE: a phone is gone for good."""


class Provider:
    """A service provider; what it does not override it cannot do (OPERATIONUNAVAIL).

    ``call`` is always the server's object for a call: a provider keeps what it needs in ``call.note``.
    """

    #: As GetProviderList shows it.
    file_name = "provider.tsp"
    #: The newest TSPI version that is spoken.
    version = 0x00030001
    #: How many lines and phones there are to begin with.
    lines = 0
    phones = 0
    sink: Sink

    # -- the provider itself (TSPI_providerInit, TSPI_providerShutdown) --------------------------------------------

    def provider_init(self, sink: Sink) -> None:
        """The server starts; ``sink`` is where to tell what happens."""
        self.sink = sink

    def provider_shutdown(self) -> None:
        """The server ends."""

    def provider_ui_identify(self) -> str:
        """The library with the provider's dialogs (TUISPI)."""
        raise unavailable()

    def provider_generic_dialog_data(self, object_id: int, object_type: int, data: bytes) -> bytes:
        """Data from a dialog; what goes back to it."""
        raise unavailable()

    # -- lines ----------------------------------------------------------------------------------------------------

    def line_get_num_address_ids(self, device: int) -> int:
        """How many addresses a line has."""
        return 1

    def line_get_dev_caps(self, device: int, version: int) -> LINEDEVCAPS:
        """What a line can do."""
        raise unavailable()

    def line_get_address_caps(self, device: int, address: int, version: int) -> LINEADDRESSCAPS:
        """What an address can do."""
        raise unavailable()

    def line_get_address_id(self, device: int, address: str) -> int:
        """The id of an address."""
        raise unavailable()

    def line_get_address_status(self, device: int, address: int) -> LINEADDRESSSTATUS:
        """The status of an address."""
        raise unavailable()

    def line_get_line_dev_status(self, device: int, version: int) -> LINEDEVSTATUS:
        """The status of a line; the server adds who has it open."""
        raise unavailable()

    def line_open(self, line: LineDevice) -> None:
        """The first client opens a line."""

    def line_close(self, line: LineDevice) -> None:
        """The last client closed a line."""

    def line_set_default_media_detection(self, device: int, media: int) -> None:
        """Media types to detect on new calls."""

    def line_conditional_media_detection(self, device: int, media: int, params: LINECALLPARAMS | None) -> None:
        """Raise when the media types could not be detected."""

    def line_negotiate_ext_version(self, device: int, low: int, high: int) -> int:
        """A version of the extensions, 0 where there are none."""
        return 0

    def line_select_ext_version(self, device: int, version: int) -> None:
        """Use a version of the extensions."""
        if version:
            raise TapiError(LINEERR.INCOMPATIBLEEXTVERSION)

    def line_get_dev_config(self, device: int, device_class: str) -> bytes:
        """The configuration of a media device."""
        raise TapiError(LINEERR.INVALDEVICECLASS)

    def line_set_dev_config(self, device: int, device_class: str, config: VARSTRING | None) -> None:
        """Set the configuration of a media device."""
        raise TapiError(LINEERR.INVALDEVICECLASS)

    def line_get_id(self, device: int, address: int, call: Call | None, device_class: str) -> bytes:
        """The id of the device of another class that belongs to a line, an address or a call."""
        raise TapiError(LINEERR.INVALDEVICECLASS)

    def line_set_line_dev_status(self, device: int, flags: int, on: bool) -> Reply:
        """Set or clear status bits."""
        raise unavailable()

    def line_set_terminal(
        self, device: int, address: int, call: Call | None, modes: int, terminal: int, on: bool
    ) -> Reply:
        """Route low-level events to a terminal."""
        raise unavailable()

    def line_set_media_control(self, request: Request, call: Call | None) -> None:
        """Act on a media stream when something occurs."""
        raise unavailable()

    def line_dev_specific(self, device: int, address: int, call: Call | None, data: bytes) -> Reply:
        """Extensions of a line; what goes back to the client."""
        raise unavailable()

    def line_dev_specific_feature(self, device: int, feature: int, data: bytes) -> Reply:
        """A feature button; what goes back to the client."""
        raise unavailable()

    def line_forward(
        self,
        device: int,
        address: int | None,
        rules: LINEFORWARDLIST | None,
        rings: int,
        consult: Call,
        params: LINECALLPARAMS | None,
    ) -> Reply:
        """Forward calls. The result tells whether the consultation call is used."""
        raise unavailable()

    # -- making and ending calls ----------------------------------------------------------------------------------

    def line_make_call(
        self, device: int, call: Call, destination: str | None, country: int, params: LINECALLPARAMS | None
    ) -> Reply:
        """Make a call; the operation is done when digits are accepted, at the latest when it proceeds."""
        raise unavailable()

    def line_dial(self, call: Call, destination: str, country: int) -> Reply:
        """Dial on a call that exists."""
        raise unavailable()

    def line_accept(self, call: Call, user_user: bytes) -> Reply:
        """Claim an offered call and alert."""
        raise unavailable()

    def line_answer(self, call: Call, user_user: bytes) -> Reply:
        """Answer a call."""
        raise unavailable()

    def line_drop(self, call: Call, user_user: bytes) -> Reply:
        """Drop a call."""
        raise unavailable()

    def line_close_call(self, call: Call) -> None:
        """No client has a handle of a call any more."""

    def line_redirect(self, call: Call, destination: str, country: int) -> Reply:
        """Send an offered call on."""
        raise unavailable()

    def line_secure_call(self, call: Call) -> Reply:
        """Protect a call from interruptions."""
        raise unavailable()

    # -- hold, transfer, conference -------------------------------------------------------------------------------

    def line_hold(self, call: Call) -> Reply:
        """Hold a call."""
        raise unavailable()

    def line_unhold(self, call: Call) -> Reply:
        """Take a call back."""
        raise unavailable()

    def line_swap_hold(self, active: Call, held: Call) -> Reply:
        """Exchange the active call and a held one."""
        raise unavailable()

    def line_blind_transfer(self, call: Call, destination: str, country: int) -> Reply:
        """Transfer a call without speaking to the third party."""
        raise unavailable()

    def line_setup_transfer(self, call: Call, consult: Call, params: LINECALLPARAMS | None) -> Reply:
        """Hold a call and get a consultation call."""
        raise unavailable()

    def line_complete_transfer(self, call: Call, consult: Call, conference: Call | None) -> Reply:
        """Complete a transfer, as a conference where there is a call for it."""
        raise unavailable()

    def line_setup_conference(
        self,
        call: Call | None,
        device: int,
        conference: Call,
        consult: Call,
        parties: int,
        params: LINECALLPARAMS | None,
    ) -> Reply:
        """Begin a conference."""
        raise unavailable()

    def line_prepare_add_to_conference(self, conference: Call, consult: Call, params: LINECALLPARAMS | None) -> Reply:
        """Get a consultation call with which to extend a conference."""
        raise unavailable()

    def line_add_to_conference(self, conference: Call, consult: Call) -> Reply:
        """Add a call to a conference."""
        raise unavailable()

    def line_remove_from_conference(self, call: Call) -> Reply:
        """Take a call out of its conference."""
        raise unavailable()

    # -- park, pick-up, completion --------------------------------------------------------------------------------

    def line_park(self, call: Call, mode: int, address: str | None) -> Reply:
        """Park a call; the result is the address where the switch chose it."""
        raise unavailable()

    def line_unpark(self, device: int, address: int, call: Call, destination: str) -> Reply:
        """Take a parked call."""
        raise unavailable()

    def line_pickup(self, device: int, address: int, call: Call, destination: str | None, group: str | None) -> Reply:
        """Take a call that alerts elsewhere."""
        raise unavailable()

    def line_complete_call(self, call: Call, mode: int, message: int) -> Reply:
        """Have a call completed later; the result is the completion id."""
        raise unavailable()

    def line_uncomplete_call(self, device: int, completion: int) -> Reply:
        """Cancel a call completion."""
        raise unavailable()

    # -- what is sent with calls and known about them -------------------------------------------------------------

    def line_send_uui(self, call: Call, data: bytes) -> Reply:
        """Send user-user information."""
        raise unavailable()

    def line_release_uui(self, call: Call) -> Reply:
        """User-user information that came may be overwritten."""
        raise unavailable()

    def line_set_app_specific(self, call: Call, value: int) -> None:
        """A value that applications share; the server keeps it and tells all."""

    def line_set_call_data(self, call: Call, data: bytes) -> Reply:
        """Data that travels with a call; the server keeps it and tells all."""
        return None

    def line_set_call_params(
        self, call: Call, bearer: int, least: int, most: int, params: LINEDIALPARAMS | None
    ) -> Reply:
        """Bearer mode and rates."""
        raise unavailable()

    def line_set_call_quality_of_service(
        self, call: Call, sending: FLOWSPEC | None, receiving: FLOWSPEC | None
    ) -> Reply:
        """Quality of service."""
        raise unavailable()

    def line_set_call_treatment(self, call: Call, treatment: int) -> Reply:
        """What the caller hears."""
        raise unavailable()

    def line_set_media_mode(self, call: Call, media: int) -> None:
        """The media type of a call."""

    # -- digits, tones, media -------------------------------------------------------------------------------------

    def line_monitor_digits(self, call: Call, modes: int) -> None:
        """Tell digits, with LINE_MONITORDIGITS; 0 stops it."""
        raise unavailable()

    def line_monitor_media(self, call: Call, media: int) -> None:
        """Tell media types, with LINE_MONITORMEDIA; 0 stops it."""
        raise unavailable()

    def line_monitor_tones(self, call: Call, tones: Iterable[Any], list_id: int) -> None:
        """Tell tones, with LINE_MONITORTONE; an empty list stops it."""
        raise unavailable()

    def line_gather_digits(self, call: Call, request: Request, to: Any) -> None:
        """Collect digits; LINE_GATHERDIGITS goes to the one who asked."""
        raise unavailable()

    def line_generate_digits(
        self, call: Call, mode: int, digits: str | None, duration: int, end_to_end: int, to: Any
    ) -> None:
        """Send digits; LINE_GENERATE goes to the one who asked."""
        raise unavailable()

    def line_generate_tone(self, call: Call, request: Request, to: Any) -> None:
        """Send a tone; LINE_GENERATE goes to the one who asked."""
        raise unavailable()

    # -- agents ---------------------------------------------------------------------------------------------------

    def agent_types(self, device: int) -> frozenset[int]:
        """Types of proxy request that the switch itself serves for a line, besides the handlers among the clients."""
        return frozenset()

    def agent_request(self, device: int, request: Request, *, passed_on: bool) -> Reply:
        """A request about agents or queues: what its completion brings, by field name.

        ``passed_on``: a client is the handler and has been told. Its answer is no packet of this protocol (it is given
        with lineProxyResponse, at the server), so it comes from here as well.
        """
        raise unavailable()

    # -- phones ---------------------------------------------------------------------------------------------------

    def phone_get_dev_caps(self, device: int, version: int) -> PHONECAPS:
        """What a phone can do."""
        raise unavailable(phone=True)

    def phone_get_status(self, device: int) -> PHONESTATUS:
        """The status of a phone; the server adds who has it open."""
        raise unavailable(phone=True)

    def phone_open(self, phone: PhoneDevice) -> None:
        """The first client opens a phone."""

    def phone_close(self, phone: PhoneDevice) -> None:
        """The last client closed a phone."""

    def phone_negotiate_ext_version(self, device: int, low: int, high: int) -> int:
        """A version of the extensions, 0 where there are none."""
        return 0

    def phone_select_ext_version(self, device: int, version: int) -> None:
        """Use a version of the extensions."""
        if version:
            raise TapiError(PHONEERR.INCOMPATIBLEEXTVERSION)

    def phone_get_id(self, device: int, device_class: str) -> bytes:
        """The id of the device of another class that belongs to a phone."""
        raise TapiError(PHONEERR.INVALDEVICECLASS)

    def phone_get(self, device: int, what: str, which: int) -> Any:
        """A value of a phone: ``what`` is gain, volume, hook_switch, lamp, ring, display, data or button."""
        raise unavailable(phone=True)

    def phone_set(self, device: int, what: str, which: int, value: Any) -> Reply:
        """Set a value of a phone."""
        raise unavailable(phone=True)

    def phone_set_button_info(self, device: int, button: int, info: PHONEBUTTONINFO | None) -> Reply:
        """Function and text of a button."""
        raise unavailable(phone=True)

    def phone_dev_specific(self, device: int, data: bytes) -> Reply:
        """Extensions of a phone; what goes back to the client."""
        raise unavailable(phone=True)
