"""DCE/RPC in practice, through the whole program: contexts, fragments, concurrent calls, faults."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from frames import SYN, Segment, facts, judge, scenario, segments_of
from hypothesis import given
from hypothesis import strategies as st

from mstrp.capture.hints import Hints, Setup
from protocol.ndr import TAPSRV
from protocol.packet import REQUESTS
from protocol.rpc.pdu import (
    BIND_TIME_FEATURES,
    NDR20,
    NDR64,
    Auth,
    Bind,
    BindAck,
    CallBody,
    Context,
    Fault,
    Kind,
    Outcome,
    Syntax,
    encode,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.checking import CaptureResult

#: Without pure acknowledgements: every segment with data is one PDU.
SEGMENTS = [segment for segment in segments_of(scenario()) if segment.data or segment.flags & 3]
EXPECTED = facts(judge(SEGMENTS))
OTHER = Syntax(UUID("12345678-1234-abcd-ef00-0123456789ab"), 1)
FEATURES = Syntax(UUID(bytes_le=BIND_TIME_FEATURES + b"\3" + bytes(7)), 1)
TRAILER = bytes.fromhex("8ae3137102f4367101000400") + bytes(4)


def _streamed(segments: list[Segment]) -> list[Segment]:
    """Segments whose payloads changed, with sequence numbers that fit again."""
    sent: dict[object, int] = {}
    found = []
    for segment in segments:
        if segment.flags & SYN:
            sent[segment.direction] = segment.sequence + 1
            found.append(segment)
            continue
        place = sent[segment.direction]
        other = sent.get(segment.direction[::-1], segment.ack)
        found.append(segment._replace(sequence=place & 0xFFFFFFFF, ack=other & 0xFFFFFFFF))
        sent[segment.direction] = place + len(segment.data)
    return found


def _changed(change: Callable[[bytes], bytes | list[bytes]], segments: list[Segment] = SEGMENTS) -> list[Segment]:
    """The scenario with every PDU changed, or with several in its place."""
    found = []
    for segment in segments:
        new = change(segment.data) if segment.data else b""
        for data in new if isinstance(new, list) else [new]:
            found.append(segment._replace(data=data))
    return _streamed(found)


def _is_call(pdu: bytes) -> bool:
    return pdu[2] in (Kind.REQUEST, Kind.RESPONSE)


def _failures(result: CaptureResult) -> list[str]:
    return [finding.rule for finding in result.findings if finding.verdict.value != "info"]


def _fragments(pdu: bytes, size: int) -> list[bytes]:
    """A call in fragments whose stubs have this size."""
    header, body, _ = parse(pdu)
    assert isinstance(body, CallBody)
    stubs = [body.stub[at : at + size] for at in range(0, len(body.stub), size)] or [b""]
    return [
        encode(
            header.kind,
            header.call_id,
            body._replace(stub=stub, alloc_hint=len(body.stub)),
            flags=(place == 0) | (place == len(stubs) - 1) << 1,
        )
        for place, stub in enumerate(stubs)
    ]


@given(st.integers(1, 200))
def test_fragments_may_have_any_size(size: int) -> None:
    """Calls in fragments of any size are put together."""
    result = judge(_changed(lambda pdu: [b"".join(_fragments(pdu, size))] if _is_call(pdu) else pdu))
    assert facts(result) == EXPECTED
    assert result.notes == []


@given(st.integers(0, 0xFFFFFFFF), st.integers(1, 0xFFFF))
def test_call_ids_may_start_anywhere(start: int, step: int) -> None:
    """Call ids may begin with any number and skip any."""

    def change(pdu: bytes) -> bytes:
        number = int.from_bytes(pdu[12:16], "little")
        return pdu[:12] + (start + number * step & 0xFFFFFFFF).to_bytes(4, "little") + pdu[16:]

    assert facts(judge(_changed(change))) == EXPECTED


def test_all_answers_may_have_one_call_id() -> None:
    """A stack that uses the same id for every response is supported while there is one call at a time."""

    def change(pdu: bytes) -> bytes:
        return pdu[:12] + b"\1\0\0\0" + pdu[16:] if pdu[2] == Kind.RESPONSE else pdu

    assert facts(judge(_changed(change))) == EXPECTED


def test_calls_may_overlap() -> None:
    """Calls sent before earlier responses, with interleaved fragments, get their responses."""
    # Two conversations of the same shape over one connection each: interleave the second into the first.
    second = [
        segment._replace(
            source=(segment.source[0].replace("10.0.0.1", "10.0.0.9"), segment.source[1]),
            target=(segment.target[0].replace("10.0.0.1", "10.0.0.9"), segment.target[1]),
        )
        for segment in SEGMENTS
    ]
    both = [segment for pair in zip(SEGMENTS, second, strict=True) for segment in pair]
    result = judge(both)
    assert [session.requests for session in result.sessions] == [judge(SEGMENTS).sessions[0].requests] * 2
    assert _failures(result) == []


def test_fragments_of_concurrent_calls_may_mix() -> None:
    """With concurrent multiplexing, fragments of several requests and responses alternate on one connection."""

    def change(pdu: bytes) -> bytes | list[bytes]:
        if not _is_call(pdu):
            return pdu
        foreign = encode(pdu[2], 0x7000_0000, CallBody(90, 7, 5, bytes(90)), flags=3 | 0x10)
        pairs = zip_longest(_fragments(pdu, 60), _fragments(foreign, 30), fillvalue=b"")
        return [part for pair in pairs for part in pair if part]

    bound = _bound(SEGMENTS, (Context(7, OTHER, (NDR20,)),), (Outcome(0, 0, NDR20),))
    assert facts(judge(_changed(change, bound))) == EXPECTED


def _bound(segments: list[Segment], contexts: tuple[Context, ...], outcomes: tuple[Outcome, ...]) -> list[Segment]:
    """More contexts in every bind, with their results."""
    found = []
    for segment in segments:
        if segment.data and segment.data[2] in (Kind.BIND, Kind.BIND_ACK):
            header, body, _ = parse(segment.data)
            if isinstance(body, Bind):
                new: Bind | BindAck = body._replace(contexts=(*contexts, *body.contexts))
            else:
                assert isinstance(body, BindAck)
                new = body._replace(outcomes=(*outcomes, *body.outcomes))
            found.append(segment._replace(data=encode(header.kind, header.call_id, new)))
        else:
            found.append(segment)
    return found


def test_refused_and_negotiated_contexts_do_not_count() -> None:
    """A refused NDR64 context and a feature negotiation do not affect the accepted context."""
    tapsrv = Syntax(TAPSRV.uuid, 1)
    offered = (Context(5, tapsrv, (NDR64,)), Context(6, tapsrv, (FEATURES,)))
    answered = (Outcome(2, 2, Syntax(UUID(int=0), 0)), Outcome(3, 3, Syntax(UUID(int=0), 0)))
    assert facts(judge(_streamed(_bound(SEGMENTS, offered, answered)))) == EXPECTED


def test_contexts_may_be_altered() -> None:
    """An interface bound later, by alter_context, is supported from then on, in its own transfer syntax."""
    other = [s for s in segments_of(scenario(ndr64=True)) if s.data or s.flags & 3]
    expected = facts(judge(other))

    def change(pdu: bytes) -> bytes | list[bytes]:
        header, body, _ = parse(pdu)
        if isinstance(body, Bind):
            first = body._replace(contexts=(Context(9, OTHER, (NDR20,)),))
            return [encode(Kind.BIND, header.call_id, first), encode(Kind.ALTER_CONTEXT, header.call_id, body)]
        if isinstance(body, BindAck):
            first_ack = body._replace(outcomes=(Outcome(0, 0, NDR20),))
            later = body._replace(address="")
            return [
                encode(Kind.BIND_ACK, header.call_id, first_ack),
                encode(Kind.ALTER_CONTEXT_RESP, header.call_id, later),
            ]
        return pdu

    # Responses directly after their requests.
    found: list[Segment] = []
    for segment in _changed(change, other):
        if segment.data and segment.data[2] == Kind.BIND_ACK:
            at = max(n for n, each in enumerate(found) if each.data and each.data[2] == Kind.ALTER_CONTEXT)
            found.insert(at, segment)
        else:
            found.append(segment)
    assert facts(judge(_streamed(found))) == expected


@pytest.mark.parametrize("level", [2, 4, 5])
def test_padding_and_signatures_are_no_part_of_the_stub(level: int) -> None:
    """Authentication trailers below privacy are removed with their padding."""

    def change(pdu: bytes) -> bytes:
        header, body, _ = parse(pdu)
        if not _is_call(pdu):
            return pdu
        assert isinstance(body, CallBody)
        return encode(header.kind, header.call_id, body, auth=Auth(10, level, 0, 1, bytes(range(16))))

    result = judge(_changed(change))
    assert facts(result) == EXPECTED
    assert result.notes == []


def test_verification_trailers_are_no_part_of_the_stub() -> None:
    """A verification trailer after the parameters is skipped."""

    def change(pdu: bytes) -> bytes:
        header, body, _ = parse(pdu)
        if pdu[2] != Kind.REQUEST:
            return pdu
        assert isinstance(body, CallBody)
        stub = body.stub + bytes(-len(body.stub) % 4) + TRAILER
        return encode(header.kind, header.call_id, body._replace(stub=stub, alloc_hint=len(stub)))

    result = judge(_changed(change))
    assert facts(result) == EXPECTED
    assert result.notes == []


def test_other_interfaces_are_left_alone() -> None:
    """Calls of another interface on the same connection, and other connections, have no effect."""

    def change(pdu: bytes) -> bytes | list[bytes]:
        if not _is_call(pdu):
            return pdu
        noise = encode(pdu[2], 0x5000, CallBody(20, 8, 1, bytes(20)))
        return [noise, pdu]

    bound = _bound(SEGMENTS, (Context(8, OTHER, (NDR20,)),), (Outcome(0, 0, NDR20),))
    result = judge(_changed(change, bound))
    assert facts(result) == EXPECTED
    assert result.notes == []


def _call(request: str) -> tuple[int, int]:
    """Return the positions of a request and its response."""
    number = next(n for n, kind in REQUESTS.items() if kind.__name__ == request and kind.device == "line")
    asked = next(
        n
        for n, segment in enumerate(SEGMENTS)
        if len(segment.data) > 60 and segment.data[2] == 0 and segment.data[56:60] == number.to_bytes(4, "little")
    )
    identifier = SEGMENTS[asked].data[12:16]
    back = SEGMENTS[asked].direction[::-1]
    answered = next(
        n for n, s in enumerate(SEGMENTS) if n > asked and s.direction == back and s.data[12:16] == identifier
    )
    return asked, answered


def test_a_fault_is_an_answer() -> None:
    """An RPC fault instead of a response ends the call, without a finding."""
    _, answered = _call("GetDevCaps")
    header = parse(SEGMENTS[answered].data).header
    segments = list(SEGMENTS)
    fault = encode(Kind.FAULT, header.call_id, Fault(0, 0, 0x6F7, b""), flags=3)
    segments[answered] = segments[answered]._replace(data=fault)
    assert _failures(judge(_streamed(segments))) == []


@pytest.mark.parametrize("kind", [Kind.ORPHANED, Kind.CO_CANCEL])
def test_orphaned_and_cancelled_calls_wait_for_nothing(kind: Kind) -> None:
    """An orphaned call has no response, or an ignored one; the next calls get theirs."""
    asked, answered = _call("GetDevCaps")
    segments = list(SEGMENTS)
    header = parse(segments[asked].data).header
    gone = segments[asked]._replace(data=encode(kind, header.call_id, b"", flags=3))
    if kind == Kind.ORPHANED:
        # The id is free again: the next call uses it.
        connection = {segments[asked].direction, segments[answered].direction}
        later = [
            n for n in range(answered + 1, len(segments)) if segments[n].direction in connection and segments[n].data
        ]
        for number in later[:2]:
            data = segments[number].data
            segments[number] = segments[number]._replace(
                data=data[:12] + header.call_id.to_bytes(4, "little") + data[16:]
            )
        segments[answered] = segments[answered]._replace(data=b"")
    segments.insert(asked + 1, gone)
    result = judge(_streamed(segments))
    assert _failures(result) == []
    assert result.sessions[0].requests == judge(SEGMENTS).sessions[0].requests
    assert [call.states for call in result.sessions[0].calls] == [c.states for c in judge(SEGMENTS).sessions[0].calls]
    assert result.notes == []


def test_a_rejected_bind_is_told() -> None:
    """A rejected bind gives a note with its reason."""

    def change(pdu: bytes) -> bytes:
        return encode(Kind.BIND_NAK, 1, b"\4\0\0\0\0\0") if pdu[2] == Kind.BIND_ACK else pdu

    result = judge(_changed(change)[:6])
    assert any("bind was rejected, reason 4" in text for _, text in result.notes)


# -- streams that began before the capture -------------------------------------------------------------------------


def _begun(segments: list[Segment]) -> list[Segment]:
    """Return the content of a capture that was started after the binds."""
    return [segment for segment in segments if segment.data and segment.data[2] not in (Kind.BIND, Kind.BIND_ACK)]


@pytest.mark.parametrize("ndr64", [False, True])
@pytest.mark.parametrize(
    "hint", [Hints(everywhere=True), Hints.parse(["5150=tapsrv", "content"]), Hints.parse((), [5150])]
)
def test_streams_are_recognised_by_their_content_when_asked(hint: Hints, ndr64: bool) -> None:
    """Without a captured bind, requests are recognized by their content on request."""
    segments = [s for s in segments_of(scenario(ndr64=ndr64)) if s.data or s.flags & 3]
    whole = judge(segments).sessions[0]
    late = _begun(segments)[6:]
    silent = judge(late)
    assert silent.sessions == []
    assert sum("--decode-as" in text for _, text in silent.notes) in (1, 2)
    result = judge(late, setup=Setup(hints=hint))
    assert _failures(result) == []
    found = result.sessions[0].requests
    assert found["BlindTransfer"] == whole.requests["BlindTransfer"]


def test_hints_that_make_no_sense_are_refused() -> None:
    """An invalid hint is an error that contains it."""
    for texts, ports in ((["http"], []), (["5150=smtp"], []), ([], [0]), ([], [70_000])):
        with pytest.raises(ValueError, match=r"http|smtp|0 is not a port|70000"):
            Hints.parse(texts, ports)
