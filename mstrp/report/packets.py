"""Packets as JSON objects, as in ``decode --format jsonl``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.event import Completion, Event
from protocol.ndr import METHODS
from protocol.packet import Request, Unknown

if TYPE_CHECKING:
    from mstrp.capture.packets import Packet

__all__ = ["PARAMETERS", "packet_dict"]

#: Parameters of the methods without a packet: field of the decoded stub -> name in the specification.
PARAMETERS = {
    "process_id": "lProcessID",
    "domain_user": "pszDomainUser",
    "machine": "pszMachine",
    "context": "pphContext",
    "async_events_event": "phAsyncEventsEvent",
    "result": "return",
}
_SECTIONS = {method.name: method.section for method in METHODS.values()}


def packet_dict(packet: Packet) -> dict[str, Any]:
    """Return a packet with the names of the specification: integers in ``fields``, their meanings in ``values``."""
    content = packet.content
    found: dict[str, Any] = {
        "frame": packet.frame,
        "time": round(packet.time, 6),
        "session": packet.session,
        "direction": packet.direction,
        "method": packet.method,
        "phase": packet.phase,
        "packet": packet.name,
    }
    if packet.call:
        found["call"] = packet.call
    if packet.client:
        found["client"], found["server"] = packet.client, packet.server
    if isinstance(content, (Request, Event)):
        found["device"] = content.device
        found["section"] = content.layout.section
        if isinstance(content, Completion):
            found["completes"] = content.completes.__name__
        found["fields"] = content.raw()
        found["values"] = content.meanings()
        # The whole packet, so that `check` can read these lines.
        found["bytes"] = content.buffer.hex()
        if isinstance(content, Request) and packet.phase == "request":
            found["capacity"] = content.capacity
        if isinstance(content, Unknown) or type(content).__name__ == "UnknownEvent":
            found["error"] = str(packet.problems[0]) if packet.problems else "unknown packet"
            found["raw"] = content.buffer.hex()
    elif content is not None:
        found["device"] = None
        found["section"] = _SECTIONS[packet.method]
        found["fields"], found["values"] = _parameters(content)
    if packet.fault is not None:
        found["fault"] = f"0x{packet.fault:08x}"
    if packet.stray is not None:
        found["stray"] = packet.stray
    if packet.raw is not None:
        found["error"] = str(packet.problems[0])
        found["raw"] = packet.raw.hex()
    elif packet.problems:
        found["problems"] = [str(problem) for problem in packet.problems]
    return found


def _parameters(content: Any) -> tuple[dict[str, int], dict[str, Any]]:
    fields: dict[str, int] = {}
    values: dict[str, Any] = {}
    for name, new in content._asdict().items():
        spec = PARAMETERS[name]
        if isinstance(new, int):
            fields[spec] = new
        else:
            values[spec] = new.hex() if isinstance(new, bytes) else new
    return fields, values
