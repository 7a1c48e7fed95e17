"""Calls (2.2.4.1.3)."""

from __future__ import annotations

from protocol import declare as field
from protocol.constants import LINEBEARERMODE, LINECALLCOMPLMODE, LINECALLSELECT, LINECALLTREATMENT, LINEPARKMODE
from protocol.fields import HandleType
from protocol.packet import Request
from protocol.record import ABSENT
from protocol.structures import (
    FLOWSPEC,
    LINECALLINFO,
    LINECALLLIST,
    LINECALLPARAMS,
    LINECALLSTATUS,
    LINEDIALPARAMS,
    LINEFORWARDLIST,
    VARSTRING,
)

__all__ = [
    "Accept",
    "Answer",
    "BlindTransfer",
    "CompleteCall",
    "DeallocateCall",
    "Dial",
    "Drop",
    "Forward",
    "GetCallIDs",
    "GetCallInfo",
    "GetCallStatus",
    "GetNewCalls",
    "Hold",
    "MakeCall",
    "Park",
    "PickUp",
    "Redirect",
    "ReleaseUserUserInfo",
    "SecureCall",
    "SendUserUserInfo",
    "SetAppSpecific",
    "SetCallData",
    "SetCallParams",
    "SetCallQualityOfService",
    "SetCallTreatment",
    "UnCompleteCall",
    "UnHold",
    "UnPark",
]


class Accept(
    Request,
    number=4,
    section="2.2.4.1.3.1",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONFAILED LINEERR_INVALCALLSTATE LINEERR_RESOURCEUNAVAIL "
        "LINEERR_NOMEM LINEERR_USERUSERINFOTOOBIG LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Accept ownership of an offering call and alert the called station."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="03")
    user_user_info: bytes | None = field.block(
        "lpsUserUserInfo", "dwSize", optional="packet text", start="01", end="02"
    )
    size: int | None = field.size("dwSize", note="includes terminator; ignored when lpsUserUserInfo is 0xFFFFFFFF")


class Answer(
    Request,
    number=7,
    section="2.2.4.1.3.4",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED "
        "LINEERR_INUSE LINEERR_RESOURCEUNAVAIL LINEERR_NOMEM LINEERR_USERUSERINFOTOOBIG"
    ),
):
    """Answer an offering call."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="03")
    user_user_info: bytes | None = field.block(
        "lpsUserUserInfo", "dwSize", optional="packet text", start="01", end="02"
    )
    size: int | None = field.size("dwSize", note="includes terminator; ignored when lpsUserUserInfo is 0xFFFFFFFF")


class BlindTransfer(
    Request,
    number=8,
    section="2.2.4.1.3.5",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_NOMEM LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED "
        "LINEERR_ADDRESSBLOCKED LINEERR_RESOURCEUNAVAIL LINEERR_INVALCOUNTRYCODE"
    ),
):
    """Transfer a connected call to an address without consultation."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="02")
    dest_address: str | None = field.text("lpszDestAddress", rule="01")
    country_code: int = field.number("dwCountryCode", note="0 = provider default; not validated")


class DeallocateCall(
    Request,
    number=12,
    section="2.2.4.1.3.6",
    returns="LINEERR_NOMEM LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL",
):
    """Release a call handle; the call itself continues."""

    call: int = field.handle(
        "hCall",
        HandleType.HCALL,
        note="monitor may always free; sole owner may not free while the call is not idle",
        live="01",
    )


