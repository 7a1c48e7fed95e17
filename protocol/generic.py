"""Requests of all types of clients (2.2.4.1.8)."""

from __future__ import annotations

from protocol import declare as field
from protocol.constants import EM, OBJTYPE
from protocol.cross_field_checks import RoomForAll, Times
from protocol.fields import HandleType
from protocol.packet import Request
from protocol.structures import LINEEXTENSIONID, PHONEEXTENSIONID

__all__ = [
    "GetAsyncEvents",
    "NegotiateAPIVersionForAllDevices",
    "RSPSetEventFilterMasks",
]


class GetAsyncEvents(
    Request,
    number=0,
    section="2.2.4.1.8.1",
    device="generic",
):
    """Get pending events (pull model)."""

    total_buffer_size: int = field.room("dwTotalBufferSize", note="client buffer for events", fits="01")
    needed_buffer_size: int = field.number("dwNeededBufferSize", direction="out", note="bytes pending at the server")
    used_buffer_size: int = field.number(
        "dwUsedBufferSize", direction="out", note="bytes returned, <= dwTotalBufferSize"
    )


class NegotiateAPIVersionForAllDevices(
    Request,
    number=130,
    section="2.2.4.1.8.2",
    device="generic",
    checks=(
        RoomForAll(
            "01",
            "dwLineAPIVersionListSize",
            "dwLineExtensionIDListSize",
            "dwPhoneAPIVersionListSize",
            "dwPhoneExtensionIDListSize",
        ),
        Times("03", "dwLineAPIVersionListSize", 4, "dwNumLineDevices"),
        Times("04", "dwPhoneAPIVersionListSize", 4, "dwNumPhoneDevices"),
        Times("05", "dwLineExtensionIDListSize", 16, "dwNumLineDevices"),
        Times("06", "dwPhoneExtensionIDListSize", 16, "dwNumPhoneDevices"),
    ),
):
    """Negotiate the TAPI versions for all lines and phones."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP)
    num_line_devices: int = field.number("dwNumLineDevices", note="line ids 0..n-1", exists="02")
    num_phone_devices: int = field.number("dwNumPhoneDevices", note="phone ids 0..n-1", exists="02")
    api_high_version: int = field.version("dwAPIHighVersion", note="highest version wanted", listed="07")
    line_api_versions: tuple[int, ...] | None = field.array(
        "dwLineAPIVersionListOffset", None, "dwLineAPIVersionListSize", direction="out"
    )
    line_api_versions_size: int = field.room("dwLineAPIVersionListSize")
    line_extension_ids: tuple[LINEEXTENSIONID, ...] | None = field.array(
        "dwLineExtensionIDListOffset", LINEEXTENSIONID, "dwLineExtensionIDListSize", direction="out"
    )
    line_extension_ids_size: int = field.room("dwLineExtensionIDListSize")
    phone_api_versions: tuple[int, ...] | None = field.array(
        "dwPhoneAPIVersionListOffset", None, "dwPhoneAPIVersionListSize", direction="out"
    )
    phone_api_versions_size: int = field.room("dwPhoneAPIVersionListSize")
    phone_extension_ids: tuple[PHONEEXTENSIONID, ...] | None = field.array(
        "dwPhoneExtensionIDListOffset", PHONEEXTENSIONID, "dwPhoneExtensionIDListSize", direction="out"
    )
    phone_extension_ids_size: int = field.room("dwPhoneExtensionIDListSize")


class RSPSetEventFilterMasks(
    Request,
    number=161,
    section="2.2.4.1.8.3",
    device="generic",
):
    """Set the event filter of an object."""

    obj_type: int = field.flags("dwObjType", OBJTYPE, cardinality="one", legal="01")
    object_id: int = field.number("lObjectID", note="handle of the type given by dwObjType", exists="02")
    sub_mask: int = field.number(
        "fSubMask", note="nonzero: exactly one event bit in Lo/Hi and dwSubMasks filters its subtypes"
    )
    sub_masks: int = field.number("dwSubMasks", note="1 allows, 0 blocks the subtype")
    event_masks_lo: int = field.flags("ulEventMasksLo", EM, cardinality="zero-or-more")
    event_masks_hi: int = field.number("ulEventMasksHi", note="upper half of the 64-bit mask; no bits defined")
