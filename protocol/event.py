"""Events and completions: ASYNCEVENTMSG records (2.2.5.1) as typed objects.

All records have the same header, so a declaration lists only its third and fourth DWORD and the fields after
OpenContext. A special completion is a LINE_REPLY or PHONE_REPLY whose layout depends on the completed request.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, dataclass_transform

from protocol import declare as field
from protocol.fields import Number, Size
from protocol.packet import error_name, signed
from protocol.problem import DecodeError, Problem
from protocol.record import Budget, Builder, Field, Layout, Record, Span, dword_struct, write_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from protocol.packet import Request

__all__ = [
    "COMPLETIONS",
    "EVENTS",
    "Completion",
    "Event",
    "Events",
    "Reply",
    "UnknownEvent",
    "decode_event",
    "decode_events",
    "encode_events",
]

#: Bytes of the fixed part of an ASYNCEVENTMSG (2.2.5.1).
FIXED = 40
_HEAD = Struct("<10I")
_new = object.__new__

#: The declared events by Msg.
EVENTS: dict[int, type[Event]] = {}
#: The special completions by Req_Func of the completed request (2.2.4.2.2, 2.2.4.2.3).
COMPLETIONS: dict[int, type[Completion]] = {}


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=True)
class Message(Record):
    """An ASYNCEVENTMSG. ``init_context`` and ``open_context`` repeat values that the client chose."""

    __slots__ = ()

    phase: ClassVar[str] = "event"
    msg: ClassVar[int] = -1
    device: ClassVar[str] = "line"
    total: ClassVar[str] = "TotalSize"
    fixed: ClassVar[int] = FIXED
    #: The size of the record is padded to a multiple of this number of bytes.
    padding: ClassVar[int] = 8

    def __init__(self, **values: Any) -> None:
        layout = self.layout
        words = [0] * layout.words
        words[4] = self.msg
        builder = Builder(4 * layout.words)
        write_fields(layout, builder, words, values)
        if builder.tail:
            builder.tail += bytes(-(4 * layout.words + len(builder.tail)) % self.padding)
        if not words[0]:
            words[0] = 4 * layout.words + len(builder.tail)
        self.words = tuple(words)
        self.buffer = dword_struct(len(words)).pack(*words) + bytes(builder.tail)

    def span(self) -> Span:
        end = min(len(self.buffer), max(self.words[0], self.fixed))
        return Span(self.buffer, 0, end)

    def encode(self) -> bytes:
        """Return the bytes of the record; their number is TotalSize."""
        return self.buffer

    def values(self) -> dict[str, Any]:
        found = super().values()
        silent = {field.name for field in self.layout.fields if isinstance(field, Size)}
        return {
            name: new for name, new in found.items() if name not in silent and name not in ("total_size", "message")
        }

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return type(self)(**{**self.values(), **changes})

    def problems(self) -> list[Problem]:
        found = []
        if len(self.buffer) < self.fixed:
            detail = f"{len(self.buffer)} bytes are less than the fixed part of {self.fixed}"
            found.append(Problem(self.total, "layout", detail, self.layout.section))
        return found + super().problems()

    def _identity(self) -> tuple[Any, ...]:
        return (self.words, self.buffer[4 * len(self.words) :])


class Event(Message):
    """An event from the server to the client."""

    if TYPE_CHECKING:
        init_context: int = 0
        open_context: int = 0

    def __init_subclass__(
        cls, *, msg: int = -1, section: str = "", device: str = "line", abstract: bool = False, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if abstract:
            return
        own = [field for field in vars(cls).values() if isinstance(field, Field)]
        header: dict[str, Field] = {
            "total_size": Size(cls.total, role="total", default=None),
            "init_context": Number("InitContext", role="context"),
            "message": Number("Msg", default=None),
            "open_context": Number("OpenContext", role="context"),
        }
        for name, word in header.items():
            word.__set_name__(cls, name)
            setattr(cls, name, word)
        total, init, message, opened = header.values()
        fields = (total, init, *own[:2], message, opened, *own[2:])
        summary = (cls.__doc__ or "").strip().split("\n")[0]
        cls.layout = Layout(cls.__name__, section, summary, fields, 0)
        cls.msg = msg
        cls.device = device
        cls.fixed = 4 * cls.layout.words
        if not issubclass(cls, Completion) and msg >= 0:
            assert msg not in EVENTS, f"Msg {msg} is declared twice"
            EVENTS[msg] = cls


class Reply(Event, abstract=True):
    """Base of LINE_REPLY, PHONE_REPLY and the special completions: request id and result in DWORDs 6 and 7."""

    @property
    def completed_id(self) -> int:
        """The id of the completed request."""
        return self.words[6]

    @property
    def outcome(self) -> int:
        """0 for success, or a negative error code."""
        return signed(self.words[7])

    def meanings(self, budget: Budget | None = None) -> dict[str, Any]:
        found = super().meanings(budget)
        name = error_name(self.words[7]) if self.words[7] else None
        return found if name is None else {self.layout.fields[7].spec: name, **found}


class Completion(Reply, abstract=True):
    """A special completion: a reply with results, whose layout depends on the completed request."""

    completes: ClassVar[type[Request]]
    total = "Totalsize"
    #: Minimum size in bytes: a completion of Forward without a consultation call ends before the ids (E5).
    shortest: ClassVar[int] = FIXED

    def __init_subclass__(
        cls,
        *,
        completes: type[Request] | None = None,
        section: str = "",
        shortest: int = 0,
        abstract: bool = False,
        **kwargs: Any,
    ) -> None:
        if completes is None:
            super().__init_subclass__(section=section, abstract=True, **kwargs)
            return
        phone = completes.device == "phone"
        super().__init_subclass__(msg=17 if phone else 12, section=section, device=completes.device, **kwargs)
        cls.completes = completes
        cls.shortest = shortest or cls.fixed
        cls.layout.name = completes.__name__
        COMPLETIONS[completes.req_func] = cls
        completes.Completion = cls

    def problems(self) -> list[Problem]:
        found = super().problems()
        if self.shortest <= len(self.buffer) < self.fixed:
            return [problem for problem in found if problem.aspect != "layout"]
        return found


class UnknownEvent(Event, section="2.2.4.2.1"):
    """A record whose Msg is not assigned to any event."""

    third: int = field.number("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice")
    param1: int = field.number("Param1")
    param2: int = field.number("Param2")
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")

    def values(self) -> dict[str, Any]:
        return {**super().values(), "message": self.words[4]}

    def problems(self) -> list[Problem]:
        unknown = Problem("Msg", "value", f"{self.words[4]:#x} is not the number of an event", "2.2.4.2.1")
        return [unknown, *super().problems()]


class Events(NamedTuple):
    """The records of an event buffer, and the problems of the buffer itself (3.3.4.2)."""

    events: list[Event]
    problems: list[Problem]


def decode_event(data: bytes, completes: Callable[[int], type[Request] | None] | None = None) -> Event | None:
    """Decode a buffer with exactly one record; None for any other buffer. ``completes`` as in `decode_events`."""
    if len(data) < FIXED:
        return None
    words = _HEAD.unpack_from(data)
    if words[0] != len(data) or words[0] & 3:
        return None
    kind = EVENTS.get(words[4], UnknownEvent)
    if kind.fixed != FIXED or (completes is not None and words[4] in _REPLIES):
        kind, words = _specific(kind, words, data, completes)
    event: Any = _new(kind)
    event.words = words
    event.buffer = data
    result: Event = event
    return result


def decode_events(
    data: bytes,
    completes: Callable[[int], type[Request] | None] | None = None,
    *,
    strict: bool = False,
) -> Events:
    """Split a buffer of ASYNCEVENTMSG records and decode each one.

    ``completes`` returns the request class for a request id, so that its reply can be decoded as a special completion.
    Returns the records before the first invalid TotalSize. With ``strict``, the first problem is raised as
    `DecodeError`.
    """
    found: list[Event] = []
    problems: list[Problem] = []
    position, end = 0, len(data)
    while end - position >= FIXED:
        words = _HEAD.unpack_from(data, position)
        size = words[0]
        if size < FIXED or size & 3 or size > end - position:
            break
        kind = EVENTS.get(words[4], UnknownEvent)
        record = data if size == end else data[position : position + size]
        if kind.fixed != FIXED or (words[4] in _REPLIES and completes is not None):
            kind, words = _specific(kind, words, record, completes)
        event: Any = _new(kind)
        event.words = words
        event.buffer = record
        found.append(event)
        position += size
    if position < end:
        problems.append(_broken(data, position, end))
    if strict:
        for name, problem in [("RemoteSPEventProc", p) for p in problems] + [
            (e.layout.name, p) for e in found for p in e.problems()
        ]:
            raise DecodeError(name, problem)
    return Events(found, problems)


_REPLIES = frozenset((12, 17))


def _specific(
    kind: type[Event],
    words: tuple[int, ...],
    record: bytes,
    completes: Callable[[int], type[Request] | None] | None,
) -> tuple[type[Event], tuple[int, ...]]:
    """Return class and DWORDs of a special completion, or of an event with a fixed part of more than 40 bytes."""
    if words[4] in _REPLIES and completes is not None:
        request = completes(words[6])
        special = COMPLETIONS.get(request.req_func) if request is not None else None
        if special is None or special.shortest > len(record) or special.msg != words[4]:
            return kind, words
        kind = special
    count = min(kind.fixed, len(record)) // 4
    return kind, dword_struct(count).unpack_from(record)


def _broken(data: bytes, position: int, end: int) -> Problem:
    """Return the problem that prevents splitting the rest of the buffer."""
    rest = end - position
    rule = "TRP-3.3.4.2-GEN-02"
    if rest < FIXED:
        if position == 0:
            return Problem(
                "lSize", "layout", f"{rest} bytes are less than one event of {FIXED}", "3.3.4.2", "TRP-3.3.4.2-GEN-01"
            )
        return Problem(
            "pBuffer", "layout", f"{rest} bytes remain after the last event", "3.3.4.2", "TRP-3.3.4.2-GEN-03"
        )
    size = int.from_bytes(data[position : position + 4], "little")
    if size < FIXED:
        detail = f"{size} at byte {position} is less than the fixed part of {FIXED}"
    elif size & 3:
        detail = f"{size} at byte {position} is not a multiple of 4"
    else:
        detail = f"{size} at byte {position} runs past the {rest} remaining bytes"
    return Problem("TotalSize", "overrun" if size > rest else "layout", detail, "3.3.4.2", rule)


def encode_events(events: Iterable[Event]) -> bytes:
    """Concatenate records to an event buffer (3.3.4.2)."""
    return b"".join(event.encode() for event in events)