class CompleteCall(
    Request,
    number=10,
    section="2.2.4.1.3.7",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_NOMEM LINEERR_INVALCALLSTATE LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALCALLCOMPLMODE LINEERR_OPERATIONFAILED LINEERR_INVALPOINTER LINEERR_RESOURCEUNAVAIL "
        "LINEERR_COMPLETIONOVERRUN LINEERR_INVALMESSAGEID"
    ),
):
    """Request a way of completing a call that cannot be completed now."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    call: int = field.handle("hCall", HandleType.HCALL, live="01")
    completion_id_context: int = field.context("lpdwCompletionIDContext")
    completion_mode: int = field.flags("dwCompletionMode", LINECALLCOMPLMODE, cardinality="one", legal="02")
    message_id: int = field.number("dwMessageID", note="used with LINECALLCOMPLMODE_MESSAGE; not validated")


class Dial(
    Request,
    number=15,
    section="2.2.4.1.3.14",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONFAILED LINEERR_INVALADDRESS LINEERR_RESOURCEUNAVAIL "
        "LINEERR_INVALCOUNTRYCODE LINEERR_DIALBILLING LINEERR_INVALCALLSTATE LINEERR_DIALQUIET "
        "LINEERR_ADDRESSBLOCKED LINEERR_DIALDIALTONE LINEERR_NOMEM LINEERR_DIALPROMPT "
        "LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Dial digits on a call."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="02")
    dest_address: str | None = field.text("lpszDestAddress", rule="01")
    country_code: int = field.number("dwCountryCode", note="0 = provider default; not validated")


class Drop(
    Request,
    number=16,
    section="2.2.4.1.3.15",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONFAILED LINEERR_INVALCALLSTATE LINEERR_RESOURCEUNAVAIL "
        "LINEERR_NOMEM LINEERR_USERUSERINFOTOOBIG LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Disconnect a call, or reject an offering call."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="03")
    user_user_info: bytes | None = field.block(
        "lpsUserUserInfo", "dwSize", optional="packet text", start="01", end="02"
    )
    size: int | None = field.size("dwSize", note="ignored when lpsUserUserInfo is 0xFFFFFFFF")


class Forward(
    Request,
    number=17,
    section="2.2.4.1.3.16",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_NOMEM LINEERR_INVALADDRESS LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALADDRESSID LINEERR_OPERATIONFAILED LINEERR_INVALCOUNTRYCODE LINEERR_RESOURCEUNAVAIL "
        "LINEERR_INVALPARAM LINEERR_STRUCTURETOOSMALL"
    ),
):
    """Forward the calls of an address or line, or cancel forwarding."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    all_addresses: int = field.number("bAllAddresses", note="nonzero: whole line, dwAddressID ignored; not validated")
    address_id: int = field.address("dwAddressID", note="ignored when bAllAddresses; not validated")
    forward_list: LINEFORWARDLIST | None = field.structure(
        "lpForwardList", LINEFORWARDLIST, optional="3.1.4.2", note="rules allow 0xFFFFFFFF", start="02", room="04"
    )
    num_rings_no_answer: int = field.number(
        "dwNumRingsNoAnswer", note="out-of-range values are moved to the nearest legal one"
    )
    consult_call_context: int = field.context("lphConsultCallContext")
    call_params: LINECALLPARAMS | None = field.structure(
        "lpCallParams", LINECALLPARAMS, optional="3.1.4.2", note="rules allow 0xFFFFFFFF", start="03", valid="11"
    )
    ascii_call_params_code_page: int = field.number(
        "dwAsciiCallParamsCodePage", note="code page of lpCallParams; no fixed value stated here"
    )


