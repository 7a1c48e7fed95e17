"""Where events go: replies to whoever waits for them, states to their calls, closed lines to everything on them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

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
    from fsm.conversation import Conversation
    from mstrp.live.client.call import Call
    from mstrp.live.client.line import Line
    from mstrp.live.client.phone import Phone
    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["Routing"]

#: Events about calls that name their line in the last word.
_OF_CALLS = (LINE_CALLSTATE, LINE_CALLINFO, LINE_MONITORDIGITS)


class Routing:
    """What a client holds, by handle, and the requests that wait for their completion."""

    conversation: Conversation

    def __init__(self) -> None:
        #: Lines and phones by the handle that events carry, which is the client's own choice.
        self.lines: dict[int, Line] = {}
        self.phones: dict[int, Phone] = {}
        self.calls: dict[int, Call] = {}
        #: InitContext of every application that was registered: events under another one are not for us (3.3.4.2).
        self.contexts: set[int] = set()
        self.reconnected = asyncio.Event()
        self._waiting: dict[int, tuple[asyncio.Future[Any], Line | None]] = {}
        self._next_id = 0
        self._next_own = 0x100

    def own(self) -> int:
        """A value of the client's own, for contexts and handles of events."""
        self._next_own += 1
        return self._next_own

    # -- completions ----------------------------------------------------------------------------------------------

    def numbered(self, packet: Request) -> tuple[Request, int]:
        """A request with an id that is not in use."""
        found: Any = packet
        number: int = found.request_id
        while not number or number in self._waiting:
            if found.request_id and number == found.request_id:
                break
            self._next_id = self._next_id % 0xF000 + 1
            number = self._next_id
        if number != found.request_id:
            found = found.replace(request_id=number)
        return found, number

    def expect(self, number: int, packet: Any) -> asyncio.Future[Any]:
        """What the completion of a request will bring."""
        line: Line | None = None
        for name in ("call", "conf_call", "active_call"):
            known = self.calls.get(getattr(packet, name, 0) or 0)
            if known is not None:
                line = known.line
        if line is None:
            value = getattr(packet, "line", 0) or 0
            line = next((opened for opened in self.lines.values() if opened.handle == value), None)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (future, line)
        return future

    def renumber(self, number: int, other: int) -> None:
        """The server chose another id."""
        if number in self._waiting:
            self._waiting[other] = self._waiting.pop(number)

    def give_up(self, number: int) -> None:
        """Nobody waits for a completion any more."""
        self._waiting.pop(number, None)

    # -- events ---------------------------------------------------------------------------------------------------

    def route(self, event: Event) -> None:
        """Bring an event to where it belongs; one about an application or line that is not here is dropped (3.3.4.2)."""
        words = event.words
        if isinstance(event, Reply):
            self._reply(event)
        elif not self.concerns(event):
            return
        elif isinstance(event, LINE_CALLSTATE):
            call = self.calls.get(words[3])
            if call is None:
                line = self.lines.get(words[9])
                if line is None:
                    return
                call = self._new_call(line, words[3])
                line.arrived(call)
            call.entered(event)
        elif isinstance(event, LINE_APPNEWCALL):
            line = self.lines.get(words[3])
            if line is not None and words[7] not in self.calls:
                line.arrived(self._new_call(line, words[7]))
        elif isinstance(event, (LINE_CALLINFO, LINE_GATHERDIGITS, LINE_MONITORDIGITS)):
            known = self.calls.get(words[3])
            if known is not None:
                known.heard(event)
        elif isinstance(event, LINE_CLOSE):
            line = self.lines.pop(words[3], None)
            if line is not None:
                self.line_gone(line)
        elif isinstance(event, PHONE_CLOSE):
            phone = self.phones.pop(words[3], None)
            if phone is not None:
                phone.closed = True

    def concerns(self, event: Event) -> bool:
        """Whether an event is about an application, and about calls of a line, that are here; replies always are."""
        if isinstance(event, Reply):
            return True
        named = self.line_of(event)
        return event.words[1] in self.contexts and (not named or named in self.lines)

    @staticmethod
    def line_of(event: Event) -> int:
        """The hRemoteLine of an event about a call, 0 for others."""
        return event.words[9] if isinstance(event, _OF_CALLS) else 0

    def _reply(self, event: Reply) -> None:
        found = self._waiting.pop(event.completed_id, None)
        if found is None:
            return
        future, line = found
        if event.outcome == 0 and line is not None:
            # The handle is good from here on: events about it may follow in the same buffer.
            for field in event.layout.fields:
                if isinstance(field, Handle) and field.type is HandleType.HCALL and field.index < len(event.words):
                    value = event.words[field.index]
                    if value and value not in self.calls:
                        self._new_call(line, value)
        if not future.done():
            future.set_result(event)

    def _new_call(self, line: Line, handle: int) -> Call:
        from mstrp.live.client.call import Call

        call = self.calls[handle] = Call(line, handle)
        return call

    def adopt(self, line: Line, handle: int) -> Call:
        """A call whose handle came with an answer."""
        return self.calls.get(handle) or self._new_call(line, handle)

    def line_gone(self, line: Line) -> None:
        """A line is closed: its calls are void."""
        line.closed = True
        line.arrived(None)
        for handle, call in list(self.calls.items()):
            if call.line is line:
                del self.calls[handle]
                call.void()

    def void(self, error: Exception) -> None:
        """The binding is gone, and everything with it."""
        waiting, self._waiting = self._waiting, {}
        for future, _ in waiting.values():
            if not future.done():
                future.set_exception(error)
                future.exception()
        for line in list(self.lines.values()):
            self.line_gone(line)
        self.lines.clear()
        for phone in self.phones.values():
            phone.closed = True
        self.phones.clear()
