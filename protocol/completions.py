"""Special completions (2.2.4.2.2, 2.2.4.2.3): replies that contain results.

Each is also an attribute of the request that it completes: ``line.MakeCall.Completion``.
"""

from __future__ import annotations

from protocol import declare as field
from protocol import line, phone
from protocol.event import Completion
from protocol.fields import HandleType
from protocol.structures import (
    LINEAGENTACTIVITYLIST,
    LINEAGENTCAPS,
    LINEAGENTGROUPLIST,
    LINEAGENTINFO,
    LINEAGENTSESSIONINFO,
    LINEAGENTSESSIONLIST,
    LINEAGENTSTATUS,
    LINEQUEUEINFO,
    LINEQUEUELIST,
    VARSTRING,
)

__all__ = [
    "AgentSpecificCompletion",
    "CompleteCallCompletion",
    "CompleteTransferCompletion",
    "CreateAgentCompletion",
    "CreateAgentSessionCompletion",
    "DevSpecificCompletion",
    "DevSpecificFeatureCompletion",
    "ForwardCompletion",
    "GetAgentActivityListCompletion",
    "GetAgentCapsCompletion",
    "GetAgentGroupListCompletion",
    "GetAgentInfoCompletion",
    "GetAgentSessionInfoCompletion",
    "GetAgentSessionListCompletion",
    "GetAgentStatusCompletion",
    "GetGroupListCompletion",
    "GetQueueInfoCompletion",
    "GetQueueListCompletion",
    "MakeCallCompletion",
    "ParkCompletion",
    "PhoneDevSpecificCompletion",
    "PickUpCompletion",
    "PrepareAddToConferenceCompletion",
    "SetUpConferenceCompletion",
    "SetUpTransferCompletion",
    "UnParkCompletion",
]


class AgentSpecificCompletion(Completion, completes=line.AgentSpecific, section="2.2.4.2.2.1"):
    """The data returned by the agent handler."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    params_context: int = field.context("lpParamsContext")
    size: int | None = field.size("dwSize")
    data: bytes | None = field.tail("VarData", size="dwSize")


class CompleteCallCompletion(Completion, completes=line.CompleteCall, section="2.2.4.2.2.2"):
    """The completion id, needed to cancel the call completion."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    completion_id: int = field.number("dwCompletionID")
    completion_id_context: int = field.context("lpdwCompletionIDContext")


class CompleteTransferCompletion(Completion, completes=line.CompleteTransfer, section="2.2.4.2.2.3"):
    """The conference call, if the transfer completes as a conference."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    conf_call: int = field.handle("hConfCall", HandleType.HCALL)
    conf_call_context: int = field.context("lphConfCallContext", echoes="lpConfCallContext")
    conf_call_address_id: int = field.number("dwConfCallAddressID")
    conf_call_id: int = field.number("dwConfCallID")
    conf_call_related_call_id: int = field.number("dwConfCallRelatedCallID")


class CreateAgentCompletion(Completion, completes=line.CreateAgent, section="2.2.4.2.2.4"):
    """The new agent."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    agent_context: int = field.context("lphAgentContext")
    size: int | None = field.size("dwSize")
    data: bytes | None = field.tail("VarData", size="dwSize")


class CreateAgentSessionCompletion(Completion, completes=line.CreateAgentSession, section="2.2.4.2.2.5"):
    """The new agent session."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    agent_session_context: int = field.context("lphAgentSessionContext")
    size: int | None = field.size("dwSize")
    data: bytes | None = field.tail("VarData", size="dwSize")


class DevSpecificCompletion(Completion, completes=line.DevSpecific, section="2.2.4.2.2.6"):
    """The returned device-specific data."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    params_context: int = field.context("lpParamsContext")
    size: int | None = field.size("dwSize")
    data: bytes | None = field.tail("VarData", size="dwSize")


