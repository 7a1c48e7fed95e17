"""A conversation has the same report in every tunnel, and invalid tunnels affect only their frames."""

from __future__ import annotations

import io
import shutil
import subprocess
from struct import pack
from typing import TYPE_CHECKING, Any

import pytest
from frames import Frame, ethernet, facts, frames_of, ipv4, ipv6, judge, pcap, scenario, segments_of
from hypothesis import given
from hypothesis import strategies as st
from tunnels import WRAPPINGS, frame, ip, udp

from fsm import Monitor
from mstrp.capture.files import Source
from mstrp.capture.methods import Methods
from mstrp.capture.partition import Partition
from mstrp.capture.reader import Reader
from mstrp.capture.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

SEGMENTS = segments_of(scenario())
EXPECTED = {version: facts(judge(pcap(frames_of(SEGMENTS, network=version)))) for version in (ipv4, ipv6)}


def _unread(frames: Iterable[bytes]) -> list[tuple[str, str, int]]:
    reader = Reader(Methods(Sessions(Monitor(), lambda frame, text: None)))
    data = pcap(Frame(0.01 * number, each, len(each)) for number, each in enumerate(frames))
    reader.read(Source(io.BytesIO(data), "made.pcap", lambda frame, text: None))
    reader.finish()
    return [tuple(each) for each in reader.unread.kinds()]


@pytest.mark.parametrize("version", [ipv4, ipv6])
@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_tunnel_changes_nothing(name: str, version: Callable[..., bytes]) -> None:
    """The inner packets of a tunnel are checked like plain packets, and no frame counts as unread."""
    frames = frames_of(SEGMENTS, network=version, link=WRAPPINGS[name])
    result = judge(pcap(frames))
    assert facts(result) == EXPECTED[version]
    assert result.notes == []
    assert _unread(each.data for each in frames) == []


def test_both_sides_of_a_tunnel_are_one_conversation() -> None:
    """A capture with each packet inside and outside the tunnel has the same report as with one of them."""
    pairs = [frames_of([each], link=link)[0] for each in SEGMENTS for link in (ethernet, WRAPPINGS["VXLAN"])]
    assert facts(judge(pcap(pairs))) == EXPECTED[ipv4]


@pytest.mark.parametrize("name", ["VXLAN", "GRE", "IP in IP", "ERSPAN II"])
@pytest.mark.parametrize("order", [1, -1])
def test_fragments_of_tunnels_are_put_together(name: str, order: int) -> None:
    """The outer packet may be fragmented; the fragments of protocols without ports may come in any order."""
    frames = []
    for number, segment in enumerate(SEGMENTS):
        packet = WRAPPINGS[name](ipv4(segment))[14:]
        parts = []
        for at in range(20, len(packet), 64):
            more = 0x2000 if at + 64 < len(packet) else 0
            size = pack(">HHH", 20 + len(packet[at : at + 64]), number, more | at - 20 >> 3)
            parts.append(ethernet(packet[:2] + size + packet[8:20] + packet[at : at + 64]))
        frames += [Frame(segment.time, part, len(part)) for part in parts[:: 1 if name == "VXLAN" else order]]
    assert facts(judge(pcap(frames))) == EXPECTED[ipv4]


@pytest.mark.parametrize("name", ["VXLAN", "ERSPAN III", "GTP-U", "MPLS", "LLC/SNAP"])
def test_parts_follow_the_inner_addresses(name: str) -> None:
    """Distributed among processes, a tunneled conversation is in one part, whatever the addresses of the tunnel."""
    frames = []
    for number, each in enumerate(frames_of(SEGMENTS, link=WRAPPINGS[name])):
        # Every frame comes from another mirror.
        data = each.data.replace(bytes([192, 0, 2, 1]), bytes([192, 0, 2, number % 250 + 3]), 1)
        frames.append(each._replace(data=data))
    capture = pcap(frames)
    counts = []
    for place in range(3):
        source = Source(io.BytesIO(capture), "made.pcap", lambda frame, text: None)
        counts.append(sum(end > start for *_, start, end, _ in Partition(place, 3).frames(source)))
    assert sorted(counts) == [0, 0, len(SEGMENTS)]


def _nested(wrap: Callable[[bytes], bytes], depth: int) -> bytes:
    packet = ipv4(SEGMENTS[0])
    for _ in range(depth):
        packet = wrap(packet)
    return packet


