"""Typed views of bytes: the common base of packets and structures.

A record consists of the DWORDs of its fixed part and the bytes that its offsets refer to. An attribute is decoded when
it is read, so that unused fields cost nothing. A record built from keyword arguments is encoded at once: bytes are the
only representation, and received bytes are kept unchanged.
"""

from __future__ import annotations

from struct import Struct
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from protocol.prechecks import Precheck, PredicatePrecheck
from protocol.problem import EncodeError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from protocol.check import Check
    from protocol.cross_field_checks import CrossFieldCheck

__all__ = ["ABSENT", "Budget", "Builder", "Field", "Layout", "Record", "Span", "dword_struct", "write_fields"]

#: Offset value for absent data, and initial value of an output field (TAPI_NO_DATA).
ABSENT = 0xFFFFFFFF

_PACKERS: dict[int, Struct] = {}


def dword_struct(words: int) -> Struct:
    """Return the little-endian codec for a number of DWORDs (decision A14)."""
    found = _PACKERS.get(words)
    if found is None:
        found = _PACKERS[words] = Struct(f"<{words}I")
    return found


class Span(NamedTuple):
    """The location of variable data in a buffer: offsets are relative to ``origin``, and data ends at ``limit``."""

    buffer: bytes
    origin: int
    limit: int


class Budget:
    """The number of bytes of variable data that may still be decoded: a bound for overlapping offsets."""

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = 4 * size + 4096

    def spend(self, size: int) -> bool:
        """Subtract ``size`` bytes; return whether the budget sufficed."""
        self.left -= size + 16
        return self.left >= 0


class Builder:
    """Collects the variable data of a record and assigns the offsets; ``shift`` is the offset of the first byte."""

    __slots__ = ("shift", "tail")

    def __init__(self, shift: int) -> None:
        self.shift = shift
        self.tail = bytearray()

    def append(self, data: bytes, align: int = 4) -> int:
        """Append data at an aligned position and return its offset."""
        self.tail += bytes(-len(self.tail) % align)
        offset = self.shift + len(self.tail)
        self.tail += data
        return offset

    def overwrite(self, offset: int, data: bytes) -> None:
        """Replace bytes that `append` placed at ``offset``."""
        position = offset - self.shift
        self.tail[position : position + len(data)] = data


