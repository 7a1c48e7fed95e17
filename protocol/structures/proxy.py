"""Requests to proxy handlers, a union over the request type (2.2.6.28)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol import declare_members as member
from protocol.constants import LINEAGENTSESSIONSTATE, LINEAGENTSTATE, LINEAGENTSTATEEX
from protocol.constants import LINEPROXYREQUEST as TYPES
from protocol.fields import HandleType
from protocol.structure import Structure
from protocol.structures.agents import (
    LINEAGENTACTIVITYLIST,
    LINEAGENTCAPS,
    LINEAGENTGROUPLIST,
    LINEAGENTINFO,
    LINEAGENTSESSIONINFO,
    LINEAGENTSESSIONLIST,
    LINEAGENTSTATUS,
    LINEQUEUEINFO,
    LINEQUEUELIST,
)

if TYPE_CHECKING:
    from uuid import UUID

__all__ = [
    "BODIES",
    "LINEPROXYREQUEST",
    "ProxyAgentSpecific",
    "ProxyCreateAgent",
    "ProxyCreateAgentSession",
    "ProxyGetAgentActivityList",
    "ProxyGetAgentCaps",
    "ProxyGetAgentGroupList",
    "ProxyGetAgentInfo",
    "ProxyGetAgentSessionInfo",
    "ProxyGetAgentSessionList",
    "ProxyGetAgentStatus",
    "ProxyGetGroupList",
    "ProxyGetQueueInfo",
    "ProxyGetQueueList",
    "ProxySetAgentActivity",
    "ProxySetAgentGroup",
    "ProxySetAgentMeasurementPeriod",
    "ProxySetAgentSessionState",
    "ProxySetAgentState",
    "ProxySetAgentStateEx",
    "ProxySetQueueMeasurementPeriod",
]


class ProxySetAgentGroup(Structure, section="2.2.6.28", part=True):
    """Body of a SETAGENTGROUP request."""

    address_id: int = member.number("dwAddressID")
    group_list: LINEAGENTGROUPLIST | None = member.rest("GroupList", LINEAGENTGROUPLIST)


class ProxySetAgentState(Structure, section="2.2.6.28", part=True):
    """Body of a SETAGENTSTATE request."""

    address_id: int = member.number("dwAddressID")
    agent_state: int = member.flags("dwAgentState", LINEAGENTSTATE)
    next_agent_state: int = member.flags("dwNextAgentState", LINEAGENTSTATE)


class ProxySetAgentActivity(Structure, section="2.2.6.28", part=True):
    """Body of a SETAGENTACTIVITY request."""

    address_id: int = member.number("dwAddressID")
    activity_id: int = member.number("dwActivityID")


class ProxyGetAgentCaps(Structure, section="2.2.6.28", part=True):
    """Body of a GETAGENTCAPS request."""

    address_id: int = member.number("dwAddressID")
    agent_caps: LINEAGENTCAPS | None = member.rest("AgentCaps", LINEAGENTCAPS)


class ProxyGetAgentStatus(Structure, section="2.2.6.28", part=True):
    """Body of a GETAGENTSTATUS request."""

    address_id: int = member.number("dwAddressID")
    agent_status: LINEAGENTSTATUS | None = member.rest("AgentStatus", LINEAGENTSTATUS)


class ProxyAgentSpecific(Structure, section="2.2.6.28", part=True):
    """Body of an AGENTSPECIFIC request."""

    address_id: int = member.number("dwAddressID")
    agent_extension_id_index: int = member.number("dwAgentExtensionIDIndex")
    size: int = member.number("dwSize")
    params: bytes | None = member.rest("Params", size="dwSize")


class ProxyGetAgentActivityList(Structure, section="2.2.6.28", part=True):
    """Body of a GETAGENTACTIVITYLIST request."""

    address_id: int = member.number("dwAddressID")
    activity_list: LINEAGENTACTIVITYLIST | None = member.rest("ActivityList", LINEAGENTACTIVITYLIST)


class ProxyGetAgentGroupList(Structure, section="2.2.6.28", part=True):
    """Body of a GETAGENTGROUPLIST request."""

    address_id: int = member.number("dwAddressID")
    group_list: LINEAGENTGROUPLIST | None = member.rest("GroupList", LINEAGENTGROUPLIST)


class ProxyCreateAgent(Structure, section="2.2.6.28", part=True):
    """Body of a CREATEAGENT request."""

    agent: int = member.handle("hAgent", HandleType.HAGENT)
    agent_id: str | None = member.text("dwAgentID")
    agent_pin: str | None = member.text("dwAgentPIN")


class ProxySetAgentStateEx(Structure, section="2.2.6.28", part=True):
    """Body of a SETAGENTSTATEEX request."""

    agent: int = member.handle("hAgent", HandleType.HAGENT)
    agent_state: int = member.flags("dwAgentState", LINEAGENTSTATEEX)
    next_agent_state: int = member.flags("dwNextAgentState", LINEAGENTSTATEEX)


class ProxySetAgentMeasurementPeriod(Structure, section="2.2.6.28", part=True):
    """Body of a SETAGENTMEASUREMENTPERIOD request."""

    agent: int = member.handle("hAgent", HandleType.HAGENT)
    measurement_period: int = member.number("dwMeasurementPeriod")


class ProxyGetAgentInfo(Structure, section="2.2.6.28", part=True):
    """Body of a GETAGENTINFO request."""

    agent: int = member.handle("hAgent", HandleType.HAGENT)
    agent_info: LINEAGENTINFO | None = member.rest("AgentInfo", LINEAGENTINFO)


class ProxyCreateAgentSession(Structure, section="2.2.6.28", part=True):
    """Body of a CREATEAGENTSESSION request."""

    agent_session: int = member.handle("hAgentSession", HandleType.HAGENTSESSION)
    agent_pin: str | None = member.text("dwAgentPIN")
    agent: int = member.handle("hAgent", HandleType.HAGENT)
    group_id: UUID = member.guid("GroupID")
    working_address_id: int = member.number("dwWorkingAddressID")


class ProxyGetAgentSessionList(Structure, section="2.2.6.28", part=True):
    """Body of a GETAGENTSESSIONLIST request."""

    agent: int = member.handle("hAgent", HandleType.HAGENT)
    session_list: LINEAGENTSESSIONLIST | None = member.rest("SessionList", LINEAGENTSESSIONLIST)


class ProxyGetAgentSessionInfo(Structure, section="2.2.6.28", part=True):
    """Body of a GETAGENTSESSIONINFO request."""

    agent_session: int = member.handle("hAgentSession", HandleType.HAGENTSESSION)
    session_info: LINEAGENTSESSIONINFO | None = member.rest("SessionInfo", LINEAGENTSESSIONINFO)


class ProxySetAgentSessionState(Structure, section="2.2.6.28", part=True):
    """Body of a SETAGENTSESSIONSTATE request."""

    agent_session: int = member.handle("hAgentSession", HandleType.HAGENTSESSION)
    agent_session_state: int = member.flags("dwAgentSessionState", LINEAGENTSESSIONSTATE)
    next_agent_session_state: int = member.flags("dwNextAgentSessionState", LINEAGENTSESSIONSTATE)


class ProxyGetQueueList(Structure, section="2.2.6.28", part=True):
    """Body of a GETQUEUELIST request."""

    group_id: UUID = member.guid("GroupID")
    queue_list: LINEQUEUELIST | None = member.rest("QueueList", LINEQUEUELIST)


class ProxySetQueueMeasurementPeriod(Structure, section="2.2.6.28", part=True):
    """Body of a SETQUEUEMEASUREMENTPERIOD request."""

    queue_id: int = member.number("dwQueueID")
    measurement_period: int = member.number("dwMeasurementPeriod")


class ProxyGetQueueInfo(Structure, section="2.2.6.28", part=True):
    """Body of a GETQUEUEINFO request."""

    queue_id: int = member.number("dwQueueID")
    queue_info: LINEQUEUEINFO | None = member.rest("QueueInfo", LINEQUEUEINFO)


class ProxyGetGroupList(Structure, section="2.2.6.28", part=True):
    """Body of a GETGROUPLIST request."""

    group_list: LINEAGENTGROUPLIST | None = member.rest("GroupList", LINEAGENTGROUPLIST)


#: Body type by request type.
BODIES: dict[int, type[Structure]] = {
    TYPES.SETAGENTGROUP: ProxySetAgentGroup,
    TYPES.SETAGENTSTATE: ProxySetAgentState,
    TYPES.SETAGENTACTIVITY: ProxySetAgentActivity,
    TYPES.GETAGENTCAPS: ProxyGetAgentCaps,
    TYPES.GETAGENTSTATUS: ProxyGetAgentStatus,
    TYPES.AGENTSPECIFIC: ProxyAgentSpecific,
    TYPES.GETAGENTACTIVITYLIST: ProxyGetAgentActivityList,
    TYPES.GETAGENTGROUPLIST: ProxyGetAgentGroupList,
    TYPES.CREATEAGENT: ProxyCreateAgent,
    TYPES.SETAGENTSTATEEX: ProxySetAgentStateEx,
    TYPES.SETAGENTMEASUREMENTPERIOD: ProxySetAgentMeasurementPeriod,
    TYPES.GETAGENTINFO: ProxyGetAgentInfo,
    TYPES.CREATEAGENTSESSION: ProxyCreateAgentSession,
    TYPES.GETAGENTSESSIONLIST: ProxyGetAgentSessionList,
    TYPES.GETAGENTSESSIONINFO: ProxyGetAgentSessionInfo,
    TYPES.SETAGENTSESSIONSTATE: ProxySetAgentSessionState,
    TYPES.GETQUEUELIST: ProxyGetQueueList,
    TYPES.SETQUEUEMEASUREMENTPERIOD: ProxySetQueueMeasurementPeriod,
    TYPES.GETQUEUEINFO: ProxyGetQueueInfo,
    TYPES.GETGROUPLIST: ProxyGetGroupList,
}


class LINEPROXYREQUEST(Structure, section="2.2.6.28"):
    """A request to a proxy handler; its body depends on the request type."""

    size: int | None = member.extent("dwSize")
    client_machine_name: str | None = member.text("dwClientMachineName")
    client_user_name: str | None = member.text("dwClientUserName")
    client_app_api_version: int = member.number("dwClientAppAPIVersion")
    request_type: int = member.flags("dwRequestType", TYPES, cardinality="one")
    body: Structure | None = member.union("body", "dwRequestType", BODIES)
