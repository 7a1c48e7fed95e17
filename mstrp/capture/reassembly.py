"""TCP streams put together: order, retransmission, overlap, gaps, the wrap of sequence numbers."""

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
#: How far an acknowledgement, or an end, may be ahead of what was seen: the largest window of TCP (RFC 7323).
_WINDOW: Final = 1 << 30
#: By how many frames, and how many seconds, the two directions of a connection may get out of order in a capture.
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
        """Process the next bytes; return the consumer of the following ones, None if they are of no interest.

        ``frame`` is the frame that completed the bytes.
        """

    @abstractmethod
    def gap(self, size: int, frame: int, time: float) -> None:
        """Handle ``size`` bytes before this frame that will never arrive."""

    @abstractmethod
    def overflow(self, what: str, frame: int) -> None:
        """Report that a limit of reassembly was reached."""


class _Segment(NamedTuple):
    """A segment that waits."""

    data: bytes
    frame: int
    time: float
    #: What it acknowledges, None where that is not known.
    ack: int | None


class Holes:
    """Directions in which segments wait, in the order in which they are given up."""

    def __init__(self) -> None:
        self.halves: OrderedDict[bytes, Half] = OrderedDict()
        #: Those whose next segment is there, and waits for bytes of the other direction that it acknowledges.
        self.ahead: OrderedDict[bytes, Half] = OrderedDict()
        #: Those that are of no interest.
        self.dropped: dict[bytes, Half] = {}

    def add(self, half: Half) -> None:
        """Segments of a direction wait."""
        self.halves[half.key] = half

    def discard(self, half: Half) -> None:
        """No segment of a direction waits."""
        self.halves.pop(half.key, None)
        self.ahead.pop(half.key, None)

    def expire(self, frame: int, time: float) -> Half | None:
        """Give up what has been missing for too long in one direction, and say in which."""
        while self.ahead:
            half = next(iter(self.ahead.values()))
            found = half.ready
            if found is None:
                del self.ahead[half.key]
            elif frame - found.frame >= _SHUFFLED or time - found.time > _SHUFFLED_TIME:
                # Streams of the same two hosts that go on would get far ahead of this one.
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

    ``next`` is the sequence number expected next, negative before the first segment was seen. Segments wait in order where
    earlier bytes are missing, and where they acknowledge bytes of the other direction (``peer``) that were not seen:
    then these come late, or the capture missed them. What is missing is given up as a gap when the other side
    acknowledges it (it did arrive), when too much waits, and when nobody was heard for too long.
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
        #: While a gap is told, where it begins.
        self.hole: int | None = None
        #: Sequence number of the SYN, and the one behind the FIN, where they were seen.
        self.start: int | None = None
        self.fin: int | None = None
        self.connection: Connection | None = None
        self.consumer: Consumer | None = None
        self.ignored = False
        self.finished = False
        #: Since when segments wait, or the other side did not say what it lacks.
        self.since = 0.0
        self.waiting: dict[int, _Segment] = {}
        self.waiting_bytes = 0
        #: Their places in the stream in order, counted from a sequence number without wrapping.
        self.order: list[int] = []
        self.origin: i64 = 0

    def segment(self, sequence: int, data: bytes, frame: int, time: float, ack: int | None = None) -> None:
        """A segment with payload that is not simply the next one; ``ack`` is what it acknowledges."""
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
        """Whether bytes of the other direction were acknowledged that were not seen."""
        peer = self.peer
        if ack is None or peer is None or peer.next < 0 or peer.ignored:
            return False
        ahead = (ack - peer.next) % _MODULUS
        # A FIN counts as a byte; more than a window is no acknowledgement but damage.
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
                self.consumer.overflow(f"too much waits for a missing segment (limit {kind})", segment.frame)
            self.give_up()
        elif segment.time - self.since > limits.seconds:
            self.give_up()
        elif self.peer is not None:
            other = self.peer.ready
            if other is not None and other.ack is not None:
                # What the other side sends next acknowledges what is missing here.
                self._acknowledged(other.ack)

    def _here(self) -> int:
        """The place of the next byte."""
        here = (self.next - self.origin) % _MODULUS
        if here > _WINDOW:
            # Count from here, so that places never wrap.
            self.order = [place - here for place in self.order]
            self.origin = self.next
            return 0
        return here

    def _insert(self, sequence: int, segment: _Segment) -> None:
        """Let a segment wait that begins at or after the next byte."""
        here = self._here()
        insort(self.order, here + (sequence - self.next) % _MODULUS)
        self.waiting[sequence] = segment
        self.waiting_bytes += len(segment.data)

    def _remove(self, index: int) -> _Segment:
        """Remove a waiting segment by its index in the order."""
        found = self.waiting.pop((self.order.pop(index) + self.origin) % _MODULUS)
        self.waiting_bytes -= len(found.data)
        return found

    def _remove_next(self) -> None:
        """Remove the segment that begins at the next byte."""
        self._remove(bisect_left(self.order, self._here()))

    def deliver(self, data: bytes, frame: int, time: float) -> None:
        """Pass the next bytes to the consumer, and let it name the consumer of the following ones."""
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
        """Deliver what waited for what has just come, in both directions."""
        peer = self.peer
        while self._drain(frame, time) or (peer is not None and peer.waiting and peer._drain(frame, time)):  # noqa: SLF001
            pass

    def _drain(self, frame: int, time: float) -> bool:
        """Deliver what waits for nothing any more; whether there was something."""
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
        """Wait no more, when nothing does."""
        if not self.waiting:
            self.holes.discard(self)

    def _overlapping(self) -> _Segment | None:
        """A waiting segment that begins before the expected byte and reaches beyond it, cut to begin there."""
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
        """The sequence number of the segment behind the hole."""
        index = bisect_left(self.order, self._here())
        return (self.order[index if index < len(self.order) else 0] + self.origin) % _MODULUS

    def acknowledged(self, sequence: int, time: float) -> None:
        """The other side has everything up to a sequence number: what is missing of that was never captured."""
        if not self._acknowledged(sequence) and self.waiting:
            # It still lacks it, so that it will be sent again.
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
        """The next segment where it waits, because of what it acknowledges."""
        return None if self.next < 0 else self.waiting.get(self.next)

    def give_up(self) -> None:
        """What is missing will not come: report the gap and go on behind it."""
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
        """The bytes up to a sequence number were not captured; what waits before it is delivered."""
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
        """A gap up to a sequence number."""
        size = (sequence - self.next) % _MODULUS
        self.hole, self.next = self.next, sequence
        if self.consumer is not None:
            self.consumer.gap(size, frame, time)
        self.hole = None

    @property
    def complete(self) -> bool:
        """Whether everything up to the FIN has been delivered."""
        return self.fin is not None and (self.next < 0 or (self.next - self.fin) % _MODULUS < _HALF)

    def drop(self) -> None:
        """Nothing of this direction matters any more."""
        self.ignored = True
        if not self.finished:
            self.holes.dropped[self.key] = self
        self.waiting.clear()
        self.order.clear()
        self.waiting_bytes = 0
        self._tidy()
        self.consumer = None

    def close(self, frame: int, time: float) -> None:
        """The direction has ended: give up everything that is missing."""
        while self.waiting:
            self.give_up()
        if self.fin is not None:
            self.skip(self.fin, frame, time)
        self.finished = True
