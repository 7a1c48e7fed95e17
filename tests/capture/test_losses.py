"""Missing or reordered packets cause no finding: a legal conversation with any losses has none."""

from __future__ import annotations

import io
import random
from pipes import Choices, piped
from typing import TYPE_CHECKING

import pytest
from frames import FIN, RST, SYN, Segment, cut, facts, frames_of, judge, pcap, scenario, segments_of
from hypothesis import given, settings
from hypothesis import strategies as st

from mstrp.capture.files import open_capture
from mstrp.capture.hints import Hints, Setup
from mstrp.checking import check_capture
from mstrp.generate import Wire
from mstrp.generate.flows import FLOWS, Flow
from mstrp.generate.play import Play
from mstrp.generate.stages import WireStage, perform
from protocol.ndr import ALL_DEVICES, METHODS, TAPSRV, TELEPHONY, ClientAttach, ClientAttachResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mstrp.checking import CaptureResult

SEGMENTS = segments_of(scenario())
CLIENT, SERVER = SEGMENTS[0].direction
MANY = settings(max_examples=settings().max_examples * 2)


def blame(result: CaptureResult) -> list[str]:
    """Return the findings of a report with a side at fault."""
    return [f"{each.frame}: {each.rule} {each.summary}" for each in result.findings if each.verdict.value != "info"]


# -- any conversation, any loss ------------------------------------------------------------------------------------


def conversation(rng: random.Random) -> tuple[Flow, list[Segment]]:
    """Any flow in any legal order: push or pull, over TCP or a pipe, in either transfer syntax, cut anywhere."""
    flow = FLOWS[rng.choice(sorted(FLOWS))]
    pull = rng.random() < 0.3
    play = Play()
    options = [{**each, "model": "pull"} if pull and "model" not in each else each for each in flow.clients]
    roles = [play.client(**each) for each in options]
    flow.write(*(play.script(role) for role in roles))
    for role in roles:
        if not flow.ends:
            play.finish(role, close=not flow.closes)
    stream = io.BytesIO()
    wire = Wire(stream, acknowledge=rng.random() < 0.7, step=rng.choice([0.0005, 0.01]))
    perform(play.order(rng.randrange), WireStage(wire, ndr64=rng.random() < 0.3))
    segments = segments_of(stream.getvalue())
    if len(roles) == 1 and not pull and rng.random() < 0.4:
        ways = Choices(rng.choice(["write", "ioctl"]), rng.random() < 0.5, rng.choice([65_536, 1000, 100]))
        segments = piped(segments, ways._replace(compound=rng.random() < 0.3, noise=rng.random() < 0.3))
    if rng.random() < 0.3:
        some = [cut(each, [rng.randrange(1, len(each.data))]) if len(each.data) > 60 else [each] for each in segments]
        segments = [part for parts in some for part in parts]
    return flow, segments


def _few(rng: random.Random, segments: list[Segment]) -> list[Segment]:
    gone = set(rng.sample(range(len(segments)), rng.randint(1, 3)))
    return [each for place, each in enumerate(segments) if place not in gone]


def _many(rng: random.Random, segments: list[Segment]) -> list[Segment]:
    rate = rng.choice([0.05, 0.2, 0.5])
    return [each for each in segments if rng.random() > rate]


