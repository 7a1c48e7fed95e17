"""Flows with agents: the server forwards a client's request to the client that handles such requests (4.11, 4.12).

The handler's response is not a packet (G1): the requester receives the completion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from mstrp.generate.flows.flow import Flow
from protocol import events as event
from protocol import line
from protocol.constants import LINECALLPRIVILEGE, LINEOPENOPTION, LINEPROXYSTATUS
from protocol.constants import LINEPROXYREQUEST as TYPES
from protocol.structures import LINEAGENTGROUPLIST, LINEPROXYREQUEST

if TYPE_CHECKING:
    from mstrp.generate.play import Asked, Script

__all__ = ["AGENTS"]

_HANDLER = int(LINECALLPRIVILEGE.OWNER) | int(LINECALLPRIVILEGE.MONITOR) | int(LINEOPENOPTION.PROXY)
_AGENT, _SESSION = 0x71, 0x72


def _passed_on(asking: Script, handling: Script, asked: Asked, kind: int, **brings: Any) -> None:
    """Forward a request to the handler after the requester has its id; then complete it."""
    assert handling.line is not None
    forwarded = LINEPROXYREQUEST(request_type=kind, client_machine_name="PC", client_user_name="user")
    passed = handling.about(
        event.LINE_PROXYREQUEST, device_handle=handling.line.remote, request=forwarded, after=asked.answered
    )
    asking.reply(asked, after=(asked.answered, passed), **brings)


def _agent_created(asking: Script, handling: Script) -> None:
    """4.11."""
    assert asking.line is not None
    opened = asking.about(
        event.LINE_PROXYSTATUS,
        remote_line=asking.line.remote,
        changes=int(LINEPROXYSTATUS.OPEN),
        request_type=int(TYPES.CREATEAGENT),
        after=(*asking.last, *handling.last),
    )
    create = asking.ask(
        line.CreateAgent(context=3, line=asking.line.handle, agent_id="1001", agent_context=4), after=opened
    )
    _passed_on(asking, handling, create, int(TYPES.CREATEAGENT), data=_AGENT.to_bytes(4, "little"))


def _session_created(asking: Script, handling: Script) -> None:
    """4.12."""
    assert asking.line is not None
    _agent_created(asking, handling)
    groups = asking.ask(line.GetAgentGroupList(context=5, line=asking.line.handle, agent_group_list_size=1024))
    _passed_on(asking, handling, groups, int(TYPES.GETAGENTGROUPLIST), agent_group_list=LINEAGENTGROUPLIST())
    session = asking.ask(
        line.CreateAgentSession(
            context=6, line=asking.line.handle, agent=_AGENT, agent_session_context=7, group_id=UUID(int=5)
        )
    )
    _passed_on(asking, handling, session, int(TYPES.CREATEAGENTSESSION), data=_SESSION.to_bytes(4, "little"))


_TWO: tuple[dict[str, Any], ...] = ({}, {"privileges": _HANDLER})
#: The flows.
AGENTS: tuple[Flow, ...] = (
    Flow("agent", "4.11", "an agent is created through a proxy handler", _agent_created, _TWO),
    Flow("agent-session", "4.12", "an agent session is created for a group", _session_created, _TWO),
)
