"""Strict use: every illegal step of the tables, attempted through the public interface in both roles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from live import STATES, Live, reach
from test_exchange import BAD, CONTEXT, ID, OTHER_ID, Talk
from test_handles import CREATING, OLD, digits
from test_requests import USES, packet
from test_sessions import (
    _device,
    _device_request,
    _extend,
    _named,
    _negotiate,
    _open,
    _phone_event,
    a_phone,
    application,
    bound,
    exchange,
    opened,
)

from fsm import MACHINES, Fault, Level, LocalProtocolError, ProtocolError, RemoteProtocolError
from fsm.engine.row import Kind
from fsm.monitor import Monitor
from fsm.tables import handle as handles
from fsm.tables.call import VOIDED
from fsm.tables.call_requests import ASKS
from mstrp.generate.play import Asked
from protocol import events as event
from protocol import generic, line, mmc, phone
from protocol.constants import LINECALLSTATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.conversation import Conversation
    from fsm.engine.finding import Finding

#: Events that report missing actions: no step could be refused.
MISSED = {"not reported after SwapHold"}


class Attempt(NamedTuple):
    """A conversation with an instance in the state of a row, and the call that sends its event."""

    monitor: Monitor
    conversation: Conversation
    act: Callable[[], object]


def of(live: Live, act: Callable[..., object], *arguments: Any, **options: Any) -> Attempt:
    """Return an attempt in the session written so far."""
    live.monitor.findings.clear()
    return Attempt(live.monitor, live.conversation, partial(act, *arguments, **options))


# -- calls ---------------------------------------------------------------------------------------------------------


def call_in(live: Live, state: str, flags: int) -> int:
    """Return a call handle in a state, including ended and absent ones, with bits of context."""
    if state == "ABSENT":
        return live.talk.call()
    if state in ("DEALLOCATED", "VOID"):
        handle = reach(live, "IDLE")
        if state == "VOID":
            live.conversation.runner.step(live.record(handle), VOIDED, 0)
            live.record(handle).retire(live.conversation.registry)
        else:
            live.talk.release(handle)
        live.wait()
        return handle
    handle = reach(live, state)
    live.record(handle).flags |= flags
    return handle


def creating(live: Live, kind: Any) -> Any:
    """Return a request whose completion creates calls."""
    words = {"line": live.line.handle} if "line" in kind.layout.by_name else {}
    if "dest_address" in kind.layout.by_name:
        words["dest_address"] = "1"
    if kind is line.CompleteTransfer:
        words |= {"call": reach(live, "ONHOLD"), "consult_call": reach(live, "CONNECTED"), "transfer_mode": 2}
    elif kind is line.PrepareAddToConference:
        words |= {"conf_call": reach(live, "CONNECTED")}
    elif kind in (line.SetUpTransfer, line.SetUpConference):
        words |= {"call": reach(live, "CONNECTED")}
    return kind(context=7, **words)


def created(live: Live, kind: Any) -> dict[str, int]:
    """Return new handles for a completion."""
    return {name: live.talk.call() for name in ("conf_call", "consult_call") if name in kind.Completion.layout.by_name}


def on_call(name: str, state: str, flags: int) -> Attempt:
    """Return the attempt of an event of a call."""
    live = Live(**(OLD if (name, state) == ("LINE_APPNEWCALL", "ABSENT") else {}))
    live.parent()
    for kind, field in CREATING:
        spec = kind.Completion.layout.by_name[field].spec
        if name in (f"{kind.__name__} creates", f"{kind.__name__} {spec} creates"):
            asked, brings = creating(live, kind), created(live, kind)
            return of(live, live.done, asked, **{**brings, field: call_in(live, state, flags)})
    handle = call_in(live, state, flags)
    for used, asked in USES:
        if ASKS.get((used, getattr(line, used).layout.by_name[asked].spec)) is BY_NAME["call", name]:
            return of(live, live.talk.ask, packet(live, used, asked, handle))
    if name in {f"LINE_CALLSTATE {known}" for known in STATES}:
        return of(live, live.reports, handle, name.split()[1])
    match name:
        case "LINE_APPNEWCALL":
            if state == "LISTED":
                live.wait()  # Directly after GetNewCalls the announcement may have been sent before the list.
            return of(live, live.talk.tell, live.talk.announcement(handle))
        case "DeallocateCall done":
            live.wait()
            return of(live, live.talk.ask, line.DeallocateCall(call=handle))
        case "LINE_CALLINFO":
            return of(live, live.talk.info, handle)
        case "other call event":
            return of(live, digits, live, handle)
        case "LINE_CALLSTATE without a state":
            return of(live, live.talk.state, handle, 0, 0)
        case "CONFERENCED without a parent":
            return of(live, live.talk.state, handle, LINECALLSTATE.CONFERENCED, live.talk.call(), privilege=2)
        case "CONFERENCED with another call as parent":
            return of(live, live.talk.state, handle, LINECALLSTATE.CONFERENCED, handle, privilege=2)
        case "CONFERENCED with parent 0":
            return of(live, live.talk.state, handle, LINECALLSTATE.CONFERENCED, 0, privilege=2)
        case "odd mode":
            return of(live, live.talk.state, handle, LINECALLSTATE[state], 3, privilege=2)
        case "odd privilege":
            return of(live, live.reports, handle, state, privilege=8)
        case "another call first":
            if state != "ANNOUNCED":
                live.conversation.lines[live.line.handle].announced = live.record(handle)
            return of(live, live.talk.info, live.parent())
    raise KeyError(name)


# -- requests ------------------------------------------------------------------------------------------------------


def on_request(name: str, state: str) -> Attempt:
    """Return the attempt of an event of a request."""
    talk = Talk(state)
    live = talk.live
    acks = {
        "answers 0": 0,
        "answers id": ID,
        "answers another id": OTHER_ID,
        "answers error": BAD,
        "answers INVALRPCCONTEXT": CONTEXT,
    }
    if name in acks:
        return of(live, talk.answer, acks[name])
    if name in ("reply 0", "reply error"):
        if state == "CANCELLED":
            live.wait()
        return of(live, talk.reply, BAD if name == "reply error" else 0)
    match name:
        case "answers a used id":
            if state == "ASKED":
                number = live.talk.ask(line.Accept(call=talk.call)).packet.request_id
                return of(live, talk.answer, number)
            number = live.talk.ask(line.Accept(call=talk.call, request_id=OTHER_ID)).packet.request_id
            talk.sent = line.Answer(call=talk.call)
            talk.exchange = live.conversation.sent(talk.sent, 1, talk.now())
            return of(live, talk.answer, number)
        case "answer after 5 s":
            live.wait(6.0)
            return of(live, talk.answer, 0 if state == "ASKED" else ID)
        case "completion without echo":
            asked = live.conversation.sent(
                line.MakeCall(line=live.line.handle, context=7, dest_address="1", request_id=OTHER_ID)
            )
            if state == "DONE":
                live.conversation.answered(asked, line.MakeCall(ack=OTHER_ID, line=live.line.handle))
            told = live.talk.reply_event(
                Asked(line.MakeCall(line=live.line.handle, request_id=OTHER_ID), 0, 0), context=8, call=1
            )
            return of(live, live.talk.tell, told)
        case "reuses an id":
            live.talk.ask(line.Answer(call=talk.call, request_id=OTHER_ID))
            return of(live, live.talk.ask, line.Accept(call=talk.call, request_id=OTHER_ID))
    raise KeyError(name)


# -- sessions ------------------------------------------------------------------------------------------------------


def on_binding(name: str, state: str) -> Attempt:
    """Return the attempt of an event of a binding."""
    if (name, state) == ("device request", "MANAGEMENT"):
        live = Live(model="management")
        _negotiate(live, 0)
        return of(live, _open, live, 0)
    monitor, conversation = bound(state)
    acts: dict[str, Callable[[], object]] = {
        "request": lambda: exchange(conversation, mmc.GetProviderList(provider_list=1024)),
        "device request": lambda: _device_request(conversation),
        "GetAsyncEvents": lambda: exchange(conversation, generic.GetAsyncEvents(total_buffer_size=1024)),
        "GetAsyncEvents returns events": conversation.fetched,
        "events on remotesp": lambda: conversation.delivered(0, 9.0),
        "ClientDetach": lambda: conversation.detached(0, 2.0),
        "call under another context handle": lambda: conversation.completed(
            conversation.strayed(None, "a NULL context handle")
        ),
    }
    return Attempt(monitor, conversation, acts[name])


def on_channel(name: str, state: str) -> Attempt:
    """Return the attempt of an event of a channel."""
    monitor = Monitor()
    conversation = monitor.conversation()
    conversation.attached(0xFFFFFFFF, "")
    if state == "DETACHED":
        conversation.channel_opened()
        conversation.channel_closed()
    return Attempt(
        monitor,
        conversation,
        {
            "RemoteSPEventProc": conversation.delivered,
            "RemoteSPDetach": conversation.channel_closed,
            "call under another context handle": partial(
                conversation.channel_strayed, "RemoteSPEventProc", "a NULL context handle", accepted=True
            ),
            "refused call under another context handle": partial(
                conversation.channel_strayed, "RemoteSPEventProc", "a NULL context handle", accepted=False
            ),
        }[name],
    )


def on_application(name: str, state: str) -> Attempt:
    """Return the attempt of an event of an application."""
    live, found = application("READY" if state == "VOID" else state)
    if state == "VOID":
        live.conversation.runner.step(found, handles.VOIDED)
        found.retire(live.conversation.registry)
    live.wait()
    if name == "event for the application":
        context = 0xBAD if state == "ABSENT" else live.role.init_context
        return of(live, live.talk.tell, event.LINE_CREATE(init_context=context, device_id=9))
    return of(live, live.talk.ask, line.ShutDown(line_app=found.handle))


def on_version(name: str, state: str) -> Attempt:
    """Return the attempt of an event of a negotiated version."""
    live = Live(lines=2, **(OLD if name == "device removed" else {}))
    number = 1
    if state == "EXTENDED":
        _extend(live, number)
    elif state in ("REMOVED", "UNNEGOTIATED"):
        _device(live, event.LINE_REMOVE, number)
        if state == "UNNEGOTIATED":
            _device(live, event.LINE_CREATE, number)
    if name == "device removed":
        return of(live, _device, live, event.LINE_REMOVE, number)
    return of(live, _open, live, number)


def on_line(name: str, state: str) -> Attempt:
    """Return the attempt of an event of a line."""
    live, _, handle, remote = opened(state)
    live.wait()
    if name == "request":
        return of(live, live.talk.ask, _named(handle))
    if name == "forced close":
        return of(live, live.talk.about, event.LINE_CLOSE, remote_line=remote)
    status = {"remote_line": remote, "device_states": 0x80}
    if name == "event":
        return of(live, live.talk.about, event.LINE_LINEDEVSTATE, **status)
    told = event.LINE_LINEDEVSTATE(init_context=live.role.init_context, open_context=0xBAD, **status)
    return of(live, live.talk.tell, told)


def on_phone(name: str, state: str) -> Attempt:
    """Return the attempt of an event of a phone."""
    live, _, handle, remote = a_phone(state)
    live.wait()
    button = {"button_mode": 2, "button_state": 2}
    match name:
        case "request":
            return of(live, live.talk.ask, phone.GetRing(phone=handle))
        case "owner's request":
            return of(live, live.talk.ask, phone.SetLamp(phone=handle, button_lamp_id=1, lamp_mode=2))
        case "forced close":
            return of(live, _phone_event, live, event.PHONE_CLOSE, remote)
        case "event":
            return of(live, _phone_event, live, event.PHONE_BUTTON, remote, **button)
    return of(live, _phone_event, live, event.PHONE_BUTTON, remote, 0xBAD, **button)


def on_dialog(name: str, state: str) -> Attempt:
    """Return the attempt of an event of a dialog instance."""
    live = Live(model="management")
    if state == "FREED":
        live.talk.ask(mmc.GetUIDllName(), dlg_inst=0x51)
        live.talk.ask(mmc.FreeDialogInstance(dlg_inst=0x51))
    if name == "FreeDialogInstance":
        return of(live, live.talk.ask, mmc.FreeDialogInstance(dlg_inst=0x51))
    return of(live, live.talk.ask, mmc.TUISPIDLLCallback(object_id=0x51, object_type=4))


ATTEMPTS = {
    "application": on_application,
    "binding": on_binding,
    "channel": on_channel,
    "dialog": on_dialog,
    "line": on_line,
    "phone": on_phone,
    "request": on_request,
    "version": on_version,
}


def illegal() -> dict[str, list[tuple[str, int, str]]]:
    """Yield, for each event of a machine, the states in which it is reported, with the required context and the rule."""
    found: dict[str, list[tuple[str, int, str]]] = {}
    for machine in MACHINES.values():
        for what, cell in machine.cells.items():
            if what.kind is Kind.JOINT or what.name in MISSED:
                continue
            for state in machine.table.states:
                move = cell[1 << state]
                moves = move.variants or {0: move}
                if rules := [(flags, moves[flags].rule) for flags in sorted(moves) if moves[flags].rule]:
                    found.setdefault(f"{machine.name}: {what.name}", []).append((state.name, *rules[0]))
    return found


ILLEGAL = illegal()
BY_NAME = {(machine.name, each.name): each for machine in MACHINES.values() for each in machine.table.events}


def attempt(cell: str, state: str, flags: int) -> Attempt:
    """Return the attempt for a pair of state and event."""
    machine, what = cell.split(": ")
    return on_call(what, state, flags) if machine == "call" else ATTEMPTS[machine](what, state)


def reported(tried: Attempt, machine: str, rule: str) -> Finding:
    """Return the monitor's finding for the same step."""
    tried.act()
    tried.monitor.finish()
    found = [one for one in tried.monitor.findings if one.machine == machine]
    return next(one for one in found if one.rule.startswith(rule.rstrip("*")))


def tolerate(tried: Attempt, machine: str) -> None:
    """Perform a suspicious step; another part of it may be illegal."""
    try:
        tried.act()
    except ProtocolError as error:
        assert error.machine != machine


@pytest.mark.parametrize("cell", ILLEGAL)
def test_illegal_steps_raise(cell: str) -> None:
    """An own illegal step raises LocalProtocolError, one of the peer RemoteProtocolError; nothing changes."""
    machine, what = cell.split(": ")
    actor = Fault.CLIENT if BY_NAME[machine, what].kind is Kind.REQUEST else Fault.SERVER
    for state, flags, rule in ILLEGAL[cell]:
        finding = reported(attempt(cell, state, flags), machine, rule)
        for role in Fault:
            tried = attempt(cell, state, flags)
            tried.conversation.runner.role = role
            if role is not actor and finding.level is Level.SUSPICIOUS:
                tolerate(tried, machine)
                continue
            with pytest.raises(LocalProtocolError if role is actor else RemoteProtocolError) as caught:
                tried.act()
            error: ProtocolError = caught.value
            assert (error.machine, error.rule, error.state) == (machine, finding.rule, finding.state), (state, role)
            assert tried.monitor.findings == []
