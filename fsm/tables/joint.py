"""Joint rows: what couples the machines. Entering a state of one machine is an event for everything under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fsm.engine.row import Ref, ref
from fsm.tables import agents, binding, call, call_states, conference, device, request

if TYPE_CHECKING:
    from enum import IntEnum

    from fsm.engine.row import Event
    from fsm.engine.table import Table

__all__ = ["JOINT", "Joint"]


class Joint(NamedTuple):
    """When an instance of ``trigger`` enters ``state``, every ``dependent`` under it meets ``event``."""

    trigger: Table
    state: IntEnum
    dependent: Table
    event: Event
    ref: Ref


def _cascade() -> list[Joint]:
    """2.2.2 and the TAPI pages on closing: what releases what."""
    lines = (device.LineState.CLOSED, device.LineState.LOST, device.LineState.VOID)
    phones = (device.PhoneState.CLOSED, device.PhoneState.LOST, device.PhoneState.VOID)
    closed = ref("2.2.4.2.1.9", "lineClose: the call handles of the line are void")
    suppressed = ref("2.2.4.1.2.1", "Close ends what is pending")
    found = []
    for state in lines:
        ended = call.VOIDED if state is device.LineState.VOID else call.LINE_ENDED
        cancelled = request.FORCED_CANCEL if state is device.LineState.LOST else request.CANCEL
        found.append(Joint(device.LINE, state, call.CALL, ended, closed))
        found.append(Joint(device.LINE, state, request.REQUEST, cancelled, suppressed))
    for phone in phones:
        cancelled = request.FORCED_CANCEL if phone is device.PhoneState.LOST else request.CANCEL
        found.append(Joint(device.PHONE, phone, request.REQUEST, cancelled, ref("2.2.4.1.5.1", "phoneClose")))
    shut = ref("2.2.4.1.2.2", "lineShutdown, phoneShutdown")
    for opened in (device.LINE, device.PHONE):
        found.append(Joint(device.APPLICATION, device.AppState.SHUT, opened, device.VOIDED, shut))
    parent = ref("2.2.4.2.1.8", "the state of the call that stands for a conference")
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
        found.append(Joint(device.LINE, state, agents.PROXY, device.VOIDED, closed))
    gone = ref("3.1.4.3", "the resources of the client are freed")
    for dependent, event in (
        (device.APPLICATION, device.VOIDED),
        (device.LINE, device.VOIDED),
        (device.PHONE, device.VOIDED),
        (call.CALL, call.VOIDED),
        (device.DIALOG, device.VOIDED),
        (agents.AGENT, device.VOIDED),
        (agents.SESSION, device.VOIDED),
        (request.REQUEST, request.CANCEL),
    ):
        found.append(Joint(binding.BINDING, binding.BindingState.DETACHED, dependent, event, gone))
    return found


#: All joint rows; they run until nothing changes any more.
JOINT: tuple[Joint, ...] = tuple(_cascade())
