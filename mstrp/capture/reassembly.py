"""Reassembly of TCP streams: order, retransmission, overlap, gaps, wrap of sequence numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, insort
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from fsm.engine.compiling import mypyc_attr

if TYPE_CHECKING:
    from mypy_extensions import i64

    from mstrp.capture.connection import Connection
    from mstrp.capture.limits import Limits

__all__ = ["Consumer", "Endpoint", "Half", "Holes"]

_MODULUS: Final = 1 << 32
_MASK: Final = 0xFFFFFFFF
_HALF: Final = 1 << 31
#: Maximum distance of an acknowledgement, or of an end, from the data seen: the largest window of TCP (RFC 7323).
_WINDOW: Final = 1 << 30
#: Maximum number of frames and seconds by which a capture may reorder the two directions of a connection.
_SHUFFLED: Final = 4
_SHUFFLED_TIME: Final = 0.05


class Endpoint(NamedTuple):
    """An address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@mypyc_attr(allow_interpreted_subclasses=True)
class Consumer(ABC):
    """Consumer of the bytes of one direction, in order."""

    __slots__ = ()

    @abstractmethod
    def feed(self, data: bytes, frame: int, time: float) -> Consumer | None:
        """Process the next bytes; return the consumer of the following ones, None if they are not relevant.

        ``frame`` is the frame that completed the bytes.
        """

    @abstractmethod
    def gap(self, size: int, frame: int, time: float) -> None:
        """Handle ``size`` missing bytes before this frame."""

    @abstractmethod
    def overflow(self, what: str, frame: int) -> None:
        """Report that a limit of reassembly was reached."""


class _Segment(NamedTuple):
    """A buffered segment."""

    data: bytes
    frame: int
    time: float
    #: Its acknowledgement number, None if unknown.
    ack: int | None


class Holes:
    """Directions with buffered segments, in the order in which they are given up."""

    def __init__(self) -> None:
        self.halves: OrderedDict[bytes, Half] = OrderedDict()
        #: Directions whose next segment is buffered until acknowledged bytes of the other direction arrive.
        self.ahead: OrderedDict[bytes, Half] = OrderedDict()
        #: Directions that are not relevant.
        self.dropped: dict[bytes, Half] = {}

    def add(self, half: Half) -> None:
        """Add a direction with buffered segments."""
        self.halves[half.key] = half

    def discard(self, half: Half) -> None:
        """Remove a direction without buffered segments."""
        self.halves.pop(half.key, None)
        self.ahead.pop(half.key, None)

    def expire(self, frame: int, time: float) -> Half | None:
        """Give up data that has been missing for too long in one direction, and return that direction."""
        while self.ahead:
            half = next(iter(self.ahead.values()))
            found = half.ready
            if found is None:
                del self.ahead[half.key]
            elif frame - found.frame >= _SHUFFLED or time - found.time > _SHUFFLED_TIME:
                # Other streams between the same hosts would otherwise get far ahead of this one.
                half.give_up()
                return half
            else:
                break
        for half in self.halves.values():
            if time - half.since > half.limits.seconds:
                half.give_up()
                return half
            break
        return None


