"""Phones (2.2.4.1.4 to 2.2.4.1.6)."""

from __future__ import annotations

from protocol import declare as field
from protocol.constants import (
    PHONEBUTTONMODE,
    PHONEBUTTONSTATE,
    PHONEHOOKSWITCHDEV,
    PHONEHOOKSWITCHMODE,
    PHONELAMPMODE,
    PHONEPRIVILEGE,
    PHONESTATE,
)
from protocol.fields import HandleType
from protocol.packet import Request
from protocol.record import ABSENT
from protocol.structures import PHONEBUTTONINFO, PHONECAPS, PHONEEXTENSIONID, PHONESTATUS, VARSTRING

__all__ = [
    "Close",
    "DevSpecific",
    "GetButtonInfo",
    "GetData",
    "GetDevCaps",
    "GetDisplay",
    "GetGain",
    "GetHookSwitch",
    "GetID",
    "GetLamp",
    "GetRing",
    "GetStatus",
    "GetVolume",
    "Initialize",
    "NegotiateAPIVersion",
    "NegotiateExtVersion",
    "Open",
    "SelectExtVersion",
    "SetButtonInfo",
    "SetData",
    "SetDisplay",
    "SetGain",
    "SetHookSwitch",
    "SetLamp",
    "SetRing",
    "SetStatusMessages",
    "SetVolume",
    "ShutDown",
]


class Initialize(
    Request,
    number=106,
    section="2.2.4.1.4.1",
    device="phone",
    returns=(
        "PHONEERR_INVALAPPNAME PHONEERR_INIFILECORRUPT PHONEERR_INVALPOINTER PHONEERR_NOMEM "
        "PHONEERR_OPERATIONFAILED PHONEERR_REINIT PHONEERR_RESOURCEUNAVAIL PHONEERR_NODEVICE "
        "PHONEERR_NODRIVER PHONEERR_INVALPARAM"
    ),
):
    """Register a phone application with the server; returns the number of phone devices."""

    phone_app: int = field.handle("hPhoneApp", HandleType.HPHONEAPP, direction="out")
    instance: int = field.number("hInstance", note="ignored by the server")
    init_context: int = field.context(
        "InitContext", note="described as the client instance handle; used like line InitContext (2.2.5.1)"
    )
    friendly_name: str | None = field.text(
        "dwFriendlyNameOffset", note="remote computer name", aligned="01", inside="02", terminated="03"
    )
    num_devs: int = field.number("dwNumDevs", direction="out", note="number of phone devices")
    module_name: str | None = field.text(
        "dwModuleNameOffset",
        note="remote client must pass its computer name",
        aligned="04",
        inside="05",
        terminated="06",
    )
    api_version: int = field.version("dwAPIVersion", note="highest version the client supports")


class NegotiateAPIVersion(
    Request,
    number=108,
    section="2.2.4.1.4.2",
    device="phone",
    returns=(
        "PHONEERR_INVALAPPHANDLE PHONEERR_OPERATIONFAILED PHONEERR_BADDEVICEID PHONEERR_OPERATIONUNAVAIL "
        "PHONEERR_NODRIVER PHONEERR_NOMEM PHONEERR_INVALPOINTER PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INCOMPATIBLEAPIVERSION PHONEERR_UNINITIALIZED PHONEERR_NODEVICE"
    ),
):
    """Negotiate the TAPI version for a phone."""

    phone_app: int = field.handle("hPhoneApp", HandleType.HPHONEAPP, live="03")
    device_id_local: int = field.device("dwDeviceIDLocal", note="0..dwNumDevs-1", exists="02")
    version: int = field.version(
        "dwVersion", note="documented as always 0x00010003 (TAPI_VERSION1_0)", ordered="04", overlap="05"
    )
    version_current: int = field.version("dwVersionCurrent", note="highest acceptable version")
    negotiated_version: int = field.version("dwNegotiatedVersion", direction="out", default=ABSENT)
    extension_id: PHONEEXTENSIONID | None = field.structure(
        "ExtensionID", PHONEEXTENSIONID, size="dwSize", direction="out", absent=True, room="01"
    )
    size: int = field.room("dwSize", note="size of the extension id block; direction not stated")


