"""From frames to streams: the loop that everything in a capture passes through.

The common case, an Ethernet frame with IPv4 without options and TCP, takes one unpack; a frame without payload is
done after that. Everything else takes the long way.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from itertools import islice
from struct import Struct
from struct import error as StructError
from typing import TYPE_CHECKING, Final

from mstrp.capture.cursor import cursor
from mstrp.capture.hints import Setup
from mstrp.capture.ip import Datagrams
from mstrp.capture.link import NAMES, network
from mstrp.capture.stream import Connection
from mstrp.capture.tcp import Endpoint, Half, Holes
from mstrp.capture.unread import FRAGMENT, LIMIT, SNAP, UnreadFrames
from protocol.unpacking import NATIVE, big16, big32

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_extensions import i64

    from mstrp.capture.files import Frame
    from mstrp.capture.stream import Taker

__all__ = ["Reader"]

#: Ethernet, IPv4 and TCP headers in one: type with version and length, total length, fragment with protocol,
#: sequence, acknowledgement, data offset, flags.
_unpack: Final = Struct(">12xIH2xI14xIIBB").unpack_from
_TCP: Final = Struct(">HHIIBB")
_FIN: Final = 0x01
_SYN: Final = 0x02
_RST: Final = 0x04
_ACK: Final = 0x10
_MODULUS: Final = 0xFFFFFFFF
_HALF: Final = 0x80000000
#: How many closed connections are remembered, so that late copies of their segments are not taken for new ones.
_CLOSED: Final = 4_096
_CAUSES: Final = {
    SNAP: "cut off by the snap length",
    FRAGMENT: "IP packets with missing or invalid fragments",
    LIMIT: "IP packets beyond the limit datagrams",
}


class Reader:
    """Reads a source frame by frame and feeds the streams in it."""

    def __init__(self, sessions: Taker, setup: Setup | None = None) -> None:
        self.sessions = sessions
        self.setup = setup or Setup()
        self.limits = self.setup.limits
        self.halves: dict[bytes, Half] = {}
        #: Directions by age: those of which nothing is known yet, or was when the oldest were last looked for, and
        #: those of connections that are followed.
        self._young: dict[bytes, Half] = {}
        self._followed: OrderedDict[bytes, Half] = OrderedDict()
        #: Directions in which segments wait for a missing one: while there are any, acknowledgements matter.
        self.holes = Holes()
        self.unread = UnreadFrames()
        self.datagrams = Datagrams(self.limits.datagrams, sessions.note)
        #: Number and time of the last frame.
        self.last = (0, 0.0)
        #: Where the directions of closed connections ended.
        self._closed: dict[bytes, int] = {}
        self._unknown_links: set[int] = set()
        self.cut_off = 0
        self.crowded = False

    def read(self, source: Iterable[Frame]) -> None:
        """Read everything; `finish` has to follow."""
        frames = cursor(source)
        halves = self.halves
        holes = self.holes.halves
        begin = math.nan
        # Types of what structures hold, for the compiler.
        kind: i64
        total: i64
        protocol: i64
        sequence: i64
        ack: i64
        offset: i64
        flags: i64
        now = 0.0
        try:
            while frames.step():
                if begin != begin:  # noqa: PLR0124 - not a number as long as nothing has begun
                    begin = frames.time
                now = frames.time - begin
                data = frames.data
                start = frames.start
                end = frames.end
                if frames.length > end - start:
                    self._short(frames.number, end - start, frames.length, data[start + 26 : start + 38])
                if frames.link == 1 and end - start >= 54:
                    if NATIVE:
                        # What the other way reads as one number, as far as it matters for most.
                        kind = big32(data, start + 12)
                        protocol = big32(data, start + 20)
                    else:
                        kind, total, protocol, sequence, ack, offset, flags = _unpack(data, start)
                    if kind >> 8 == 0x080045 and not protocol & 0x3FFF0000:
                        if protocol & 0xFF != 6:
                            self.unread.protocol(protocol & 0xFF, data, start + 34, end)
                            continue
                        if NATIVE:
                            total = big16(data, start + 16)
                            offset = data[start + 46]
                            flags = data[start + 47]
                        header = 20 + (offset >> 2 & 0x3C)
                        if holes and flags & _ACK:
                            if NATIVE:
                                ack = big32(data, start + 42)
                            self._acknowledged(
                                data[start + 30 : start + 34] + data[start + 26 : start + 30],
                                data[start + 36 : start + 38] + data[start + 34 : start + 36],
                                ack,
                                frames.number,
                                now,
                            )
                        if total == header and not flags & 7:
                            continue
                        key = data[start + 26 : start + 38]
                        half = halves.get(key)
                        if half is not None and half.ignored and not flags & 7:
                            continue
                        if NATIVE:
                            sequence = big32(data, start + 38)
                            ack = big32(data, start + 42)
                        first = start + 14 + header
                        stop = start + 14 + total
                        if stop > end or not total:
                            stop = end
                        if half is None or flags & 7:
                            # A segment of a new stream without payload opens nothing, a closing one may have none.
                            if first <= stop:
                                self._segment(key, 4, sequence, ack, flags, data[first:stop], frames.number, now)
                        elif first >= stop:
                            pass
                        elif (
                            sequence == half.next
                            and not half.waiting
                            and (peer := half.peer) is not None
                            and ack == peer.next
                        ):
                            half.next = sequence + stop - first & _MODULUS
                            half.consumer.feed(data[first:stop], frames.number, now)  # type: ignore[union-attr]
                            if peer.waiting:
                                self._drained(half, frames.number, now)
                        else:
                            self._unordered(half, sequence, ack, flags, data[first:stop], frames.number, now)
                        continue
                self._slowly(frames.link, data, start, end, frames.number, now)
        finally:
            self.last = (frames.number, now)

    def _short(self, number: int, present: int, length: int, key: bytes) -> None:
        """Count a frame that was cut off; ``key`` is that of its direction where it is Ethernet with IPv4 and TCP."""
        self.cut_off += 1
        half = self.halves.get(key)
        if half is not None and half.connection is not None and half.connection.dissector is not None:
            self.sessions.skip("truncated", "cut off by the snap length", 1)
        if self.cut_off == 1:
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
            self.unread.link(link, data, start, end)
            return
        position = network(link, data, start, end)
        if position < 0 or position >= end:
            self.unread.link(link, data, start, end)
            return
        try:
            found = self.datagrams.transport(data, position, end, number, now)
            if found is None:
                self.unread.packet(data, position, end)
                return
            version, addresses, data, place, stop = found
            _, _, sequence, ack, offset, flags = _TCP.unpack_from(data, place)
        except (IndexError, StructError):
            return
        first = place + (offset >> 4 << 2)
        if first > stop:
            return
        if self.holes.halves and flags & _ACK:
            size = len(addresses) // 2
            ports = data[place + 2 : place + 4] + data[place : place + 2]
            back = addresses[size:] + addresses[:size]
            self._acknowledged(back, ports, ack, number, now)
        self._segment(addresses + data[place : place + 4], version, sequence, ack, flags, data[first:stop], number, now)

    def _acknowledged(self, addresses: bytes, ports: bytes, ack: int, number: int, now: float) -> None:
        """One side acknowledges what the other one sent: it waits for nothing below that.

        Besides, what was missing for too long in any stream is given up.
        """
        half = self.holes.halves.get(addresses + ports)
        if half is not None:
            half.acknowledged(ack, now)
            self._drained(half, number, now)
        while (half := self.holes.expire(number, now)) is not None:
            self._drained(half, number, now)

    def _unordered(self, half: Half, sequence: int, ack: int, flags: int, data: bytes, number: int, now: float) -> None:
        """A segment that is not the next one, or for which others wait."""
        half.segment(sequence, data, number, now, ack if flags & _ACK else None)
        self._drained(half, number, now)

    def _drained(self, half: Half, number: int, now: float) -> None:
        """More of a stream was seen: what waited for it in the other direction goes on, and it may be complete."""
        peer = half.peer
        if peer is not None and peer.waiting:
            half.drain(number, now)
        if half.fin is not None:
            self._settle(half.key, number, now)
        if peer is not None and peer.fin is not None:
            self._settle(peer.key, number, now)

    def _segment(
        self, key: bytes, version: int, sequence: int, ack: int, flags: int, data: bytes, number: int, now: float
    ) -> None:
        """A segment that opens or closes something, comes out of order, or belongs to a new stream."""
        half = self.halves.get(key)
        if flags & _SYN:
            if half is None or half.start is None or sequence != half.start:
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
            self._unordered(half, sequence, ack, flags, data, number, now)
        if flags & (_FIN | _RST):
            half.fin = sequence + len(data) & _MODULUS
            self._settle(key, number, now, reset=bool(flags & _RST))

    def _late(self, key: bytes, sequence: int, data: bytes) -> bool:
        """Whether a segment is a late copy of one of a connection that is closed."""
        end = self._closed.get(key)
        return end is not None and (end - sequence - len(data)) & _MODULUS < _HALF

    def _open(self, key: bytes, version: int, flags: int, number: int, now: float) -> Half:
        """A direction that was not known: of a new connection, or the way back of a known one."""
        size = 4 if version == 4 else 16
        source, target = key[:size], key[size : 2 * size]
        back = target + source + key[-2:] + key[-4:-2]
        known = self.halves.get(back)
        other = None if known is None else known.connection
        connection: Connection
        answers = flags & _SYN and flags & _ACK
        if (other is not None and (answers or not flags & _SYN) and key not in self.halves) or (
            other is not None
            and len(other.halves) == 1
            # The SYN may be captured behind its answer.
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
            connection = Connection(self.sessions, client, server, midway, self.setup, frame=number)
            self._closed.pop(key, None)
            self._closed.pop(back, None)
        half = Half(key, self.limits, self.holes)
        half.connection = connection
        half.consumer = connection.consumer(half, from_client)
        if len(connection.halves) == 2:
            first, second = connection.halves
            first.peer, second.peer = second, first
        self.halves[key] = half
        self._young[key] = half
        if len(self.halves) > self.limits.streams:
            self._evict(number, now)
        return half

    def _evict(self, number: int, now: float) -> None:
        """Too many streams: forget the oldest ones that nobody looks at, or else the oldest of all."""
        if not self.crowded:
            self.crowded = True
            text = f"more than {self.limits.streams} directions of TCP connections (limit streams); the oldest are forgotten"
            self.sessions.note(number, text)
        for half in self._oldest(max(1, self.limits.streams // 16)):
            if half.connection is not None:
                if not half.ignored:
                    self.unread.add(LIMIT, "TCP directions beyond the limit streams")
                self._remove(half.connection, number, now)

    def _oldest(self, surplus: int) -> list[Half]:
        """The directions to forget, several at a time, so that each costs little."""
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
        """A port pair is used again: the earlier connection is over."""
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
            end = half.fin if half.fin is not None else half.next
            if end >= 0 and not half.ignored:
                self._closed[half.key] = end
        while len(self._closed) > _CLOSED:
            del self._closed[next(iter(self._closed))]
        connection.ended(number, now)

    def _settle(self, key: bytes, number: int, now: float, *, reset: bool = False) -> None:
        """A direction has ended: so has the connection when both have, or when it was reset."""
        known = self.halves.get(key)
        connection = None if known is None else known.connection
        if connection is not None and (reset or all(half.ignored or half.complete for half in connection.halves)):
            self._remove(connection, number, now)

    def finish(self) -> None:
        """The capture is over: give up what never came."""
        frame, now = self.last
        for half in list(self.halves.values()):
            half.close(frame, now)
        self.datagrams.finish()
        for cause, frames in ((SNAP, self.cut_off), (FRAGMENT, self.datagrams.lost), (LIMIT, self.datagrams.dropped)):
            if frames:
                self.unread.add(cause, _CAUSES[cause], frames)
        for connection in dict.fromkeys(half.connection for half in self.halves.values()):
            if connection is not None:
                connection.finish(frame)
        self.sessions.finish()
        if self.cut_off > 1:
            self.sessions.note(frame, f"{self.cut_off} frames were cut off by the snap length in all")


def _idle(connection: Connection | None) -> bool:
    """Whether nothing is known of a connection that could be lost."""
    return connection is None or (connection.dissector is None and connection.smb is None)
