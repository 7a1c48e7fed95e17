"""The fast path for frequent stubs, compared with the full decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from malformed import mutated, poke
from recordings import recorded

from mstrp.testing.arbitrary import events, requests, responses
from protocol import line, ndr
from protocol.event import COMPLETIONS, EVENTS, Event, decode_events
from protocol.fastpath import READERS
from protocol.packet import REQUESTS, decode_request, decode_response
from protocol.problem import DecodeError
from protocol.stub import TRAILER

if TYPE_CHECKING:
    from pathlib import Path

_many = settings(max_examples=settings().max_examples)
_METHOD = {method.name: method for method in ndr.METHODS.values()}
_CONTEXT = bytes(range(20))
_REQUESTS = st.sampled_from(list(REQUESTS.values()))
_EVENTS = st.sampled_from([*EVENTS.values(), *COMPLETIONS.values()])
_SYNTAX = pytest.mark.parametrize("ndr64", [False, True], ids=["NDR20", "NDR64"])
_BEFORE = st.sampled_from((0, 24))


def _stub(value: Any, ndr64: bool) -> bytes:
    return ndr.Method.write(value, ndr64=ndr64)


def _carefully(name: str, phase: str, stub: bytes, ndr64: bool) -> Any:
    """Return the parameters from the full decoder, or None if it reports problems."""
    try:
        found = _METHOD[name].read(phase, stub, ndr64=ndr64)
    except DecodeError:
        return None
    return None if found.problems else found.value


def _quickly(reader: Any, data: bytes, start: int, *more: Any) -> Any:
    """Return the result of the fast path: context handle and packet, or the buffer of events."""
    raw = reader(data, start, *more)
    return None if raw is None else (raw.context, raw.buffer if raw.kind is None else raw.packet())


def _huge(counts: int, ndr64: bool) -> bytes:
    """Build a stub whose array has the largest possible element count."""
    width = 8 if ndr64 else 4
    return bytes(-counts % width + counts) + b"\xff" * width + bytes(width) + b"\xff" * width + bytes(80)


def _request_stub(ndr64: bool) -> Any:
    def stub(packet: Any) -> bytes:
        return _stub(ndr.ClientRequest(_CONTEXT, packet.encode(), len(packet.encode()) + 8), ndr64)

    return _REQUESTS.flatmap(requests).map(stub)


@_SYNTAX
@_many
@given(data=st.data(), start=_BEFORE)
def test_a_request_is_the_same_both_ways(ndr64: bool, data: st.DataObject, start: int) -> None:
    """A request read by the fast path equals that of the full decoder; no valid request is rejected."""
    stub = data.draw(mutated(_request_stub(ndr64)))
    quick = _quickly(READERS[ndr64].request, bytes(start) + stub, start)
    careful = _carefully("ClientRequest", "request", stub, ndr64)
    if quick is not None:
        assert quick == (careful.context, decode_request(careful.buffer, careful.needed))
        assert type(quick[1]) is type(decode_request(careful.buffer))
    elif careful is not None:
        assert len(careful.buffer) < 60 or TRAILER in stub


@_SYNTAX
@_many
@given(data=st.data(), start=_BEFORE, kind=_REQUESTS)
def test_a_response_is_the_same_both_ways(ndr64: bool, data: st.DataObject, start: int, kind: Any) -> None:
    """A response read by the fast path equals that of the full decoder."""
    packets = responses(kind).map(lambda packet: packet.encode())
    stub = data.draw(mutated(packets.map(lambda b: _stub(ndr.ClientRequestResult(b, len(b) + 8), ndr64))))
    quick = _quickly(READERS[ndr64].response, bytes(start) + stub, start, kind)
    careful = _carefully("ClientRequest", "response", stub, ndr64)
    if quick is not None:
        assert quick[1] == decode_response(careful.buffer, kind)
    elif careful is not None:
        assert len(careful.buffer) < 60 or TRAILER in stub


@_SYNTAX
@_many
@given(data=st.data(), start=_BEFORE)
def test_events_are_the_same_both_ways(ndr64: bool, data: st.DataObject, start: int) -> None:
    """Events read by the fast path equal those of the full decoder: one event, or a buffer of events."""
    encoded = _EVENTS.flatmap(events).map(lambda event: event.encode())
    buffers = encoded | st.lists(encoded, max_size=3).map(b"".join)
    stub = data.draw(mutated(buffers.map(lambda b: _stub(ndr.RemoteSPEventProc(_CONTEXT, b), ndr64))))
    quick = _quickly(READERS[ndr64].events, bytes(start) + stub, start)
    careful = _carefully("RemoteSPEventProc", "request", stub, ndr64)
    if quick is None:
        assert careful is None or TRAILER in stub
        return
    context, found = quick
    assert context == careful.context
    if isinstance(found, Event):
        assert decode_events(careful.buffer) == ([found], [])
    else:
        assert found == careful.buffer


@_SYNTAX
@pytest.mark.parametrize(("name", "before"), [("request", 20), ("response", 0), ("events", 20)])
def test_an_array_larger_than_any_memory_is_refused(name: str, before: int, ndr64: bool) -> None:
    """An element count that exceeds the address space gives None without an error."""
    more = (line.Open,) if name == "response" else ()
    assert _quickly(getattr(READERS[ndr64], name), _huge(before, ndr64), 0, *more) is None


@_SYNTAX
def test_sizes_that_contradict_are_refused(ndr64: bool) -> None:
    """The fast path rejects each contradiction between counts that the full decoder reports."""
    stub = _stub(ndr.ClientRequest(_CONTEXT, bytes(60), 64), ndr64)
    width, counts, sizes = (8, 24, len(stub) - 8) if ndr64 else (4, 20, len(stub) - 8)
    read = READERS[ndr64].request
    assert read(stub, 0) is not None
    for place, number in (
        (counts, 60),
        (counts + width, 1),
        (counts + 2 * width, 56),
        (sizes, 63),
        (sizes + 4, 61),
    ):
        assert _quickly(read, poke(stub, place, number), 0) is None


def test_a_plain_reply_is_read_at_once_and_a_long_one_left(captures: Path) -> None:
    """In the recordings, the fast path reads every request, response and event without problems."""
    for found in recorded(captures):
        careful = _carefully(found.method.name, found.phase, found.stub, found.ndr64)
        readers = READERS[found.ndr64]
        if TRAILER in found.stub:
            continue
        if found.method.name == "ClientRequest" and found.phase == "request":
            quick = _quickly(readers.request, found.stub, 0)
            assert quick == (careful.context, decode_request(careful.buffer, careful.needed))
        elif found.method.name == "RemoteSPEventProc" and found.phase == "request":
            read = _quickly(readers.events, found.stub, 0)
            assert read is not None
            one = decode_events(careful.buffer).events
            assert read[1] in (careful.buffer, one[0])
