"""Tunnels: the frame or packet in the payload of an IP protocol or a UDP port."""

from __future__ import annotations

from typing import Final, NamedTuple

from mstrp.capture.link import ETHERNET, RAW, network, network_after
from protocol.unpacking import NATIVE, big16

__all__ = ["CARRIERS", "DEPTH", "UDP_PORTS", "Payload", "carries", "inner", "innermost"]

#: Maximum number of nested tunnels.
DEPTH: Final = 8
_UDP: Final = 17
_PPP: Final = 9
#: IP protocols that can carry unencrypted IP packets or frames.
CARRIERS: Final = frozenset((4, _UDP, 41, 47, 51, 94, 97, 98, 137))
#: UDP ports that can.
UDP_PORTS: Final = frozenset((1701, 2152, 3544, 4754, 4789, 4790, 6080, 6081, 6635, 8472, 37008))
_MPLS: Final = 0x8847
_BRIDGED: Final = 0x6558
#: EtherTypes of the next protocols of VXLAN-GPE.
_NEXT: Final = {1: 0x0800, 2: 0x86DD, 3: _BRIDGED, 4: 0x894F, 5: _MPLS}
#: Position and EtherType for unsupported content.
_NOTHING: Final = (-1, -1)


class Payload(NamedTuple):
    """The payload of an IP packet: protocol, both addresses in one, and where it lies."""

    protocol: int
    addresses: bytes
    start: int
    stop: int


def carries(protocol: int, data: bytes, start: int, end: int) -> bool:
    """Return whether the payload of an IP protocol, starting at ``start``, can be a tunnel."""
    if protocol != _UDP:
        return protocol in CARRIERS
    return _udp_port(data, start, end) > 0


def _udp_port(data: bytes, start: int, end: int) -> int:
    """Return the UDP port that identifies a tunnel, 0 if neither port does.

    The other port is the same or an ephemeral one; otherwise another protocol uses the number.
    """
    if start + 8 > end:
        return 0
    if NATIVE:
        source, target = big16(data, start), big16(data, start + 2)
    else:
        source, target = data[start] << 8 | data[start + 1], data[start + 2] << 8 | data[start + 3]
    if target in UDP_PORTS and source >= 1024:
        return target
    return source if source in UDP_PORTS and target >= 1024 else 0


