"""Digits, tones and media (2.2.4.1.3)."""

from __future__ import annotations

from protocol import declare as field
from protocol.constants import LINECALLSELECT, LINEDIGITMODE, LINEMEDIAMODE, LINETONEMODE
from protocol.cross_field_checks import Covers
from protocol.fields import HandleType
from protocol.packet import Request
from protocol.record import ABSENT
from protocol.structures import (
    LINECALLPARAMS,
    LINEGENERATETONE,
    LINEMEDIACONTROLCALLSTATE,
    LINEMEDIACONTROLDIGIT,
    LINEMEDIACONTROLMEDIA,
    LINEMEDIACONTROLTONE,
    LINEMONITORTONE,
)

__all__ = [
    "ConditionalMediaDetection",
    "GatherDigits",
    "GenerateDigits",
    "GenerateTone",
    "MonitorDigits",
    "MonitorMedia",
    "MonitorTones",
    "SetDefaultMediaDetection",
    "SetMediaControl",
    "SetMediaMode",
]


class ConditionalMediaDetection(
    Request,
    number=127,
    section="2.2.4.1.3.9",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_OPERATIONFAILED LINEERR_NODRIVER LINEERR_RESOURCEUNAVAIL "
        "LINEERR_NOMEM LINEERR_INVALMEDIAMODE LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Check whether media types can be detected with given call parameters."""

    line: int = field.handle("hLine", HandleType.HLINE, live="04")
    media_modes: int = field.flags("dwMediaModes", LINEMEDIAMODE, cardinality="one-or-more")
    call_params: LINECALLPARAMS | None = field.structure(
        "lpCallParams",
        LINECALLPARAMS,
        note="only bearer, rates, media, flags, address mode (and originating address) matter",
        valid="01",
        start="02",
        room="03",
    )
    ascii_call_params_code_page: int = field.no_data("dwAsciiCallParamsCodePage")


class GatherDigits(
    Request,
    number=18,
    section="2.2.4.1.3.17",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_RESOURCEUNAVAIL LINEERR_INVALCALLSTATE LINEERR_NOMEM "
        "LINEERR_INVALTIMEOUT LINEERR_OPERATIONUNAVAIL LINEERR_INVALDIGITMODE LINEERR_OPERATIONFAILED "
        "LINEERR_INVALDIGITS LINEERR_INVALPARAM"
    ),
):
    """Gather digits of a call in one event, or cancel gathering."""

    context: int = field.context("lpContext")
    call: int = field.handle("hCall", HandleType.HCALL, live="02")
    end_to_end_id: int = field.number("dwEndtoEndID", note="returned in LINE_GATHERDIGITS.dwEndToEndID")
    digit_modes: int = field.flags(
        "dwDigitModes",
        LINEDIGITMODE,
        cardinality="one-or-more",
        allowed=LINEDIGITMODE.PULSE | LINEDIGITMODE.DTMF,
        only=("lpsDigitsContext", ABSENT),
        legal="03",
    )
    digits_context: int = field.context(
        "lpsDigitsContext", note="0 cancels gathering; otherwise echoed in LINE_GATHERDIGITS"
    )
    num_digits: int = field.number(
        "dwNumDigits",
        only=("lpsDigitsContext", ABSENT),
        note="0 gives LINEERR_INVALPARAM (rule: only when not cancelling)",
        nonzero="04",
    )
    termination_digits: str | None = field.text("lpszTerminationDigits", optional="packet text", rule="01")
    first_digit_timeout: int = field.number("dwFirstDigitTimeout", note="ms; not validated")
    inter_digit_timeout: int = field.number("dwInterDigitTimeout", note="ms; not validated")


class GenerateDigits(
    Request,
    number=19,
    section="2.2.4.1.3.18",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_NOMEM LINEERR_INVALCALLSTATE LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALDIGITMODE LINEERR_OPERATIONFAILED LINEERR_RESOURCEUNAVAIL"
    ),
):
    """Generate digits as in-band tones on a call."""

    call: int = field.handle("hCall", HandleType.HCALL, live="02")
    digit_mode: int = field.flags("dwDigitMode", LINEDIGITMODE, cardinality="one", legal="03")
    digits: str | None = field.text(
        "lpszDigits", optional="3.1.4.2", note="rules allow 0xFFFFFFFF; abort without new digits", rule="01"
    )
    duration: int = field.number("dwDuration", note="ms, 0 = default; clamped; not validated")
    end_to_end_id: int = field.number("dwEndToEndID", note="returned as Param2 of LINE_GENERATE")


class GenerateTone(
    Request,
    number=20,
    section="2.2.4.1.3.19",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_NOMEM LINEERR_INVALCALLSTATE LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALTONEMODE LINEERR_OPERATIONFAILED LINEERR_INVALTONE LINEERR_RESOURCEUNAVAIL"
    ),
    checks=(Covers("01", "dwNumTones", 16, ("dwToneMode", LINETONEMODE.CUSTOM)),),
):
    """Generate a tone on a call, or cancel generation."""

    call: int = field.handle("hCall", HandleType.HCALL, live="04")
    tone_mode: int = field.flags(
        "dwToneMode", LINETONEMODE, cardinality="one-or-zero", note="0 cancels generation in progress", legal="05"
    )
    duration: int = field.number("dwDuration", note="ms; 0 = default (infinite except BILLING); not validated")
    num_tones: int = field.number("dwNumTones", note="ignored unless CUSTOM")
    tones: tuple[LINEGENERATETONE, ...] | None = field.array(
        "lpTones",
        LINEGENERATETONE,
        "dwSize",
        optional="packet text",
        note="TAPI_NO_DATA unless CUSTOM",
        start="02",
        end="03",
    )
    size: int | None = field.size("dwSize", note="dwNumTones*16 if CUSTOM, else 0")
    end_to_end_id: int = field.number("dwEndToEndID", note="returned with LINE_GENERATE")


