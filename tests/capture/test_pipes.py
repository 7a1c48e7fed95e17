"""Named pipes over SMB 2: their content is checked like TCP."""

from __future__ import annotations

import itertools
from pipes import ANSWER, Choices, framed, message, piped
from typing import Any

import pytest
from frames import cut, facts, judge, scenario, segments_of
from hypothesis import given, settings
from hypothesis import strategies as st

SEGMENTS = segments_of(scenario())
EXPECTED = facts(judge(SEGMENTS))
_choices = st.builds(
    Choices,
    way=st.sampled_from(["write", "ioctl"]),
    interim=st.booleans(),
    room=st.sampled_from([65_536, 1_000, 100, 16, 7]),
    compound=st.booleans(),
    noise=st.booleans(),
    name=st.sampled_from(["tapsrv", "TAPSRV", "\\tapsrv"]),
)


@settings(max_examples=max(settings().max_examples // 2, 20))
@given(_choices)
def test_a_pipe_is_judged_like_tcp(choices: Choices) -> None:
    """For any use of the pipe, the report is the same as for the same calls over TCP."""
    result = judge(piped(SEGMENTS, choices))
    assert facts(result) == EXPECTED
    assert result.notes == []


@given(st.data())
@settings(max_examples=max(settings().max_examples // 3, 20))
def test_messages_may_be_cut_anywhere(data: st.DataObject) -> None:
    """SMB messages may be distributed over segments in any way."""
    found = []
    for segment in piped(SEGMENTS, Choices(noise=True)):
        size = len(segment.data)
        places = data.draw(st.lists(st.integers(1, max(1, size - 1)), max_size=2)) if size > 200 else []
        found += cut(segment, places) if size else [segment]
    assert facts(judge(found)) == EXPECTED


@given(st.integers(1, len(piped(SEGMENTS)) - 1))
@settings(max_examples=max(settings().max_examples // 3, 20))
def test_a_capture_may_begin_within_a_pipe(start: int) -> None:
    """A capture that starts while a pipe is open causes no finding."""
    result = judge(piped(SEGMENTS)[start:])
    assert not [finding for finding in result.findings if finding.verdict.value != "info"]


def test_missing_segments_of_a_pipe_are_told_once() -> None:
    """A gap in the SMB connection is one note; later pipe data is checked."""
    whole = piped(SEGMENTS)
    for number in range(30, 60, 4):
        segments = [segment for place, segment in enumerate(whole) if place != number]
        if not whole[number].data or whole[number].target[1] not in {445, whole[0].source[1]}:
            continue
        result = judge(segments)
        told = [text for _, text in result.notes if "are missing before this frame" in text]
        assert len(told) == 1
        assert not [finding for finding in result.findings if finding.verdict.value != "info"]


def test_large_contents_of_files_are_skipped() -> None:
    """Megabytes of file data on the same connection have no effect, even with missing segments."""
    segments = piped(SEGMENTS, Choices(noise=True))
    place = next(n for n, s in enumerate(segments) if s.source[1] == 445 and len(s.data) > 300)
    answer = framed(message(8, 99_999, bytes([17, 0, 80, 0]) + bytes(3_000_000), flags=ANSWER, tree=9))
    before = segments[place]
    bulk = [
        before._replace(sequence=before.sequence + at & 0xFFFFFFFF, data=answer[at : at + 60_000])
        for at in range(0, len(answer), 60_000)
    ]
    later = [
        s._replace(sequence=s.sequence + len(answer) & 0xFFFFFFFF)
        if s.direction == before.direction
        else s._replace(ack=s.ack + len(answer) & 0xFFFFFFFF)
        if s.direction == before.direction[::-1]
        else s
        for s in segments[place:]
    ]
    seen = later[0]._replace(source=before.target, target=before.source, data=b"", ack=later[0].sequence)
    for missing in (len(bulk), 20):
        result = judge([*segments[:place], *bulk[:missing], *bulk[missing + 1 :], seen, *later])
        assert facts(result) == EXPECTED


@pytest.mark.parametrize(
    ("head", "what"),
    [(b"\xfdSMB", "SMB 3 encryption"), (b"\xfcSMB", "SMB 3 compression"), (b"\xffSMB\x25", "SMB 1")],
)
def test_what_cannot_be_seen_is_said(head: bytes, what: str) -> None:
    """Encrypted, compressed and old SMB is reported, once for each connection."""
    segments = []
    for segment in piped(SEGMENTS):
        data = segment.data
        if 445 in {segment.source[1], segment.target[1]} and data:
            data = data[:4] + head + data[4 + len(head) :]
        segments.append(segment._replace(data=data))
    result = judge(segments)
    assert sum(what in text for _, text in result.notes) == 1


@given(st.data())
@settings(max_examples=max(settings().max_examples // 2, 20))
def test_damaged_messages_stop_nothing(data: st.DataObject) -> None:
    """SMB with bytes changed at random places is read to its end."""
    segments = piped(SEGMENTS, data.draw(_choices))
    for _ in range(data.draw(st.integers(1, 10))):
        number = data.draw(st.integers(0, len(segments) - 1))
        old = segments[number].data
        if old:
            at = data.draw(st.integers(0, min(len(old), 200) - 1))
            segments[number] = segments[number]._replace(
                data=old[:at] + bytes([data.draw(st.integers(0, 255))]) + old[at + 1 :]
            )
    assert judge(segments).error is None


@given(_choices, st.randoms(use_true_random=False))
@settings(max_examples=max(settings().max_examples, 60))
def test_a_message_may_be_found_again_anywhere(choices: Choices, chance: Any) -> None:
    """After a gap the next message is found, even if the preceding lengths are invalid."""
    kept = []
    for segment in piped(SEGMENTS, choices):
        for part in cut(segment, [chance.randrange(1, len(segment.data))]) if len(segment.data) > 1 else [segment]:
            if chance.random() > 0.1:
                kept.append(part)
    assert judge(kept).error is None


@pytest.mark.parametrize("before", [bytes(4), bytes([0, 0, 0, 40]), bytes([0, 0, 0, 63])])
def test_lengths_that_cannot_be_are_passed_over(before: bytes) -> None:
    """A message without bytes, or shorter than its header, affects only itself."""
    segments = piped(SEGMENTS)
    place = next(n for n, s in enumerate(segments) if n > 20 and s.target[1] == 445 and s.data)
    cut_off = before + b"\xfeSMB\x40\0" + bytes(34)
    broken = segments[place]._replace(data=segments[place].data + cut_off)
    assert judge([*segments[:place], broken, *segments[place + 1 :]]).error is None


def test_two_pipes_at_once_are_two_sessions() -> None:
    """Pipes of several clients in one capture are separate."""
    second = [
        segment._replace(
            source=(segment.source[0].replace("10.0.0.1", "10.0.0.9"), segment.source[1]),
            target=(segment.target[0].replace("10.0.0.1", "10.0.0.9"), segment.target[1]),
        )
        for segment in SEGMENTS
    ]
    both = itertools.chain(*zip(piped(SEGMENTS), piped(second), strict=True))
    result = judge(list(both))
    assert [session.requests for session in result.sessions] == [judge(SEGMENTS).sessions[0].requests] * 2
