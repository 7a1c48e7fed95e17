"""Link layers: where the IP packet of a frame begins."""

from __future__ import annotations

__all__ = ["NAMES", "network"]

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN = {0x8100, 0x88A8, 0x9100}

#: Link types that are understood (www.tcpdump.org/linktypes.html).
NAMES: dict[int, str] = {
    0: "NULL",
    1: "EN10MB",
    9: "PPP",
    12: "RAW",
    14: "RAW",
    101: "RAW",
    108: "LOOP",
    113: "LINUX_SLL",
    228: "IPV4",
    229: "IPV6",
    276: "LINUX_SLL2",
}


def network(link: int, data: bytes, start: int, end: int) -> int:
    """The position of the IP header in a frame, or -1 when there is none."""
    if link == 1:
        return _typed(data, start + 12, end)
    if link == 113:
        return _typed(data, start + 14, end)
    if link == 276:
        position = start + 20
        return position if data[start : start + 2] in _WIRE_TYPES else -1
    if link in (0, 108):
        return start + 4
    if link == 9:
        position = start + (2 if data[start : start + 2] == b"\xff\x03" else 0)
        return position + 2 if data[position : position + 2] in (b"\x00\x21", b"\x00\x57") else -1
    return start if link in NAMES else -1


_WIRE_TYPES = {_IPV4.to_bytes(2, "big"), _IPV6.to_bytes(2, "big")}


def _typed(data: bytes, position: int, end: int) -> int:
    """Behind an EtherType, and behind VLAN tags."""
    while position + 2 <= end:
        kind = data[position] << 8 | data[position + 1]
        position += 2
        if kind in (_IPV4, _IPV6):
            return position
        if kind not in _VLAN:
            return -1
        position += 2
    return -1
