"""Conferences and transfers by consultation (2.2.4.1.3)."""

from __future__ import annotations

from protocol import declare as field
from protocol.constants import LINETRANSFERMODE
from protocol.cross_field_checks import Differ
from protocol.fields import HandleType
from protocol.packet import Request
from protocol.structures import LINECALLPARAMS

__all__ = [
    "AddToConference",
    "CompleteTransfer",
    "PrepareAddToConference",
    "RemoveFromConference",
    "SetUpConference",
    "SetUpTransfer",
    "SwapHold",
]


class AddToConference(
    Request,
    number=5,
    section="2.2.4.1.3.2",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED "
        "LINEERR_CONFERENCEFULL LINEERR_RESOURCEUNAVAIL LINEERR_NOMEM"
    ),
):
    """Add a call to a conference."""

    request_id: int = field.request_id()
    conf_call: int = field.handle("hConfCall", HandleType.HCALL, note="from SetUpConference", live="01")
    consult_call: int = field.handle(
        "hConsultCall", HandleType.HCALL, note="must not be a conference parent or member already", live="02"
    )


class CompleteTransfer(
    Request,
    number=11,
    section="2.2.4.1.3.8",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED "
        "LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL"
    ),
    checks=(Differ("04", "hCall", "hConsultCall"),),
    same_line="05",
):
    """Complete a consultation transfer, as a transfer or as a three-way conference."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    call: int = field.handle("hCall", HandleType.HCALL, live="02")
    consult_call: int = field.handle("hConsultCall", HandleType.HCALL, live="03")
    conf_call_context: int = field.context("lpConfCallContext")
    transfer_mode: int = field.flags("dwTransferMode", LINETRANSFERMODE, cardinality="one", legal="01")


class PrepareAddToConference(
    Request,
    number=57,
    section="2.2.4.1.3.50",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_BEARERMODEUNAVAIL LINEERR_INVALLINESTATE LINEERR_CALLUNAVAIL LINEERR_INVALMEDIAMODE "
        "LINEERR_CONFERENCEFULL LINEERR_INVALRATE LINEERR_INUSE LINEERR_NOMEM LINEERR_INVALADDRESSMODE "
        "LINEERR_OPERATIONUNAVAIL LINEERR_INVALBEARERMODE LINEERR_OPERATIONFAILED LINEERR_INVALCALLPARAMS "
        "LINEERR_RATEUNAVAIL LINEERR_INVALCALLSTATE LINEERR_RESOURCEUNAVAIL LINEERR_INVALCONFCALLHANDLE "
        "LINEERR_USERUSERINFOTOOBIG"
    ),
):
    """Create a consultation call to be added to a conference."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    conf_call: int = field.handle("hConfCall", HandleType.HCALL, live="01")
    consult_call_context: int = field.context("lphConsultCallContext")
    call_params: LINECALLPARAMS | None = field.structure(
        "lpCallParams", LINECALLPARAMS, optional="packet text", start="02", room="03", valid="04"
    )
    ascii_call_params_code_page: int = field.no_data("dwAsciiCallParamsCodePage")


class RemoveFromConference(
    Request,
    number=63,
    section="2.2.4.1.3.53",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED "
        "LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Remove a call from its conference."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="01")


class SetUpConference(
    Request,
    number=84,
    section="2.2.4.1.3.77",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_BEARERMODEUNAVAIL LINEERR_UNINITIALIZED LINEERR_CALLUNAVAIL LINEERR_INVALMEDIAMODE "
        "LINEERR_CONFERENCEFULL LINEERR_INVALPOINTER LINEERR_INUSE LINEERR_INVALRATE LINEERR_INVALADDRESSMODE "
        "LINEERR_NOMEM LINEERR_INVALBEARERMODE LINEERR_NOTOWNER LINEERR_INVALCALLHANDLE "
        "LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED LINEERR_INVALCALLPARAMS "
        "LINEERR_RATEUNAVAIL LINEERR_INVALLINEHANDLE LINEERR_RESOURCEUNAVAIL LINEERR_INVALLINESTATE "
        "LINEERR_STRUCTURETOOSMALL LINEERR_USERUSERINFOTOOBIG"
    ),
):
    """Set up a conference; the completion returns the handles of the conference call and of a consultation call."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    call: int = field.handle(
        "hCall",
        HandleType.HCALL,
        optional=True,
        note="NULL when no initial call; then hLine is used; state/owner apply only when non-NULL",
        live="01",
    )
    line: int = field.handle("hLine", HandleType.HLINE, optional=True, note="ignored when hCall is not NULL", live="01")
    conf_call_context: int = field.context("lphConfCallContext")
    consult_call_context: int = field.context("lphConsultCallContext")
    num_parties: int = field.number("dwNumParties", note="hint passed to the provider")
    call_params: LINECALLPARAMS | None = field.structure(
        "lpCallParams",
        LINECALLPARAMS,
        optional="packet text",
        note="documented as a size, but an offset in the rules; 0xFFFFFFFF = absent",
        start="02",
        room="03",
        valid="04",
    )
    ascii_call_params_code_page: int = field.no_data("dwAsciiCallParamsCodePage")


class SetUpTransfer(
    Request,
    number=85,
    section="2.2.4.1.3.78",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_BEARERMODEUNAVAIL LINEERR_INVALRATE LINEERR_CALLUNAVAIL LINEERR_NOMEM LINEERR_INUSE "
        "LINEERR_NOTOWNER LINEERR_INVALADDRESSMODE LINEERR_OPERATIONFAILED LINEERR_INVALBEARERMODE "
        "LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLHANDLE LINEERR_RATEUNAVAIL LINEERR_INVALCALLPARAMS "
        "LINEERR_RESOURCEUNAVAIL LINEERR_INVALCALLSTATE LINEERR_STRUCTURETOOSMALL LINEERR_INVALLINESTATE "
        "LINEERR_UNINITIALIZED LINEERR_INVALMEDIAMODE LINEERR_USERUSERINFOTOOBIG LINEERR_INVALPOINTER"
    ),
):
    """Set up a transfer: put the call on hold and create a consultation call."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    call: int = field.handle("hCall", HandleType.HCALL, live="01")
    consult_call_context: int = field.context("lphConsultCallContext")
    call_params: LINECALLPARAMS | None = field.structure(
        "lpCallParams",
        LINECALLPARAMS,
        optional="packet text",
        note="documented as a size, but an offset in the rules; 0xFFFFFFFF = absent",
        start="02",
        room="03",
        valid="04",
    )
    ascii_call_params_code_page: int = field.no_data("dwAsciiCallParamsCodePage")


class SwapHold(
    Request,
    number=87,
    section="2.2.4.1.3.79",
    completion="async",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED "
        "LINEERR_NOMEM LINEERR_RESOURCEUNAVAIL LINEERR_NOTOWNER LINEERR_UNINITIALIZED"
    ),
    checks=(Differ("03", "hActiveCall", "hHeldCall"),),
):
    """Swap the active call and a held call."""

    request_id: int = field.request_id()
    active_call: int = field.handle("hActiveCall", HandleType.HCALL, live="01")
    held_call: int = field.handle("hHeldCall", HandleType.HCALL, live="02")
