"""Requests and responses: TAPI32_MSG buffers (2.2.5.2) as typed objects.

A request class is declared once. ``ClassName.Response`` has the same layout, with ``Ack_ReturnValue`` in place of
``Req_Func``. In a response, only the offsets of output fields are resolved, because the server may have overwritten
the inputs (decision A5).
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, dataclass_transform

from protocol.constants import ACK_RETURN_VALUE, LINEERR, PHONEERR
from protocol.fields import Buffer, Number
from protocol.prechecks import PredicatePrecheck
from protocol.problem import DecodeError, Problem
from protocol.raw import raw_of
from protocol.record import Budget, Builder, Field, Layout, Record, Span, write_fields
from protocol.tables import meaning

if TYPE_CHECKING:
    from protocol.cross_field_checks import CrossFieldCheck

__all__ = [
    "FIXED",
    "REQUESTS",
    "Request",
    "Unknown",
    "decode_request",
    "decode_response",
    "error_name",
    "signed",
]

#: Bytes of the fixed part of every TAPI32_MSG (decision A1).
FIXED = 60
_WORDS = 15
_HEAD = Struct("<15I")
#: sizeof ULONG_PTR of a 32-bit server.
_POINTER = 4
_new = object.__new__

#: The declared requests by Req_Func.
REQUESTS: dict[int, type[Request]] = {}

Device = Literal["line", "phone", "mmc", "generic"]
Mode = Literal["sync", "async"]


def signed(number: int) -> int:
    """Convert a DWORD to a signed integer, as for Ack_ReturnValue, where negative means failure (2.2.5.2)."""
    return number - 0x1_0000_0000 if number & 0x8000_0000 else number


def error_name(code: int) -> str | None:
    """Return the name of a line, phone or general return code; None if the code is not defined."""
    for table in (LINEERR, PHONEERR, ACK_RETURN_VALUE):
        name = meaning(table, code)
        if isinstance(name, str):
            return name
    return None


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=True)
class Message(Record):
    """A request or response. ``capacity`` is lNeededSize, the size of pBuffer in bytes."""

    __slots__ = ("capacity",)

    layout: ClassVar[Layout]
    #: "request" or "response".
    phase: ClassVar[str] = "request"
    req_func: ClassVar[int] = -1
    device: ClassVar[Device] = "generic"
    completion: ClassVar[Mode] = "sync"
    required_privilege: ClassVar[str] = ""
    returns: ClassVar[tuple[str, ...]] = ()
    #: The response to the request.
    Response: ClassVar[type[Any]]
    #: The special completion of the request, if it has one (2.2.4.2.2, 2.2.4.2.3).
    Completion: ClassVar[type[Any] | None] = None
    carried: ClassVar[tuple[str, ...]] = ("in", "inout")

    def __init__(self, **values: Any) -> None:
        capacity = values.pop("capacity", None)
        ack = values.pop("ack", None)
        words = [0] * _WORDS
        words[0] = self.req_func if ack is None else int(ack) & 0xFFFFFFFF
        builder = Builder(0)
        write_fields(self.layout, builder, words, values)
        self.words = tuple(words)
        self.buffer = _HEAD.pack(*words) + bytes(builder.tail)
        if capacity is None:
            capacity = self._room(len(builder.tail)) if ack is None else len(self.buffer)
        self.capacity = capacity

    def _room(self, used: int) -> int:
        """Return the size of pBuffer that leaves room for the outputs of the server."""
        room = used
        for field in self.layout.fields:
            if isinstance(field, Buffer) or (isinstance(field, Number) and field.role == "capacity"):
                room += self.words[field.index]
        return FIXED + (room + 3) // 4 * 4

    def span(self) -> Span:
        return Span(self.buffer, FIXED, len(self.buffer))

    def carries(self, direction: str) -> bool:
        return direction in self.carried

    def encode(self) -> bytes:
        """Return the valid bytes of pBuffer; their number is *plUsedSize."""
        return self.buffer

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed and the variable data encoded again."""
        given = {"capacity": self.capacity, **self.values(), **changes}
        if self.phase == "response":
            given.setdefault("ack", self.words[0])
        return type(self)(**given)

    def values(self) -> dict[str, Any]:
        found = super().values()
        silent = {field.name for field in self.layout.fields if getattr(field, "kind", "") == "size"}
        return {name: new for name, new in found.items() if name not in silent}

    def extra_arguments(self) -> dict[str, Any]:
        room = self._room(len(self.buffer) - FIXED)
        return {} if self.capacity == room else {"capacity": self.capacity}

    def raw(self) -> dict[str, int]:
        first = "Req_Func" if self.phase == "request" else "Ack_ReturnValue"
        return {first: self.words[0], **super().raw()}

    def problems(self) -> list[Problem]:
        found = []
        size, section = len(self.buffer), self.layout.section
        asked = self.phase == "request"
        if size < FIXED:
            # 3.1.4.2 only requires sizeof(ULONG_PTR); less than 4 bytes violates it on 32-bit servers too.
            rule = "TRP-3.1.4.2-GEN-02" if asked and size < _POINTER else ""
            detail = f"{size} bytes are less than the fixed part of {FIXED}"
            found.append(Problem("pBuffer", "layout", detail, section, rule))
        if asked and self.capacity < FIXED:
            detail = f"{self.capacity} is less than the fixed part of {FIXED}"
            found.append(Problem("lNeededSize", "size", detail, "3.1.4.2", "TRP-3.1.4.2-GEN-01"))
        for check in self.layout.cross_field_checks:
            found += check.problems(self)
        return found + super().problems()

    def may_fail(self) -> bool:
        """Whether `problems` may find anything; faster than `problems`."""
        if len(self.buffer) < FIXED or self.capacity < FIXED:
            return True
        prechecks = self.layout.prechecks
        if not prechecks:
            return False
        raw = raw_of(self)
        return any(precheck.may_fail(raw) for precheck in prechecks)

    def _identity(self) -> tuple[Any, ...]:
        return (self.words, self.buffer[FIXED:], self.capacity)