def _burst(rng: random.Random, segments: list[Segment]) -> list[Segment]:
    first = rng.randrange(len(segments))
    return segments[:first] + segments[first + rng.randint(1, len(segments) // 4) :]


def _ways(rng: random.Random, segments: list[Segment]) -> list[Segment]:
    gone = {way for way in sorted({each.direction for each in segments}) if rng.random() < 0.4}
    return [each for each in segments if each.direction not in gone]


def _bare(rng: random.Random, segments: list[Segment]) -> list[Segment]:
    return [each for each in segments if each.data and rng.random() > 0.05]


def _beginning(rng: random.Random, segments: list[Segment]) -> list[Segment]:
    return segments[rng.randrange(len(segments)) :]


def _end(rng: random.Random, segments: list[Segment]) -> list[Segment]:
    return segments[: rng.randrange(len(segments))]


def _copies(rng: random.Random, segments: list[Segment]) -> list[Segment]:
    found: list[Segment] = []
    for each in segments:
        found += [each] * (1 + (rng.random() < 0.2))
        if rng.random() < 0.1:
            found.append(rng.choice(found)._replace(time=each.time))
    return found


def _swapped(rng: random.Random, segments: list[Segment]) -> list[Segment]:
    """Exchange neighboring segments of one connection, in any direction."""
    found = list(segments)
    for place in range(0, len(found) - 1, 2):
        one, two = found[place : place + 2]
        if {*one.direction} == {*two.direction} and not (one.flags | two.flags) & (SYN | FIN | RST):
            found[place : place + 2] = two._replace(time=one.time), one._replace(time=two.time)
    return found


@pytest.mark.parametrize(
    "loss", [_few, _many, _burst, _ways, _bare, _beginning, _end, _copies, _swapped], ids=lambda loss: loss.__name__[1:]
)
@MANY
@given(seed=st.integers(0, 2**32))
def test_nobody_is_blamed_for_what_is_missing(
    loss: Callable[[random.Random, list[Segment]], list[Segment]], seed: int
) -> None:
    """Missing, duplicated or exchanged frames in a legal conversation give notes, and no finding."""
    rng = random.Random(seed)
    flow, segments = conversation(rng)
    setup = Setup(hints=Hints(everywhere=rng.random() < 0.3))
    result = judge(loss(rng, segments), setup=setup)
    assert [each for each in blame(result) if not any(rule in each for rule in flow.warns)] == []


@given(data=st.data())
def test_nobody_is_blamed_for_what_a_recording_lacks(captures: Path, data: st.DataObject) -> None:
    """The same for recordings between independent stacks."""
    places = sorted(
        place for place in captures.glob("*.pcap") if "fault" not in place.name and "ntlm" not in place.name
    )
    place = data.draw(st.sampled_from(places))
    with open_capture(place, lambda frame, text: None) as source:
        count = sum(1 for _ in source)
    gone = data.draw(st.sets(st.integers(1, count), max_size=count // 4))
    kept = bytearray(place.read_bytes()[:24])
    whole, position = place.read_bytes(), 24
    for number in range(1, count + 1):
        end = position + 16 + int.from_bytes(whole[position + 8 : position + 12], "little")
        if number not in gone:
            kept += whole[position:end]
        position = end
    assert blame(judge(bytes(kept))) == []


# -- time of detection ---------------------------------------------------------------------------------------------


def _is_channel(segment: Segment) -> bool:
    return SERVER[1] not in {segment.source[1], segment.target[1]}


@pytest.mark.parametrize(("pause", "early"), [(0.1, False), (4.0, True)])
def test_a_hole_that_nobody_acknowledges_is_given_up_when_time_goes_on(pause: float, early: bool) -> None:
    """Events after a missing segment are checked after the time limit, even if only other connections continue."""
    events = [n for n, each in enumerate(SEGMENTS) if _is_channel(each) and each.data and each.target[0] == CLIENT[0]]
    gone, behind = events[3:5]
    way = SEGMENTS[gone].direction
    # No later response of the client is captured.
    kept = [each for n, each in enumerate(SEGMENTS[: behind + 1]) if n < gone or (n > gone and each.direction == way)]
    others = [
        each._replace(
            source=(each.source[0].replace("10.0.0.1", "10.0.0.9"), each.source[1]),
            target=(each.target[0].replace("10.0.0.1", "10.0.0.9"), each.target[1]),
            time=each.time + pause,
        )
        for each in SEGMENTS
    ]
    order: list[int] = []
    result = judge([*kept, *others], on_packet=lambda packet: order.append(packet.frame))
    assert len(kept) in [frame for frame, text in result.notes if "missing before this frame" in text]
    assert (order.index(len(kept)) < order.index(max(order))) is early
    assert blame(result) == []


def test_an_answer_shows_that_what_it_acknowledges_arrived() -> None:
    """A request that acknowledges a missing response reveals the gap before anything else is checked."""
    answers = [n for n, each in enumerate(SEGMENTS) if each.source == SERVER and each.data]
    place = answers[4]
    kept = [each for n, each in enumerate(SEGMENTS) if n != place and (each.data or each.flags & 7)]
    asked = next(n for n, each in enumerate(kept, 1) if each.source == CLIENT and each.time > SEGMENTS[place].time)
    result = judge(kept)
    (frame,) = [frame for frame, text in result.notes if "missing before this frame" in text]
    assert frame in {asked, asked + 1}


def test_what_is_missing_before_the_end_is_told() -> None:
    """If the last bytes before a FIN are missing, only the FIN reveals it."""
    for way in (SEGMENTS[0].direction, SEGMENTS[0].direction[::-1]):
        last = max(n for n, each in enumerate(SEGMENTS) if each.direction == way and each.data)
        kept = [each for n, each in enumerate(SEGMENTS) if n != last and (n < last or each.data or each.flags & FIN)]
        result = judge(kept)
        assert sum("missing before this frame" in text for _, text in result.notes) == 1
        assert blame(result) == []


def test_a_capture_without_the_event_channel_is_told() -> None:
    """If the event channel was not captured, a note reports it, and dependent rules are not checked."""
    result = judge([each for each in SEGMENTS if not _is_channel(each)])
    assert [text for _, text in result.notes] == ["session s1: its event channel is missing; events were not seen"]
    assert result.sessions[0].requests == judge(SEGMENTS).sessions[0].requests
    assert blame(result) == []


def test_directions_that_were_exchanged_are_put_in_order() -> None:
    """A request captured before the response that it acknowledges is checked after it."""
    expected = facts(judge(SEGMENTS))
    for place in range(len(SEGMENTS) - 1):
        one, two = SEGMENTS[place : place + 2]
        if one.data and two.data and one.direction == two.direction[::-1]:
            order = [
                *SEGMENTS[:place],
                two._replace(time=one.time),
                one._replace(time=two.time),
                *SEGMENTS[place + 2 :],
            ]
            result = judge(order)
            # Only sequence numbers show the position of a response that precedes its request.
            assert facts(result) == expected
            assert result.notes == []


# -- retained findings ---------------------------------------------------------------------------------------------


def test_findings_stay_where_a_hole_comes_later(captures: Path) -> None:
    """A finding is discarded only if the gap may have started before it."""
    place = captures / "impacket-scapy_fault_unknown_hcall.pcap"
    (finding,) = [each for each in check_capture(str(place)).findings if each.verdict.value == "fail"]
    segments = segments_of(place.read_bytes())
    frames = frames_of(segments)
    stayed = 0
    for gone in range(finding.frame, len(segments)):
        if segments[gone].data:
            result = judge(pcap([*frames[:gone], *frames[gone + 1 :]]))
            stayed += any(each.rule == finding.rule for each in result.findings)
    for gone in range(finding.frame - 1):
        if segments[gone].data:
            assert set(map(str.strip, blame(judge(pcap([*frames[:gone], *frames[gone + 1 :]]))))) <= {
                f"{finding.frame - 1}: {finding.rule} {finding.summary}"
            }
    assert stayed > 10


def test_sessions_of_one_connection_lose_it_in_the_order_in_which_they_began() -> None:
    """Findings of several sessions in one frame are reported in a deterministic order."""
    stream = io.BytesIO()
    connection = Wire(stream).connect(("10.0.0.1", 49200), ("10.0.0.2", 5150))
    connection.bind(TAPSRV)
    method = METHODS[TAPSRV.uuid, 0]
    for number in range(1, 17):
        asked = connection.request(method, ClientAttach(TELEPHONY, r"\\PC\mailslot\x", "PC"))
        connection.response(method, ClientAttachResult(bytes(4) + bytes([number]) * 16, ALL_DEVICES, 0), asked)
    # A response without a request shows that packets are missing.
    connection.response(method, ClientAttachResult(bytes(20), ALL_DEVICES, 0), 99)
    connection.close()
    told: list[tuple[str, str]] = []
    judge(stream.getvalue(), on_loss=lambda of, kind, *where: told.append((kind, of.session)))
    assert told == [(kind, f"s{number}") for kind in ("gap", "lost") for number in range(1, 17)]