class MonitorDigits(
    Request,
    number=49,
    section="2.2.4.1.3.44",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED "
        "LINEERR_INVALDIGITMODE LINEERR_RESOURCEUNAVAIL LINEERR_NOMEM"
    ),
):
    """Start or stop the detection of digits on a call."""

    call: int = field.handle("hCall", HandleType.HCALL, live="01")
    digit_modes: int = field.flags(
        "dwDigitModes",
        LINEDIGITMODE,
        cardinality="one-or-zero",
        mask=True,
        note="0 cancels; plural name but text allows one value",
        legal="02",
    )


class MonitorMedia(
    Request,
    number=50,
    section="2.2.4.1.3.45",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED "
        "LINEERR_INVALMEDIAMODE LINEERR_RESOURCEUNAVAIL LINEERR_NOMEM"
    ),
):
    """Start or stop the detection of media types on a call."""

    call: int = field.handle("hCall", HandleType.HCALL, live="01")
    media_modes: int = field.flags(
        "dwMediaModes", LINEMEDIAMODE, cardinality="zero-or-more", note="0 cancels monitoring", legal="02"
    )


class MonitorTones(
    Request,
    number=51,
    section="2.2.4.1.3.46",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL LINEERR_INVALCALLSTATE LINEERR_OPERATIONFAILED "
        "LINEERR_INVALTONE LINEERR_RESOURCEUNAVAIL LINEERR_NOMEM LINEERR_INVALPOINTER"
    ),
):
    """Start or stop the detection of tones on a call."""

    call: int = field.handle("hCall", HandleType.HCALL, live="03")
    tone_list: tuple[LINEMONITORTONE, ...] | None = field.array(
        "lpToneList",
        LINEMONITORTONE,
        "dwNumEntries",
        optional="packet text",
        note="0xFFFFFFFF allowed (the rule calls it lpTones)",
        start="01",
        end="02",
    )
    num_entries: int | None = field.size(
        "dwNumEntries", note="byte length of the list (entries * 20), not a count; ignored if lpToneList is 0xFFFFFFFF"
    )
    tone_list_id: int = field.number("dwToneListID", note="client id of this tone list")


class SetDefaultMediaDetection(
    Request,
    number=76,
    section="2.2.4.1.3.69",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_OPERATIONFAILED LINEERR_INVALMEDIAMODE LINEERR_RESOURCEUNAVAIL "
        "LINEERR_NOMEM LINEERR_NODRIVER LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Set the media types to detect on new calls."""

    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    media_modes: int = field.flags("dwMediaModes", LINEMEDIAMODE, cardinality="one")


class SetMediaControl(
    Request,
    number=79,
    section="2.2.4.1.3.72",
    returns=(
        "LINEERR_INVALADDRESSID LINEERR_INVALPOINTER LINEERR_INVALCALLHANDLE LINEERR_INVALTONELIST "
        "LINEERR_INVALCALLSELECT LINEERR_NOMEM LINEERR_INVALCALLSTATELIST LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALDIGITLIST LINEERR_OPERATIONFAILED LINEERR_INVALLINEHANDLE LINEERR_RESOURCEUNAVAIL "
        "LINEERR_INVALMEDIALIST"
    ),
):
    """Set the actions of the server on a media stream upon digits, tones, media types or call states."""

    line: int = field.handle("hLine", HandleType.HLINE, live="09")
    address_id: int = field.address("dwAddressID", note="documented as not validated")
    call: int = field.handle("hCall", HandleType.HCALL, live="09")
    select: int = field.flags("dwSelect", LINECALLSELECT)
    digit_list: tuple[LINEMEDIACONTROLDIGIT, ...] | None = field.array(
        "lpDigitList", LINEMEDIACONTROLDIGIT, "dwDigitNumEntries", start="01", end="02"
    )
    digit_num_entries: int | None = field.size("dwDigitNumEntries", note="byte length (entries * 12)")
    media_list: tuple[LINEMEDIACONTROLMEDIA, ...] | None = field.array(
        "lpMediaList", LINEMEDIACONTROLMEDIA, "dwMediaNumEntries", start="03", end="04"
    )
    media_num_entries: int | None = field.size("dwMediaNumEntries", note="byte length (entries * 12)")
    tone_list: tuple[LINEMEDIACONTROLTONE, ...] | None = field.array(
        "lpToneList", LINEMEDIACONTROLTONE, "dwToneNumEntries", start="05", end="06"
    )
    tone_num_entries: int | None = field.size("dwToneNumEntries", note="byte length (entries * 24)")
    call_state_list: tuple[LINEMEDIACONTROLCALLSTATE, ...] | None = field.array(
        "lpCallStateList", LINEMEDIACONTROLCALLSTATE, "dwCallStateNumEntries", start="07", end="08"
    )
    call_state_num_entries: int | None = field.size("dwCallStateNumEntries", note="byte length (entries * 8)")


class SetMediaMode(
    Request,
    number=80,
    section="2.2.4.1.3.73",
    privilege="owner",
    returns=(
        "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONFAILED LINEERR_INVALMEDIAMODE LINEERR_RESOURCEUNAVAIL "
        "LINEERR_NOMEM LINEERR_UNINITIALIZED LINEERR_OPERATIONUNAVAIL"
    ),
):
    """Set the media type of a call."""

    call: int = field.handle("hCall", HandleType.HCALL, live="01")
    media_mode: int = field.flags(
        "dwMediaMode", LINEMEDIAMODE, cardinality="one-unless-unknown", legal="02", versions=(0, 0x00020001)
    )
