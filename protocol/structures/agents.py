"""Agents, groups and queues (2.2.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol import declare_members as member
from protocol.constants import (
    LINEAGENTFEATURE,
    LINEAGENTSESSIONSTATE,
    LINEAGENTSTATE,
    LINEAGENTSTATEEX,
    LINEPROXYREQUEST,
    TAPI_VERSION,
)
from protocol.constants import LINEAGENTSTATUS as AGENTSTATUS_BITS
from protocol.fields import HandleType
from protocol.structure import Structure
from protocol.structures.common import LINEEXTENSIONID

if TYPE_CHECKING:
    from uuid import UUID

__all__ = [
    "LINEAGENTACTIVITYENTRY",
    "LINEAGENTACTIVITYLIST",
    "LINEAGENTCAPS",
    "LINEAGENTGROUPENTRY",
    "LINEAGENTGROUPLIST",
    "LINEAGENTINFO",
    "LINEAGENTSESSIONENTRY",
    "LINEAGENTSESSIONINFO",
    "LINEAGENTSESSIONLIST",
    "LINEAGENTSTATUS",
    "LINEPROXYREQUESTLIST",
    "LINEQUEUEENTRY",
    "LINEQUEUEINFO",
    "LINEQUEUELIST",
]


class LINEAGENTGROUPENTRY(Structure, section="2.2.6.12"):
    """A group of agents."""

    group_id1: int = member.number("dwGroupID1")
    group_id2: int = member.number("dwGroupID2")
    group_id3: int = member.number("dwGroupID3")
    group_id4: int = member.number("dwGroupID4")
    name: str | None = member.text("dwName")


class LINEAGENTGROUPLIST(Structure, section="2.2.6.11"):
    """Groups of agents."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    num_entries: int = member.number("dwNumEntries")
    entries: tuple[LINEAGENTGROUPENTRY, ...] | None = member.entries(
        "dwList", LINEAGENTGROUPENTRY, count="dwNumEntries"
    )


class LINEAGENTSTATUS(Structure, section="2.2.6.8"):
    """The status of an agent at an address."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    num_entries: int = member.number("dwNumEntries")
    group_list: tuple[LINEAGENTGROUPENTRY, ...] | None = member.entries(
        "dwGroupList", LINEAGENTGROUPENTRY, count="dwNumEntries"
    )
    state: int = member.flags("dwState", LINEAGENTSTATE, cardinality="one")
    next_state: int = member.flags("dwNextState", LINEAGENTSTATE, cardinality="one")
    activity_id: int = member.number("dwActivityID")
    activity: str | None = member.text("dwActivity")
    agent_features: int = member.flags("dwAgentFeatures", LINEAGENTFEATURE)
    valid_states: int = member.flags("dwValidStates", LINEAGENTSTATE, cardinality="one-or-more")
    valid_next_states: int = member.flags("dwValidNextStates", LINEAGENTSTATE, cardinality="one-or-more")


class LINEAGENTACTIVITYENTRY(Structure, section="2.2.6.9"):
    """An agent activity."""

    id: int = member.number("dwID")
    name: str | None = member.text("dwName")


class LINEAGENTACTIVITYLIST(Structure, section="2.2.6.10"):
    """The activities available to an agent."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    num_entries: int = member.number("dwNumEntries")
    entries: tuple[LINEAGENTACTIVITYENTRY, ...] | None = member.entries(
        "dwList", LINEAGENTACTIVITYENTRY, count="dwNumEntries"
    )


class LINEAGENTCAPS(Structure, section="2.2.6.13"):
    """The agent operations supported on an address."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    agent_handler_info: str | None = member.text("dwAgentHandlerInfo")
    caps_version: int = member.number("dwCapsVersion")
    features: int = member.flags("dwFeatures", LINEAGENTFEATURE)
    states: int = member.flags("dwStates", LINEAGENTSTATE)
    next_states: int = member.flags("dwNextStates", LINEAGENTSTATE)
    max_num_group_entries: int = member.number("dwMaxNumGroupEntries")
    agent_status_messages: int = member.flags("dwAgentStatusMessages", AGENTSTATUS_BITS)
    num_agent_extension_i_ds: int = member.number(
        "dwNumAgentExtensionIDs", note="documented as 0 if extensions are supported; the reverse is meant"
    )
    agent_extension_id_list: tuple[LINEEXTENSIONID, ...] | None = member.entries(
        "dwAgentExtensionIDList",
        LINEEXTENSIONID,
        count="dwNumAgentExtensionIDs",
        note="the size is documented as being in this same field",
    )
    proxy_guid: UUID = member.guid("ProxyGUID", since=TAPI_VERSION.V2_2)


class LINEAGENTSESSIONENTRY(Structure, section="2.2.6.14"):
    """An agent session."""

    agent_session: int = member.handle("hAgentSession", HandleType.HAGENTSESSION)
    agent: int = member.handle("hAgent", HandleType.HAGENT)
    group_id: UUID = member.guid("GroupID", note="GUID although introduced as a 32-bit integer")
    working_address_id: int = member.number("dwWorkingAddressID")


class LINEAGENTSESSIONLIST(Structure, section="2.2.6.15"):
    """The sessions of an agent."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    num_entries: int = member.number("dwNumEntries")
    entries: tuple[LINEAGENTSESSIONENTRY, ...] | None = member.entries(
        "dwList",
        LINEAGENTSESSIONENTRY,
        count="dwNumEntries",
        note="printed as variable; 4 bytes like every other offset",
    )


