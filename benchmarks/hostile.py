"""Measure CPU time and memory of ``mstrp check`` per byte of hostile captures, above those of an empty capture.

    python benchmarks/hostile.py [--bytes 2000000] [--only NAME]

Each capture contains the most expensive data of its kind. Compressed captures count with their decompressed bytes. The
goal is 1 µs and 16 bytes per byte; the exit status is 1 if a capture exceeds it.
``tests/protocol/test_hostile_captures.py`` counts the work for the same captures.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from struct import Struct, pack
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from protocol.ndr import (
    BY_INTERFACE,
    REMOTESP,
    TAPSRV,
    ClientAttach,
    ClientRequest,
    RemoteSPAttach,
)
from protocol.rpc.ntlm import NegotiateFlag
from protocol.rpc.pdu import NDR20, Auth, Bind, BindAck, CallBody, Context, Kind, Outcome, Syntax, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["KINDS", "PASSWORD", "Hostile", "pcap", "tcp"]

PASSWORD = "Passw0rd!"
FIN, SYN, ACK = 0x01, 0x02, 0x10
_HEADER = pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
_RECORD = Struct("<IIII").pack
_IP = Struct(">BBHHHBBH4s4s").pack
_TCP = Struct(">HHIIBBHHH").pack
_MACS = bytes(12)
CLIENT, SERVER = bytes([10, 0, 0, 2]), bytes([10, 0, 0, 1])


# -- frames ------------------------------------------------------------------------------------------------------------


def ip(payload: bytes, source: bytes = CLIENT, target: bytes = SERVER, *, fragment: int = 0, number: int = 0) -> bytes:
    """An Ethernet frame with an IPv4 packet."""
    head = _IP(0x45, 0, 20 + len(payload), number & 0xFFFF, fragment, 64, 6, 0, source, target)
    return _MACS + b"\x08\x00" + head + payload


def tcp(
    data: bytes,
    sequence: int,
    port: int = 40_000,
    *,
    ack: int = 0,
    flags: int = ACK,
    back: bool = False,
    to: int = 5150,
) -> bytes:
    """A frame with a segment from the client, or back to it."""
    ends = (to, port) if back else (port, to)
    head = _TCP(*ends, sequence & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 64_000, 0, 0)
    return ip(head + data, SERVER if back else CLIENT, CLIENT if back else SERVER)


def pcap(frames: Iterator[bytes], size: int) -> bytes:
    """A pcap file of the frames that fit into a size."""
    found = [_HEADER]
    total = len(_HEADER)
    for number, frame in enumerate(frames):
        record = _RECORD(1_700_000_000, min(number, 999_999), len(frame), len(frame)) + frame
        found.append(record)
        total += len(record)
        if total >= size:
            break
    return b"".join(found)


def stream(pieces: Iterator[bytes], port: int = 40_000, *, to: int = 5150, mss: int = 60_000) -> Iterator[bytes]:
    """The frames of a client's byte stream, in segments as large as they may be."""
    yield tcp(b"", 999, port, flags=SYN, to=to)
    yield tcp(b"", 1999, port, ack=1000, flags=SYN | ACK, back=True, to=to)
    sequence, kept = 1000, b""
    for piece in pieces:
        kept += piece
        while len(kept) >= mss:
            yield tcp(kept[:mss], sequence, port, ack=2000, to=to)
            sequence += mss
            kept = kept[mss:]


def both(pieces: Iterator[tuple[bool, bytes]], port: int = 40_000, *, to: int = 5150) -> Iterator[bytes]:
    """The frames of a connection; pieces of the server are True."""
    next_ = [1000, 2000]
    yield tcp(b"", 999, port, flags=SYN, to=to)
    yield tcp(b"", 1999, port, ack=1000, flags=SYN | ACK, back=True, to=to)
    for back, data in pieces:
        yield tcp(data, next_[back], port, ack=next_[not back], back=back, to=to)
        next_[back] += len(data)


# -- PDUs --------------------------------------------------------------------------------------------------------------


