"""Lines and addresses: capabilities and status (2.2.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol import declare_members as member
from protocol.constants import (
    LINEADDRCAPFLAGS,
    LINEADDRESSMODE,
    LINEADDRESSSHARING,
    LINEADDRESSSTATE,
    LINEADDRESSTYPE,
    LINEADDRFEATURE,
    LINEANSWERMODE,
    LINEBEARERMODE,
    LINEBUSYMODE,
    LINECALLCOMPLCOND,
    LINECALLCOMPLMODE,
    LINECALLFEATURE,
    LINECALLFEATURE2,
    LINECALLHUBTRACKING,
    LINECALLINFOSTATE,
    LINECALLPARTYID,
    LINECALLSTATE,
    LINECALLTREATMENT,
    LINECONNECTEDMODE,
    LINEDEVCAPFLAGS,
    LINEDEVSTATE,
    LINEDEVSTATUSFLAGS,
    LINEDIALTONEMODE,
    LINEDIGITMODE,
    LINEDISCONNECTMODE,
    LINEFEATURE,
    LINEFORWARDMODE,
    LINEMEDIAMODE,
    LINEOFFERINGMODE,
    LINEPARKMODE,
    LINEREMOVEFROMCONF,
    LINEROAMMODE,
    LINESPECIALINFO,
    LINETERMDEV,
    LINETERMMODE,
    LINETERMSHARING,
    LINETONEMODE,
    LINETRANSFERMODE,
    STRINGFORMAT,
    TAPI_VERSION,
)
from protocol.structure import Structure
from protocol.structures.calls import LINEFORWARD
from protocol.structures.common import LINEDIALPARAMS

if TYPE_CHECKING:
    from uuid import UUID

__all__ = [
    "LINEADDRESSCAPS",
    "LINEADDRESSSTATUS",
    "LINEAPPINFO",
    "LINECALLTREATMENTENTRY",
    "LINEDEVCAPS",
    "LINEDEVSTATUS",
    "LINETERMCAPS",
]


class LINECALLTREATMENTENTRY(Structure, section="2.2.6.22"):
    """A call treatment: what the caller hears while unanswered or held."""

    call_treatment_id: int = member.flags("dwCallTreatmentID", LINECALLTREATMENT)
    call_treatment_name: str | None = member.text("dwCallTreatmentName")


class LINEADDRESSCAPS(Structure, section="2.2.6.6"):
    """The capabilities of an address."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    line_device_id: int = member.number("dwLineDeviceID")
    address: str | None = member.text("dwAddress")
    dev_specific: bytes | None = member.data("dwDevSpecific")
    address_sharing: int = member.flags("dwAddressSharing", LINEADDRESSSHARING, cardinality="one")
    address_states: int = member.flags("dwAddressStates", LINEADDRESSSTATE, cardinality="one-or-more")
    call_info_states: int = member.flags("dwCallInfoStates", LINECALLINFOSTATE, cardinality="one-or-more")
    caller_id_flags: int = member.flags("dwCallerIDFlags", LINECALLPARTYID, cardinality="one-or-more")
    called_id_flags: int = member.flags("dwCalledIDFlags", LINECALLPARTYID, cardinality="one-or-more")
    connected_id_flags: int = member.flags("dwConnectedIDFlags", LINECALLPARTYID, cardinality="one-or-more")
    redirection_id_flags: int = member.flags("dwRedirectionIDFlags", LINECALLPARTYID, cardinality="one-or-more")
    redirecting_id_flags: int = member.flags("dwRedirectingIDFlags", LINECALLPARTYID, cardinality="one-or-more")
    call_states: int = member.flags("dwCallStates", LINECALLSTATE, cardinality="one-or-more")
    dial_tone_modes: int = member.flags("dwDialToneModes", LINEDIALTONEMODE, cardinality="one-or-more")
    busy_modes: int = member.flags("dwBusyModes", LINEBUSYMODE, cardinality="one-or-more")
    special_info: int = member.flags("dwSpecialInfo", LINESPECIALINFO, cardinality="one-or-more")
    disconnect_modes: int = member.flags("dwDisconnectModes", LINEDISCONNECTMODE, cardinality="one-or-more")
    max_num_active_calls: int = member.number("dwMaxNumActiveCalls")
    max_num_on_hold_calls: int = member.number("dwMaxNumOnHoldCalls")
    max_num_on_hold_pending_calls: int = member.number("dwMaxNumOnHoldPendingCalls")
    max_num_conference: int = member.number("dwMaxNumConference")
    max_num_trans_conf: int = member.number("dwMaxNumTransConf")
    addr_cap_flags: int = member.flags("dwAddrCapFlags", LINEADDRCAPFLAGS, cardinality="one-or-more")
    call_features: int = member.flags("dwCallFeatures", LINECALLFEATURE)
    remove_from_conf_caps: int = member.flags("dwRemoveFromConfCaps", LINEREMOVEFROMCONF, cardinality="one")
    remove_from_conf_state: int = member.flags("dwRemoveFromConfState", LINECALLSTATE, cardinality="one-or-more")
    transfer_modes: int = member.flags("dwTransferModes", LINETRANSFERMODE, cardinality="one")
    park_modes: int = member.flags("dwParkModes", LINEPARKMODE, cardinality="one")
    forward_modes: int = member.flags("dwForwardModes", LINEFORWARDMODE, cardinality="one-or-more")
    max_forward_entries: int = member.number("dwMaxForwardEntries")
    max_specific_entries: int = member.number("dwMaxSpecificEntries")
    min_fwd_num_rings: int = member.number("dwMinFwdNumRings")
    max_fwd_num_rings: int = member.number("dwMaxFwdNumRings", note="documented limit dwMaxNumRings does not exist")
    max_call_completions: int = member.number("dwMaxCallCompletions")
    call_completion_conds: int = member.flags("dwCallCompletionConds", LINECALLCOMPLCOND, cardinality="one-or-more")
    call_completion_modes: int = member.flags("dwCallCompletionModes", LINECALLCOMPLMODE, cardinality="one")
    num_completion_messages: int = member.number("dwNumCompletionMessages")
    completion_msg_text_entry_size: int = member.number("dwCompletionMsgTextEntrySize")
    completion_msg_text: tuple[str, ...] | None = member.rows(
        "dwCompletionMsgText", row="dwCompletionMsgTextEntrySize", count="dwNumCompletionMessages"
    )
    address_features: int = member.flags("dwAddressFeatures", LINEADDRFEATURE)
    predictive_auto_transfer_states: int = member.flags(
        "dwPredictiveAutoTransferStates", LINECALLSTATE, cardinality="one-or-more", since=TAPI_VERSION.V2_0
    )
    num_call_treatments: int = member.number("dwNumCallTreatments", since=TAPI_VERSION.V2_0)
    call_treatment_list: tuple[LINECALLTREATMENTENTRY, ...] | None = member.entries(
        "dwCallTreatmentList",
        LINECALLTREATMENTENTRY,
        count="dwNumCallTreatments",
        since=TAPI_VERSION.V2_0,
        note="also documented as the array size",
    )
    device_classes: tuple[str, ...] | None = member.texts("dwDeviceClasses", since=TAPI_VERSION.V2_0)
    max_call_data_size: int = member.number("dwMaxCallDataSize", since=TAPI_VERSION.V2_0)
    call_features2: int = member.flags("dwCallFeatures2", LINECALLFEATURE2, since=TAPI_VERSION.V2_0)
    max_no_answer_timeout: int = member.number(
        "dwMaxNoAnswerTimeout", since=TAPI_VERSION.V2_0, note="seconds; 0 = unsupported"
    )
    connected_modes: int = member.flags("dwConnectedModes", LINECONNECTEDMODE, since=TAPI_VERSION.V2_0)
    offering_modes: int = member.flags("dwOfferingModes", LINEOFFERINGMODE, since=TAPI_VERSION.V2_0)
    available_media_modes: int = member.flags("dwAvailableMediaModes", LINEMEDIAMODE, since=TAPI_VERSION.V2_0)


