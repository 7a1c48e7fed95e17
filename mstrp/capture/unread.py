"""Frames that were not read, and MS-TRP traffic that was not checked, counted by cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mstrp.capture.link import ETHERNET, LLC, NAMES, NESTED

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ETHERTYPE",
    "FRAGMENT",
    "LIMIT",
    "LINK",
    "MALFORMED",
    "PROTOCOL",
    "SNAP",
    "TUNNEL",
    "Skipped",
    "SkippedTraffic",
    "UnreadFrames",
    "UnreadKind",
]

#: Causes of unread frames.
LINK: Final = "link-type"
ETHERTYPE: Final = "ethertype"
PROTOCOL: Final = "ip-protocol"
TUNNEL: Final = "tunnel"
LIMIT: Final = "limit"
FRAGMENT: Final = "fragment"
SNAP: Final = "snap-length"
MALFORMED: Final = "malformed"
#: Number of (cause, detail) pairs that are counted separately.
_KINDS: Final = 256
_TCP, _UDP = 6, 17
_PROTOCOLS: Final = {
    1: "ICMP", 2: "IGMP", 17: "UDP", 33: "DCCP", 58: "ICMPv6", 59: "no next header", 88: "EIGRP", 89: "OSPF",
    103: "PIM", 112: "VRRP", 132: "SCTP", 136: "UDP-Lite",
}  # fmt: skip
#: IP protocols, UDP ports and EtherTypes that can carry IP packets.
_IP_TUNNELS: Final = {
    4: "IPv4 in IP", 41: "IPv6 in IP", 47: "GRE", 50: "ESP", 55: "MOBILE", 94: "IPIP", 97: "EtherIP", 98: "ENCAP",
    108: "IPComp", 115: "L2TPv3", 137: "MPLS in IP",
}  # fmt: skip
_UDP_TUNNELS: Final = {
    1701: "L2TP", 2152: "GTP-U", 3544: "Teredo", 4500: "ESP in UDP", 4754: "GRE in UDP", 4789: "VXLAN",
    4790: "VXLAN-GPE", 5246: "CAPWAP", 5247: "CAPWAP", 6080: "GUE", 6081: "Geneve", 6635: "MPLS in UDP",
    8472: "VXLAN", 37008: "TZSP", 51820: "WireGuard",
}  # fmt: skip
_ETHER_TUNNELS: Final = {
    0x6558: "Transparent Ethernet Bridging", 0x8847: "MPLS", 0x8848: "MPLS", 0x88E5: "MACsec", 0x88E7: "802.1ah",
    0x88BE: "ERSPAN", 0x22EB: "ERSPAN", 0x894F: "NSH", 0x8903: "FabricPath", 0x22F3: "TRILL", 0x8926: "VN-Tag",
}  # fmt: skip
_ETHERTYPES: Final = {
    0x0806: "ARP", 0x8035: "RARP", 0x809B: "AppleTalk", 0x8137: "IPX", 0x8863: "PPPoE discovery", 0x8864: "PPPoE",
    0x888E: "EAPOL", 0x88CC: "LLDP", 0x88F7: "PTP",
}  # fmt: skip
_EXTENSIONS: Final = {0, 43, 44, 51, 60, 135}


class UnreadKind(NamedTuple):
    """Unread frames of one cause."""

    cause: str
    detail: str
    frames: int


class UnreadFrames:
    """Counts of frames with content that is not read."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, cause: str, detail: str, frames: int = 1) -> None:
        """Count frames of a cause."""
        counts = self._counts
        key = (cause, detail)
        if key not in counts and len(counts) >= _KINDS:
            key = (cause, "other")
        counts[key] = counts.get(key, 0) + frames

    def link(self, link: int, kind: int) -> None:
        """Count a frame without an IP packet; ``kind`` is the last EtherType read, -1 if there is none."""
        if link not in NAMES:
            self.add(LINK, f"link type {link}")
        elif kind == NESTED:
            self.add(TUNNEL, "too many headers before IP")
        elif kind in _ETHER_TUNNELS:
            self.add(TUNNEL, _ETHER_TUNNELS[kind])
        elif kind == LLC:
            self.add(ETHERTYPE, "802.3 LLC")
        elif kind > 0:
            name = _ETHERTYPES.get(kind)
            self.add(ETHERTYPE, f"{kind:#06x}" + (f" ({name})" if name else ""))
        elif link != ETHERNET:
            self.add(ETHERTYPE, f"{NAMES[link]} frame without IP")

    def packet(self, data: bytes, position: int, end: int) -> None:
        """Count an IP packet without TCP; fragments of TCP are not counted."""
        version = data[position] >> 4
        if version == 4 and position + 20 <= end:
            place = position + ((data[position] & 15) << 2)
            later = data[position + 6 : position + 8] != b"\0\0" and bool(_word(data, position + 6, end) & 0x1FFF)
            self.protocol(data[position + 9], data, end if later else place, end)
        elif version == 6 and position + 40 <= end:
            kind, place = data[position + 6], position + 40
            while kind in _EXTENSIONS and place + 8 <= end:
                if kind == 44 and _word(data, place + 2, end) & 0xFFF8:
                    kind, place = data[place], end
                    break
                size = 8 if kind == 44 else 8 + (data[place + 1] << (2 if kind == 51 else 3))
                kind, place = data[place], place + size
            self.protocol(kind, data, place, end)
        elif version not in (4, 6):
            self.add(PROTOCOL, f"IP version {version}")

    def protocol(self, number: int, data: bytes, start: int, end: int) -> None:
        """Count an IP packet by its protocol; its payload starts at ``start``."""
        if number == _TCP:
            return
        if number in _IP_TUNNELS:
            self.add(TUNNEL, f"{_IP_TUNNELS[number]} (IP protocol {number})")
            return
        if number == _UDP:
            source, target = _word(data, start, end), _word(data, start + 2, end)
            for port, other in ((target, source), (source, target)):
                # The other port is ephemeral or the same; otherwise it is the client of another protocol.
                if port in _UDP_TUNNELS and other >= 1024:
                    self.add(TUNNEL, f"{_UDP_TUNNELS[port]} (UDP port {port})")
                    return
        name = _PROTOCOLS.get(number)
        self.add(PROTOCOL, f"IP protocol {number}" + (f" ({name})" if name else ""))

    def kinds(self) -> tuple[UnreadKind, ...]:
        """Return the counts, the largest first."""
        found = (UnreadKind(cause, detail, frames) for (cause, detail), frames in self._counts.items())
        return tuple(sorted(found, key=lambda each: (-each.frames, each.cause, each.detail)))


