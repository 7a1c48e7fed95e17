"""Events about calls: announcements, states, and information about a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fsm.engine.machine import believe
from fsm.judge.conferences import join, leave
from fsm.judge.lines import about_line, check_contexts, foreign_line
from fsm.judge.violations import reconsider
from fsm.state.instances import Call
from fsm.state.registry import Swap
from fsm.tables import call as call_table
from fsm.tables.bits import CHANGED, FILTERED, IN_FLIGHT, MONITORING, OLD, OWNING
from fsm.tables.call_reports import REPORTS
from fsm.tables.call_states import BY_BIT, STATES, CallState
from fsm.tables.conference import ConferenceState
from protocol.constants import LINECALLPRIVILEGE, LINECALLSTATE, LINECONNECTEDMODE, TAPI_VERSION
from protocol.event import EVENTS
from protocol.events import LINE_CALLINFO
from protocol.structures.calls import CALL_STATE_MODES
from protocol.tables import members

if TYPE_CHECKING:
    from fsm.conversation import Conversation
    from fsm.engine.row import Event
    from fsm.state.instances import Line

__all__ = ["ANY_STATE", "about_call", "announce_call", "call_state", "meet_call", "unknown_call"]

_CELLS: Final = Call.machine.cells
#: By LINECALLSTATE bit: the state, the moves of its report, and whether the mode has a meaning.
_REPORTS: Final = {
    bit: (state, _CELLS[REPORTS[state]], bit in CALL_STATE_MODES or state is CallState.CONFERENCED)
    for bit, state in BY_BIT.items()
}
#: A call of which nothing is known but that it exists.
ANY_STATE: Final = sum(1 << state for state in STATES)
_GONE: Final = 1 << CallState.DEALLOCATED | 1 << CallState.VOID
_ABSENT: Final = 1 << CallState.ABSENT
#: The request that lists calls whose announcement may still arrive.
_LISTED: Final = "line.GetNewCalls"
_CONFERENCED: Final = CallState.CONFERENCED
_CONNECTED: Final = CallState.CONNECTED
_CHANGED: Final = CHANGED.bit
_OWNING: Final = OWNING.bit
_MONITORING: Final = MONITORING.bit
_OWNER, _MONITOR = int(LINECALLPRIVILEGE.OWNER), int(LINECALLPRIVILEGE.MONITOR)
_OWNS: Final = _CELLS[call_table.OWNS]
_MONITORS: Final = _CELLS[call_table.MONITORS]
_INACTIVE: Final = _CELLS[call_table.INACTIVE]
_INFORMED: Final = _CELLS[call_table.INFORMED]
_SIGNALLED: Final = _CELLS[call_table.SIGNALLED]
#: States whose mode may be 0 (Q17).
_MODELESS: Final = {CallState.CONNECTED, CallState.OFFERING}
#: By state: the modes that came with 2.0, which a server does not send to older clients (section 5 of the model).
_NEW_MODES: Final = {
    BY_BIT[bit]: sum(int(mode) for mode in members(table) if mode.since == "2.0")
    for bit, table in CALL_STATE_MODES.items()
}
_NO_CONFERENCE: Final = 1 << ConferenceState.NONE
#: Requests whose completion returns a call that does not represent a conference.
_SINGLE_CALLS: Final = {
    f"line.{name}" for name in ("MakeCall", "Forward", "SetUpTransfer", "SetUpConference", "PrepareAddToConference")
}
#: Requests that may create a conference, whose members can be reported before it (Q10).
_CONFERENCES: Final = {"SetUpConference", "CompleteTransfer", "PrepareAddToConference", "AddToConference"}


def call_state(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a LINE_CALLSTATE: the state, its mode, the privilege and the contexts."""
    _, init_context, mode, handle, _, open_context, bits, privilege, _, reported = words
    runner, registry = conversation.runner, conversation.registry
    call = registry.calls.get(handle)
    if call is None:
        call = unknown_call(conversation, handle, reported, offered=bits & 0x00FFFFFF == LINECALLSTATE.OFFERING)
    news = mode << 40 | privilege << 8 | bits >> 24
    found = _REPORTS.get(bits & 0x00FFFFFF)
    if found is None:
        runner.step(call, call_table.NO_STATE, what=f"Param1 {bits:#x}")
        return
    state, cell, modal = found
    before = call.mask
    if before & _GONE:
        _take_late(conversation, call, cell.event)
        return
    if (registry.partial or call.flags & OLD.bit) and cell.look(call, _CHANGED).rule and registry.may_have_ended(call):
        call.retire(registry)
        call = meet_call(conversation, handle, reported)
        before = call.mask
    move = runner.advance(call, cell, 0 if news == call.last else _CHANGED)
    if move.rule:
        runner.report(call, cell.event, before, move, what=state.name)
    if call.path.state is not state or call.inferred:
        _extend_path(conversation, call, state)
    call.last = news
    if privilege == _OWNER:
        if not call.flags & _OWNING:
            runner.advance(call, _OWNS)
    elif privilege == _MONITOR:
        if not call.flags & _MONITORING:
            runner.advance(call, _MONITORS)
    elif privilege:
        runner.step(call, call_table.ODD_PRIVILEGE, what=f"{privilege:#x}")
    line = call.line
    if line is not None:
        if reported != line.reported and reported:
            about_line(conversation, words, reported)
        if line.announced is not None:
            _interrupt(conversation, line, call)
        app = line.app
        if open_context != line.open_context or app is None or init_context != app.init_context:
            check_contexts(conversation, line, words)
    if modal and mode != 1:
        if state is _CONFERENCED:
            _check_parent(conversation, call, mode)
        else:
            _check_mode(conversation, call, state, mode)
    if registry.conferences:
        if call.mask != before:
            runner.cascade(call)
        if state is not _CONFERENCED and call.kin is not None and call.kin[0] == "member":
            leave(conversation, call, call.kin[1])
    if registry.swaps:
        registry.swaps = [
            Swap(tuple(other for other in swap.owed if other is not call), swap.time)
            for swap in registry.swaps
            if swap.owed != (call,)
        ]
    if conversation.suspects:
        reconsider(conversation, call)