class Field:
    """A field of a layout: a descriptor that reads, writes and checks one value.

    ``spec`` is its name in the specification, ``width`` its number of DWORDs in the fixed part, ``since`` the TAPI
    version that introduced it (0: always present), ``note`` a remark for the documentation.
    """

    width: ClassVar[int] = 1
    #: Position in the order of `write_fields`: fields that set the sizes of others first, explicit sizes last.
    turn: ClassVar[int] = 0

    name: str
    index: int
    kind: ClassVar[str] = "field"
    #: Numbers of MS-TRP 3.1.4.2 rules, by the name of the check that enforces them.
    rules: Mapping[str, str] = MappingProxyType({})
    #: The stateless checks of the field.
    checks: tuple[Check, ...] = ()
    #: Name of another field and a bit mask: this field is in use only if the other one has any of these bits.
    only: tuple[str, int] | None = None
    only_index = -1

    def __init__(self, spec: str, *, default: Any = 0, since: int = 0, note: str = "") -> None:
        self.spec = spec
        self.default = default
        self.since = since
        self.note = note

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, record: Record | None, owner: type | None = None) -> Any:
        if record is None:
            return self
        return self.read(record)

    def __set__(self, record: Record, new: object) -> None:
        message = f"{type(record).__name__}.{self.name}: records do not change; use replace({self.name}=...)"
        raise AttributeError(message)

    def resolve(self, layout: Layout) -> None:
        """Look up the fields that this one refers to; called when the layout is complete."""

    def read(self, record: Record) -> Any:
        """Return the value; None if it is absent or cannot be decoded."""
        return record.words[self.index] if self.index < len(record.words) else None

    def write(self, builder: Builder, words: list[int], new: Any) -> None:
        """Write a value into the DWORDs of the fixed part and its data into the builder."""
        words[self.index] = self.number(new)

    def number(self, new: Any, bits: int = 32) -> int:
        """Convert a value to an unsigned integer, negative values to two's complement; raises `EncodeError`."""
        try:
            number = int(new)
        except (TypeError, ValueError):
            raise self.encode_error(f"{new!r} is not a number") from None
        if not -(1 << (bits - 1)) <= number < 1 << bits:
            raise self.encode_error(f"{number:#x} does not fit into {bits} bits")
        return number & ((1 << bits) - 1)

    def encode_error(self, detail: str) -> EncodeError:
        """Return the exception for a value that cannot be encoded."""
        section = self.owner.section if hasattr(self, "owner") else ""
        packet = self.owner.name if hasattr(self, "owner") else "?"
        return EncodeError(packet, Problem(self.spec, "value", detail, section))

    owner: Layout

    def raw(self, words: tuple[int, ...]) -> Iterator[tuple[str, int]]:
        """Yield the DWORDs of the field with their names in the specification."""
        for step, spec in enumerate(self.specs()):
            if self.index + step < len(words):
                yield spec, words[self.index + step]

    def specs(self) -> tuple[str, ...]:
        """Return the names of the DWORDs in the specification."""
        return (self.spec,)

    def meaning(self, record: Record, budget: Budget) -> Any:
        """Return the decoded value as JSON types: names of constants, data at an offset; None for a plain number."""
        return None

    def make_checks(self) -> tuple[Check, ...]:
        """Create the checks of the field; called after `resolve`."""
        return ()

    def format_value(self, new: Any) -> str:
        """Format a value as a Python expression."""
        return f"{new:#x}" if type(new) is int and new > 0xFFFF else repr(new)

    def check(self, record: Record) -> Iterator[Problem]:
        """Yield the problems of the field in a record."""
        for check in self.checks:
            yield from check.problems(record)

    def precheck(self) -> Precheck | None:
        """Return a precheck for `check`; None if the field has no checks."""
        if type(self).check is not Field.check:
            return PredicatePrecheck(lambda record: True)
        checks = self.checks
        if not checks:
            return None
        return PredicatePrecheck(
            lambda record: any(check.find_violation(record) for check in checks if check.applies(record))
        )

    def problem(self, aspect: str, detail: str) -> Problem:
        """Return a problem of this field without a rule id."""
        return Problem(self.spec, aspect, detail, self.owner.section)


class Layout:
    """The compiled declaration of a record: its fields by Python name and by specification name, and its section.

    ``first`` is the index of the first declared field in the fixed part, in DWORDs.
    """

    def __init__(self, name: str, section: str, summary: str, fields: tuple[Field, ...], first: int) -> None:
        self.name = name
        self.section = section
        self.summary = summary
        self.fields = fields
        self.by_name = {field.name: field for field in fields}
        self.by_spec: dict[str, Field] = {}
        index = first
        for field in fields:
            field.index = index
            field.owner = self
            index += field.width
            for spec in field.specs():
                self.by_spec[spec] = field
        self.words = index
        for field in fields:
            field.resolve(self)
            if field.only is not None:
                field.only_index = self.index(field.only[0])
            field.checks = field.make_checks()
        #: The fields with checks, and their prechecks.
        self.checked = tuple(field for field in fields if field.checks or type(field).check is not Field.check)
        self.prechecks: tuple[Precheck, ...] = tuple(
            precheck for precheck in (field.precheck() for field in self.checked) if precheck is not None
        )
        self.in_write_order = tuple(sorted(fields, key=lambda field: field.turn))

    #: Checks of relations between fields.
    cross_field_checks: tuple[CrossFieldCheck, ...] = ()

    def add_cross_field_checks(self, checks: tuple[CrossFieldCheck, ...]) -> None:
        """Set the checks of relations between fields."""
        self.cross_field_checks = checks
        for check in checks:
            check.bind(self)
            self.prechecks += (PredicatePrecheck(check.may_fail),)

    #: Size in bytes of the fixed part in the oldest TAPI version; 0 for packets.
    shortest = 0
    #: Prefix of the rule ids of this record.
    prefix = "TRP-3.1.4.2-"
    #: Rule: the client must own the phone.
    privilege_rule = ""
    #: Rule: two calls must be on the same line.
    same_line_rule = ""
    #: Rules: a proxy handler is registered, serves the request type, and receives the request.
    proxy_rules: tuple[str, ...] = ()
    #: Rules: the client must be an administrator; as (rule, field or "", values of the field for which it applies).
    administrator_rules: tuple[tuple[str, str, tuple[int, ...]], ...] = ()

    def rule(self, bullet: str) -> str:
        """Return the id of a rule, given the number in the declaration; "" if the number is empty."""
        return f"{self.prefix}{bullet}" if bullet else ""

    def index(self, spec: str) -> int:
        """Return the index in the fixed part of the DWORD with a name of the specification; raises `KeyError`."""
        field = self.by_spec[spec]
        return field.index + field.specs().index(spec)


