"""One way of decoding: problems are collected, everything else stays readable, and strict use raises the first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hostile import mutated, poke
from hypothesis import given, settings
from hypothesis import strategies as st

import samples
from protocol import line
from protocol.event import COMPLETIONS, EVENTS, decode_events
from protocol.fields import Offset
from protocol.members import Pair
from protocol.packet import REQUESTS, decode_request, decode_response
from protocol.problem import DecodeError
from protocol.structure import STRUCTURES

if TYPE_CHECKING:
    from protocol.record import Field

_OFFSETS = [
    pytest.param(kind, field, id=f"{kind.device}.{kind.__name__}.{field.spec}")
    for kind in REQUESTS.values()
    for field in kind.layout.fields
    if isinstance(field, Offset) and field.direction == "in"
]
_few = settings(max_examples=max(10, settings().max_examples // 2))


def _others(record: Any, field: Field) -> dict[str, Any]:
    """All values but that of one field, and of what says how long it is."""
    return {name: new for name, new in record.values().items() if name != field.name}


@pytest.mark.parametrize(("kind", "field"), _OFFSETS)
def test_a_bad_offset_spoils_nothing_else(kind: Any, field: Any) -> None:
    """Every other field reads as before; the problem names field, offset, bounds and section, the same in strict use."""
    good = samples.request(kind)
    room = len(good.encode()) - 60
    offset = room + 4 & ~3
    data = poke(good.encode(), 4 * field.index, offset)
    packet = decode_request(data, good.capacity)
    assert getattr(packet, field.name) is None
    assert _others(packet, field) == _others(good, field)
    told = [problem for problem in packet.problems() if problem.field == field.spec]
    assert told
    first = told[0]
    assert (first.aspect, first.section) == ("bounds", kind.layout.section)
    assert re.search(rf"\b{offset}\b.*\b{room} bytes\b", first.detail)
    with pytest.raises(DecodeError) as caught:
        decode_request(data, good.capacity, strict=True)
    assert caught.value.problem == packet.problems()[0]
    assert caught.value.packet == kind.__name__


_PAIRS = [
    pytest.param(kind, field, id=f"{name}.{field.spec}")
    for name, kind in STRUCTURES.items()
    for field in kind.layout.fields
    if isinstance(field, Pair)
]


@pytest.mark.parametrize(("kind", "field"), _PAIRS)
def test_a_bad_pair_spoils_nothing_else(kind: Any, field: Any) -> None:
    """A size that runs past the structure, alone or as a sum beyond 2^32, costs that member and no other."""
    good = samples.structure(kind).encode()
    for place, number in ((field.index, 0xFFFFFFF0), (field.index + 1, 0xFFFFFFFC)):
        data = poke(good, 4 * place, number)
        read = kind.at(data, 0, len(data))
        assert getattr(read, field.name) is None
        assert _others(read, field) == _others(kind.at(good, 0, len(good)), field)
        told = [problem for problem in read.problems() if problem.field == field.spec and problem.aspect == "overrun"]
        assert told
        assert all(str(number) in problem.detail and problem.section == kind.layout.section for problem in told)


def test_text_of_a_problem_names_field_place_and_section() -> None:
    """As a person sees it."""
    packet = decode_request(line.BlindTransfer(dest_address=0x1000).encode())
    assert [str(problem) for problem in packet.problems() if problem.field == "lpszDestAddress"] == [
        "lpszDestAddress: offset 4096 lies outside the 0 bytes of VarData (MS-TRP 2.2.4.1.3.5)"
    ]


@_few
@given(kind=st.sampled_from(list(REQUESTS.values())), data=st.data())
def test_strict_decoding_of_a_response_raises_the_first_problem(kind: Any, data: st.DataObject) -> None:
    """Strict decoding of a response fails exactly where lenient decoding finds a problem, and with the first."""
    found = data.draw(mutated(st.just(samples.response(kind).encode())))
    problems = decode_response(found, kind).problems()
    if not problems:
        assert decode_response(found, kind, strict=True) == decode_response(found, kind)
        return
    with pytest.raises(DecodeError) as caught:
        decode_response(found, kind, strict=True)
    assert caught.value.problem == problems[0]


_EVENTS = st.sampled_from([samples.event(kind).encode() for kind in (*EVENTS.values(), *COMPLETIONS.values())])


@_few
@given(data=mutated(st.lists(_EVENTS, min_size=1, max_size=3).map(b"".join)))
def test_strict_decoding_of_events_raises_the_first_problem(data: bytes) -> None:
    """So with events: what is wrong with the buffer comes first, then what is wrong in each."""
    found = decode_events(data)
    problems = [*found.problems, *(problem for event in found.events for problem in event.problems())]
    if not problems:
        assert decode_events(data, strict=True) == found
        return
    with pytest.raises(DecodeError) as caught:
        decode_events(data, strict=True)
    assert caught.value.problem == problems[0]
