"""Typed views over bytes: what packets and structures have in common.

A record is a tuple of 32-bit words (its fixed part) and the bytes that its offsets point into. Reading an
attribute looks the word up or resolves the offset there and then, so decoding costs nothing for values
that nobody asks for. Building a record from keyword arguments lays the bytes out at once: there is one
representation, and what was received is kept to the letter.
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

#: "Nothing here": an offset that points nowhere, or an output field not yet filled (TAPI_NO_DATA).
ABSENT = 0xFFFFFFFF

_PACKERS: dict[int, Struct] = {}


def dword_struct(words: int) -> Struct:
    """The little-endian codec of a number of 32-bit words (decision A14)."""
    found = _PACKERS.get(words)
    if found is None:
        found = _PACKERS[words] = Struct(f"<{words}I")
    return found


class Span(NamedTuple):
    """Where the variable data of a record lies: offsets count from ``origin`` and must stay below ``limit``."""

    buffer: bytes
    origin: int
    limit: int


class Budget:
    """How many bytes of variable data may still be resolved; overlapping offsets cannot multiply work."""

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = 4 * size + 4096

    def spend(self, size: int) -> bool:
        """Whether ``size`` more bytes are affordable."""
        self.left -= size + 16
        return self.left >= 0


class Builder:
    """Collects variable data behind a fixed part and hands out the offsets."""

    __slots__ = ("shift", "tail")

    def __init__(self, shift: int) -> None:
        self.shift = shift
        self.tail = bytearray()

    def append(self, data: bytes, align: int = 4) -> int:
        """Place data, aligned, and return its offset from the origin."""
        self.tail += bytes(-len(self.tail) % align)
        offset = self.shift + len(self.tail)
        self.tail += data
        return offset

    def overwrite(self, offset: int, data: bytes) -> None:
        """Fill in what `append` reserved."""
        position = offset - self.shift
        self.tail[position : position + len(data)] = data


class Field:
    """One named entry of a layout, and the descriptor that reads it.

    ``width`` is the number of words it takes. Subclasses say how a value is read, written and checked.
    """

    width: ClassVar[int] = 1
    #: Passes of `write_fields`: fields that derive values of others come first, explicit sizes last.
    turn: ClassVar[int] = 0

    name: str
    index: int
    kind: ClassVar[str] = "field"
    #: The bullets of rules by the check that stands for them.
    rules: Mapping[str, str] = MappingProxyType({})
    #: What is checked, apart from what the machines know.
    checks: tuple[Check, ...] = ()
    #: Another field, and the bits of it with which alone this one means anything.
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
        """Look up the fields that this one refers to, once the layout is complete."""

    def read(self, record: Record) -> Any:
        """The value; None when it is absent or cannot be read."""
        return record.words[self.index] if self.index < len(record.words) else None

    def write(self, builder: Builder, words: list[int], new: Any) -> None:
        """Put a value into the words, and its data behind them."""
        words[self.index] = self.number(new)

    def number(self, new: Any, bits: int = 32) -> int:
        """A value as unsigned integer; negative ones are taken as two's complement."""
        try:
            number = int(new)
        except (TypeError, ValueError):
            raise self.encode_error(f"{new!r} is not a number") from None
        if not -(1 << (bits - 1)) <= number < 1 << bits:
            raise self.encode_error(f"{number:#x} does not fit into {bits} bits")
        return number & ((1 << bits) - 1)

    def encode_error(self, detail: str) -> EncodeError:
        """The error for a value that cannot be encoded."""
        section = self.owner.section if hasattr(self, "owner") else ""
        packet = self.owner.name if hasattr(self, "owner") else "?"
        return EncodeError(packet, Problem(self.spec, "value", detail, section))

    owner: Layout

    def raw(self, words: tuple[int, ...]) -> Iterator[tuple[str, int]]:
        """The integers of the field under the names of the specification."""
        for step, spec in enumerate(self.specs()):
            if self.index + step < len(words):
                yield spec, words[self.index + step]

    def specs(self) -> tuple[str, ...]:
        """The names of the words in the specification."""
        return (self.spec,)

    def meaning(self, record: Record, budget: Budget) -> Any:
        """What the field points at or means, ready for JSON; None where the number says it all."""
        return None

    def make_checks(self) -> tuple[Check, ...]:
        """The checks of the field, once it is resolved."""
        return ()

    def format_value(self, new: Any) -> str:
        """A value as it is written in Python."""
        return f"{new:#x}" if type(new) is int and new > 0xFFFF else repr(new)

    def check(self, record: Record) -> Iterator[Problem]:
        """Everything that is wrong with the field in this record."""
        for check in self.checks:
            yield from check.problems(record)

    def precheck(self) -> Precheck | None:
        """A quick look whether `check` may find something; None where it never does."""
        if type(self).check is not Field.check:
            return PredicatePrecheck(lambda record: True)
        checks = self.checks
        if not checks:
            return None
        return PredicatePrecheck(
            lambda record: any(check.find_violation(record) for check in checks if check.applies(record))
        )

    def problem(self, aspect: str, detail: str) -> Problem:
        """A problem in this field that no rule is about."""
        return Problem(self.spec, aspect, detail, self.owner.section)


