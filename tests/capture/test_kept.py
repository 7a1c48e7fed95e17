"""Stored events do not keep the buffers that contained them."""

from __future__ import annotations

import sys

import pytest

from fsm.monitor import Monitor
from protocol.events import LINE_LINEDEVSTATE, LINE_REPLY
from protocol.fastpath import split
from protocol.line import Drop
from protocol.ndr import TELEPHONY
from protocol.raw import Raw


@pytest.mark.parametrize("early", [False, True])
def test_a_reply_that_is_kept_lets_its_buffer_go(early: bool) -> None:
    """A reply without a request is stored for a possible request, as long as the conversation."""
    conversation = Monitor().conversation()
    conversation.attached(TELEPHONY, "")
    if early:
        conversation.sent(Drop(request_id=0, call=1))
    reply = LINE_REPLY(request_id=0x77).encode()
    data = b"".join([reply, LINE_LINEDEVSTATE().encode() * 50])
    held = sys.getrefcount(data)
    several = split(Raw(None, data, 0, len(data), -1))
    assert several is not None
    for event in several:
        conversation.event(event)
    del event, several
    assert conversation.events["LINE_REPLY"] == 1
    # The last event is still referenced.
    assert sys.getrefcount(data) <= held + 1
    conversation.event(LINE_LINEDEVSTATE())
    assert sys.getrefcount(data) == held
