"""Agents, queues and their proxy handlers (2.2.4.1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol import declare as field
from protocol.constants import LINEAGENTSESSIONSTATE, LINEAGENTSTATE, LINEAGENTSTATEEX, TAPI_VERSION
from protocol.cross_field_checks import NotBothZero
from protocol.fields import HandleType
from protocol.packet import Request
from protocol.structures import (
    LINEAGENTACTIVITYLIST,
    LINEAGENTCAPS,
    LINEAGENTGROUPLIST,
    LINEAGENTINFO,
    LINEAGENTSESSIONINFO,
    LINEAGENTSESSIONLIST,
    LINEAGENTSTATUS,
    LINEPROXYREQUESTLIST,
    LINEQUEUEINFO,
    LINEQUEUELIST,
)

if TYPE_CHECKING:
    from uuid import UUID

__all__ = [
    "AgentSpecific",
    "CreateAgent",
    "CreateAgentSession",
    "GetAgentActivityList",
    "GetAgentCaps",
    "GetAgentGroupList",
    "GetAgentInfo",
    "GetAgentSessionInfo",
    "GetAgentSessionList",
    "GetAgentStatus",
    "GetGroupList",
    "GetProxyStatus",
    "GetQueueInfo",
    "GetQueueList",
    "SetAgentActivity",
    "SetAgentGroup",
    "SetAgentMeasurementPeriod",
    "SetAgentSessionState",
    "SetAgentState",
    "SetAgentStateEx",
    "SetQueueMeasurementPeriod",
]


class AgentSpecific(
    Request,
    number=6,
    section="2.2.4.1.3.3",
    completion="async",
    returns=(
        "LINEERR_INVALADDRESSID LINEERR_INVALAGENTID LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM "
        "LINEERR_INVALPOINTER LINEERR_NOMEM LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL "
        "LINEERR_RESOURCEUNAVAIL LINEERR_STRUCTURETOOSMALL LINEERR_UNINITIALIZED"
    ),
    proxy="04 05 06",
):
    """Invoke a handler-specific extension of the agent handler of a line."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="03")
    address_id: int = field.address("dwAddressID")
    agent_extension_id_index: int = field.number(
        "dwAgentExtensionIDIndex", note="0..dwNumAgentExtensionIDs-1 from LINEAGENTCAPS"
    )
    params_context: int = field.context("lpParamsContext")
    params: bytes | None = field.block("lpParams", "dwSize", start="01", end="02")
    size: int | None = field.size("dwSize")


class CreateAgent(
    Request,
    number=146,
    section="2.2.4.1.3.10",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED "
        "LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    proxy="04 05 06",
):
    """Create an agent object in a proxy handler."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="03")
    agent_id: str | None = field.text("lpszAgentID", optional="packet text", rule="02")
    agent_pin: str | None = field.text("lpszAgentPIN", optional="packet text", rule="01")
    agent_context: int = field.context("lphAgentContext")


class CreateAgentSession(
    Request,
    number=147,
    section="2.2.4.1.3.11",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED "
        "LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    proxy="07 08 09",
):
    """Create an agent session in an ACD group."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="05")
    agent: int = field.handle("hAgent", HandleType.HAGENT)
    agent_pin: str | None = field.text("lpszAgentPIN", optional="packet text", rule="01")
    working_address_id: int = field.address("dwWorkingAddressID", note="address the agent works at", exists="06")
    group_id: UUID | None = field.guid_at("lpGroupID", "dwSize", start="02", end="03")
    size: int | None = field.size("dwSize", note="size of the GUID", minimum="04")
    agent_session_context: int = field.context(
        "lphAgentSessionContext",
        note="documented as the session handle; 2.2.4.2.2.5 treats it as an echoed context",
    )


