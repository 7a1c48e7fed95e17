"""Packets shorter than their fixed part are read as far as possible, over TCP and through pipes."""

from __future__ import annotations

import io
from pipes import piped
from typing import TYPE_CHECKING, Any

import pytest
from frames import facts, judge, segments_of

from fsm.monitor import Monitor
from mstrp.generate import Wire
from protocol.event import decode_events
from protocol.events import LINE_GATHERDIGITS
from protocol.line import Initialize
from protocol.ndr import (
    ALL_DEVICES,
    METHODS,
    TAPSRV,
    TELEPHONY,
    ClientAttach,
    ClientAttachResult,
    ClientRequest,
    ClientRequestResult,
)

if TYPE_CHECKING:
    from protocol.stub import Method

_CONTEXT = bytes(4) + b"\7" * 16


def _answered(answer: bytes) -> bytes:
    """Return a capture of a client whose Initialize gets a response with the given bytes."""
    stream = io.BytesIO()
    connection = Wire(stream).connect(("10.0.0.1", 49200), ("10.0.0.2", 5150))
    connection.bind(TAPSRV)

    def call(method: Method, value: Any, result: Any) -> None:
        connection.response(method, result, connection.request(method, value))

    asked = Initialize(friendly_name="PC", module_name="PC", api_version=0x00030001)
    attach = ClientAttach(TELEPHONY, r"\\PC\mailslot\x", "PC")
    call(METHODS[TAPSRV.uuid, 0], attach, ClientAttachResult(_CONTEXT, ALL_DEVICES, 0))
    request = ClientRequest(_CONTEXT, asked.encode(), asked.capacity)
    call(METHODS[TAPSRV.uuid, 1], request, ClientRequestResult(answer, len(answer)))
    connection.close()
    return stream.getvalue()


@pytest.mark.parametrize("size", [0, 1, 3, 4, 40, 56, 59])
def test_an_answer_without_all_of_its_words(size: int) -> None:
    """Missing DWORDs are read as 0, over any transport."""
    capture = _answered(b"\5\0\0\x80"[:size] + bytes(max(0, size - 4)))
    direct = judge(capture)
    assert direct.sessions[0].requests == {"Initialize": 1}
    through = judge(piped(segments_of(capture)))
    assert not [text for _, text in through.notes if "SMB" in text]
    assert [each["requests"] for each in facts(through)["sessions"]] == [{"Initialize": 1}]
    assert [each.rule for each in through.findings] == [each.rule for each in direct.findings]


@pytest.mark.parametrize("words", range(10, 13))
def test_an_event_that_ends_before_its_line(words: int) -> None:
    """LINE_GATHERDIGITS has its line after the ten common DWORDs; a short one contains none."""
    whole = LINE_GATHERDIGITS(remote_line=0x77).encode()
    data = (4 * words).to_bytes(4, "little") + whole[4 : 4 * words]
    (event,) = decode_events(data).events
    conversation = Monitor().conversation()
    conversation.attached(TELEPHONY, "")
    conversation.event(event)
    assert conversation.events == {"LINE_GATHERDIGITS": 1}
