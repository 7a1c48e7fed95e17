"""Generated frames: segments of a scenario are extracted, changed, and written to captures of every format.

This module does not use the reader under test: headers are encoded and decoded from the RFCs and the pcap formats.
"""

from __future__ import annotations

import io
import ipaddress
import itertools
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from mstrp.capture.files import Source
from mstrp.checking import CaptureResult, check_capture
from mstrp.generate import Wire, play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "ACK",
    "FIN",
    "RST",
    "SYN",
    "Frame",
    "Segment",
    "block",
    "bursts",
    "cooked",
    "cooked2",
    "cut",
    "ethernet",
    "facts",
    "frames_of",
    "ipv4",
    "ipv6",
    "judge",
    "loopback",
    "payload_changed",
    "pcap",
    "pcapng",
    "ppp",
    "raw",
    "records",
    "scenario",
    "segments_of",
]

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
_TCP = Struct(">HHIIBBHHH")
_IPV4 = Struct(">BBHHHBBH4s4s")


class Segment(NamedTuple):
    """A TCP segment: (address, port) of both ends, numbers, flags and payload."""

    time: float
    source: tuple[str, int]
    target: tuple[str, int]
    sequence: int
    ack: int
    flags: int
    data: bytes

    @property
    def direction(self) -> tuple[tuple[str, int], tuple[str, int]]:
        return self.source, self.target

    def moved(self, start: int, stop: int | None = None) -> Segment:
        """The part of the payload from ``start`` to ``stop``."""
        part = self.data[start:stop]
        return self._replace(sequence=self.sequence + start & 0xFFFFFFFF, data=part)


class Frame(NamedTuple):
    """A record of a capture: a time, the captured bytes, and the original length of the frame."""

    time: float
    data: bytes
    length: int


# -- scenarios -----------------------------------------------------------------------------------------------------


def scenario(name: str = "4.5", **choices: Any) -> bytes:
    """A whole pcap of a legal conversation."""
    stream = io.BytesIO()
    play(Wire(stream), scenario=name, **choices)
    return stream.getvalue()


def records(capture: bytes) -> list[bytes]:
    """The records of a little-endian pcap, each with its header."""
    found, position = [], 24
    while position < len(capture):
        end = position + 16 + int.from_bytes(capture[position + 8 : position + 12], "little")
        found.append(capture[position:end])
        position = end
    return found


def segments_of(capture: bytes) -> list[Segment]:
    """The TCP segments of a little-endian Ethernet and IPv4 pcap."""
    found = []
    for record in records(capture):
        seconds, fraction = (int.from_bytes(record[i : i + 4], "little") for i in (0, 4))
        packet = record[30:]
        header = (packet[0] & 15) * 4
        total = int.from_bytes(packet[2:4], "big")
        source, target = (str(ipaddress.ip_address(packet[i : i + 4])) for i in (12, 16))
        here, there, sequence, ack, offset, flags, *_ = _TCP.unpack_from(packet, header)
        data = packet[header + (offset >> 4) * 4 : total]
        found.append(Segment(seconds + fraction / 1e6, (source, here), (target, there), sequence, ack, flags, data))
    return found


