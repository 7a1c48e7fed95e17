"""Byte streams of a program's own transport are checked like captures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frames import SYN, judge, scenario, segments_of
from hypothesis import given, settings
from hypothesis import strategies as st

from fsm.monitor import Monitor
from mstrp.capture.byte_streams import ByteStreams

if TYPE_CHECKING:
    from mstrp.capture.byte_streams import ByteStream

SEGMENTS = segments_of(scenario())


def _fed(skip: int = -1) -> tuple[Monitor, list[str], list[str]]:
    monitor = Monitor()
    notes: list[str] = []
    packets: list[str] = []
    feed = ByteStreams(
        monitor, on_packet=lambda packet: packets.append(packet.name), warn=lambda _, text: notes.append(text)
    )
    streams: dict[object, tuple[ByteStream, bool]] = {}
    for place, segment in enumerate(SEGMENTS):
        way = segment.direction
        if segment.flags & SYN and way not in streams:
            stream = feed.connect(segment.source, segment.target)
            streams[way], streams[way[::-1]] = (stream, True), (stream, False)
        stream, from_client = streams[way]
        if segment.data and place == skip:
            stream.lost(len(segment.data), segment.time, from_client=from_client)
        elif segment.data:
            (stream.client if from_client else stream.server)(segment.data, segment.time)
        if segment.flags & 1:
            stream.close(segment.time)
    feed.finish()
    return monitor, notes, packets


def test_streams_are_judged_like_captures() -> None:
    """The requests, events and calls of the streams are those of the captured conversation."""
    monitor, notes, packets = _fed()
    (conversation,) = monitor.conversations
    (session,) = judge(SEGMENTS).sessions
    assert (conversation.requests, conversation.events) == (session.requests, session.events)
    assert [conversation.client, conversation.server, conversation.model] == [session.client, session.server, "push"]
    assert notes == []
    assert packets.count("BlindTransfer") == 2
    assert monitor.findings == []


@settings(max_examples=20)
@given(st.integers(0, len(SEGMENTS) - 1))
def test_losses_of_a_transport_are_taken(skip: int) -> None:
    """Bytes that the transport reports as lost cost only their content, and cause no finding."""
    monitor, _, _ = _fed(skip)
    assert not [finding for finding in monitor.findings if finding.verdict.value == "fail"]
