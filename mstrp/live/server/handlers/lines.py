"""Lines, addresses, terminals and their extensions (2.2.4.1.3)."""

from __future__ import annotations

from typing import Any

from mstrp.live.server.attached import Attached, Work, handler
from mstrp.live.server.handlers.shape import fitted
from mstrp.live.server.refusal import refuse
from protocol import line
from protocol.constants import LINECALLHUBTRACKING, LINECALLSELECT, LINECALLSTATE, STRINGFORMAT, TAPI_VERSION
from protocol.structures import LINEAPPINFO, LINECALLHUBTRACKINGINFO, VARSTRING

__all__: list[str] = []

S = LINECALLSTATE
_HELD = {int(S.ONHOLD)}
_PENDING = {int(S.ONHOLDPENDCONF), int(S.ONHOLDPENDTRANSFER)}
_HIDDEN = {0, int(S.IDLE)}


def binary(data: bytes, room: int) -> Any:
    """Bytes in a VARSTRING."""
    return fitted(VARSTRING(string=data, string_format=int(STRINGFORMAT.BINARY)), room)


@handler(line.GetNumAddressIDs)
def get_num_address_ids(client: Attached, packet: line.GetNumAddressIDs) -> dict[str, Any]:
    device = client.lines[packet.line].device.number
    return {"num_address_ids": client.server.provider.line_get_num_address_ids(device)}


@handler(line.GetAddressID)
def get_address_id(client: Attached, packet: line.GetAddressID) -> dict[str, Any]:
    # The encoding of the address is not stated (A11): UTF-16, like all strings of the protocol.
    text = bytes(packet.address or b"").decode("utf-16-le", "replace").rstrip("\0")
    device = client.lines[packet.line].device.number
    return {"address_id": client.server.provider.line_get_address_id(device, text), "address": 0, "size": 0}


@handler(line.GetAddressStatus)
def get_address_status(client: Attached, packet: Any) -> dict[str, Any]:
    opened = client.lines[packet.line]
    client.server.check_address(packet, opened.device.number, packet.address_id)
    made = client.server.provider.line_get_address_status(opened.device.number, packet.address_id)
    calls = [call for call in opened.device.calls.values() if call.address == packet.address_id]
    held = sum(call.state in _HELD for call in calls)
    pending = sum(call.state in _PENDING for call in calls)
    active = sum(call.state not in _HIDDEN for call in calls) - held - pending
    in_use = sum(other.address in {None, packet.address_id} for other in opened.device.opens)
    made = made.replace(
        num_in_use=in_use, num_active_calls=active, num_on_hold_calls=held, num_on_hold_pend_calls=pending
    )
    return {"address_status": fitted(made, packet.address_status)}


@handler(line.GetLineDevStatus)
def get_line_dev_status(client: Attached, packet: Any) -> dict[str, Any]:
    opened = client.lines[packet.line]
    device = opened.device
    made = client.server.provider.line_get_line_dev_status(device.number, opened.version)
    calls = device.calls.values()
    held = sum(call.state in _HELD for call in calls)
    pending = sum(call.state in _PENDING for call in calls)
    media = 0
    for other in device.opens:
        media |= other.media
    fields: dict[str, Any] = {
        **made.values(),
        "num_opens": len(device.opens),
        "open_media_modes": media,
        "num_active_calls": sum(call.state not in _HIDDEN for call in calls) - held - pending,
        "num_on_hold_calls": held,
        "num_on_hold_pend_calls": pending,
        "tapi_version": opened.version,
    }
    if opened.version >= TAPI_VERSION.V2_0:
        fields["app_info"] = tuple(_user(other) for other in device.opens)
    return {"line_dev_status": fitted(type(made)(**fields), packet.line_dev_status)}


def _user(opened: Any) -> LINEAPPINFO:
    address = 0xFFFFFFFF if opened.address is None else opened.address
    return LINEAPPINFO(
        machine_name=opened.client.machine or None,
        user_name=opened.client.user or None,
        friendly_name=opened.app.name or None,
        media_modes=opened.media,
        address_id=address,
    )


