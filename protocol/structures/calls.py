"""Calls: parameters, information, status (2.2.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol import declare_members as member
from protocol.constants import (
    LINEADDRESSMODE,
    LINEADDRESSTYPE,
    LINEBEARERMODE,
    LINEBUSYMODE,
    LINECALLFEATURE,
    LINECALLFEATURE2,
    LINECALLHUBTRACKING,
    LINECALLORIGIN,
    LINECALLPARAMFLAGS,
    LINECALLPARTYID,
    LINECALLPRIVILEGE,
    LINECALLREASON,
    LINECALLSTATE,
    LINECALLTREATMENT,
    LINECONNECTEDMODE,
    LINEDIALTONEMODE,
    LINEDIGITMODE,
    LINEDISCONNECTMODE,
    LINEFORWARDMODE,
    LINEMEDIAMODE,
    LINEOFFERINGMODE,
    LINESPECIALINFO,
    LINETERMMODE,
    TAPI_VERSION,
)
from protocol.fields import HandleType
from protocol.structure import Structure
from protocol.structures.common import FLOWSPEC, LINEDIALPARAMS

if TYPE_CHECKING:
    from protocol.members import SystemTime
    from protocol.tables import Table

#: Negotiated versions above 2.0.
ABOVE_2_0 = (0x00020001, 0xFFFFFFFF)

__all__ = [
    "CALL_STATE_MODES",
    "LINECALLHUBTRACKINGINFO",
    "LINECALLINFO",
    "LINECALLLIST",
    "LINECALLPARAMS",
    "LINECALLSTATUS",
    "LINEFORWARD",
    "LINEFORWARDLIST",
]


#: The table of the mode of each call state that has modes (2.2.4.2.1.8).
CALL_STATE_MODES: dict[int, Table] = {
    LINECALLSTATE.BUSY: LINEBUSYMODE,
    LINECALLSTATE.CONNECTED: LINECONNECTEDMODE,
    LINECALLSTATE.DIALTONE: LINEDIALTONEMODE,
    LINECALLSTATE.OFFERING: LINEOFFERINGMODE,
    LINECALLSTATE.SPECIALINFO: LINESPECIALINFO,
    LINECALLSTATE.DISCONNECTED: LINEDISCONNECTMODE,
}


class LINECALLPARAMS(Structure, section="2.2.6.20"):
    """The parameters of a new call."""

    total_size: int | None = member.extent("dwTotalSize", whole="LCP-01")
    bearer_mode: int = member.flags(
        "dwBearerMode", LINEBEARERMODE, cardinality="one-or-more", zero=True, note="0 = VOICE", legal="LCP-02"
    )
    min_rate: int = member.number("dwMinRate")
    max_rate: int = member.number("dwMaxRate", note="0 = LINEDEVCAPS.dwMaxRate")
    media_mode: int = member.flags(
        "dwMediaMode",
        LINEMEDIAMODE,
        cardinality="one-or-more",
        zero=True,
        note="0 = INTERACTIVEVOICE",
        legal="LCP-04-01",
    )
    call_param_flags: int = member.flags(
        "dwCallParamFlags", LINECALLPARAMFLAGS, cardinality="one-or-more", zero=True, legal="LCP-04-02"
    )
    address_mode: int = member.flags(
        "dwAddressMode",
        LINEADDRESSMODE,
        cardinality="one-or-more",
        zero=True,
        note="documented as never ADDRESSID for Open; 3.1.4.2 requires ADDRESSID with SINGLEADDRESS",
        legal="LCP-04-03",
    )
    address_id: int = member.number("dwAddressID")
    dial_params: LINEDIALPARAMS | None = member.embedded("DialParams", LINEDIALPARAMS)
    orig_address: str | None = member.text("dwOrigAddress", start="LCP-05-01", end="LCP-06-01")
    displayable_address: str | None = member.text(
        "dwDisplayableAddress", start="LCP-05-06", end="LCP-07-01", versions=ABOVE_2_0
    )
    called_party: str | None = member.text("dwCalledParty", start="LCP-05-07", end="LCP-07-02", versions=ABOVE_2_0)
    comment: str | None = member.text("dwComment", start="LCP-05-08", end="LCP-07-03", versions=ABOVE_2_0)
    user_user_info: bytes | None = member.data("dwUserUserInfo", start="LCP-05-02", end="LCP-06-02")
    high_level_comp: bytes | None = member.data("dwHighLevelComp", start="LCP-05-03", end="LCP-06-03")
    low_level_comp: bytes | None = member.data("dwLowLevelComp", start="LCP-05-04", end="LCP-06-04")
    dev_specific: bytes | None = member.data("dwDevSpecific", start="LCP-05-05", end="LCP-06-05")
    predictive_auto_transfer_states: int = member.flags(
        "dwPredictiveAutoTransferStates",
        LINECALLSTATE,
        since=TAPI_VERSION.V2_0,
        note="0 = no automatic transfer",
        legal="LCP-04-04",
    )
    target_address: str | None = member.text(
        "dwTargetAddress", since=TAPI_VERSION.V2_0, start="LCP-05-09", end="LCP-06-06"
    )
    sending_flowspec: FLOWSPEC | None = member.inner(
        "dwSendingFlowspec", FLOWSPEC, since=TAPI_VERSION.V2_0, start="LCP-05-10", end="LCP-06-07"
    )
    receiving_flowspec: FLOWSPEC | None = member.inner(
        "dwReceivingFlowspec", FLOWSPEC, since=TAPI_VERSION.V2_0, start="LCP-05-11", end="LCP-06-08"
    )
    device_class: str | None = member.ascii_text(
        "dwDeviceClass", since=TAPI_VERSION.V2_0, start="LCP-05-12", end="LCP-06-09"
    )
    device_config: bytes | None = member.data(
        "dwDeviceConfig",
        since=TAPI_VERSION.V2_0,
        note="documented under the name dwDevConfigOffset",
        start="LCP-05-13",
        end="LCP-06-10",
    )
    call_data: bytes | None = member.data("dwCallData", since=TAPI_VERSION.V2_0, start="LCP-05-14", end="LCP-06-11")
    no_answer_timeout: int = member.number("dwNoAnswerTimeout", since=TAPI_VERSION.V2_0, note="seconds; 0 = never")
    calling_party_id: str | None = member.ascii_text(
        "dwCallingPartyID", since=TAPI_VERSION.V2_0, start="LCP-05-15", end="LCP-06-12"
    )
    address_type: int = member.flags("dwAddressType", LINEADDRESSTYPE, since=TAPI_VERSION.V3_0, legal="LCP-04-05")


class LINECALLINFO(Structure, section="2.2.6.19"):
    """Information about a call."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    line: int = member.handle("hLine", HandleType.HLINE)
    line_device_id: int = member.number("dwLineDeviceID")
    address_id: int = member.number("dwAddressID")
    bearer_mode: int = member.flags("dwBearerMode", LINEBEARERMODE)
    rate: int = member.number("dwRate")
    media_mode: int = member.flags("dwMediaMode", LINEMEDIAMODE, cardinality="one-or-more")
    app_specific: int = member.number("dwAppSpecific")
    call_id: int = member.number("dwCallID")
    related_call_id: int = member.number("dwRelatedCallID")
    call_param_flags: int = member.flags("dwCallParamFlags", LINECALLPARAMFLAGS)
    call_states: int = member.flags("dwCallStates", LINECALLSTATE)
    monitor_digit_modes: int = member.flags("dwMonitorDigitModes", LINEDIGITMODE)
    monitor_media_modes: int = member.flags("dwMonitorMediaModes", LINEMEDIAMODE)
    dial_params: LINEDIALPARAMS | None = member.embedded("DialParams", LINEDIALPARAMS)
    origin: int = member.flags("dwOrigin", LINECALLORIGIN, cardinality="one-or-more")
    reason: int = member.flags("dwReason", LINECALLREASON, cardinality="one-or-more")
    completion_id: int = member.number("dwCompletionID")
    num_owners: int = member.number("dwNumOwners")
    num_monitors: int = member.number("dwNumMonitors")
    country_code: int = member.number("dwCountryCode", note="0 = unknown")
    trunk: int = member.number("dwTrunk", note="0xFFFFFFFF = unknown")
    caller_id_flags: int = member.flags("dwCallerIDFlags", LINECALLPARTYID, cardinality="one-or-more")
    caller_id: str | None = member.text("dwCallerID")
    caller_id_name: str | None = member.text("dwCallerIDName")
    called_id_flags: int = member.flags("dwCalledIDFlags", LINECALLPARTYID, cardinality="one-or-more")
    called_id: str | None = member.text("dwCalledID")
    called_id_name: str | None = member.text("dwCalledIDName")
    connected_id_flags: int = member.flags("dwConnectedIDFlags", LINECALLPARTYID, cardinality="one-or-more")
    connected_id: str | None = member.text("dwConnectedID")
    connected_id_name: str | None = member.text("dwConnectedIDName")
    redirection_id_flags: int = member.flags("dwRedirectionIDFlags", LINECALLPARTYID, cardinality="one-or-more")
    redirection_id: str | None = member.text("dwRedirectionID")
    redirection_id_name: str | None = member.text("dwRedirectionIDName")
    redirecting_id_flags: int = member.flags("dwRedirectingIDFlags", LINECALLPARTYID, cardinality="one-or-more")
    redirecting_id: str | None = member.text("dwRedirectingID")
    redirecting_id_name: str | None = member.text("dwRedirectingIDName")
    app_name: str | None = member.text("dwAppName")
    displayable_address: str | None = member.text("dwDisplayableAddress", note="size and offset share one description")
    called_party: str | None = member.text("dwCalledParty")
    comment: str | None = member.text("dwComment")
    display: bytes | None = member.data("dwDisplay")
    user_user_info: bytes | None = member.data("dwUserUserInfo")
    high_level_comp: bytes | None = member.data("dwHighLevelComp")
    low_level_comp: bytes | None = member.data("dwLowLevelComp")
    charging_info: bytes | None = member.data("dwChargingInfo")
    terminal_modes: tuple[int, ...] | None = member.entries("dwTerminalModes", None, table=LINETERMMODE)
    dev_specific: bytes | None = member.data("dwDevSpecific")
    call_treatment: int = member.flags("dwCallTreatment", LINECALLTREATMENT, since=TAPI_VERSION.V2_0)
    call_data: bytes | None = member.data("dwCallData", since=TAPI_VERSION.V2_0)
    sending_flowspec: FLOWSPEC | None = member.inner("dwSendingFlowspec", FLOWSPEC, since=TAPI_VERSION.V2_0)
    receiving_flowspec: FLOWSPEC | None = member.inner("dwReceivingFlowspec", FLOWSPEC, since=TAPI_VERSION.V2_0)
    caller_id_address_type: int = member.flags(
        "dwCallerIDAddressType", LINEADDRESSTYPE, cardinality="one", since=TAPI_VERSION.V3_0
    )
    called_id_address_type: int = member.flags(
        "dwCalledIDAddressType", LINEADDRESSTYPE, cardinality="one", since=TAPI_VERSION.V3_0
    )
    connected_id_address_type: int = member.flags(
        "dwConnectedIDAddressType", LINEADDRESSTYPE, cardinality="one", since=TAPI_VERSION.V3_0
    )
    redirection_id_address_type: int = member.flags(
        "dwRedirectionIDAddressType", LINEADDRESSTYPE, since=TAPI_VERSION.V3_0
    )
    redirecting_id_address_type: int = member.flags(
        "dwRedirectingIDAddressType", LINEADDRESSTYPE, since=TAPI_VERSION.V3_0
    )


