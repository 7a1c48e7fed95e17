"""Phones (2.2.4.1.4 to 2.2.4.1.6)."""

from __future__ import annotations

from typing import Any

from mstrp.live.provider import TapiError
from mstrp.live.server.attached import Attached, Work, handler
from mstrp.live.server.devices import App, PhoneOpen
from mstrp.live.server.handlers.lines import binary
from mstrp.live.server.handlers.session import negotiate
from mstrp.live.server.handlers.shape import fitted
from mstrp.live.server.options import NAME
from mstrp.live.server.refusal import refuse
from protocol import phone
from protocol.constants import PHONEERR, PHONEPRIVILEGE, STRINGFORMAT
from protocol.structures import PHONEEXTENSIONID, VARSTRING

__all__: list[str] = []


def _device(client: Attached, packet: Any) -> int:
    return client.phones[packet.phone].device.number


@handler(phone.Initialize)
def initialize(client: Attached, packet: phone.Initialize) -> dict[str, Any]:
    if len(packet.friendly_name or "") > NAME:
        raise refuse(packet, "INVALPARAM", "lpszFriendlyAppName is too long")
    app = App(client.new_handle(), "phone", packet.init_context, packet.api_version, packet.friendly_name or "")
    client.apps[app.value] = app
    return {"phone_app": app.value, "num_devs": sum(not found.removed for found in client.server.phones.values())}


@handler(phone.ShutDown)
def shut_down(client: Attached, packet: phone.ShutDown) -> None:
    app = client.apps.pop(packet.phone_app)
    for opened in [opened for opened in client.phones.values() if opened.app is app]:
        client.server.close_phone(opened)


@handler(phone.NegotiateAPIVersion)
def negotiate_api_version(client: Attached, packet: phone.NegotiateAPIVersion) -> dict[str, Any]:
    try:
        version = negotiate(packet.version, packet.version_current, client.server.provider.version)
    except TapiError as error:
        raise TapiError(PHONEERR.INCOMPATIBLEAPIVERSION, str(error)) from error
    client.apps[packet.phone_app].versions[packet.device_id_local] = version
    return {"negotiated_version": version, "extension_id": PHONEEXTENSIONID()}


@handler(phone.NegotiateExtVersion)
def negotiate_ext_version(client: Attached, packet: phone.NegotiateExtVersion) -> dict[str, Any]:
    provider = client.server.provider
    found = provider.phone_negotiate_ext_version(packet.device_id, packet.low_version, packet.high_version)
    if not found:
        raise TapiError(PHONEERR.INCOMPATIBLEEXTVERSION, "there are no extensions")
    return {"ext_version": found}


@handler(phone.GetDevCaps)
def get_dev_caps(client: Attached, packet: Any) -> dict[str, Any]:
    if packet.ext_version:
        raise refuse(packet, "INCOMPATIBLEEXTVERSION")
    made = client.server.provider.phone_get_dev_caps(packet.device_id, packet.tspi_version)
    return {"phone_caps": fitted(made, packet.phone_caps)}


@handler(phone.Open)
def open_phone(client: Attached, packet: phone.Open) -> dict[str, Any]:
    if packet.ext_version:
        raise refuse(packet, "INCOMPATIBLEEXTVERSION")
    device = client.server.phones[packet.device_id]
    owner = packet.privilege == PHONEPRIVILEGE.OWNER
    if owner and device.owner() is not None:
        raise refuse(packet, "INUSE", "the phone has an owner")
    app = client.apps[packet.phone_app]
    agreed = app.versions.get(packet.device_id)
    if agreed and packet.negotiated_version != agreed:
        raise refuse(packet, "INCOMPATIBLEAPIVERSION", f"{agreed:#x} was agreed on (107-03)")
    opened = PhoneOpen(client.new_handle(), client, app, device, packet)
    if not device.opens:
        client.server.provider.phone_open(device)
    device.opens.append(opened)
    client.phones[opened.value] = opened
    client.server.reports.phone_users(device, opened)
    return {"phone": opened.value}


@handler(phone.Close)
def close_phone(client: Attached, packet: phone.Close) -> None:
    client.server.close_phone(client.phones[packet.phone])


@handler(phone.GetStatus)
def get_status(client: Attached, packet: Any) -> dict[str, Any]:
    opened = client.phones[packet.phone]
    device = opened.device
    made = client.server.provider.phone_get_status(device.number)
    owners = sum(other.owns for other in device.opens)
    owner = device.owner()
    fields = {
        **made.values(),
        "num_owners": owners,
        "num_monitors": len(device.opens) - owners,
        "owner_name": (owner.client.machine or None) if owner is not None else None,
    }
    if opened.version < 0x00020000:
        fields.pop("phone_features", None)
    made = type(made)(**fields, tapi_version=opened.version)
    return {"phone_status": fitted(made, packet.phone_status)}


@handler(phone.SetStatusMessages)
def set_status_messages(client: Attached, packet: phone.SetStatusMessages) -> None:
    opened = client.phones[packet.phone]
    opened.phone_states = packet.phone_states
    opened.button_modes = packet.button_modes
    opened.button_states = packet.button_states


