"""Management of the server (2.2.4.1.7)."""

from __future__ import annotations

from protocol import declare as field
from protocol.constants import LINEDEVCAPFLAGS, TUISPIDLL_OBJECT
from protocol.fields import HandleType
from protocol.packet import Request
from protocol.structures import AVAILABLEPROVIDERLIST, DEVICEINFOLIST, LINEPROVIDERLIST, TAPISERVERCONFIG

__all__ = [
    "FreeDialogInstance",
    "GetAvailableProviders",
    "GetDeviceFlags",
    "GetLineInfo",
    "GetPhoneInfo",
    "GetProviderList",
    "GetServerConfig",
    "GetUIDllName",
    "SetLineInfo",
    "SetPhoneInfo",
    "SetServerConfig",
    "TUISPIDLLCallback",
]


class GetAvailableProviders(
    Request,
    number=131,
    section="2.2.4.1.7.1",
    device="mmc",
):
    """Get the service providers available for installation."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP)
    provider_list: int | AVAILABLEPROVIDERLIST | None = field.buffer(
        "lpProviderList", AVAILABLEPROVIDERLIST, fits="01", minimum="02"
    )


class GetDeviceFlags(
    Request,
    number=165,
    section="2.2.4.1.7.2",
    device="mmc",
):
    """Get the capability flags of a device, by provider id and permanent device id."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP)
    line: int = field.number("fLine", note="1 line, 0 phone")
    provider_id: int = field.number("dwProviderID", exists="01")
    permanent_device_id: int = field.number("dwPermanentDeviceID", note="unsupported, send 0")
    flags: int = field.flags("dwFlags", LINEDEVCAPFLAGS, cardinality="one-or-more", direction="out")
    device_id: int = field.device("dwDeviceID", direction="out")


class GetLineInfo(
    Request,
    number=132,
    section="2.2.4.1.7.3",
    device="mmc",
):
    """Get the line devices and the users allowed to use them."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP)
    device_info_list: int | DEVICEINFOLIST | None = field.buffer(
        "lpDeviceInfoList", DEVICEINFOLIST, fits="01", room="02"
    )


class GetPhoneInfo(
    Request,
    number=133,
    section="2.2.4.1.7.4",
    device="mmc",
):
    """Get the phone devices and the users allowed to use them."""

    phone_app: int = field.handle("hPhoneApp", HandleType.HPHONEAPP)
    device_info_list: int | DEVICEINFOLIST | None = field.buffer(
        "lpDeviceInfoList", DEVICEINFOLIST, fits="01", room="02"
    )


class GetProviderList(
    Request,
    number=42,
    section="2.2.4.1.7.5",
    device="mmc",
    returns=(
        "LINEERR_INCOMPATIBLEAPIVERSION LINEERR_NOMEM LINEERR_INIFILECORRUPT LINEERR_OPERATIONFAILED "
        "LINEERR_INVALPOINTER LINEERR_STRUCTURETOOSMALL"
    ),
):
    """Get the installed service providers."""

    api_version: int = field.version("dwAPIVersion", note="highest version the client supports", listed="02")
    provider_list: int | LINEPROVIDERLIST | None = field.buffer(
        "lpProviderList", LINEPROVIDERLIST, fits="01", minimum="03"
    )


class GetServerConfig(
    Request,
    number=134,
    section="2.2.4.1.7.6",
    device="mmc",
):
    """Get the configuration of the telephony server."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP)
    provider_list: int | TAPISERVERCONFIG | None = field.buffer(
        "lpProviderList", TAPISERVERCONFIG, note="holds a TAPISERVERCONFIG despite the name", fits="01", room="02"
    )