class DevSpecificFeatureCompletion(Completion, completes=line.DevSpecificFeature, section="2.2.4.2.2.7"):
    """The returned device-specific data."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    params_context: int = field.context("lpParamsContext")
    size: int | None = field.size("dwSize")
    data: bytes | None = field.tail("VarData", size="dwSize")


class ForwardCompletion(Completion, completes=line.Forward, section="2.2.4.2.2.8", shortest=40):
    """The consultation call, if forwarding requires one; otherwise the record has 40 bytes (E5)."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    consult_call: int = field.handle("hConsultCall", HandleType.HCALL)
    consult_call_context: int = field.context("lphConsultCallContext")
    consult_call_address_id: int = field.number("dwConsultCallAddressID")
    consult_call_id: int = field.number("dwConsultCallID")
    consult_call_related_call_id: int = field.number("dwConsultCallRelatedCallID")


class GetAgentActivityListCompletion(Completion, completes=line.GetAgentActivityList, section="2.2.4.2.2.9"):
    """The activities available to an agent."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    agent_activity_list_context: int = field.context("lpAgentActivityListContext")
    size: int | None = field.size("dwSize")
    agent_activity_list: LINEAGENTACTIVITYLIST | None = field.tail("VarData", LINEAGENTACTIVITYLIST, size="dwSize")


class GetAgentCapsCompletion(Completion, completes=line.GetAgentCaps, section="2.2.4.2.2.10"):
    """The supported agent operations."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    agent_caps_context: int = field.context("lpAgentCapsContext")
    size: int | None = field.size("dwSize")
    agent_caps: LINEAGENTCAPS | None = field.tail("VarData", LINEAGENTCAPS, size="dwSize")


class GetAgentGroupListCompletion(Completion, completes=line.GetAgentGroupList, section="2.2.4.2.2.11"):
    """The groups of an agent."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    agent_group_list_context: int = field.context("lpAgentGroupListContext")
    size: int | None = field.size("dwSize")
    agent_group_list: LINEAGENTGROUPLIST | None = field.tail("VarData", LINEAGENTGROUPLIST, size="dwSize")


class GetAgentInfoCompletion(Completion, completes=line.GetAgentInfo, section="2.2.4.2.2.12"):
    """The statistics of an agent."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    agent_info_context: int = field.context("lpAgentInfoContext")
    size: int | None = field.size("dwSize")
    agent_info: LINEAGENTINFO | None = field.tail("VarData", LINEAGENTINFO, size="dwSize")


class GetAgentSessionInfoCompletion(Completion, completes=line.GetAgentSessionInfo, section="2.2.4.2.2.13"):
    """The statistics of an agent session."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    agent_session_info_context: int = field.context("lpAgentSessionInfoContext")
    size: int | None = field.size("dwSize")
    agent_session_info: LINEAGENTSESSIONINFO | None = field.tail("VarData", LINEAGENTSESSIONINFO, size="dwSize")


class GetAgentSessionListCompletion(Completion, completes=line.GetAgentSessionList, section="2.2.4.2.2.14"):
    """The sessions of an agent."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    agent_session_list_context: int = field.context("lpAgentSessionListContext")
    size: int | None = field.size("dwSize")
    agent_session_list: LINEAGENTSESSIONLIST | None = field.tail("VarData", LINEAGENTSESSIONLIST, size="dwSize")


class GetAgentStatusCompletion(Completion, completes=line.GetAgentStatus, section="2.2.4.2.2.15"):
    """The status of an agent."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    agent_status_context: int = field.context("lpAgentStatusContext")
    size: int | None = field.size("dwSize")
    agent_status: LINEAGENTSTATUS | None = field.tail("VarData", LINEAGENTSTATUS, size="dwSize")


class GetGroupListCompletion(Completion, completes=line.GetGroupList, section="2.2.4.2.2.16"):
    """The ACD groups."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    group_list_context: int = field.context("lpGroupListContext")
    size: int | None = field.size("dwSize")
    agent_group_list: LINEAGENTGROUPLIST | None = field.tail("VarData", LINEAGENTGROUPLIST, size="dwSize")


class GetQueueInfoCompletion(Completion, completes=line.GetQueueInfo, section="2.2.4.2.2.17"):
    """The statistics of a queue."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    queue_info_context: int = field.context("lpQueueInfoContext")
    size: int | None = field.size("dwSize")
    queue_info: LINEQUEUEINFO | None = field.tail("VarData", LINEQUEUEINFO, size="dwSize")


class GetQueueListCompletion(Completion, completes=line.GetQueueList, section="2.2.4.2.2.18"):
    """The queues of a group."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    queue_list_context: int = field.context("lpQueueListContext")
    size: int | None = field.size("dwSize")
    queue_list: LINEQUEUELIST | None = field.tail("VarData", LINEQUEUELIST, size="dwSize")


