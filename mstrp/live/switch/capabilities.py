"""What the lines of the switch say that they can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.live.provider import Provider, TapiError
from protocol.constants import (
    LINEADDRCAPFLAGS,
    LINEADDRESSMODE,
    LINEADDRESSSHARING,
    LINEADDRFEATURE,
    LINEANSWERMODE,
    LINEBEARERMODE,
    LINECALLCOMPLMODE,
    LINECALLPARTYID,
    LINECALLSTATE,
    LINEDEVCAPFLAGS,
    LINEDIGITMODE,
    LINEERR,
    LINEFEATURE,
    LINEFORWARDMODE,
    LINEMEDIAMODE,
    LINEPARKMODE,
    LINEREMOVEFROMCONF,
    LINEROAMMODE,
    LINETRANSFERMODE,
    STRINGFORMAT,
)
from protocol.structures import LINEADDRESSCAPS, LINEADDRESSSTATUS, LINEDEVCAPS, LINEDEVSTATUS, LINEFORWARD
from protocol.structures.common import LINEDIALPARAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.live.server.calls import Call
    from mstrp.live.switch.plan import Plan

__all__ = ["Capabilities"]

_VOICE = int(LINEMEDIAMODE.INTERACTIVEVOICE | LINEMEDIAMODE.AUTOMATEDVOICE)
_PARTY = int(LINECALLPARTYID.ADDRESS | LINECALLPARTYID.NAME | LINECALLPARTYID.UNKNOWN)
_STATES = sum(int(state) for state in LINECALLSTATE)
_ADDRESS_FEATURES = int(
    LINEADDRFEATURE.FORWARD
    | LINEADDRFEATURE.MAKECALL
    | LINEADDRFEATURE.PICKUP
    | LINEADDRFEATURE.UNCOMPLETECALL
    | LINEADDRFEATURE.UNPARK
    | LINEADDRFEATURE.SETUPCONF
)
_FORWARDS = int(LINEFORWARDMODE.UNCOND | LINEFORWARDMODE.UNCONDSPECIFIC | LINEFORWARDMODE.BUSY | LINEFORWARDMODE.NOANSW)
_TIMES = LINEDIALPARAMS(dial_pause=2000, dial_speed=100, digit_duration=100, wait_for_dialtone=500)
_CLASSES = ("tapi/line",)


class Capabilities(Provider):
    """The part of the switch that describes it."""

    plan: Plan
    rules_of: Callable[[int, int], list[tuple[int, str, str]]]
    status_of: Callable[[int], int]

    def line_get_num_address_ids(self, device: int) -> int:
        """As many as the plan says."""
        return self.plan.addresses

    def line_get_dev_caps(self, device: int, version: int) -> LINEDEVCAPS:
        """A line for voice."""
        fields: dict[str, Any] = {
            "provider_info": "simulated switch",
            "switch_info": "simulated switch",
            "permanent_line_id": device,
            "line_name": f"Line {device}",
            "string_format": int(STRINGFORMAT.UNICODE),
            "address_modes": int(LINEADDRESSMODE.ADDRESSID),
            "num_addresses": self.plan.addresses,
            "bearer_modes": int(LINEBEARERMODE.VOICE),
            "media_modes": _VOICE,
            "generate_digit_modes": int(LINEDIGITMODE.DTMF),
            "monitor_digit_modes": int(LINEDIGITMODE.DTMF),
            "gather_digits_max_timeout": 60_000,
            "dev_cap_flags": int(LINEDEVCAPFLAGS.CLOSEDROP),
            "max_num_active_calls": self.plan.active,
            "answer_mode": int(LINEANSWERMODE.HOLD),
            "ring_modes": 1,
            "line_states": 0x18E7FF,
            "uui_call_info_size": 4096,
            "min_dial_params": _TIMES,
            "max_dial_params": _TIMES,
            "default_dial_params": _TIMES,
            "line_features": int(LINEFEATURE.FORWARD | LINEFEATURE.MAKECALL | LINEFEATURE.DEVSPECIFIC),
        }
        if version >= 0x00020000:
            fields["device_classes"] = _CLASSES
        return LINEDEVCAPS(**fields, tapi_version=version)

    def line_get_address_caps(self, device: int, address: int, version: int) -> LINEADDRESSCAPS:
        """An address that can do everything that is simulated."""
        if address >= self.plan.addresses:
            raise TapiError(LINEERR.INVALADDRESSID, f"address {address}")
        fields: dict[str, Any] = {
            "line_device_id": device,
            "address": self.plan.address(device, address),
            "address_sharing": int(LINEADDRESSSHARING.PRIVATE),
            "address_states": 0x7F,
            "call_info_states": 0x7FFFFFFF,
            "caller_id_flags": _PARTY,
            "called_id_flags": _PARTY,
            "connected_id_flags": _PARTY,
            "call_states": _STATES,
            "max_num_active_calls": self.plan.active,
            "max_num_on_hold_calls": self.plan.active,
            "max_num_on_hold_pending_calls": self.plan.active,
            "max_num_conference": 32,
            "max_num_trans_conf": 32,
            "addr_cap_flags": int(LINEADDRCAPFLAGS.DIALED | LINEADDRCAPFLAGS.AUTORECONNECT | LINEADDRCAPFLAGS.CONFDROP),
            "remove_from_conf_caps": int(LINEREMOVEFROMCONF.ANY),
            "remove_from_conf_state": int(LINECALLSTATE.CONNECTED),
            "transfer_modes": int(LINETRANSFERMODE.TRANSFER | LINETRANSFERMODE.CONFERENCE),
            "park_modes": int(LINEPARKMODE.DIRECTED | LINEPARKMODE.NONDIRECTED),
            "forward_modes": _FORWARDS,
            "max_forward_entries": 16,
            "max_specific_entries": 16,
            "max_call_completions": 16,
            "call_completion_modes": int(LINECALLCOMPLMODE.CALLBACK),
            "address_features": _ADDRESS_FEATURES,
        }
        if version >= 0x00020000:
            fields["device_classes"] = _CLASSES
            fields["available_media_modes"] = _VOICE
        return LINEADDRESSCAPS(**fields, tapi_version=version)

    def line_get_address_id(self, device: int, address: str) -> int:
        """Which address of a line has a number."""
        place = self.plan.find(address)
        if place is None or place[0] != device:
            raise TapiError(LINEERR.INVALADDRESS, repr(address))
        return place[1]

    def line_get_address_status(self, device: int, address: int) -> LINEADDRESSSTATUS:
        """Forwarding; the server counts the calls."""
        forward = tuple(
            LINEFORWARD(forward_mode=mode, caller_address=only or None, dest_address=where or None)
            for mode, only, where in self.rules_of(device, address)
        )
        return LINEADDRESSSTATUS(address_features=_ADDRESS_FEATURES, forward=forward or None)

    def line_get_line_dev_status(self, device: int, version: int) -> LINEDEVSTATUS:
        """In service; the server counts calls and users."""
        return LINEDEVSTATUS(
            line_features=int(LINEFEATURE.FORWARD | LINEFEATURE.MAKECALL),
            signal_level=0xFFFF,
            battery_level=0xFFFF,
            roam_mode=int(LINEROAMMODE.UNAVAIL),
            dev_status_flags=self.status_of(device),
            tapi_version=version,
        )

    def line_get_id(self, device: int, address: int, call: Call | None, device_class: str) -> bytes:
        """The id of a line among lines is its own."""
        if device_class.casefold() != "tapi/line":
            raise TapiError(LINEERR.INVALDEVICECLASS)
        return device.to_bytes(4, "little")

    def provider_ui_identify(self) -> str:
        """The dialogs of this switch."""
        return "simulated_ui.dll"

    def provider_generic_dialog_data(self, object_id: int, object_type: int, data: bytes) -> bytes:
        """What a dialog sends comes back."""
        return data
