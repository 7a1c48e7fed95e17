"""Frames that are not read are counted by their cause."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from frames import Frame, cooked2, ethernet, frames_of, ipv4, ipv6, pcap, scenario, segments_of

from fsm.monitor import Monitor
from mstrp.capture.files import Source
from mstrp.capture.methods import Methods
from mstrp.capture.reader import Reader
from mstrp.capture.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

SEGMENTS = segments_of(scenario())
INNER = ethernet(ipv4(SEGMENTS[0]))


def _ip(protocol: int, payload: bytes) -> bytes:
    """Return an IPv4 packet of any protocol."""
    head = bytes([0x45, 0]) + (20 + len(payload)).to_bytes(2, "big") + bytes([0, 1, 0, 0, 64, protocol, 0, 0])
    return head + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + payload


def _udp(source: int, target: int, payload: bytes = bytes(8)) -> bytes:
    ports = source.to_bytes(2, "big") + target.to_bytes(2, "big")
    return _ip(17, ports + (8 + len(payload)).to_bytes(2, "big") + bytes(2) + payload)


def _other(kind: int, payload: bytes) -> bytes:
    """Return an Ethernet frame of any type, or with a length."""
    return bytes(12) + kind.to_bytes(2, "big") + payload


def _ipv6(following: int, payload: bytes) -> bytes:
    packet = ipv6(SEGMENTS[0])
    return packet[:6] + bytes([following]) + packet[7:40] + payload


KINDS: dict[str, tuple[bytes, str, str]] = {
    "ARP": (_other(0x0806, bytes(46)), "ethertype", "0x0806 (ARP)"),
    "ARP in a VLAN": (_other(0x8100, b"\0\7\x08\x06" + bytes(46)), "ethertype", "0x0806 (ARP)"),
    "spanning tree": (_other(38, b"\x42\x42\x03" + bytes(43)), "ethertype", "802.3 LLC"),
    "AppleTalk in SNAP": (_other(500, b"\xaa\xaa\x03\x08\0\7\x80\x9b" + bytes(40)), "ethertype", "802.3 LLC"),
    "ARP in SNAP": (_other(500, b"\xaa\xaa\x03\0\0\0\x08\6" + bytes(40)), "ethertype", "0x0806 (ARP)"),
    "MPLS without an end": (_other(0x8847, b"\0\1\x00\x40" * 9), "tunnel", "MPLS"),
    "ARP over MPLS": (_other(0x8847, b"\0\1\x01\x40" + _other(0x0806, bytes(46))), "ethertype", "0x0806 (ARP)"),
    "encrypted MACsec": (_other(0x88E5, b"\x0c" + bytes(60)), "tunnel", "MACsec"),
    "ICMP": (ethernet(_ip(1, bytes(40))), "ip-protocol", "IP protocol 1 (ICMP)"),
    "ICMPv6": (ethernet(_ipv6(58, bytes(40))), "ip-protocol", "IP protocol 58 (ICMPv6)"),
    "ICMPv6 after options": (ethernet(_ipv6(0, b"\x3a\0" + bytes(46))), "ip-protocol", "IP protocol 58 (ICMPv6)"),
    "DNS": (ethernet(_udp(40_000, 53)), "ip-protocol", "IP protocol 17 (UDP)"),
    "DNS to a client with a tunnel's port": (ethernet(_udp(53, 4789)), "ip-protocol", "IP protocol 17 (UDP)"),
    "GRE of another version": (ethernet(_ip(47, b"\0\7\x65\x58" + INNER)), "tunnel", "GRE (IP protocol 47)"),
    "ESP": (ethernet(_ip(50, bytes(80))), "tunnel", "ESP (IP protocol 50)"),
    "ARP over GRE": (ethernet(_ip(47, b"\0\0\x65\x58" + _other(0x0806, bytes(46)))), "ethertype", "0x0806 (ARP)"),
    "DNS over VXLAN": (
        ethernet(_udp(50_000, 4789, b"\x08" + bytes(7) + ethernet(_udp(40_000, 53)))),
        "ip-protocol",
        "IP protocol 17 (UDP)",
    ),
    "ESP in IPv4 in IPv4": (ethernet(_ip(4, _ip(50, bytes(80)))), "tunnel", "ESP (IP protocol 50)"),
    "VXLAN without identifier": (ethernet(_udp(50_000, 4789, bytes(8) + INNER)), "tunnel", "VXLAN (UDP port 4789)"),
    "the same over IPv6": (ethernet(_ipv6(17, _udp(50_000, 4789)[20:])), "tunnel", "VXLAN (UDP port 4789)"),
    "GTP without G-PDU": (ethernet(_udp(2152, 2152, b"\x30\1" + bytes(40))), "tunnel", "GTP-U (UDP port 2152)"),
}


def _unread(frames: list[bytes], link: int = 1, snap: int = 1 << 18) -> list[tuple[str, str, int]]:
    reader = Reader(Methods(Sessions(Monitor(), lambda frame, text: None)))
    data = pcap([Frame(0.01 * number, each[:snap], len(each)) for number, each in enumerate(frames)], link=link)
    reader.read(Source(io.BytesIO(data), "made.pcap", lambda frame, text: None))
    reader.finish()
    return [tuple(each) for each in reader.unread.kinds()]


@pytest.mark.parametrize("name", KINDS)
def test_a_frame_is_counted_by_its_cause(name: str) -> None:
    """Frames of other protocols and of tunnels are counted with the name of what carried them."""
    frame, cause, detail = KINDS[name]
    assert _unread([frame, frame]) == [(cause, detail, 2)]


@pytest.mark.parametrize("wrap", [ethernet, cooked2])
def test_frames_that_are_read_are_not_counted(wrap: Callable[[bytes], bytes]) -> None:
    """A whole conversation leaves no count."""
    frames = [each.data for each in frames_of(SEGMENTS, link=wrap)]
    assert _unread(frames, link=1 if wrap is ethernet else 276) == []


def test_unknown_links_are_counted() -> None:
    """Frames with an unsupported link type are counted by its number."""
    assert _unread([bytes(60)] * 3, link=220) == [("link-type", "link type 220", 3)]


def test_short_frames_are_counted() -> None:
    """Frames of which the capture contains only the beginning count as truncated."""
    whole = ethernet(ipv4(next(each for each in SEGMENTS if each.data)))
    assert _unread([whole], snap=60) == [("snap-length", "truncated by the snap length", 1)]


@pytest.mark.parametrize("size", [30, 38, 50])
def test_headers_that_do_not_fit_are_counted(size: int) -> None:
    """A complete frame that ends within its IP or TCP header counts as malformed."""
    whole = ethernet(ipv4(next(each for each in SEGMENTS if each.data)))
    assert _unread([whole[:size]]) == [("malformed", "headers longer than the frame", 1)]


def test_fragments_that_stay_alone_are_counted() -> None:
    """An IP packet with a missing fragment counts once."""
    packet = bytearray(ipv4(next(each for each in SEGMENTS if len(each.data) > 64)))
    packet[6] |= 0x20
    assert _unread([ethernet(bytes(packet[:60]))]) == [("fragment", "IP packets with missing or invalid fragments", 1)]


def test_the_number_of_kinds_is_bounded() -> None:
    """The number of separately counted kinds is limited."""
    kinds = _unread([_other(0x600 + number, bytes(46)) for number in range(1000)])
    assert sum(count for _, _, count in kinds) == 1000
    assert len(kinds) <= 260
