"""What events from the server do to the machines of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from fsm.state.instances import Call, Line, Phone
from fsm.state.registry import Registry, Swap
from fsm.tables import call as call_table
from fsm.tables import device
from fsm.tables.call_reports import CHANGED, DIALLED, REPORTS
from fsm.tables.call_requests import BRIDGED, IN_FLIGHT, MONITORING
from fsm.tables.call_states import BY_BIT, STATES, CallState
from protocol.constants import LINECALLPRIVILEGE, LINECONNECTEDMODE, TAPI_VERSION
from protocol.event import EVENTS
from protocol.events import (
    LINE_APPNEWCALL,
    LINE_CALLINFO,
    LINE_CALLSTATE,
    LINE_CLOSE,
    PHONE_CLOSE,
    PHONE_DEVSPECIFIC,
)
from protocol.fields import Handle, HandleType
from protocol.structures.calls import CALL_STATE_MODES
from protocol.tables import members

if TYPE_CHECKING:
    from collections import defaultdict
    from collections.abc import Callable

    from fsm.state.instances import Exchange
    from protocol.event import Event
    from protocol.raw import Raw

__all__ = ["HANDLERS", "Handlers", "Reporting"]

#: What to do with an event, by Msg: methods of a conversation that take its words.
Handlers: TypeAlias = "dict[int, Callable[[Any, tuple[int, ...]], None]]"

_CALL: Final = Call.machine
#: By LINECALLSTATE bit: the state, its event, the moves of that, and whether the mode says more.
_STATE_CELLS: Final = {
    bit: (state, REPORTS[state], _CALL.cells[REPORTS[state]], bit in CALL_STATE_MODES or state is CallState.CONFERENCED)
    for bit, state in BY_BIT.items()
}
#: A call of which nothing is known but that it exists.
ANY_STATE: Final = sum(1 << state for state in STATES)
_CONFERENCED: Final = CallState.CONFERENCED
_CONNECTED: Final = CallState.CONNECTED
_CHANGED: Final = CHANGED.bit
_MONITORING: Final = MONITORING.bit
_ANNOUNCED: Final = call_table.ANNOUNCED
_OFFERED: Final = call_table.OFFERED.bit
_INFORMED: Final = call_table.INFORMED
_CALLINFO: Final = LINE_CALLINFO.msg
_OWNING: Final = call_table.OWNING.bit
_OWNER, _MONITOR = int(LINECALLPRIVILEGE.OWNER), int(LINECALLPRIVILEGE.MONITOR)
#: Bits of a call's flags that each state event sets anew.
_PER_EVENT: Final = ~(DIALLED.bit | BRIDGED.bit)
_PRIVILEGE_BITS: Final = ~(MONITORING.bit | call_table.OWNING.bit)
#: States whose mode may be 0 (Q17).
_MODELESS: Final = {CallState.CONNECTED, CallState.OFFERING}


def _words(handle: HandleType) -> dict[int, int]:
    """Where events carry a handle of a kind, by Msg."""
    found: dict[int, int] = {}
    for number, event in EVENTS.items():
        for field in event.layout.fields:
            if isinstance(field, Handle) and field.type is handle:
                found.setdefault(number, field.index)
    return found


#: Word of the call's, the line's and the phone's handle in the events that carry one.
CALL_WORD: Final = {number: word for number, word in _words(HandleType.HCALL).items() if word == 3}
LINE_WORD: Final = _words(HandleType.HLINE)
PHONE_WORD: Final = _words(HandleType.HPHONE)
#: Events whose hDevice is a call when Param4 names the line, else the line itself.
EITHER: Final = {
    number for number, event in EVENTS.items() if "hDevice" in event.layout.by_spec and number not in LINE_WORD
}


class Reporting(Registry):
    """The part of a conversation that follows the server's events."""

    def event(self, event: Event | Raw, frame: int = 0, time: float = 0.0) -> None:
        """Take one event, however it was delivered.

        Raises `RemoteProtocolError` or `LocalProtocolError` in strict use.
        """
        self.frame = frame
        self.now = time
        self.current = event
        words = event.words
        message = words[4]
        self.told_events[message] += 1
        handler = self.handlers.get(message)
        if handler is not None:
            handler(self, words)
        elif message in CALL_WORD:
            self._about_call(words, message, words[3], words[9])
        elif message in LINE_WORD:
            place = LINE_WORD[message]
            # A record that ends before that word names no line.
            if place < len(words):
                self._about_line(words, message, words[place])
        elif message in PHONE_WORD:
            self._about_phone(words, message, words[PHONE_WORD[message]])
        elif message in EITHER and words[3]:
            if words[3] in self.calls:
                self._about_call(words, message, words[3], words[9])
            elif words[3] in self.reported:
                self._about_line(words, message, words[3])
            elif message in _PHONE_EITHER:
                self._about_phone(words, message, words[9] or words[3])
            elif words[9]:
                self._about_line(words, message, words[9])
            else:
                self._foreign_line(words, message, words[3], bullet="02")

    # -- calls ----------------------------------------------------------------------------------------------------

    def _call_state(self, words: tuple[int, ...]) -> None:
        _, init_context, mode, handle, _, open_context, bits, privilege, _, reported = words
        call = self.calls.get(handle)
        if call is None:
            call = self._unknown_call(handle, reported)
        line = call.line
        flags = call.flags
        news = mode << 40 | privilege << 8 | bits >> 24
        if news != call.last:
            flags |= _CHANGED
        found = _STATE_CELLS.get(bits & 0x00FFFFFF)
        if found is None:
            self.step(call, call_table.NO_STATE, flags, what=f"Param1 {bits:#x}")
            return
        state, event, cell, telling = found
        before = call.mask
        if before & _GONE:
            self._late(call, event)
            return
        move = cell[before]
        if move.relevant:
            move = move.variants[flags & move.relevant]
        if move.rule and self.role is not None:
            self.refuse(call, event, move)
        call.mask = move.target
        if self.observers:
            self.record(call, event, before, move)
        if move.rule:
            self.report(call, event, before, move, what=state.name)
        if call.path.state is not state or call.inferred:
            self._enter(call, state)
        call.last = news
        flags = call.flags & _PER_EVENT
        if privilege == _OWNER:
            flags = flags & _PRIVILEGE_BITS | _OWNING
        elif privilege == _MONITOR:
            flags = flags & _PRIVILEGE_BITS | _MONITORING
        elif privilege:
            self.step(call, call_table.ODD_PRIVILEGE, what=f"{privilege:#x}")
        call.flags = flags
        if line is not None:
            if reported != line.reported and reported:
                self._about_line(words, LINE_CALLSTATE.msg, reported)
            if line.announced is not None:
                self._interrupt(line, call)
            app = line.app
            if open_context != line.open_context or app is None or init_context != app.init_context:
                self._contexts(line, words)
        if telling and mode != 1:
            if state is _CONFERENCED:
                self._parent(call, mode)
            else:
                self._mode(call, state, mode)
        if self.conferences:
            if call.mask != before:
                self.cascade(call)
            if state is not _CONFERENCED and call.kin is not None and call.kin[0] == "member":
                self.leaves(call, call.kin[1])
        if self.swaps:
            self.swaps = [
                Swap(tuple(other for other in swap.owed if other is not call), swap.time)
                for swap in self.swaps
                if swap.owed != (call,)
            ]
        if self.charged:
            self.reconsider(call)

    def _mode(self, call: Call, state: CallState, mode: int) -> None:
        if state is _CONNECTED and mode & LINECONNECTEDMODE.INACTIVE:
            call.flags |= BRIDGED.bit
        if mode & (mode - 1) or (not mode and state not in _MODELESS):
            self.step(call, call_table.ODD_MODE, call.flags, what=f"{state.name} with mode {mode:#x}")
        elif mode & _NEW_MODES.get(state, 0) and call.line is not None and 0 < call.line.version < TAPI_VERSION.V2_0:
            what = f"{state.name} with mode {mode:#x}, which the agreed version does not have,"
            self.step(call, call_table.ODD_MODE, call.flags, what=what)

    def _parent(self, call: Call, parent: int) -> None:
        """CONFERENCED names the conference: a live call, or one whose completion is still to come (Q10, Q17)."""
        if not parent:
            if not self.partial and (call.kin is None or call.kin[1] in self.calls):
                self.step(call, call_table.ZERO_PARENT, call.flags, what="CONFERENCED with parent 0")
        elif parent in self.calls or self.partial or self.creating():
            self.joins(call, parent)
        elif not self._recently(parent):
            self.step(call, call_table.NO_PARENT, call.flags, what=f"parent {parent:#x}")

    def _recently(self, handle: int) -> bool:
        ended = self.ended_calls.get(handle)
        return ended is not None and self.now - ended.last <= self.grace

    def _enter(self, call: Call, state: CallState) -> None:
        """Add a reported state to the path; one that only followed from a reply gives way where it does not fit."""
        path = call.path
        if call.inferred:
            call.inferred = False
            if path.state is state:
                return
            if (
                path.previous is not None
                and path.state is not None
                and not _CALL.cells[REPORTS[state]][1 << path.state]
            ):
                path = path.previous
        call.path = path.following.get(state) or self.paths.extend(path, state)

    def _unknown_call(self, handle: int, reported: int) -> Call:
        """A handle that is not live: gone, or never given out, or from before the beginning."""
        line = self.reported.get(reported)
        ended = self.ended_calls.get(handle)
        if ended is not None and (ended.last > self.gap_at or self.in_flight(ended.last)):
            old = ended.flags & call_table.OLD.bit
            if not old or self.now - ended.last <= self.grace:
                return ended
        call = self.new_call(handle, line)
        if self.partial:
            call.mask = ANY_STATE
        return call

    def _late(self, call: Call, event: object) -> None:
        """An event for a handle that is gone: tolerated while it may have been under way, then reported once."""
        flags = call.flags
        if self.in_flight(call.last):
            flags |= IN_FLIGHT.bit
        move = self.step(call, event, flags)  # type: ignore[arg-type]
        if move.rule:
            call.flags |= call_table.TOLD.bit

    def _new_call(self, words: tuple[int, ...]) -> None:
        reported, handle = words[3], words[7]
        line = self.reported.get(reported)
        if line is None:
            line = self._foreign_line(words, LINE_APPNEWCALL.msg, reported)
        call = self.calls.get(handle)
        if call is None:
            call = self.new_call(handle, line)
        if self.step(call, _ANNOUNCED, call.flags).rule:
            call.last = None  # The state that follows is no repetition: it belongs to the announcement.
        call.flags |= _OFFERED
        if line is not None:
            if line.announced is not None:
                self._interrupt(line, call)
            line.announced = call
            line.waiting = self.now
            self._contexts(line, words)

    def _interrupt(self, line: Line, call: Call) -> None:
        """An event about a call while another one of the line waits for its first state (V4)."""
        waiting = line.announced
        line.announced = None
        if waiting is not None and waiting is not call:
            self.step(waiting, call_table.INTERRUPTED, waiting.flags)

    def _about_call(self, words: tuple[int, ...], message: int, handle: int, reported: int) -> None:
        event = _INFORMED if message == _CALLINFO else call_table.SIGNALLED
        what = EVENTS[message].__name__
        call = self.calls.get(handle)
        if call is None:
            call = self._unknown_call(handle, reported)
        if call.mask & _GONE:
            self._late(call, event)
            return
        self.step(call, event, call.flags, what=what)
        if call.line is not None:
            if reported != call.line.reported and reported:
                self._about_line(words, message, reported)
            if call.line.announced is not None and call.line.announced is not call:
                self._interrupt(call.line, call)
            self._contexts(call.line, words)

    # -- lines and phones -----------------------------------------------------------------------------------------

    def _about_line(self, words: tuple[int, ...], message: int, reported: int) -> None:
        line = self.reported.get(reported)
        if line is not None:
            self.step(line, device.REPORTS_ON)
            self._contexts(line, words)
        elif reported:
            self._foreign_line(words, message, reported)

    def _foreign_line(
        self,
        words: tuple[int, ...],
        message: int,
        reported: int,
        event: object = device.REPORTS_ON,
        *,
        bullet: str = "01",
    ) -> Line | None:
        """A line handle that is not open: closed a moment ago, or none that the client has."""
        ended = self.ended_reported.get(reported)
        what = EVENTS[message].__name__
        if ended is not None and (ended.ended > self.gap_at or self.in_flight(ended.ended)):
            flags = IN_FLIGHT.bit if self.in_flight(ended.ended) else 0
            self.step(ended, event, flags, what=what)  # type: ignore[arg-type]
            return ended
        if self.partial or reported in self.opening:
            return self.adopt_line(reported)
        stranger = Line(reported, 1, None)
        self.report_stranger(stranger, message, what, bullet)
        return None

    def adopt_line(self, handle: int) -> Line:
        """A line that was opened before the beginning."""
        line = Line(handle, 1, None)
        line.mask = 1 << device.LineState.OPEN
        line.flags = self.line_flags
        self.lines[handle] = self.reported[handle] = line
        return line

    def report_stranger(self, stranger: Line | Phone, message: int, what: str, bullet: str = "01") -> None:
        """An event for a device that the client does not have: it has to ignore it (3.3.4.2)."""
        before = stranger.mask
        move = stranger.machine.move(stranger, device.REPORTS_ON)
        rule = f"TRP-3.3.4.2-M{message:03X}-{bullet}"
        if self.role is not None:
            self.refuse(stranger, device.REPORTS_ON, move, rule)
        if rule not in self.told:
            self.told.add(rule)
            self.report(stranger, device.REPORTS_ON, before, move, what=what, rule=rule)

    def _line_close(self, words: tuple[int, ...]) -> None:
        line = self.reported.get(words[3])
        if line is None:
            self._foreign_line(words, LINE_CLOSE.msg, words[3], device.FORCED)
            return
        self._contexts(line, words)
        self.step(line, device.FORCED, what="LINE_CLOSE")
        self.settle(line)

    def _phone_close(self, words: tuple[int, ...]) -> None:
        phone = self.reported_phones.get(words[3])
        if phone is None:
            self._foreign_phone(PHONE_CLOSE.msg, words[3], device.FORCED)
            return
        self.step(phone, device.FORCED, what="PHONE_CLOSE")
        self.settle(phone)

    def _about_phone(self, words: tuple[int, ...], message: int, reported: int) -> None:
        phone = self.reported_phones.get(reported)
        if phone is not None:
            self.step(phone, device.REPORTS_ON)
            self._contexts(phone, words)
        elif reported:
            self._foreign_phone(message, reported, device.REPORTS_ON)

    def _foreign_phone(self, message: int, reported: int, event: object) -> None:
        what = EVENTS[message].__name__
        ended = self.ended_reported_phones.get(reported)
        if ended is not None and (ended.ended > self.gap_at or self.in_flight(ended.ended)):
            flags = IN_FLIGHT.bit if self.in_flight(ended.ended) else 0
            self.step(ended, event, flags, what=what)  # type: ignore[arg-type]
        elif not self.partial and reported not in self.opening:
            self.report_stranger(Phone(reported, 1, None), message, what)

    def _contexts(self, opened: Line | Phone, words: tuple[int, ...]) -> None:
        """InitContext and OpenContext are what the client gave (V13); told once for each line or phone."""
        expected = opened.open_context
        if expected is not None and words[5] != expected:
            opened.open_context = None
            self.step(opened, device.FOREIGN, what=f"{_event_name(words[4])} with OpenContext {words[5]:#x}")
        app = opened.app
        if app is not None and app.init_context is not None and words[1] != app.init_context:
            app.init_context = None
            self.step(opened, device.FOREIGN, what=f"{_event_name(words[4])} with InitContext {words[1]:#x}")

    # -- replies --------------------------------------------------------------------------------------------------

    def reply(self, words: tuple[int, ...]) -> None:
        """A LINE_REPLY or PHONE_REPLY; the requests' part of the conversation knows what it completes."""
        raise NotImplementedError

    def reconsider(self, call: Call) -> None:
        """The state of a call changed: requests that waited for it may have been right after all."""
        raise NotImplementedError

    def joins(self, call: Call, parent: int) -> None:
        """A call is reported as member of a conference."""
        raise NotImplementedError

    def leaves(self, call: Call, parent: int) -> None:
        """A member of a conference is reported in another state."""
        raise NotImplementedError

    def creating(self) -> bool:
        """Whether a request is under way that may bring a conference."""
        raise NotImplementedError

    #: What to do with an event, by Msg; others are known by the handle that they carry.
    handlers: Handlers
    #: The event at hand.
    current: Event | Raw
    #: Number of events, by Msg.
    told_events: defaultdict[int, int]
    charged: dict[Call, list[Exchange]]
    told: set[str]


#: By state: the modes that came with 2.0, which a server does not send to older clients (section 5 of the model).
_NEW_MODES: Final = {
    BY_BIT[bit]: sum(int(mode) for mode in members(table) if mode.since == "2.0")
    for bit, table in CALL_STATE_MODES.items()
}
_PHONE_EITHER: Final = {PHONE_DEVSPECIFIC.msg}
_GONE: Final = 1 << CallState.DEALLOCATED | 1 << CallState.VOID


def _event_name(message: int) -> str:
    event = EVENTS.get(message)
    return f"event {message:#x}" if event is None else event.__name__


#: What this part does with an event.
HANDLERS: Final[Handlers] = {
    LINE_CALLSTATE.msg: Reporting._call_state,
    LINE_APPNEWCALL.msg: Reporting._new_call,
    LINE_CLOSE.msg: Reporting._line_close,
    PHONE_CLOSE.msg: Reporting._phone_close,
}