class MakeCallCompletion(Completion, completes=line.MakeCall, section="2.2.4.2.2.19"):
    """The new call."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    call: int = field.handle("hCall", HandleType.HCALL)
    call_context: int = field.context("lphCallContext")
    address_id: int = field.number("dwAddressID")
    call_id: int = field.number("dwCallID")
    related_call_id: int = field.number("dwRelatedCallID")


class ParkCompletion(Completion, completes=line.Park, section="2.2.4.2.2.20"):
    """The address at which the call was parked."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    non_dir_address_context: int = field.context("lpNonDirAddressContext")
    size: int | None = field.size("dwSize")
    address: VARSTRING | None = field.tail("VarData", VARSTRING, size="dwSize")


class PickUpCompletion(Completion, completes=line.PickUp, section="2.2.4.2.2.21"):
    """The picked-up call."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    call: int = field.handle("hCall", HandleType.HCALL)
    call_context: int = field.context("lphCallContext")
    address_id: int = field.number("dwAddressID")
    call_id: int = field.number("dwCallID")
    related_call_id: int = field.number("dwRelatedCallID")


class PrepareAddToConferenceCompletion(Completion, completes=line.PrepareAddToConference, section="2.2.4.2.2.22"):
    """The consultation call to be added to the conference."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    consult_call: int = field.handle("hConsultCall", HandleType.HCALL)
    consult_call_context: int = field.context("lphConsultCallContext")
    consult_call_address_id: int = field.number("dwConsultCallAddressID")
    consult_call_id: int = field.number("dwConsultCallID")
    consult_call_related_call_id: int = field.number("dwConsultCallRelatedCallID")


class SetUpConferenceCompletion(Completion, completes=line.SetUpConference, section="2.2.4.2.2.23"):
    """The conference call and the consultation call."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    conf_call: int = field.handle("hConfCall", HandleType.HCALL)
    conf_call_context: int = field.context("lphConfCallContext")
    consult_call: int = field.handle("hConsultCall", HandleType.HCALL)
    consult_call_context: int = field.context("lphConsultCallContext")
    conf_call_address_id: int = field.number("dwConfCallAddressID")
    conf_call_id: int = field.number("dwConfCallID")
    conf_call_related_call_id: int = field.number("dwConfCallRelatedCallID")
    consult_call_address_id: int = field.number("dwConsultCallAddressID")
    consult_call_id: int = field.number("dwConsultCallID")
    consult_call_related_call_id: int = field.number("dwConsultCallRelatedCallID")


class SetUpTransferCompletion(Completion, completes=line.SetUpTransfer, section="2.2.4.2.2.24"):
    """The consultation call."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    consult_call: int = field.handle("hConsultCall", HandleType.HCALL)
    consult_call_context: int = field.context("lphConsultCallContext")
    consult_call_address_id: int = field.number("dwConsultCallAddressID")
    consult_call_id: int = field.number("dwConsultCallID")
    consult_call_related_call_id: int = field.number("dwConsultCallRelatedCallID")


class UnParkCompletion(Completion, completes=line.UnPark, section="2.2.4.2.2.25"):
    """The retrieved call."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    call: int = field.handle("hCall", HandleType.HCALL)
    call_context: int = field.context("lphCallContext")
    address_id: int = field.number("dwAddressID")
    call_id: int = field.number("dwCallID")
    related_call_id: int = field.number("dwRelatedCallID")


class PhoneDevSpecificCompletion(Completion, completes=phone.DevSpecific, section="2.2.4.2.3.1"):
    """The returned device-specific data."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice")
    request_id: int = field.number("dwRequestId")
    result: int = field.number("Result")
    params_context: int = field.context("lpParamsContext")
    size: int | None = field.size("dwSize")
    data: bytes | None = field.tail("VarData", size="dwSize")