@handler(line.SetStatusMessages)
def set_status_messages(client: Attached, packet: line.SetStatusMessages) -> None:
    opened = client.lines[packet.line]
    opened.line_states = packet.line_states
    opened.address_states = packet.address_states


@handler(line.SetLineDevStatus)
def set_line_dev_status(client: Attached, packet: line.SetLineDevStatus) -> Any:
    device = client.lines[packet.line].device.number
    return client.server.provider.line_set_line_dev_status(device, packet.status_to_change, bool(packet.status))


def _selected(client: Attached, packet: Any) -> tuple[int, int, Any]:
    """Device, address and call that dwSelect names."""
    call = None
    if packet.select == LINECALLSELECT.CALL:
        handle = client.handles[packet.call]
        call = handle.call
        return call.device, call.address, call
    opened = client.lines[packet.line]
    address = packet.address_id if packet.select == LINECALLSELECT.ADDRESS else 0
    client.server.check_address(packet, opened.device.number, address)
    return opened.device.number, address, call


@handler(line.SetTerminal)
def set_terminal(client: Attached, packet: line.SetTerminal) -> Any:
    device, address, call = _selected(client, packet)
    provider = client.server.provider
    return provider.line_set_terminal(
        device, address, call, packet.terminal_modes, packet.terminal_id, bool(packet.enable)
    )


@handler(line.GetID)
def get_id(client: Attached, packet: Any) -> dict[str, Any]:
    device, address, call = _selected(client, packet)
    data = client.server.provider.line_get_id(device, address, call, packet.device_class or "")
    return {"device_id": binary(data, packet.device_id)}


@handler(line.GetDevConfig)
def get_dev_config(client: Attached, packet: Any) -> dict[str, Any]:
    data = client.server.provider.line_get_dev_config(packet.device_id, packet.device_class or "")
    return {"device_config": binary(data, packet.device_config)}


@handler(line.SetDevConfig)
def set_dev_config(client: Attached, packet: line.SetDevConfig) -> None:
    provider = client.server.provider
    provider.line_set_dev_config(packet.device_id, packet.device_class or "", packet.device_config)


@handler(line.SelectExtVersion)
def select_ext_version(client: Attached, packet: line.SelectExtVersion) -> None:
    device = client.lines[packet.line].device.number
    client.server.provider.line_select_ext_version(device, packet.ext_version)


@handler(line.GetCallHubTracking)
def get_call_hub_tracking(client: Attached, packet: Any) -> dict[str, Any]:
    level = int(LINECALLHUBTRACKING.NONE)
    made = LINECALLHUBTRACKINGINFO(available_tracking=level, current_tracking=level)
    return {"tracking_info": fitted(made, packet.tracking_info)}


@handler(line.SetCallHubTracking)
def set_call_hub_tracking(client: Attached, packet: line.SetCallHubTracking) -> None:
    wanted = packet.tracking_info
    if wanted is None or wanted.current_tracking:
        raise refuse(packet, "OPERATIONUNAVAIL", "call hubs are not tracked")


@handler(line.DevSpecific)
def dev_specific(client: Attached, packet: line.DevSpecific) -> Work:
    call = client.handles[packet.call].call if packet.call else None
    if call is not None and packet.line and client.handles[packet.call].opened.value != packet.line:
        raise refuse(packet, "INVALCALLHANDLE", "the call is on another line")
    device = call.device if call is not None else client.lines[packet.line].device.number
    provider = client.server.provider
    reply = provider.line_dev_specific(device, packet.address_id, call, bytes(packet.params or b""))
    return Work(reply, lambda result: {"data": bytes(result or b"")})


@handler(line.DevSpecificFeature)
def dev_specific_feature(client: Attached, packet: line.DevSpecificFeature) -> Work:
    device = client.lines[packet.line].device.number
    provider = client.server.provider
    reply = provider.line_dev_specific_feature(device, packet.feature, bytes(packet.params or b""))
    return Work(reply, lambda result: {"data": bytes(result or b"")})
