"""Agents and queues: requests that go to the proxy handler of a line (2.2.4.1.3, 4.11, 4.12).

A handler is a client that opened the line with LINEOPENOPTION_PROXY; it is told with LINE_PROXYREQUEST. Its answer is no
packet of this protocol (decision G1), so results always come from the provider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.live.server.attached import Attached, Work, handler
from mstrp.live.server.handlers.shape import fitted
from mstrp.live.server.options import NAME
from mstrp.live.server.refusal import refuse
from protocol import line
from protocol.constants import LINEPROXYREQUEST as TYPES
from protocol.events import LINE_PROXYREQUEST
from protocol.fields import Handle, Number
from protocol.packet import FIXED
from protocol.structures import LINEPROXYREQUEST, LINEPROXYREQUESTLIST
from protocol.structures.proxy import BODIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.live.server.devices import LineDevice, LineOpen

__all__: list[str] = []

#: Requests with the field that says how much the client takes, and the field of the completion.
_BRINGS: dict[type[Any], tuple[str, str]] = {
    line.GetAgentActivityList: ("agent_activity_list", "agent_activity_list"),
    line.GetAgentCaps: ("agent_caps_size", "agent_caps"),
    line.GetAgentGroupList: ("agent_group_list_size", "agent_group_list"),
    line.GetAgentInfo: ("agent_info", "agent_info"),
    line.GetAgentSessionInfo: ("agent_session_info", "agent_session_info"),
    line.GetAgentSessionList: ("agent_session_list", "agent_session_list"),
    line.GetAgentStatus: ("agent_status_size", "agent_status"),
    line.GetGroupList: ("agent_group_list_size", "agent_group_list"),
    line.GetQueueInfo: ("queue_info", "queue_info"),
    line.GetQueueList: ("queue_list", "queue_list"),
}
_OTHERS = (
    line.AgentSpecific,
    line.CreateAgent,
    line.CreateAgentSession,
    line.SetAgentActivity,
    line.SetAgentGroup,
    line.SetAgentMeasurementPeriod,
    line.SetAgentSessionState,
    line.SetAgentState,
    line.SetAgentStateEx,
    line.SetQueueMeasurementPeriod,
)


def _device(client: Attached, packet: Any) -> LineDevice:
    if type(packet) is line.GetAgentCaps:
        return client.server.lines[packet.device_id]
    return client.lines[packet.line].device


def _pass_on(client: Attached, packet: Any, kind: int, to: LineOpen) -> None:
    """LINE_PROXYREQUEST to the handler, with what of the request its body has a place for."""
    shape: Any = BODIES.get(kind)
    fields = {}
    for field in shape.layout.fields if shape is not None else ():
        value = getattr(packet, field.name, None)
        if isinstance(value, int) and not isinstance(field, (Handle, Number)):
            # The client's room for a structure: the handler fills it in.
            continue
        if value is not None and (isinstance(value, (int, str)) or field.name == "group_id"):
            fields[field.name] = value
    request = LINEPROXYREQUEST(
        request_type=kind,
        client_machine_name=client.machine or None,
        client_user_name=client.user or None,
        client_app_api_version=getattr(packet, "app_api_version", 0) or 0,
        body=shape(**fields) if shape is not None else None,
    )
    event = LINE_PROXYREQUEST(
        init_context=to.app.context, open_context=to.context, device_handle=to.remote, request=request
    )
    to.client.tell_line(to, event)


def _serve(client: Attached, packet: Any) -> Work:
    kind = int(TYPES[type(packet).__name__.upper()])
    device = _device(client, packet)
    _check(client, packet, device)
    provider = client.server.provider
    to = device.served().get(kind)
    if to is None and kind not in provider.agent_types(device.number):
        raise refuse(packet, "OPERATIONUNAVAIL", f"no handler serves {TYPES(kind).name} for line {device.number}")
    _limit(client, packet)
    reply = provider.agent_request(device.number, packet, passed_on=to is not None)
    if to is not None:
        # Before the completion, which a quick provider has ready already.
        _pass_on(client, packet, kind, to)
    return Work(reply, lambda result: _completion(client, packet, result or {}))


def _limit(client: Attached, packet: Any) -> None:
    """Raise when a request makes more than the server may have, or leaves too much with what it makes."""
    server = client.server
    for made, known in ((line.CreateAgent, server.agents), (line.CreateAgentSession, server.agent_sessions)):
        if isinstance(packet, made) and (
            len(known) >= server.options.limits.agents or len(packet.buffer) > FIXED + 4 * NAME
        ):
            raise refuse(packet, "RESOURCEUNAVAIL", f"{len(known)} agents or agent sessions")


def _check(client: Attached, packet: Any, device: LineDevice) -> None:
    for name in ("address_id", "working_address_id"):
        client.server.check_address(packet, device.number, getattr(packet, name, 0))


def _completion(client: Attached, packet: Any, result: dict[str, Any]) -> dict[str, Any]:
    brings = dict(result)
    new = brings.pop("agent", None)
    if new is not None:
        client.server.agents.add(new)
        brings["data"] = new.to_bytes(4, "little")
    new = brings.pop("agent_session", None)
    if new is not None:
        client.server.agent_sessions.add(new)
        brings["data"] = new.to_bytes(4, "little")
    sized = _BRINGS.get(type(packet))
    if sized is not None and sized[1] in brings:
        brings[sized[1]] = fitted(brings[sized[1]], getattr(packet, sized[0]))
    return brings


def _register(request: type[Any]) -> None:
    function: Callable[[Attached, Any], Any] = _serve
    handler(request)(function)


for _request in (*_BRINGS, *_OTHERS):
    _register(_request)


@handler(line.GetProxyStatus)
def get_proxy_status(client: Attached, packet: Any) -> dict[str, Any]:
    device = client.server.lines[packet.device_id]
    kinds = sorted({*device.served(), *client.server.provider.agent_types(device.number)})
    made = LINEPROXYREQUESTLIST(entries=tuple(kinds))
    return {"line_proxy_request_list": fitted(made, packet.line_proxy_request_list)}
