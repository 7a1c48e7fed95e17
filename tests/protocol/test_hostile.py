"""For any bytes, decoders raise only their documented errors."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from malformed import explore, mutated

from mstrp.testing.arbitrary import events, requests, responses, structures, words
from protocol.event import COMPLETIONS, EVENTS, decode_event, decode_events
from protocol.packet import REQUESTS, decode_request, decode_response
from protocol.problem import DecodeError
from protocol.structure import STRUCTURES
from protocol.structures import proxy

_many = settings(max_examples=2 * settings().max_examples)
_REQUESTS = st.sampled_from(list(REQUESTS.values()))
_EVENTS = st.sampled_from([*EVENTS.values(), *COMPLETIONS.values()])
_STRUCTURES = st.sampled_from([*STRUCTURES.values(), *proxy.BODIES.values()])
_RANDOM = st.binary(max_size=200)


def _encoded(packets: Any) -> Any:
    return packets.map(lambda packet: packet.encode())


@_many
@given(data=mutated(_encoded(_REQUESTS.flatmap(requests))) | _RANDOM, capacity=st.none() | words())
def test_any_bytes_are_a_request(data: bytes, capacity: int | None) -> None:
    """A request can be decoded from any bytes, and all its attributes can be read."""
    packet = decode_request(data, capacity)
    assert packet.encode() == data
    explore(packet)


@_many
@given(kind=_REQUESTS, data=st.data())
def test_any_bytes_are_a_response(kind: Any, data: st.DataObject) -> None:
    """A response can be decoded from any bytes, including those of a response to another request."""
    other = data.draw(_REQUESTS | st.just(kind))
    found = data.draw(mutated(_encoded(responses(other))) | _RANDOM)
    packet = decode_response(found, kind)
    assert packet.encode() == found
    explore(packet)


@_many
@given(
    buffer=mutated(st.lists(_encoded(_EVENTS.flatmap(events)), max_size=3).map(b"".join)) | _RANDOM,
    completed=st.none() | _REQUESTS,
)
def test_any_bytes_are_events_up_to_where_they_break(buffer: bytes, completed: Any) -> None:
    """Events are decoded up to the first invalid one; events and remaining bytes make up the buffer."""
    found = decode_events(buffer, lambda _: completed)
    joined = b"".join(event.encode() for event in found.events)
    assert buffer.startswith(joined)
    assert bool(found.problems) == (joined != buffer)
    for event in found.events:
        explore(event)


@_many
@given(data=mutated(_encoded(_EVENTS.flatmap(events))) | _RANDOM, completed=st.none() | _REQUESTS)
def test_a_single_event_is_read_as_in_a_buffer(data: bytes, completed: Any) -> None:
    """Decoding one event equals decoding a buffer, or gives None if the buffer is not exactly one event."""
    found = decode_events(data, lambda _: completed)
    one = decode_event(data, lambda _: completed)
    if one is None:
        assert found.problems or len(found.events) != 1
    else:
        assert found.events == [one]


@_many
@given(kind=_STRUCTURES, data=st.data())
def test_any_bytes_are_a_structure(kind: Any, data: st.DataObject) -> None:
    """A structure can be decoded between any two positions of any bytes, in any version."""
    found = data.draw(mutated(_encoded(structures(kind))) | _RANDOM)
    start = data.draw(st.integers(0, min(8, len(found))) | st.just(0))
    end = data.draw(st.integers(start, len(found)) | st.just(len(found)))
    version = data.draw(st.sampled_from((0, 0x10004, 0x20000, 0x30001)) | words())
    explore(kind.at(found, start, end, version=version))


@_many
@given(data=mutated(_encoded(_REQUESTS.flatmap(requests))) | _RANDOM)
def test_prechecks_have_no_false_negatives(data: bytes) -> None:
    """A request that passes the prechecks has no problems."""
    packet = decode_request(data)
    if not packet.may_fail():
        assert packet.problems() == []


@_many
@given(data=mutated(_encoded(_REQUESTS.flatmap(requests))))
def test_strict_decoding_raises_the_first_problem(data: bytes) -> None:
    """Strict decoding of a request raises the first problem that lenient decoding finds, if any."""
    packet = decode_request(data)
    raised = None
    with contextlib.suppress(DecodeError):
        try:
            assert decode_request(data, strict=True) == packet
        except DecodeError as error:
            raised = error.problem
            raise
    assert raised == next(iter(packet.problems()), None)
