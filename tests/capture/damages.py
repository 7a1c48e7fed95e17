"""Damaged copies of legal conversations: each segment missing, each start, direction, connection, burst and swap.

``python tests/capture/damages.py`` judges all of them and lists the findings; a failure ends it with status 1.
"""

from __future__ import annotations

import argparse
import io
import itertools
import random
import re
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from frames import FIN, RST, SYN, Segment, judge, segments_of

from fsm.engine.levels import Verdict
from mstrp.generate import Wire
from mstrp.generate.flows import FLOWS, Flow
from mstrp.generate.play import Play
from mstrp.generate.stages import WireStage, perform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CONVERSATIONS", "WARNINGS", "Copy", "Outcome", "copies_of", "judge_copies", "segments_named"]

RECORDINGS = Path(__file__).parent.parent / "captures"


#: Rules of the warnings that a damaged copy may give, and why.
WARNINGS = {
    **dict.fromkeys(
        (
            f"CALL-PRE-{name}"
            for name in ("Answer", "BlindTransfer", "Drop", "SetUpTransfer", "SetUpConference", "Hold", "Park")
        ),
        "a request that was recorded after the event that it caused: the file says that the state came first",
    ),
    "TRP-3.1.4.3-02": "an event connection whose last packets are missing: RemoteSPDetach may be among them",
    **dict.fromkeys(
        ("TRP-3.1.4.2-009-01", "TRP-3.1.4.2-091-01"),
        "Close of a device that LINE_CLOSE or PHONE_CLOSE had ended more than a second earlier",
    ),
}


class Copy(NamedTuple):
    """A damaged copy: how it was damaged, and what is left."""

    damage: str
    segments: list[Segment]


class Outcome(NamedTuple):
    """A finding about a damaged copy."""

    conversation: str
    damage: str
    verdict: str
    rule: str
    text: str


# -- conversations -------------------------------------------------------------------------------------------------


def _captured(play: Play, *, acknowledge: bool = True, step: float = 0.0005) -> list[Segment]:
    stream = io.BytesIO()
    perform(play.order(), WireStage(Wire(stream, acknowledge=acknowledge, step=step)))
    return segments_of(stream.getvalue())


def _plain(flow: Flow) -> list[Segment]:
    return _captured(flow.play())


def _slow(flow: Flow) -> list[Segment]:
    """A fifth of a second between two segments, so that no two packets are near each other in time."""
    return _captured(flow.play(), step=0.2)


def _shuffled(flow: Flow) -> list[Segment]:
    """Another legal order of the steps, without pure acknowledgements."""
    stream = io.BytesIO()
    perform(flow.play().order(random.Random(flow.name).randrange), WireStage(Wire(stream, acknowledge=False)))
    return segments_of(stream.getvalue())


def _pulled(flow: Flow) -> list[Segment]:
    """The client fetches its events."""
    play = Play()
    roles = [play.client(**{"model": "pull", **options}) for options in flow.clients]
    flow.write(*(play.script(role) for role in roles))
    for role in roles:
        if not flow.ends:
            play.finish(role, close=not flow.closes)
    return _captured(play)


def _recycled(flow: Flow, *, step: float = 0.0005) -> list[Segment]:
    """The flow three times in one session, with the same handles and request ids each time."""
    play = Play()
    roles = [play.client(**options) for options in flow.clients]
    handle, ids = play._handle, [role.next_id for role in roles]
    last: tuple[int, ...] = ()
    for _ in range(3):
        play._handle = handle
        for role, number in zip(roles, ids, strict=True):
            role.next_id = number
        flow.write(*(play.script(role, after=last) for role in roles))
        last = tuple(set().union(*(role.last for role in roles)))
    for role in roles:
        play.finish(role)
    return _captured(play, step=step)


def _recycled_slowly(flow: Flow) -> list[Segment]:
    return _recycled(flow, step=0.2)


def _again(flow: Flow, pause: float = 0.005) -> list[Segment]:
    """The whole session twice, over new connections, with the same handles but for the context handles."""
    first = _plain(flow)
    begin, end = first[0].time, first[-1].time
    ports = {each.source[1] for each in first if each.flags & SYN and not each.flags & 0x10}

    def moved(place: tuple[str, int]) -> tuple[str, int]:
        return (place[0], place[1] + 5000) if place[1] in ports else place

    return first + [
        each._replace(
            time=each.time - begin + end + pause,
            source=moved(each.source),
            target=moved(each.target),
            data=_CONTEXT.sub(rb"\1w", each.data),
        )
        for each in first
    ]


#: The context handles of `WireStage`.
_CONTEXT = re.compile(rb"(\x00{4}(?:\x01{12}|\x02{12})).", re.DOTALL)


def _again_later(flow: Flow) -> list[Segment]:
    """The same after 4 s: after 5 s without RemoteSPDetach, an event channel may have been left open."""
    return _again(flow, 4.0)


