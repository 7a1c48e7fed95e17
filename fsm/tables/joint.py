"""The joint rows of MS-TRP: effects of the end of a binding, an application, a line or a call on its dependents."""

from __future__ import annotations

from fsm.engine.joint import Joint
from fsm.engine.row import ref
from fsm.tables import (
    agent,
    agent_session,
    application,
    binding,
    call,
    call_states,
    conference,
    dialog,
    line,
    phone,
    proxy,
    request,
)
from fsm.tables.handle import VOIDED

__all__ = ["JOINT"]


def _cascade() -> list[Joint]:
    """Yield the rows of 2.2.2 and the TAPI pages on closing."""
    lines = (line.LineState.CLOSED, line.LineState.LOST, line.LineState.VOID)
    phones = (phone.PhoneState.CLOSED, phone.PhoneState.LOST, phone.PhoneState.VOID)
    closed = ref("2.2.4.2.1.9", "lineClose: the call handles of the line are invalid")
    suppressed = ref("2.2.4.1.2.1", "Close cancels pending requests")
    found = []
    for state in lines:
        ended = call.VOIDED if state is line.LineState.VOID else call.LINE_ENDED
        cancelled = request.FORCED_CANCEL if state is line.LineState.LOST else request.CANCEL
        found.append(Joint(line.LINE, state, call.CALL, ended, closed))
        found.append(Joint(line.LINE, state, request.REQUEST, cancelled, suppressed))
    for ended_phone in phones:
        cancelled = request.FORCED_CANCEL if ended_phone is phone.PhoneState.LOST else request.CANCEL
        found.append(Joint(phone.PHONE, ended_phone, request.REQUEST, cancelled, ref("2.2.4.1.5.1", "phoneClose")))
    shut = ref("2.2.4.1.2.2", "lineShutdown, phoneShutdown")
    for opened in (line.LINE, phone.PHONE):
        found.append(Joint(application.APPLICATION, application.AppState.SHUT, opened, VOIDED, shut))
    parent = ref("2.2.4.2.1.8", "the state of the call that represents a conference")
    for call_state, event in (
        (call_states.CallState.CONNECTED, conference.PARENT_CONNECTED),
        (call_states.CallState.ONHOLDPENDCONF, conference.PARENT_HELD),
        (call_states.CallState.DISCONNECTED, conference.PARENT_ENDED),
        (call_states.CallState.IDLE, conference.PARENT_ENDED),
        (call_states.CallState.DEALLOCATED, conference.PARENT_RELEASED),
        (call_states.CallState.VOID, conference.PARENT_RELEASED),
    ):
        found.append(Joint(call.CALL, call_state, conference.CONFERENCE, event, parent))
    for state in lines:
        found.append(Joint(line.LINE, state, proxy.PROXY, VOIDED, closed))
    gone = ref("3.1.4.3", "the resources of the client are released")
    for dependent, event in (
        (application.APPLICATION, VOIDED),
        (line.LINE, VOIDED),
        (phone.PHONE, VOIDED),
        (call.CALL, call.VOIDED),
        (dialog.DIALOG, VOIDED),
        (agent.AGENT, VOIDED),
        (agent_session.SESSION, VOIDED),
        (request.REQUEST, request.CANCEL),
    ):
        found.append(Joint(binding.BINDING, binding.BindingState.DETACHED, dependent, event, gone))
    return found


#: All joint rows; they run until no state changes.
JOINT: tuple[Joint, ...] = tuple(_cascade())
