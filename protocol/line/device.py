"""Lines, addresses, terminals and their extensions (2.2.4.1.3)."""

from __future__ import annotations

from protocol import declare as field
from protocol.constants import (
    LINEADDRESSMODE,
    LINEADDRESSSTATE,
    LINECALLSELECT,
    LINEDEVSTATE,
    LINEDEVSTATUSFLAGS,
    LINETERMMODE,
    PHONEBUTTONFUNCTION,
)
from protocol.fields import HandleType
from protocol.packet import Request
from protocol.record import ABSENT
from protocol.structures import LINEADDRESSSTATUS, LINECALLHUBTRACKINGINFO, LINEDEVSTATUS, VARSTRING

__all__ = [
    "DevSpecific",
    "DevSpecificFeature",
    "GetAddressID",
    "GetAddressStatus",
    "GetCallHubTracking",
    "GetDevConfig",
    "GetID",
    "GetLineDevStatus",
    "GetNumAddressIDs",
    "NegotiateExtVersion",
    "SelectExtVersion",
    "SetCallHubTracking",
    "SetDevConfig",
    "SetLineDevStatus",
    "SetStatusMessages",
    "SetTerminal",
]


class DevSpecific(
    Request,
    number=13,
    section="2.2.4.1.3.12",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALADDRESSID LINEERR_OPERATIONFAILED "
        "LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Invoke a device-specific extension of a line, an address or a call."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, optional=True, note="required", live="02")
    address_id: int = field.address("dwAddressID")
    call: int = field.handle("hCall", HandleType.HCALL, optional=True, note="optional; must belong to hLine", live="01")
    params_context: int = field.context("lpParamsContext")
    params: bytes | None = field.block("lpParams", "dwSize", start="03", end="04")
    size: int | None = field.size("dwSize")