def _check_mode(conversation: Conversation, call: Call, state: CallState, mode: int) -> None:
    runner = conversation.runner
    if state is _CONNECTED and mode & LINECONNECTEDMODE.INACTIVE:
        runner.advance(call, _INACTIVE)
    if mode & (mode - 1) or (not mode and state not in _MODELESS):
        runner.step(call, call_table.ODD_MODE, what=f"{state.name} with mode {mode:#x}")
    elif mode & _NEW_MODES.get(state, 0) and call.line is not None and 0 < call.line.version < TAPI_VERSION.V2_0:
        what = f"{state.name} with mode {mode:#x}, which the agreed version does not have,"
        runner.step(call, call_table.ODD_MODE, what=what)


def _check_parent(conversation: Conversation, call: Call, parent: int) -> None:
    """CONFERENCED names the conference: an open call, or one whose completion is still to come (Q10, Q17)."""
    runner, registry = conversation.runner, conversation.registry
    if not parent:
        if not registry.partial and (call.kin is None or call.kin[1] in registry.calls):
            runner.step(call, call_table.ZERO_PARENT, what="CONFERENCED with parent 0")
    elif parent == call.handle:
        runner.step(call, call_table.ODD_PARENT, what=f"parent {parent:#x}, which is the call itself")
    elif parent in registry.calls or registry.partial or _conference_pending(conversation):
        if _never_conference(conversation, parent):
            runner.step(call, call_table.ODD_PARENT, what=f"parent {parent:#x}, which was never a conference")
        join(conversation, call, parent)
    else:
        ended = registry.ended_calls.get(parent)
        if ended is None or not registry.in_flight(ended.last):
            runner.step(
                call, call_table.NO_PARENT, what=f"parent {parent:#x}, which is not an open call handle of this client"
            )


def _never_conference(conversation: Conversation, handle: int) -> bool:
    """Whether all that is known of an open call excludes that it represents a conference.

    Calls that the server announces or lists may be conferences of other clients; offered calls are not.
    """
    registry = conversation.registry
    parent = registry.calls.get(handle)
    if parent is None or registry.partial or parent.flags & FILTERED.bit or _conference_pending(conversation):
        return False
    known = registry.conferences.get(handle)
    if (known is not None and known.mask & ~_NO_CONFERENCE) or registry.may_have_ended(parent):
        return False
    return parent.brought in _SINGLE_CALLS or parent.path.states()[:1] == [CallState.OFFERING]


