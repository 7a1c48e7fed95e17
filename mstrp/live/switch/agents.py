"""The call centre of the switch: agents, their groups and sessions, queues."""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack, unpack
from typing import TYPE_CHECKING, Any
from uuid import UUID

from mstrp.live.provider import TapiError
from protocol.constants import (
    LINEAGENTSESSIONSTATE,
    LINEAGENTSESSIONSTATUS,
    LINEAGENTSTATE,
    LINEAGENTSTATEEX,
    LINEAGENTSTATUS,
    LINEAGENTSTATUSEX,
    LINEERR,
    LINEPROXYREQUEST,
)
from protocol.events import LINE_AGENTSESSIONSTATUS, LINE_AGENTSTATUS, LINE_AGENTSTATUSEX
from protocol.structures import (
    LINEAGENTACTIVITYENTRY,
    LINEAGENTACTIVITYLIST,
    LINEAGENTCAPS,
    LINEAGENTGROUPENTRY,
    LINEAGENTGROUPLIST,
    LINEAGENTINFO,
    LINEAGENTSESSIONENTRY,
    LINEAGENTSESSIONINFO,
    LINEAGENTSESSIONLIST,
    LINEQUEUEENTRY,
    LINEQUEUEINFO,
    LINEQUEUELIST,
)
from protocol.structures import LINEAGENTSTATUS as STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.live.sink import Sink

__all__ = ["TYPES", "CallCentre"]

#: The types of proxy request that are served.
TYPES = frozenset(int(kind) for kind in LINEPROXYREQUEST)
_SUPPORT, _SALES = UUID(int=0x5051), UUID(int=0x5A1E5)
_GROUPS = {_SUPPORT: "Support", _SALES: "Sales"}
_QUEUES = {1: (_SUPPORT, "Support"), 2: (_SALES, "Sales")}
_ACTIVITIES = {1: "Calls", 2: "Mail", 3: "Break"}


@dataclass
class _Agent:
    number: int
    name: str
    state: int = int(LINEAGENTSTATEEX.NOTREADY)
    next: int = 0
    period: int = 300


@dataclass
class _Session:
    number: int
    agent: int
    group: UUID
    address: int
    state: int = int(LINEAGENTSESSIONSTATE.NOTREADY)
    next: int = 0


@dataclass
class _Place:
    """The agent at an address (TAPI 2.0; later versions have agent objects)."""

    groups: tuple[UUID, ...] = ()
    state: int = int(LINEAGENTSTATE.LOGGEDOFF)
    next: int = 0
    activity: int = 0