class SetLineInfo(
    Request,
    number=135,
    section="2.2.4.1.7.7",
    device="mmc",
    administrator=(("01", "", ()),),
):
    """Set the users allowed to use line devices."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP)
    device_info_list: DEVICEINFOLIST | None = field.structure("lpDeviceInfoList", DEVICEINFOLIST, room="03", start="02")


class SetPhoneInfo(
    Request,
    number=136,
    section="2.2.4.1.7.8",
    device="mmc",
    administrator=(("01", "", ()),),
):
    """Set the users allowed to use phone devices."""

    phone_app: int = field.handle("hPhoneApp", HandleType.HPHONEAPP)
    device_info_list: DEVICEINFOLIST | None = field.structure("lpDeviceInfoList", DEVICEINFOLIST, room="03", start="02")


class GetUIDllName(
    Request,
    number=1,
    section="2.2.4.1.7.9",
    device="mmc",
    administrator=(
        ("01", "dwObjectType", (int(TUISPIDLL_OBJECT.LINEID), int(TUISPIDLL_OBJECT.PHONEID))),
        ("02", "dwObjectType", (int(TUISPIDLL_OBJECT.PROVIDERID),)),
    ),
):
    """Start a configuration dialog of a provider; returns the dialog instance."""

    object_id: int = field.number(
        "dwObjectID",
        direction="inout",
        note="meaning set by dwObjectType; on install the server returns the new provider id here",
        exists="02b",
    )
    object_type: int = field.flags("dwObjectType", TUISPIDLL_OBJECT, cardinality="one")
    ui_dll_name: str | None = field.text(
        "dwUIDllNameOffset", size="dwUIDllNameSize", direction="out", note="out: client-side UI DLL path"
    )
    ui_dll_name_size: int | None = field.size("dwUIDllNameSize", direction="out")
    provider_filename: str | None = field.text(
        "dwProviderFilenameOffset",
        optional="packet text",
        note="provider DLL name when installing, else 0xFFFFFFFF; only for PROVIDERID",
        aligned="04",
        inside="05",
        terminated="06",
    )
    remove_provider: int = field.number("bRemoveProvider", note="1 uninstall, else 0")
    dlg_inst: int = field.handle(
        "htDlgInst", HandleType.DIALOGINSTANCE, direction="out", note="handle to pass to FreeDialogInstance"
    )


class TUISPIDLLCallback(
    Request,
    number=2,
    section="2.2.4.1.7.10",
    device="mmc",
    administrator=(("03", "dwObjectType", (int(TUISPIDLL_OBJECT.LINEID), int(TUISPIDLL_OBJECT.PHONEID))),),
):
    """Transfer data between a provider and its dialog on the client."""

    object_id: int = field.number(
        "dwObjectID", note="meaning set by dwObjectType; DIALOGINSTANCE = handle from GetUIDllName", exists="04"
    )
    object_type: int = field.flags("dwObjectType", TUISPIDLL_OBJECT, cardinality="one")
    params_in: bytes | None = field.block("dwParamsInOffset", "dwParamsInSize", start="01", end="02")
    params_in_size: int | None = field.size("dwParamsInSize")
    params_out: bytes | None = field.block("dwParamsOutOffset", "dwParamsOutSize", direction="out")
    params_out_size: int | None = field.room(
        "dwParamsOutSize", direction="inout", note="in: client capacity; out: bytes returned"
    )


class FreeDialogInstance(
    Request,
    number=3,
    section="2.2.4.1.7.11",
    device="mmc",
):
    """Free a dialog instance, and commit or cancel its operation."""

    dlg_inst: int = field.handle("htDlgInst", HandleType.DIALOGINSTANCE, note="invalid after this request", live="01")
    ui_dll_result: int = field.number("lUIDllResult", note="0 success, nonzero cancelled or failed")


class SetServerConfig(
    Request,
    number=137,
    section="2.2.4.1.7.12",
    device="mmc",
    administrator=(("01", "", ()),),
):
    """Set the configuration of the telephony server."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP)
    server_config: TAPISERVERCONFIG | None = field.structure(
        "dwServerConfigOffset", TAPISERVERCONFIG, note="relative to VarData", room="02"
    )