def _conference_pending(conversation: Conversation) -> bool:
    """Whether a request that may create a conference awaits its response or reply."""
    registry = conversation.registry
    waiting = (*registry.pending.values(), *registry.unanswered.values(), *registry.unnumbered)
    return any(transaction.route.name in _CONFERENCES for transaction in waiting)


def _extend_path(conversation: Conversation, call: Call, state: CallState) -> None:
    """Add a reported state to the path; one that only followed from a reply gives way if it does not fit."""
    path = call.path
    if call.inferred:
        call.inferred = False
        if path.state is state:
            return
        if path.previous is not None and path.state is not None and not _CELLS[REPORTS[state]][1 << path.state]:
            path = path.previous
    call.path = path.following.get(state) or conversation.registry.paths.extend(path, state)


def unknown_call(conversation: Conversation, handle: int, reported: int, *, offered: bool = False) -> Call:
    """Return the call of a handle that is not open: ended, never given out, or from before the beginning."""
    registry = conversation.registry
    ended = registry.ended_calls.get(handle)
    if ended is not None and (not registry.may_be_in_use(ended.last) or registry.events_in_flight(ended.last)):
        # Below 2.0 a state announces a new call, and an offer after IDLE cannot be about the old one.
        line = ended.line
        old = bool(ended.flags & OLD.bit) or (registry.partial and (line is None or not line.version))
        again = offered and ended.path.state is CallState.IDLE
        if not old or (registry.in_flight(ended.last) and not again):
            return ended
    return meet_call(conversation, handle, reported)


def meet_call(conversation: Conversation, handle: int, reported: int) -> Call:
    """Register the call of a handle whose beginning was not seen."""
    registry = conversation.registry
    call = registry.add_call(handle, registry.reported.get(reported))
    if registry.partial:
        believe(call, ANY_STATE, call.flags)
    return call


def _take_late(conversation: Conversation, call: Call, event: Event) -> None:
    """Take an event for a handle that has ended: tolerated within the grace period, then reported once."""
    flags = IN_FLIGHT.bit if conversation.registry.events_in_flight(call.last) else 0
    conversation.runner.step(call, event, flags)


def announce_call(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a LINE_APPNEWCALL."""
    registry = conversation.registry
    reported, handle = words[3], words[7]
    line = registry.reported.get(reported)
    if line is None:
        line = foreign_line(conversation, words, reported)
    call = registry.calls.get(handle)
    if call is not None and not call.mask & _ABSENT and (registry.partial or registry.may_have_ended(call)):
        # Its end was missed, or is in progress.
        call.retire(registry)
        call = None
    if call is None:
        call = registry.add_call(handle, line)
    listed = call.brought == _LISTED and isinstance(call.last, float) and registry.in_flight(call.last)
    if conversation.runner.step(call, call_table.ANNOUNCED, IN_FLIGHT.bit if listed else 0).rule:
        call.last = None  # The state that follows is no repetition: it belongs to the announcement.
    if line is not None:
        if line.announced is not None:
            _interrupt(conversation, line, call)
        line.announced = call
        line.waiting = registry.now
        check_contexts(conversation, line, words)


def _interrupt(conversation: Conversation, line: Line, call: Call) -> None:
    """Take an event about a call while another one of the line awaits its first state (V4)."""
    waiting = line.announced
    line.announced = None
    if waiting is not None and waiting is not call:
        where = f"call {call.name}, before any for call {waiting.name},"
        conversation.runner.step(waiting, call_table.INTERRUPTED, what="an event", where=where)


def about_call(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take an event about a call that is not its state; word 3 is the call, word 9 the line."""
    runner, registry = conversation.runner, conversation.registry
    message, handle, reported = words[4], words[3], words[9]
    event = call_table.INFORMED if message == LINE_CALLINFO.msg else call_table.SIGNALLED
    call = registry.calls.get(handle)
    if call is None:
        call = unknown_call(conversation, handle, reported)
    if call.mask & _GONE:
        _take_late(conversation, call, event)
        return
    runner.step(call, event, what=EVENTS[message].__name__)
    line: Any = call.line
    if line is not None:
        if reported != line.reported and reported:
            about_line(conversation, words, reported)
        if line.announced is not None and line.announced is not call:
            _interrupt(conversation, line, call)
        check_contexts(conversation, line, words)