_WAYS: dict[str, tuple[Callable[[Flow], list[Segment]], Callable[[Flow], bool]]] = {
    "plain": (_plain, lambda flow: True),
    "slow": (_slow, lambda flow: True),
    "shuffled": (_shuffled, lambda flow: True),
    "pulled": (_pulled, lambda flow: all("model" not in options for options in flow.clients)),
    "recycled": (_recycled, lambda flow: flow.repeats),
    "recycled-slowly": (_recycled_slowly, lambda flow: flow.repeats),
    "again": (_again, lambda flow: True),
    "again-later": (_again_later, lambda flow: True),
}
#: Recordings in which a side breaks a rule, or that are encrypted.
_EXCLUDED = ("fault", "ntlm")


def _recorded() -> dict[str, Path]:
    return {path.name: path for path in sorted(RECORDINGS.glob("*.pcap")) if not any(w in path.name for w in _EXCLUDED)}


@cache
def segments_named(name: str) -> list[Segment]:
    """The segments of a conversation by its name."""
    if name in _recorded():
        return segments_of(_recorded()[name].read_bytes())
    flow, way = name.split(" ")
    return _WAYS[way][0](FLOWS[flow])


#: The names of all conversations.
CONVERSATIONS: tuple[str, ...] = (
    *(f"{flow.name} {way}" for way, (_, fits) in _WAYS.items() for flow in FLOWS.values() if fits(flow)),
    *_recorded(),
)


def _earned(name: str) -> frozenset[str]:
    """The rules of the warnings that the client of a conversation earns."""
    flow = FLOWS.get(name.split(" ", maxsplit=1)[0])
    return frozenset() if flow is None else flow.warns


# -- damage --------------------------------------------------------------------------------------------------------


def copies_of(segments: list[Segment]) -> Iterator[Copy]:
    """All damaged copies of a capture."""
    count = len(segments)
    data = [place for place, each in enumerate(segments) if each.data]
    for place in data:
        yield Copy(f"without frame {place + 1}", segments[:place] + segments[place + 1 :])
    for place in data:
        yield Copy(f"from frame {place + 1} on", segments[place:])
    for way in dict.fromkeys(each.direction for each in segments):
        yield Copy(f"without {_arrow(way)}", [each for each in segments if each.direction != way])
    for ends in dict.fromkeys(frozenset(each.direction) for each in segments):
        kept = [each for each in segments if frozenset(each.direction) != ends]
        yield Copy(f"without connection {sorted(ends)}", kept)
    for size in (2, 5, 13, 34):
        for place in range(0, count, max(1, size // 2)):
            yield Copy(f"without frames {place + 1} to {place + size}", segments[:place] + segments[place + size :])
    for place, (one, two) in enumerate(itertools.pairwise(segments)):
        if one.direction != two.direction and not (one.flags | two.flags) & (SYN | FIN | RST):
            swapped = [two._replace(time=one.time), one._replace(time=two.time)]
            yield Copy(
                f"frames {place + 1} and {place + 2} swapped", segments[:place] + swapped + segments[place + 2 :]
            )


def _arrow(way: tuple[Any, Any]) -> str:
    return "{0[0]}:{0[1]} > {1[0]}:{1[1]}".format(*way)


# -- judging -------------------------------------------------------------------------------------------------------


def judge_copies(name: str, every: int = 1, first: int = 0) -> tuple[int, list[Outcome]]:
    """Judge every n-th damaged copy of a conversation; return their number and the findings, notes apart."""
    earned = _earned(name)
    found: list[Outcome] = []
    number = 0
    whole = Copy("whole", segments_named(name))
    for copy in itertools.chain([whole], itertools.islice(copies_of(whole.segments), first, None, every)):
        number += 1
        for each in judge(copy.segments).findings:
            if each.verdict is not Verdict.INFO and each.rule not in earned:
                found.append(Outcome(name, copy.damage, each.verdict.value, each.rule, f"{each.frame}: {each.summary}"))
    return number, found


def main() -> int:
    """Judge the damaged copies and list the findings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=None, help="processes (default: one for each processor)")
    parser.add_argument("--every", type=int, default=1, help="judge every n-th copy of each conversation only")
    parser.add_argument("--all", action="store_true", help="print each finding, not one for each rule")
    parser.add_argument("names", nargs="*", help="conversations that contain one of these words (default: all)")
    options = parser.parse_args()
    chosen = [name for name in CONVERSATIONS if not options.names or any(word in name for word in options.names)]
    counts: Counter[tuple[str, str]] = Counter()
    failing: set[tuple[str, str]] = set()
    total = 0
    with ProcessPoolExecutor(options.jobs) as pool:
        for number, outcomes in pool.map(judge_copies, chosen, itertools.repeat(options.every)):
            total += number
            for each in outcomes:
                kind = each.verdict, each.rule
                counts[kind] += 1
                if each.verdict == "fail":
                    failing.add(each[:2])
                if options.all or counts[kind] == 1:
                    print(f"{each.conversation}, {each.damage}: {each.verdict} {each.rule} {each.text}", flush=True)  # noqa: T201
    for (verdict, rule), count in sorted(counts.items()):
        print(f"{count:6} {verdict} {rule}")  # noqa: T201
    print(f"{total} copies of {len(chosen)} conversations, {len(failing)} with a failure")  # noqa: T201
    unknown = {rule for verdict, rule in counts if verdict == "warn"} - set(WARNINGS)
    for rule in sorted(unknown):
        print(f"warning without an explanation: {rule}")  # noqa: T201
    return 1 if failing or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
