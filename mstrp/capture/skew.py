"""Directions out of step: clock differences that TCP acknowledgements prove, and the order of frames without them.

A capture merged from two interfaces has one clock for each direction. An acknowledgement that is earlier than its data
shows the difference. Retransmissions and losses show the same, but not by one constant for all frames of two hosts.
"""

from __future__ import annotations

import ipaddress
import math
from collections import deque
from heapq import heappop, heappush
from itertools import islice
from struct import Struct
from struct import error as StructError
from typing import TYPE_CHECKING, Final, NamedTuple

from mstrp.capture.tunnels import innermost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mstrp.capture.files import Frame

__all__ = ["Skew", "aligned", "skews"]

#: Frames at the beginning of a capture that are looked at.
_FRAMES: Final = 1_024
#: Acknowledgements that have to be earlier than their data.
_PROOFS: Final = 3
#: Segments and acknowledgements of a direction that are compared.
_RECENT: Final = 64
#: Frames that wait for earlier ones at most.
_WAITING: Final = 65_536
#: How much earlier than its acknowledgement a segment is put, in seconds.
_BEFORE: Final = 1e-6
_TCP: Final = Struct(">HHIIBB").unpack_from
_PROTOCOL: Final = 6
_FIN_SYN, _ACK = 0x03, 0x10
_MODULUS: Final = 1 << 32
_HALF: Final = 1 << 31


class Skew(NamedTuple):
    """What to add to the times of the frames from one host to another, in seconds."""

    addresses: bytes
    offset: float

    def __str__(self) -> str:
        size = len(self.addresses) // 2
        source, target = (ipaddress.ip_address(part) for part in (self.addresses[:size], self.addresses[size:]))
        way = "late" if self.offset < 0 else "early"
        return (
            f"clock skew: TCP acknowledgements prove that the frames from {source} to {target} are recorded "
            f"{abs(self.offset) * 1000:.3f} ms too {way}; their times are corrected; to correct the capture itself, shift "
            f"the file of this interface with editcap -t {self.offset:.6f} before mergecap"
        )


class _Side:
    """One direction of a connection."""

    __slots__ = ("acks", "data", "high")

    def __init__(self) -> None:
        self.high = -1
        #: Recent segments with new data, and recent acknowledgements, each with its time.
        self.data: deque[tuple[int, float]] = deque(maxlen=_RECENT)
        self.acks: deque[tuple[int, float]] = deque(maxlen=_RECENT)


class _Pair:
    """Two hosts: the bounds of the offset for the frames from the one with the lower address."""

    __slots__ = ("early", "lower", "upper")

    def __init__(self) -> None:
        self.lower, self.upper = -math.inf, math.inf
        #: Acknowledgements of each direction that are earlier than their data.
        self.early = [0, 0]

    def bound(self, side: int, delay: float) -> None:
        """Process the time from a segment of a direction to its acknowledgement."""
        self.early[side] += delay < 0
        if side:
            self.lower = max(self.lower, -delay)
        else:
            self.upper = min(self.upper, delay)

    @property
    def offset(self) -> float:
        """The offset, 0 if none is proven."""
        if not -math.inf < self.lower <= self.upper < math.inf:
            return 0.0
        if self.upper < 0 and self.early[0] >= _PROOFS:
            return self.upper - _BEFORE
        return self.lower + _BEFORE if self.lower > 0 and self.early[1] >= _PROOFS else 0.0


def skews(frames: Iterable[Frame]) -> list[Skew]:
    """The clock differences that the first frames of a capture prove."""
    pairs: dict[bytes, _Pair] = {}
    sides: dict[bytes, tuple[_Side, _Side]] = {}
    for _, time, link, data, start, end, _ in islice(frames, _FRAMES):
        try:
            found = innermost(link, data, start, end)
            if found is None or found.protocol != _PROTOCOL:
                continue
            here, there, sequence, ack, offset, flags = _TCP(data, found.start)
        except (IndexError, StructError):
            continue
        size = found.stop - found.start - (offset >> 4 << 2) + bool(flags & _FIN_SYN)
        addresses = found.addresses
        half = len(addresses) // 2
        source, target = addresses[:half], addresses[half:]
        side = int((source, here) > (target, there))
        if side:
            source, target, here, there = target, source, there, here
        if source == target:
            continue
        pair = pairs.setdefault(source + target, _Pair())
        both = sides.setdefault(b"%b%b%d:%d" % (source, target, here, there), (_Side(), _Side()))
        _compare(pair, both, side, (sequence + size) % _MODULUS if size > 0 else -1, ack if flags & _ACK else -1, time)
    return [Skew(addresses, pair.offset) for addresses, pair in pairs.items() if pair.offset]


def _compare(pair: _Pair, both: tuple[_Side, _Side], side: int, end: int, ack: int, time: float) -> None:
    """Compare a segment with recent acknowledgements of the other direction, and its own with the recent data there."""
    here, there = both[side], both[1 - side]
    if end >= 0 and (here.high < 0 or 0 < (end - here.high) % _MODULUS < _HALF):
        here.high = end
        here.data.append((end, time))
        for number, moment in there.acks:
            if (number - end) % _MODULUS < _HALF:
                pair.bound(side, moment - time)
                break
    if ack >= 0 and (not here.acks or 0 < (ack - here.acks[-1][0]) % _MODULUS < _HALF):
        here.acks.append((ack, time))
        for number, moment in reversed(there.data):
            if (ack - number) % _MODULUS < _HALF:
                pair.bound(1 - side, time - moment)
                break


def aligned(frames: Iterable[Frame], found: Iterable[Skew]) -> Iterator[Frame]:
    """The frames with corrected times, in their order."""
    offsets = {skew.addresses: skew.offset for skew in found}
    earliest = min(0.0, *offsets.values())
    waiting: list[tuple[float, int, Frame]] = []
    for frame in frames:
        number, time, link, data, start, end, length = frame
        try:
            packet = innermost(link, data, start, end)
        except IndexError:
            packet = None
        moment = time
        if packet is not None:
            moment += offsets.get(packet.addresses, 0.0)
        heappush(waiting, (moment, number, (number, moment, link, data, start, end, length)))
        while waiting and (waiting[0][0] <= time + earliest or len(waiting) > _WAITING):
            yield heappop(waiting)[2]
    while waiting:
        yield heappop(waiting)[2]