def bursts(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Return runs of successive segments of one direction."""
    return [list(run) for _, run in itertools.groupby(segments, key=lambda each: each.direction)]


def payload_changed(segments: Iterable[Segment], change: Callable[[bytes], bytes]) -> list[Segment]:
    """The segments with other payloads; sequence numbers and acknowledgements follow from their lengths."""
    found = []
    grown: dict[object, int] = {}
    for segment in segments:
        here, there = grown.get(segment.direction, 0), grown.get(segment.direction[::-1], 0)
        data = change(segment.data) if segment.data else b""
        numbers = segment.sequence + here & 0xFFFFFFFF, segment.ack + there & 0xFFFFFFFF
        found.append(segment._replace(sequence=numbers[0], ack=numbers[1], data=data))
        grown[segment.direction] = here + len(data) - len(segment.data)
    return found


def cut(segment: Segment, places: Iterable[int]) -> list[Segment]:
    """The segment as several, cut at these places of its payload."""
    edges = [0, *sorted({place for place in places if 0 < place < len(segment.data)}), len(segment.data)]
    return [segment.moved(start, stop) for start, stop in itertools.pairwise(edges)]


# -- packets -------------------------------------------------------------------------------------------------------


def _tcp(segment: Segment) -> bytes:
    head = (segment.source[1], segment.target[1], segment.sequence, segment.ack, 5 << 4, segment.flags, 64_240, 0, 0)
    return _TCP.pack(*head) + segment.data


def ipv4(segment: Segment, *, options: bytes = b"") -> bytes:
    """Return the segment in an IPv4 packet; other addresses are reduced to their last four bytes."""
    source, target = (ipaddress.ip_address(host).packed[-4:] for host, _ in segment.direction)
    size = 20 + len(options)
    payload = _tcp(segment)
    return _IPV4.pack(0x40 + size // 4, 0, size + len(payload), 1, 0, 64, 6, 0, source, target) + options + payload


def ipv6(segment: Segment) -> bytes:
    """The segment in an IPv6 packet; IPv4 addresses become the last four bytes of addresses in 2001:db8::/32."""
    prefix = bytes.fromhex("20010db8 0000 0000 0000 0000")
    source, target = (prefix + ipaddress.ip_address(host).packed for host, _ in segment.direction)
    payload = _tcp(segment)
    return bytes([0x60, 0, 0, 0]) + len(payload).to_bytes(2, "big") + bytes([6, 64]) + source + target + payload


def _kind(packet: bytes) -> bytes:
    return b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"


def ethernet(packet: bytes, *, tags: tuple[int, ...] = (), padding: int = 0) -> bytes:
    """Link type 1, behind VLAN tags with these TPIDs, with bytes behind the packet as short frames have."""
    vlan = b"".join(tag.to_bytes(2, "big") + b"\x00\x07" for tag in tags)
    return bytes(12) + vlan + _kind(packet) + packet + bytes(padding)


def cooked(packet: bytes) -> bytes:
    """Link type 113, LINUX_SLL."""
    return b"\0\0\3\4\0\6" + bytes(8) + _kind(packet) + packet


def cooked2(packet: bytes) -> bytes:
    """Link type 276, LINUX_SLL2."""
    return _kind(packet) + bytes(18) + packet


def loopback(packet: bytes) -> bytes:
    """Link type 0, the BSD loopback encapsulation."""
    return (2 if packet[0] >> 4 == 4 else 30).to_bytes(4, "little") + packet


def ppp(packet: bytes) -> bytes:
    """Link type 9, with address and control field."""
    return b"\xff\x03" + (b"\x00\x57" if packet[0] >> 4 == 6 else b"\x00\x21") + packet


def raw(packet: bytes) -> bytes:
    """Link type 101: the IP packet alone."""
    return packet


# -- files ---------------------------------------------------------------------------------------------------------


def frames_of(
    segments: Iterable[Segment],
    *,
    network: Callable[[Segment], bytes] = ipv4,
    link: Callable[[bytes], bytes] = ethernet,
    snap: int = 1 << 18,
) -> list[Frame]:
    """Return segments as frames; ``snap`` is the snap length."""
    found = []
    for segment in segments:
        data = link(network(segment))
        found.append(Frame(segment.time, data[:snap], len(data)))
    return found


def pcap(frames: Iterable[Frame], *, order: str = "<", nano: bool = False, link: int = 1) -> bytes:
    """A pcap file."""
    unit = 1_000_000_000 if nano else 1_000_000
    head = Struct(f"{order}IHHiIII").pack(0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, link)
    record = Struct(f"{order}IIII")
    parts = [head]
    for frame in frames:
        ticks = round(frame.time * unit)
        parts += [record.pack(ticks // unit, ticks % unit, len(frame.data), frame.length), frame.data]
    return b"".join(parts)


def block(kind: int, body: bytes, *, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    size = Struct(f"{order}I").pack(12 + len(body))
    return Struct(f"{order}I").pack(kind) + size + body + size


def pcapng(
    frames: Iterable[Frame], *, order: str = "<", resolution: int | None = None, link: int = 1, simple: bool = False
) -> bytes:
    """A pcapng file; ``resolution`` is the value of if_tsresol, ``simple`` uses packet blocks without a time."""
    pack = lambda form, *values: Struct(order + form).pack(*values)  # noqa: E731 - the order is the same everywhere
    options = b"" if resolution is None else pack("HHB3xHH", 9, 1, resolution, 0, 0)
    parts = [
        block(0x0A0D0D0A, pack("IHHq", 0x1A2B3C4D, 1, 0, -1), order=order),
        block(1, pack("HHI", link, 0, 0) + options, order=order),
    ]
    if resolution is None:
        unit: float = 1e6
    else:
        unit = 2.0 ** (resolution & 0x7F) if resolution & 0x80 else 10.0**resolution
    for frame in frames:
        if simple:
            parts.append(block(3, pack("I", frame.length) + frame.data, order=order))
            continue
        ticks = round(frame.time * unit)
        head = pack("IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame.data), frame.length)
        parts.append(block(6, head + frame.data, order=order))
    return b"".join(parts)


# -- checking ------------------------------------------------------------------------------------------------------


def judge(capture: bytes | Iterable[Segment], **watchers: Any) -> CaptureResult:
    """Return the result of `check_capture` for a file, or for segments in an Ethernet pcap."""
    data = capture if isinstance(capture, bytes) else pcap(frames_of(capture))
    damage: list[tuple[int, str]] = []
    source = Source(io.BytesIO(data), "made.pcap", lambda frame, text: damage.append((frame, text)))
    result = check_capture(source, **watchers)
    return result._replace(notes=damage + result.notes)


def facts(result: CaptureResult) -> dict[str, Any]:
    """Return the content of a report except frames and times."""
    return {
        "sessions": [session.as_dict() for session in result.sessions],
        "findings": [
            (each.rule, each.verdict, each.fault, each.summary, each.state, each.event, each.allowed)
            for each in result.findings
        ],
        "error": result.error,
    }