class GetDevCaps(
    Request,
    number=95,
    section="2.2.4.1.4.3",
    device="phone",
    returns=(
        "PHONEERR_INVALAPPHANDLE PHONEERR_INVALPOINTER PHONEERR_BADDEVICEID PHONEERR_OPERATIONFAILED "
        "PHONEERR_INCOMPATIBLEAPIVERSION PHONEERR_OPERATIONUNAVAIL PHONEERR_INCOMPATIBLEEXTVERSION "
        "PHONEERR_NOMEM PHONEERR_STRUCTURETOOSMALL PHONEERR_RESOURCEUNAVAIL PHONEERR_NODRIVER "
        "PHONEERR_UNINITIALIZED PHONEERR_NODEVICE"
    ),
):
    """Get the capabilities of a phone."""

    phone_app: int = field.handle("hPhoneApp", HandleType.HPHONEAPP)
    device_id: int = field.device("dwDeviceID", exists="03")
    tspi_version: int = field.version("dwTSPIVersion")
    ext_version: int = field.version("dwExtVersion", acceptable="02")
    phone_caps: int | PHONECAPS | None = field.buffer("lpPhoneCaps", PHONECAPS, room="01")


class Open(
    Request,
    number=107,
    section="2.2.4.1.4.4",
    device="phone",
    returns=(
        "PHONEERR_ALLOCATED PHONEERR_NODRIVER PHONEERR_BADDEVICEID PHONEERR_NOMEM "
        "PHONEERR_INCOMPATIBLEAPIVERSION PHONEERR_OPERATIONFAILED PHONEERR_INCOMPATIBLEEXTVERSION "
        "PHONEERR_OPERATIONUNAVAIL PHONEERR_INVALAPPHANDLE PHONEERR_RESOURCEUNAVAIL PHONEERR_INVALPOINTER "
        "PHONEERR_UNINITIALIZED PHONEERR_INVALPRIVILEGE PHONEERR_REINIT PHONEERR_INUSE PHONEERR_NODEVICE "
        "PHONEERR_INIFILECORRUPT"
    ),
):
    """Open a phone as owner or monitor."""

    phone_app: int = field.handle("hPhoneApp", HandleType.HPHONEAPP, live="01")
    device_id: int = field.device("dwDeviceID")
    phone: int = field.handle("hPhone", HandleType.HPHONE, direction="out", default=ABSENT)
    negotiated_version: int = field.version("dwNegotiatedVersion", acceptable="03")
    ext_version: int = field.version("dwExtVersion", acceptable="04")
    open_context: int = field.context("OpenContext", note="text: callback instance, set to 0; copied to events")
    privilege: int = field.flags("dwPrivilege", PHONEPRIVILEGE, cardinality="one", legal="02")
    remote_phone: int = field.number("hRemotePhone", note="if nonzero replaces hPhone in ASYNCEVENTMSG.hDevice")


class Close(
    Request,
    number=91,
    section="2.2.4.1.5.1",
    device="phone",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_OPERATIONFAILED PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_OPERATIONUNAVAIL PHONEERR_UNINITIALIZED"
    ),
):
    """Close an open phone."""

    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")


class ShutDown(
    Request,
    number=119,
    section="2.2.4.1.5.2",
    device="phone",
    returns="PHONEERR_INVALAPPHANDLE PHONEERR_NOMEM PHONEERR_UNINITIALIZED PHONEERR_RESOURCEUNAVAIL",
):
    """Shut down a phone application; all its handles become invalid."""

    phone_app: int = field.handle("hPhoneApp", HandleType.HPHONEAPP, live="01")