class LINECALLSTATUS(Structure, section="2.2.6.17"):
    """The state of a call and the operations currently available."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    call_state: int = member.flags("dwCallState", LINECALLSTATE, cardinality="one")
    call_state_mode: int = member.mode("dwCallStateMode", "dwCallState", CALL_STATE_MODES)
    call_privilege: int = member.flags("dwCallPrivilege", LINECALLPRIVILEGE, cardinality="one-or-more")
    call_features: int = member.flags("dwCallFeatures", LINECALLFEATURE)
    dev_specific: bytes | None = member.data("dwDevSpecific")
    call_features2: int = member.flags("dwCallFeatures2", LINECALLFEATURE2, since=TAPI_VERSION.V2_0)
    state_entry_time: SystemTime = member.time(
        "tStateEntryTime", since=TAPI_VERSION.V2_0, note="UTC SYSTEMTIME (8 WORDs)"
    )


class LINECALLLIST(Structure, section="2.2.6.21"):
    """A list of call handles."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    calls_num_entries: int = member.number("dwCallsNumEntries")
    calls: tuple[int, ...] | None = member.entries("dwCalls", None, count="dwCallsNumEntries")


class LINECALLHUBTRACKINGINFO(Structure, section="2.2.6.18"):
    """The extent of call hub tracking."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    available_tracking: int = member.flags("dwAvailableTracking", LINECALLHUBTRACKING, cardinality="one")
    current_tracking: int = member.flags("dwCurrentTracking", LINECALLHUBTRACKING, legal="143-04")


class LINEFORWARD(Structure, section="2.2.6.30"):
    """One forwarding instruction."""

    forward_mode: int = member.flags("dwForwardMode", LINEFORWARDMODE, cardinality="one", legal="017-06")
    caller_address: str | None = member.text(
        "dwCallerAddress", note="0 unless one of the four *SPECIFIC modes", start="017-07", end="017-08"
    )
    dest_country_code: int = member.number("dwDestCountryCode")
    dest_address: str | None = member.text("dwDestAddress", start="017-09", end="017-10")
    caller_address_type: int = member.flags(
        "dwCallerAddressType", LINEADDRESSTYPE, cardinality="one", since=TAPI_VERSION.V3_1
    )
    dest_address_type: int = member.flags(
        "dwDestAddressType", LINEADDRESSTYPE, cardinality="one", since=TAPI_VERSION.V3_1
    )


class LINEFORWARDLIST(Structure, section="2.2.6.31"):
    """Forwarding instructions."""

    total_size: int | None = member.extent("dwTotalSize")
    num_entries: int = member.number("dwNumEntries")
    forward_list: tuple[LINEFORWARD, ...] = member.following("ForwardList", LINEFORWARD, "dwNumEntries")
