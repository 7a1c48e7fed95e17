"""From frames to streams: the loop that everything in a capture passes through.

The common case, an Ethernet frame with IPv4 without options and TCP, takes one unpack; a frame without payload is
done after that. Everything else takes the long way.
"""

from __future__ import annotations

import ipaddress
from struct import Struct
from struct import error as StructError
from typing import TYPE_CHECKING

from mstrp.capture.link import NAMES, network
from mstrp.capture.stream import Connection, Direction
from mstrp.capture.tcp import Endpoint, Half, Limits

if TYPE_CHECKING:
    from mstrp.capture.files import Source
    from mstrp.capture.sessions import Sessions

__all__ = ["Reader"]

#: Ethernet, IPv4 and TCP headers in one: type with version and length, total length, fragment with protocol,
#: sequence, data offset, flags.
_FAST = Struct(">12xIH2xI14xI4xBB")
_TCP = Struct(">HHI4xBB")
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_MODULUS = 0xFFFFFFFF


class Reader:
    """Reads a source frame by frame and feeds the streams in it."""

    def __init__(self, sessions: Sessions, *, limits: Limits | None = None) -> None:
        self.sessions = sessions
        self.limits = limits or Limits()
        self.halves: dict[bytes, Half] = {}
        self.connections: dict[bytes, Connection] = {}
        #: Directions in which segments wait for a missing one: while there are any, acknowledgements matter.
        self.holes: dict[bytes, Half] = {}
        #: Number and time of the last frame.
        self.last = (0, 0.0)
        self._unknown_links: set[int] = set()
        self._cut_off = 0

    def read(self, source: Source) -> None:
        """Read everything; `finish` has to follow."""
        unpack = _FAST.unpack_from
        halves = self.halves
        holes = self.holes
        begin: float | None = None
        number = 0
        now = 0.0
        try:
            for number, time, link, data, start, end, length in source:
                if begin is None:
                    begin = time
                now = time - begin
                size = end - start
                if length > size:
                    self._short(number, size, length)
                if link == 1 and size >= 54:
                    kind, total, protocol, sequence, offset, flags = unpack(data, start)
                    if kind >> 8 == 0x080045 and protocol & 0x3FFF00FF == 6:
                        stop = start + 14 + total if total else end
                        stop = min(stop, end)
                        first = start + 34 + (offset >> 4 << 2)
                        if holes and flags & _ACK:
                            self._acknowledged(
                                data[start + 30 : start + 34] + data[start + 26 : start + 30],
                                data[start + 36 : start + 38] + data[start + 34 : start + 36],
                                data[start + 42 : start + 46],
                            )
                        if flags & 7:
                            self._segment(
                                data[start + 26 : start + 38], 4, sequence, flags, data[first:stop], number, now
                            )
                        elif first < stop:
                            key = data[start + 26 : start + 38]
                            half = halves.get(key)
                            if half is None:
                                self._segment(key, 4, sequence, flags, data[first:stop], number, now)
                            elif half.ignored:
                                pass
                            elif sequence == half.next and not holes and half.consumer is not None:
                                half.next = sequence + stop - first & _MODULUS
                                half.consumer.feed(data[first:stop], number, now)
                            else:
                                half.segment(sequence, data[first:stop], number, now)
                        continue
                self._slowly(link, data, start, end, number, now)
        finally:
            self.last = (number, now)

    def _short(self, number: int, present: int, length: int) -> None:
        self._cut_off += 1
        if self._cut_off == 1:
            text = (
                f"the capture kept {present} of {length} bytes: the snap length is too short; packets cannot be judged"
            )
            self.sessions.note(number, text)

    def _slowly(self, link: int, data: bytes, start: int, end: int, number: int, now: float) -> None:
        """Any link layer, any IP header."""
        if link not in NAMES:
            if link not in self._unknown_links:
                self._unknown_links.add(link)
                self.sessions.note(number, f"link type {link} is not understood; its frames are left out")
            return
        position = network(link, data, start, end)
        if position < 0 or position >= end:
            return
        try:
            version = data[position] >> 4
            if version == 4:
                header = (data[position] & 15) << 2
                total = data[position + 2] << 8 | data[position + 3]
                if data[position + 9] != 6 or (data[position + 6] << 8 | data[position + 7]) & 0x3FFF:
                    return
                addresses = data[position + 12 : position + 20]
                stop = min(end, position + total) if total else end
                place = position + header
            elif version == 6:
                if data[position + 6] != 6:
                    return
                addresses = data[position + 8 : position + 40]
                size = data[position + 4] << 8 | data[position + 5]
                stop = min(end, position + 40 + size) if size else end
                place = position + 40
            else:
                return
            _, _, sequence, offset, flags = _TCP.unpack_from(data, place)
        except (IndexError, StructError):
            return
        first = place + (offset >> 4 << 2)
        key = addresses + data[place : place + 4]
        if self.holes and flags & _ACK:
            size = len(addresses) // 2
            ports = data[place + 2 : place + 4] + data[place : place + 2]
            self._acknowledged(addresses[size:] + addresses[:size], ports, data[place + 8 : place + 12])
        self._segment(key, version, sequence, flags, data[first:stop], number, now)

    def _acknowledged(self, addresses: bytes, ports: bytes, number: bytes) -> None:
        """One side acknowledges what the other one sent: it waits for nothing below that."""
        half = self.holes.get(addresses + ports)
        if half is not None:
            half.acknowledged(int.from_bytes(number, "big"))

    def _segment(
        self, key: bytes, version: int, sequence: int, flags: int, data: bytes, number: int, now: float
    ) -> None:
        """A segment that opens or closes something, comes out of order, or belongs to a new stream."""
        half = self.halves.get(key)
        if flags & _SYN:
            if half is None or half.next is None or (sequence + 1 & _MODULUS) != half.next:
                half = self._open(key, version, flags, number, now)
            if half.next is None:
                half.next = sequence + 1 & _MODULUS
            if data:
                half.segment(sequence + 1 & _MODULUS, data, number, now)
            return
        if half is None:
            if not data:
                return
            half = self._open(key, version, flags, number, now)
        if data and not half.ignored:
            half.segment(sequence, data, number, now)
        if flags & (_FIN | _RST):
            self._close(key, half, bool(flags & _RST), number, now)

    def _open(self, key: bytes, version: int, flags: int, number: int, now: float) -> Half:
        """A direction that was not known: of a new connection, or the way back of a known one."""
        size = 4 if version == 4 else 16
        source, target = key[:size], key[size : 2 * size]
        back = target + source + key[-2:] + key[-4:-2]
        other = self.connections.get(back)
        connection: Connection
        answers = flags & _SYN and flags & _ACK
        if (other is not None and back in self.halves and (answers or not flags & _SYN) and key not in self.halves) or (
            other is not None and answers and len(other.halves) == 1
        ):
            connection = other
            from_client = not connection.directions[0].from_client
        else:
            self._forget(key, back, number, now)
            here = Endpoint(str(ipaddress.ip_address(source)), int.from_bytes(key[-4:-2], "big"))
            there = Endpoint(str(ipaddress.ip_address(target)), int.from_bytes(key[-2:], "big"))
            midway = not flags & _SYN
            from_client = not answers
            client, server = (here, there) if from_client else (there, here)
            connection = Connection(self.sessions, client, server, midway)
        half = Half(key, self.limits, self.sessions.note, self.holes)
        direction = Direction(connection, from_client)
        half.consumer = direction
        connection.halves.append(half)
        connection.directions.append(direction)
        self.halves[key] = half
        self.connections[key] = connection
        return half

    def _forget(self, key: bytes, back: bytes, number: int, now: float) -> None:
        """A port pair is used again: the earlier connection is over."""
        for old in (key, back):
            half = self.halves.pop(old, None)
            if half is not None:
                half.close()
            connection = self.connections.pop(old, None)
            if connection is not None:
                connection.ended(number, now)

    def _close(self, key: bytes, half: Half, reset: bool, number: int, now: float) -> None:
        connection = self.connections.get(key)
        half.finished = True
        if connection is None:
            return
        if reset or all(other.finished for other in connection.halves):
            for other in connection.halves:
                other.close()
                self.halves.pop(other.key, None)
                self.connections.pop(other.key, None)
            connection.ended(number, now)

    def finish(self) -> None:
        """The capture is over: give up what never came."""
        frame, _ = self.last
        for half in list(self.halves.values()):
            half.close()
        if self._cut_off > 1:
            self.sessions.note(frame, f"{self._cut_off} frames were cut off by the snap length in all")