class DevSpecificFeature(
    Request,
    number=14,
    section="2.2.4.1.3.13",
    completion="async",
    returns=(
        "LINEERR_INVALFEATURE LINEERR_OPERATIONUNAVAIL LINEERR_INVALLINEHANDLE LINEERR_OPERATIONFAILED "
        "LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Send a feature button press to the switch."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="03")
    feature: int = field.flags("dwFeature", PHONEBUTTONFUNCTION, cardinality="one", legal="04")
    params_context: int = field.context("lpParamsContext")
    params: bytes | None = field.block("lpParams", "dwSize", start="01", end="02")
    size: int | None = field.size("dwSize")


class GetAddressID(
    Request,
    number=22,
    section="2.2.4.1.3.20",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALADDRESS LINEERR_OPERATIONFAILED "
        "LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Translate an address string of a line into its address id."""

    line: int = field.handle("hLine", HandleType.HLINE, live="03")
    address_id: int = field.address("lpdwAddressID", direction="out", default=ABSENT)
    address_mode: int = field.flags(
        "dwAddressMode", LINEADDRESSMODE, cardinality="one", allowed=LINEADDRESSMODE.DIALABLEADDR, legal="04"
    )
    address: bytes | None = field.block(
        "lpsAddress",
        "dwSize",
        note="address string, encoding not stated; an input, although VarData is documented to contain it on completion",
        start="01",
        end="02",
    )
    size: int | None = field.size("dwSize", note="includes terminator")


class GetAddressStatus(
    Request,
    number=23,
    section="2.2.4.1.3.21",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALADDRESSID LINEERR_OPERATIONFAILED "
        "LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Get the status of an address."""

    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    address_id: int = field.address("dwAddressID", note="documented as not validated")
    address_status: int | LINEADDRESSSTATUS | None = field.buffer(
        "lpAddressStatus", LINEADDRESSSTATUS, fits="02", minimum="03"
    )


class GetCallHubTracking(
    Request,
    number=140,
    section="2.2.4.1.3.29",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_NOMEM LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Get the extent of call hub tracking of the server."""

    line: int = field.handle("hLine", HandleType.HLINE, live="04")
    tracking_info: int | LINECALLHUBTRACKINGINFO | None = field.buffer(
        "lpTrackingInfo", LINECALLHUBTRACKINGINFO, fits="01", minimum="02", room="03"
    )


class GetDevConfig(
    Request,
    number=35,
    section="2.2.4.1.3.33",
    returns=(
        "LINEERR_INVALDEVICECLASS LINEERR_NOMEM LINEERR_INVALPOINTER LINEERR_OPERATIONUNAVAIL "
        "LINEERR_STRUCTURETOOSMALL LINEERR_OPERATIONFAILED LINEERR_NODRIVER LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Get the configuration of a media device of a line."""

    device_id: int = field.device("dwDeviceID", note="documented as obtained from Initialize", exists="03")
    device_config: int | VARSTRING | None = field.buffer("lpDeviceConfig", VARSTRING, room="01")
    device_class: str | None = field.text("lpszDeviceClass", rule="02")


class GetID(
    Request,
    number=37,
    section="2.2.4.1.3.35",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_NOMEM LINEERR_INVALADDRESSID LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONFAILED LINEERR_NODEVICE LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Get the device id of a line, an address or a call."""

    line: int = field.handle("hLine", HandleType.HLINE, live="04")
    address_id: int = field.address("dwAddressID", note="documented as not validated; 3.1.4.2 has a check")
    call: int = field.handle("hCall", HandleType.HCALL, note="used when dwSelect is CALL", live="04")
    select: int = field.flags("dwSelect", LINECALLSELECT, cardinality="one", legal="06")
    device_id: int | VARSTRING | None = field.buffer("lpDeviceID", VARSTRING, minimum="01", fits="02")
    device_class: str | None = field.text("lpszDeviceClass", rule="03")


class GetLineDevStatus(
    Request,
    number=38,
    section="2.2.4.1.3.36",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_OPERATIONFAILED LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Get the status of an open line."""

    line: int = field.handle("hLine", HandleType.HLINE, live="03")
    line_dev_status: int | LINEDEVSTATUS | None = field.buffer(
        "lpLineDevStatus", LINEDEVSTATUS, fits="01", minimum="02"
    )


class GetNumAddressIDs(
    Request,
    number=40,
    section="2.2.4.1.3.38",
    returns="LINEERR_NOMEM LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL",
):
    """Get the number of addresses of a line."""

    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    num_address_ids: int = field.number("lpdwNumAddressIDs", direction="out", default=ABSENT)


class NegotiateExtVersion(
    Request,
    number=53,
    section="2.2.4.1.3.47",
    returns=(
        "LINEERR_INCOMPATIBLEAPIVERSION LINEERR_OPERATIONUNAVAIL LINEERR_INCOMPATIBLEEXTVERSION "
        "LINEERR_OPERATIONFAILED LINEERR_NODRIVER LINEERR_RESOURCEUNAVAIL LINEERR_NOMEM"
    ),
):
    """Negotiate the version of the device-specific extensions of a line."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP, live="01")
    device_id: int = field.device("dwDeviceID", exists="02")
    tspi_version: int = field.version("dwTSPIVersion", listed="03")
    low_version: int = field.version("dwLowVersion", note="not validated")
    high_version: int = field.version("dwHighVersion", note="not validated")
    ext_version: int = field.version("lpdwExtVersion", direction="out", default=ABSENT)


class SelectExtVersion(
    Request,
    number=128,
    section="2.2.4.1.3.55",
    returns=(
        "LINEERR_INCOMPATIBLEEXTVERSION LINEERR_OPERATIONFAILED LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL "
        "LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Select the version of the device-specific extensions of an open line."""

    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    ext_version: int = field.version("dwExtVersion", note="0 cancels the selection")


class SetCallHubTracking(
    Request,
    number=143,
    section="2.2.4.1.3.65",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_NOMEM LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Set the extent of call hub tracking of the server."""

    line: int = field.handle("hLine", HandleType.HLINE, live="03")
    tracking_info: LINECALLHUBTRACKINGINFO | None = field.structure(
        "lpTrackingInfo", LINECALLHUBTRACKINGINFO, start="01", room="02"
    )


class SetDevConfig(
    Request,
    number=77,
    section="2.2.4.1.3.70",
    returns=(
        "LINEERR_INVALDEVICECLASS LINEERR_NOMEM LINEERR_INVALPOINTER LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALPARAM LINEERR_OPERATIONFAILED LINEERR_INVALLINESTATE LINEERR_RESOURCEUNAVAIL "
        "LINEERR_NODRIVER"
    ),
):
    """Set the configuration of a media device of a line."""

    device_id: int = field.device("dwDeviceID", exists="04")
    device_config: VARSTRING | None = field.structure(
        "lpDeviceConfig",
        VARSTRING,
        size="dwSize",
        note="data from an earlier GetDevConfig; documented as VARSTRING",
        start="01",
        end="02",
    )
    size: int | None = field.size("dwSize")
    device_class: str | None = field.text("lpszDeviceClass", rule="03")


class SetLineDevStatus(
    Request,
    number=78,
    section="2.2.4.1.3.71",
    completion="async",
    returns=("LINEERR_INVALLINESTATE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED LINEERR_RESOURCEUNAVAIL"),
):
    """Set status bits of a line device."""

    request_id: int = field.request_id()
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    status_to_change: int = field.flags("dwStatusToChange", LINEDEVSTATUSFLAGS, cardinality="one-or-more", legal="02")
    status: int = field.number("fStatus", note="1 set, 0 clear")


class SetStatusMessages(
    Request,
    number=82,
    section="2.2.4.1.3.75",
    returns=(
        "LINEERR_INVALADDRESSSTATE LINEERR_OPERATIONFAILED LINEERR_INVALLINEHANDLE LINEERR_RESOURCEUNAVAIL "
        "LINEERR_INVALLINESTATE LINEERR_UNINITIALIZED LINEERR_NOMEM LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Select the status events sent for a line and its addresses."""

    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    line_states: int = field.flags("dwLineStates", LINEDEVSTATE, cardinality="one-or-more", zero=True, legal="02")
    address_states: int = field.flags(
        "dwAddressStates", LINEADDRESSSTATE, cardinality="one-or-more", zero=True, legal="03"
    )


class SetTerminal(
    Request,
    number=83,
    section="2.2.4.1.3.76",
    completion="async",
    returns=(
        "LINEERR_INVALADDRESSID LINEERR_NOMEM LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALCALLSELECT LINEERR_OPERATIONFAILED LINEERR_INVALLINEHANDLE LINEERR_RESOURCEUNAVAIL "
        "LINEERR_INVALTERMINALID LINEERR_UNINITIALIZED LINEERR_INVALTERMINALMODE"
    ),
):
    """Route low-level events of a line, address or call to a terminal."""

    request_id: int = field.request_id()
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    address_id: int = field.address("dwAddressID")
    call: int = field.handle("hCall", HandleType.HCALL, note="state sentence applies when dwSelect is CALL", live="01")
    select: int = field.flags("dwSelect", LINECALLSELECT, cardinality="one", legal="02")
    terminal_modes: int = field.flags("dwTerminalModes", LINETERMMODE, cardinality="one-or-more", legal="03")
    terminal_id: int = field.number("dwTerminalID", note="0..dwNumTerminals-1")
    enable: int = field.number("bEnable", note="nonzero = route events, 0 = stop")
