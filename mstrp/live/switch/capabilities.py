"""Capabilities and status of lines and addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.live.provider import TapiError
from mstrp.live.switch.conference import MAXIMUM
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
    from mstrp.live.server.calls import Call
    from mstrp.live.switch.switch import Switch

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


def get_num_address_ids(switch: Switch, device: int) -> int:
    """The number of addresses of a line."""
    return switch.plan.addresses


def get_dev_caps(switch: Switch, device: int, version: int) -> LINEDEVCAPS:
    """The capabilities of a line."""
    fields: dict[str, Any] = {
        "provider_info": "simulated switch",
        "switch_info": "simulated switch",
        "permanent_line_id": device,
        "line_name": f"Line {device}",
        "string_format": int(STRINGFORMAT.UNICODE),
        "address_modes": int(LINEADDRESSMODE.ADDRESSID),
        "num_addresses": switch.plan.addresses,
        "bearer_modes": int(LINEBEARERMODE.VOICE),
        "media_modes": _VOICE,
        "generate_digit_modes": int(LINEDIGITMODE.DTMF),
        "monitor_digit_modes": int(LINEDIGITMODE.DTMF),
        "gather_digits_max_timeout": 60_000,
        "dev_cap_flags": int(LINEDEVCAPFLAGS.CLOSEDROP),
        "max_num_active_calls": switch.plan.active,
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


def get_address_caps(switch: Switch, device: int, address: int, version: int) -> LINEADDRESSCAPS:
    """The capabilities of an address."""
    if address >= switch.plan.addresses:
        raise TapiError(LINEERR.INVALADDRESSID, f"address {address}")
    fields: dict[str, Any] = {
        "line_device_id": device,
        "address": switch.plan.address(device, address),
        "address_sharing": int(LINEADDRESSSHARING.PRIVATE),
        "address_states": 0x7F,
        "call_info_states": 0x7FFFFFFF,
        "caller_id_flags": _PARTY,
        "called_id_flags": _PARTY,
        "connected_id_flags": _PARTY,
        "call_states": _STATES,
        "max_num_active_calls": switch.plan.active,
        "max_num_on_hold_calls": switch.plan.active,
        "max_num_on_hold_pending_calls": switch.plan.active,
        "max_num_conference": MAXIMUM,
        "max_num_trans_conf": MAXIMUM,
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


def get_address_id(switch: Switch, device: int, address: str) -> int:
    """The id of the address with a number."""
    place = switch.plan.find(address)
    if place is None or place[0] != device:
        raise TapiError(LINEERR.INVALADDRESS, repr(address))
    return place[1]


def get_address_status(switch: Switch, device: int, address: int) -> LINEADDRESSSTATUS:
    """The status of an address; the server adds the numbers of calls."""
    forward = tuple(
        LINEFORWARD(forward_mode=mode, caller_address=caller or None, dest_address=destination or None)
        for mode, caller, destination in switch.forwarding.rules(device, address)
    )
    return LINEADDRESSSTATUS(address_features=_ADDRESS_FEATURES, forward=forward or None)


def get_line_dev_status(switch: Switch, device: int, version: int) -> LINEDEVSTATUS:
    """The status of a line; the server adds the numbers of calls and clients."""
    return LINEDEVSTATUS(
        line_features=int(LINEFEATURE.FORWARD | LINEFEATURE.MAKECALL),
        signal_level=0xFFFF,
        battery_level=0xFFFF,
        roam_mode=int(LINEROAMMODE.UNAVAIL),
        dev_status_flags=switch.line_status[device],
        tapi_version=version,
    )


def get_id(switch: Switch, device: int, address: int, call: Call | None, device_class: str) -> bytes:
    """The device id; the only device class is tapi/line."""
    if device_class.casefold() != "tapi/line":
        raise TapiError(LINEERR.INVALDEVICECLASS)
    return device.to_bytes(4, "little")


def set_line_status(switch: Switch, device: int, flags: int, on: bool) -> None:
    """Set or clear LINEDEVSTATUSFLAGS bits."""
    before = switch.line_status[device]
    switch.line_status[device] = before | flags if on else before & ~flags
