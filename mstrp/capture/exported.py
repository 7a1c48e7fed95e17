"""Exported PDUs (link type 252): tags with addresses and ports, then the payload of a TCP connection or an IP packet."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["EXPORTED_PDU", "IP_NAMES", "Exported", "exported"]

EXPORTED_PDU: Final = 252
#: Names of payloads that are IP packets.
IP_NAMES: Final = frozenset((b"ip", b"ipv4", b"ipv6"))
_NAMES: Final = {12, 13, 14}
_SOURCES: Final = {20: 4, 22: 16}
_TARGETS: Final = {21: 4, 23: 16}
_SOURCE_PORT, _TARGET_PORT, _TCP_INFO = 25, 26, 34


class Exported(NamedTuple):
    """The tags of an exported PDU, and where its payload begins."""

    name: bytes
    source: bytes
    target: bytes
    ports: bytes
    #: The sequence number of the payload, -1 if it is not known.
    sequence: int
    start: int


def exported(data: bytes, start: int, end: int) -> Exported | None:
    """Return the tags of an exported PDU; None if they do not end inside the frame."""
    name = source = target = b""
    ports = [b"\0\0", b"\0\0"]
    sequence = -1
    position = start
    while position + 4 <= end:
        tag, size = data[position] << 8 | data[position + 1], data[position + 2] << 8 | data[position + 3]
        position += 4
        content = data[position : min(position + size, end)]
        if not tag:
            return Exported(name, source, target, b"".join(ports), sequence, position)
        if tag in _NAMES:
            name = content.rstrip(b"\0")
        elif _SOURCES.get(tag) == size:
            source = content
        elif _TARGETS.get(tag) == size:
            target = content
        elif tag in (_SOURCE_PORT, _TARGET_PORT) and size == 4:
            ports[tag - _SOURCE_PORT] = content[2:]
        elif tag == _TCP_INFO and len(content) >= 6:
            sequence = int.from_bytes(content[2:6], "big")
        position += size
    return None
