"""Assignment of event channels to bindings: by endpoint, by addresses, and otherwise by InitContext."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from frames import Segment, facts, judge, scenario, segments_of

from mstrp.generate import Wire, play

if TYPE_CHECKING:
    from mstrp.checking import CaptureResult

SEGMENTS = segments_of(scenario())
EXPECTED = facts(judge(SEGMENTS))
CLIENT, SERVER = SEGMENTS[0].source[0], SEGMENTS[0].target[0]


def _moved(segments: list[Segment], hosts: dict[str, str], ports: dict[int, int] | None = None) -> list[Segment]:
    """The same traffic between other addresses."""
    ports = ports or {}

    def end(old: tuple[str, int]) -> tuple[str, int]:
        return hosts.get(old[0], old[0]), ports.get(old[1], old[1])

    return [segment._replace(source=end(segment.source), target=end(segment.target)) for segment in segments]


def _failures(result: CaptureResult) -> list[str]:
    return [finding.rule for finding in result.findings if finding.verdict.value != "info"]


def _is_channel(segment: Segment) -> bool:
    return 5150 not in {segment.source[1], segment.target[1]}


def _several(clients: int, **choices: Any) -> list[Segment]:
    stream = io.BytesIO()
    play(Wire(stream), scenario="4.5", clients=clients, **choices)
    return segments_of(stream.getvalue())


@pytest.mark.parametrize(
    "hosts", [{CLIENT: "10.9.9.1"}, {SERVER: "10.9.9.2"}, {CLIENT: "10.9.9.1", SERVER: "10.9.9.2"}]
)
def test_a_channel_may_use_other_addresses(hosts: dict[str, str]) -> None:
    """The server may connect from another address, or to another address of the client: the endpoint decides."""
    moved = [_moved([segment], hosts)[0] if _is_channel(segment) else segment for segment in SEGMENTS]
    result = judge(moved)
    assert facts(result) == EXPECTED
    assert result.notes == []


def test_clients_behind_one_address_are_told_apart_by_their_endpoints() -> None:
    """Several clients behind one address, with different endpoints, get their own events."""
    several = _several(4)
    apart = judge(several)
    hosts = {session.client: "192.0.2.1" for session in apart.sessions}
    together = judge(_moved(several, hosts))
    assert [session.events for session in together.sessions] == [session.events for session in apart.sessions]
    assert [[call.states for call in s.calls] for s in together.sessions] == [
        [call.states for call in s.calls] for s in apart.sessions
    ]
    assert _failures(together) == []


def _contexts(segments: list[Segment], old: int, new: int) -> list[Segment]:
    """The same traffic with another InitContext, in the request and in all events."""
    before, after = old.to_bytes(4, "little"), new.to_bytes(4, "little")
    return [segment._replace(data=segment.data.replace(before, after)) for segment in segments]


def _init_context(segments: list[Segment]) -> int:
    found: list[int] = []
    judge(
        segments,
        on_packet=lambda packet: (
            found.append(packet.content.init_context)
            if packet.name == "Initialize" and packet.phase == "request"
            else None
        ),
    )
    return found[0]


@pytest.mark.parametrize("swap", [False, True])
def test_init_context_tells_when_endpoints_do_not(swap: bool) -> None:
    """Two clients behind one address with the same endpoint: the InitContext of the first event decides."""
    first = _contexts(SEGMENTS, _init_context(SEGMENTS), 0x7A11_0001)
    second = _contexts(SEGMENTS, _init_context(SEGMENTS), 0x7A11_0002)
    ports = {segment.source[1] for segment in SEGMENTS} - {5150}
    channel = {s.target[1] for s in SEGMENTS if _is_channel(s) and s.target[0] == CLIENT and s.flags & 2}
    second = _moved(second, {}, {port: port + 5000 for port in ports if port not in channel})
    # Different context handles as well: both sides generate GUIDs.
    handles = _handles(SEGMENTS)
    assert len(handles) == 2
    for handle in handles:
        second = [s._replace(data=s.data.replace(handle, bytes([handle[0] ^ 0xFF]) + handle[1:])) for s in second]
    pairs = zip(second, first, strict=True) if swap else zip(first, second, strict=True)
    # The attaches overlap: both clients request before either channel is opened.
    result = judge([segment for pair in pairs for segment in pair])
    expected = judge(SEGMENTS).sessions[0]
    assert [session.events for session in result.sessions] == [expected.events] * 2
    assert _failures(result) == []


def _handles(segments: list[Segment]) -> set[bytes]:
    """Return the GUIDs of all context handles in the responses to attaches."""
    found = set()

    def packet(packet: Any) -> None:
        if packet.method in {"ClientAttach", "RemoteSPAttach"} and packet.phase == "response":
            found.add(packet.content.context[4:])

    judge(segments, on_packet=packet)
    return found


def test_a_client_that_reconnects_begins_a_new_session() -> None:
    """A client that attaches again after its connections were reset is a second session, with its own events."""
    stop = len(SEGMENTS) * 2 // 3
    reset = [
        SEGMENTS[stop]._replace(flags=4, data=b"", source=way[0], target=way[1])
        for way in {s.direction for s in SEGMENTS}
    ]
    again = [
        segment._replace(time=segment.time + 5, sequence=segment.sequence + 7**9, ack=segment.ack + 7**9)
        for segment in SEGMENTS
    ]
    for cut in (reset, []):
        result = judge([*SEGMENTS[:stop], *cut, *again])
        assert len(result.sessions) == 2
        assert result.sessions[1].events == judge(SEGMENTS).sessions[0].events
        assert _failures(result) == []


def _elsewhere(segments: list[Segment]) -> list[Segment]:
    """The same traffic with the event channel at another port than the client named."""
    ports = {each.target[1] for each in segments if _is_channel(each) and each.target[0] == CLIENT and each.flags & 2}
    return [_moved([each], {}, dict.fromkeys(ports, 6111))[0] if _is_channel(each) else each for each in segments]


def _endpoint_rules(result: CaptureResult) -> list[tuple[str, str, str]]:
    return [
        (each.rule, each.verdict.value, each.fault.value if each.fault else "")
        for each in result.findings
        if each.verdict.value != "info"
    ]


@pytest.mark.parametrize("late", [False, True])
def test_a_channel_at_another_endpoint_is_judged(late: bool) -> None:
    """The server calls back on another endpoint: its fault, once its events show the client, and all is judged."""
    segments = _late_channel(SEGMENTS) if late else SEGMENTS
    result = judge(_elsewhere(segments))
    assert _endpoint_rules(result) == [("TRP-3.3.4.2-01", "fail", "server")]
    expected = judge(segments).sessions[0]
    assert [(each.events, each.requests) for each in result.sessions] == [(expected.events, expected.requests)]


def _late_channel(segments: list[Segment]) -> list[Segment]:
    """The same traffic with ClientAttach answered before the channel is opened."""
    answer = next(n for n, each in enumerate(segments) if each.source[1] == 5150 and each.data[2:3] == b"\2")
    channel = next(n for n, each in enumerate(segments) if _is_channel(each))
    moved = [*segments[:channel], segments[answer], *segments[channel:answer], *segments[answer + 1 :]]
    return [each._replace(time=segments[0].time + number * 0.001) for number, each in enumerate(moved)]


def test_a_channel_without_events_shows_its_client_by_time_only() -> None:
    """Without events only the time shows whose the channel is: a warning."""
    stop = next(n for n, each in enumerate(SEGMENTS) if _is_channel(each) and each.data[2:3] == b"\0" and n > 30)
    result = judge(_elsewhere(SEGMENTS[:stop]))
    assert _endpoint_rules(result) == [("TRP-3.3.4.2-01", "warn", "server")]


def test_a_channel_of_an_unknown_client_is_no_fault() -> None:
    """A channel that no ClientAttach explains, and whose events have an unknown InitContext, breaks no rule."""
    others = _contexts(SEGMENTS, _init_context(SEGMENTS), 0x7A11_0003)
    late = _elsewhere(_late_channel(SEGMENTS))
    mixed = [
        other if _is_channel(each) else each
        for each, other in zip(late, _elsewhere(_late_channel(others)), strict=True)
    ]
    assert "TRP-3.3.4.2-01" not in _failures(judge(mixed))
