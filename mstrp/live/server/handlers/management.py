"""Management of the server (2.2.4.1.7)."""

from __future__ import annotations

from typing import Any

from mstrp.live.server.attached import Attached, handler
from mstrp.live.server.handlers.shape import fitted
from mstrp.live.server.refusal import refuse
from protocol import mmc
from protocol.constants import LINEDEVCAPFLAGS, TAPISERVERCONFIGFLAGS, TUISPIDLL_OBJECT
from protocol.structures import (
    AVAILABLEPROVIDERENTRY,
    AVAILABLEPROVIDERLIST,
    DEVICEINFO,
    DEVICEINFOLIST,
    LINEPROVIDERENTRY,
    LINEPROVIDERLIST,
    TAPISERVERCONFIG,
)

__all__: list[str] = []

#: The one provider that is installed.
_PROVIDER = 1
#: Dialogs of one client.
_DIALOGS = 64


def administrator(client: Attached, packet: Any) -> None:
    """Raise when the client has no administrator's rights."""
    if not client.admin:
        raise refuse(packet, "OPERATIONFAILED", "administrators only")


@handler(mmc.GetAvailableProviders)
def get_available_providers(client: Attached, packet: Any) -> dict[str, Any]:
    administrator(client, packet)
    entries = tuple(
        AVAILABLEPROVIDERENTRY(file_name=name, friendly_name=name.partition(".")[0], options=1)
        for name in sorted({client.server.provider.file_name, *client.server.available})
    )
    return {"provider_list": fitted(AVAILABLEPROVIDERLIST(provider_list=entries), packet.provider_list)}


@handler(mmc.GetProviderList)
def get_provider_list(client: Attached, packet: Any) -> dict[str, Any]:
    entries = tuple(
        LINEPROVIDERENTRY(permanent_provider_id=number, provider_filename=name)
        for number, name in sorted(client.server.installed.items())
    )
    return {"provider_list": fitted(LINEPROVIDERLIST(provider_list=entries), packet.provider_list)}


@handler(mmc.GetDeviceFlags)
def get_device_flags(client: Attached, packet: mmc.GetDeviceFlags) -> dict[str, Any]:
    administrator(client, packet)
    if packet.provider_id not in client.server.installed:
        raise refuse(packet, "INVALPARAM", f"provider {packet.provider_id}")
    if not packet.line or packet.permanent_device_id not in client.server.lines:
        raise refuse(packet, "BADDEVICEID", "only lines have such flags")
    return {"flags": int(LINEDEVCAPFLAGS.CLOSEDROP), "device_id": packet.permanent_device_id}


def _infos(client: Attached, kind: str) -> DEVICEINFOLIST:
    server = client.server
    devices: dict[int, Any] = dict(server.lines) if kind == "line" else dict(server.phones)
    return DEVICEINFOLIST(
        device_info=tuple(
            DEVICEINFO(
                permanent_device_id=number,
                provider_id=_PROVIDER,
                device_name=f"{kind.capitalize()} {number}",
                domain_user_names=server.users.get((kind, number)) or None,
                friendly_user_names=server.users.get((kind, number)) or None,
            )
            for number, device in devices.items()
            if not device.removed
        )
    )


@handler(mmc.GetLineInfo)
def get_line_info(client: Attached, packet: Any) -> dict[str, Any]:
    administrator(client, packet)
    return {"device_info_list": fitted(_infos(client, "line"), packet.device_info_list)}


@handler(mmc.GetPhoneInfo)
def get_phone_info(client: Attached, packet: Any) -> dict[str, Any]:
    administrator(client, packet)
    return {"device_info_list": fitted(_infos(client, "phone"), packet.device_info_list)}


def _assign(client: Attached, packet: Any, kind: str) -> None:
    administrator(client, packet)
    devices = client.server.lines if kind == "line" else client.server.phones
    given = packet.device_info_list
    entries = (given.device_info or ()) if given is not None else ()
    for entry in entries:
        if entry.permanent_device_id not in devices or entry.provider_id not in client.server.installed:
            raise refuse(packet, "BADDEVICEID", f"device {entry.permanent_device_id} of provider {entry.provider_id}")
    for entry in entries:
        client.server.users[kind, entry.permanent_device_id] = tuple(entry.domain_user_names or ())


@handler(mmc.SetLineInfo)
def set_line_info(client: Attached, packet: mmc.SetLineInfo) -> None:
    _assign(client, packet, "line")


@handler(mmc.SetPhoneInfo)
def set_phone_info(client: Attached, packet: mmc.SetPhoneInfo) -> None:
    _assign(client, packet, "phone")


