"""Link layers: the position of the IP packet in a frame, after all headers with fixed or stated lengths before it."""

from __future__ import annotations

from typing import Final

__all__ = ["ETHERNET", "LLC", "NAMES", "NESTED", "RAW", "network", "network_after"]

#: Supported link types (www.tcpdump.org/linktypes.html).
NAMES: Final[dict[int, str]] = {
    0: "NULL",
    1: "EN10MB",
    9: "PPP",
    10: "FDDI",
    11: "ATM_RFC1483",
    12: "RAW",
    14: "RAW",
    50: "PPP_HDLC",
    51: "PPP_ETHER",
    100: "ATM_RFC1483",
    101: "RAW",
    104: "C_HDLC",
    108: "LOOP",
    109: "ENC",
    113: "LINUX_SLL",
    138: "APPLE_IP_OVER_IEEE1394",
    228: "IPV4",
    229: "IPV6",
    239: "NFLOG",
    240: "NETANALYZER",
    241: "NETANALYZER_TRANSPARENT",
    274: "ETHERNET_MPACKET",
    276: "LINUX_SLL2",
}
ETHERNET: Final = 1
RAW: Final = 101
_PPP_LINK: Final = 9
#: Offsets of the EtherType and of its payload.
_TYPED: Final = {1: (12, 14), 104: (2, 4), 113: (14, 16), 138: (16, 18), 276: (0, 20)}
#: Offset of an Ethernet frame, of an LLC header, and of an IP header.
_FRAMED: Final = {240: 4, 241: 12, 274: 8}
_LLC: Final = {10: 13, 11: 0, 100: 0}
_FIXED: Final = {0: 4, 12: 0, 14: 0, 101: 0, 108: 4, 109: 12, 228: 0, 229: 0}
#: Maximum number of headers between a link layer and IP, for instance VLAN tags; and the EtherType that `network`
#: returns beyond it.
_DEPTH: Final = 32
NESTED: Final = 0x10000
#: Returned by `network` as the EtherType of an LLC header without one.
LLC: Final = 0
_IP: Final = {0x0800, 0x86DD}
_ARP: Final = 0x0806
#: Tags: the number of bytes between their EtherType and the next one.
_TAGS: Final = {
    0x8100: 2, 0x88A8: 2, 0x9100: 2, 0x9200: 2, 0x9300: 2,
    0x8926: 4,  # VN-Tag
    0x8909: 6,  # Cisco metadata
    0x893F: 6,  # 802.1BR
}  # fmt: skip
_PPPOE, _MPLS, _BRIDGED, _PBB, _MACSEC, _NSH = 0x8864, {0x8847, 0x8848}, 0x6558, 0x88E7, 0x88E5, 0x894F
#: EtherTypes of the next protocols of NSH (RFC 8300).
_NSH_NEXT: Final = {1: 0x0800, 2: 0x86DD, 3: _BRIDGED, 4: _NSH, 5: 0x8847}
#: PPP numbers of IPv4, IPv6 and MPLS.
_PPP: Final = {0x0021: 0x0800, 0x0057: 0x86DD, 0x0281: 0x8847, 0x0283: 0x8848}


