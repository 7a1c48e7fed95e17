"""The names of handles in a program: a handle is named after the step and the field that returned it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.conform.core.errors import Missing
from protocol.constants import OBJTYPE, TUISPIDLL_OBJECT
from protocol.event import Reply
from protocol.fields import Handle, HandleType
from protocol.generic import RSPSetEventFilterMasks
from protocol.mmc import TUISPIDLLCallback

if TYPE_CHECKING:
    from collections.abc import Iterable

    from protocol.packet import Request

__all__ = ["OBJECTS", "HandleNames"]

#: What lObjectID of RSPSetEventFilterMasks names, by ulObjectType.
OBJECTS = {
    int(OBJTYPE.HLINEAPP): HandleType.HLINEAPP,
    int(OBJTYPE.HLINE): HandleType.HLINE,
    int(OBJTYPE.HCALL): HandleType.HCALL,
    int(OBJTYPE.HPHONEAPP): HandleType.HPHONEAPP,
    int(OBJTYPE.HPHONE): HandleType.HPHONE,
}


class HandleNames:
    """Names of the handles of one conversation, such as ``4.line``: the field ``line`` of step 4."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self._names: dict[tuple[str, HandleType, int], str] = {}

    def record(self, client: str, kind: HandleType, value: int, name: str) -> None:
        """Give a handle a name."""
        self.values[name] = value
        if value:
            self._names[client, kind, value] = name

    def has(self, client: str, kind: HandleType, value: int) -> bool:
        """Whether a handle has a name."""
        return (client, kind, value) in self._names

    def name_of(self, client: str, kind: HandleType, value: int) -> str:
        """The name of a handle; raises `Missing`."""
        name = self._names.get((client, kind, value))
        if name is None:
            raise Missing(f"{kind.value} {value:#x} is no handle of this conversation")
        return name

    def record_all(self, client: str, packet: Any, prefix: str) -> None:
        """Name the handles that a response or a completion returned."""
        completion = isinstance(packet, Reply)
        for field in packet.layout.fields:
            if not isinstance(field, Handle) or field.index >= len(packet.words):
                continue
            if field.direction == "out" or (completion and field.type is HandleType.HCALL):
                self.record(client, field.type, packet.words[field.index], f"{prefix}.{field.name}")
        calls = getattr(getattr(packet, "call_list", None), "calls", None)
        for place, value in enumerate(calls or ()):
            self.record(client, HandleType.HCALL, value, f"{prefix}.calls{place}")
        data = getattr(packet, "data", None)
        if isinstance(data, bytes) and len(data) >= 4:
            kind = HandleType.HAGENT if packet.layout.name == "CreateAgent" else HandleType.HAGENTSESSION
            self.record(client, kind, int.from_bytes(data[:4], "little"), f"{prefix}.data")

    def references(self, client: str, others: Iterable[str], packet: Request) -> tuple[tuple[int, str], ...]:
        """The named handles in a request, with their words; also those of another client that this one does not have."""
        found = []
        words = packet.words
        for field in packet.layout.fields:
            if isinstance(field, Handle) and field.direction != "out":
                found.append((field.index, field.type))
        if isinstance(packet, RSPSetEventFilterMasks) and packet.obj_type in OBJECTS:
            found.append((packet.layout.index("lObjectID"), OBJECTS[packet.obj_type]))
        if isinstance(packet, TUISPIDLLCallback) and packet.object_type == TUISPIDLL_OBJECT.DIALOGINSTANCE:
            found.append((packet.layout.index("dwObjectID"), HandleType.DIALOGINSTANCE))
        owners = [client, *(other for other in others if other != client)]
        named = []
        for word, kind in found:
            names = (self._names.get((owner, kind, words[word])) for owner in owners)
            name = next((name for name in names if name is not None), None)
            if name is not None:
                named.append((word, name))
        return tuple(named)
