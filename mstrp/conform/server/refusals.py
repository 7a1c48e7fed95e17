"""Refusals that cannot be true: error codes that contradict what the conversation has shown.

A server may refuse a legal request for many reasons, and most codes cannot be proved wrong. These say something about
the request itself, or about handles and states that both sides know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.judge.routes import ROUTES
from fsm.tables.bits import MONITORING
from fsm.tables.call_requests import EFFECTS
from fsm.tables.call_states import BY_BIT, LABELS, CallState
from protocol.constants import LINECALLFEATURE, LINEERR, PHONEERR
from protocol.fields import Buffer, Handle, HandleType, Number
from protocol.line import DeallocateCall, Dial
from protocol.packet import error_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsm.conversation import Conversation
    from fsm.state.instances import Call
    from protocol.packet import Request

__all__ = ["NOT_OFFERED", "disproved", "may_refuse", "reached"]

_DIALLED_IN = (CallState.DIALTONE, CallState.DIALING)

_SAYS = {
    "INVALAPPHANDLE": "the application is registered",
    "INVALLINEHANDLE": "the line is open",
    "INVALCALLHANDLE": "the call handle is live",
    "INVALPHONEHANDLE": "the phone is open",
    "INVALCALLSTATE": "the request is allowed in the state of the call",
    "INVALPOINTER": "all offsets are inside VarData",
    "STRUCTURETOOSMALL": "all sizes fit",
    "BADDEVICEID": "the device is one of those that Initialize counted",
    "INCOMPATIBLEAPIVERSION": "the version is the one that was agreed on",
    "NOTOWNER": "the client owns what it names",
    "UNINITIALIZED": "the application is registered",
}
_UNTRUE: dict[int, str] = {
    int(family[name]): text
    for name, text in _SAYS.items()
    for family in (LINEERR, PHONEERR)
    if name in family.__members__
}
#: Codes that say that the server, or its provider, does not have the operation.
NOT_OFFERED: frozenset[int] = frozenset(
    int(family[name])
    for family in (LINEERR, PHONEERR)
    for name in ("OPERATIONUNAVAIL", "NODRIVER", "NODEVICE", "NOMULTIPLEINSTANCE", "RESOURCEUNAVAIL")
    if name in family.__members__
)


def disproved(code: int, packet: Request, conversation: Conversation, features: int = 0) -> str:
    """Why a refusal of a legal request cannot be true; empty where it may be.

    ``features`` are the dwCallFeatures of the call, 0 if they are not known.
    """
    says = _UNTRUE.get(code & 0xFFFFFFFF)
    if says is None or packet.problems():
        return ""
    if says == _SAYS["INVALCALLSTATE"] and not _allowed(packet, conversation, features):
        return ""
    if not _live(packet, conversation):
        return ""
    if says == _SAYS["STRUCTURETOOSMALL"] and not _has_room(packet):
        return ""
    if says == _SAYS["BADDEVICEID"] and not _counted(packet, conversation):
        return ""
    return f"{error_name(code)}, but {says}"


def reached(packet: Any, before: Mapping[int, int], now: Mapping[int, int]) -> str:
    """Where a request has led its call that is said to have failed; empty where it did not lead there.

    The states of calls are LINECALLSTATE bits. A call may also end by itself: that proves nothing.
    """
    for (name, spec, _), effect in EFFECTS.items():
        if name != packet.layout.name or packet.device != "line":
            continue
        call = packet.words[packet.layout.by_spec[spec].index]
        was, became = BY_BIT.get(before.get(call, 0)), BY_BIT.get(now.get(call, 0))
        if became in {None, was, CallState.DISCONNECTED, CallState.IDLE}:
            continue
        if was in effect.sources and became in effect.expect:
            return LABELS.get(became, became.name.lower())
    return ""


def may_refuse(request: type[Request], state: CallState | None, code: int) -> bool:
    """Whether a refusal of a request that is allowed in a state is documented, too (2.2.4.1.3.6)."""
    return request is DeallocateCall and state is not CallState.IDLE and code == LINEERR.INVALCALLSTATE


def _allowed(packet: Any, conversation: Conversation, features: int) -> bool:
    """Whether every call that a request names is known to be in a state in which it has to be accepted."""
    route = ROUTES.get(packet.words[0])
    if route is None:
        return False
    for use in route.calls:
        call = conversation.calls.get(packet.words[use.word])
        if call is None or call.mask & (call.mask - 1):
            return False
        move = call.machine.may(call, use.event, call.flags)
        if not move or not _must_accept(packet, call, features):
            return False
    return True


def _must_accept(packet: Any, call: Call, features: int) -> bool:
    """Whether a request that a state allows has to be accepted in it: a state with only one bit set."""
    state = CallState(call.mask.bit_length() - 1)
    if isinstance(packet, DeallocateCall):
        # A sole owner may be refused unless the call is idle; other clients may not.
        return bool(call.flags & MONITORING.bit) or not may_refuse(DeallocateCall, state, LINEERR.INVALCALLSTATE)
    if isinstance(packet, Dial):
        # The TAPI page of lineDial has only these states; dwCallFeatures is what the server itself offers.
        return bool(features & LINECALLFEATURE.DIAL) if features else state in _DIALLED_IN
    return True


def _live(packet: Any, conversation: Conversation) -> bool:
    """Whether the client has every handle that a request names."""
    known: dict[HandleType, Any] = {
        HandleType.HLINEAPP: conversation.applications,
        HandleType.HPHONEAPP: conversation.applications,
        HandleType.HLINE: conversation.lines,
        HandleType.HPHONE: conversation.phones,
        HandleType.HCALL: conversation.calls,
    }
    for field in packet.layout.fields:
        if isinstance(field, Handle) and field.direction == "in" and field.type in known:
            value = packet.words[field.index]
            if value not in known[field.type] and not (field.optional and not value):
                return False
    return True


def _has_room(packet: Any) -> bool:
    """Whether every structure that is returned has room for its fixed part at least, and nothing else is returned."""
    if type(packet).Completion is not None:
        return False
    rooms = []
    for field in packet.layout.fields:
        if isinstance(field, Buffer) and field.direction == "inout" and hasattr(field.type, "lengths"):
            rooms.append(packet.words[field.index] >= 4 * max(field.type.lengths))
        elif getattr(field, "role", "") in {"capacity", "limit"} or getattr(field, "direction", "in") != "in":
            return False
    return bool(rooms) and all(rooms)


def _counted(packet: Any, conversation: Conversation) -> bool:
    """Whether the devices that a request names are among those that its application was told of."""
    counts = [app.devices for app in conversation.applications.values() if app.kind == packet.device]
    devices = [
        packet.words[field.index]
        for field in packet.layout.fields
        if isinstance(field, Number) and field.role == "device" and field.direction == "in"
    ]
    known = [count for count in counts if count is not None]
    return bool(devices and known) and all(device < min(known) for device in devices)