class Layout:
    """The declaration of a record, ready for use: its fields by both names, and where it stands."""

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
        #: The fields that can be wrong, so that checking a record visits no others; and quick looks at them.
        self.checked = tuple(field for field in fields if field.checks or type(field).check is not Field.check)
        self.prechecks: tuple[Precheck, ...] = tuple(
            precheck for precheck in (field.precheck() for field in self.checked) if precheck is not None
        )
        self.in_write_order = tuple(sorted(fields, key=lambda field: field.turn))

    #: Checks that look at several fields.
    cross_field_checks: tuple[CrossFieldCheck, ...] = ()

    def add_cross_field_checks(self, checks: tuple[CrossFieldCheck, ...]) -> None:
        """Take checks that look at several fields."""
        self.cross_field_checks = checks
        for check in checks:
            check.bind(self)
            self.prechecks += (PredicatePrecheck(check.may_fail),)

    #: Bytes of the shortest fixed part, of structures that grew with the versions.
    shortest = 0
    #: What the ids of the rules of this record start with.
    prefix = "TRP-3.1.4.2-"
    #: The rule that the caller must hold a privilege; that two calls must be on one line.
    privilege_rule = ""
    same_line_rule = ""
    #: Rules about proxy handlers: registered, serving, getting the request.
    proxy_rules: tuple[str, ...] = ()
    #: Rules that the caller must be an administrator: (rule, field or empty, values with which it binds).
    administrator_rules: tuple[tuple[str, str, tuple[int, ...]], ...] = ()

    def rule(self, bullet: str) -> str:
        """The id of a rule from the number that the declaration gives."""
        return f"{self.prefix}{bullet}" if bullet else ""

    def index(self, spec: str) -> int:
        """The word that a name of the specification stands for."""
        field = self.by_spec[spec]
        return field.index + field.specs().index(spec)


def write_fields(layout: Layout, builder: Builder, words: list[int], values: Mapping[str, Any]) -> None:
    """Write keyword arguments into a fixed part; what is not given takes its default."""
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
    """Base of every packet and structure: immutable, comparable, readable."""

    __slots__ = ("buffer", "words")

    layout: ClassVar[Layout]

    words: tuple[int, ...]
    buffer: bytes

    def span(self) -> Span:
        """Where the offsets of this record point to."""
        raise NotImplementedError

    def carries(self, direction: str) -> bool:
        """Whether data of a direction (in, out, inout) is present; only messages leave some of it out."""
        return True

    def values(self) -> dict[str, Any]:
        """All attributes by name, offsets resolved; what is absent is left out."""
        found = ((field.name, field.read(self)) for field in self.layout.fields)
        return {name: value for name, value in found if value is not None}

    def raw(self) -> dict[str, int]:
        """The integers of the fixed part under the names of the specification, reserved ones left out."""
        numbers: dict[str, int] = {}
        for field in self.layout.fields:
            numbers.update(field.raw(self.words))
        return numbers

    def meanings(self, budget: Budget | None = None) -> dict[str, Any]:
        """What the fields point at or mean, ready for JSON, under the names of the specification."""
        if budget is None:
            budget = Budget(len(self.buffer))
        found = ((field.spec, field.meaning(self, budget)) for field in self.layout.fields)
        return {spec: value for spec, value in found if value is not None}

    def problems(self) -> list[Problem]:
        """Everything that is wrong in the fields of this record."""
        return [problem for field in self.layout.checked for problem in field.check(self)]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash((type(self), self._identity()))

    def _identity(self) -> tuple[Any, ...]:
        return (self.words, self.buffer)

    def extra_arguments(self) -> dict[str, Any]:
        """What building an equal record takes beside the values of its fields."""
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
