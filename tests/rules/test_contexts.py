"""InitContext of events that name no line or phone: the client drops those of others, so they are faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from live import Live

from protocol import events as event
from protocol import line, phone

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.event import Event

#: Events by name, made with an InitContext for a session.
EVENTS: dict[str, Callable[[Live, int], Event]] = {
    "LINE_REPLY": lambda live, context: _reply(live, context, line.Answer(call=live.talk.offer())),
    "PHONE_REPLY": lambda live, context: _reply(
        live,
        context,
        phone.SetRing(phone=live.role.phone.handle, ring_mode=1),  # type: ignore[union-attr]
    ),
    "special completion": lambda live, context: _reply(
        live, context, line.MakeCall(line=live.role.lines[0].handle), call=live.talk.call()
    ),
    "LINE_CREATE": lambda live, context: event.LINE_CREATE(init_context=context, device_id=9),
    "LINE_REMOVE": lambda live, context: event.LINE_REMOVE(init_context=context, device_id=0),
    "PHONE_CREATE": lambda live, context: event.PHONE_CREATE(init_context=context, device_id=9),
    "PHONE_REMOVE": lambda live, context: event.PHONE_REMOVE(init_context=context, device_id=0),
}
names = pytest.mark.parametrize("name", EVENTS)


def _reply(live: Live, context: int, packet: object, **brings: int) -> Event:
    """The reply to a request, with an InitContext."""
    asked = live.talk.ask(packet)  # type: ignore[arg-type]
    found = live.talk.reply_event(asked, **brings)
    return found.replace(init_context=context)


@names
def test_a_foreign_init_context_is_a_failure(name: str) -> None:
    """An InitContext that no Initialize gave is CALL-V13, once for each value."""
    live = Live(phones=1)
    live.news()
    for _ in range(2):
        live.talk.tell(EVENTS[name](live, 0xBAD))
    assert [finding.rule for finding in live.news() if finding.machine == "application"] == ["CALL-V13"]


@names
def test_an_own_init_context_is_legal(name: str) -> None:
    """The InitContext of an application of the client is legal."""
    live = Live(phones=1)
    live.news()
    live.talk.tell(EVENTS[name](live, live.role.init_context))
    assert live.rules() == set()


@names
def test_nothing_is_known_after_a_gap(name: str) -> None:
    """After missing packets the client may have more applications."""
    live = Live(phones=1)
    live.conversation.gap(500, live.stage.now)
    live.talk.tell(EVENTS[name](live, 0xBAD))
    assert not live.rules() & {"CALL-V12", "CALL-V13"}


@pytest.mark.parametrize(("seconds", "rules"), [(0.0, set()), (2.0, {"CALL-V12"})])
def test_after_shutdown_it_is_an_event_after_the_end(seconds: float, rules: set[str]) -> None:
    """What was under way at ShutDown is legal, later it is CALL-V12."""
    live = Live()
    live.talk.ask(line.Close(line=live.role.lines[0].handle))
    live.talk.ask(line.ShutDown(line_app=live.role.app))
    live.news()
    live.wait(seconds)
    live.talk.tell(event.LINE_CREATE(init_context=live.role.init_context, device_id=9))
    assert live.rules() == rules


def test_an_event_may_come_before_the_response_to_initialize() -> None:
    """The server may send LINE_CREATE while its response to Initialize is on its way on the other connection."""
    live = Live()
    conversation, now = live.conversation, live.stage.now
    asked = line.Initialize(init_context=0x777, friendly_name="A", module_name="A", api_version=0x00030001)
    conversation.sent(asked, 900, now)
    conversation.event(event.LINE_CREATE(init_context=0x777, device_id=9), 901, now)
    assert live.rules() == set()


def test_contexts_of_phone_close_are_compared() -> None:
    """PHONE_CLOSE carries the contexts of the phone."""
    for field in ("init_context", "open_context"):
        live = Live(phones=1)
        opened = live.role.phone
        assert opened is not None
        right = {"init_context": live.role.init_context, "open_context": opened.context, field: 0xBAD}
        live.talk.tell(event.PHONE_CLOSE(remote_phone=opened.remote, **right))
        assert live.rules() == {"CALL-V13"}