def bind(interface: UUID = TAPSRV.uuid, context: int = 0, auth: Auth | None = None, call_id: int = 1) -> bytes:
    offer = Bind(5840, 5840, 0, (Context(context, Syntax(interface, 1), (NDR20,)),))
    return encode(Kind.BIND, call_id, offer, auth=auth)


def bound(auth: Auth | None = None, call_id: int = 1) -> bytes:
    return encode(Kind.BIND_ACK, call_id, BindAck(5840, 5840, 1, "5150", (Outcome(0, 0, NDR20),)), auth=auth)


def request(call_id: int, stub: bytes, opnum: int = 1, context: int = 0, flags: int = 3) -> bytes:
    return encode(Kind.REQUEST, call_id, CallBody(len(stub), context, opnum, stub), flags=flags)


def response(call_id: int, stub: bytes = b"", flags: int = 3) -> bytes:
    return encode(Kind.RESPONSE, call_id, CallBody(len(stub), 0, 0, stub), flags=flags)


def handle(number: int) -> bytes:
    return bytes(4) + number.to_bytes(16, "little")


ATTACH, REQUEST, *_ = (BY_INTERFACE[TAPSRV.uuid][opnum] for opnum in (0, 1))
REMOTE_ATTACH = BY_INTERFACE[REMOTESP.uuid][0]


def client_request(number: int, words: bytes = bytes(60)) -> bytes:
    """The stub of a ClientRequest with its own context handle."""
    return REQUEST.write(ClientRequest(handle(number), words, len(words)))


def attach(machine: str = "") -> bytes:
    """The stub of a ClientAttach."""
    return ATTACH.write(ClientAttach(-1, "", machine))


def attached(number: int) -> bytes:
    """The stub of the response."""
    return handle(number) + bytes(4) + bytes(4)


# -- kinds: files ------------------------------------------------------------------------------------------------------


def zstd_bomb(size: int) -> bytes:
    """Return a Zstandard frame of blocks that repeat one byte for 128 kB each, after a pcap header."""
    record = pcap(iter([tcp(b"", 1)]), 0)
    head = b"\x28\xb5\x2f\xfd\x00\x58"
    blocks = [(len(record) << 3).to_bytes(3, "little") + record]
    blocks += [(1 << 17 << 3 | 2).to_bytes(3, "little") + b"\0"] * (size >> 17)
    return head + b"".join(blocks) + (1).to_bytes(3, "little")


def gzip_bomb(size: int) -> bytes:
    """Return zeros after a pcap header."""
    return gzip.compress(pcap(iter([tcp(b"", 1)]), 0) + bytes(size))


