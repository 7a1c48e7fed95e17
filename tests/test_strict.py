"""Strict use: a program that is itself the client or the server gets errors instead of findings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fsm import Conversation, Fault, LocalProtocolError, Monitor, ProtocolError, RemoteProtocolError
from protocol import events, line
from protocol.event import Event
from protocol.packet import Request

CALL, STRANGER = 0x300, 0x999
OFFERING, CONNECTED, IDLE = 0x2, 0x100, 0x1
NOT_OFFERED = line.BlindTransfer(call=CALL, dest_address="5551234", request_id=7)
NO_CALL = line.Hold(call=STRANGER, request_id=8)


def state(value: int) -> Event:
    """Report a state of the call."""
    return events.LINE_CALLSTATE(call=CALL, call_state=value, mode=1, privilege=4, remote_line=0x500)


def conversation(role: Fault | None, *states: int, monitor: Monitor | None = None) -> Conversation:
    """Return a session with one announced call after some state reports."""
    talk = (monitor or Monitor()).conversation(role=role)
    talk.attached(0xFFFFFFFF, "")
    talk.channel_opened()
    exchanges: list[tuple[Request, Request]] = [
        (line.Initialize(friendly_name="PC", module_name="app"), line.Initialize(ack=0, line_app=0x100, num_devs=1)),
        (
            line.NegotiateAPIVersion(line_app=0x100, device_id=0, version=0x10003, version_current=0x30001, size=16),
            line.NegotiateAPIVersion(ack=0, negotiated_version=0x30001),
        ),
        (
            line.Open(line_app=0x100, negotiated_version=0x30001, remote_line=0x500, privileges=4),
            line.Open(ack=0, line=0x200),
        ),
    ]
    for asked, answer in exchanges:
        talk.answered(talk.sent(asked), answer)
    talk.event(events.LINE_APPNEWCALL(remote_line=0x500, call=CALL))
    for value in states:
        talk.event(state(value))
    return talk


def refused(talk: Conversation, does: Callable[[], object]) -> ProtocolError:
    """Return the error that a function raises; check that the call is unchanged and nothing is reported."""
    call = talk.calls[CALL]
    before = (
        call.mask,
        call.flags,
        call.states,
        call.allowed(),
        dict(talk.registry.pending.first),
        dict(talk.registry.unanswered.first),
    )
    with pytest.raises(ProtocolError) as caught:
        does()
    assert before == (
        call.mask,
        call.flags,
        call.states,
        call.allowed(),
        talk.registry.pending.first,
        talk.registry.unanswered.first,
    )
    assert list(talk.calls) == [CALL]
    return caught.value


def test_a_client_is_stopped_before_it_asks_what_the_state_forbids() -> None:
    """A request in the wrong state raises LocalProtocolError with all data for a reaction."""
    talk = conversation(Fault.CLIENT, OFFERING)
    error = refused(talk, lambda: talk.sent(NOT_OFFERED))
    assert type(error) is LocalProtocolError
    assert (error.machine, error.instance, error.state) == ("call", "0x300#1", ("offering",))
    assert (error.event, error.allowed) == ("BlindTransfer", ("connected",))
    assert error.rule == "CALL-PRE-BlindTransfer"
    assert str(error.reference) == "MS-TRP 2.2.4.1.3.5"
    for words in ("BlindTransfer", "offering", "connected", "2.2.4.1.3.5"):
        assert words in str(error)


def test_a_client_is_stopped_before_it_names_a_dead_handle() -> None:
    """A request that a server must refuse is not sent by the client."""
    talk = conversation(Fault.CLIENT, OFFERING)
    error = refused(talk, lambda: talk.sent(NO_CALL))
    assert type(error) is LocalProtocolError
    assert (error.rule, error.instance, error.state) == ("TRP-3.1.4.2-046-01", "0x999#1", ("absent",))


@pytest.mark.parametrize(
    ("role", "kind"),
    [(Fault.CLIENT, RemoteProtocolError), (Fault.SERVER, LocalProtocolError)],
    ids=["client", "server"],
)
def test_an_impossible_state_is_the_fault_of_who_reports_it(role: Fault, kind: type[ProtocolError]) -> None:
    """CONNECTED after IDLE: in a client the peer is at fault, in a server the program itself."""
    talk = conversation(role, OFFERING, IDLE)
    error = refused(talk, lambda: talk.event(state(CONNECTED)))
    assert type(error) is kind
    assert (error.machine, error.state, error.event) == ("call", ("idle",), "LINE_CALLSTATE CONNECTED")
    assert (error.allowed, error.rule) == ((), "CALL-V01")
    assert "2.2.3.1.29" in str(error.reference)


@pytest.mark.parametrize(
    ("role", "kind"),
    [(Fault.CLIENT, RemoteProtocolError), (Fault.SERVER, LocalProtocolError)],
    ids=["client", "server"],
)
def test_a_reply_that_nobody_asked_for(role: Fault, kind: type[ProtocolError]) -> None:
    """A LINE_REPLY with an id without a request is an error of the server."""
    talk = conversation(role, OFFERING)
    error = refused(talk, lambda: talk.event(events.LINE_REPLY(request_id=77)))
    assert type(error) is kind
    assert (error.machine, error.rule) == ("request", "CALL-V08")


@pytest.mark.parametrize("role", [Fault.CLIENT, Fault.SERVER])
def test_an_event_of_an_unknown_call_leaves_no_call(role: Fault) -> None:
    """A state report for a handle that was never announced raises, and the handle stays absent."""
    talk = conversation(role, OFFERING)
    error = refused(talk, lambda: talk.event(state(OFFERING).replace(call=STRANGER)))
    assert (error.rule, error.instance) == ("CALL-V03", "0x999#1")


def test_a_request_in_an_odd_state_is_reconsidered_after_another_one() -> None:
    """A suspicious request that proves legal is not reported, whatever the client sends meanwhile."""
    monitor = Monitor()
    talk = conversation(Fault.SERVER, OFFERING, monitor=monitor)
    early = talk.sent(NOT_OFFERED)
    talk.sent(line.GetCallStatus(call=CALL, call_status=256))
    talk.event(state(CONNECTED))
    talk.answered(early, line.BlindTransfer(ack=7, call=CALL))
    talk.event(events.LINE_REPLY(request_id=7))
    assert monitor.findings == []


def test_the_end_of_a_conversation_raises_nothing() -> None:
    """Pending requests are reported at the end, not raised."""
    monitor = Monitor()
    talk = conversation(Fault.CLIENT, OFFERING, monitor=monitor)
    talk.answered(talk.sent(line.Answer(call=CALL, request_id=9)), line.Answer(ack=9))
    monitor.finish()
    assert {finding.rule for finding in monitor.findings} == {"CALL-ORDER-O08"}


def test_a_server_learns_what_it_must_refuse() -> None:
    """A request that violates a MUST raises RemoteProtocolError in a server; a suspicious one does not."""
    talk = conversation(Fault.SERVER, OFFERING)
    error = refused(talk, lambda: talk.sent(NO_CALL))
    assert type(error) is RemoteProtocolError
    assert error.rule == "TRP-3.1.4.2-046-01"
    assert talk.sent(NOT_OFFERED)


@pytest.mark.parametrize("role", [Fault.CLIENT, Fault.SERVER])
def test_a_conversation_goes_on_after_an_error(role: Fault) -> None:
    """A refused step has no effect: the legal step is still possible, and the conversation ends without a finding."""
    talk = conversation(role, OFFERING)
    refused(talk, lambda: talk.sent(NO_CALL))
    answer = line.Answer(call=CALL, request_id=9)
    talk.answered(talk.sent(answer), line.Answer(ack=9))
    talk.event(state(CONNECTED))
    talk.event(events.LINE_REPLY(request_id=9))
    assert talk.calls[CALL].states == ("connected",)


def test_a_monitor_reports_instead_and_goes_on() -> None:
    """The same steps without a role cause a finding each, and the call is then in the reported state."""
    monitor = Monitor()
    found: list[str] = []
    monitor.on_finding(lambda finding: found.append(finding.rule))
    talk = monitor.conversation(partial=True)
    for value in (OFFERING, IDLE, CONNECTED):
        talk.event(state(value))
    assert found == ["CALL-V01"]
    assert talk.calls[CALL].states == ("connected",)
    talk.event(state(IDLE))
    assert found == ["CALL-V01"]


def test_a_request_to_open_a_line_that_is_stopped_leaves_nothing() -> None:
    """Events of a line whose Open was not sent are refused; those of a line that is being opened are accepted."""
    talk = conversation(Fault.CLIENT, OFFERING)
    right = line.Open(line_app=0x100, negotiated_version=0x30001, remote_line=0x501, privileges=4)
    with pytest.raises(LocalProtocolError, match="known TAPI version"):
        talk.sent(right.replace(negotiated_version=0x30002))
    assert talk.registry.opening == {}
    talk.sent(right)
    assert list(talk.registry.opening) == [0x501]
    with pytest.raises(LocalProtocolError, match="known TAPI version"):
        talk.sent(right.replace(negotiated_version=0x30002))
    assert list(talk.registry.opening) == [0x501]
