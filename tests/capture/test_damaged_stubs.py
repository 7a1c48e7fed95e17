"""Inconsistent stubs are the fault of the side that accepts them."""

from __future__ import annotations

from io import BytesIO

import pytest
from frames import facts, judge, payload_changed, scenario, segments_of

from mstrp.capture.files import Source
from mstrp.checking import check_capture
from mstrp.generate import Wire
from mstrp.generate.flows import play_of
from mstrp.generate.play import Kind
from mstrp.generate.stages import WireStage
from protocol.line import Answer


def rules(data: bytes) -> list[str]:
    """Return the rules that are violated in a capture."""
    result = check_capture(Source(BytesIO(data), "test", lambda frame, text: None))
    return [finding.rule for finding in result.findings]


def capture(*, damaged: bool) -> bytes:
    """Return section 4.4 as a capture; if damaged, lNeededSize of Answer is not the size of the array."""
    stream = BytesIO()
    wire = Wire(stream)
    stage = WireStage(wire)
    for step in play_of("incoming").order():
        stage.take(step)
    data = bytearray(stream.getvalue())
    if damaged:
        packet = next(
            step.packet
            for step in play_of("incoming").order()
            if step.kind is Kind.ASK and isinstance(step.packet, Answer)
        )
        body = packet.encode()
        place = data.index(body) + len(body)
        assert data[place : place + 4] == packet.capacity.to_bytes(4, "little")
        data[place : place + 4] = (packet.capacity + 4).to_bytes(4, "little")
    return bytes(data)


def test_a_server_that_takes_a_damaged_stub() -> None:
    """A server that accepts a request whose array is shorter than lNeededSize is at fault."""
    assert rules(capture(damaged=False)) == []
    assert rules(capture(damaged=True)) == ["TRP-3.1.4-01"]


def _lengthened(pdu: bytes, rest: bytes) -> bytes:
    """A request or response PDU with more bytes after its stub."""
    if pdu[2] not in (0, 2) or len(pdu) != int.from_bytes(pdu[8:10], "little"):
        return pdu
    size = len(pdu) + len(rest)
    return pdu[:8] + size.to_bytes(2, "little") + pdu[10:] + rest


@pytest.mark.parametrize("ndr64", [False, True])
@pytest.mark.parametrize("rest", [bytes(8), b"\x5a" * 40])
def test_bytes_after_the_last_parameter_break_no_rule(rest: bytes, ndr64: bool) -> None:
    """Bytes after the last parameter violate no rule: notes, no findings, the same conversation."""
    capture = scenario(ndr64=ndr64)
    result = judge(payload_changed(segments_of(capture), lambda pdu: _lengthened(pdu, rest)))
    assert facts(result) == facts(judge(capture))
    assert sum("remain after the last parameter" in text for _, text in result.notes) == len(result.notes) > 0
