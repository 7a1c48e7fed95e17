"""Assemble byte streams from TCP segments: the connections of a capture are opened, closed and removed."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Final

from mstrp.capture.connection import Connection
from mstrp.capture.reassembly import Endpoint, Half, Holes
from mstrp.capture.recognition import add_half, end, finish
from mstrp.capture.unread import LIMIT

if TYPE_CHECKING:
    from mstrp.capture.calls import CallHandler
    from mstrp.capture.hints import Setup
    from mstrp.capture.unread import UnreadFrames

__all__ = ["ACK", "Segments"]

_FIN: Final = 0x01
_SYN: Final = 0x02
_RST: Final = 0x04
ACK: Final = 0x10
_MODULUS: Final = 0xFFFFFFFF
_HALF: Final = 0x80000000
#: Number of closed connections that are remembered, so that late copies of their segments do not open new ones.
_CLOSED: Final = 4_096
#: How far after its SYN the first recorded bytes of a direction may be, if the SYN is recorded after them.
_EARLIEST: Final = 65_536


class Segments:
    """The connections of a capture, by the addresses and ports of their directions."""

    def __init__(self, handler: CallHandler, setup: Setup, unread: UnreadFrames) -> None:
        self.handler = handler
        self.unread = unread
        self.setup = setup
        self.limits = setup.limits
        self.halves: dict[bytes, Half] = {}
        #: Directions by age: those not recognized, now or at the last search for the oldest ones, and those of tracked
        #: connections.
        self._young: dict[bytes, Half] = {}
        self._followed: OrderedDict[bytes, Half] = OrderedDict()
        #: Directions with segments that wait for a missing one: while there are any, acknowledgements are significant.
        self.holes = Holes()
        #: The end of each direction of closed connections.
        self._closed: dict[bytes, int] = {}
        self.crowded = False

    def acknowledge(self, addresses: bytes, ports: bytes, ack: int, number: int, now: float) -> None:
        """Process an acknowledgement: bytes below it were received, and are lost if they were not captured.

        Also gives up bytes that have been missing for too long in any stream.
        """
        half = self.holes.halves.get(addresses + ports)
        if half is not None:
            half.acknowledged(ack, now)
            self.drain(half, number, now)
        while (half := self.holes.expire(number, now)) is not None:
            self.drain(half, number, now)

    def reorder(self, half: Half, sequence: int, ack: int, flags: int, data: bytes, number: int, now: float) -> None:
        """Add a segment that is not the next one, or while others are buffered."""
        half.segment(sequence, data, number, now, ack if flags & ACK else None)
        self.drain(half, number, now)

    def drain(self, half: Half, number: int, now: float) -> None:
        """Continue after more bytes of a stream: deliver segments that waited for them, and close complete streams."""
        peer = half.peer
        if peer is not None and peer.waiting:
            half.drain(number, now)
        if half.fin is not None:
            self._settle(half.key, number, now)
        if peer is not None and peer.fin is not None:
            self._settle(peer.key, number, now)

    def add(
        self, key: bytes, version: int, sequence: int, ack: int, flags: int, data: bytes, number: int, now: float
    ) -> None:
        """Add a segment that opens or closes a stream, is out of order, or belongs to a new stream."""
        half = self.halves.get(key)
        if flags & _SYN:
            if half is not None and half.start is None and _precedes(sequence, half):
                self._begun_late(half, sequence, flags)
            elif half is None or half.start is None or sequence != half.start:
                half = self._open(key, version, flags, number, now)
                half.start = sequence
                half.next = sequence + 1 & _MODULUS
            if data and not half.ignored:
                half.segment(sequence + 1 & _MODULUS, data, number, now)
            return
        if half is None:
            if not data or (self._closed and self._late(key, sequence, data)):
                return
            half = self._open(key, version, flags, number, now)
        if data and not half.ignored:
            self.reorder(half, sequence, ack, flags, data, number, now)
        if flags & (_FIN | _RST):
            half.fin = sequence + len(data) & _MODULUS
            self._settle(key, number, now, reset=bool(flags & _RST))

    def _begun_late(self, half: Half, sequence: int, flags: int) -> None:
        """Process the SYN of a direction whose data were recorded before it."""
        half.start = sequence
        connection = half.connection
        if connection is not None:
            connection.midway = False
            index = connection.halves.index(half)
            if connection.dissector is None and connection.smb is None:
                asks = not flags & ACK
                if connection.directions[index].from_client is not asks:
                    connection.turn()

    def _late(self, key: bytes, sequence: int, data: bytes) -> bool:
        """Return whether a segment is a late copy from a closed connection."""
        end = self._closed.get(key)
        return end is not None and (end - sequence - len(data)) & _MODULUS < _HALF

    def _open(self, key: bytes, version: int, flags: int, number: int, now: float) -> Half:
        """Create a direction: of a new connection, or the other direction of a known one."""
        size = 4 if version == 4 else 16
        source, target = key[:size], key[size : 2 * size]
        back = target + source + key[-2:] + key[-4:-2]
        known = self.halves.get(back)
        other = None if known is None else known.connection
        connection: Connection
        answers = flags & _SYN and flags & ACK
        if (other is not None and (answers or not flags & _SYN) and key not in self.halves) or (
            other is not None
            and len(other.halves) == 1
            # The SYN may be captured after its response.
            and (answers or (flags & _SYN and not other.midway and not other.directions[0].from_client))
        ):
            connection = other
            from_client = not connection.directions[0].from_client
        else:
            self._forget(key, back, number, now)
            here = Endpoint(str(ipaddress.ip_address(source)), int.from_bytes(key[-4:-2], "big"))
            there = Endpoint(str(ipaddress.ip_address(target)), int.from_bytes(key[-2:], "big"))
            midway = not flags & _SYN
            from_client = not answers
            if midway and here.port in self.setup.hints.ports and there.port not in self.setup.hints.ports:
                from_client = False
            client, server = (here, there) if from_client else (there, here)
            connection = Connection(self.handler, client, server, midway, self.setup, frame=number)
            self._closed.pop(key, None)
            self._closed.pop(back, None)
        half = Half(key, self.limits, self.holes)
        half.connection = connection
        half.consumer = add_half(connection, half, from_client)
        if len(connection.halves) == 2:
            first, second = connection.halves
            first.peer, second.peer = second, first
        self.halves[key] = half
        self._young[key] = half
        if len(self.halves) > self.limits.streams:
            self._evict(number, now)
        return half

    def _evict(self, number: int, now: float) -> None:
        """Drop the oldest streams if there are too many, irrelevant ones first."""
        if not self.crowded:
            self.crowded = True
            text = (
                f"more than {self.limits.streams} directions of TCP connections (limit streams); the oldest are dropped"
            )
            self.handler.note(number, text)
        for half in self._oldest(max(1, self.limits.streams // 16)):
            if half.connection is not None:
                if not half.ignored:
                    self.unread.add(LIMIT, "TCP directions beyond the limit streams")
                self._remove(half.connection, number, now)

    def _oldest(self, surplus: int) -> list[Half]:
        """Return several directions to drop at a time, so that the cost of each is small."""
        found = list(islice(self.holes.dropped.values(), surplus))
        if found:
            return found
        while self._young and not found:
            for key, half in list(islice(self._young.items(), surplus)):
                del self._young[key]
                if _idle(half.connection):
                    found.append(half)
                else:
                    self._followed[key] = half
        return found or list(islice(self._followed.values(), 1))

    def _forget(self, key: bytes, back: bytes, number: int, now: float) -> None:
        """End the earlier connection, because its ports are used again."""
        for old in (key, back):
            half = self.halves.get(old)
            if half is not None and half.connection is not None:
                self._remove(half.connection, number, now)

    def _remove(self, connection: Connection, number: int, now: float) -> None:
        for half in connection.halves:
            half.close(number, now)
            self.halves.pop(half.key, None)
            self.holes.dropped.pop(half.key, None)
            self._young.pop(half.key, None)
            self._followed.pop(half.key, None)
            stop = half.fin if half.fin is not None else half.next
            if stop >= 0 and not half.ignored:
                self._closed[half.key] = stop
        while len(self._closed) > _CLOSED:
            del self._closed[next(iter(self._closed))]
        end(connection, number, now)

    def _settle(self, key: bytes, number: int, now: float, *, reset: bool = False) -> None:
        """Handle the end of a direction: the connection ends with both directions, or with a reset."""
        known = self.halves.get(key)
        connection = None if known is None else known.connection
        if connection is not None and (reset or all(half.ignored or half.complete for half in connection.halves)):
            self._remove(connection, number, now)

    def finish(self, frame: int, time: float) -> None:
        """Give up missing bytes at the end of the capture."""
        for half in list(self.halves.values()):
            half.close(frame, time)

    def finish_connections(self, frame: int) -> None:
        """Report what is incomplete at the end of the capture."""
        for connection in dict.fromkeys(half.connection for half in self.halves.values()):
            if connection is not None:
                finish(connection, frame)


def _precedes(sequence: int, half: Half) -> bool:
    """Whether a SYN is the one before the first data of a direction, of which some may be missing."""
    return half.first >= 0 and (half.first - sequence - 1) % (_MODULUS + 1) < _EARLIEST


def _idle(connection: Connection | None) -> bool:
    """Return whether dropping a connection loses no information."""
    return connection is None or (connection.dissector is None and connection.smb is None)
