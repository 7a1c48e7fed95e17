"""Packets that are decoded on demand: the position of their bytes, and the decoded packet once it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from protocol.unpacking import NATIVE, fifteen_dwords, little32, ten_dwords

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["Raw", "raw_of"]

_new: Final = object.__new__


class Raw:
    """A request, response or event: ``size`` bytes of ``data`` starting at ``first``.

    ``kind`` is the class of the packet, for a response the class of its request. ``context`` is the context handle
    that the stub contains, if any.
    """

    __slots__ = ("_packet", "_words", "capacity", "context", "data", "first", "is_request", "kind", "size")

    def __init__(self, kind: Any, data: bytes, first: i64, size: i64, capacity: i64, context: bytes = b"") -> None:
        self.kind = kind
        self.data = data
        self.first = first
        self.size = size
        #: lNeededSize, the size of pBuffer; -1 for an event.
        self.capacity = capacity
        self.context = context
        self._words: tuple[int, ...] | None = None
        self._packet: Any = None
        #: False for a response.
        self.is_request = True

    @property
    def words(self) -> tuple[int, ...]:
        """The DWORDs of the fixed part."""
        words = self._words
        if words is None:
            data, first = self.data, self.first
            words = self._words = ten_dwords(data, first) if self.capacity < 0 else fifteen_dwords(data, first)
        return words

    @property
    def buffer(self) -> bytes:
        """The bytes of the packet."""
        return self.data[self.first : self.first + self.size]

    def trim(self) -> None:
        """Release all bytes of ``data`` that do not belong to the packet; call this before storing the object."""
        if self.size < len(self.data):
            self.data = self.buffer
            self.first = 0

    def adopt(self, packet: Any) -> None:
        """Take over an already decoded packet."""
        self._words = packet.words
        self._packet = packet
        self.is_request = packet.phase == "request"

    def first_dword(self) -> int:
        """Return Req_Func, Ack_ReturnValue or TotalSize."""
        words = self._words
        if words is not None:
            # An adopted packet may have fewer bytes than DWORDs.
            return words[0]
        return little32(self.data, self.first) if NATIVE else self.words[0]

    def packet(self) -> Any:
        """Return the decoded packet; decodes it on the first call."""
        packet = self._packet
        if packet is None:
            packet = self._packet = _new(self.kind if self.is_request else self.kind.Response)
            packet.words = self.words
            packet.buffer = self.buffer
            if self.capacity >= 0:
                packet.capacity = self.capacity
        return packet


def raw_of(packet: Any) -> Raw:
    """Wrap an already decoded request or response."""
    raw = Raw(type(packet), packet.buffer, 0, len(packet.buffer), packet.capacity)
    raw.adopt(packet)
    return raw
