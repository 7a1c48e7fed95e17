"""Encoding and decoding round-trip for every declaration."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import samples
from mstrp.testing.arbitrary import event_values, request_values, response_values, structure_values
from protocol.event import COMPLETIONS, EVENTS, decode_event
from protocol.fields import Size
from protocol.packet import REQUESTS, decode_request, decode_response
from protocol.structure import STRUCTURES
from protocol.structures import proxy

#: There are hundreds of classes; each gets a share of the examples.
_few = settings(max_examples=max(4, settings().max_examples // 15))
_requests = pytest.mark.parametrize("kind", REQUESTS.values(), ids=lambda kind: f"{kind.device}.{kind.__name__}")
_events = pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.__name__)
_completions = pytest.mark.parametrize("kind", COMPLETIONS.values(), ids=lambda kind: kind.__name__)
_bodies = list(proxy.BODIES.values())
_structures = pytest.mark.parametrize("kind", [*STRUCTURES.values(), *_bodies], ids=lambda kind: kind.__name__)


def _agrees(decoded: Any, packet: Any, values: dict[str, Any]) -> None:
    """Check that the decoded values equal the encoded ones, and that a record built from them has the same bytes."""
    assert decoded == packet
    assert {name: getattr(decoded, name) for name in values} == values
    assert decoded.replace().encode() == packet.encode()


@_requests
def test_a_full_packet_reads_back_every_field(kind: Any) -> None:
    """A request and its response with all fields set return all of them."""
    asked, answer = samples.request(kind), samples.response(kind)
    _agrees(decode_request(asked.encode(), asked.capacity), asked, asked.values())
    _agrees(decode_response(answer.encode(), kind), answer, answer.values())
    in_both = [field.name for field in kind.layout.fields if not isinstance(field, Size)]
    assert asked.values().keys() | answer.values().keys() >= set(in_both)


@_requests
@_few
@given(data=st.data())
def test_a_request_reads_back_what_was_given(kind: Any, data: st.DataObject) -> None:
    """Decoding an encoded request returns an equal one with the same values, without problems."""
    values = data.draw(request_values(kind))
    packet = kind(**values)
    decoded = decode_request(packet.encode(), packet.capacity)
    _agrees(decoded, packet, values)


@_requests
@_few
@given(data=st.data())
def test_a_response_reads_back_what_was_given(kind: Any, data: st.DataObject) -> None:
    """Decoding an encoded response returns an equal one with the same values."""
    values = data.draw(response_values(kind))
    packet = kind(**values)
    decoded = decode_response(packet.encode(), kind)
    _agrees(decoded, packet, values)


@_events
@_few
@given(data=st.data())
def test_an_event_reads_back_what_was_given(kind: Any, data: st.DataObject) -> None:
    """Decoding an encoded event returns an equal one with the same values."""
    values = data.draw(event_values(kind))
    event = kind(**values)
    decoded = decode_event(event.encode())
    _agrees(decoded, event, values)


@_completions
@_few
@given(data=st.data())
def test_a_completion_reads_back_what_was_given(kind: Any, data: st.DataObject) -> None:
    """Given its request, decoding a completion returns the same values."""
    values = data.draw(event_values(kind))
    event = kind(**values)
    decoded = decode_event(event.encode(), lambda _: kind.completes)
    _agrees(decoded, event, values)


@_structures
@_few
@given(data=st.data())
def test_a_structure_reads_back_what_was_given(kind: Any, data: st.DataObject) -> None:
    """Decoding an encoded structure returns an equal one with the same values, in every version."""
    values = data.draw(structure_values(kind))
    built = kind(**values)
    encoded = built.encode()
    decoded = kind.at(encoded, 0, len(encoded))
    version = values.pop("tapi_version", 0)
    assert decoded == built
    assert {name: getattr(decoded, name) for name in values} == values
    assert decoded.encode() == encoded
    assert kind(**values, tapi_version=version).encode() == encoded


def test_a_body_without_members_is_a_body() -> None:
    """A proxy request whose body is only an empty list still has that body."""
    kind = STRUCTURES["LINEPROXYREQUEST"]
    for names in ({}, {"client_machine_name": "m", "client_user_name": ""}):
        encoded = kind(body=proxy.ProxyGetGroupList(), **names).encode()
        assert kind.at(encoded, 0, len(encoded)).body == proxy.ProxyGetGroupList()