@handler(mmc.GetServerConfig)
def get_server_config(client: Attached, packet: Any) -> dict[str, Any]:
    administrator(client, packet)
    server = client.server
    made = TAPISERVERCONFIG(
        flags=int(TAPISERVERCONFIGFLAGS.ISSERVER) | (int(TAPISERVERCONFIGFLAGS.ENABLESERVER) if server.enabled else 0),
        domain_name=server.account[0],
        user_name=server.account[1],
        administrators=tuple(sorted(server.options.administrators or ())) or None,
    )
    return {"provider_list": fitted(made, packet.provider_list)}


@handler(mmc.SetServerConfig)
def set_server_config(client: Attached, packet: mmc.SetServerConfig) -> None:
    administrator(client, packet)
    config = packet.server_config
    if config is None:
        raise refuse(packet, "INVALPARAM", "no TAPISERVERCONFIG")
    server, flags = client.server, TAPISERVERCONFIGFLAGS
    writing = config.flags & (flags.LOCKMMCWRITE | flags.UNLOCKMMCWRITE)
    if server.locked_by is not None and server.locked_by is not client and not server.locked_by.gone:
        raise refuse(packet, "INUSE", "another client holds the lock")
    if writing:
        server.locked_by = client if config.flags & flags.LOCKMMCWRITE else None
    if config.flags & flags.SETACCOUNT:
        server.account = (config.domain_name or "", config.user_name or "")
    if config.flags & flags.SETTAPIADMINISTRATORS:
        server.options.administrators = frozenset(config.administrators or ())
    if not writing:
        server.enabled = bool(config.flags & flags.ENABLESERVER) or not config.flags


# -- dialogs -------------------------------------------------------------------------------------------------------


def _object(client: Attached, packet: Any) -> None:
    """The object of a dialog exists, and the client may configure it (001-01 to 001-02b, 002-03, 002-04)."""
    kind, number = packet.object_type, packet.object_id
    server = client.server
    if kind not in set(TUISPIDLL_OBJECT):
        raise refuse(packet, "INVALPARAM", f"dwObjectType {kind}")
    if kind in {TUISPIDLL_OBJECT.LINEID, TUISPIDLL_OBJECT.PHONEID}:
        administrator(client, packet)
        devices = server.lines if kind == TUISPIDLL_OBJECT.LINEID else server.phones
        if number not in devices:
            raise refuse(packet, "BADDEVICEID", f"device {number}")
    elif kind == TUISPIDLL_OBJECT.DIALOGINSTANCE and number not in client.dialogs:
        raise refuse(packet, "INVALPARAM", f"dialog instance {number:#x}")


@handler(mmc.GetUIDllName)
def get_ui_dll_name(client: Attached, packet: mmc.GetUIDllName) -> dict[str, Any]:
    server = client.server
    if packet.object_type == TUISPIDLL_OBJECT.DIALOGINSTANCE or len(client.dialogs) >= _DIALOGS:
        raise refuse(packet, "OPERATIONFAILED", "no dialog for that")
    _object(client, packet)
    answer: dict[str, Any] = {}
    change: Any = None
    if packet.object_type == TUISPIDLL_OBJECT.PROVIDERID:
        if packet.provider_filename is not None or packet.remove_provider:
            administrator(client, packet)
        if packet.provider_filename is not None:
            number = max(server.installed, default=0) + 1
            change = ("install", number, packet.provider_filename)
            answer["object_id"] = number
        elif packet.object_id not in server.installed:
            raise refuse(packet, "INVALPARAM", f"provider {packet.object_id}")
        elif packet.remove_provider:
            change = ("remove", packet.object_id, "")
    name = server.provider.provider_ui_identify()
    dialog = client.new_handle()
    client.dialogs[dialog] = change
    answer.update(ui_dll_name=name, ui_dll_name_size=2 * len(name) + 2, dlg_inst=dialog, provider_filename=0xFFFFFFFF)
    return answer


@handler(mmc.TUISPIDLLCallback)
def dialog_callback(client: Attached, packet: mmc.TUISPIDLLCallback) -> dict[str, Any]:
    _object(client, packet)
    provider = client.server.provider
    data = provider.provider_generic_dialog_data(packet.object_id, packet.object_type, bytes(packet.params_in or b""))
    data = data[: packet.params_out_size or 0]
    return {"params_out": data, "params_out_size": len(data)} if data else {"params_out_size": 0}


@handler(mmc.FreeDialogInstance)
def free_dialog(client: Attached, packet: mmc.FreeDialogInstance) -> None:
    change = client.dialogs.pop(packet.dlg_inst)
    if change is None or packet.ui_dll_result:
        return
    what, number, name = change
    installed = client.server.installed
    if what == "install":
        installed[number] = name
    else:
        installed.pop(number, None)
