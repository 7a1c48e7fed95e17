"""What is in a packet before anybody has asked: where its bytes are, and the object of its class when it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from protocol.unpacking import NATIVE, fifteen_dwords, little32, ten_dwords

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["Raw", "raw_of"]

_new: Final = object.__new__


class Raw:
    """A request, response or event: ``size`` bytes of ``data`` from ``first`` on.

    ``kind`` is its class, of a response that of the request. ``context`` is the context handle beside it.
    """

    __slots__ = ("_packet", "_words", "capacity", "context", "data", "first", "is_request", "kind", "size")

    def __init__(self, kind: Any, data: bytes, first: i64, size: i64, capacity: i64, context: bytes = b"") -> None:
        self.kind = kind
        self.data = data
        self.first = first
        self.size = size
        #: The size of pBuffer; negative for an event, which has none.
        self.capacity = capacity
        self.context = context
        self._words: tuple[int, ...] | None = None
        self._packet: Any = None
        #: Whether it goes to the server.
        self.is_request = True

    @property
    def words(self) -> tuple[int, ...]:
        """The fixed part."""
        words = self._words
        if words is None:
            data, first = self.data, self.first
            words = self._words = ten_dwords(data, first) if self.capacity < 0 else fifteen_dwords(data, first)
        return words

    @property
    def buffer(self) -> bytes:
        """All of its bytes."""
        return self.data[self.first : self.first + self.size]

    def trim(self) -> None:
        """It will be kept: hold no other bytes than its own."""
        if self.size < len(self.data):
            self.data = self.buffer
            self.first = 0

    def adopt(self, packet: Any) -> None:
        """The object is there already."""
        self._words = packet.words
        self._packet = packet
        self.is_request = packet.phase == "request"

    def first_dword(self) -> int:
        """The first word."""
        words = self._words
        if words is not None:
            # Those of an object, which may be more than its bytes.
            return words[0]
        return little32(self.data, self.first) if NATIVE else self.words[0]

    def packet(self) -> Any:
        """The object of its class."""
        packet = self._packet
        if packet is None:
            packet = self._packet = _new(self.kind if self.is_request else self.kind.Response)
            packet.words = self.words
            packet.buffer = self.buffer
            if self.capacity >= 0:
                packet.capacity = self.capacity
        return packet


def raw_of(packet: Any) -> Raw:
    """The same of a request or response that is an object already."""
    raw = Raw(type(packet), packet.buffer, 0, len(packet.buffer), packet.capacity)
    raw.adopt(packet)
    return raw
