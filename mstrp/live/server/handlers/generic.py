"""Requests of every kind of client (2.2.4.1.8)."""

from __future__ import annotations

from typing import Any

from mstrp.live.server.attached import Attached, handler
from mstrp.live.server.filters import set_mask
from mstrp.live.server.handlers.session import VERSIONS
from mstrp.live.server.handlers.shape import choose_version
from mstrp.live.server.refusal import refuse
from protocol import generic
from protocol.constants import OBJTYPE, TAPI_VERSION
from protocol.structures import LINEEXTENSIONID, PHONEEXTENSIONID

__all__: list[str] = []


@handler(generic.GetAsyncEvents)
def get_async_events(client: Attached, packet: generic.GetAsyncEvents) -> None:
    """The server adds the events."""


@handler(generic.NegotiateAPIVersionForAllDevices)
def negotiate_all(client: Attached, packet: Any) -> dict[str, Any]:
    lines, phones = packet.num_line_devices, packet.num_phone_devices
    server = client.server
    if lines > len(server.lines) or phones > len(server.phones):
        raise refuse(packet, "BADDEVICEID", f"{lines} lines and {phones} phones")
    for size, count in (
        (packet.line_api_versions_size, 4 * lines),
        (packet.phone_api_versions_size, 4 * phones),
        (packet.line_extension_ids_size, 16 * lines),
        (packet.phone_extension_ids_size, 16 * phones),
    ):
        if size not in {0, count}:
            raise refuse(packet, "INVALPARAM", f"{size} bytes where {count} are needed")
    most = min(packet.api_high_version, server.provider.version)
    version = choose_version(int(TAPI_VERSION.V1_3), most, VERSIONS)
    app = client.apps[packet.line_app]
    found = tuple(0 if server.lines[number].removed else version for number in range(lines))
    app.versions.update({number: one for number, one in enumerate(found) if one})
    phone_versions = tuple(0 if server.phones[number].removed else version for number in range(phones))
    for other in client.apps.values():
        if other.kind == "phone":
            other.versions.update({number: one for number, one in enumerate(phone_versions) if one})
    answer: dict[str, Any] = {}
    # A list without room is not wanted.
    if packet.line_api_versions_size:
        answer["line_api_versions"] = found
    if packet.line_extension_ids_size:
        answer["line_extension_ids"] = (LINEEXTENSIONID(),) * lines
    if packet.phone_api_versions_size:
        answer["phone_api_versions"] = phone_versions
    if packet.phone_extension_ids_size:
        answer["phone_extension_ids"] = (PHONEEXTENSIONID(),) * phones
    return answer


@handler(generic.RSPSetEventFilterMasks)
def set_event_filter(client: Attached, packet: generic.RSPSetEventFilterMasks) -> None:
    value = packet.object_id
    masks: list[dict[str, int]]
    match packet.obj_type:
        case OBJTYPE.NONE:
            masks = [client.masks]
        case OBJTYPE.HLINEAPP | OBJTYPE.HPHONEAPP:
            kind = "line" if packet.obj_type == OBJTYPE.HLINEAPP else "phone"
            masks = [app.masks for app in client.apps.values() if app.kind == kind and value in {0, app.value}]
        case OBJTYPE.HLINE:
            masks = [opened.masks for opened in client.lines.values() if opened.value == value]
        case OBJTYPE.HCALL:
            masks = [client.handles[value].opened.masks] if value in client.handles else []
        case _:
            masks = [opened.masks for opened in client.phones.values() if opened.value == value]
    if not masks:
        raise refuse(packet, "INVALPARAM", f"lObjectID {value:#x}")
    if packet.sub_mask and packet.event_masks_lo.bit_count() + packet.event_masks_hi.bit_count() != 1:
        raise refuse(packet, "INVALPARAM", "with fSubMask exactly one event is named")
    for mask in masks:
        set_mask(mask, packet.event_masks_lo, packet.sub_masks if packet.sub_mask else None)
