"""Sessions with line devices (2.2.4.1.1, 2.2.4.1.2)."""

from __future__ import annotations

from protocol import declare as field
from protocol.constants import LINEADDRESSMODE, LINECALLPRIVILEGE, LINEMEDIAMODE, LINEOPENOPTION
from protocol.cross_field_checks import Excludes, Member
from protocol.fields import HandleType
from protocol.packet import Request
from protocol.record import ABSENT
from protocol.structures import LINEADDRESSCAPS, LINECALLPARAMS, LINEDEVCAPS, LINEEXTENSIONID

__all__ = [
    "Close",
    "GetAddressCaps",
    "GetDevCaps",
    "Initialize",
    "NegotiateAPIVersion",
    "Open",
    "ShutDown",
]


class Initialize(
    Request,
    number=47,
    section="2.2.4.1.1.1",
    returns=(
        "LINEERR_INVALAPPNAME LINEERR_OPERATIONFAILED LINEERR_INIFILECORRUPT LINEERR_INVALPOINTER "
        "LINEERR_REINIT LINEERR_NOMEM LINEERR_INVALPARAM"
    ),
):
    """Register a line application with the server; returns the number of line devices."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP, direction="out")
    instance: int = field.number("hInstance", note="client instance handle; NULL allowed")
    init_context: int = field.context(
        "InitContext", note="opaque; copied to ASYNCEVENTMSG.InitContext of every line event of this hLineApp"
    )
    friendly_name: str | None = field.text(
        "dwFriendlyNameOffset",
        note="remote client must pass its computer name",
        aligned="01",
        inside="02",
        terminated="03",
    )
    num_devs: int = field.number("dwNumDevs", direction="out", note="number of line devices")
    module_name: str | None = field.text(
        "dwModuleNameOffset",
        note="same text as dwFriendlyNameOffset (computer name), not a module name",
        aligned="04",
        inside="05",
        terminated="06",
    )
    api_version: int = field.version("dwAPIVersion", note="highest version the client supports")


class NegotiateAPIVersion(
    Request,
    number=52,
    section="2.2.4.1.1.2",
    returns=(
        "LINEERR_INCOMPATIBLEAPIVERSION LINEERR_OPERATIONUNAVAIL LINEERR_NODRIVER LINEERR_OPERATIONFAILED "
        "LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Negotiate the TAPI version for a line device."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP, live="03")
    device_id: int = field.device("dwDeviceID", note="0..dwNumDevs-1", exists="02")
    version: int = field.version("dwVersion", note="lowest acceptable version", ordered="04", overlap="05")
    version_current: int = field.version("dwVersionCurrent", note="highest acceptable version")
    negotiated_version: int = field.version("dwNegotiatedVersion", direction="out", default=ABSENT)
    extension_id: LINEEXTENSIONID | None = field.structure(
        "ExtensionID", LINEEXTENSIONID, size="dwSize", direction="out", absent=True, room="01"
    )
    size: int = field.room("dwSize", note="size of the extension id block; direction not stated")


class GetDevCaps(
    Request,
    number=34,
    section="2.2.4.1.1.3",
    returns=(
        "LINEERR_INCOMPATIBLEAPIVERSION LINEERR_INCOMPATIBLEEXTVERSION LINEERR_NODRIVER LINEERR_NOMEM "
        "LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Get the capabilities of a line device."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP, live="06")
    device_id: int = field.device("dwDeviceID", exists="03")
    tspi_version: int = field.version("dwTSPIVersion", note="value from NegotiateAPIVersion", listed="04")
    ext_version: int = field.version(
        "dwExtVersion", note="documented as not validated, but 3.1.4.2 requires failure if invalid"
    )
    line_dev_caps: int | LINEDEVCAPS | None = field.buffer("lpLineDevCaps", LINEDEVCAPS, fits="01", minimum="02")


class GetAddressCaps(
    Request,
    number=21,
    section="2.2.4.1.1.4",
):
    """Get the capabilities of an address of a line device."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP, live="01")
    device_id: int = field.device("dwDeviceID", exists="05")
    address_id: int = field.address("dwAddressID", note="0..dwNumAddresses-1; documented as not validated")
    tspi_version: int = field.version("dwTSPIVersion", note="value from NegotiateAPIVersion", listed="06")
    ext_version: int = field.version(
        "dwExtVersion",
        note="0 when unused; documented as not validated, but 3.1.4.2 requires failure if invalid",
    )
    address_caps: int | LINEADDRESSCAPS | None = field.buffer(
        "lpAddressCaps", LINEADDRESSCAPS, fits="02", minimum="03", room="04"
    )


class Open(
    Request,
    number=54,
    section="2.2.4.1.1.5",
    returns=(
        "LINEERR_ALLOCATED LINEERR_OPERATIONUNAVAIL LINEERR_NODRIVER LINEERR_OPERATIONFAILED LINEERR_NOMEM "
        "LINEERR_RESOURCEUNAVAIL"
    ),
    checks=(
        Excludes("03", "dwPrivileges", LINECALLPRIVILEGE.NONE, LINECALLPRIVILEGE.MONITOR | LINECALLPRIVILEGE.OWNER),
        Member(
            "06",
            "pCallParams",
            "dwAddressMode",
            LINEADDRESSMODE.ADDRESSID,
            ("dwPrivileges", LINEOPENOPTION.SINGLEADDRESS),
        ),
    ),
):
    """Open a line device, to make, receive or monitor calls."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP, live="01")
    device_id: int = field.device("dwDeviceID")
    line: int = field.handle("hLine", HandleType.HLINE, direction="out", default=ABSENT)
    negotiated_version: int = field.version("dwNegotiatedVersion", note="rules call it dwAPIVersion", listed="02")
    ext_version: int = field.version("dwExtVersion", acceptable="08")
    open_context: int = field.context("OpenContext", note="text: callback instance, set to 0; copied to events")
    privileges: int = field.flags(
        "dwPrivileges",
        LINECALLPRIVILEGE,
        LINEOPENOPTION,
        cardinality="one-or-more",
        zero=True,
        note="no constants documented",
        legal="04",
    )
    media_modes: int = field.flags(
        "dwMediaModes",
        LINEMEDIAMODE,
        cardinality="zero-or-more",
        only=("dwPrivileges", LINECALLPRIVILEGE.OWNER),
        note="no constants documented",
        legal="07",
    )
    call_params: LINECALLPARAMS | None = field.structure(
        "pCallParams",
        LINECALLPARAMS,
        optional="packet text",
        only=("dwPrivileges", LINEOPENOPTION.SINGLEADDRESS | LINEOPENOPTION.PROXY),
        note="TAPI_NO_DATA when absent",
        start="05",
        valid="10",
    )
    ascii_call_params_code_page: int = field.no_data("dwAsciiCallParamsCodePage")
    get_call_params: int = field.number(
        "pGetCallParams", direction="out", note="ignored on input; server writes TAPI_NO_DATA"
    )
    remote_line: int = field.number("hRemoteLine", note="if nonzero replaces hLine in ASYNCEVENTMSG.hDevice")


class Close(
    Request,
    number=9,
    section="2.2.4.1.2.1",
    returns="LINEERR_NOMEM LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL",
):
    """Close an open line; its call handles become invalid."""

    line: int = field.handle("hLine", HandleType.HLINE, live="01")


class ShutDown(
    Request,
    number=86,
    section="2.2.4.1.2.2",
    returns="LINEERR_INVALAPPHANDLE LINEERR_RESOURCEUNAVAIL LINEERR_NOMEM LINEERR_UNINITIALIZED",
):
    """Shut down a line application; all its handles become invalid."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP, live="01")
