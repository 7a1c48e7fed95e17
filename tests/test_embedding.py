"""Interfaces for embedding programs: values, callbacks, a logger, a machine of another library."""

from __future__ import annotations

import logging

import pytest

from fsm import MACHINES, Finding, Monitor, Step, Verdict, to_transitions
from protocol import decode_events, decode_request, decode_response, events, line

CALL = 0x300
OFFERING, CONNECTED, IDLE = 0x2, 0x100, 0x1


def reports(*states: int) -> bytes:
    """Return the event buffer of some states of the call."""
    return b"".join(
        events.LINE_CALLSTATE(call=CALL, call_state=state, mode=1, privilege=4, remote_line=0x500).encode()
        for state in states
    )


def feed(monitor: Monitor, *states: int) -> None:
    """Pass states of a call to a monitor."""
    talk = monitor.conversation(partial=True)
    for number, event in enumerate(decode_events(reports(*states)).events, 1):
        talk.event(event, frame=number, time=number / 10)


def test_steps_are_values() -> None:
    """A callback receives every step with machine, instance, states, level and reference."""
    steps: list[Step] = []
    monitor = Monitor()
    monitor.on_step(steps.append)
    feed(monitor, OFFERING, CONNECTED)
    connected = next(step for step in steps if step.frame == 2 and step.machine.name == "call")
    assert (connected.source, connected.target) == (("offering",), ("connected",))
    assert connected.event.name == "LINE_CALLSTATE CONNECTED"
    assert connected.as_dict()["ref"].startswith("MS-TRP 2.2.4.1.3.4")
    assert str(connected) == "call 0x300#1: offering -> connected on LINE_CALLSTATE CONNECTED"


def test_findings_are_values() -> None:
    """The monitor stores its findings and passes them to callbacks; the verdict is the worst of them."""
    told: list[Finding] = []
    monitor = Monitor()
    monitor.on_finding(told.append)
    feed(monitor, OFFERING, IDLE, CONNECTED)
    assert told == monitor.findings
    (finding,) = told
    assert (finding.rule, finding.frame, finding.verdict) == ("CALL-V01", 3, Verdict.FAIL)
    assert monitor.verdict is Verdict.FAIL
    assert Monitor().verdict is Verdict.PASS


def test_the_logger_gets_steps_and_findings(caplog: pytest.LogCaptureFixture) -> None:
    """A handler of the logger `mstrp` receives every step at DEBUG and every finding at INFO."""
    with caplog.at_level(logging.DEBUG, logger="mstrp"):
        feed(Monitor(), OFFERING, IDLE, CONNECTED)
    by_level = {level: [r.getMessage() for r in caplog.records if r.levelno == level] for level in (10, 20)}
    assert any("offering -> idle" in message for message in by_level[logging.DEBUG])
    assert [("CALL-V01" in message) for message in by_level[logging.INFO]] == [True]


def test_a_callback_can_be_taken_back() -> None:
    """After `off_step` the callback is no longer called."""
    steps: list[Step] = []
    monitor = Monitor()
    monitor.on_step(steps.append)
    monitor.off_step(steps.append)
    feed(monitor, OFFERING)
    assert steps == []


def test_what_is_legal_now() -> None:
    """`allowed` and `may` follow the state of the call, and contain the deciding row."""
    monitor = Monitor()
    talk = monitor.conversation(partial=True)
    for event in decode_events(reports(OFFERING)).events:
        talk.event(event)
    call = talk.calls[CALL]
    assert {"Accept", "Answer", "Redirect", "Drop"} <= set(call.allowed())
    assert not {"BlindTransfer", "Hold", "Park"} & set(call.allowed())
    assert call.may(line.Answer)
    assert not call.may("BlindTransfer")
    assert str(call.may("BlindTransfer").ref).startswith("MS-TRP 2.2.4.1.3.5")
    for event in decode_events(reports(CONNECTED)).events:
        talk.event(event)
    assert {"BlindTransfer", "Hold", "Park"} <= set(call.allowed())
    assert not call.may(line.Answer)


def test_bytes_in_values_out() -> None:
    """Requests and responses are decoded from bytes and passed to a conversation without a finding."""
    talk = Monitor().conversation(partial=True)
    talk.event(decode_events(reports(CONNECTED)).events[0])
    sent = line.BlindTransfer(call=CALL, dest_address="5551234", request_id=7).encode()
    request = decode_request(sent)
    assert isinstance(request, line.BlindTransfer)
    assert (request.call, request.dest_address, request.request_id) == (CALL, "5551234", 7)
    exchange = talk.sent(request)
    talk.answered(exchange, decode_response(line.BlindTransfer(ack=7).encode(), type(request)))
    talk.event(events.LINE_REPLY(request_id=7))
    assert set(talk.calls[CALL].states) == {"connected", "idle"}


def test_a_table_becomes_a_machine_of_transitions() -> None:
    """`to_transitions` returns a machine with its triggers and `may_` methods."""
    machine = to_transitions(MACHINES["call"].table)
    model = machine.model
    machine.set_state("OFFERING")
    assert model.may_LINE_CALLSTATE_CONNECTED()
    assert model.LINE_CALLSTATE_CONNECTED()
    assert model.state == "CONNECTED"
