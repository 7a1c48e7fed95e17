"""Deliberately damaged captures: truncated, with flipped bytes, with wrong lengths."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FAULTY = ROOT / "samples" / "connected-after-idle.pcap"
#: Contents of some frames of the faulty sample.
EVENTS, INFO, DROP, LATE = 32, 35, 47, 58
#: Offsets in a DCE/RPC request, in bytes from its start.
FRAG_LENGTH, AUTH_LENGTH, CONTEXT, OPNUM, STUB = 8, 10, 20, 22, 24
#: Offsets in the stub of ClientRequest and RemoteSPEventProc after the context handle.
MAX_COUNT, FIRST, COUNT, BUFFER = STUB + 20, STUB + 24, STUB + 28, STUB + 32


class Record(NamedTuple):
    """A frame of a pcap file: its header and its bytes."""

    head: bytes
    data: bytes

    def __bytes__(self) -> bytes:
        seconds, fraction, _, length = struct.unpack("<IIII", self.head)
        return struct.pack("<IIII", seconds, fraction, len(self.data), length) + self.data

    @property
    def payload(self) -> int:
        """Return the start of the TCP payload."""
        ip = 14
        tcp = ip + (self.data[ip] & 15) * 4
        return tcp + (self.data[tcp + 12] >> 4) * 4


def records(capture: bytes) -> list[Record]:
    """The frames of a little-endian pcap file."""
    found = []
    place = 24
    while place < len(capture):
        size = struct.unpack_from("<I", capture, place + 8)[0]
        found.append(Record(capture[place : place + 16], capture[place + 16 : place + 16 + size]))
        place += 16 + size
    return found


def joined(capture: bytes, frames: list[Record]) -> bytes:
    """A pcap file with other frames."""
    return capture[:24] + b"".join(map(bytes, frames))


def patched(capture: bytes, frame: int, at: int, new: bytes) -> bytes:
    """Return a pcap file with some bytes of a frame's payload replaced."""
    frames = records(capture)
    record = frames[frame - 1]
    place = record.payload + at
    data = record.data[:place] + new + record.data[place + len(new) :]
    frames[frame - 1] = record._replace(data=data[: len(record.data)])
    return joined(capture, frames)