class Request(Message):
    """A request to the server; the constructor with ``ack=`` creates the response instead.

    Class arguments of a declaration: ``number`` is Req_Func; ``privilege`` the call privilege required; ``returns`` the
    documented error codes; ``checks`` the checks of relations between fields. The others are numbers of 3.1.4.2 rules:
    ``owner`` (the client must own the phone), ``administrator`` (as ``Layout.administrator_rules``), ``proxy`` (a
    proxy handler is registered, serves the request type, and receives the request), ``same_line`` (the calls are on
    the same line).
    """

    if TYPE_CHECKING:
        capacity: int = 0
        ack: int | None = None
    else:
        ack = None

    def __init_subclass__(
        cls,
        *,
        number: int = -1,
        section: str = "",
        device: Device = "line",
        completion: Mode = "sync",
        privilege: str = "",
        returns: str = "",
        checks: tuple[CrossFieldCheck, ...] = (),
        owner: str = "",
        administrator: tuple[tuple[str, str, tuple[int, ...]], ...] = (),
        proxy: str = "",
        same_line: str = "",
        response: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if response:
            return
        fields = tuple(field for field in vars(cls).values() if isinstance(field, Field))
        summary = (cls.__doc__ or "").strip().split("\n")[0]
        cls.layout = Layout(cls.__name__, section, summary, fields, 2)
        cls.layout.prefix = f"TRP-3.1.4.2-{number:03d}-"
        cls.layout.add_cross_field_checks(checks)
        cls.layout.privilege_rule = cls.layout.rule(owner)
        cls.layout.same_line_rule = cls.layout.rule(same_line)
        cls.layout.proxy_rules = tuple(map(cls.layout.rule, proxy.split()))
        cls.layout.administrator_rules = tuple(
            (cls.layout.rule(bullet), spec, values) for bullet, spec, values in administrator
        )
        cls.req_func = number
        cls.device = device
        cls.completion = completion
        cls.required_privilege = privilege
        cls.returns = tuple(returns.split())
        bases = (_Response, cls)
        cls.Response = type(
            f"{cls.__name__}.Response", bases, {"__doc__": f"Response to {cls.__name__}."}, response=True
        )
        if number >= 0:
            assert number not in REQUESTS, f"Req_Func {number} is declared twice"
            REQUESTS[number] = cls

    def __new__(cls, **values: Any) -> Self:
        if values.get("ack") is not None and cls.phase == "request":
            created: Self = _new(cls.Response)
            return created
        return _new(cls)


class _Response:
    """Mixin for the response class of every request."""

    __slots__ = ()

    phase = "response"
    carried = ("out", "inout")

    words: tuple[int, ...]
    buffer: bytes
    capacity: int

    @property
    def ack(self) -> int:
        """Ack_ReturnValue as a signed integer: 0 for success, positive for a request id, negative for an error."""
        return signed(self.words[0])

    def extra_arguments(self) -> dict[str, Any]:
        return {"ack": self.ack} if self.capacity == len(self.buffer) else {"ack": self.ack, "capacity": self.capacity}

    def meanings(self, budget: Budget | None = None) -> dict[str, Any]:
        found: dict[str, Any] = super().meanings(budget)  # type: ignore[misc]
        name = error_name(self.words[0]) if self.words[0] else None
        return found if name is None else {"Ack_ReturnValue": name, **found}


class Unknown(Request, section="2.2.5.2", device="generic"):
    """A buffer whose Req_Func is not assigned to any request (decision C10)."""

    def may_fail(self) -> bool:
        return True

    def problems(self) -> list[Problem]:
        found = super().problems()
        if self.phase == "request":
            detail = f"{self.words[0]} is not the number of a request"
            found.append(Problem("Req_Func", "value", detail, "3.1.4.2", "TRP-3.1.4.2-GEN-04"))
        return found


#: An unknown request always has a problem.
Unknown.layout.prechecks = (PredicatePrecheck(lambda record: True),)


def decode_request(data: bytes, capacity: int | None = None, *, strict: bool = False) -> Request:
    """Decode a request from the valid bytes of pBuffer.

    Decoding never fails; defects are reported by ``problems()`` of the packet. With ``strict``, the first problem is
    raised as `DecodeError`. ``capacity`` is lNeededSize; the default is the length of ``data``.
    """
    if len(data) < FIXED:
        words = _HEAD.unpack(data.ljust(FIXED, b"\0"))
        packet: Any = _new(REQUESTS.get(words[0], Unknown) if len(data) >= 4 else Unknown)
    else:
        words = _HEAD.unpack_from(data)
        packet = _new(REQUESTS.get(words[0], Unknown))
    packet.words = words
    packet.buffer = data
    packet.capacity = len(data) if capacity is None else capacity
    result: Request = packet
    return _strictly(result) if strict else result


def decode_response(data: bytes, request: type[Request], *, strict: bool = False) -> Request:
    """Decode the response to a request of a given class from the valid bytes of pBuffer; as `decode_request`."""
    packet: Any = _new(request.Response)
    packet.words = _HEAD.unpack_from(data) if len(data) >= FIXED else _HEAD.unpack(data.ljust(FIXED, b"\0"))
    packet.buffer = data
    packet.capacity = len(data)
    result: Request = packet
    return _strictly(result) if strict else result


def _strictly(packet: Request) -> Request:
    for problem in packet.problems():
        raise DecodeError(packet.layout.name, problem)
    return packet
