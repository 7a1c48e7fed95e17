"""TCP streams put together: order, retransmission, overlap, gaps, the wrap of sequence numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from mstrp.capture.limits import Limits

__all__ = ["Consumer", "Endpoint", "Half"]

_MODULUS = 1 << 32
_HALF = 1 << 31


class Endpoint(NamedTuple):
    """An address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Consumer(Protocol):
    """Takes the bytes of one direction in order."""

    def feed(self, data: bytes, frame: int, time: float) -> None:
        """The next bytes; ``frame`` is the one that completed them."""

    def gap(self, size: int, frame: int, time: float) -> None:
        """``size`` bytes before those of this frame will never come."""

    def overflow(self, what: str, frame: int) -> None:
        """A limit was hit while bytes waited for missing ones."""


class Half:
    """One direction of a connection.

    ``next`` is the sequence number expected next, None before the first segment was seen. Segments that come too
    early wait in order. What is missing is given up as a gap when the other side acknowledges it (it did arrive, the
    capture has missed it), and when too much waits or for too long. ``holes`` has all halves in which segments wait.
    """

    __slots__ = (
        "consumer",
        "fin",
        "finished",
        "heard",
        "holes",
        "ignored",
        "key",
        "limits",
        "next",
        "start",
        "waiting",
        "waiting_bytes",
    )

    def __init__(self, key: bytes, limits: Limits, holes: dict[bytes, Half] | None = None) -> None:
        self.key = key
        self.limits = limits
        self.holes: dict[bytes, Half] = {} if holes is None else holes
        self.next: int | None = None
        #: Sequence number of the SYN, and the one behind the FIN, where they were seen.
        self.start: int | None = None
        self.fin: int | None = None
        self.consumer: Consumer | None = None
        self.ignored = False
        self.finished = False
        #: Whether the other side has been heard since segments wait.
        self.heard = False
        self.waiting: dict[int, tuple[bytes, int, float]] = {}
        self.waiting_bytes = 0

    def segment(self, sequence: int, data: bytes, frame: int, time: float) -> None:
        """A segment with payload that is not simply the next one."""
        if self.next is None:
            self.next = sequence
        distance = (sequence - self.next) % _MODULUS
        if distance >= _HALF:
            overlap = _MODULUS - distance
            if overlap >= len(data):
                return
            data = data[overlap:]
            distance = 0
        if distance:
            self._wait(sequence, data, frame, time)
            return
        self._deliver(data, frame, time)
        self._drain(frame, time)

    def _wait(self, sequence: int, data: bytes, frame: int, time: float) -> None:
        known = self.waiting.get(sequence)
        if known is not None and len(known[0]) >= len(data):
            return
        if known is not None:
            self.waiting_bytes -= len(known[0])
        self.waiting[sequence] = (data, frame, time)
        self.waiting_bytes += len(data)
        self.holes[self.key] = self
        limits = self.limits
        if self.waiting_bytes > limits.waiting or len(self.waiting) > limits.segments:
            if self.consumer is not None:
                kind = "waiting" if self.waiting_bytes > limits.waiting else "segments"
                self.consumer.overflow(f"too much waits for a missing segment (limit {kind})", frame)
            self.give_up()
        elif not self.heard and time - next(iter(self.waiting.values()))[2] > limits.seconds:
            self.give_up()

    def _deliver(self, data: bytes, frame: int, time: float) -> None:
        assert self.next is not None
        self.next = (self.next + len(data)) % _MODULUS
        if self.consumer is not None:
            self.consumer.feed(data, frame, time)

    def _drain(self, frame: int, time: float) -> None:
        """Deliver what waited for the segment that has just come."""
        while True:
            if not self.waiting:
                self.holes.pop(self.key, None)
                self.heard = False
                return
            assert self.next is not None
            found = self.waiting.pop(self.next, None)
            if found is None:
                found = self._overlapping()
                if found is None:
                    return
            else:
                self.waiting_bytes -= len(found[0])
            self._deliver(found[0], max(frame, found[1]), max(time, found[2]))

    def _overlapping(self) -> tuple[bytes, int, float] | None:
        """A waiting segment that begins before the expected byte and reaches beyond it."""
        assert self.next is not None
        for sequence in list(self.waiting):
            behind = (self.next - sequence) % _MODULUS
            if behind < _HALF:
                data, frame, time = self.waiting.pop(sequence)
                self.waiting_bytes -= len(data)
                if behind < len(data):
                    return data[behind:], frame, time
        return None

    def _first(self, expected: int) -> int:
        """The sequence number of the segment behind the hole."""
        return min(self.waiting, key=lambda waiting: (waiting - expected) % _MODULUS)

    def acknowledged(self, sequence: int) -> None:
        """The other side has everything up to a sequence number: what is missing of that was never captured."""
        self.heard = True
        while self.waiting and self.next is not None and (sequence - self._first(self.next)) % _MODULUS < _HALF:
            self.give_up()

    def give_up(self) -> None:
        """What is missing will not come: report the gap and go on behind it."""
        if not self.waiting or self.next is None:
            return
        sequence = self._first(self.next)
        size = (sequence - self.next) % _MODULUS
        _, frame, time = self.waiting[sequence]
        self.next = sequence
        if self.consumer is not None:
            self.consumer.gap(size, frame, time)
        self._drain(frame, time)

    @property
    def complete(self) -> bool:
        """Whether everything up to the FIN has been delivered."""
        return self.fin is not None and (self.next is None or (self.next - self.fin) % _MODULUS < _HALF)

    def drop(self) -> None:
        """Nothing of this direction matters any more."""
        self.ignored = True
        self.waiting.clear()
        self.waiting_bytes = 0
        self.holes.pop(self.key, None)
        self.consumer = None

    def close(self) -> None:
        """The direction has ended: give up everything that is missing."""
        while self.waiting:
            self.give_up()
        self.finished = True