class LINEADDRESSSTATUS(Structure, section="2.2.6.7"):
    """The status of an address."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    num_in_use: int = member.number("dwNumInUse")
    num_active_calls: int = member.number("dwNumActiveCalls")
    num_on_hold_calls: int = member.number("dwNumOnHoldCalls")
    num_on_hold_pend_calls: int = member.number("dwNumOnHoldPendCalls")
    address_features: int = member.flags("dwAddressFeatures", LINEADDRFEATURE, cardinality="one-or-more")
    num_rings_no_answer: int = member.number("dwNumRingsNoAnswer")
    forward_num_entries: int = member.number("dwForwardNumEntries")
    forward: tuple[LINEFORWARD, ...] | None = member.entries("dwForward", LINEFORWARD, count="dwForwardNumEntries")
    terminal_modes: tuple[int, ...] | None = member.entries("dwTerminalModes", None, table=LINETERMMODE)
    dev_specific: bytes | None = member.data("dwDevSpecific")


class LINETERMCAPS(Structure, section="2.2.6.49"):
    """The capabilities of a terminal."""

    term_dev: int = member.flags("dwTermDev", LINETERMDEV, cardinality="one")
    term_modes: int = member.flags("dwTermModes", LINETERMMODE, cardinality="one")
    term_sharing: int = member.flags("dwTermSharing", LINETERMSHARING, cardinality="one")


class LINEDEVCAPS(Structure, section="2.2.6.23"):
    """The capabilities of a line device."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    provider_info: str | None = member.text("dwProviderInfo")
    switch_info: str | None = member.text("dwSwitchInfo")
    permanent_line_id: int = member.number("dwPermanentLineID")
    line_name: str | None = member.text("dwLineName")
    string_format: int = member.flags("dwStringFormat", STRINGFORMAT, cardinality="one")
    address_modes: int = member.flags("dwAddressModes", LINEADDRESSMODE, cardinality="one")
    num_addresses: int = member.number("dwNumAddresses")
    bearer_modes: int = member.flags("dwBearerModes", LINEBEARERMODE)
    max_rate: int = member.number("dwMaxRate")
    media_modes: int = member.flags("dwMediaModes", LINEMEDIAMODE)
    generate_tone_modes: int = member.flags("dwGenerateToneModes", LINETONEMODE, cardinality="one-or-more")
    generate_tone_max_freq: int = member.number("dwGenerateToneMaxFreq", note="SDK name dwGenerateToneMaxNumFreq")
    generate_digit_modes: int = member.flags("dwGenerateDigitModes", LINEDIGITMODE, cardinality="one-or-more")
    monitor_tone_max_num_freq: int = member.number(
        "dwMonitorToneMaxNumFreq", note="documented as LINEGENERATETONE; LINEMONITORTONE has at most three frequencies"
    )
    monitor_tone_max_num_entries: int = member.number("dwMonitorToneMaxNumEntries")
    monitor_digit_modes: int = member.flags("dwMonitorDigitModes", LINEDIGITMODE, cardinality="one-or-more")
    gather_digits_min_timeout: int = member.number("dwGatherDigitsMinTimeout")
    gather_digits_max_timeout: int = member.number("dwGatherDigitsMaxTimeout")
    med_ctl_digit_max_list_size: int = member.number("dwMedCtlDigitMaxListSize")
    med_ctl_media_max_list_size: int = member.number("dwMedCtlMediaMaxListSize")
    med_ctl_tone_max_list_size: int = member.number("dwMedCtlToneMaxListSize")
    med_ctl_call_state_max_list_size: int = member.number("dwMedCtlCallStateMaxListSize")
    dev_cap_flags: int = member.flags("dwDevCapFlags", LINEDEVCAPFLAGS)
    max_num_active_calls: int = member.number("dwMaxNumActiveCalls")
    answer_mode: int = member.flags("dwAnswerMode", LINEANSWERMODE, cardinality="one-or-more")
    ring_modes: int = member.number("dwRingModes")
    line_states: int = member.flags("dwLineStates", LINEDEVSTATE, cardinality="one-or-more")
    uui_accept_size: int = member.number("dwUUIAcceptSize")
    uui_answer_size: int = member.number("dwUUIAnswerSize")
    uui_make_call_size: int = member.number("dwUUIMakeCallSize")
    uui_drop_size: int = member.number("dwUUIDropSize")
    uui_send_user_user_info_size: int = member.number("dwUUISendUserUserInfoSize")
    uui_call_info_size: int = member.number("dwUUICallInfoSize")
    min_dial_params: LINEDIALPARAMS | None = member.embedded("MinDialParams", LINEDIALPARAMS)
    max_dial_params: LINEDIALPARAMS | None = member.embedded("MaxDialParams", LINEDIALPARAMS)
    default_dial_params: LINEDIALPARAMS | None = member.embedded("DefaultDialParams", LINEDIALPARAMS)
    num_terminals: int = member.number("dwNumTerminals")
    terminal_caps: tuple[LINETERMCAPS, ...] | None = member.entries(
        "dwTerminalCaps", LINETERMCAPS, count="dwNumTerminals"
    )
    terminal_text_entry_size: int = member.number("dwTerminalTextEntrySize")
    terminal_text: tuple[str, ...] | None = member.rows(
        "dwTerminalText", row="dwTerminalTextEntrySize", count="dwNumTerminals"
    )
    dev_specific: bytes | None = member.data("dwDevSpecific")
    line_features: int = member.flags("dwLineFeatures", LINEFEATURE, cardinality="one-or-more")
    settable_dev_status: int = member.flags("dwSettableDevStatus", LINEDEVSTATUSFLAGS, since=TAPI_VERSION.V2_0)
    device_classes: tuple[str, ...] | None = member.texts("dwDeviceClasses", since=TAPI_VERSION.V2_0)
    permanent_line_guid: UUID = member.guid("PermanentLineGuid", since=TAPI_VERSION.V2_2)
    address_types: int = member.flags("dwAddressTypes", LINEADDRESSTYPE, since=TAPI_VERSION.V3_0)
    protocol_guid: UUID = member.guid("ProtocolGuid", since=TAPI_VERSION.V3_0, note="see values")
    available_tracking: int = member.flags("dwAvailableTracking", LINECALLHUBTRACKING, since=TAPI_VERSION.V3_0)