class GetAgentActivityList(
    Request,
    number=24,
    section="2.2.4.1.3.22",
    completion="async",
    returns=(
        "LINEERR_INVALADDRESSID LINEERR_OPERATIONFAILED LINEERR_INVALAGENTID LINEERR_OPERATIONUNAVAIL "
        "LINEERR_INVALLINEHANDLE LINEERR_RESOURCEUNAVAIL LINEERR_INVALPOINTER LINEERR_STRUCTURETOOSMALL "
        "LINEERR_NOMEM LINEERR_UNINITIALIZED"
    ),
    proxy="03 04 07",
):
    """Get the activities available to an agent."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    address_id: int = field.address("dwAddressID", exists="02")
    agent_activity_list_context: int = field.context("lpAgentActivityListContext")
    agent_activity_list: int = field.limit("lpAgentActivityList", LINEAGENTACTIVITYLIST, maximum="05", minimum="06")


class GetAgentCaps(
    Request,
    number=25,
    section="2.2.4.1.3.23",
    completion="async",
    returns=(
        "LINEERR_BADDEVICEID LINEERR_INCOMPATIBLEAPIVERSION LINEERR_INVALADDRESSID LINEERR_INVALAPPHANDLE "
        "LINEERR_INVALPOINTER LINEERR_NODEVICE LINEERR_NODRIVER LINEERR_NOMEM LINEERR_OPERATIONFAILED "
        "LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_STRUCTURETOOSMALL LINEERR_UNINITIALIZED"
    ),
    proxy="05 06 07",
):
    """Get the agent operations supported on an address."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP, live="01")
    device_id: int = field.device("dwDeviceID")
    address_id: int = field.address("dwAddressID")
    app_api_version: int = field.version(
        "dwAppAPIVersion",
        note="highest client version, not the negotiated one",
        listed="04",
        oldest=TAPI_VERSION.V2_0,
    )
    agent_caps_context: int = field.context("lpAgentCapsContext")
    agent_caps_size: int = field.limit("lpAgentCapsSize", LINEAGENTCAPS, minimum="03")


class GetAgentGroupList(
    Request,
    number=26,
    section="2.2.4.1.3.24",
    completion="async",
    returns=(
        "LINEERR_INVALADDRESSID LINEERR_INVALAGENTID LINEERR_INVALLINEHANDLE LINEERR_INVALPOINTER "
        "LINEERR_NOMEM LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL "
        "LINEERR_STRUCTURETOOSMALL LINEERR_UNINITIALIZED"
    ),
    proxy="03 04 07",
):
    """Get the groups that an agent can log on to."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    address_id: int = field.address("dwAddressID", exists="02")
    agent_group_list_context: int = field.context("lpAgentGroupListContext")
    agent_group_list_size: int = field.limit("lpAgentGroupListSize", LINEAGENTGROUPLIST, maximum="05", minimum="06")


class GetAgentInfo(
    Request,
    number=148,
    section="2.2.4.1.3.25",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED "
        "LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    proxy="05 06 07",
):
    """Get the statistics of an agent."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="03")
    agent: int = field.handle("hAgent", HandleType.HAGENT)
    agent_info_context: int = field.context("lpAgentInfoContext")
    agent_info: int = field.limit("lpAgentInfo", LINEAGENTINFO, maximum="01", minimum="02")


class GetAgentSessionInfo(
    Request,
    number=149,
    section="2.2.4.1.3.26",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED "
        "LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    proxy="05 06 07",
):
    """Get the statistics of an agent session."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="03")
    agent_session: int = field.handle("hAgentSession", HandleType.HAGENTSESSION)
    agent_session_info_context: int = field.context("lpAgentSessionInfoContext")
    agent_session_info: int = field.limit("lpAgentSessionInfo", LINEAGENTSESSIONINFO, maximum="01", minimum="02")


class GetAgentSessionList(
    Request,
    number=150,
    section="2.2.4.1.3.27",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED "
        "LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    proxy="05 06 07",
):
    """Get the sessions of an agent."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="03")
    agent: int = field.handle("hAgent", HandleType.HAGENT)
    agent_session_list_context: int = field.context("lpAgentSessionListContext")
    agent_session_list: int = field.limit("lpAgentSessionList", LINEAGENTSESSIONLIST, maximum="01", minimum="02")


