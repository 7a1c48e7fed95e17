"""Structures common to lines and phones (2.2.6)."""

from __future__ import annotations

from protocol import declare_members as member
from protocol.constants import SERVICETYPE, STRINGFORMAT
from protocol.structure import Structure

__all__ = [
    "FLOWSPEC",
    "LINEDIALPARAMS",
    "LINEEXTENSIONID",
    "PHONEEXTENSIONID",
    "VARSTRING",
]


class VARSTRING(Structure, section="2.2.6.46"):
    """A string or bytes of variable length."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    string_format: int = member.flags("dwStringFormat", STRINGFORMAT, cardinality="one")
    string: str | bytes | None = member.text("dwString", format_="dwStringFormat")


class LINEEXTENSIONID(Structure, section="2.2.6.45"):
    """The id of a line's device-specific extensions."""

    extension_id0: int = member.number("dwExtensionID0")
    extension_id1: int = member.number("dwExtensionID1")
    extension_id2: int = member.number("dwExtensionID2")
    extension_id3: int = member.number("dwExtensionID3")


class PHONEEXTENSIONID(Structure, section="2.2.6.43"):
    """The id of a phone's device-specific extensions."""

    extension_id0: int = member.number("dwExtensionID0")
    extension_id1: int = member.number("dwExtensionID1")
    extension_id2: int = member.number("dwExtensionID2")
    extension_id3: int = member.number("dwExtensionID3")


class LINEDIALPARAMS(Structure, section="2.2.6.26"):
    """Dialing parameters in milliseconds."""

    dial_pause: int = member.number("dwDialPause")
    dial_speed: int = member.number("dwDialSpeed")
    digit_duration: int = member.number("dwDigitDuration")
    wait_for_dialtone: int = member.number("dwWaitForDialtone")


class FLOWSPEC(Structure, section="2.2.4.1.3.67.1"):
    """The quality of service of one direction of a call."""

    token_rate: int = member.number("TokenRate")
    token_bucket_size: int = member.number("TokenBucketSize")
    peak_bandwidth: int = member.number("PeakBandwidth")
    latency: int = member.number("Latency", note="microseconds")
    delay_variation: int = member.number("DelayVariation", note="microseconds")
    service_type: int = member.flags("ServiceType", SERVICETYPE)
    max_sdu_size: int = member.number("MaxSduSize")
    minimum_policed_size: int = member.number("MinimumPolicedSize")
    provider_data: bytes | None = member.rest("ProviderData")