class LINEAPPINFO(Structure, section="2.2.6.25"):
    """An application that has a line open."""

    machine_name: str | None = member.text("dwMachineName")
    user_name: str | None = member.text("dwUserName")
    module_filename: str | None = member.text("dwModuleFilename")
    friendly_name: str | None = member.text("dwFriendlyName")
    media_modes: int = member.flags("dwMediaModes", LINEMEDIAMODE)
    address_id: int = member.number("dwAddressID", note="0xFFFFFFFF unless SINGLEADDRESS")


class LINEDEVSTATUS(Structure, section="2.2.6.24"):
    """The status of a line device."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    num_opens: int = member.number("dwNumOpens")
    open_media_modes: int = member.flags("dwOpenMediaModes", LINEMEDIAMODE)
    num_active_calls: int = member.number("dwNumActiveCalls")
    num_on_hold_calls: int = member.number("dwNumOnHoldCalls")
    num_on_hold_pend_calls: int = member.number("dwNumOnHoldPendCalls")
    line_features: int = member.flags("dwLineFeatures", LINEFEATURE, cardinality="one-or-more")
    num_call_completions: int = member.number("dwNumCallCompletions")
    ring_mode: int = member.number("dwRingMode")
    signal_level: int = member.number("dwSignalLevel", note="0..0xFFFF")
    battery_level: int = member.number("dwBatteryLevel", note="0..0xFFFF")
    roam_mode: int = member.flags("dwRoamMode", LINEROAMMODE, cardinality="one")
    dev_status_flags: int = member.flags("dwDevStatusFlags", LINEDEVSTATUSFLAGS, cardinality="one-or-more")
    terminal_modes: tuple[int, ...] | None = member.entries("dwTerminalModes", None, table=LINETERMMODE)
    dev_specific: bytes | None = member.data("dwDevSpecific")
    available_media_modes: int = member.flags("dwAvailableMediaModes", LINEMEDIAMODE, since=TAPI_VERSION.V2_0)
    app_info: tuple[LINEAPPINFO, ...] | None = member.entries(
        "dwAppInfo", LINEAPPINFO, count="dwNumOpens", since=TAPI_VERSION.V2_0
    )
