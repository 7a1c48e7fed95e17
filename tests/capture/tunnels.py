"""Generated frames of tunnels, from the RFCs: an IP packet in an Ethernet frame."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from frames import ethernet, ppp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WRAPPINGS", "frame", "ip", "outer6", "udp"]

IPv4, IPv6, BRIDGED, MPLS = 0x0800, 0x86DD, 0x6558, 0x8847


def frame(kind: int, payload: bytes) -> bytes:
    """An Ethernet frame of any type, or with a length."""
    return bytes(12) + pack(">H", kind) + payload


def ip(protocol: int, payload: bytes) -> bytes:
    """An IPv4 packet of any protocol between two tunnel endpoints."""
    head = pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    return head + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + payload


def outer6(protocol: int, payload: bytes) -> bytes:
    """The same in an IPv6 packet."""
    address = bytes.fromhex("20010db8") + bytes(11)
    return pack(">IHBB", 6 << 28, len(payload), protocol, 64) + address + b"\1" + address + b"\2" + payload


def udp(port: int, payload: bytes, source: int = 50_000) -> bytes:
    """An IPv4 packet with a UDP datagram."""
    return ip(17, pack(">HHHH", source, port, 8 + len(payload), 0) + payload)


def kind(packet: bytes) -> int:
    return IPv6 if packet[0] >> 4 == 6 else IPv4


def gre(protocol: int, payload: bytes, flags: int = 0, fields: bytes = b"") -> bytes:
    return ip(47, pack(">HH", flags, protocol) + fields + payload)


def labels(*numbers: int) -> bytes:
    """An MPLS label stack."""
    last = len(numbers) - 1
    return b"".join(pack(">I", number << 12 | (at == last) << 8 | 64) for at, number in enumerate(numbers))


def gtp(packet: bytes, flags: int = 0x30, more: bytes = b"") -> bytes:
    return udp(2152, pack(">BBHI", flags, 0xFF, len(more) + len(packet), 7) + more + packet, 2152)


def pppoe(payload: bytes) -> bytes:
    return pack(">BBHH", 0x11, 0, 1, len(payload)) + payload


WRAPPINGS: dict[str, Callable[[bytes], bytes]] = {
    "LLC/SNAP": lambda p: frame(8 + len(p), b"\xaa\xaa\x03\0\0\0" + pack(">H", kind(p)) + p),
    "SNAP in a VLAN": lambda p: frame(0x8100, pack(">HH", 7, 8 + len(p)) + b"\xaa\xaa\x03\0\0\0" + ethernet(p)[12:]),
    "five VLANs": lambda p: ethernet(p, tags=(0x8100, 0x88A8, 0x9100, 0x9200, 0x8100)),
    "VN-Tag": lambda p: frame(0x8926, bytes(4) + ethernet(p)[12:]),
    "VN-Tag and VLAN": lambda p: frame(0x8926, bytes(4) + ethernet(p, tags=(0x8100,))[12:]),
    "802.1BR": lambda p: frame(0x893F, bytes(6) + ethernet(p)[12:]),
    "802.1ah": lambda p: frame(0x88E7, bytes(4) + ethernet(p)),
    "MACsec with integrity": lambda p: frame(0x88E5, b"\x20\0" + bytes(12) + ethernet(p)[12:] + bytes(16)),
    "MPLS": lambda p: frame(MPLS, labels(16) + p),
    "MPLS stack in a VLAN": lambda p: frame(0x8100, b"\0\7\x88\x48" + labels(16, 17, 18) + p),
    "Ethernet over MPLS": lambda p: frame(MPLS, labels(16, 17) + ethernet(p)),
    "Ethernet over MPLS with control word": lambda p: frame(MPLS, labels(16) + bytes(4) + ethernet(p)),
    "Ethernet over MPLS with an address like IP": lambda p: frame(MPLS, labels(16) + b"\x45\x40\xff" + ethernet(p)[3:]),
    "PPPoE in QinQ": lambda p: frame(0x88A8, b"\0\7\x81\0\0\7\x88\x64" + pppoe(ppp(p)[2:])),
    "MPLS over PPPoE": lambda p: frame(0x8864, pppoe(b"\x02\x81" + labels(16) + p)),
    "NSH": lambda p: frame(0x894F, b"\0\2\2" + (b"\2" if kind(p) == IPv6 else b"\1") + bytes(4) + p),
    "IP in IP": lambda p: ethernet(ip(41 if kind(p) == IPv6 else 4, p)),
    "IP in IPv6": lambda p: ethernet(outer6(41 if kind(p) == IPv6 else 4, p)),
    "IP in IP in IP": lambda p: ethernet(ip(4, ip(41 if kind(p) == IPv6 else 4, p))),
    "authentication header": lambda p: ethernet(ip(51, bytes([41 if kind(p) == IPv6 else 4, 4]) + bytes(22) + p)),
    "GRE": lambda p: ethernet(gre(kind(p), p)),
    "GRE with all fields": lambda p: ethernet(gre(kind(p), p, 0xB000, bytes(12))),
    "GRE in IPv6": lambda p: ethernet(outer6(47, gre(BRIDGED, ethernet(p))[20:])),
    "Ethernet over GRE": lambda p: ethernet(gre(BRIDGED, ethernet(p, tags=(0x8100,)), 0x2000, bytes(4))),
    "MPLS over GRE": lambda p: ethernet(gre(MPLS, labels(16, 17) + p)),
    "PPTP": lambda p: ethernet(gre(0x880B, ppp(p), 0x3081, bytes(12))),
    "ERSPAN I": lambda p: ethernet(gre(0x88BE, ethernet(p))),
    "ERSPAN II": lambda p: ethernet(gre(0x88BE, b"\x10\1" + bytes(6) + ethernet(p), 0x1000, bytes(4))),
    "ERSPAN III": lambda p: ethernet(gre(0x22EB, b"\x20\1" + bytes(10) + ethernet(p), 0x1000, bytes(4))),
    "ERSPAN III with IP": lambda p: ethernet(gre(0x22EB, b"\x20\1" + bytes(8) + b"\x08\0" + p, 0x1000, bytes(4))),
    "ERSPAN III of a platform": lambda p: (
        ethernet(gre(0x22EB, b"\x20\1" + bytes(9) + b"\1" + bytes(8) + ethernet(p), 0x1000, bytes(4)))
    ),
    "VXLAN": lambda p: ethernet(udp(4789, b"\x08\0\0\0\0\0\7\0" + ethernet(p))),
    "VXLAN over IPv6": lambda p: ethernet(outer6(17, udp(4789, b"\x08\0\0\0\0\0\7\0" + ethernet(p))[20:])),
    "VXLAN on the port of Linux": lambda p: ethernet(udp(8472, b"\x08\0\0\0\0\0\7\0" + ethernet(p))),
    "VXLAN with a group policy": lambda p: ethernet(udp(4789, b"\x88\0\0\1\0\0\7\0" + ethernet(p))),
    "VXLAN in a VLAN, with one inside": lambda p: (
        ethernet(udp(4789, b"\x08\0\0\0\0\0\7\0" + ethernet(p, tags=(0x8100,))), tags=(0x8100,))
    ),
    "VXLAN-GPE": lambda p: (
        ethernet(udp(4790, b"\x0c\0\0" + (b"\2" if kind(p) == IPv6 else b"\1") + bytes(4) + p))
    ),
    "Geneve": lambda p: ethernet(udp(6081, b"\0\0\x65\x58\0\0\7\0" + ethernet(p))),
    "Geneve with options": lambda p: ethernet(udp(6081, b"\3\0" + pack(">H", kind(p)) + bytes(16) + p)),
    "GUE": lambda p: ethernet(udp(6080, bytes([0, 41 if kind(p) == IPv6 else 4, 0, 0]) + p)),
    "GUE of IP alone": lambda p: ethernet(udp(6080, p)),
    "GRE in UDP": lambda p: ethernet(udp(4754, gre(kind(p), p)[20:])),
    "MPLS in UDP": lambda p: ethernet(udp(6635, labels(16) + p)),
    "MPLS in IP": lambda p: ethernet(ip(137, labels(16) + p)),
    "EtherIP": lambda p: ethernet(ip(97, b"\x30\0" + ethernet(p))),
    "GTP-U": lambda p: ethernet(gtp(p)),
    "GTP-U with sequence number": lambda p: ethernet(gtp(p, 0x32, bytes(4))),
    "GTP-U with extensions": lambda p: ethernet(gtp(p, 0x34, b"\0\0\0\x85\1\0\0\x85\1\0\0\0")),
    "L2TP": lambda p: ethernet(udp(1701, b"\0\2\0\1\0\1" + ppp(p))),
    "L2TP with all fields": lambda p: ethernet(udp(1701, pack(">HH", 0x4A02, 16 + len(ppp(p))) + bytes(8) + b"\0\2\0\0" + ppp(p))),
    "TZSP": lambda p: ethernet(udp(37008, b"\1\0\0\1\0\x0a\1\xff\1" + ethernet(p))),
    "ERSPAN of VXLAN": lambda p: ethernet(
        gre(0x88BE, b"\x10\1" + bytes(6) + ethernet(udp(4789, b"\x08" + bytes(7) + ethernet(p))), 0x1000, bytes(4))
    ),
}  # fmt: skip
