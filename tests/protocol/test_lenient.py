"""Decoding collects problems and keeps all other fields readable; strict decoding raises the first problem."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from malformed import mutated, poke

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
    """Return all values except that of one field and of the field with its length."""
    return {name: new for name, new in record.values().items() if name != field.name}


@pytest.mark.parametrize(("kind", "field"), _OFFSETS)
def test_a_bad_offset_spoils_nothing_else(kind: Any, field: Any) -> None:
    """The other fields are unaffected; the problem has field, offset, bounds and section, also in strict mode."""
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
    """A size that extends past the structure, or overflows 2^32 with the offset, affects only its member."""
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
    """The text of a problem contains field, position and section."""
    packet = decode_request(line.BlindTransfer(dest_address=0x1000).encode())
    assert [str(problem) for problem in packet.problems() if problem.field == "lpszDestAddress"] == [
        "lpszDestAddress: offset 4096 lies outside the 0 bytes of VarData (MS-TRP 2.2.4.1.3.5)"
    ]


@_few
@given(kind=st.sampled_from(list(REQUESTS.values())), data=st.data())
def test_strict_decoding_of_a_response_raises_the_first_problem(kind: Any, data: st.DataObject) -> None:
    """Strict decoding of a response raises the first problem that lenient decoding finds, if any."""
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
    """For events, problems of the buffer precede those of the events."""
    found = decode_events(data)
    problems = [*found.problems, *(problem for event in found.events for problem in event.problems())]
    if not problems:
        assert decode_events(data, strict=True) == found
        return
    with pytest.raises(DecodeError) as caught:
        decode_events(data, strict=True)
    assert caught.value.problem == problems[0]


def test_an_event_that_is_too_short_is_read_as_far_as_it_goes() -> None:
    """LINE_GATHERDIGITS without its last two DWORDs; a failed Forward may lack the ids (E5)."""
    full = samples.event(EVENTS[6]).encode()
    event = decode_events(poke(full[:40], 0, 40)).events[0]
    assert event.layout.name == "LINE_GATHERDIGITS"
    assert [problem.aspect for problem in event.problems()] == ["layout"]
    assert (event.digits_context, event.remote_line) == (samples.event(EVENTS[6]).digits_context, None)
    forward = line.Forward.Completion(request_id=7, result=-2147483576).encode()[:40]
    (reply,) = decode_events(poke(forward, 0, 40), lambda _: line.Forward).events
    assert (reply.completed_id, reply.outcome, reply.consult_call_id, reply.problems()) == (7, -2147483576, None, [])


def test_inconsistent_variable_data_is_a_problem() -> None:
    """A length beyond the end of an event, and an inconsistent structure after its fixed part, are problems."""
    data = line.DevSpecific.Completion(request_id=1, data=b"12345678").encode()
    (event,) = decode_events(poke(data, 36, 4_000), lambda _: line.DevSpecific).events
    assert [(problem.field, problem.aspect) for problem in event.problems()] == [("VarData", "overrun")]
    assert "4000 bytes, but 8 follow" in event.problems()[0].detail
    data = line.Park.Completion(request_id=1, address={"string": "77"}).encode()
    (event,) = decode_events(poke(data, 40, 8), lambda _: line.Park).events
    assert "VarData.dwTotalSize" in [problem.field for problem in event.problems()]


def test_a_structure_that_stops_early_is_read_as_far_as_it_goes() -> None:
    """Missing members are None: numbers, arrays after the fixed part, bodies, GUIDs and times."""
    for name, kind in STRUCTURES.items():
        full = samples.structure(kind).encode()
        for end in range(0, min(len(full), 4 * kind.layout.words), 4):
            read = kind.at(full[:end], 0, end)
            # A counted text at offset 0 may find bytes; one after the end cannot.
            behind = [field for field in kind.layout.fields if 4 * (field.index + max(1, field.width)) > end]
            assert all(getattr(read, field.name) in (None, ()) for field in behind), name
            assert read.problems(), (name, end)


def test_errors_survive_a_process_boundary() -> None:
    """A DecodeError can be pickled and unpickled."""
    with pytest.raises(DecodeError) as caught:
        decode_request(b"", strict=True)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.packet, again.problem, str(again)) == (caught.value.packet, caught.value.problem, str(caught.value))


def test_response_to_an_unknown_request_has_no_problem() -> None:
    """The unassigned number is a problem of the request only (C10)."""
    asked = decode_request(poke(line.Answer().encode(), 0, 999))
    assert [problem.rule for problem in asked.problems()] == ["TRP-3.1.4.2-GEN-04"]
    answer = decode_response(bytes(60), type(asked))
    assert answer.problems() == []