class GetCallIDs(
    Request,
    number=141,
    section="2.2.4.1.3.30",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_NOMEM LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Get the address id, call id and related call id of a call."""

    call: int = field.handle("hCall", HandleType.HCALL, live="02")
    address_id: int = field.address("lpdwAddressID", direction="out", default=ABSENT)
    call_id: int = field.number("lpdwCallID", direction="out", default=ABSENT)
    related_call_id: int = field.number("lpdwRelatedCallID", direction="out", default=ABSENT)


class GetCallInfo(
    Request,
    number=30,
    section="2.2.4.1.3.31",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONFAILED LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Get the information about a call."""

    call: int = field.handle("hCall", HandleType.HCALL, live="03")
    call_info: int | LINECALLINFO | None = field.buffer("lpCallInfo", LINECALLINFO, fits="01", minimum="02")


class GetCallStatus(
    Request,
    number=31,
    section="2.2.4.1.3.32",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONFAILED LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Get the state of a call and the operations currently available."""

    call: int = field.handle("hCall", HandleType.HCALL, live="03")
    call_status: int | LINECALLSTATUS | None = field.buffer("lpCallStatus", LINECALLSTATUS, fits="01", minimum="02")


class GetNewCalls(
    Request,
    number=39,
    section="2.2.4.1.3.37",
    returns=(
        "LINEERR_INVALADDRESSID LINEERR_OPERATIONFAILED LINEERR_INVALCALLSELECT LINEERR_RESOURCEUNAVAIL "
        "LINEERR_INVALLINEHANDLE LINEERR_STRUCTURETOOSMALL LINEERR_INVALPOINTER LINEERR_UNINITIALIZED "
        "LINEERR_NOMEM"
    ),
):
    """Get the calls of a line or address for which the client has no handle yet."""

    line: int = field.handle("hLine", HandleType.HLINE, live="04")
    address_id: int = field.address("dwAddressID")
    select: int = field.flags(
        "dwSelect", LINECALLSELECT, cardinality="one", allowed=LINECALLSELECT.ADDRESS | LINECALLSELECT.LINE, legal="03"
    )
    call_list: int | LINECALLLIST | None = field.buffer("pCallList", LINECALLLIST, fits="01", minimum="02")


class Hold(
    Request,
    number=46,
    section="2.2.4.1.3.42",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED "
        "LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Put a connected call on hold."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="01")


class MakeCall(
    Request,
    number=48,
    section="2.2.4.1.3.43",
    completion="async",
    returns=(
        "LINEERR_ADDRESSBLOCKED LINEERR_INVALLINESTATE LINEERR_BEARERMODEUNAVAIL LINEERR_INVALRATE "
        "LINEERR_CALLUNAVAIL LINEERR_INVALLINEHANDLE LINEERR_DIALBILLING LINEERR_INVALADDRESS "
        "LINEERR_DIALQUIET LINEERR_INVALADDRESSID LINEERR_DIALDIALTONE LINEERR_INVALCALLPARAMS "
        "LINEERR_DIALPROMPT LINEERR_NOMEM LINEERR_INUSE LINEERR_OPERATIONUNAVAIL LINEERR_INVALADDRESSMODE "
        "LINEERR_OPERATIONFAILED LINEERR_INVALBEARERMODE LINEERR_RESOURCEUNAVAIL LINEERR_INVALCOUNTRYCODE "
        "LINEERR_RATEUNAVAIL LINEERR_INVALMEDIAMODE LINEERR_USERUSERINFOTOOBIG"
    ),
):
    """Make a call; the completion returns its handle."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    call_context: int = field.context("lphCallContext")
    dest_address: str | None = field.text("lpszDestAddress", optional="packet text", rule="02")
    country_code: int = field.number("dwCountryCode", note="0 = implementation default")
    call_params: LINECALLPARAMS | None = field.structure(
        "lpCallParams", LINECALLPARAMS, optional="packet text", start="03", room="04", valid="05"
    )
    call_params_code_page: int = field.no_data("dwCallParamsCodePage")


class Park(
    Request,
    number=55,
    section="2.2.4.1.3.48",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_NOMEM LINEERR_INVALPARKMODE LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED LINEERR_INVALADDRESS LINEERR_RESOURCEUNAVAIL "
        "LINEERR_STRUCTURETOOSMALL"
    ),
):
    """Park a call at a given address, or at one that the switch selects."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    call: int = field.handle("hCall", HandleType.HCALL, live="04")
    park_mode: int = field.flags("dwParkMode", LINEPARKMODE, cardinality="one", legal="01")
    dir_address: str | None = field.text("lpszDirAddress", only=("dwParkMode", LINEPARKMODE.DIRECTED), rule="02")
    non_dir_address_context: int = field.context("lpNonDirAddressContext")
    non_dir_address: int = field.limit(
        "lpNonDirAddress",
        VARSTRING,
        only=("dwParkMode", LINEPARKMODE.NONDIRECTED),
        note="largest VARSTRING accepted in the completion",
        minimum="03",
    )


class PickUp(
    Request,
    number=56,
    section="2.2.4.1.3.49",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_NOMEM LINEERR_INVALADDRESSID LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALADDRESS LINEERR_OPERATIONFAILED LINEERR_INVALGROUPID LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Pick up a call alerting at another address."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="03")
    address_id: int = field.address("dwAddressID")
    call_context: int = field.context("lphCallContext")
    dest_address: str | None = field.text(
        "lpszDestAddress", optional="3.1.4.2", note="absent = group pickup", rule="01"
    )
    group_id: str | None = field.text(
        "lpszGroupID", optional="3.1.4.2", note="needed if LINEADDRCAPFLAGS_PICKUPGROUPID", rule="02"
    )


class Redirect(
    Request,
    number=60,
    section="2.2.4.1.3.51",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_NOMEM LINEERR_INVALCALLSTATE LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALCOUNTRYCODE LINEERR_OPERATIONFAILED LINEERR_INVALADDRESS LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Redirect an offering call to another address."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="01")
    dest_address: str | None = field.text("lpszDestAddress", rule="02")
    country_code: int = field.number("dwCountryCode", note="0 = default; not validated")


class ReleaseUserUserInfo(
    Request,
    number=62,
    section="2.2.4.1.3.52",
    completion="async",
    privilege="owner",
    returns="LINEERR_INVALCALLHANDLE LINEERR_OPERATIONFAILED LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL",
):
    """Release received user-user information, so that the switch may overwrite it."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="01")


class SecureCall(
    Request,
    number=64,
    section="2.2.4.1.3.54",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED "
        "LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Secure a call against interruptions."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="01")


class SendUserUserInfo(
    Request,
    number=65,
    section="2.2.4.1.3.56",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONFAILED LINEERR_INVALCALLSTATE LINEERR_RESOURCEUNAVAIL "
        "LINEERR_NOMEM LINEERR_USERUSERINFOTOOBIG LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Send user-user information to the remote party of a call."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="01")
    user_user_info: bytes | None = field.block(
        "lpsUserUserInfo", "dwSize", optional="packet text", start="02", end="03"
    )
    size: int | None = field.size("dwSize", note="includes terminator; ignored when lpsUserUserInfo is 0xFFFFFFFF")


class SetAppSpecific(
    Request,
    number=70,
    section="2.2.4.1.3.63",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONFAILED LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Set the application-specific value of a call."""

    call: int = field.handle("hCall", HandleType.HCALL, live="01")
    app_specific: int = field.number("dwAppSpecific", note="stored in LINECALLINFO.dwAppSpecific; not validated")


class SetCallData(
    Request,
    number=71,
    section="2.2.4.1.3.64",
    completion="async",
    privilege="owner",
    returns=("LINEERR_INVALCALLSTATE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED LINEERR_RESOURCEUNAVAIL"),
):
    """Attach data to a call, visible to all its owners."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="03")
    call_data: bytes | None = field.block("lpCallData", "dwSize", start="01", end="02")
    size: int | None = field.size("dwSize")


class SetCallParams(
    Request,
    number=72,
    section="2.2.4.1.3.66",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_BEARERMODEUNAVAIL LINEERR_NOTOWNER LINEERR_INVALBEARERMODE LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALCALLHANDLE LINEERR_RATEUNAVAIL LINEERR_INVALRATE LINEERR_NOMEM LINEERR_OPERATIONFAILED "
        "LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED LINEERR_INVALCALLSTATE LINEERR_INVALPOINTER"
    ),
):
    """Change bearer mode, rates and dialing parameters of a call."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="03")
    bearer_mode: int = field.flags("dwBearerMode", LINEBEARERMODE, cardinality="one", legal="04")
    min_rate: int = field.number("dwMinRate", note="lower bound, no unit stated")
    max_rate: int = field.number("dwMaxRate", note="upper bound, no unit stated")
    dial_params: LINEDIALPARAMS | None = field.structure(
        "lpDialParams", LINEDIALPARAMS, size="dwSize", optional="packet text", start="01", end="02"
    )
    size: int | None = field.size("dwSize")


class SetCallQualityOfService(
    Request,
    number=74,
    section="2.2.4.1.3.67",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_INVALCALLSTATE LINEERR_INVALPARAM LINEERR_INVALPOINTER "
        "LINEERR_INVALRATE LINEERR_NOMEM LINEERR_NOTOWNER LINEERR_OPERATIONUNAVAIL LINEERR_OPERATIONFAILED "
        "LINEERR_RATEUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
):
    """Request a change of the quality of service of a call."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="05")
    sending_flowspec: FLOWSPEC | None = field.structure(
        "lpSendingFlowspec", FLOWSPEC, size="dwSendingFlowspecSize", start="01", end="02"
    )
    sending_flowspec_size: int | None = field.size("dwSendingFlowspecSize")
    receiving_flowspec: FLOWSPEC | None = field.structure(
        "lpReceivingFlowspec", FLOWSPEC, size="dwReceivingFlowspecSize", start="03", end="04"
    )
    receiving_flowspec_size: int | None = field.size("dwReceivingFlowspecSize")


class SetCallTreatment(
    Request,
    number=75,
    section="2.2.4.1.3.68",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_INVALCALLSTATE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_NOTOWNER "
        "LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
):
    """Set the treatment (what the caller hears) of an unanswered or held call."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="01")
    treatment: int = field.flags(
        "dwTreatment",
        LINECALLTREATMENT,
        cardinality="one",
        note="must be listed in LINEADDRESSCAPS of the address",
        legal="02",
    )


class UnCompleteCall(
    Request,
    number=88,
    section="2.2.4.1.3.80",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_OPERATIONFAILED LINEERR_INVALCOMPLETIONID LINEERR_RESOURCEUNAVAIL "
        "LINEERR_NOMEM LINEERR_UNINITIALIZED LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Cancel a call completion."""

    request_id: int = field.request_id()
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    completion_id: int = field.number("dwCompletionID", note="from the CompleteCall completion")


class UnHold(
    Request,
    number=89,
    section="2.2.4.1.3.81",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED "
        "LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL LINEERR_NOTOWNER LINEERR_UNINITIALIZED"
    ),
):
    """Retrieve a held call."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="01")


class UnPark(
    Request,
    number=90,
    section="2.2.4.1.3.82",
    completion="async",
    returns=(
        "LINEERR_INVALADDRESS LINEERR_OPERATIONUNAVAIL LINEERR_INVALADDRESSID LINEERR_OPERATIONFAILED "
        "LINEERR_INVALLINEHANDLE LINEERR_RESOURCEUNAVAIL LINEERR_INVALPOINTER LINEERR_UNINITIALIZED "
        "LINEERR_NOMEM"
    ),
):
    """Retrieve a parked call; the completion returns its handle."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="02")
    address_id: int = field.address("dwAddressID")
    call_context: int = field.context("lphCallContext")
    dest_address: str | None = field.text("lpszDestAddress", rule="01")
