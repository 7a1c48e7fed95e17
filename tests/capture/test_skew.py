"""Two directions with different clocks: acknowledgements prove the difference, and it changes no report."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from frames import ACK, Segment, facts, frames_of, judge, pcap, scenario, segments_of
from hypothesis import given
from hypothesis import strategies as st

from mstrp.capture.files import Source
from mstrp.capture.skew import skews
from mstrp.checking import check_capture
from mstrp.generate import Wire, play

if TYPE_CHECKING:
    from collections.abc import Iterable

SEGMENTS = segments_of(scenario())
EXPECTED = facts(judge(SEGMENTS))
CLIENT = SEGMENTS[0].source[0]


def _shifted(segments: Iterable[Segment], offset: float, host: str = CLIENT) -> list[Segment]:
    """The segments as a merge of two interfaces, of which the one with the frames of a host is late."""
    found = [each._replace(time=each.time + offset * (each.source[0] == host)) for each in segments]
    return sorted(found, key=lambda each: each.time)


def _skews(segments: Iterable[Segment]) -> list[float]:
    data = io.BytesIO(pcap(frames_of(segments)))
    return [skew.offset for skew in skews(Source(data, "made.pcap", lambda frame, text: None))]


@pytest.mark.parametrize("offset", [0.003, 0.005, 0.02, 0.3, 2.0, -0.005, -0.02, -2.0])
def test_a_clock_difference_changes_no_report(offset: float) -> None:
    """A direction that is early or late is judged as if it were not; one note names the difference and the cure."""
    result = judge(_shifted(SEGMENTS, offset))
    assert facts(result) == EXPECTED
    (note,) = (text for _, text in result.notes)
    assert "clock skew" in note
    assert "editcap" in note
    assert result.frames == len(SEGMENTS)


def test_the_difference_is_estimated() -> None:
    """The estimate is the difference, less the time between a segment and its acknowledgement."""
    (offset,) = _skews(_shifted(SEGMENTS, 0.02))
    assert abs(offset) == pytest.approx(0.02, abs=0.002)


def test_only_the_hosts_concerned_are_corrected() -> None:
    """Several clients, of which one is seen by another clock: the note names it, and all are judged alike."""
    stream = io.BytesIO()
    play(Wire(stream), scenario="4.5", clients=3)
    several = segments_of(stream.getvalue())
    result = judge(_shifted(several, 0.02))
    assert facts(result) == facts(judge(several))
    assert [CLIENT in text for _, text in result.notes] == [True]


def test_a_pipe_is_read_without_correction() -> None:
    """What cannot be read twice is judged as it is, without an error or a failure."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    data = Pipe(pcap(frames_of(_shifted(SEGMENTS, 0.02))))
    result = check_capture(Source(data, "pipe", lambda frame, text: None))
    assert result.error is None
    assert not [each for each in result.findings if each.verdict.value == "fail"]


@given(st.data())
def test_losses_and_retransmissions_are_no_clock_difference(data: st.DataObject) -> None:
    """Segments that were recorded only when they were sent again, after their acknowledgement, prove nothing."""
    segments = []
    payload = [each for each in SEGMENTS if each.data]
    again = data.draw(st.lists(st.sampled_from(payload), max_size=12))
    for each in SEGMENTS:
        segments.append(each._replace(time=each.time + 0.2) if each in again else each)
    assert _skews(sorted(segments, key=lambda each: each.time)) == []


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))))
def test_any_numbers_are_compared(found: list[tuple[bool, float, int, int]]) -> None:
    """Sequence and acknowledgement numbers without sense stop nothing."""
    ways = (SEGMENTS[0].direction, SEGMENTS[0].direction[::-1])
    _skews(Segment(time, *ways[way], number, ack, ACK, b"x") for way, time, number, ack in found)
