"""Extract TCP segments from frames: the main loop for a capture.

The common case, Ethernet with IPv4 without options and TCP, needs a single unpack, and no more for a frame without
payload. All other frames take the general path.
"""

from __future__ import annotations

import math
from struct import Struct
from struct import error as StructError
from typing import TYPE_CHECKING, Final

from mstrp.capture.cursor import cursor
from mstrp.capture.exported import EXPORTED_PDU, IP_NAMES, exported
from mstrp.capture.hints import Setup
from mstrp.capture.ip import Datagrams
from mstrp.capture.link import ETHERNET, NAMES, RAW, network
from mstrp.capture.segments import ACK, Segments
from mstrp.capture.tunnels import DEPTH, carries, inner
from mstrp.capture.unread import FRAGMENT, LIMIT, LINK, MALFORMED, SNAP, TUNNEL, UnreadFrames
from protocol.unpacking import NATIVE, big16, big32

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_extensions import i64

    from mstrp.capture.calls import CallHandler
    from mstrp.capture.files import Frame
    from mstrp.capture.ip import Transport

__all__ = ["Reader"]

#: Ethernet, IPv4 and TCP headers in one: type with version and length, total length, fragment with protocol, sequence,
#: acknowledgement, data offset, flags.
_unpack: Final = Struct(">12xIH2xI14xIIBB").unpack_from
_TCP: Final = Struct(">HHIIBB")
_PROTOCOL: Final = 6

_CAUSES: Final = {
    SNAP: "truncated by the snap length",
    FRAGMENT: "IP packets with missing or invalid fragments",
    LIMIT: "IP packets beyond the limit datagrams",
}