class LINEAGENTSESSIONINFO(Structure, section="2.2.6.16"):
    """Statistics of an agent session."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    agent_session_state: int = member.flags("dwAgentSessionState", LINEAGENTSESSIONSTATE, cardinality="one")
    next_agent_session_state: int = member.flags("dwNextAgentSessionState", LINEAGENTSESSIONSTATE, cardinality="one")
    session_start_time: int = member.number(
        "dateSessionStartTime", note="4 bytes here; public SDK header types it DATE (8-byte)"
    )
    session_duration: int = member.number("dwSessionDuration")
    number_of_calls: int = member.number("dwNumberOfCalls")
    total_talk_time: int = member.number("dwTotalTalkTime")
    average_talk_time: int = member.number("dwAverageTalkTime")
    total_call_time: int = member.number("dwTotalCallTime")
    average_call_time: int = member.number("dwAverageCallTime")
    total_wrap_up_time: int = member.number("dwTotalWrapUpTime")
    average_wrap_up_time: int = member.number("dwAverageWrapUpTime")
    acd_call_rate: int = member.number(
        "cyACDCallRate", note="4 bytes here; public SDK header types it CURRENCY (8-byte)"
    )
    longest_time_to_answer: int = member.number("dwLongestTimeToAnswer")
    average_time_to_answer: int = member.number("dwAverageTimeToAnswer")


class LINEAGENTINFO(Structure, section="2.2.6.47"):
    """Statistics of an agent."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    agent_state: int = member.flags("dwAgentState", LINEAGENTSTATEEX, cardinality="one")
    next_agent_state: int = member.flags("dwNextAgentState", LINEAGENTSTATEEX, cardinality="one")
    measurement_period: int = member.number("dwMeasurementPeriod")
    overall_call_rate: int = member.number(
        "cyOverallCallRate", note="4 bytes here; public SDK header types it CURRENCY (8-byte)"
    )
    number_of_acd_calls: int = member.number("dwNumberOfACDCalls")
    number_of_incoming_calls: int = member.number("dwNumberOfIncomingCalls")
    number_of_outgoing_calls: int = member.number("dwNumberOfOutgoingCalls")
    total_acd_talk_time: int = member.number("dwTotalACDTalkTime")
    total_acd_call_time: int = member.number("dwTotalACDCallTime")
    total_acd_wrap_up_time: int = member.number("dwTotalACDWrapUpTime")


class LINEQUEUEINFO(Structure, section="2.2.6.29"):
    """Statistics of an ACD queue."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    measurement_period: int = member.number("dwMeasurementPeriod")
    total_calls_queued: int = member.number("dwTotalCallsQueued")
    current_calls_queued: int = member.number("dwCurrentCallsQueued")
    total_calls_abandoned: int = member.number("dwTotalCallsAbandoned")
    total_calls_flowed_in: int = member.number("dwTotalCallsFlowedIn")
    total_calls_flowed_out: int = member.number("dwTotalCallsFlowedOut")
    longest_ever_wait_time: int = member.number("dwLongestEverWaitTime")
    current_longest_wait_time: int = member.number("dwCurrentLongestWaitTime")
    average_wait_time: int = member.number("dwAverageWaitTime")
    final_disposition: int = member.number("dwFinalDisposition")


class LINEQUEUEENTRY(Structure, section="2.2.6.36"):
    """A queue of an ACD group."""

    queue_id: int = member.number("dwQueueID")
    name: str | None = member.text("dwName")


class LINEQUEUELIST(Structure, section="2.2.6.35"):
    """The queues of an ACD group."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    num_entries: int = member.number("dwNumEntries")
    entries: tuple[LINEQUEUEENTRY, ...] | None = member.entries("dwList", LINEQUEUEENTRY, count="dwNumEntries")


class LINEPROXYREQUESTLIST(Structure, section="2.2.6.34"):
    """The request types supported by proxy handlers."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    num_entries: int = member.number("dwNumEntries")
    entries: tuple[int, ...] | None = member.entries("dwList", None, count="dwNumEntries", table=LINEPROXYREQUEST)