class Half:
    """One direction of a connection.

    ``next`` is the next expected sequence number, negative before the first segment. Segments are buffered if earlier
    bytes are missing, or if they acknowledge bytes of the other direction (``peer``) that were not seen: those arrive
    late, or the capture missed them. Missing data is given up as a gap if the other side acknowledges it (so it did
    arrive), if too much is buffered, or after a timeout.
    """

    __slots__ = (
        "connection",
        "consumer",
        "fin",
        "finished",
        "first",
        "hole",
        "holes",
        "ignored",
        "key",
        "limits",
        "next",
        "order",
        "origin",
        "peer",
        "since",
        "start",
        "waiting",
        "waiting_bytes",
    )

    def __init__(self, key: bytes, limits: Limits, holes: Holes | None = None) -> None:
        self.key = key
        self.limits = limits
        self.holes = Holes() if holes is None else holes
        self.peer: Half | None = None
        self.next: i64 = -1
        #: The first sequence number of data seen before a SYN, negative if there was none.
        self.first: i64 = -1
        #: The start of a gap while it is reported.
        self.hole: int | None = None
        #: Sequence number of the SYN, and the one after the FIN, if they were seen.
        self.start: int | None = None
        self.fin: int | None = None
        self.connection: Connection | None = None
        self.consumer: Consumer | None = None
        self.ignored = False
        self.finished = False
        #: Time since which segments are buffered, or the other side has not reported missing bytes.
        self.since = 0.0
        self.waiting: dict[int, _Segment] = {}
        self.waiting_bytes = 0
        #: The stream positions of buffered segments in order, counted from a sequence number without wrapping.
        self.order: list[int] = []
        self.origin: i64 = 0

    def segment(self, sequence: int, data: bytes, frame: int, time: float, ack: int | None = None) -> None:
        """Process a segment that is not the next one; ``ack`` is its acknowledgement number."""
        if self.next < 0:
            self.next = self.first = sequence
        distance = (sequence - self.next) % _MODULUS
        if distance >= _HALF:
            overlap = _MODULUS - distance
            if overlap >= len(data):
                return
            data = data[overlap:]
            sequence = self.next
            distance = 0
        if distance or (self.waiting and sequence in self.waiting) or self._lacks(ack):
            self._wait(sequence, _Segment(data, frame, time, ack))
            return
        self.deliver(data, frame, time)
        self.drain(frame, time)

    def _lacks(self, ack: int | None) -> bool:
        """Return whether unseen bytes of the other direction were acknowledged."""
        peer = self.peer
        if ack is None or peer is None or peer.next < 0 or peer.ignored:
            return False
        ahead = (ack - peer.next) % _MODULUS
        # A FIN counts as a byte; a distance of more than a window is damage.
        return 0 < ahead <= _WINDOW and (peer.fin is None or (ack - peer.fin) % _MODULUS != 1)

    def _wait(self, sequence: int, segment: _Segment) -> None:
        known = self.waiting.get(sequence)
        if known is not None and len(known.data) >= len(segment.data):
            return
        if known is not None:
            self.waiting[sequence] = segment
            self.waiting_bytes += len(segment.data) - len(known.data)
        else:
            if not self.waiting:
                self.since = segment.time
                self.origin = self.next
            self._insert(sequence, segment)
        self.holes.add(self)
        if sequence == self.next:
            self.holes.ahead[self.key] = self
        limits = self.limits
        if self.waiting_bytes > limits.waiting or len(self.waiting) > limits.segments:
            if self.consumer is not None:
                kind = "waiting" if self.waiting_bytes > limits.waiting else "segments"
                self.consumer.overflow(f"too much data is buffered for a missing segment (limit {kind})", segment.frame)
            self.give_up()
        elif segment.time - self.since > limits.seconds:
            self.give_up()
        elif self.peer is not None:
            other = self.peer.ready
            if other is not None and other.ack is not None:
                # The next packet of the other side acknowledges the missing bytes.
                self._acknowledged(other.ack)

    def _here(self) -> int:
        """The position of the next byte."""
        here = (self.next - self.origin) % _MODULUS
        if here > _WINDOW:
            # Count from here, so that positions never wrap.
            self.order = [place - here for place in self.order]
            self.origin = self.next
            return 0
        return here

    def _insert(self, sequence: int, segment: _Segment) -> None:
        """Buffer a segment that starts at or after the next byte."""
        here = self._here()
        insort(self.order, here + (sequence - self.next) % _MODULUS)
        self.waiting[sequence] = segment
        self.waiting_bytes += len(segment.data)

    def _remove(self, index: int) -> _Segment:
        """Remove a buffered segment by its index in the order."""
        found = self.waiting.pop((self.order.pop(index) + self.origin) % _MODULUS)
        self.waiting_bytes -= len(found.data)
        return found

    def _remove_next(self) -> None:
        """Remove the segment that starts at the next byte."""
        self._remove(bisect_left(self.order, self._here()))

    def deliver(self, data: bytes, frame: int, time: float) -> None:
        """Pass the next bytes to the consumer, which returns the consumer of the following ones."""
        self.next = self.next + len(data) & _MASK
        consumer = self.consumer
        if consumer is not None:
            after = consumer.feed(data, frame, time)
            if after is not consumer:
                self.consumer = after
                if after is None:
                    self.drop()
                    if self.peer is not None:
                        self.peer.drop()

    def drain(self, frame: int, time: float) -> None:
        """Deliver segments that became deliverable, in both directions."""
        peer = self.peer
        while self._drain(frame, time) or (peer is not None and peer.waiting and peer._drain(frame, time)):  # noqa: SLF001
            pass

    def _drain(self, frame: int, time: float) -> bool:
        """Deliver the deliverable segments of this direction; return whether there were any."""
        some = False
        while self.waiting:
            found = self.ready or self._overlapping()
            if found is None:
                break
            if self._lacks(found.ack):
                self.holes.ahead[self.key] = self
                return some
            self.holes.ahead.pop(self.key, None)
            self._remove_next()
            self.deliver(found.data, max(frame, found.frame), max(time, found.time))
            some = True
        self._tidy()
        return some

    def _tidy(self) -> None:
        """Update the registration of buffered segments if there are none."""
        if not self.waiting:
            self.holes.discard(self)

    def _overlapping(self) -> _Segment | None:
        """Return a buffered segment that starts before the expected byte and ends after it, without the known bytes."""
        here = self._here()
        while self.order and self.order[0] < here:
            behind = here - self.order[0]
            found = self._remove(0)
            if behind < len(found.data):
                found = found._replace(data=found.data[behind:])
                self._insert(self.next, found)
                return found
        return None

    def _first(self) -> int:
        """Return the sequence number of the segment after the gap."""
        index = bisect_left(self.order, self._here())
        return (self.order[index if index < len(self.order) else 0] + self.origin) % _MODULUS

    def acknowledged(self, sequence: int, time: float) -> None:
        """Handle an acknowledgement: missing bytes below it were never captured."""
        if not self._acknowledged(sequence) and self.waiting:
            # The other side still lacks these bytes, so they will be retransmitted.
            self.since = time
            self.holes.halves.move_to_end(self.key)

    def _acknowledged(self, sequence: int) -> bool:
        found = False
        while self.waiting and self.next >= 0:
            first = self._first()
            if first == self.next or (sequence - first) % _MODULUS >= _HALF:
                break
            self.give_up()
            found = True
        return found

    @property
    def ready(self) -> _Segment | None:
        """Return the next segment if it is buffered because of its acknowledgement number."""
        return None if self.next < 0 else self.waiting.get(self.next)

    def give_up(self) -> None:
        """Give up missing bytes: report the gap and continue after it."""
        if not self.waiting or self.next < 0:
            self._tidy()
            return
        sequence = self._first()
        _, frame, time, ack = self.waiting[sequence]
        self.since = time
        if sequence != self.next:
            self._skip(sequence, frame, time)
        elif self.peer is not None and ack is not None:
            self.peer.skip(ack, frame, time)
        self.drain(frame, time)

    def skip(self, target: int, frame: int, time: float) -> None:
        """Skip missing bytes up to a sequence number; deliver segments buffered before it."""
        while self.next >= 0 and 0 < (target - self.next) % _MODULUS <= _WINDOW:
            found = self.ready
            if found is not None:
                self._remove_next()
                self.deliver(found.data, max(frame, found.frame), max(time, found.time))
                continue
            found = self._overlapping()
            if found is None:
                first = self._first() if self.waiting else target
                here, there = (first - self.next) % _MODULUS, (target - self.next) % _MODULUS
                self._skip(first if here < there else target, frame, time)
        self._tidy()

    def _skip(self, sequence: int, frame: int, time: float) -> None:
        """Report a gap up to a sequence number."""
        size = (sequence - self.next) % _MODULUS
        self.hole, self.next = self.next, sequence
        if self.consumer is not None:
            self.consumer.gap(size, frame, time)
        self.hole = None

    @property
    def complete(self) -> bool:
        """Return whether all bytes up to the FIN were delivered."""
        return self.fin is not None and (self.next < 0 or (self.next - self.fin) % _MODULUS < _HALF)

    def drop(self) -> None:
        """Ignore the rest of this direction."""
        self.ignored = True
        if not self.finished:
            self.holes.dropped[self.key] = self
        self.waiting.clear()
        self.order.clear()
        self.waiting_bytes = 0
        self._tidy()
        self.consumer = None

    def close(self, frame: int, time: float) -> None:
        """End the direction: give up all missing bytes."""
        while self.waiting:
            self.give_up()
        if self.fin is not None:
            self.skip(self.fin, frame, time)
        self.finished = True