class Reader:
    """Reads a source frame by frame and passes on its segments."""

    def __init__(self, handler: CallHandler, setup: Setup | None = None) -> None:
        self.handler = handler
        self.setup = setup or Setup()
        self.limits = self.setup.limits
        self.unread = UnreadFrames()
        self.segments = Segments(handler, self.setup, self.unread)
        self.datagrams = Datagrams(self.limits.datagrams, handler.note)
        #: Number and time of the last frame.
        self.last = (0, 0.0)
        #: Time of the first frame, in seconds since 1970.
        self.begin = 0.0
        self._unknown_links: set[int] = set()
        self.cut_off = 0
        self._last_cut_off = 0

    def read(self, source: Iterable[Frame]) -> None:
        """Read all frames; call `finish` afterwards."""
        frames = cursor(source)
        segments = self.segments
        halves = segments.halves
        holes = segments.holes.halves
        begin = math.nan
        # Types of the structure fields, for the compiler.
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
                    self.begin = begin
                now = frames.time - begin
                data = frames.data
                start = frames.start
                end = frames.end
                if frames.length > end - start:
                    self._short(frames.number, end - start, frames.length, data[start + 26 : start + 38])
                if frames.link == 1 and end - start >= 54:
                    if NATIVE:
                        # Part of the key that the general path computes in the same way.
                        kind = big32(data, start + 12)
                        protocol = big32(data, start + 20)
                    else:
                        kind, total, protocol, sequence, ack, offset, flags = _unpack(data, start)
                    if kind >> 8 == 0x080045 and not protocol & 0x3FFF0000:
                        if protocol & 0xFF != 6:
                            if carries(protocol & 0xFF, data, start + 34, end):
                                self._slowly(frames.link, data, start, end, frames.number, now)
                            else:
                                self.unread.protocol(protocol & 0xFF, data, start + 34, end)
                            continue
                        if NATIVE:
                            total = big16(data, start + 16)
                            offset = data[start + 46]
                            flags = data[start + 47]
                        header = 20 + (offset >> 2 & 0x3C)
                        if holes and flags & ACK:
                            if NATIVE:
                                ack = big32(data, start + 42)
                            segments.acknowledge(
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
                            # A segment of a new stream without payload does not open it; a closing one may have no
                            # payload.
                            if first <= stop:
                                segments.add(key, 4, sequence, ack, flags, data[first:stop], frames.number, now)
                        elif first >= stop:
                            pass
                        elif (
                            sequence == half.next
                            and not half.waiting
                            and (peer := half.peer) is not None
                            and ack == peer.next
                        ):
                            half.deliver(data[first:stop], frames.number, now)
                            if peer.waiting:
                                segments.drain(half, frames.number, now)
                        else:
                            segments.reorder(half, sequence, ack, flags, data[first:stop], frames.number, now)
                        continue
                self._slowly(frames.link, data, start, end, frames.number, now)
        finally:
            self.last = (frames.number, now)

    def _short(self, number: int, present: int, length: int, key: bytes) -> None:
        """Count a truncated frame; ``key`` is the key of its direction if it is Ethernet with IPv4 and TCP."""
        self.cut_off += 1
        self._last_cut_off = number
        half = self.segments.halves.get(key)
        if half is not None and half.connection is not None and half.connection.dissector is not None:
            self.handler.skip("truncated", "truncated by the snap length", 1)
        if self.cut_off == 1:
            text = f"the capture contains {present} of {length} bytes: the snap length is too short; packets cannot be checked"
            self.handler.note(number, text)

    def _slowly(self, link: int, data: bytes, start: int, end: int, number: int, now: float) -> None:
        """Process a frame with any link layer, tunnel and IP header."""
        if start >= end:
            # An empty frame carries nothing.
            return
        if link == EXPORTED_PDU:
            self._exported(data, start, end, number, now)
            return
        if link not in NAMES:
            if link not in self._unknown_links:
                self._unknown_links.add(link)
                self.handler.note(number, f"link type {link} is not supported; its frames are ignored")
            self.unread.link(link, -1)
            return
        position, kind = network(link, data, start, end)
        try:
            found = self._transport(link, data, position, kind, end, number, now)
            if found is None:
                return
            _, version, addresses, data, place, stop = found
            _, _, sequence, ack, offset, flags = _TCP.unpack_from(data, place)
        except (IndexError, StructError):
            self._malformed(number)
            return
        first = place + (offset >> 4 << 2)
        if first > stop:
            self._malformed(number)
            return
        if self.segments.holes.halves and flags & ACK:
            size = len(addresses) // 2
            ports = data[place + 2 : place + 4] + data[place : place + 2]
            back = addresses[size:] + addresses[:size]
            self.segments.acknowledge(back, ports, ack, number, now)
        self.segments.add(
            addresses + data[place : place + 4], version, sequence, ack, flags, data[first:stop], number, now
        )

    def _malformed(self, number: int) -> None:
        """Count a frame with headers longer than the frame, unless the capture truncated it."""
        if number != self._last_cut_off:
            self.unread.add(MALFORMED, "headers longer than the frame")

    def _exported(self, data: bytes, start: int, end: int, number: int, now: float) -> None:
        """A PDU that another program exported, for instance after decryption."""
        found = exported(data, start, end)
        if found is not None and found.name in IP_NAMES:
            self._slowly(RAW, data, found.start, end, number, now)
            return
        if found is None or not found.source or len(found.source) != len(found.target):
            self.unread.add(LINK, "exported PDUs without addresses")
            return
        version = 4 if len(found.source) == 4 else 6
        key = found.source + found.target + found.ports
        payload = data[found.start : end]
        # Without sequence numbers the payloads follow one another.
        sequence = found.sequence
        if sequence < 0:
            half = self.segments.halves.get(key)
            sequence = 1 if half is None or half.next < 0 else half.next
        self.segments.add(key, version, sequence, 0, 0, payload, number, now)

    def _transport(
        self, link: int, data: bytes, position: int, kind: int, end: int, number: int, now: float
    ) -> Transport | None:
        """Process the TCP segment in a frame, with its IP header at ``position``; otherwise count the frame."""
        unread = self.unread
        if position < 0 or position >= end:
            unread.link(link, kind)
            return None
        for _ in range(DEPTH):
            found = self.datagrams.transport(data, position, end, number, now)
            if found is None:
                unread.packet(data, position, end)
                return None
            protocol = found.protocol
            if protocol == _PROTOCOL:
                return found
            data, place, end = found.data, found.start, found.stop
            position, kind = inner(protocol, data, place, end)
            if position >= end or (position < 0 and kind < 0):
                # Not supported, or headers longer than the packet.
                unread.protocol(protocol, data, place, end)
                return None
            if position < 0:
                unread.link(ETHERNET, kind)
                return None
        unread.add(TUNNEL, f"more than {DEPTH} nested tunnels")
        return None

    def finish(self) -> None:
        """Give up missing data at the end of the capture."""
        frame, now = self.last
        self.segments.finish(frame, now)
        self.datagrams.finish()
        for cause, frames in ((SNAP, self.cut_off), (FRAGMENT, self.datagrams.lost), (LIMIT, self.datagrams.dropped)):
            if frames:
                self.unread.add(cause, _CAUSES[cause], frames)
        self.segments.finish_connections(frame)
        self.handler.finish()
        if self.cut_off > 1:
            self.handler.note(frame, f"{self.cut_off} frames in total were truncated by the snap length")
