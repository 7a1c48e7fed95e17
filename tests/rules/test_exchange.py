"""Requests from sending to completion, state by state, driven by packets (3.6 of the call model)."""

from __future__ import annotations

from typing import Any

import pytest
from grids import Cell, cells, check
from live import Live, reach

from fsm.engine.levels import Fault, Level
from protocol import events as event
from protocol import line
from protocol.packet import Request, Unknown, decode_request, decode_response

BAD, CONTEXT = 0x80000048, 0xF101
ID, OTHER_ID = 0x5555, 0x6666

EXCHANGE = """
           zero            id              other-id        used-id         error       context     fault    ok        fail      closed    forced        end  late
UNSENT     -               -               -               -               -           -           -        !CALL-V08 !CALL-V08 -         -             -    -
ASKED      ANSWERED        ANSWERED!CALL-V10 -             -               REFUSED     REFUSED     REFUSED  -         -         -         -             -    ANSWERED?CALL-ORDER-O09
SENT       ZERO!CALL-V10   PENDING         PENDING!CALL-V09 PENDING!CALL-ORDER-O06 REFUSED REFUSED REFUSED  EARLY     EARLY     -         -             -    PENDING?CALL-ORDER-O09
EARLY      DONE!CALL-V10   DONE            DONE!CALL-V09   -               REFUSED!CALL-ORDER-O01 REFUSED!CALL-ORDER-O01 REFUSED !CALL-V08 !CALL-V08 - -       -    DONE?CALL-ORDER-O09
PENDING    -               -               -               -               -           -           -        DONE      FAILED    CANCELLED CANCELLED?CALL-ORDER-O05 ~CALL-ORDER-O08 -
ZERO       -               -               -               -               -           -           -        DONE      FAILED    CANCELLED CANCELLED     .    -
DONE       -               -               -               -               -           -           -        !CALL-V08 !CALL-V08 .         .             .    -
FAILED     -               -               -               -               -           -           -        !CALL-V08 !CALL-V08 .         .             .    -
REFUSED    -               -               -               -               -           -           -        !CALL-ORDER-O01 !CALL-ORDER-O01 . .          .    -
CANCELLED  -               -               -               -               -           -           -        .         .         .         .             .    -
"""


class Talk:
    """A request in a state, and its possible events."""

    def __init__(self, state: str, kind: Any = line.Answer) -> None:
        self.live = live = Live()
        self.conversation = live.conversation
        self.kind = kind
        self.call = reach(live, "OFFERING" if kind is line.Answer else "CONNECTED")
        self.exchange: Any = None
        if state == "ASKED":
            self.sent = line.GetCallStatus(call=self.call, call_status=256)
        else:
            self.sent = kind(call=self.call, request_id=ID)
        if state != "UNSENT":
            self.exchange = self.conversation.sent(self.sent, 1, self.now())
        if state == "EARLY":
            self.reply(0)
        elif state == "ZERO":
            self.answer(0)
        elif state == "REFUSED":
            self.answer(BAD)
        elif state not in ("UNSENT", "ASKED", "SENT"):
            self.answer(ID)
        if state == "DONE":
            self.reply(0)
        elif state == "FAILED":
            self.reply(BAD)
        elif state == "CANCELLED":
            self.close()
        live.news()
        assert state == "UNSENT" or self.states() == {state}

    def now(self) -> float:
        """Advance the time by a moment."""
        self.live.stage.now += 0.01
        return self.live.stage.now

    def states(self) -> set[str]:
        """The possible states of the request."""
        if self.exchange is None:
            return {"UNSENT"}
        return {state.name for state in self.exchange.machine.table.states if self.exchange.mask >> state & 1}

    def answer(self, ack: int) -> None:
        """Send the response."""
        self.conversation.answered(self.exchange, type(self.sent)(ack=ack, call=self.call), 2, self.now())

    def reply(self, result: int, number: int = ID) -> None:
        """Send LINE_REPLY."""
        role = self.live.role
        told = event.LINE_REPLY(
            init_context=role.init_context, open_context=role.lines[0].context, request_id=number, result=result
        )
        self.conversation.event(told, 3, self.now())

    def close(self) -> None:
        """The client closes the line."""
        self.live.talk.ask(line.Close(line=self.live.line.handle))


@cells(EXCHANGE)
def test_exchange(cell: Cell) -> None:
    """A request has one response and one completion, and ends when its line is closed."""
    talk = Talk(cell.state)
    match cell.cause:
        case "zero":
            talk.answer(0)
        case "id":
            talk.answer(ID)
        case "other-id":
            talk.answer(OTHER_ID)
        case "used-id":
            talk = _without_own_id()
        case "error":
            talk.answer(BAD)
        case "context":
            talk.answer(CONTEXT)
        case "fault":
            talk.conversation.faulted(talk.exchange, 2, talk.now())
        case "ok" | "fail":
            talk.reply(0 if cell.cause == "ok" else BAD)
            talk.conversation.finish() if cell.state == "UNSENT" else None
        case "closed":
            talk.close()
        case "forced":
            talk.live.talk.about(event.LINE_CLOSE, remote_line=talk.live.line.remote)
        case "end":
            talk.live.monitor.finish()
        case "late":
            talk.live.wait(6.0)
            talk.answer(0 if cell.state == "ASKED" else ID)
    found = [one for one in talk.live.news() if one.machine == "request"]
    check(cell, talk.states, found, {})


def _without_own_id() -> Talk:
    """Two requests: for the second, the server selects the id, and uses that of the first."""
    talk = Talk("PENDING")
    second = line.Accept(call=talk.call, request_id=0)
    talk.exchange = talk.conversation.sent(second, 1, talk.now())
    talk.sent = second
    talk.answer(ID)
    return talk


