"""Measure the decoding time per type of packet, compared with a bare ``Struct.unpack_from``.

    python benchmarks/decode.py [--rounds 25] [--all]

Both read the same bytes alternately; the best round counts. The ratios are decoding times divided by times of the bare
reading of as many DWORDs. "and every value" also decodes all variable data, which decoding alone does not access.
"""

from __future__ import annotations

import argparse
from itertools import repeat
from statistics import median
from struct import Struct
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from protocol import line
from protocol.event import COMPLETIONS, EVENTS, Events, decode_event, decode_events
from protocol.packet import REQUESTS, decode_request, decode_response
from protocol.structure import STRUCTURES

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOPS = 1_000
#: Maximum ratio for a common packet.
_LIMIT = 3.0


class _Bare:
    """The object of the bare reading."""

    __slots__ = ("words",)

    def __init__(self, words: tuple[int, ...]) -> None:
        self.words = words


class Case(NamedTuple):
    """A type of packet: its bytes, its decoder, and the bare reading of as many DWORDs."""

    group: str
    name: str
    data: bytes
    decode: Callable[[bytes], Any]
    bare: Callable[[bytes], tuple[int, ...]]
    common: bool = False


def _words(count: int) -> Callable[[bytes], tuple[int, ...]]:
    return Struct(f"<{count}I").unpack_from


def _spent(function: Callable[[bytes], Any], data: bytes) -> float:
    start = perf_counter()
    for _ in repeat(None, _LOOPS):
        function(data)
    return perf_counter() - start


def _spent_bare(unpack: Callable[[bytes], tuple[int, ...]], data: bytes) -> float:
    start = perf_counter()
    for _ in repeat(None, _LOOPS):
        _Bare(unpack(data))
    return perf_counter() - start


def _spent_reading(decode: Callable[[bytes], Any], data: bytes) -> float:
    start = perf_counter()
    for _ in repeat(None, _LOOPS // 10):
        found = decode(data)
        for record in found.events if isinstance(found, Events) else (found,):
            record.values()
    return (perf_counter() - start) * 10


def cases() -> list[Case]:
    """Return every request, response, event, completion and structure, with its defaults."""
    found = []
    for kind in REQUESTS.values():
        name = f"{kind.device}.{kind.__name__}"
        asked: Any = kind()
        variable = any(field.turn for field in kind.layout.fields)
        found.append(Case("request", name, asked.encode(), decode_request, _words(15), common=not variable))

        def decode(data: bytes, kind: Any = kind) -> Any:
            return decode_response(data, kind)

        found.append(Case("response", name, kind(ack=1).encode(), decode, _words(15)))
    for event in EVENTS.values():
        common = event.__name__ in ("LINE_CALLSTATE", "LINE_REPLY")
        bare = _words(event.fixed // 4)
        found.append(Case("event", event.__name__, event().encode(), decode_event, bare, common=common))
    for completion in COMPLETIONS.values():

        def complete(data: bytes, kind: Any = completion.completes) -> Any:
            return decode_event(data, lambda _: kind)

        bare = _words(completion.fixed // 4)
        found.append(Case("completion", completion.__name__, completion().encode(), complete, bare))
    for structure in STRUCTURES.values():
        data = structure().encode()

        def look(data: bytes, kind: Any = structure, end: int = len(data)) -> Any:
            return kind.at(data, 0, end)

        found.append(Case("structure", structure.__name__, data, look, _words(structure.layout.words)))
    transfer = line.BlindTransfer(call=0x10005, dest_address="5551234", request_id=7)
    found.append(Case("with a string", "line.BlindTransfer", transfer.encode(), decode_request, _words(15)))
    buffer = b"".join(EVENTS[2](call_state=0x100, call=number).encode() for number in range(8))
    eight = Struct("<10I").iter_unpack

    def bare_buffer(data: bytes) -> tuple[int, ...]:
        return tuple(_Bare(words) for words in eight(data))  # type: ignore[misc]

    found.append(Case("buffer", "8 x LINE_CALLSTATE", buffer, decode_events, bare_buffer))
    return found


class Cost(NamedTuple):
    """Nanoseconds: bare reading, decoding, decoding with all values."""

    bare: float
    decoding: float
    reading: float

    @property
    def ratio(self) -> float:
        return self.decoding / self.bare


def measure(found: list[Case], rounds: int) -> dict[Case, Cost]:
    """Return the best of several rounds; each round measures all cases, each directly after its bare reading."""
    best: dict[Case, tuple[float, ...]] = {}
    for _ in range(rounds):
        for case in found:
            spent = (
                _spent_bare(case.bare, case.data),
                _spent(case.decode, case.data),
                _spent_reading(case.decode, case.data),
            )
            best[case] = tuple(map(min, spent, best.get(case, spent)))
    return {case: Cost(*(time / _LOOPS * 1e9 for time in times)) for case, times in best.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--all", action="store_true", help="print every kind of packet, not only the common ones")
    options = parser.parse_args()
    costs = measure(cases(), options.rounds)
    head = f"{'':42} {'bare':>8} {'decode':>8} {'ratio':>6} {'and every value':>16}"
    print(head)
    for case, cost in costs.items():
        lonely = case.group in ("buffer", "with a string")
        if options.all or lonely or (case.common and case.group == "event"):
            label = f"{case.group} {case.name}"
            print(f"{label:42} {cost.bare:5.0f} ns {cost.decoding:5.0f} ns {cost.ratio:6.2f} {cost.reading:13.0f} ns")
    print(f"\n{'ratio':42} {'least':>8} {'median':>8} {'most':>6}")
    groups: dict[str, list[float]] = {}
    for case, cost in costs.items():
        groups.setdefault(f"{case.group}s", []).append(cost.ratio)
        if case.common:
            name = "requests without variable part" if case.group == "request" else case.name
            groups.setdefault(f"common: {name}", []).append(cost.ratio)
    for group, ratios in groups.items():
        if len(ratios) > 1 or group.startswith("common"):
            print(f"{f'{len(ratios)} {group}':42} {min(ratios):8.2f} {median(ratios):8.2f} {max(ratios):6.2f}")
    worst = max(cost.ratio for case, cost in costs.items() if case.common)
    print(f"\nthe dearest of the common ones costs {worst:.2f} times the bare reading (limit {_LIMIT:g})")
    return 1 if worst > _LIMIT else 0


if __name__ == "__main__":
    raise SystemExit(main())
