"""Flows about sessions: set-up and tear-down, management, phones, event filters, the pull model, old versions, loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstrp.generate.flows.flow import Flow
from mstrp.generate.play import Kind
from protocol import events as event
from protocol import generic, line, mmc, phone
from protocol.constants import LINECALLSTATE, LINECONNECTEDMODE
from protocol.structures import LINECALLLIST, TAPISERVERCONFIG

if TYPE_CHECKING:
    from mstrp.generate.play import Script

__all__ = ["SESSIONS"]

S = LINECALLSTATE
_ACTIVE = int(LINECONNECTEDMODE.ACTIVE)


def _server_config(script: Script) -> None:
    app = script.role.app
    script.ask(
        mmc.GetServerConfig(line_app=app, provider_list=1024),
        provider_list=TAPISERVERCONFIG(domain_name="EXAMPLE", user_name="admin"),
    )


def _set_server_config(script: Script) -> None:
    config = TAPISERVERCONFIG(domain_name="EXAMPLE", user_name="admin")
    script.ask(mmc.SetServerConfig(line_app=script.role.app, server_config=config))


def _pull_call(script: Script) -> None:
    call = script.offer()
    answer = script.ask(line.Answer(call=call))
    script.tell(script.state_event(call, S.CONNECTED, _ACTIVE), script.reply_event(answer), after=answer.answered)
    drop = script.ask(line.Drop(call=call))
    script.reply(drop, after=drop.answered)
    script.state(call, S.IDLE, after=drop.answered)
    script.release(call)


def _old_call(script: Script) -> None:
    """Below 2.0 the first LINE_CALLSTATE announces the call."""
    call = script.offer()
    answer = script.ask(line.Answer(call=call))
    script.reply(answer)
    script.state(call, S.CONNECTED, _ACTIVE, after=answer.sent)
    drop = script.ask(line.Drop(call=call))
    script.reply(drop)
    script.state(call, S.IDLE, after=drop.sent)
    script.release(call)


def _existing_calls(script: Script) -> None:
    """GetNewCalls returns calls that existed before Open, without an announcement (O19)."""
    assert script.line is not None
    call = script.call()
    script.ask(
        line.GetNewCalls(line=script.line.handle, select=1, call_list=256), call_list=LINECALLLIST(calls=(call,))
    )
    script.state(call, S.CONNECTED, _ACTIVE)
    script.state(call, S.DISCONNECTED, 1)
    script.state(call, S.IDLE)
    script.release(call)


def _filtered(script: Script) -> None:
    """After an accepted event filter, events may be suppressed (Q19)."""
    script.ask(generic.RSPSetEventFilterMasks(obj_type=1, object_id=script.role.app))
    call = script.call()
    script.tell(script.announcement(call))
    script.info(call)
    script.state(call, S.ONHOLD)
    script.state(call, S.DIALTONE, 1)
    script.state(call, S.IDLE)
    script.release(call)


def _forced_close(script: Script) -> None:
    """The server closes the line during a call; every handle on it becomes invalid (6.7)."""
    assert script.line is not None
    one, two = script.offer(), script.offer(state=S.ONHOLD, mode=0)
    script.state(one, S.CONNECTED, _ACTIVE)
    hold = script.ask(line.Hold(call=one))
    script.reply(hold, 0x80000048)
    script.state(two, S.DISCONNECTED, 1, after=hold.sent)
    script.about(event.LINE_CLOSE, remote_line=script.line.remote)
    script.tell(event.LINE_REMOVE(init_context=script.role.init_context, device_id=0))
    script.ask(line.Close(line=script.line.handle), ack=0x8000002B)


def _closed_with_calls(script: Script) -> None:
    """Close with a call and a pending request on the line; events in transit may still arrive (2.4, 2.5)."""
    assert script.line is not None
    call = script.offer()
    before = tuple(script.last)
    answer = script.ask(line.Answer(call=call))
    connected = script.state(call, S.CONNECTED, _ACTIVE, after=answer.sent)
    close = script.ask(line.Close(line=script.line.handle), after=(*before, answer.answered))
    script.state(call, S.IDLE, after=(connected, close.sent))


def _shut_down_with_calls(script: Script) -> None:
    """ShutDown without Close closes everything under the application (3.2)."""
    script.offer()


def _lost(script: Script) -> None:
    """The connection is lost; the binding ends without ClientDetach (Q20)."""
    call = script.offer()
    script.ask(line.Answer(call=call))
    script.play.step(script.role, Kind.LOST, script.last)


def _phone(script: Script) -> None:
    role = script.role
    assert role.phone is not None
    opened = role.phone
    ring = script.ask(phone.SetRing(phone=opened.handle, ring_mode=1, volume=0x8000))
    reply = event.PHONE_REPLY(
        init_context=role.init_context, open_context=opened.context, request_id=ring.packet.words[2]
    )
    script.tell(reply, after=ring.sent)
    button = event.PHONE_BUTTON(
        init_context=role.init_context,
        open_context=opened.context,
        remote_phone=opened.remote,
        button_mode=2,
        button_state=2,
    )
    script.tell(button, after=ring.sent)


def _phone_lost(script: Script) -> None:
    role = script.role
    assert role.phone is not None
    opened = role.phone
    closed = event.PHONE_CLOSE(init_context=role.init_context, open_context=opened.context, remote_phone=opened.remote)
    script.tell(closed)
    script.ask(phone.Close(phone=opened.handle), ack=0x9000000B)


_MANAGEMENT = ({"model": "management"},)
_PULL = ({"model": "pull"},)
#: The flows.
SESSIONS: tuple[Flow, ...] = (
    Flow("session", "4.1, 4.2", "a session is set up and torn down"),
    Flow("management", "4.7, 4.8", "a management session", clients=_MANAGEMENT),
    Flow("get-server-config", "4.9", "an administrator reads the server's configuration", _server_config, _MANAGEMENT),
    Flow(
        "set-server-config",
        "4.10",
        "an administrator writes the server's configuration",
        _set_server_config,
        _MANAGEMENT,
    ),
    Flow("pull", "2.2.4.1.8.1", "a client pulls its events", _pull_call, _PULL),
    Flow("below-2.0", "2.2.2", "a client at TAPI 1.4", _old_call, ({"version": 0x00010004},)),
    Flow("existing-calls", "2.2.4.1.3.37", "calls that existed before the line was opened", _existing_calls),
    Flow("filtered", "2.2.4.1.8.3", "events are suppressed by a filter", _filtered),
    Flow("forced-close", "2.2.4.2.1.9", "the server closes the line during a call", _forced_close, closes=True),
    Flow("close-with-calls", "2.2.4.1.2.1", "a line is closed with a call on it", _closed_with_calls, closes=True),
    Flow(
        "shutdown-with-calls", "2.2.4.1.2.2", "ShutDown with lines open and a call", _shut_down_with_calls, closes=True
    ),
    Flow("lost", "3.1.6", "the connection is lost during a call", _lost, ends=True),
    Flow("phone", "2.2.4.1.5", "a phone rings and a button is pressed", _phone, ({"phones": 1},)),
    Flow("phone-lost", "2.2.4.2.1.27", "the server closes the phone", _phone_lost, ({"phones": 1},), closes=True),
)