class GetAgentStatus(
    Request,
    number=27,
    section="2.2.4.1.3.28",
    completion="async",
    returns=(
        "LINEERR_INVALADDRESSID LINEERR_INVALLINEHANDLE LINEERR_INVALPOINTER LINEERR_NOMEM "
        "LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_STRUCTURETOOSMALL "
        "LINEERR_UNINITIALIZED"
    ),
    proxy="03 04 07",
):
    """Get the status of the agent at an address."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    address_id: int = field.address("dwAddressID", exists="02")
    agent_status_context: int = field.context("lpAgentStatusContext")
    agent_status_size: int = field.limit("lpAgentStatusSize", LINEAGENTSTATUS, maximum="05", minimum="06")


class GetGroupList(
    Request,
    number=152,
    section="2.2.4.1.3.34",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED "
        "LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    proxy="05 06 07",
):
    """Get all ACD groups of a proxy handler."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="04")
    group_list_context: int = field.context("lpGroupListContext")
    agent_group_list_size: int = field.limit("lpAgentGroupListSize", LINEAGENTGROUPLIST, maximum="01", minimum="02")


class GetProxyStatus(
    Request,
    number=158,
    section="2.2.4.1.3.39",
    returns=(
        "LINEERR_BADDEVICEID LINEERR_INCOMPATIBLEAPIVERSION LINEERR_INVALPARAM LINEERR_NOMEM "
        "LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
):
    """Get the request types supported by the proxy handlers of a line."""

    line_app: int = field.handle("hLineApp", HandleType.HLINEAPP)
    device_id: int = field.device("dwDeviceID", exists="01")
    app_api_version: int = field.version("dwAppAPIVersion", listed="02")
    line_proxy_request_list: int | LINEPROXYREQUESTLIST | None = field.buffer(
        "lpLineProxyRequestList", LINEPROXYREQUESTLIST, fits="03", minimum="04"
    )


class GetQueueInfo(
    Request,
    number=151,
    section="2.2.4.1.3.40",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED "
        "LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    proxy="04 05 06",
):
    """Get the statistics of an ACD queue."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="02")
    queue_id: int = field.number("dwQueueID")
    queue_info_context: int = field.context("lpQueueInfoContext")
    queue_info: int = field.limit("lpQueueInfo", LINEQUEUEINFO, minimum="01", maximum="03")


class GetQueueList(
    Request,
    number=153,
    section="2.2.4.1.3.41",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED "
        "LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    proxy="05 06 07",
):
    """Get the queues of an ACD group."""

    request_id: int = field.request_id()
    context: int = field.context("lpContext")
    line: int = field.handle("hLine", HandleType.HLINE, live="04")
    group_id: UUID | None = field.guid_at("pGroupID", "cbGUID", start="02", end="03")
    guid_size: int | None = field.size("cbGUID")
    queue_list_context: int = field.context("lpQueueListContext")
    queue_list: int = field.limit("lpQueueList", LINEQUEUELIST, minimum="01")


class SetAgentActivity(
    Request,
    number=66,
    section="2.2.4.1.3.57",
    completion="async",
    returns=(
        "LINEERR_INVALADDRESSID LINEERR_INVALADDRESSSTATE LINEERR_INVALAGENTACTIVITY LINEERR_INVALLINEHANDLE "
        "LINEERR_INVALPOINTER LINEERR_NOMEM LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL "
        "LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    proxy="02 03 04",
):
    """Set the activity of the agent at an address."""

    request_id: int = field.request_id()
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    address_id: int = field.address("dwAddressID")
    activity_id: int = field.number("dwActivityID", note="meaning private to client and call centre")


class SetAgentGroup(
    Request,
    number=67,
    section="2.2.4.1.3.58",
    completion="async",
    returns=(
        "LINEERR_INVALADDRESSID LINEERR_INVALADDRESSSTATE LINEERR_INVALAGENTGROUP LINEERR_INVALAGENTID "
        "LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_INVALPASSWORD LINEERR_INVALPOINTER LINEERR_NOMEM "
        "LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    proxy="04 05 06",
):
    """Log an agent on to groups at an address."""

    request_id: int = field.request_id()
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    address_id: int = field.address("dwAddressID")
    agent_group_list: LINEAGENTGROUPLIST | None = field.structure(
        "lpAgentGroupList", LINEAGENTGROUPLIST, start="02", room="03"
    )


class SetAgentMeasurementPeriod(
    Request,
    number=154,
    section="2.2.4.1.3.59",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED "
        "LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    proxy="03 04 05",
):
    """Set the measurement period for the statistics of an agent."""

    request_id: int = field.request_id()
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    agent: int = field.handle("hAgent", HandleType.HAGENT)
    measurement_period: int = field.number("dwMeasurementPeriod", note="seconds, > 0", nonzero="02")


class SetAgentSessionState(
    Request,
    number=155,
    section="2.2.4.1.3.60",
    completion="async",
    returns=(
        "LINEERR_INVALAGENTSTATE LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_NOMEM "
        "LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    checks=(NotBothZero("02", "dwAgentSessionState", "dwNextAgentSessionState"),),
    proxy="05 06 07",
):
    """Set the current or next state of an agent session."""

    request_id: int = field.request_id()
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    agent_session: int = field.handle("hAgentSession", HandleType.HAGENTSESSION)
    agent_session_state: int = field.flags(
        "dwAgentSessionState",
        LINEAGENTSESSIONSTATE,
        cardinality="one-or-zero",
        note="0 = leave; at most one of the two may be 0",
        legal="03",
    )
    next_agent_session_state: int = field.flags(
        "dwNextAgentSessionState",
        LINEAGENTSESSIONSTATE,
        cardinality="one-or-zero",
        note="0 allowed; at most one of the two may be 0",
        legal="04",
    )


class SetAgentState(
    Request,
    number=68,
    section="2.2.4.1.3.61",
    completion="async",
    returns=(
        "LINEERR_INVALADDRESSID LINEERR_INVALADDRESSSTATE LINEERR_INVALAGENTSTATE LINEERR_INVALLINEHANDLE "
        "LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL "
        "LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    checks=(NotBothZero("02", "dwAgentState", "dwNextAgentState"),),
    proxy="05 06 07",
):
    """Set the current or next state of the agent at an address."""

    request_id: int = field.request_id()
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    address_id: int = field.address("dwAddressID")
    agent_state: int = field.flags(
        "dwAgentState",
        LINEAGENTSTATE,
        cardinality="one-or-zero",
        note="0 = leave unchanged; the rule refers to LINEAGENTSESSIONSTATE_Constants",
        legal="03",
    )
    next_agent_state: int = field.flags(
        "dwNextAgentState",
        LINEAGENTSTATE,
        cardinality="one-or-zero",
        note="0 = default next state; the rule refers to LINEAGENTSESSIONSTATE_Constants",
        legal="04",
    )


class SetAgentStateEx(
    Request,
    number=157,
    section="2.2.4.1.3.62",
    completion="async",
    returns=(
        "LINEERR_INVALAGENTSTATE LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_NOMEM "
        "LINEERR_OPERATIONFAILED LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    checks=(NotBothZero("02", "dwAgentState", "dwNextAgentState"),),
    proxy="05 06",
):
    """Set the current or next state of an agent, by agent handle."""

    request_id: int = field.request_id()
    line: int = field.handle("hLine", HandleType.HLINE, live="01")
    agent: int = field.handle("hAgent", HandleType.HAGENT)
    agent_state: int = field.flags(
        "dwAgentState", LINEAGENTSTATEEX, cardinality="one-or-zero", note="0 = leave unchanged", legal="03"
    )
    next_agent_state: int = field.flags(
        "dwNextAgentState", LINEAGENTSTATEEX, cardinality="one-or-zero", note="0 = default next state", legal="04"
    )


class SetQueueMeasurementPeriod(
    Request,
    number=156,
    section="2.2.4.1.3.74",
    completion="async",
    returns=(
        "LINEERR_INVALLINEHANDLE LINEERR_INVALPARAM LINEERR_NOMEM LINEERR_OPERATIONFAILED "
        "LINEERR_OPERATIONUNAVAIL LINEERR_RESOURCEUNAVAIL LINEERR_UNINITIALIZED"
    ),
    proxy="03 04 05",
):
    """Set the measurement period for the statistics of a queue."""

    request_id: int = field.request_id()
    line: int = field.handle("hLine", HandleType.HLINE, live="02")
    queue_id: int = field.number("dwQueueID")
    measurement_period: int = field.number("dwMeasurementPeriod", note="seconds, > 0", nonzero="01")
