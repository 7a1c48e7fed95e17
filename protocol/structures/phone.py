"""Phones (2.2.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol import declare_members as member
from protocol.constants import (
    PHONEBUTTONFUNCTION,
    PHONEBUTTONMODE,
    PHONEBUTTONSTATE,
    PHONEFEATURE,
    PHONEHOOKSWITCHDEV,
    PHONEHOOKSWITCHMODE,
    PHONELAMPMODE,
    PHONESTATE,
    PHONESTATUSFLAGS,
    STRINGFORMAT,
    TAPI_VERSION,
)
from protocol.structure import Structure
from protocol.structures.common import VARSTRING

if TYPE_CHECKING:
    from uuid import UUID

__all__ = [
    "PHONEBUTTONINFO",
    "PHONECAPS",
    "PHONESTATUS",
]


class PHONEBUTTONINFO(Structure, section="2.2.6.41"):
    """The function, text and state of a button."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    button_mode: int = member.flags("dwButtonMode", PHONEBUTTONMODE, cardinality="one")
    button_function: int = member.flags("dwButtonFunction", PHONEBUTTONFUNCTION, cardinality="one")
    button_text: str | None = member.text("dwButtonText")
    dev_specific: bytes | None = member.data("dwDevSpecific")
    button_state: int = member.flags(
        "dwButtonState", PHONEBUTTONSTATE, cardinality="one-or-more", note="ignored by SetButtonInfo"
    )


class PHONECAPS(Structure, section="2.2.6.42"):
    """The capabilities of a phone."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    provider_info: str | None = member.text("dwProviderInfo")
    phone_info: str | None = member.text("dwPhoneInfo")
    permanent_phone_id: int = member.number("dwPermanentPhoneID")
    phone_name: str | None = member.text("dwPhoneName")
    string_format: int = member.flags("dwStringFormat", STRINGFORMAT, cardinality="one")
    phone_states: int = member.flags("dwPhoneStates", PHONESTATE, cardinality="one-or-more")
    hook_switch_devs: int = member.flags(
        "dwHookSwitchDevs",
        PHONEHOOKSWITCHDEV,
        cardinality="one",
        note="documented as one constant; has the hook modes of three devices",
    )
    handset_hook_switch_modes: int = member.flags("dwHandsetHookSwitchModes", PHONEHOOKSWITCHMODE, cardinality="one")
    speaker_hook_switch_modes: int = member.flags("dwSpeakerHookSwitchModes", PHONEHOOKSWITCHMODE, cardinality="one")
    headset_hook_switch_modes: int = member.flags("dwHeadsetHookSwitchModes", PHONEHOOKSWITCHMODE, cardinality="one")
    volume_flags: int = member.number("dwVolumeFlags")
    gain_flags: int = member.number("dwGainFlags")
    display_num_rows: int = member.number("dwDisplayNumRows")
    display_num_columns: int = member.number("dwDisplayNumColumns")
    num_ring_modes: int = member.number("dwNumRingModes", note="range given as 1..n-1 and later as 1..n")
    num_button_lamps: int = member.number("dwNumButtonLamps", note="documented ids of a keypad: 0 to 12, for 12 keys")
    button_modes: tuple[int, ...] | None = member.entries(
        "dwButtonModes", None, count="dwNumButtonLamps", table=PHONEBUTTONMODE
    )
    button_functions: tuple[int, ...] | None = member.entries(
        "dwButtonFunctions", None, count="dwNumButtonLamps", table=PHONEBUTTONFUNCTION
    )
    lamp_modes: tuple[int, ...] | None = member.entries(
        "dwLampModes", None, count="dwNumButtonLamps", table=PHONELAMPMODE
    )
    num_set_data: int = member.number("dwNumSetData")
    set_data: tuple[int, ...] | None = member.entries("dwSetData", None, count="dwNumSetData")
    num_get_data: int = member.number("dwNumGetData")
    get_data: tuple[int, ...] | None = member.entries("dwGetData", None, count="dwNumGetData")
    dev_specific: bytes | None = member.data("dwDevSpecific")
    device_classes: tuple[str, ...] | None = member.texts("dwDeviceClasses", since=TAPI_VERSION.V2_0)
    phone_features: int = member.flags("dwPhoneFeatures", PHONEFEATURE, since=TAPI_VERSION.V2_0)
    settable_handset_hook_switch_modes: int = member.flags(
        "dwSettableHandsetHookSwitchModes", PHONEHOOKSWITCHMODE, since=TAPI_VERSION.V2_0
    )
    settable_speaker_hook_switch_modes: int = member.flags(
        "dwSettableSpeakerHookSwitchModes", PHONEHOOKSWITCHMODE, since=TAPI_VERSION.V2_0
    )
    settable_headset_hook_switch_modes: int = member.flags(
        "dwSettableHeadsetHookSwitchModes", PHONEHOOKSWITCHMODE, since=TAPI_VERSION.V2_0
    )
    monitored_handset_hook_switch_modes: int = member.flags(
        "dwMonitoredHandsetHookSwitchModes", PHONEHOOKSWITCHMODE, since=TAPI_VERSION.V2_0
    )
    monitored_speaker_hook_switch_modes: int = member.flags(
        "dwMonitoredSpeakerHookSwitchModes", PHONEHOOKSWITCHMODE, since=TAPI_VERSION.V2_0
    )
    monitored_headset_hook_switch_modes: int = member.flags(
        "dwMonitoredHeadsetHookSwitchModes", PHONEHOOKSWITCHMODE, since=TAPI_VERSION.V2_0
    )
    permanent_phone_guid: UUID = member.guid("PermanentPhoneGuid", since=TAPI_VERSION.V2_2)


class PHONESTATUS(Structure, section="2.2.6.48"):
    """The status of a phone."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    status_flags: int = member.flags("dwStatusFlags", PHONESTATUSFLAGS, cardinality="one")
    num_owners: int = member.number("dwNumOwners")
    num_monitors: int = member.number("dwNumMonitors")
    ring_mode: int = member.number("dwRingMode")
    ring_volume: int = member.number("dwRingVolume")
    handset_hook_switch_mode: int = member.flags("dwHandsetHookSwitchMode", PHONEHOOKSWITCHMODE, cardinality="one")
    handset_volume: int = member.number("dwHandsetVolume")
    handset_gain: int = member.number("dwHandsetGain")
    speaker_hook_switch_mode: int = member.flags("dwSpeakerHookSwitchMode", PHONEHOOKSWITCHMODE, cardinality="one")
    speaker_volume: int = member.number("dwSpeakerVolume")
    speaker_gain: int = member.number("dwSpeakerGain")
    headset_hook_switch_mode: int = member.flags("dwHeadsetHookSwitchMode", PHONEHOOKSWITCHMODE, cardinality="one")
    headset_volume: int = member.number("dwHeadsetVolume")
    headset_gain: int = member.number("dwHeadsetGain")
    display: VARSTRING | None = member.inner(
        "dwDisplay", VARSTRING, note="documented as VARSTRING; the VarData list has display information"
    )
    lamp_modes: tuple[int, ...] | None = member.entries("dwLampModes", None, table=PHONELAMPMODE)
    owner_name: str | None = member.text("dwOwnerName")
    dev_specific: bytes | None = member.data("dwDevSpecific")
    phone_features: int = member.flags(
        "dwPhoneFeatures", PHONEFEATURE, cardinality="one-or-more", since=TAPI_VERSION.V2_0
    )
