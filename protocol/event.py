"""Events and completions: ASYNCEVENTMSG records (2.2.5.1) as typed objects, one or many in a buffer.

The header words are the same in all of them, so a declaration lists only the third and the fourth word and what
follows OpenContext. A completion is a LINE_REPLY or PHONE_REPLY whose tail depends on the request it completes.
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

#: Every declared event by its Msg number.
EVENTS: dict[int, type[Event]] = {}
#: Every special completion by the Req_Func of the request that it completes (2.2.4.2.2, 2.2.4.2.3).
COMPLETIONS: dict[int, type[Completion]] = {}


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=True)
class Message(Record):
    """An ASYNCEVENTMSG. ``init_context`` and ``open_context`` are the client's own values, echoed."""

    __slots__ = ()

    phase: ClassVar[str] = "event"
    msg: ClassVar[int] = -1
    device: ClassVar[str] = "line"
    total: ClassVar[str] = "TotalSize"
    fixed: ClassVar[int] = FIXED
    #: Pad the variable part so that the whole is a multiple of this.
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
        """The bytes of the record, TotalSize of them."""
        return self.buffer

    def values(self) -> dict[str, Any]:
        found = super().values()
        silent = {field.name for field in self.layout.fields if isinstance(field, Size)}
        return {
            name: new for name, new in found.items() if name not in silent and name not in ("total_size", "message")
        }

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
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
    """What LINE_REPLY, PHONE_REPLY and the special completions share: words 6 and 7."""

    @property
    def completed_id(self) -> int:
        """The request id that is completed."""
        return self.words[6]

    @property
    def outcome(self) -> int:
        """0 for success, else the negative error code."""
        return signed(self.words[7])

    def meanings(self, budget: Budget | None = None) -> dict[str, Any]:
        found = super().meanings(budget)
        name = error_name(self.words[7]) if self.words[7] else None
        return found if name is None else {self.layout.fields[7].spec: name, **found}


class Completion(Reply, abstract=True):
    """A reply that brings results: its layout belongs to the request that it completes."""

    completes: ClassVar[type[Request]]
    total = "Totalsize"
    #: Shortest form: a failed Forward stops before the ids (E5).
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
    """A record whose Msg is assigned to no event."""

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
    """The records of one buffer, and what is wrong with the buffer itself (3.3.4.2)."""

    events: list[Event]
    problems: list[Problem]


def decode_event(data: bytes, completes: Callable[[int], type[Request] | None] | None = None) -> Event | None:
    """Read a buffer that holds exactly one record; None when it holds anything else."""
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
    """Split a buffer of ASYNCEVENTMSG records and read each one.

    ``completes`` tells which request an id belongs to, so that its reply can be read as special completion.
    Records up to the first broken TotalSize are returned; with ``strict`` the first problem is raised.
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
    """The layout that fits a record: the completion of its request, or an event with a longer fixed part."""
    if words[4] in _REPLIES and completes is not None:
        request = completes(words[6])
        special = COMPLETIONS.get(request.req_func) if request is not None else None
        if special is None or special.shortest > len(record) or special.msg != words[4]:
            return kind, words
        kind = special
    count = min(kind.fixed, len(record)) // 4
    return kind, dword_struct(count).unpack_from(record)


def _broken(data: bytes, position: int, end: int) -> Problem:
    """Why the buffer cannot be split further."""
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
    """One buffer out of several records (3.3.4.2)."""
    return b"".join(event.encode() for event in events)
