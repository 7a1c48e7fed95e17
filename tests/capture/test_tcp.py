"""TCP and IP in practice: data is checked as if it had arrived in order, missing data is reported once."""

from __future__ import annotations

import itertools
from struct import pack
from typing import TYPE_CHECKING, Any

import pytest
from frames import (
    ACK,
    FIN,
    RST,
    SYN,
    Frame,
    Segment,
    bursts,
    cut,
    ethernet,
    facts,
    frames_of,
    ipv4,
    ipv6,
    judge,
    pcap,
    raw,
    scenario,
    segments_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mstrp.checking import CaptureResult

SEGMENTS = segments_of(scenario())
EXPECTED = facts(judge(SEGMENTS))
CLIENT = SEGMENTS[0].source
#: Each example is a whole conversation.
_SOME = max(settings().max_examples // 3, 10)
SERVER = SEGMENTS[0].target


def _timed(segments: Iterable[Segment], step: float = 0.0005) -> list[Segment]:
    """The segments, one after the other in time."""
    return [segment._replace(time=1_700_000_000 + number * step) for number, segment in enumerate(segments)]


def _failures(result: CaptureResult) -> list[str]:
    return [finding.rule for finding in result.findings if finding.verdict.value != "info"]


@st.composite
def _cut_up(draw: st.DrawFn) -> list[list[Segment]]:
    """Return the bursts of the scenario with their segments split at random positions."""
    found = []
    for burst in bursts(SEGMENTS):
        parts: list[Segment] = []
        for segment in burst:
            size = len(segment.data)
            places = draw(st.lists(st.integers(1, max(1, size - 1)), max_size=3)) if size > 1 else []
            parts += cut(segment, places) if size else [segment]
        found.append(parts)
    return found


@settings(max_examples=_SOME)
@given(_cut_up())
def test_cuts_do_not_matter(parts: list[list[Segment]]) -> None:
    """Segments may be split anywhere: PDUs are still found."""
    assert facts(judge(_timed(itertools.chain(*parts)))) == EXPECTED


@settings(max_examples=_SOME)
@given(_cut_up(), st.randoms(use_true_random=False))
def test_order_within_a_burst_does_not_matter(parts: list[list[Segment]], chance: Any) -> None:
    """Segments of one direction may be reordered."""
    for burst in parts:
        if not any(segment.flags & (SYN | FIN) for segment in burst):
            chance.shuffle(burst)
    assert facts(judge(_timed(itertools.chain(*parts)))) == EXPECTED


@settings(max_examples=_SOME)
@given(_cut_up(), st.data())
def test_copies_and_overlaps_do_not_matter(parts: list[list[Segment]], data: st.DataObject) -> None:
    """Retransmissions, complete or partial, alone or with following data, have no effect."""
    found: list[Segment] = []
    for burst in parts:
        for place, segment in enumerate(burst):
            found.append(segment)
            if not segment.data:
                continue
            again = data.draw(st.sampled_from(["no", "whole", "part", "joined", "keep-alive"]))
            if again == "whole":
                found.append(segment)
            elif again == "part":
                found.append(segment.moved(len(segment.data) // 2))
            elif again == "keep-alive":
                found.append(segment._replace(sequence=segment.sequence - 1 & 0xFFFFFFFF, data=b"\0"))
            elif again == "joined" and place + 1 < len(burst) and burst[place + 1].data:
                found.append(segment._replace(data=segment.data + burst[place + 1].data))
    assert facts(judge(_timed(found))) == EXPECTED


@pytest.mark.parametrize("covered", [1, 2])
def test_a_copy_may_cover_what_waits(covered: int) -> None:
    """Buffered segments that are retransmitted with the missing one are released."""
    place = next(n for n, segment in enumerate(SEGMENTS) if n > 20 and len(segment.data) > 100)
    parts = cut(SEGMENTS[place], [20, 40, 60])
    early = [*SEGMENTS[:place], *parts[1 : 1 + covered], SEGMENTS[place]]
    late = [segment._replace(time=segment.time + 10) for segment in SEGMENTS[place + 1 :]]
    result = judge([*early, *late])
    assert facts(result)["sessions"] == EXPECTED["sessions"]
    assert result.notes == []


def test_every_frame_twice() -> None:
    """A capture with every frame twice, as of all interfaces, has the same report."""
    assert facts(judge(_timed(itertools.chain(*zip(SEGMENTS, SEGMENTS, strict=True))))) == EXPECTED


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 3000))
def test_sequence_numbers_wrap(base: int, back: int) -> None:
    """Sequence numbers may start anywhere and wrap in the middle of a conversation."""
    shift = {}
    for segment in SEGMENTS:
        if segment.flags & SYN:
            shift[segment.direction] = (base if segment.flags & ACK else 2**32 - back) - segment.sequence
    moved = [
        segment._replace(
            sequence=segment.sequence + shift[segment.direction] & 0xFFFFFFFF,
            ack=segment.ack + shift[segment.direction[::-1]] & 0xFFFFFFFF,
        )
        for segment in SEGMENTS
    ]
    assert facts(judge(moved)) == EXPECTED


@pytest.mark.parametrize("version", [ipv4, ipv6])
def test_the_end_may_overtake_the_data(version: Any) -> None:
    """A FIN captured before the last data does not discard it."""
    last = max(number for number, segment in enumerate(SEGMENTS) if segment.data)
    direction = SEGMENTS[last].direction
    fin = next(n for n, segment in enumerate(SEGMENTS) if segment.flags & FIN and segment.direction == direction)
    order = [*SEGMENTS[:last], SEGMENTS[fin], SEGMENTS[last], *SEGMENTS[last + 1 : fin], *SEGMENTS[fin + 1 :]]
    result, expected = (facts(judge(pcap(frames_of(_timed(each), network=version)))) for each in (order, SEGMENTS))
    assert result == expected


# -- missing data --------------------------------------------------------------------------------------------------


@given(st.data())
def test_a_gap_is_told_once_and_blames_nobody(data: st.DataObject) -> None:
    """Missing segments give one note per gap and no finding; later data is checked."""
    payload = [number for number, segment in enumerate(SEGMENTS) if segment.data]
    gone = data.draw(st.integers(0, len(payload) - 2))
    lost = SEGMENTS[payload[gone]]
    rest = [segment for number, segment in enumerate(SEGMENTS) if number != payload[gone]]
    result = judge(rest)
    assert _failures(result) == []
    told = [text for _, text in result.notes if "missing before this frame" in text]
    # The protocol of a stream without its first bytes is not known.
    begins = not any(s.direction in {lost.direction, lost.direction[::-1]} and s.data for s in rest[: payload[gone]])
    assert len(told) == (len(told) if begins else 1)
    if told:
        (source, target) = lost.direction
        size = len(lost.data)
        assert told == [
            f"{size} bytes from {source[0]}:{source[1]} to {target[0]}:{target[1]} are missing before this frame"
        ]


def test_a_gap_inside_a_pdu_costs_that_pdu_only() -> None:
    """If the middle of a PDU is missing, the stream continues at the next plausible PDU."""
    large = max(
        (n for n, segment in enumerate(SEGMENTS) if segment.target == SERVER and n > 20),
        key=lambda n: len(SEGMENTS[n].data),
    )
    parts = cut(SEGMENTS[large], [40, len(SEGMENTS[large].data) - 40])
    damaged = judge(_timed([*SEGMENTS[:large], parts[0], parts[2], *SEGMENTS[large + 1 :]]))
    assert _failures(damaged) == []
    assert sum("are missing before this frame" in text for _, text in damaged.notes) == 1
    (session,) = damaged.sessions
    (whole,) = judge(SEGMENTS).sessions
    assert sum(session.requests.values()) == sum(whole.requests.values()) - 1


@pytest.mark.parametrize("way", ["client", "server"])
def test_half_a_capture_blames_nobody(way: str) -> None:
    """A capture of one direction gives notes about it, and no findings."""
    ports = {SERVER[1]} if way == "client" else {segment.source[1] for segment in SEGMENTS if segment.source == CLIENT}
    half = [segment for segment in SEGMENTS if segment.target[1] in ports]
    result = judge(half)
    assert _failures(result) == []
    assert sum("only the direction from" in text for _, text in result.notes) == 1


@given(st.integers(1, len(SEGMENTS) - 1))
def test_a_capture_may_begin_anywhere(start: int) -> None:
    """A capture that starts in the middle of connections gives notes at most, and no findings."""
    assert _failures(judge(SEGMENTS[start:])) == []


@given(st.integers(1, len(SEGMENTS) - 1))
def test_a_capture_may_end_anywhere(stop: int) -> None:
    """A capture that ends in the middle of connections gives information at most."""
    assert _failures(judge(SEGMENTS[:stop])) == []


def test_lost_without_acknowledgement_is_given_up_in_time() -> None:
    """Without captured acknowledgements, a missing segment is given up after some seconds."""
    one_way = [segment for segment in SEGMENTS if segment.target == SERVER]
    payload = [number for number, segment in enumerate(one_way) if segment.data]
    del one_way[payload[3]]
    late = [segment._replace(time=segment.time + number) for number, segment in enumerate(one_way)]
    result = judge(late)
    frame = next(frame for frame, text in result.notes if "are missing before this frame" in text)
    assert frame == next(n for n, segment in enumerate(one_way, 1) if n > payload[3] and segment.data)
    assert sum(result.sessions[0].requests.values()) >= len(payload) - 5


# -- connections ---------------------------------------------------------------------------------------------------


def test_ports_may_be_used_again() -> None:
    """A second conversation over the same ports is separate, whether the first one was closed or not."""
    second = [
        segment._replace(time=segment.time + 100, sequence=segment.sequence + 9**9, ack=segment.ack + 9**9)
        for segment in SEGMENTS
    ]
    for first in (SEGMENTS, [segment for segment in SEGMENTS if not segment.flags & (FIN | RST)]):
        result = judge([*first, *second])
        assert [session.requests for session in result.sessions] == [result.sessions[0].requests] * 2
        assert _failures(result) == []


def test_late_copies_of_a_closed_connection_open_nothing() -> None:
    """Late copies of segments of a closed connection do not open a new one."""
    copies = [segment._replace(time=segment.time + 1) for segment in SEGMENTS if segment.data][-6:]
    result = judge([*SEGMENTS, *copies])
    assert facts(result) == EXPECTED
    assert result.notes == []


@pytest.mark.parametrize("by", [1, 3, 5, 9])
@pytest.mark.parametrize("answer", [False, True])
def test_a_handshake_may_be_recorded_late(answer: bool, by: int) -> None:
    """A SYN, or its response, captured after data of its direction opens no other connection."""
    late = list(SEGMENTS)
    for segment in SEGMENTS:
        if segment.flags & SYN and bool(segment.flags & ACK) is answer:
            place = late.index(segment)
            late.insert(place + by, late.pop(place))
    result = judge(_timed(late))
    assert facts(result) == EXPECTED
    assert result.notes == []


def test_a_reset_ends_a_binding() -> None:
    """A reset ends the binding and its pending requests."""
    stop = next(n for n, segment in enumerate(SEGMENTS) if segment.flags & FIN and segment.source == CLIENT)
    reset = SEGMENTS[stop]._replace(flags=RST, data=b"")
    result = judge([*SEGMENTS[: stop - 12], reset])
    assert {call.final for call in result.sessions[0].calls} <= {"voided", "deallocated"}


# -- IP ------------------------------------------------------------------------------------------------------------


def _fragments4(packet: bytes, size: int) -> list[bytes]:
    head, payload = packet[:20], packet[20:]
    found = []
    for at in range(0, len(payload), size):
        part = payload[at : at + size]
        more = 0x2000 if at + size < len(payload) else 0
        found.append(head[:2] + pack(">HHH", 20 + len(part), head[4] << 8 | head[5], more | at >> 3) + head[8:] + part)
    return found


def _fragments6(packet: bytes, size: int, number: int) -> list[bytes]:
    head, payload = packet[:40], packet[40:]
    found = []
    for at in range(0, len(payload), size):
        part = payload[at : at + size]
        extension = pack(">BBHI", 6, 0, at | (at + size < len(payload)), number)
        found.append(head[:4] + pack(">H", 8 + len(part)) + bytes([44]) + head[7:] + extension + part)
    return found


@pytest.mark.parametrize("version", [4, 6])
@settings(max_examples=_SOME // 2)
@given(size=st.sampled_from([8, 24, 64, 256, 1024]), chance=st.randoms(use_true_random=False))
def test_ip_fragments_are_put_together(version: int, size: int, chance: Any) -> None:
    """IP packets may be fragmented in any size and order."""
    frames = []
    for number, segment in enumerate(SEGMENTS):
        if version == 4:
            packet = ipv4(segment)
            parts = _fragments4(packet[:4] + pack(">H", number + 1) + packet[6:], size)
        else:
            parts = _fragments6(ipv6(segment), size, number)
        chance.shuffle(parts)
        frames += [Frame(segment.time, ethernet(part), len(part) + 14) for part in parts]
    expected = EXPECTED if version == 4 else facts(judge(pcap(frames_of(SEGMENTS, network=ipv6))))
    assert facts(judge(pcap(frames))) == expected


def test_missing_fragments_are_told() -> None:
    """A packet with a missing fragment is reported, and has the effect of a missing segment."""
    number = next(n for n, segment in enumerate(SEGMENTS) if len(segment.data) > 100)
    parts = _fragments4(ipv4(SEGMENTS[number]), 64)[:-1]
    frames = [Frame(SEGMENTS[number].time, ethernet(part), len(part) + 14) for part in parts]
    result = judge(pcap([*frames_of(SEGMENTS[:number]), *frames, *frames_of(SEGMENTS[number + 1 :])]))
    assert (number + 1, "fragments of this IP packet are missing") in result.notes
    assert _failures(result) == []


@pytest.mark.parametrize(
    "extensions",
    [
        [(0, bytes(6))],
        [(0, bytes(6)), (60, bytes(14)), (43, bytes(6))],
        [(44, bytes(6))],
        [(51, bytes([4]) + bytes(22))],
    ],
    ids=["hop-by-hop", "three", "atomic fragment", "authentication"],
)
def test_extension_headers_are_passed_over(extensions: list[tuple[int, bytes]]) -> None:
    """IPv6 packets may have extension headers before TCP."""

    def network(segment: Segment) -> bytes:
        packet = ipv6(segment)
        kinds = [kind for kind, _ in extensions] + [6]
        middle = b""
        for following, (kind, content) in zip(kinds[1:], extensions, strict=True):
            if kind == 51:
                middle += bytes([following]) + content
            else:
                middle += bytes([following, 0 if kind == 44 else len(content) - 6 >> 3]) + content
        size = len(packet) - 40 + len(middle)
        return packet[:4] + pack(">H", size) + bytes([kinds[0]]) + packet[7:40] + middle + packet[40:]

    expected = facts(judge(pcap(frames_of(SEGMENTS, network=ipv6))))
    assert facts(judge(pcap(frames_of(SEGMENTS, network=network, link=raw), link=101))) == expected


def test_ip_options_are_passed_over() -> None:
    """IPv4 packets may have options before TCP."""
    frames = frames_of(SEGMENTS, network=lambda segment: ipv4(segment, options=b"\x94\x04\0\0\x01\x01\x01\0"))
    assert facts(judge(pcap(frames))) == EXPECTED
