"""Frames for RPC calls: Ethernet, IPv4, TCP and DCE/RPC headers around stubs, written directly to a pcap file."""

from __future__ import annotations

import ipaddress
from struct import Struct
from typing import TYPE_CHECKING, BinaryIO

from protocol.rpc.pdu import NDR20, NDR64, Bind, BindAck, CallBody, Context, Fault, Kind, Outcome, Syntax, encode

if TYPE_CHECKING:
    from typing import Any
    from uuid import UUID

    from protocol.ndr import Interface, Method

__all__ = ["Connection", "Wire"]

_GLOBAL = Struct("<IHHiIII")
_RECORD = Struct("<IIII")
#: pcapng blocks: section header with interface description, and the header of an enhanced packet block.
_SECTION = bytes.fromhex("0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000")
_INTERFACE = bytes.fromhex("01000000 14000000 0100 0000 00000400 14000000")
_PACKET = Struct("<IIIIIII")
_IP = Struct(">BBHHHBBH4s4s")
_TCP = Struct(">HHIIBBHHH")
_MACS = bytes.fromhex("0200000000020200000000010800")
_SYN, _ACK, _PSH, _FIN = 0x02, 0x10, 0x08, 0x01


class Wire:
    """A capture file that is being written, pcap or pcapng.

    ``now`` is its clock, in seconds; each frame advances it by ``step``.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        start: float = 1_700_000_000.0,
        acknowledge: bool = True,
        step: float = 0.0005,
        pcapng: bool = False,
    ) -> None:
        self.stream = stream
        self.pcapng = pcapng
        self.start = start
        self.now = 0.0
        self.step = step
        #: Whether pure acknowledgements are written, as a real stack sends them if no other packet acknowledges the
        #: data.
        self.acknowledge = acknowledge
        self.frames = 0
        stream.write(_SECTION + _INTERFACE if pcapng else _GLOBAL.pack(0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))

    def connect(self, client: tuple[str, int], server: tuple[str, int]) -> Connection:
        """Open a TCP connection: the three frames of the handshake."""
        return Connection(self, client, server)

    def frame(self, packet: bytes) -> None:
        """Write an Ethernet frame around an IP packet."""
        self.now += self.step
        moment = self.start + self.now
        size = len(_MACS) + len(packet)
        if self.pcapng:
            ticks = int(moment * 1e6)
            total = 32 + (size + 3) // 4 * 4
            head = _PACKET.pack(6, total, 0, ticks >> 32, ticks & 0xFFFFFFFF, size, size)
            padding = bytes(-size % 4)
            self.stream.write(head + _MACS + packet + padding + total.to_bytes(4, "little"))
        else:
            seconds = int(moment)
            self.stream.write(_RECORD.pack(seconds, int((moment - seconds) * 1e6), size, size) + _MACS + packet)
        self.frames += 1


class Connection:
    """A TCP connection that carries DCE/RPC."""

    def __init__(self, wire: Wire, client: tuple[str, int], server: tuple[str, int]) -> None:
        self.wire = wire
        self.ends = (client, server)
        self.addresses = tuple(ipaddress.ip_address(host).packed for host, _ in self.ends)
        self.sequence = [0x1000_0000, 0x2000_0000]
        self.call_id = 0
        self.contexts: dict[UUID, tuple[int, bool]] = {}
        self._segment(0, _SYN, b"")
        self._segment(1, _SYN | _ACK, b"")
        self._segment(0, _ACK, b"")

    def _segment(self, side: int, flags: int, data: bytes) -> None:
        other = 1 - side
        source, target = self.ends[side][1], self.ends[other][1]
        acknowledged = self.sequence[other] if flags & _ACK else 0
        head = _TCP.pack(source, target, self.sequence[side], acknowledged, 5 << 4, flags, 64240, 0, 0)
        pseudo = self.addresses[side] + self.addresses[other] + bytes([0, 6]) + (20 + len(data)).to_bytes(2, "big")
        total = _checksum(pseudo + head + data)
        head = head[:16] + total.to_bytes(2, "big") + head[18:]
        ip = _IP.pack(
            0x45,
            0,
            40 + len(data),
            self.wire.frames & 0xFFFF,
            0x4000,
            64,
            6,
            0,
            self.addresses[side],
            self.addresses[other],
        )
        ip = ip[:10] + _checksum(ip).to_bytes(2, "big") + ip[12:]
        self.wire.frame(ip + head + data)
        self.sequence[side] = self.sequence[side] + len(data) + (1 if flags & (_SYN | _FIN) else 0) & 0xFFFFFFFF

    def send(self, side: int, data: bytes, *, mss: int = 65_000) -> None:
        """Send bytes from the opener (0) or from the other side (1)."""
        for position in range(0, len(data), mss):
            self._segment(side, _ACK | _PSH, data[position : position + mss])
        if self.wire.acknowledge and side == 1:
            self._segment(0, _ACK, b"")

    def bind(
        self, interface: Interface, *, ndr64: bool = False, context: int = 0, group: int = 0x4D53, joins: bool = False
    ) -> None:
        """Bind an interface, in a new association group or one that the connection joins."""
        self.call_id += 1
        abstract = Syntax(interface.uuid, 1)
        transfer = NDR64 if ndr64 else NDR20
        offer = Bind(5840, 5840, group if joins else 0, (Context(context, abstract, (transfer,)),))
        self.send(0, encode(Kind.BIND, self.call_id, offer))
        accepted = BindAck(5840, 5840, group, str(self.ends[1][1]), (Outcome(0, 0, transfer),))
        self.send(1, encode(Kind.BIND_ACK, self.call_id, accepted))
        self.contexts[interface.uuid] = (context, ndr64)

    def request(self, method: Method, value: Any) -> int:
        """Send the request of a call; returns its id."""
        self.call_id += 1
        context, ndr64 = self.contexts[method.interface.uuid]
        stub = method.write(value, ndr64=ndr64)
        self.send(0, encode(Kind.REQUEST, self.call_id, CallBody(len(stub), context, method.opnum, stub)))
        return self.call_id

    def response(self, method: Method, value: Any, call_id: int) -> None:
        """Send the response of a call."""
        context, ndr64 = self.contexts[method.interface.uuid]
        stub = method.write(value, ndr64=ndr64)
        self.send(1, encode(Kind.RESPONSE, call_id, CallBody(len(stub), context, 0, stub)))

    def fault(self, status: int, call_id: int, *, context: int = 0) -> None:
        """Send an RPC fault instead of a response."""
        self.send(1, encode(Kind.FAULT, call_id, Fault(32, context, status, b"")))

    def close(self) -> None:
        """Close both directions."""
        self._segment(0, _FIN | _ACK, b"")
        self._segment(1, _FIN | _ACK, b"")
        self._segment(0, _ACK, b"")


def _checksum(data: bytes) -> int:
    """The Internet checksum."""
    if len(data) & 1:
        data += b"\0"
    total = int.from_bytes(data, "big") % 0xFFFF
    return 0xFFFF - total if total else 0
