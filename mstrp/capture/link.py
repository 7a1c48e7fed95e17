"""Link layers: where the IP packet of a frame begins."""

from __future__ import annotations

__all__ = ["NAMES", "network"]

#: Link types that are understood (www.tcpdump.org/linktypes.html).
NAMES: dict[int, str] = {
    0: "NULL",
    1: "EN10MB",
    9: "PPP",
    12: "RAW",
    14: "RAW",
    50: "PPP_HDLC",
    101: "RAW",
    108: "LOOP",
    113: "LINUX_SLL",
    228: "IPV4",
    229: "IPV6",
    276: "LINUX_SLL2",
}
_IP = {0x0800, 0x86DD}
_VLAN = {0x8100, 0x88A8, 0x9100, 0x9200}
_PPPOE = 0x8864
#: IPv4 and IPv6 as PPP numbers them.
_PPP = {0x0021, 0x0057}


def network(link: int, data: bytes, start: int, end: int) -> int:
    """The position of the IP header in a frame, or -1 when there is none."""
    if link == 1:
        return _behind(data, start + 12, start + 14, end)
    if link == 113:
        return _behind(data, start + 14, start + 16, end)
    if link == 276:
        return _behind(data, start, start + 20, end)
    if link in (0, 108):
        return start + 4
    if link in (9, 50):
        return _ppp(data, start + 2 if data[start : start + 2] in (b"\xff\x03", b"\x0f\x00") else start, end)
    return start if link in NAMES else -1


def _behind(data: bytes, kind: int, position: int, end: int) -> int:
    """Behind an EtherType at ``kind`` whose payload is at ``position``, and behind VLAN tags and PPPoE."""
    while kind + 2 <= end:
        ethertype = data[kind] << 8 | data[kind + 1]
        if ethertype in _IP:
            return position
        if ethertype == _PPPOE:
            return _ppp(data, position + 6, end)
        if ethertype not in _VLAN:
            return -1
        kind = position + 2
        position += 4
    return -1


def _ppp(data: bytes, position: int, end: int) -> int:
    if position + 2 > end:
        return -1
    if data[position] & 1:
        # The protocol number was compressed to one byte.
        return position + 1 if data[position] in _PPP else -1
    return position + 2 if (data[position] << 8 | data[position + 1]) in _PPP else -1