class Skipped(NamedTuple):
    """Traffic that was not checked, for one reason."""

    #: Machine-readable, for instance "sealed" or "one-direction".
    reason: str
    packets: int
    detail: str
    connections: int = 0
    #: Whether it is known to be MS-TRP, or at least DCE/RPC of an unknown interface.
    known: bool = True


class SkippedTraffic:
    """Traffic that was not checked, by reason; at most ``limit`` entries."""

    def __init__(self, limit: int = 1000) -> None:
        self.limit = limit
        self._found: dict[tuple[str, str, bool], list[int]] = {}

    def add(self, reason: str, detail: str, packets: int, connections: int = 0, *, known: bool = True) -> None:
        """Count packets and connections of a reason."""
        key = (reason, detail, known)
        if key not in self._found and len(self._found) >= self.limit:
            key = (reason, "other", known)
        counts = self._found.setdefault(key, [0, 0])
        counts[0] += packets
        counts[1] += connections

    def __iter__(self) -> Iterator[Skipped]:
        for (reason, detail, known), (packets, connections) in self._found.items():
            yield Skipped(reason, packets, detail, connections, known)


def _word(data: bytes, at: int, end: int) -> int:
    """Return the big-endian 16-bit number at an offset, -1 beyond the end."""
    return data[at] << 8 | data[at + 1] if at >= 0 and at + 2 <= end else -1
