"""Record live connections as a capture: the transferred bytes, with generated frame headers."""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING, BinaryIO

from mstrp.generate.wire import Connection, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Recorder"]


class Recorder(Wire):
    """A capture file for live connections; its clock is the real one.

    One side of a conversation is sufficient: the data it sends and receives, in its order.
    """

    def __init__(self, stream: BinaryIO, *, pcapng: bool = False) -> None:
        super().__init__(stream, start=time.time(), acknowledge=False, step=0.0, pcapng=pcapng)
        self._begun = time.monotonic()

    def frame(self, packet: bytes) -> None:
        if not self.stream.closed:
            self.now = time.monotonic() - self._begun
            super().frame(packet)

    def open(self, client: tuple[str, int], server: tuple[str, int]) -> Recording:
        """Record a new connection."""
        return Recording(self.connect(_plain(client), _plain(server)))


class Recording:
    """One connection being recorded."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open = True
        #: Called with the side (0: the one that opened the connection) and the bytes.
        self.send: Callable[[int, bytes], None] = self._send

    def _send(self, side: int, data: bytes) -> None:
        if self._open and data:
            self._connection.send(side, data)

    def close(self) -> None:
        """Record the end of the connection."""
        if self._open:
            self._open = False
            self._connection.close()


def _plain(end: tuple[str, int]) -> tuple[str, int]:
    """Return an endpoint as an IPv4 address, the only type in the written frames."""
    address = ipaddress.ip_address(end[0])
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        host = str(mapped) if mapped is not None else "127.0.0.1" if address.is_loopback else "192.0.2.1"
        return host, end[1]
    return end[0], end[1]