class DevSpecific(
    Request,
    number=92,
    section="2.2.4.1.6.1",
    device="phone",
    completion="async",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALPOINTER PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_OPERATIONUNAVAIL PHONEERR_UNINITIALIZED PHONEERR_OPERATIONFAILED"
    ),
):
    """Invoke a device-specific extension of a phone."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    phone: int = field.handle("hPhone", HandleType.HPHONE, live="02")
    params_context: int = field.context("lpParamsContext")
    params: bytes | None = field.block("lpParams", "dwSize", end="01")
    size: int | None = field.size("dwSize")


class GetButtonInfo(
    Request,
    number=93,
    section="2.2.4.1.6.2",
    device="phone",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALBUTTONLAMPID PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INVALPOINTER PHONEERR_OPERATIONFAILED PHONEERR_INVALPHONESTATE PHONEERR_STRUCTURETOOSMALL "
        "PHONEERR_OPERATIONUNAVAIL PHONEERR_UNINITIALIZED"
    ),
):
    """Get the function and text of a button."""

    phone: int = field.handle("hPhone", HandleType.HPHONE, live="02")
    button_lamp_id: int = field.number("dwButtonLampID", note="0..dwNumButtonLamps-1")
    button_info: int | PHONEBUTTONINFO | None = field.buffer("lpButtonInfo", PHONEBUTTONINFO, fits="01", minimum="03")


class GetData(
    Request,
    number=94,
    section="2.2.4.1.6.3",
    device="phone",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALPOINTER PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INVALPHONESTATE PHONEERR_OPERATIONFAILED PHONEERR_INVALDATAID PHONEERR_UNINITIALIZED "
        "PHONEERR_OPERATIONUNAVAIL"
    ),
):
    """Get a data area of a phone."""

    phone: int = field.handle("hPhone", HandleType.HPHONE)
    data_id: int = field.number("dwDataID", note="0..dwNumGetData-1")
    data: bytes | None = field.block("lpData", "dwSize", direction="out", absent=True)
    size: int = field.room("dwSize", note="client buffer size; whether it is rewritten is not stated", fits="01")


class GetDisplay(
    Request,
    number=96,
    section="2.2.4.1.6.4",
    device="phone",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_RESOURCEUNAVAIL PHONEERR_INVALPOINTER PHONEERR_OPERATIONFAILED "
        "PHONEERR_INVALPHONESTATE PHONEERR_STRUCTURETOOSMALL PHONEERR_OPERATIONUNAVAIL PHONEERR_UNINITIALIZED "
        "PHONEERR_NOMEM"
    ),
):
    """Get the display contents of a phone."""

    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    display: int | VARSTRING | None = field.buffer("lpDisplay", VARSTRING, fits="02", minimum="03")


class GetGain(
    Request,
    number=97,
    section="2.2.4.1.6.5",
    device="phone",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALPOINTER PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INVALPHONESTATE PHONEERR_OPERATIONFAILED PHONEERR_INVALHOOKSWITCHDEV PHONEERR_UNINITIALIZED "
        "PHONEERR_OPERATIONUNAVAIL"
    ),
):
    """Get the microphone gain of a hookswitch device."""

    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    hook_switch_dev: int = field.flags("dwHookSwitchDev", PHONEHOOKSWITCHDEV, cardinality="one", legal="02")
    gain: int = field.number("lpdwGain", direction="out", default=ABSENT)


class GetHookSwitch(
    Request,
    number=98,
    section="2.2.4.1.6.6",
    device="phone",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALPOINTER PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INVALPHONESTATE PHONEERR_OPERATIONFAILED PHONEERR_OPERATIONUNAVAIL PHONEERR_UNINITIALIZED"
    ),
):
    """Get the hookswitch devices that are off hook."""

    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    hook_switch_devs: int = field.flags(
        "lpdwHookSwitchDevs", PHONEHOOKSWITCHDEV, cardinality="zero-or-more", direction="out", default=ABSENT
    )


class GetID(
    Request,
    number=99,
    section="2.2.4.1.6.7",
    device="phone",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALPOINTER PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INVALDEVICECLASS PHONEERR_UNINITIALIZED PHONEERR_OPERATIONFAILED PHONEERR_STRUCTURETOOSMALL "
        "PHONEERR_OPERATIONUNAVAIL"
    ),
):
    """Get the device id of a phone."""

    phone: int = field.handle("hPhone", HandleType.HPHONE, live="04")
    device_id: int | VARSTRING | None = field.buffer("lpDeviceID", VARSTRING, fits="01", minimum="02")
    device_class: str | None = field.text("lpszDeviceClass", rule="03")


class GetLamp(
    Request,
    number=101,
    section="2.2.4.1.6.8",
    device="phone",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALBUTTONLAMPID PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INVALPOINTER PHONEERR_OPERATIONFAILED PHONEERR_INVALPHONESTATE PHONEERR_UNINITIALIZED "
        "PHONEERR_OPERATIONUNAVAIL"
    ),
):
    """Get the mode of a lamp."""

    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    button_lamp_id: int = field.number("dwButtonLampID", note="0..dwNumButtonLamps-1")
    lamp_mode: int = field.flags("lpdwLampMode", PHONELAMPMODE, direction="out", default=ABSENT)


class GetRing(
    Request,
    number=102,
    section="2.2.4.1.6.9",
    device="phone",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALPHONESTATE PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INVALPOINTER PHONEERR_OPERATIONFAILED PHONEERR_OPERATIONUNAVAIL PHONEERR_UNINITIALIZED"
    ),
):
    """Get the ring mode and volume."""

    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    ring_mode: int = field.number("lpdwRingMode", direction="out", note="0 = not ringing; direction not stated")
    volume: int = field.number("lpdwVolume", direction="out", note="0..0xFFFF; direction not stated")


class GetStatus(
    Request,
    number=103,
    section="2.2.4.1.6.10",
    device="phone",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALPOINTER PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_OPERATIONFAILED PHONEERR_STRUCTURETOOSMALL PHONEERR_OPERATIONUNAVAIL PHONEERR_UNINITIALIZED"
    ),
):
    """Get the status of an open phone."""

    phone: int = field.handle("hPhone", HandleType.HPHONE, live="02")
    phone_status: int | PHONESTATUS | None = field.buffer("lpPhoneStatus", PHONESTATUS, fits="01", minimum="03")


class GetVolume(
    Request,
    number=105,
    section="2.2.4.1.6.11",
    device="phone",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALPHONESTATE PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INVALPOINTER PHONEERR_OPERATIONFAILED PHONEERR_INVALHOOKSWITCHDEV PHONEERR_UNINITIALIZED "
        "PHONEERR_OPERATIONUNAVAIL"
    ),
):
    """Get the speaker volume of a hookswitch device."""

    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    hook_switch_dev: int = field.flags("dwHookSwitchDev", PHONEHOOKSWITCHDEV, cardinality="one", legal="02")
    volume: int = field.number("lpdwVolume", direction="out", default=ABSENT)


class NegotiateExtVersion(
    Request,
    number=109,
    section="2.2.4.1.6.12",
    device="phone",
    returns=(
        "PHONEERR_INVALAPPHANDLE PHONEERR_OPERATIONFAILED PHONEERR_BADDEVICEID PHONEERR_OPERATIONUNAVAIL "
        "PHONEERR_NODRIVER PHONEERR_NOMEM PHONEERR_INCOMPATIBLEAPIVERSION PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INCOMPATIBLEEXTVERSION PHONEERR_UNINITIALIZED PHONEERR_INVALPOINTER PHONEERR_NODEVICE"
    ),
):
    """Negotiate the version of the device-specific extensions of a phone."""

    phone_app: int = field.handle("hPhoneApp", HandleType.HPHONEAPP, live="01")
    device_id: int = field.device("dwDeviceID", exists="02")
    tspi_version: int = field.version("dwTSPIVersion", listed="03")
    low_version: int = field.version("dwLowVersion")
    high_version: int = field.version("dwHighVersion")
    ext_version: int = field.version("lpdwExtVersion", direction="out", default=ABSENT)


class SelectExtVersion(
    Request,
    number=129,
    section="2.2.4.1.6.13",
    device="phone",
    returns=(
        "PHONEERR_INCOMPATIBLEEXTVERSION PHONEERR_OPERATIONFAILED PHONEERR_NOMEM PHONEERR_OPERATIONUNAVAIL "
        "PHONEERR_RESOURCEUNAVAIL"
    ),
):
    """Select the version of the device-specific extensions of an open phone."""

    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    ext_version: int = field.version("dwExtVersion", note="0 cancels the selection")


class SetButtonInfo(
    Request,
    number=110,
    section="2.2.4.1.6.14",
    device="phone",
    completion="async",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_RESOURCEUNAVAIL PHONEERR_INVALBUTTONLAMPID "
        "PHONEERR_OPERATIONFAILED PHONEERR_NOMEM PHONEERR_OPERATIONUNAVAIL"
    ),
):
    """Set the function and text of a button."""

    request_id: int = field.request_id()
    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    button_lamp_id: int = field.number("dwButtonLampID", note="0..dwNumButtonLamps-1")
    button_info: PHONEBUTTONINFO | None = field.structure("lpButtonInfo", PHONEBUTTONINFO, start="02")


class SetData(
    Request,
    number=111,
    section="2.2.4.1.6.15",
    device="phone",
    completion="async",
    privilege="owner",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_RESOURCEUNAVAIL PHONEERR_INVALDATAID PHONEERR_OPERATIONFAILED "
        "PHONEERR_INVALPHONESTATE PHONEERR_OPERATIONUNAVAIL PHONEERR_NOMEM"
    ),
    owner="04",
):
    """Set a data area of a phone."""

    request_id: int = field.request_id()
    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    data_id: int = field.number("dwDataID", note="0..dwNumSetData-1")
    data: bytes | None = field.block("lpData", "dwSize", start="02", end="03")
    size: int | None = field.size("dwSize")


class SetDisplay(
    Request,
    number=112,
    section="2.2.4.1.6.16",
    device="phone",
    completion="async",
    privilege="owner",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_OPERATIONUNAVAIL PHONEERR_NOTOWNER PHONEERR_OPERATIONFAILED "
        "PHONEERR_INVALPHONESTATE PHONEERR_UNINITIALIZED PHONEERR_INVALPOINTER PHONEERR_NOMEM "
        "PHONEERR_INVALPARAM PHONEERR_RESOURCEUNAVAIL"
    ),
    owner="04",
):
    """Write text to the display of a phone."""

    request_id: int = field.request_id()
    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    row: int = field.number("dwRow", note="0..dwDisplayNumRows-1")
    column: int = field.number("dwColumn", note="0..dwDisplayNumColumns-1")
    display: bytes | None = field.block("lpsDisplay", "dwSize", start="02", end="03")
    size: int | None = field.size("dwSize", note="includes terminator")


class SetGain(
    Request,
    number=113,
    section="2.2.4.1.6.17",
    device="phone",
    completion="async",
    privilege="owner",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_RESOURCEUNAVAIL PHONEERR_INVALPHONESTATE PHONEERR_OPERATIONFAILED "
        "PHONEERR_INVALHOOKSWITCHDEV PHONEERR_OPERATIONUNAVAIL PHONEERR_NOMEM"
    ),
    owner="03",
):
    """Set the microphone gain of a hookswitch device."""

    request_id: int = field.request_id()
    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    hook_switch_dev: int = field.flags("dwHookSwitchDev", PHONEHOOKSWITCHDEV, cardinality="one", legal="02")
    gain: int = field.number("dwGain", note="0..0xFFFF, clamped")


class SetHookSwitch(
    Request,
    number=114,
    section="2.2.4.1.6.18",
    device="phone",
    completion="async",
    privilege="owner",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALHOOKSWITCHDEV PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INVALHOOKSWITCHMODE PHONEERR_OPERATIONFAILED PHONEERR_INVALPHONESTATE "
        "PHONEERR_OPERATIONUNAVAIL"
    ),
    owner="04",
):
    """Set the state of hookswitch devices."""

    request_id: int = field.request_id()
    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    hook_switch_devs: int = field.flags(
        "dwHookSwitchDevs", PHONEHOOKSWITCHDEV, cardinality="one", mask=True, legal="02"
    )
    hook_switch_mode: int = field.flags("dwHookSwitchMode", PHONEHOOKSWITCHMODE, cardinality="one", legal="03")


class SetLamp(
    Request,
    number=115,
    section="2.2.4.1.6.19",
    device="phone",
    completion="async",
    privilege="owner",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALBUTTONLAMPID PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INVALPHONESTATE PHONEERR_OPERATIONFAILED PHONEERR_INVALLAMPMODE PHONEERR_OPERATIONUNAVAIL"
    ),
    owner="03",
):
    """Set the mode of a lamp."""

    request_id: int = field.request_id()
    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    button_lamp_id: int = field.number("dwButtonLampID", note="0..dwNumButtonLamps-1")
    lamp_mode: int = field.flags("dwLampMode", PHONELAMPMODE, cardinality="one", legal="02")


class SetRing(
    Request,
    number=116,
    section="2.2.4.1.6.20",
    device="phone",
    completion="async",
    privilege="owner",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_RESOURCEUNAVAIL PHONEERR_INVALPHONESTATE PHONEERR_OPERATIONFAILED "
        "PHONEERR_INVALRINGMODE PHONEERR_OPERATIONUNAVAIL PHONEERR_NOMEM"
    ),
    owner="02",
):
    """Start or stop ringing of a phone."""

    request_id: int = field.request_id()
    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    ring_mode: int = field.number("dwRingMode", note="0..dwNumRingModes; 0 = silence")
    volume: int = field.number("dwVolume", note="0..0xFFFF, clamped")


class SetStatusMessages(
    Request,
    number=117,
    section="2.2.4.1.6.21",
    device="phone",
    privilege="monitor",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_NOMEM PHONEERR_INVALPHONESTATE PHONEERR_RESOURCEUNAVAIL "
        "PHONEERR_INVALBUTTONMODE PHONEERR_OPERATIONFAILED PHONEERR_INVALBUTTONSTATE "
        "PHONEERR_OPERATIONUNAVAIL"
    ),
):
    """Select the status events sent for a phone."""

    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    phone_states: int = field.flags("dwPhoneStates", PHONESTATE, cardinality="zero-or-more", legal="02")
    button_modes: int = field.flags(
        "dwButtonModes", PHONEBUTTONMODE, cardinality="zero-or-more", note="0 makes dwButtonStates ignored", legal="03"
    )
    button_states: int = field.flags(
        "dwButtonStates",
        PHONEBUTTONSTATE,
        cardinality="one",
        mask=True,
        only=("dwButtonModes", ABSENT),
        note="needs at least one bit when dwButtonModes is nonzero",
        legal="04",
        wanted="05",
    )


class SetVolume(
    Request,
    number=118,
    section="2.2.4.1.6.22",
    device="phone",
    completion="async",
    privilege="owner",
    returns=(
        "PHONEERR_INVALPHONEHANDLE PHONEERR_RESOURCEUNAVAIL PHONEERR_INVALPHONESTATE PHONEERR_OPERATIONFAILED "
        "PHONEERR_INVALHOOKSWITCHDEV PHONEERR_OPERATIONUNAVAIL PHONEERR_NOMEM"
    ),
    owner="03",
):
    """Set the speaker volume of a hookswitch device."""

    request_id: int = field.request_id()
    phone: int = field.handle("hPhone", HandleType.HPHONE, live="01")
    hook_switch_dev: int = field.flags("dwHookSwitchDev", PHONEHOOKSWITCHDEV, cardinality="one", legal="02")
    volume: int = field.number("dwVolume", note="0..0xFFFF, clamped")
