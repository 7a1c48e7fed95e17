"""TSPI functions that change what is known about a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.constants import LINECALLINFOSTATE

if TYPE_CHECKING:
    from mstrp.live.server.calls import Call
    from mstrp.live.switch.switch import Switch


def send_user_user_info(switch: Switch, call: Call, data: bytes) -> None:
    """Send user-user information to the remote party."""
    remote = switch.connections.party(call).remote
    if remote is not None and remote.call is not None:
        switch.sink.call_info(remote.call, int(LINECALLINFOSTATE.USERUSERINFO), user_user_info=data or None)


def release_user_user_info(switch: Switch, call: Call) -> None:
    """Discard the user-user information that was received."""
    if call.facts is not None:
        call.facts.pop("user_user_info", None)


def set_params(switch: Switch, call: Call, bearer: int, least: int, most: int, params: Any) -> None:
    """Set bearer mode and data rate."""
    switch.sink.call_info(
        call, int(LINECALLINFOSTATE.BEARERMODE | LINECALLINFOSTATE.RATE), bearer_mode=bearer, rate=most
    )


def set_quality_of_service(switch: Switch, call: Call, sending: Any, receiving: Any) -> None:
    """Set the flow specifications."""
    switch.sink.call_info(call, int(LINECALLINFOSTATE.QOS), sending_flowspec=sending, receiving_flowspec=receiving)


def set_treatment(switch: Switch, call: Call, treatment: int) -> None:
    """Set the treatment of an unanswered call."""
    switch.sink.call_info(call, int(LINECALLINFOSTATE.TREATMENT), call_treatment=treatment)