def gzip_members(size: int) -> bytes:
    """Return a capture in which every byte is a gzip member."""
    block = pack("<II", 0x80, 1 << 20) + bytes(size)
    data = pcapng_head() + block
    return b"".join(gzip.compress(data[at : at + 1], mtime=0) for at in range(size // 21))


def pcapng_head() -> bytes:
    return pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)


def pcapng_sections(size: int) -> bytes:
    return pcapng_head() * (size // 28)


def pcapng_interfaces(size: int) -> bytes:
    return pcapng_head() + pack("<IIHHII", 1, 20, 1, 0, 0, 20) * (size // 20)


def pcapng_options(size: int) -> bytes:
    """Interface descriptions of 64 kB of empty options."""
    options = pack("<HH", 2, 0) * 16_000
    total = 20 + len(options)
    return pcapng_head() + (pack("<IIHHI", 1, total, 1, 0, 0) + options + pack("<I", total)) * (size // total + 1)


def pcapng_damage(size: int) -> bytes:
    """Return blocks that appear to start everywhere and end nowhere."""
    return pcapng_head() + pack("<II", 6, 7) + pack("<II", 6, 262_000) * (size // 8)


def pcap_damage(size: int) -> bytes:
    """Return records that are too long, followed by zeros."""
    return _HEADER + _RECORD(1, 1, 1 << 24, 1 << 24) + bytes(size)


def pcap_candidates(size: int) -> bytes:
    """Return records that appear to start everywhere without a following one."""
    return _HEADER + _RECORD(1, 1, 1 << 24, 1 << 24) + _RECORD(1, 1, 262_100, 262_100) * (size // 16)


def long_line(size: int) -> bytes:
    """A line of packets that is a list of lists."""
    return b'{"a":[' + b"[]," * (min(size, 1 << 20) // 3) + b"[]]}\n"


def lines_of_sessions(size: int) -> bytes:
    """Return packets with a new session each."""
    text = '{"frame":1,"time":0,"session":"%06d","method":"x","phase":"gap"}\n'
    return "".join(text % number for number in range(size // len(text))).encode()


def lines_of_requests(size: int) -> bytes:
    """Requests without responses."""
    text = '{"frame":1,"time":0,"session":"s1","method":"ClientRequest","phase":"request","call":%d,"capacity":60,"bytes":"'
    tail = "00" * 60 + '"}\n'
    return "".join(text % number + tail for number in range(size // (len(text) + len(tail)))).encode()


# -- kinds: frames and segments ----------------------------------------------------------------------------------------


def ip_fragments(size: int) -> bytes:
    """Packets in fragments of eight bytes, of which the first one is missing."""

    def frames() -> Iterator[bytes]:
        for number in count():
            yield ip(bytes(8), fragment=8190, number=number)
            for place in range(1, 8190):
                yield ip(bytes(8), fragment=0x2000 | place, number=number)

    return pcap(frames(), size)


def ip_overlaps(size: int) -> bytes:
    """Fragments of 1,400 bytes that overlap all but eight bytes of each other, the last one first."""

    def frames() -> Iterator[bytes]:
        for number in count():
            yield ip(bytes(8), fragment=8190, number=number)
            for place in range(8000, 0, -1):
                yield ip(bytes(1400), fragment=0x2000 | place, number=number)

    return pcap(frames(), size)


def ip_beginnings(size: int) -> bytes:
    """Return first fragments with a new packet each."""
    return pcap((ip(bytes(8), CLIENT, pack(">I", n >> 16), fragment=0x2001, number=n) for n in count()), size)


def vlan_tags(size: int) -> bytes:
    """Return frames that consist of VLAN tags."""
    return pcap((bytes(12) + b"\x81\x00\0\1" * 60_000 for _ in count()), size)


def ipv6_headers(size: int) -> bytes:
    """Return IPv6 packets that consist of extension headers."""
    head = bytes([0x60, 0, 0, 0, 0, 0, 60, 64]) + bytes(32)
    return pcap((_MACS + b"\x86\xdd" + head + bytes([60, 0, 0, 0, 0, 0, 0, 0]) * 30_000 for _ in count()), size)


def connections(size: int) -> bytes:
    """Return segments that open a new connection each."""

    def frames() -> Iterator[bytes]:
        for number in count():
            yield ip(_TCP(number & 0xFFFF, 80, 1, 0, 0x50, SYN, 0, 0, 0), pack(">I", 0x0B000000 + (number >> 16)))

    return pcap(frames(), size)


def recognised(size: int) -> bytes:
    """Return connections with only a bind."""

    def frames() -> Iterator[bytes]:
        data = encode(Kind.ORPHANED, 1, b"")
        for number in count():
            head = _TCP(number & 0xFFFF, 80, 1, 0, 0x50, ACK, 0, 0, 0)
            yield ip(head + data, pack(">I", 0x0B000000 + (number >> 16)))

    return pcap(frames(), size)


def disordered(size: int) -> bytes:
    """Every second byte of a stream, then the rest in order."""

    def frames() -> Iterator[bytes]:
        yield tcp(b"", 999, flags=SYN)
        for round_ in count():
            base = 1000 + 8000 * round_
            for place in range(4000):
                yield tcp(b"\5", base + 2 * place + 1)
            for place in range(4000):
                yield tcp(b"\5", base + 2 * place)

    return pcap(frames(), size)


def holes(size: int) -> bytes:
    """Return every second byte of streams, without the rest."""

    def frames() -> Iterator[bytes]:
        yield tcp(bind(), 1000)
        for place in count():
            yield tcp(b"\5", 2001 + 2 * place)

    return pcap(frames(), size)


def far_ahead(size: int) -> bytes:
    """Return segments after a gap, while the stream before the gap continues byte by byte."""

    def frames() -> Iterator[bytes]:
        yield tcp(bind(), 1000)
        start = 1000 + len(bind())
        for place in range(4000):
            yield tcp(b"\5", start + 100_000_000 + 2 * place)
        for place in count():
            yield tcp(b"\5", start + place)

    return pcap(frames(), size)


def overlaps(size: int) -> bytes:
    """Segments that overlap all but one byte of each other, backwards."""

    def frames() -> Iterator[bytes]:
        yield tcp(bind(), 1000)
        for round_ in count():
            for place in range(4000, 0, -1):
                yield tcp(bytes(100), 2000 + 8000 * round_ + place)
            yield tcp(bytes(1), 2000 + 8000 * round_)

    return pcap(frames(), size)


def acknowledged_ahead(size: int) -> bytes:
    """Return segments of both directions that acknowledge unsent bytes of the other."""

    def frames() -> Iterator[bytes]:
        yield tcp(bind(), 1000, ack=2000)
        yield tcp(bound(), 2000, ack=1000 + len(bind()), back=True)
        here, there = 1000 + len(bind()), 2000 + len(bound())
        for place in count():
            yield tcp(b"\5", here + place, ack=there + 2 + 3 * place)
            yield tcp(b"\5", there + 3 * place + 1, ack=here + 2 + place, back=True)

    return pcap(frames(), size)


def single_bytes(size: int) -> bytes:
    """A PDU of 65,535 bytes, byte by byte."""
    pdu = bytearray(request(1, bytes(65_000)))
    return pcap(
        stream(iter([bind(), *(bytes([each]) for each in bytes(pdu) * (size // 60_000 // 60 + 1))]), mss=1), size
    )


# -- kinds: RPC --------------------------------------------------------------------------------------------------------


def _association(pdus: Iterator[bytes]) -> Iterator[bytes]:
    """A client's stream of PDUs with a bind before it."""

    def pieces() -> Iterator[bytes]:
        yield bind()
        yield from pdus

    return stream(pieces())


def call_ids(size: int) -> bytes:
    """Return requests without responses."""
    return pcap(_association(request(n, b"") for n in count(2)), size)


def same_call_id(size: int) -> bytes:
    """Return requests with one id for many, without responses."""
    return pcap(_association(request(n % 4000, b"", opnum=9) for n in count(2)), size)


def unknown_answers(size: int) -> bytes:
    """Return responses without requests, while thousands of requests are pending."""

    def pieces() -> Iterator[tuple[bool, bytes]]:
        yield False, bind()
        yield True, bound()
        for n in range(2, 4000, 400):
            yield False, b"".join(request(n + m, b"", opnum=3) for m in range(400))
        while True:
            yield True, response(0xFFFFFF) * 1000

    return pcap(both(pieces()), size)


def renumbered(size: int) -> bytes:
    """Responses, then requests with their ids."""

    def pieces() -> Iterator[tuple[bool, bytes]]:
        yield False, bind()
        yield True, bound()
        for n in range(2, 4000, 400):
            yield False, b"".join(request(n + m, b"", opnum=3) for m in range(400))
        for n in count(10_000, 20):
            yield True, b"".join(response(n + m) for m in range(20))
            yield False, b"".join(request(n + m, b"", opnum=3) for m in range(20))

    return pcap(both(pieces()), size)


def unbound(size: int) -> bytes:
    """Return requests in unbound contexts, after binds that propose thousands of others."""

    def pdus() -> Iterator[bytes]:
        for n in range(16):
            offers = tuple(Context(n * 255 + m, Syntax(UUID(int=m), 1), (NDR20,)) for m in range(255))
            yield encode(Kind.BIND, n, Bind(5840, 5840, 0, offers))
        for n in count():
            yield request(n, b"", context=0xFFFF)

    return pcap(stream(pdus()), size)


def contexts(size: int) -> bytes:
    """Return accepted contexts with a new interface each."""

    def pieces() -> Iterator[tuple[bool, bytes]]:
        for n in count():
            offers = tuple(
                Context((n * 255 + m) & 0xFFFF, Syntax(UUID(int=n * 255 + m), 1), (NDR20,)) for m in range(255)
            )
            yield False, encode(Kind.ALTER_CONTEXT if n else Kind.BIND, n, Bind(5840, 5840, 0, offers))
            yield True, encode(Kind.BIND_ACK, n, BindAck(5840, 5840, 1, "", (Outcome(0, 0, NDR20),) * 255))

    return pcap(both(pieces()), size)


def fragments(size: int) -> bytes:
    """Return requests with endless fragments of one byte."""
    return pcap(_association(request(n & 0xFFF, b"\0", flags=1 if n < 4096 else 0) for n in count()), size)


def fragments_and_damage(size: int) -> bytes:
    """Return thousands of incomplete responses, then repeated damage in the requests."""

    def pieces() -> Iterator[tuple[bool, bytes]]:
        yield False, bind()
        yield True, bound()
        for n in range(10):
            yield True, b"".join(response(400 * n + m, b"\0", flags=1) for m in range(400))
        while True:
            yield False, (b"\xff" + encode(Kind.ORPHANED, 1, b"") * 2) * 1000

    return pcap(both(pieces()), size)


def almost_headers(size: int) -> bytes:
    """Return bytes that look like the start of a header at every position."""

    def pieces() -> Iterator[bytes]:
        yield bind()
        while True:
            yield b"\xff" + b"\5\0" * 20_000

    return pcap(stream(pieces()), size)


def huge_counts(size: int) -> bytes:
    """NDR arrays of 4,294,967,295 elements."""
    stub = handle(1) + b"\xff" * 24
    return pcap(_association(request(n, stub) for n in count(2)), size)


# -- kinds: sessions ---------------------------------------------------------------------------------------------------


def context_handles(size: int) -> bytes:
    """Return requests with a new context handle each."""
    return pcap(_association(request(n, client_request(n)) for n in count(2)), size)


def attaching(size: int) -> bytes:
    """Return ClientAttach requests without responses."""
    stub = attach('x"ncacn_ip_tcp"251"')
    return pcap(_association(request(n, stub, opnum=0) for n in count(2)), size)


def attached_sessions(size: int) -> bytes:
    """Return ClientAttach with responses, all with the same endpoint."""

    def pieces() -> Iterator[tuple[bool, bytes]]:
        stub = attach('x"ncacn_ip_tcp"40001"')
        yield False, bind()
        yield True, bound()
        for n in count(2, 100):
            yield False, b"".join(request(n + m, stub, opnum=0) for m in range(100))
            yield True, b"".join(response(n + m, attached(n + m)) for m in range(100))

    return pcap(both(pieces()), size)


def event_channels(size: int) -> bytes:
    """Event channels that may belong to any of thousands of sessions."""

    def frames() -> Iterator[bytes]:
        def sessions() -> Iterator[bytes]:
            yield bind()
            for n in range(2, 2000):
                yield request(n, attach('x"ncacn_ip_tcp"6000"'), opnum=0)

        yield from stream(sessions(), mss=4000)
        remote = bind(REMOTESP.uuid)
        asked = REMOTE_ATTACH.write(RemoteSPAttach(1), "request") if False else bytes(8)
        for n in count():
            port = 20_000 + n % 40_000
            yield from _channel(port, remote + request(2, asked, opnum=0))

    return pcap(frames(), size)


def _channel(port: int, data: bytes) -> Iterator[bytes]:
    head = _TCP(port, 6000, 1000, 0, 0x50, ACK, 0, 0, 0)
    yield ip(head + data, SERVER, CLIENT)


def doubted_sessions(size: int) -> bytes:
    """Return thousands of sessions on a connection with repeated damage."""

    def pdus() -> Iterator[bytes]:
        for n in range(2, max(3, size // 600)):
            yield request(n, client_request(n))
        while True:
            yield (b"\xff" + encode(Kind.ORPHANED, 1, b"") * 2) * 1000

    return pcap(_association(pdus()), size)


def endpoints(size: int) -> bytes:
    """Return a ClientAttach with thousands of endpoints."""

    def pdus() -> Iterator[bytes]:
        for n in count(2):
            stub = attach("".join(f'"{m:x}"' for m in range(n * 6000, n * 6000 + 6000)))
            yield from (
                request(n, stub[at : at + 60_000], opnum=0, flags=(not at) | (at + 60_000 >= len(stub)) << 1)
                for at in range(0, len(stub), 60_000)
            )

    return pcap(_association(pdus()), size)


# -- kinds: authentication ---------------------------------------------------------------------------------------------


def _ntlm(private: bool, exchange: bool = True) -> list[tuple[bool, bytes]]:
    """An anonymous NTLM exchange."""
    flags = NegotiateFlag.UNICODE | NegotiateFlag.EXTENDED_SESSIONSECURITY | NegotiateFlag.BITS_128 | NegotiateFlag.SEAL
    flags |= NegotiateFlag.KEY_EXCH if exchange else 0
    level = 6 if private else 5
    challenge = pack("<8sIHHII8s16x", b"NTLMSSP\0", 2, 0, 0, 0, flags, bytes(8))
    empty = pack("<HHI", 0, 0, 88)
    key = pack("<HHI", 16, 16, 88)
    answer = pack("<8sI", b"NTLMSSP\0", 3) + empty * 5 + key + pack("<I", flags) + bytes(24) + bytes(16)
    return [
        (False, bind(auth=Auth(10, level, 0, 1, b"NTLMSSP\0\1\0\0\0" + bytes(24)))),
        (True, bound(auth=Auth(10, level, 0, 1, challenge))),
        (False, encode(Kind.AUTH3, 1, b"    ", auth=Auth(10, level, 0, 1, answer))),
    ]


def _signatures(private: bool) -> Callable[[int], bytes]:
    def capture(size: int) -> bytes:
        def pieces() -> Iterator[tuple[bool, bytes]]:
            yield from _ntlm(private)
            for n in count(2, 100):
                yield False, b"".join(signed_request(n + m, 6 if private else 5) for m in range(100))

        return pcap(both(pieces()), size)

    return capture


def signed_request(number: int, level: int) -> bytes:
    token = b"\1\0\0\0" + bytes(8) + (2 * number).to_bytes(4, "little")
    return encode(Kind.REQUEST, number, CallBody(0, 0, 1, bytes(16)), auth=Auth(10, level, 0, 1, token))


def signed_connections(size: int) -> bytes:
    """Return connections with an NTLM exchange and one PDU with an invalid signature."""

    def frames() -> Iterator[bytes]:
        for number in count():
            yield from both(iter([*_ntlm(True), (False, signed_request(2, 6))]), 1024 + number % 60_000)

    return pcap(frames(), size)


# -- kinds: named pipes ------------------------------------------------------------------------------------------------

_SMB = Struct("<4sHHIHHIIQIIQ16s").pack


def smb(command: int, number: int, body: bytes, *, answer: bool = False, tree: int = 7, following: int = 0) -> bytes:
    return _SMB(b"\xfeSMB", 64, 1, 0, command, 1, answer, following, number, 0, tree, 1, bytes(16)) + body


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


def smb_bytes(size: int) -> bytes:
    """Compound messages of 1 MB, byte by byte."""
    message = framed(smb(5, 1, bytes(60_000 * 16), following=64))
    return pcap(
        stream(iter([framed(smb(3, 1, bytes(8))), *(message[at : at + 1] for at in range(size // 70))]), to=445, mss=1),
        size,
    )


def smb_compounds(size: int) -> bytes:
    """Compound messages of commands without a body."""
    message = framed(smb(9, 1, b"", following=64) * 900)
    return pcap(stream((message for _ in count()), to=445), size)


def smb_creates(size: int) -> bytes:
    """Return requests to open pipes, without responses."""
    return pcap(stream((framed(smb(5, n, b"")) for n in count()), to=445), size)


def _pipes(number: int) -> Iterator[tuple[bool, bytes]]:
    for n in range(number):
        file = (n + 1).to_bytes(16, "little")
        yield False, framed(smb(5, n, bytes(56)))
        yield True, framed(smb(5, n, bytes(64) + file + bytes(8), answer=True))
        data = bind()
        body = Struct("<HHIQ16sIIHHI").pack(49, 112, len(data), 0, file, 0, 0, 0, 0, 0) + data
        yield False, framed(smb(9, 10_000 + n, body))


def smb_logoffs(size: int) -> bytes:
    """Return repeated tree disconnects, while pipes of other trees are open."""

    def pieces() -> Iterator[tuple[bool, bytes]]:
        yield from _pipes(1000)
        while True:
            yield True, framed(smb(4, 1, bytes(4), answer=True, tree=9)) * 500

    return pcap(both(pieces(), to=445), size)


def smb_damage(size: int) -> bytes:
    """Return a thousand open pipes on a connection with repeated damage."""

    def pieces() -> Iterator[tuple[bool, bytes]]:
        yield from _pipes(min(1000, size // 1200))
        while True:
            yield False, (bytes(10) + b"\xff" * 8 + framed(smb(1, 1, b""))) * 500

    return pcap(both(pieces(), to=445), size)


def smb_names(size: int) -> bytes:
    """Return a pipe with a long unprintable name, and repeated damage in it."""

    def pieces() -> Iterator[tuple[bool, bytes]]:
        name = "\x01".encode("utf-16-le") * 3_000
        file = (1).to_bytes(16, "little")
        body = bytes(44) + pack("<HH", 64 + 56, len(name)) + bytes(8) + name
        yield False, framed(smb(5, 1, body))
        yield True, framed(smb(5, 1, bytes(64) + file + bytes(8), answer=True))
        data = bind() + (b"\xff" + encode(Kind.ORPHANED, 1, b"") * 2) * 1000
        while True:
            body = Struct("<HHIQ16sIIHHI").pack(49, 112, len(data), 0, file, 0, 0, 0, 0, 0) + data
            yield False, framed(smb(9, 1, body))

    return pcap(both(pieces(), to=445), size)


class Hostile(NamedTuple):
    """A kind of hostile capture: its generator, and the options of its check."""

    write: Callable[[int], bytes]
    options: tuple[str, ...] = ()
    #: Whether its decompressed bytes count.
    compressed: bool = False


#: Data kept up to a limit is not a cost per byte: it is measured with low limits.
_FEW_SESSIONS = tuple(f"--limit={name}=100" for name in ("sessions", "listed-sessions", "calls"))
_SECRET = ("--nt-password", PASSWORD)
KINDS: dict[str, Hostile] = {
    "zstd bomb": Hostile(zstd_bomb, compressed=True),
    "gzip bomb": Hostile(gzip_bomb, compressed=True),
    "gzip members of one byte": Hostile(gzip_members),
    "pcapng sections": Hostile(pcapng_sections),
    "pcapng interfaces": Hostile(pcapng_interfaces),
    "pcapng options": Hostile(pcapng_options),
    "pcapng damage": Hostile(pcapng_damage),
    "pcap damage": Hostile(pcap_damage),
    "pcap damage, records everywhere": Hostile(pcap_candidates),
    "JSON lines: one long line": Hostile(long_line),
    "JSON lines: sessions": Hostile(lines_of_sessions, _FEW_SESSIONS),
    "JSON lines: requests": Hostile(lines_of_requests, _FEW_SESSIONS),
    "IP fragments": Hostile(ip_fragments),
    "IP fragments, overlapping": Hostile(ip_overlaps),
    "IP fragments of ever new packets": Hostile(ip_beginnings),
    "VLAN tags": Hostile(vlan_tags),
    "IPv6 extension headers": Hostile(ipv6_headers),
    "TCP connections": Hostile(connections, ("--limit=streams=512",)),
    "recognised connections": Hostile(recognised, ("--limit=streams=512",)),
    "TCP segments out of order": Hostile(disordered),
    "TCP holes": Hostile(holes),
    "TCP segments far ahead": Hostile(far_ahead),
    "TCP overlaps": Hostile(overlaps),
    "TCP acknowledgements ahead": Hostile(acknowledged_ahead),
    "PDUs byte by byte": Hostile(single_bytes),
    "RPC call ids": Hostile(call_ids),
    "RPC call ids, repeated": Hostile(same_call_id),
    "RPC responses without request": Hostile(unknown_answers),
    "RPC responses before requests": Hostile(renumbered),
    "RPC contexts not bound": Hostile(unbound),
    "RPC contexts": Hostile(contexts),
    "RPC fragments": Hostile(fragments),
    "RPC fragments, damage": Hostile(fragments_and_damage),
    "RPC headers everywhere": Hostile(almost_headers),
    "NDR arrays with huge counts": Hostile(huge_counts),
    "context handles": Hostile(context_handles, _FEW_SESSIONS),
    "ClientAttach without response": Hostile(attaching, _FEW_SESSIONS),
    "ClientAttach": Hostile(attached_sessions, _FEW_SESSIONS),
    "endpoints": Hostile(endpoints),
    "event channels": Hostile(event_channels, _FEW_SESSIONS),
    "sessions, damage": Hostile(doubted_sessions, _FEW_SESSIONS),
    "NTLM signatures, sealed": Hostile(_signatures(True), _SECRET),
    "NTLM signatures, signed": Hostile(_signatures(False), _SECRET),
    "NTLM exchanges": Hostile(signed_connections, _SECRET),
    "SMB byte by byte": Hostile(smb_bytes),
    "SMB compounds": Hostile(smb_compounds),
    "SMB pipes not opened": Hostile(smb_creates),
    "SMB trees disconnected": Hostile(smb_logoffs),
    "SMB pipes, damage": Hostile(smb_damage),
    "SMB pipe with a long name": Hostile(smb_names),
}

_PROGRAM = """
import resource, sys
from mstrp.cli import main
main(["check", "--format", "json", *sys.argv[1:]])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, file=sys.stderr)
"""


def spent(place: Path, options: tuple[str, ...], timeout: float = 30.0) -> tuple[float, int]:
    """Return CPU seconds and the maximum resident size of a check."""
    command = [sys.executable, "-c", _PROGRAM, *options, str(place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=True, env=dict(os.environ))
    seconds, size = done.stderr.splitlines()[-1].split()
    return float(seconds), int(size)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bytes", type=int, default=2_000_000)
    parser.add_argument("--only", default="", help="kinds whose name contains this")
    options = parser.parse_args()
    dear = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "hostile.pcap")
        place.write_bytes(pcap(iter([tcp(b"", 1)]), 0))
        base = {arguments: spent(place, arguments) for arguments in {(), _SECRET}}
        print(f"{'':36}{'bytes':>10}{'µs a byte':>12}{'B a byte':>10}")
        for name, kind in KINDS.items():
            if options.only not in name:
                continue
            data = kind.write(options.bytes)
            place.write_bytes(data)
            size = options.bytes if kind.compressed else len(data)
            seconds, memory = base.get(kind.options, base[()])
            try:
                found = spent(place, kind.options)
            except subprocess.TimeoutExpired:
                print(f"{name:36}{size:10,} more than 30 s")
                dear += 1
                continue
            time, held = (found[0] - seconds) / size * 1e6, (found[1] - memory) / size
            over = time > 1 or held > 16
            dear += over
            print(f"{name:36}{size:10,}{time:12.2f}{held:10.1f}{'  more than the goal' if over else ''}", flush=True)
    return int(dear > 0)


if __name__ == "__main__":
    raise SystemExit(main())
