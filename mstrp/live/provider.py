"""Service providers: what a server controls, through methods named after TSPI.

The server calls a method of `Provider` for each TSPI function that a client request causes; the provider reports events
to its `Sink`. A method returns the result of the operation, or an awaitable if the operation takes time; `TapiError`, at
once or from the awaitable, fails the request. The server checks handles, offsets, values, states and privileges before
the call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from protocol.constants import LINEERR, PHONEERR
from protocol.packet import error_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from mstrp.live.server.calls import Call
    from mstrp.live.server.devices import LineDevice, PhoneDevice
    from mstrp.live.sink import Sink
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

__all__ = ["Provider", "Reply", "TapiError"]

#: The result of an operation, now or later.
Reply: TypeAlias = "Awaitable[Any] | Any"


class TapiError(Exception):
    """The failure of an operation; ``code`` is the error code that the client receives."""

    def __init__(self, code: int, why: str = "") -> None:
        name = error_name(int(code)) or f"{code:#x}"
        super().__init__(f"{name}: {why}" if why else name)
        self.code = int(code)


def unavailable(phone: bool = False) -> TapiError:
    """Return the error of an operation that the provider does not support."""
    return TapiError(PHONEERR.OPERATIONUNAVAIL if phone else LINEERR.OPERATIONUNAVAIL)


class Provider:
    """The base class of service providers; operations that are not overridden fail with OPERATIONUNAVAIL.

    ``call`` is the server's object for a call; its attribute ``note`` is reserved for the provider.
    """

    #: The file name in GetProviderList.
    file_name = "provider.tsp"
    #: The latest supported TSPI version.
    version = 0x00030001
    #: The initial numbers of lines and phones.
    lines = 0
    phones = 0
    sink: Sink

    # -- the provider itself (TSPI_providerInit, TSPI_providerShutdown) --------------------------------------------

    def provider_init(self, sink: Sink) -> None:
        """Start; report events to ``sink``."""
        self.sink = sink

    def provider_shutdown(self) -> None:
        """Stop: the server ends."""

    def provider_ui_identify(self) -> str:
        """Return the name of the library with the provider's dialogs (TUISPI)."""
        raise unavailable()

    def provider_generic_dialog_data(self, object_id: int, object_type: int, data: bytes) -> bytes:
        """Process data of a dialog; return the data to send back."""
        raise unavailable()

    # -- lines ----------------------------------------------------------------------------------------------------

    def line_get_num_address_ids(self, device: int) -> int:
        """Return the number of addresses of a line."""
        return 1

    def line_get_dev_caps(self, device: int, version: int) -> LINEDEVCAPS:
        """Return the capabilities of a line."""
        raise unavailable()

    def line_get_address_caps(self, device: int, address: int, version: int) -> LINEADDRESSCAPS:
        """Return the capabilities of an address."""
        raise unavailable()

    def line_get_address_id(self, device: int, address: str) -> int:
        """Return the id of an address."""
        raise unavailable()

    def line_get_address_status(self, device: int, address: int) -> LINEADDRESSSTATUS:
        """Return the status of an address."""
        raise unavailable()

    def line_get_line_dev_status(self, device: int, version: int) -> LINEDEVSTATUS:
        """Return the status of a line; the server adds the open handles."""
        raise unavailable()

    def line_open(self, line: LineDevice) -> None:
        """Open a line for its first client."""

    def line_close(self, line: LineDevice) -> None:
        """Close a line after its last client."""

    def line_set_default_media_detection(self, device: int, media: int) -> None:
        """Set the media types to detect on new calls."""

    def line_conditional_media_detection(self, device: int, media: int, params: LINECALLPARAMS | None) -> None:
        """Check whether the media types can be detected; raise `TapiError` if not."""

    def line_negotiate_ext_version(self, device: int, low: int, high: int) -> int:
        """Return an extension version, 0 if there are no extensions."""
        return 0

    def line_select_ext_version(self, device: int, version: int) -> None:
        """Select an extension version."""
        if version:
            raise TapiError(LINEERR.INCOMPATIBLEEXTVERSION)

    def line_get_dev_config(self, device: int, device_class: str) -> bytes:
        """Return the configuration of a media device."""
        raise TapiError(LINEERR.INVALDEVICECLASS)

    def line_set_dev_config(self, device: int, device_class: str, config: VARSTRING | None) -> None:
        """Set the configuration of a media device."""
        raise TapiError(LINEERR.INVALDEVICECLASS)

    def line_get_id(self, device: int, address: int, call: Call | None, device_class: str) -> bytes:
        """Return the id of the device of a class for a line, an address or a call."""
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
        """Set the actions on a media stream for media events."""
        raise unavailable()

    def line_dev_specific(self, device: int, address: int, call: Call | None, data: bytes) -> Reply:
        """Perform an extension function of a line; return the data for the client."""
        raise unavailable()

    def line_dev_specific_feature(self, device: int, feature: int, data: bytes) -> Reply:
        """Perform a function of the switch; return the data for the client."""
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
        """Forward calls; return whether the consultation call is used."""
        raise unavailable()

    # -- making and ending calls ----------------------------------------------------------------------------------

    def line_make_call(
        self, device: int, call: Call, destination: str | None, country: int, params: LINECALLPARAMS | None
    ) -> Reply:
        """Make a call; complete the operation when the digits are accepted, at the latest when the call proceeds."""
        raise unavailable()

    def line_dial(self, call: Call, destination: str, country: int) -> Reply:
        """Dial on an existing call."""
        raise unavailable()

    def line_accept(self, call: Call, user_user: bytes) -> Reply:
        """Claim an offered call and alert the user."""
        raise unavailable()

    def line_answer(self, call: Call, user_user: bytes) -> Reply:
        """Answer a call."""
        raise unavailable()

    def line_drop(self, call: Call, user_user: bytes) -> Reply:
        """Drop a call."""
        raise unavailable()

    def line_close_call(self, call: Call) -> None:
        """Release a call to which no client has a handle."""

    def line_redirect(self, call: Call, destination: str, country: int) -> Reply:
        """Redirect an offered call."""
        raise unavailable()

    def line_secure_call(self, call: Call) -> Reply:
        """Protect a call from interruptions."""
        raise unavailable()

    # -- hold, transfer, conference -------------------------------------------------------------------------------

    def line_hold(self, call: Call) -> Reply:
        """Hold a call."""
        raise unavailable()

    def line_unhold(self, call: Call) -> Reply:
        """Resume a call on hold."""
        raise unavailable()

    def line_swap_hold(self, active: Call, held: Call) -> Reply:
        """Swap the active call and a call on hold."""
        raise unavailable()

    def line_blind_transfer(self, call: Call, destination: str, country: int) -> Reply:
        """Transfer a call without consultation."""
        raise unavailable()

    def line_setup_transfer(self, call: Call, consult: Call, params: LINECALLPARAMS | None) -> Reply:
        """Hold a call and set up a consultation call."""
        raise unavailable()

    def line_complete_transfer(self, call: Call, consult: Call, conference: Call | None) -> Reply:
        """Complete a transfer, as a conference if a conference call is given."""
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
        """Set up a conference."""
        raise unavailable()

    def line_prepare_add_to_conference(self, conference: Call, consult: Call, params: LINECALLPARAMS | None) -> Reply:
        """Set up a consultation call to add to a conference."""
        raise unavailable()

    def line_add_to_conference(self, conference: Call, consult: Call) -> Reply:
        """Add a call to a conference."""
        raise unavailable()

    def line_remove_from_conference(self, call: Call) -> Reply:
        """Remove a call from its conference."""
        raise unavailable()

    # -- park, pick-up, completion --------------------------------------------------------------------------------

    def line_park(self, call: Call, mode: int, address: str | None) -> Reply:
        """Park a call; return the address if the switch chooses it."""
        raise unavailable()

    def line_unpark(self, device: int, address: int, call: Call, destination: str) -> Reply:
        """Retrieve a parked call."""
        raise unavailable()

    def line_pickup(self, device: int, address: int, call: Call, destination: str | None, group: str | None) -> Reply:
        """Pick up a call that is alerting at another address."""
        raise unavailable()

    def line_complete_call(self, call: Call, mode: int, message: int) -> Reply:
        """Register a call completion; return the completion id."""
        raise unavailable()

    def line_uncomplete_call(self, device: int, completion: int) -> Reply:
        """Cancel a call completion."""
        raise unavailable()

    # -- call information ----------------------------------------------------------------------------------------

    def line_send_uui(self, call: Call, data: bytes) -> Reply:
        """Send user-user information."""
        raise unavailable()

    def line_release_uui(self, call: Call) -> Reply:
        """Discard the user-user information that was received."""
        raise unavailable()

    def line_set_app_specific(self, call: Call, value: int) -> None:
        """Set the application-specific value; the server stores and reports it."""

    def line_set_call_data(self, call: Call, data: bytes) -> Reply:
        """Set the data that travels with a call; the server stores and reports it."""
        return None

    def line_set_call_params(
        self, call: Call, bearer: int, least: int, most: int, params: LINEDIALPARAMS | None
    ) -> Reply:
        """Set bearer mode and data rates."""
        raise unavailable()

    def line_set_call_quality_of_service(
        self, call: Call, sending: FLOWSPEC | None, receiving: FLOWSPEC | None
    ) -> Reply:
        """Set the quality of service."""
        raise unavailable()

    def line_set_call_treatment(self, call: Call, treatment: int) -> Reply:
        """Set the treatment of an unanswered call."""
        raise unavailable()

    def line_set_media_mode(self, call: Call, media: int) -> None:
        """Set the media type of a call."""

    # -- digits, tones, media -------------------------------------------------------------------------------------

    def line_monitor_digits(self, call: Call, modes: int) -> None:
        """Report digits with LINE_MONITORDIGITS; 0 stops."""
        raise unavailable()

    def line_monitor_media(self, call: Call, media: int) -> None:
        """Report media types with LINE_MONITORMEDIA; 0 stops."""
        raise unavailable()

    def line_monitor_tones(self, call: Call, tones: Iterable[Any], list_id: int) -> None:
        """Report tones with LINE_MONITORTONE; an empty list stops."""
        raise unavailable()

    def line_gather_digits(self, call: Call, request: Request, to: Any) -> None:
        """Gather digits; report them with LINE_GATHERDIGITS to the handle ``to``."""
        raise unavailable()

    def line_generate_digits(
        self, call: Call, mode: int, digits: str | None, duration: int, end_to_end: int, to: Any
    ) -> None:
        """Send digits; report the end with LINE_GENERATE to the handle ``to``."""
        raise unavailable()

    def line_generate_tone(self, call: Call, request: Request, to: Any) -> None:
        """Send a tone; report the end with LINE_GENERATE to the handle ``to``."""
        raise unavailable()

    # -- agents ---------------------------------------------------------------------------------------------------

    def agent_types(self, device: int) -> frozenset[int]:
        """Return the types of proxy request that the provider serves for a line, in addition to handlers."""
        return frozenset()

    def agent_request(self, device: int, request: Request, *, passed_on: bool) -> Reply:
        """Perform a request about agents or queues; return the fields of its completion.

        ``passed_on``: a client is the handler and has received the request. Its response is not a packet of this
        protocol (the handler calls lineProxyResponse at the server), so the provider returns the result as well.
        """
        raise unavailable()

    # -- phones ---------------------------------------------------------------------------------------------------

    def phone_get_dev_caps(self, device: int, version: int) -> PHONECAPS:
        """Return the capabilities of a phone."""
        raise unavailable(phone=True)

    def phone_get_status(self, device: int) -> PHONESTATUS:
        """Return the status of a phone; the server adds the open handles."""
        raise unavailable(phone=True)

    def phone_open(self, phone: PhoneDevice) -> None:
        """Open a phone for its first client."""

    def phone_close(self, phone: PhoneDevice) -> None:
        """Close a phone after its last client."""

    def phone_negotiate_ext_version(self, device: int, low: int, high: int) -> int:
        """Return an extension version, 0 if there are no extensions."""
        return 0

    def phone_select_ext_version(self, device: int, version: int) -> None:
        """Select an extension version."""
        if version:
            raise TapiError(PHONEERR.INCOMPATIBLEEXTVERSION)

    def phone_get_id(self, device: int, device_class: str) -> bytes:
        """Return the id of the device of a class for a phone."""
        raise TapiError(PHONEERR.INVALDEVICECLASS)

    def phone_get(self, device: int, what: str, which: int) -> Any:
        """Return a value; ``what`` is gain, volume, hook_switch, lamp, ring, display, data or button."""
        raise unavailable(phone=True)

    def phone_set(self, device: int, what: str, which: int, value: Any) -> Reply:
        """Set a value, as in `phone_get`."""
        raise unavailable(phone=True)

    def phone_set_button_info(self, device: int, button: int, info: PHONEBUTTONINFO | None) -> Reply:
        """Set function and text of a button."""
        raise unavailable(phone=True)

    def phone_dev_specific(self, device: int, data: bytes) -> Reply:
        """Perform an extension function of a phone; return the data for the client."""
        raise unavailable(phone=True)