@handler(phone.GetButtonInfo)
def get_button_info(client: Attached, packet: Any) -> dict[str, Any]:
    made = client.server.provider.phone_get(_device(client, packet), "button", packet.button_lamp_id)
    return {"button_info": fitted(made, packet.button_info)}


@handler(phone.GetData)
def get_data(client: Attached, packet: phone.GetData) -> dict[str, Any]:
    data = bytes(client.server.provider.phone_get(_device(client, packet), "data", packet.data_id))[: packet.size]
    return {"data": data, "size": len(data)} if data else {"size": 0}


@handler(phone.GetDisplay)
def get_display(client: Attached, packet: Any) -> dict[str, Any]:
    text = str(client.server.provider.phone_get(_device(client, packet), "display", 0))
    made = VARSTRING(string=text, string_format=int(STRINGFORMAT.UNICODE))
    return {"display": fitted(made, packet.display)}


@handler(phone.GetGain)
def get_gain(client: Attached, packet: phone.GetGain) -> dict[str, Any]:
    return {"gain": client.server.provider.phone_get(_device(client, packet), "gain", packet.hook_switch_dev)}


@handler(phone.GetVolume)
def get_volume(client: Attached, packet: phone.GetVolume) -> dict[str, Any]:
    return {"volume": client.server.provider.phone_get(_device(client, packet), "volume", packet.hook_switch_dev)}


@handler(phone.GetHookSwitch)
def get_hook_switch(client: Attached, packet: phone.GetHookSwitch) -> dict[str, Any]:
    provider, device = client.server.provider, _device(client, packet)
    off = sum(which for which in (1, 2, 4) if provider.phone_get(device, "hook_switch", which) != 1)
    return {"hook_switch_devs": off}


@handler(phone.GetID)
def get_id(client: Attached, packet: Any) -> dict[str, Any]:
    data = client.server.provider.phone_get_id(_device(client, packet), packet.device_class or "")
    return {"device_id": binary(data, packet.device_id)}


@handler(phone.GetLamp)
def get_lamp(client: Attached, packet: phone.GetLamp) -> dict[str, Any]:
    return {"lamp_mode": client.server.provider.phone_get(_device(client, packet), "lamp", packet.button_lamp_id)}


@handler(phone.GetRing)
def get_ring(client: Attached, packet: phone.GetRing) -> dict[str, Any]:
    mode, volume = client.server.provider.phone_get(_device(client, packet), "ring", 0)
    return {"ring_mode": mode, "volume": volume}


@handler(phone.SelectExtVersion)
def select_ext_version(client: Attached, packet: phone.SelectExtVersion) -> None:
    client.server.provider.phone_select_ext_version(_device(client, packet), packet.ext_version)


@handler(phone.SetButtonInfo)
def set_button_info(client: Attached, packet: phone.SetButtonInfo) -> Any:
    if not client.phones[packet.phone].owns:
        raise refuse(packet, "NOTOWNER", "whoever sets something owns the phone")
    provider = client.server.provider
    return provider.phone_set_button_info(_device(client, packet), packet.button_lamp_id, packet.button_info)


def _set(client: Attached, packet: Any, what: str, which: int, value: Any) -> Any:
    return client.server.provider.phone_set(_device(client, packet), what, which, value)


@handler(phone.SetData)
def set_data(client: Attached, packet: phone.SetData) -> Any:
    return _set(client, packet, "data", packet.data_id, bytes(packet.data or b""))


@handler(phone.SetDisplay)
def set_display(client: Attached, packet: phone.SetDisplay) -> Any:
    text = bytes(packet.display or b"").decode("utf-16-le", "replace").rstrip("\0")
    return _set(client, packet, "display", packet.row, (packet.column, text))


@handler(phone.SetGain)
def set_gain(client: Attached, packet: phone.SetGain) -> Any:
    return _set(client, packet, "gain", packet.hook_switch_dev, packet.gain)


@handler(phone.SetVolume)
def set_volume(client: Attached, packet: phone.SetVolume) -> Any:
    return _set(client, packet, "volume", packet.hook_switch_dev, packet.volume)


@handler(phone.SetHookSwitch)
def set_hook_switch(client: Attached, packet: phone.SetHookSwitch) -> Any:
    return _set(client, packet, "hook_switch", packet.hook_switch_devs, packet.hook_switch_mode)


@handler(phone.SetLamp)
def set_lamp(client: Attached, packet: phone.SetLamp) -> Any:
    return _set(client, packet, "lamp", packet.button_lamp_id, packet.lamp_mode)


@handler(phone.SetRing)
def set_ring(client: Attached, packet: phone.SetRing) -> Any:
    return _set(client, packet, "ring", 0, (packet.ring_mode, packet.volume))


@handler(phone.DevSpecific)
def dev_specific(client: Attached, packet: phone.DevSpecific) -> Work:
    provider = client.server.provider
    reply = provider.phone_dev_specific(_device(client, packet), bytes(packet.params or b""))
    return Work(reply, lambda result: {"data": bytes(result or b"")})
