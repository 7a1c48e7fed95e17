"""One line about a packet: its name, its handles, and its main parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.event import Event, Reply
from protocol.events import LINE_CALLSTATE
from protocol.fields import Flag, Handle, Mode, Number, Offset, spelled
from protocol.ndr import ClientAttach
from protocol.packet import Request, error_name, signed

if TYPE_CHECKING:
    from mstrp.capture.packets import Packet

__all__ = ["describe"]

#: Enumerations that are short enough for one line.
_SHOWN = {"dwSelect", "dwTransferMode", "dwParkMode", "dwCompletionMode", "Param1", "Param2", "Param3", "dwPrivileges"}
_LONGEST = 24


def describe(packet: Packet) -> str:
    """Return a description of a packet in one line."""
    content = packet.content
    if content is None:
        problem = packet.problems[0] if packet.problems else None
        return f"{packet.method} {packet.phase}" + (f": {problem.detail}" if problem else "")
    if isinstance(content, Event):
        return _event(packet.name, content)
    if isinstance(content, Request):
        return _response(content) if packet.phase == "response" else _request(content)
    return _method(packet)


def _request(request: Request) -> str:
    words = [type(request).__name__]
    for field in request.layout.fields:
        new = field.read(request)
        if isinstance(field, Handle) and field.direction == "in":
            words.append(f"{field.spec}={new:#x}")
        elif isinstance(field, Number) and field.role == "request_id":
            words.append(f"id={new:#x}")
        elif isinstance(field, Offset) and isinstance(new, str):
            words.append(f"{_short(new)!r}")
        elif isinstance(field, Flag) and field.spec in _SHOWN and new:
            words.append(_names(field, new))
    return " ".join(words)


def _response(response: Request) -> str:
    layout = response.layout
    ack: int = response.words[0]
    outcome = _outcome(ack, response.completion == "async")
    words = [layout.name, "=", outcome]
    if signed(ack) >= 0:
        words += [
            f"{field.spec}={response.words[field.index]:#x}"
            for field in layout.fields
            if isinstance(field, Handle) and field.direction == "out"
        ]
    return " ".join(words)


def _outcome(code: int, asynchronous: bool) -> str:
    if not code:
        return "0"
    if signed(code) > 0:
        return f"id {code:#x}" if asynchronous else f"{code:#x}"
    return error_name(code) or f"{code:#010x}"


def _event(name: str, event: Event) -> str:
    if isinstance(event, Reply):
        completes = getattr(type(event), "completes", None)
        of = f" for {completes.__name__}" if completes is not None else ""
        words = [f"{name}{of} id={event.words[6]:#x} = {_outcome(event.words[7], asynchronous=False)}"]
        words += [
            f"{field.spec}={field.read(event):#x}"
            for field in event.layout.fields
            if isinstance(field, Handle) and field.read(event)
        ]
        return " ".join(words)
    words = [name]
    for field in sorted(event.layout.fields, key=lambda field: isinstance(field, Mode)):
        new = field.read(event)
        if isinstance(field, Handle):
            if new and field.spec != "hRemoteLine":
                words.append(f"{_spelled(field)}={new:#x}")
        elif isinstance(field, Flag) and new and (field.spec == "Param1" or not isinstance(event, LINE_CALLSTATE)):
            words.append(_names(field, new))
        elif isinstance(field, Mode) and new:
            table = field.tables.get(event.words[field.by_index] & 0x00FFFFFF)
            if table is not None:
                words.append(f"({_bare(spelled((table,), new))})")
    return " ".join(words)


def _spelled(handle: Handle) -> str:
    """Return the name of a handle; in events, parameters have no names."""
    return f"h{handle.type.value.title().replace(' ', '')}" if handle.spec.startswith("Param") else handle.spec


def _method(packet: Packet) -> str:
    content: Any = packet.content
    name = packet.method
    if isinstance(content, ClientAttach):
        return f"{name} {content.machine!r}" + (f" {content.domain_user!r}" if content.domain_user else "")
    if hasattr(content, "result"):
        return f"{name} = {_outcome(content.result, asynchronous=False)}"
    return f"{name} done" if packet.phase == "response" else name


def _names(field: Flag, new: int) -> str:
    return _bare(spelled(field.tables, new)) or f"{new:#x}"


def _bare(names: list[str] | str | None) -> str:
    """Return constant names without their common prefix."""
    found = [names] if isinstance(names, str) else names or []
    return "|".join(name.split("_", 1)[-1] for name in found)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