def write_fields(layout: Layout, builder: Builder, words: list[int], values: Mapping[str, Any]) -> None:
    """Write values by field name into a fixed part and a builder; missing values take the default of the field.

    Raises `TypeError` for an unknown name and `EncodeError` for a value that cannot be encoded.
    """
    unknown = values.keys() - layout.by_name.keys()
    if unknown:
        names = ", ".join(sorted(unknown))
        message = f"{layout.name} has no field {names}; it has {', '.join(layout.by_name)}"
        raise TypeError(message)
    for field in layout.in_write_order:
        new = values.get(field.name)
        if new is None:
            new = field.default
        if new is not None:
            field.write(builder, words, new)


class Record:
    """Base class of packets and structures: immutable, comparable, with a readable repr."""

    __slots__ = ("buffer", "words")

    layout: ClassVar[Layout]

    words: tuple[int, ...]
    buffer: bytes

    def span(self) -> Span:
        """Return the location of the variable data."""
        raise NotImplementedError

    def carries(self, direction: str) -> bool:
        """Whether data of a direction is present: a request has no "out" data, a response no "in" data."""
        return True

    def values(self) -> dict[str, Any]:
        """Return the decoded values by attribute name, without absent ones."""
        found = ((field.name, field.read(self)) for field in self.layout.fields)
        return {name: value for name, value in found if value is not None}

    def raw(self) -> dict[str, int]:
        """Return the DWORDs of the fixed part by their names in the specification, without reserved ones."""
        numbers: dict[str, int] = {}
        for field in self.layout.fields:
            numbers.update(field.raw(self.words))
        return numbers

    def meanings(self, budget: Budget | None = None) -> dict[str, Any]:
        """Return the decoded values as JSON types, by the names of the specification."""
        if budget is None:
            budget = Budget(len(self.buffer))
        found = ((field.spec, field.meaning(self, budget)) for field in self.layout.fields)
        return {spec: value for spec, value in found if value is not None}

    def problems(self) -> list[Problem]:
        """Return the problems of all fields."""
        return [problem for field in self.layout.checked for problem in field.check(self)]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash((type(self), self._identity()))

    def _identity(self) -> tuple[Any, ...]:
        return (self.words, self.buffer)

    def extra_arguments(self) -> dict[str, Any]:
        """Return the arguments needed to build an equal record, in addition to the field values."""
        return {}

    def __repr__(self) -> str:
        fields = self.layout.by_name
        shown = [f"{name}={new}" for name, new in self.extra_arguments().items()]
        shown += [
            f"{name}={fields[name].format_value(new)}"
            for name, new in self.values().items()
            if new != fields[name].default and not (new == 0 and fields[name].default is None)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"
