"""The lines, phones and calls of a client, and the delivery of events to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstrp.live.client.call import Call
from protocol.event import Reply
from protocol.events import (
    LINE_APPNEWCALL,
    LINE_CALLINFO,
    LINE_CALLSTATE,
    LINE_CLOSE,
    LINE_GATHERDIGITS,
    LINE_MONITORDIGITS,
    PHONE_CLOSE,
)
from protocol.fields import Handle, HandleType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.live.client.line import Line
    from mstrp.live.client.phone import Phone
    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["Handles"]

#: Fields of requests with calls; the line of the request is that of the first.
_CALL_FIELDS = ("call", "conf_call", "active_call", "consult_call", "held_call")
#: Events about calls that carry hRemoteLine in the last DWORD.
_OF_CALLS = (LINE_CALLSTATE, LINE_CALLINFO, LINE_MONITORDIGITS)


class Handles:
    """The open lines and phones, and the calls."""

    def __init__(self) -> None:
        #: By hRemoteLine and hRemotePhone, which the client chooses and events carry.
        self.lines: dict[int, Line] = {}
        self.phones: dict[int, Phone] = {}
        #: By hCall.
        self.calls: dict[int, Call] = {}
        #: InitContext of the registered applications; events with another one are dropped (3.3.4.2).
        self.contexts: set[int] = set()

    # -- events ---------------------------------------------------------------------------------------------------

    def concerns(self, event: Event) -> bool:
        """Whether an event has an InitContext and a line of this client; completions always do."""
        if isinstance(event, Reply):
            return True
        remote = self.line_of(event)
        return event.words[1] in self.contexts and (not remote or remote in self.lines)

    @staticmethod
    def line_of(event: Event) -> int:
        """The hRemoteLine of an event about a call, 0 for other events."""
        return event.words[9] if isinstance(event, _OF_CALLS) else 0

    def deliver(self, event: Event) -> None:
        """Update the line, phone or call of an event; ignore events about others (3.3.4.2)."""
        words = event.words
        if isinstance(event, LINE_CALLSTATE):
            call = self.calls.get(words[3]) or self._announce(words[9], words[3])
            if call is not None:
                call.update_state(event)
        elif isinstance(event, LINE_APPNEWCALL):
            if words[7] not in self.calls:
                self._announce(words[3], words[7])
        elif isinstance(event, (LINE_CALLINFO, LINE_GATHERDIGITS, LINE_MONITORDIGITS)):
            call = self.calls.get(words[3])
            if call is not None:
                call.update(event)
        elif isinstance(event, LINE_CLOSE):
            self.close_line(words[3])
        elif isinstance(event, PHONE_CLOSE):
            self.close_phone(words[3])

    def _announce(self, remote: int, handle: int) -> Call | None:
        line = self.lines.get(remote)
        if line is None:
            return None
        call = self.adopt(line, handle)
        line.announce(call)
        return call

    # -- calls ----------------------------------------------------------------------------------------------------

    def adopt(self, line: Line, handle: int) -> Call:
        """The call with a handle that the server returned."""
        return self.calls.get(handle) or self.calls.setdefault(handle, Call(line, handle))

    def adopt_created(self, line: Line, completion: Reply) -> None:
        """Register the calls that a completion returns: events about them may follow in the same buffer."""
        for field in completion.layout.fields:
            if isinstance(field, Handle) and field.type is HandleType.HCALL and field.index < len(completion.words):
                handle = completion.words[field.index]
                if handle:
                    self.adopt(line, handle)

    def line_for(self, packet: Request) -> Line | None:
        """The line that a request refers to, directly or by a call."""
        for call in self._named(packet):
            return call.line
        handle = getattr(packet, "line", 0) or 0
        return next((opened for opened in self.lines.values() if opened.handle == handle), None)

    def check_states(self, packet: Request) -> None:
        """Let waiting programs check the calls of a completed request: it may imply a state."""
        for call in self._named(packet):
            call.check_state()

    def _named(self, packet: Request) -> Iterator[Call]:
        for name in _CALL_FIELDS:
            call = self.calls.get(getattr(packet, name, 0) or 0)
            if call is not None:
                yield call

    # -- ends -----------------------------------------------------------------------------------------------------

    def close_line(self, remote: int) -> None:
        """Remove a closed line; its calls become invalid."""
        line = self.lines.pop(remote, None)
        if line is None:
            return
        line.closed = True
        line.announce(None)
        for handle, call in list(self.calls.items()):
            if call.line is line:
                self.invalidate(handle)

    def close_phone(self, remote: int) -> None:
        """Remove a closed phone."""
        phone = self.phones.pop(remote, None)
        if phone is not None:
            phone.closed = True

    def invalidate(self, handle: int) -> None:
        """Remove a call whose handle is no longer valid."""
        call = self.calls.pop(handle, None)
        if call is not None:
            call.invalidate()

    def close_all(self) -> None:
        """Remove everything: the binding has ended."""
        for remote in list(self.lines):
            self.close_line(remote)
        for remote in list(self.phones):
            self.close_phone(remote)