@pytest.mark.parametrize("result", [0, BAD])
def test_late_reply_to_what_was_cancelled(result: int) -> None:
    """Long after Close, ShutDown or LINE_CLOSE, a completion is suspicious; a second one is a violation."""
    talk = Talk("CANCELLED")
    talk.live.wait()
    talk.reply(result)
    assert {(one.rule, one.verdict.value) for one in talk.live.news()} == {("CALL-V12", "warn")}
    assert talk.states() == {"DONE"}
    talk.reply(0)
    assert {(one.rule, one.verdict.value) for one in talk.live.news()} == {("CALL-V08", "fail")}


@pytest.mark.parametrize("early", [False, True])
def test_drop_returns_zero(early: bool) -> None:
    """In the examples of section 4, Drop returns 0: suspicious for Drop, a violation for others (Q6)."""
    talk = Talk("EARLY" if early else "SENT", line.Drop)
    talk.answer(0)
    assert {(one.rule, one.verdict.value) for one in talk.live.news()} == {("CALL-V10", "warn")}
    assert talk.states() == {"DONE" if early else "ZERO"}


@pytest.mark.parametrize("result", [0, BAD])
def test_late_answers(result: int) -> None:
    """A response in time is not a finding; one after 5 s is, whatever its value (3.2.2)."""
    for seconds, expected in ((4.9, set()), (5.5, {"CALL-ORDER-O09"})):
        talk = Talk("SENT")
        talk.live.wait(seconds)
        talk.answer(result or ID)
        assert talk.live.rules() == expected


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("wrong", ["context", "call_context", "handle"])
def test_completion_without_echo(early: bool, wrong: str) -> None:
    """A completion repeats the contexts of the request and returns a handle, even before the response (V14)."""
    live = Live()
    packet = line.MakeCall(context=7, line=live.line.handle, call_context=8, dest_address="1", request_id=ID)
    exchange = live.conversation.sent(packet, 1, live.stage.now)
    words = {"context": 7, "call_context": 8, "call": live.talk.call(), "request_id": ID}
    words |= {"call": 0} if wrong == "handle" else {wrong: 99}
    told = line.MakeCall.Completion(init_context=live.role.init_context, open_context=live.line.context, **words)
    answer = line.MakeCall(ack=ID, line=live.line.handle)
    if early:
        live.conversation.event(told, 2, live.stage.now)
        live.conversation.answered(exchange, answer, 3, live.stage.now)
    else:
        live.conversation.answered(exchange, answer, 2, live.stage.now)
        live.conversation.event(told, 3, live.stage.now)
    assert {(one.rule, one.level) for one in live.news()} == {("CALL-V14", Level.MUST)}
    assert exchange.machine.names(exchange.mask) == ("done",)


def test_client_chooses_a_pending_id() -> None:
    """A client that reuses a pending id is suspicious; after the completion it is legal (O6)."""
    talk = Talk("PENDING")
    talk.conversation.sent(line.Accept(call=talk.call, request_id=ID), 4, talk.now())
    assert {(one.rule, one.verdict.value) for one in talk.live.news()} == {("CALL-ORDER-O06", "warn")}
    talk = Talk("DONE")
    talk.conversation.sent(line.Accept(call=talk.call, request_id=ID), 4, talk.now())
    assert talk.live.rules() == set()


def test_id_that_was_never_given() -> None:
    """After its completion the server may reuse an id; reusing a pending one is a violation (O6)."""
    talk = Talk("DONE")
    exchange = talk.conversation.sent(line.Drop(call=talk.call, request_id=0), 4, talk.now())
    talk.conversation.answered(exchange, line.Drop(ack=ID, call=talk.call), 5, talk.now())
    assert talk.live.rules() == set()


def test_synchronous_request_with_a_pending_id() -> None:
    """A synchronous request with an id as response, even a pending one, is a violation (V10)."""
    talk = Talk("PENDING")
    asked = line.GetCallStatus(call=talk.call, call_status=256)
    exchange = talk.conversation.sent(asked, 4, talk.now())
    talk.conversation.answered(exchange, line.GetCallStatus(ack=ID, call=talk.call), 5, talk.now())
    assert {(one.rule, one.level) for one in talk.live.news()} == {("CALL-V10", Level.MUST)}
    assert exchange.machine.names(exchange.mask) == ("answered",)
    assert talk.states() == {"PENDING"}


@pytest.mark.parametrize("kind", [line.Answer, line.GetCallStatus])
@pytest.mark.parametrize("size", range(4))
def test_a_response_without_a_return_value(kind: type[Request], size: int) -> None:
    """Fewer than four bytes contain no Ack_ReturnValue: neither an id nor 0 was returned (no V09, no V10)."""
    talk = Talk("ASKED" if kind is line.GetCallStatus else "SENT")
    talk.conversation.answered(talk.exchange, decode_response(b"\1\1\1"[:size], kind), 2, talk.now())
    assert talk.live.rules() == set()
    assert talk.states() == {"REFUSED"}


@pytest.mark.parametrize("size", range(4))
def test_a_request_without_a_function_number(size: int) -> None:
    """An unchanged buffer that is too short for Req_Func is not an id for a synchronous request."""
    talk = Talk("UNSENT")
    data = b"\1\1\1"[:size]
    exchange = talk.conversation.sent(decode_request(data, size), 1, talk.now())
    talk.conversation.answered(exchange, decode_response(data, Unknown), 2, talk.now())
    assert not {one.rule for one in talk.live.news() if one.fault is Fault.SERVER}
