"""What contradicts itself in a stub is the fault of who takes it."""

from __future__ import annotations

from io import BytesIO

from mstrp.capture.files import Source
from mstrp.checking import check_capture
from mstrp.generate import Wire
from mstrp.generate.flows import play_of
from mstrp.generate.play import Kind
from mstrp.generate.stages import WireStage
from protocol.line import Answer


def rules(data: bytes) -> list[str]:
    """The rules that are broken in a capture."""
    result = check_capture(Source(BytesIO(data), "test", lambda frame, text: None))
    return [finding.rule for finding in result.findings]


def capture(*, damaged: bool) -> bytes:
    """Section 4.4 as a capture; damaged, lNeededSize of Answer is not the size of the array."""
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
    """The array of a request is not as long as lNeededSize says, and the server takes it."""
    assert rules(capture(damaged=False)) == []
    assert rules(capture(damaged=True)) == ["TRP-3.1.4-01"]