def network(link: int, data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return the position of the IP header, -1 if there is none, and the last EtherType read, -1 if there is none."""
    if link in _TYPED:
        kind, payload = _TYPED[link]
        return network_after(_word(data, start + kind, end), data, start + payload, end)
    if link in _FIXED:
        return start + _FIXED[link], -1
    if link in _FRAMED:
        return network(ETHERNET, data, start + _FRAMED[link], end)
    if link in _LLC:
        return _after_llc(data, start + _LLC[link], end)
    if link == 50 and data[start : start + 1] in (b"\x0f", b"\x8f") and data[start + 1 : start + 2] == b"\0":
        return network(104, data, start, end)
    if link in (_PPP_LINK, 50):
        return _after_ppp(data, start + 2 if data[start : start + 2] in (b"\xff\x03", b"\x0f\x00") else start, end)
    if link == 51:
        return _after_ppp(data, start + 6, end)
    if link == 239:
        return _after_nflog(data, start, end), -1
    return -1, -1


def network_after(kind: int, data: bytes, position: int, end: int) -> tuple[int, int]:
    """Return the same for the payload of an EtherType, or of an 802.3 length."""
    for _ in range(_DEPTH):
        if kind in _IP:
            return position, kind
        if kind in _TAGS:
            size = _TAGS[kind]
            kind = _word(data, position + size, end)
            position += size + 2
        elif 0 <= kind < 0x600:
            position += 3
            if data[position - 3 : position] == b"\xaa\xaa\x03" and data[position : position + 3] in _ROUTED:
                kind = _word(data, position + 3, end)
                position += 5
                if 0 <= kind < 0x600:
                    return -1, LLC
            else:
                return (position, 0x0800) if data[position - 3 : position] == b"\x06\x06\x03" else (-1, LLC)
        elif kind in _MPLS:
            found = _after_labels(data, position, end)
            if found < 0:
                return -1, kind
            if data[found] >> 4 in (4, 6) and not _is_ethernet(data, found, end):
                return found, kind
            # A pseudowire: an Ethernet frame, usually after a control word.
            position = found if data[found] >> 4 or _is_ethernet(data, found, end) else found + 4
            kind = _BRIDGED
        elif kind in (_BRIDGED, _PBB):
            position += 4 if kind == _PBB else 0
            kind = _word(data, position + 12, end)
            position += 14
        elif kind == _PPPOE:
            number, place = _ppp(data, position + 6, end)
            if number not in _PPP:
                return -1, kind
            kind, position = _PPP[number], place
        elif kind == _MACSEC and position < end and not data[position] & 0x0C:
            # Integrity only: the EtherType follows the tag, with the channel identifier if there is one.
            size = 14 if data[position] & 0x20 else 6
            kind = _word(data, position + size, end)
            position += size + 2
        elif kind == _NSH and position + 4 <= end and data[position + 3] in _NSH_NEXT:
            size = (data[position + 1] & 0x3F) << 2
            kind = _NSH_NEXT[data[position + 3]]
            position += size
            if size < 8:
                return -1, _NSH
        else:
            return -1, kind
    return -1, NESTED


#: Organisation codes of SNAP whose protocol number is an EtherType.
_ROUTED: Final = (b"\0\0\0", b"\0\0\xf8")


def _after_llc(data: bytes, position: int, end: int) -> tuple[int, int]:
    return network_after(0, data, position, end)


def _after_labels(data: bytes, position: int, end: int) -> int:
    """Return the position after an MPLS label stack, -1 if the frame ends first."""
    while position + 4 < end:
        position += 4
        if data[position - 2] & 1:
            return position
    return -1


def _is_ethernet(data: bytes, position: int, end: int) -> bool:
    """Return whether an Ethernet header, and not an IP header, starts at ``position``."""
    if position + 34 > end:
        return False
    total = _word(data, position + 2, end) if data[position] >> 4 == 4 else _word(data, position + 4, end) + 40
    if data[position] >> 4 in (4, 6) and total <= end - position:
        return False
    kind = _word(data, position + 12, end)
    return kind in _IP or kind in _TAGS or kind in _MPLS or kind == _ARP


def _after_ppp(data: bytes, position: int, end: int) -> tuple[int, int]:
    number, position = _ppp(data, position, end)
    return network_after(_PPP[number], data, position, end) if number in _PPP else (-1, -1)


def _ppp(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Return the number of a PPP protocol, which may be compressed to one byte, and the position of its payload."""
    if position < end and data[position] & 1:
        return data[position], position + 1
    return _word(data, position, end), position + 2


def _after_nflog(data: bytes, start: int, end: int) -> int:
    """Return the position of the payload attribute of a Linux netfilter log message."""
    position = start + 4
    while position + 4 <= end:
        size = data[position] | data[position + 1] << 8
        if data[position + 2] == 9 and size >= 4:
            return position + 4
        position += max(4, size + 3 & ~3)
    return -1


def _word(data: bytes, at: int, end: int) -> int:
    """Return the big-endian 16-bit number at an offset, -1 beyond the end."""
    return data[at] << 8 | data[at + 1] if at + 2 <= end else -1