def inner(protocol: int, data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return the position of the inner IP header, -1 if there is none, and the last EtherType read, as `network` does.

    (-1, -1) means that the tunnel itself was not understood. Raises `IndexError` if a header is cut off.
    """
    if protocol in (4, 41, 94, 98):
        return network(RAW, data, start, end)
    if protocol == 47:
        return _gre(data, start, end)
    if protocol == 97:
        return network(ETHERNET, data, start + 2, end)
    if protocol == 137:
        return network_after(_MPLS, data, start, end)
    if protocol != _UDP:
        return _NOTHING
    port = _udp_port(data, start, end)
    reader = _PORTS.get(port)
    return _NOTHING if reader is None else reader(data, start + 8, end)


def _gre(data: bytes, start: int, end: int) -> tuple[int, int]:
    flags, kind = _word(data, start), _word(data, start + 2)
    position = start + 4
    version = flags & 7
    if version == 1 and kind == 0x880B:
        # PPTP (RFC 2637): a key always, sequence and acknowledgement numbers where flagged.
        position += 4 + (4 if flags & 0x1000 else 0) + (4 if flags & 0x80 else 0)
        return network(_PPP, data, position, end)
    if version or flags & 0x4000:
        return _NOTHING
    numbered = bool(flags & 0x1000)
    position += 4 * (bool(flags & 0x8000) + bool(flags & 0x2000) + numbered)
    if kind == 0x88BE:
        # ERSPAN: type I has neither a sequence number nor a header.
        return network(ETHERNET, data, position + 8 if numbered else position, end)
    if kind == 0x22EB:
        return _erspan3(data, position, end)
    return network_after(kind, data, position, end)


def _erspan3(data: bytes, position: int, end: int) -> tuple[int, int]:
    """ERSPAN type III: 12 bytes, and 8 more of the platform if the last bit is set."""
    kind = data[position + 10] >> 2 & 0x1F
    position += 20 if data[position + 11] & 1 else 12
    if kind == 0:
        return network(ETHERNET, data, position, end)
    return network(RAW, data, position, end) if kind == 2 else _NOTHING


def _vxlan(data: bytes, position: int, end: int) -> tuple[int, int]:
    flags = data[position]
    if not flags & 0x08:
        return _NOTHING
    if flags & 0x04:
        kind = _NEXT.get(data[position + 3])
        return _NOTHING if kind is None else network_after(kind, data, position + 8, end)
    return network(ETHERNET, data, position + 8, end)


def _geneve(data: bytes, position: int, end: int) -> tuple[int, int]:
    if data[position] >> 6:
        return _NOTHING
    return network_after(_word(data, position + 2), data, position + 8 + ((data[position] & 0x3F) << 2), end)


def _gtp(data: bytes, position: int, end: int) -> tuple[int, int]:
    """GTP-U version 1: a G-PDU with optional fields and extension headers."""
    flags = data[position]
    if flags & 0xF0 != 0x30 or data[position + 1] != 0xFF:
        return _NOTHING
    position += 8
    if flags & 7:
        following = data[position + 3] if flags & 4 else 0
        position += 4
        while following and position < end:
            size = data[position] << 2
            if not size:
                return _NOTHING
            position += size
            following = data[position - 1]
    return network(RAW, data, position, end)


def _l2tp(data: bytes, position: int, end: int) -> tuple[int, int]:
    """L2TP version 2: a data message with PPP."""
    flags = _word(data, position)
    if flags & 0x8000 or flags & 15 != 2:
        return _NOTHING
    position += 8 if flags & 0x4000 else 6
    if flags & 0x0800:
        position += 4
    if flags & 0x0200:
        position += 2 + _word(data, position)
    return network(_PPP, data, position, end)


def _teredo(data: bytes, position: int, end: int) -> tuple[int, int]:
    if data[position : position + 2] == b"\0\1":
        position += 13 + data[position + 2] + data[position + 3]
    if data[position : position + 2] == b"\0\0":
        position += 8
    return network(RAW, data, position, end) if data[position] >> 4 == 6 else _NOTHING


def _gue(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Generic UDP encapsulation: an IP packet alone, or a header with an IP protocol."""
    if data[position] >> 6 == 1:
        return network(RAW, data, position, end)
    if data[position] & 0xE0 or data[position + 1] == _UDP:
        return _NOTHING
    return inner(data[position + 1], data, position + 4 + ((data[position] & 0x1F) << 2), end)


def _tzsp(data: bytes, position: int, end: int) -> tuple[int, int]:
    """TZSP: tagged fields, then an Ethernet frame."""
    if data[position] != 1 or data[position + 1] > 1 or _word(data, position + 2) != 1:
        return _NOTHING
    position += 4
    while position < end and data[position] != 1:
        position += 1 if not data[position] else 2 + data[position + 1]
    return network(ETHERNET, data, position + 1, end)


def _mpls(data: bytes, position: int, end: int) -> tuple[int, int]:
    return network_after(_MPLS, data, position, end)


_PORTS: Final = {
    1701: _l2tp, 2152: _gtp, 3544: _teredo, 4754: _gre, 4789: _vxlan, 4790: _vxlan, 6080: _gue, 6081: _geneve,
    6635: _mpls, 8472: _vxlan, 37008: _tzsp,
}  # fmt: skip


def innermost(link: int, data: bytes, start: int, end: int) -> Payload | None:
    """The payload of the innermost IP packet in a frame whose outer packets are not fragmented; None if there is none.

    The protocol of a fragment is -1. Raises `IndexError` if a header is cut off.
    """
    position, _ = network(link, data, start, end)
    found = None
    for _ in range(DEPTH):
        if not 0 <= position < end:
            break
        found = _payload(data, position, end)
        if found is None or not carries(found.protocol, data, found.start, end):
            break
        position, _ = inner(found.protocol, data, found.start, end)
    return found


def _payload(data: bytes, position: int, end: int) -> Payload | None:
    """The payload of the IP packet at ``position``."""
    version = data[position] >> 4
    if version == 4:
        fragment = _word(data, position + 6) & 0x3FFF
        stop = min(end, position + _word(data, position + 2))
        start = position + ((data[position] & 15) << 2)
        return Payload(-1 if fragment else data[position + 9], data[position + 12 : position + 20], start, stop)
    if version == 6:
        stop = min(end, position + 40 + _word(data, position + 4))
        return Payload(data[position + 6], data[position + 8 : position + 40], position + 40, stop)
    return None


def _word(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]