class CallCentre:
    """Agents, agent sessions and queues. Serves all types of proxy request on all lines."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._agents: dict[int, _Agent] = {}
        self._sessions: dict[int, _Session] = {}
        self._places: dict[tuple[int, int], _Place] = {}
        self._periods: dict[int, int] = dict.fromkeys(_QUEUES, 300)
        self._number = 0x70
        self._serving: dict[str, Callable[[int, Any], dict[str, Any] | None]] = {
            "AgentSpecific": lambda device, packet: {"data": bytes(packet.params or b"")},
            "CreateAgent": self._create_agent,
            "CreateAgentSession": self._create_session,
            "GetAgentActivityList": self._activities,
            "GetAgentCaps": self._caps,
            "GetAgentGroupList": lambda device, packet: {"agent_group_list": _groups(tuple(_GROUPS))},
            "GetAgentInfo": self._agent_info,
            "GetAgentSessionInfo": self._session_info,
            "GetAgentSessionList": self._session_list,
            "GetAgentStatus": self._status_at,
            "GetGroupList": lambda device, packet: {"agent_group_list": _groups(tuple(_GROUPS))},
            "GetQueueInfo": self._queue_info,
            "GetQueueList": self._queue_list,
            "SetAgentActivity": self._set_activity,
            "SetAgentGroup": self._set_groups,
            "SetAgentMeasurementPeriod": self._set_agent_period,
            "SetAgentSessionState": self._set_session_state,
            "SetAgentState": self._set_state_at,
            "SetAgentStateEx": self._set_agent_state,
            "SetQueueMeasurementPeriod": self._set_queue_period,
        }

    def serve(self, device: int, request: Any) -> dict[str, Any] | None:
        """Perform a request about agents or queues; the fields of its completion."""
        return self._serving[type(request).__name__](device, request)

    def _agent(self, number: int) -> _Agent:
        found = self._agents.get(number)
        if found is None:
            raise TapiError(LINEERR.INVALAGENTID)
        return found

    def _session(self, number: int) -> _Session:
        found = self._sessions.get(number)
        if found is None:
            raise TapiError(LINEERR.INVALPARAM, f"agent session {number:#x} does not exist")
        return found

    def _place(self, device: int, address: int) -> _Place:
        return self._places.setdefault((device, address), _Place())

    # -- agents and sessions --------------------------------------------------------------------------------------

    def _create_agent(self, device: int, packet: Any) -> dict[str, Any]:
        self._number += 1
        self._agents[self._number] = _Agent(self._number, packet.agent_id or f"agent {self._number}")
        return {"agent": self._number}

    def _create_session(self, device: int, packet: Any) -> dict[str, Any]:
        self._agent(packet.agent)
        if packet.group_id is None:
            raise TapiError(LINEERR.INVALAGENTGROUP)
        self._number += 1
        session = _Session(self._number, packet.agent, packet.group_id, packet.working_address_id)
        self._sessions[self._number] = session
        return {"agent_session": self._number}

    def _set_agent_state(self, device: int, packet: Any) -> None:
        agent = self._agent(packet.agent)
        agent.state = packet.agent_state or agent.state
        agent.next = packet.next_agent_state
        changes = int(LINEAGENTSTATUSEX.STATE)
        self._sink.device_event(
            device, LINE_AGENTSTATUSEX, agent=agent.number, changes=changes, agent_state=agent.state
        )

    def _set_session_state(self, device: int, packet: Any) -> None:
        session = self._session(packet.agent_session)
        session.state = packet.agent_session_state or session.state
        session.next = packet.next_agent_session_state
        fields = {"agent_session": session.number, "agent_session_state": session.state}
        changes = int(LINEAGENTSESSIONSTATUS.STATE)
        self._sink.device_event(device, LINE_AGENTSESSIONSTATUS, changes=changes, **fields)

    def _set_agent_period(self, device: int, packet: Any) -> None:
        self._agent(packet.agent).period = packet.measurement_period

    def _agent_info(self, device: int, packet: Any) -> dict[str, Any]:
        agent = self._agent(packet.agent)
        made = LINEAGENTINFO(agent_state=agent.state, next_agent_state=agent.next, measurement_period=agent.period)
        return {"agent_info": made}

    def _session_info(self, device: int, packet: Any) -> dict[str, Any]:
        session = self._session(packet.agent_session)
        made = LINEAGENTSESSIONINFO(agent_session_state=session.state, next_agent_session_state=session.next)
        return {"agent_session_info": made}

    def _session_list(self, device: int, packet: Any) -> dict[str, Any]:
        self._agent(packet.agent)
        entries = tuple(
            LINEAGENTSESSIONENTRY(
                agent_session=one.number, agent=one.agent, group_id=one.group, working_address_id=one.address
            )
            for one in self._sessions.values()
            if one.agent == packet.agent
        )
        return {"agent_session_list": LINEAGENTSESSIONLIST(entries=entries)}

    # -- the agent at an address ----------------------------------------------------------------------------------

    def _activities(self, device: int, packet: Any) -> dict[str, Any]:
        entries = tuple(LINEAGENTACTIVITYENTRY(id=number, name=name) for number, name in _ACTIVITIES.items())
        return {"agent_activity_list": LINEAGENTACTIVITYLIST(entries=entries)}

    def _caps(self, device: int, packet: Any) -> dict[str, Any]:
        made = LINEAGENTCAPS(
            agent_handler_info="simulated call centre",
            caps_version=packet.app_api_version,
            states=0x3FF,
            next_states=0x3FF,
            max_num_group_entries=len(_GROUPS),
            agent_status_messages=0x1FF,
            tapi_version=packet.app_api_version,
        )
        return {"agent_caps": made}

    def _status_at(self, device: int, packet: Any) -> dict[str, Any]:
        place = self._place(device, packet.address_id)
        made = STATUS(
            group_list=_groups(place.groups).entries or None,
            state=place.state,
            next_state=place.next,
            activity_id=place.activity,
            activity=_ACTIVITIES.get(place.activity),
            valid_states=0x3FF,
            valid_next_states=0x3FF,
        )
        return {"agent_status": made}

    def _changed(self, device: int, address: int, changes: int, state: int = 0) -> None:
        self._sink.device_event(device, LINE_AGENTSTATUS, address_id=address, changes=int(changes), agent_state=state)

    def _set_activity(self, device: int, packet: Any) -> None:
        if packet.activity_id not in _ACTIVITIES:
            raise TapiError(LINEERR.INVALAGENTACTIVITY)
        self._place(device, packet.address_id).activity = packet.activity_id
        self._changed(device, packet.address_id, LINEAGENTSTATUS.ACTIVITY)

    def _set_groups(self, device: int, packet: Any) -> None:
        place = self._place(device, packet.address_id)
        given = packet.agent_group_list
        groups = []
        for entry in (given.entries or ()) if given is not None else ():
            words = (entry.group_id1, entry.group_id2, entry.group_id3, entry.group_id4)
            groups.append(UUID(bytes_le=pack("<4I", *words)))
        if any(group not in _GROUPS for group in groups):
            raise TapiError(LINEERR.INVALAGENTGROUP)
        place.groups = tuple(groups)
        place.state = int(LINEAGENTSTATE.NOTREADY if groups else LINEAGENTSTATE.LOGGEDOFF)
        self._changed(device, packet.address_id, LINEAGENTSTATUS.GROUP)

    def _set_state_at(self, device: int, packet: Any) -> None:
        place = self._place(device, packet.address_id)
        place.state = packet.agent_state or place.state
        place.next = packet.next_agent_state
        self._changed(device, packet.address_id, LINEAGENTSTATUS.STATE, place.state)

    # -- queues ---------------------------------------------------------------------------------------------------

    def _queue_list(self, device: int, packet: Any) -> dict[str, Any]:
        entries = tuple(
            LINEQUEUEENTRY(queue_id=number, name=name)
            for number, (group, name) in _QUEUES.items()
            if packet.group_id in {None, group}
        )
        return {"queue_list": LINEQUEUELIST(entries=entries)}

    def _queue(self, number: int) -> int:
        if number not in _QUEUES:
            raise TapiError(LINEERR.INVALPARAM, f"queue {number} does not exist")
        return number

    def _queue_info(self, device: int, packet: Any) -> dict[str, Any]:
        period = self._periods[self._queue(packet.queue_id)]
        return {"queue_info": LINEQUEUEINFO(measurement_period=period)}

    def _set_queue_period(self, device: int, packet: Any) -> None:
        self._periods[self._queue(packet.queue_id)] = packet.measurement_period


def _groups(known: tuple[UUID, ...]) -> LINEAGENTGROUPLIST:
    return LINEAGENTGROUPLIST(
        entries=tuple(LINEAGENTGROUPENTRY(**_words(group), name=_GROUPS[group]) for group in known)
    )


def _words(group: UUID) -> dict[str, int]:
    return {f"group_id{place + 1}": word for place, word in enumerate(unpack("<4I", group.bytes_le))}