def test_nesting_is_bounded() -> None:
    """Tunnels are read to a fixed depth, and what nests deeper is counted under one cause."""
    tunnel = [("tunnel", "more than 8 nested tunnels", 1)]
    assert _unread([ethernet(_nested(lambda p: ip(4, p), 7))]) == []
    assert _unread([ethernet(_nested(lambda p: ip(4, p), 8))]) == tunnel
    assert _unread([ethernet(_nested(lambda p: ip(4, p), 3000))]) == tunnel
    assert _unread([ethernet(_nested(lambda p: WRAPPINGS["VXLAN"](p)[14:], 1000))]) == tunnel
    tags = [("tunnel", "too many headers before IP", 1)]
    assert _unread([ethernet(ipv4(SEGMENTS[0]), tags=(0x8100,) * 60_000)]) == tags
    assert _unread([frame(0x8847, _nested(lambda p: b"\0\1\1\x40" + bytes(12) + b"\x88\x47" + p, 10_000))]) == tags
    labels = frame(0x8847, b"\0\1\0\x40" * 60_000)
    assert _unread([labels]) == [("tunnel", "MPLS", 1)]


LIES: dict[str, tuple[bytes, str]] = {
    "GRE with source routes": (ip(47, b"\x40\0\x08\0" + bytes(60)), "GRE (IP protocol 47)"),
    "GRE of another version": (ip(47, b"\0\5\x08\0" + bytes(60)), "GRE (IP protocol 47)"),
    "GRE that ends": (ip(47, b"\xb0\0\x08\0"), "GRE (IP protocol 47)"),
    "ERSPAN that ends": (ip(47, b"\x10\0\x88\xbe" + bytes(4)), "GRE (IP protocol 47)"),
    "VXLAN without identifier": (udp(4789, bytes(80)), "VXLAN (UDP port 4789)"),
    "VXLAN that ends": (udp(4789, b"\x08" + bytes(7)), "VXLAN (UDP port 4789)"),
    "Geneve with too many options": (udp(6081, b"\x3f\0\x08\0" + bytes(80)), "Geneve (UDP port 6081)"),
    "GTP-U with an endless extension": (udp(2152, b"\x34\xff" + bytes(9) + b"\1" + bytes(80), 2152), "GTP-U (UDP port 2152)"),
    "L2TP with a long offset": (udp(1701, b"\2\2\0\1\0\1\xff\xff" + bytes(80)), "L2TP (UDP port 1701)"),
    "TZSP without an end": (udp(37008, b"\1\0\0\1" + bytes(80)), "TZSP (UDP port 37008)"),
    "encrypted MACsec": (b"", "MACsec"),
    "no IP in IP": (ip(4, b""), "IPv4 in IP (IP protocol 4)"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_tunnels_that_lie_are_counted(name: str) -> None:
    """A tunnel with an unsupported header, or longer than the packet, counts as one; later frames are read."""
    packet, detail = LIES[name]
    lie = ethernet(packet) if packet else frame(0x88E5, b"\x2c\0" + bytes(80))
    rest = [each.data for each in frames_of(SEGMENTS, link=WRAPPINGS["GRE"])]
    assert _unread([lie, *rest]) == [("tunnel", detail, 1)]
    frames = [Frame(SEGMENTS[0].time, lie, len(lie)), *frames_of(SEGMENTS, link=WRAPPINGS["GRE"])]
    assert facts(judge(pcap(frames))) == EXPECTED[ipv4]


@given(st.sampled_from(sorted(WRAPPINGS)), st.data())
def test_no_header_stops_the_program(name: str, data: st.DataObject) -> None:
    """Frames of tunnels with any bytes changed, or cut off, are read to their end."""
    whole = bytearray(WRAPPINGS[name](ipv4(SEGMENTS[0])))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(12, len(whole) - 1))] = data.draw(st.integers(0, 255))
    _unread([bytes(whole), bytes(whole[: data.draw(st.integers(0, len(whole)))])])


#: Tunnels that tshark 4.0 reads only with other settings, or not at all.
_UNKNOWN = {
    "five VLANs",
    "ERSPAN III with IP",
    "VXLAN on the port of Linux",
    "GUE",
    "GUE of IP alone",
    "Ethernet over MPLS with control word",
    "Ethernet over MPLS with an address like IP",
}


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("name", sorted(set(WRAPPINGS) - _UNKNOWN))
def test_tshark_reads_the_same_frames(name: str, tmp_path: Path) -> None:
    """The TCP segments that tshark finds in the frames are the same."""
    some = [each for each in SEGMENTS if each.data][:3]
    path = tmp_path / "made.pcap"
    path.write_bytes(pcap(frames_of(some, link=WRAPPINGS[name])))
    fields = [part for field in ("tcp.len", "tcp.seq_raw") for part in ("-e", field)]
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", *fields]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    found: list[Any] = [line.split() for line in run.stdout.splitlines()]
    assert found == [[str(len(each.data)), str(each.sequence)] for each in some]
