"""Kinds of packet fields.

The kind of a field determines how it is read, written, formatted and checked. Packets declare their fields with the
functions of `protocol.declare`.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from uuid import UUID

from protocol.field_checks import CHECKS, Fits, Minimum, legal_bits
from protocol.prechecks import OffsetPrecheck, Precheck, PredicatePrecheck, SizePrecheck, TextPrecheck
from protocol.problem import ALL_VERSIONS
from protocol.record import ABSENT, Budget, Builder, Field, Layout, Record
from protocol.tables import Flags, Table, meaning, members
from protocol.unpacking import find_nul

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from protocol.check import Check
    from protocol.problem import Problem
    from protocol.structure import Structure

__all__ = [
    "Block",
    "Buffer",
    "Direction",
    "Flag",
    "GuidAt",
    "Handle",
    "HandleType",
    "Inner",
    "Items",
    "Mode",
    "Number",
    "Offset",
    "Size",
    "Text",
    "checks_of",
    "spelled",
    "wide",
]

Direction = Literal["in", "out", "inout"]


class HandleType(Enum):
    """The types of handles (2.2.2); handle values are opaque to the client."""

    HLINEAPP = "line application"
    HLINE = "line"
    HCALL = "call"
    HPHONEAPP = "phone application"
    HPHONE = "phone"
    HAGENT = "agent"
    HAGENTSESSION = "agent session"
    DIALOGINSTANCE = "dialog instance"


class Number(Field):
    """An integer; ``role`` is its meaning, such as ``handle``, ``version``, ``device`` or ``request_id``."""

    kind = "number"

    def __init__(
        self,
        spec: str,
        *,
        role: str = "number",
        direction: Direction = "in",
        default: Any = 0,
        since: int = 0,
        note: str = "",
        only: tuple[str, int] | None = None,
        rules: dict[str, str] | None = None,
    ) -> None:
        super().__init__(spec, default=default, since=since, note=note)
        self.role = role
        self.direction = direction
        self.only = only
        self.rules = rules or {}
        #: For a version: the lowest valid value.
        self.oldest = 0
        #: The range of negotiated TAPI versions to which the rules apply.
        self.versions = ALL_VERSIONS
        #: For a limit: the structure whose size is limited. For a handle: its `HandleType`.
        self.type: Any = None
        #: For a context in a completion: the name of the request field that it repeats.
        self.echoes = ""

    def rule(self, check: str) -> str:
        """Return the id of the first rule that a check of this field enforces, or ""."""
        return self.owner.rule(self.rules.get(check, "").partition(" ")[0])

    def make_checks(self) -> tuple[Check, ...]:
        return checks_of(self, self.rules)


def checks_of(field: Field, names: Iterable[str]) -> tuple[Check, ...]:
    """Create the checks of a field, given their names, in the order of reporting.

    Names of checks that need state, such as ``live``, are ignored; the machines in `fsm` make these checks.
    """
    found = []
    for name, kind in CHECKS.items():
        if name in names:
            check = kind(field, field.rules.get(name, ""))
            check.versions = getattr(field, "versions", check.versions)
            found.append(check)
    return tuple(found)


class Size(Number):
    """The size in bytes of the data at an offset field; computed from the data unless given."""

    kind = "size"
    turn = 2


class Handle(Number):
    """A handle of one type; ``optional``: 0 is allowed."""

    kind = "handle"

    def __init__(
        self,
        spec: str,
        type_: HandleType,
        *,
        direction: Direction = "in",
        optional: bool = False,
        default: Any = 0,
        note: str = "",
        rules: dict[str, str] | None = None,
    ) -> None:
        super().__init__(spec, role="handle", direction=direction, default=default, note=note, rules=rules)
        self.type = type_
        self.optional = optional

    def format_value(self, new: Any) -> str:
        return f"{new:#x}"


class Flag(Number):
    """A combination of members of constant tables; ``cardinality`` restricts the number of members."""

    kind = "flags"

    def __init__(
        self,
        spec: str,
        tables: tuple[Table, ...],
        *,
        cardinality: str = "unstated",
        allowed: int = 0,
        zero: bool = False,
        mask: bool = False,
        direction: Direction = "in",
        default: Any = 0,
        since: int = 0,
        note: str = "",
        only: tuple[str, int] | None = None,
        rules: dict[str, str] | None = None,
    ) -> None:
        super().__init__(
            spec, role="flags", direction=direction, default=default, since=since, note=note, only=only, rules=rules
        )
        self.tables = tables
        self.cardinality = cardinality
        self.allowed = allowed
        #: Whether 0 is valid regardless of the cardinality, and whether any combination of bits is (D18).
        self.zero = zero or mask
        self.mask = mask
        #: The values of enumerations, and the mask of valid bits (for enumerations, the bits reserved for providers).
        listed = [] if any(issubclass(table, Flags) for table in tables) else [*tables]
        self.choices = frozenset(int(member) for table in listed for member in members(table))
        self.bits = listed[0].reserved if listed else legal_bits(tables, allowed)

    def format_value(self, new: Any) -> str:
        return _named(self.tables, int(new))

    def meaning(self, record: Record, budget: Budget) -> Any:
        new = self.read(record)
        if new is None or (new == ABSENT and self.direction == "out"):
            return None
        return spelled(self.tables, new)


class Mode(Number):
    """A number whose constant table depends on another field, as the mode of a call state does (2.2.4.2.1.8)."""

    kind = "mode"

    def __init__(self, spec: str, by: str, tables: dict[int, Table]) -> None:
        super().__init__(spec, role="flags")
        self.by = by
        self.tables = tables

    def resolve(self, layout: Layout) -> None:
        self.by_index = layout.index(self.by)

    def meaning(self, record: Record, budget: Budget) -> Any:
        if max(self.index, self.by_index) >= len(record.words):
            return None
        table = self.tables.get(record.words[self.by_index] & 0x00FFFFFF)
        new = record.words[self.index]
        return meaning(table, new) if table is not None and new else None


def _named(tables: tuple[Table, ...], number: int) -> str:
    """Format a number as a Python expression of table members, ``constants.LINECALLSTATE.IDLE``; other bits in hex."""
    names: list[str] = []
    rest = number
    for table in tables:
        for member in members(table):
            value = int(member)
            whole = value == rest and (value or not names)
            if whole or (issubclass(table, Flags) and value & rest and not value & (value - 1)):
                names.append(f"constants.{table.__name__}.{member.name}")
                rest &= ~value
    if rest or not names:
        names.append(f"{rest:#x}" if rest > 0xFFFF or names else str(rest))
    return " | ".join(names)


def spelled(tables: tuple[Table, ...], number: int) -> list[str] | str | None:
    """Return the names of a number in one table, or of the bits of a number whose bits are from several tables."""
    if len(tables) == 1:
        return meaning(tables[0], number)
    names: list[str] = []
    rest = number
    for table in tables:
        mask = sum(int(member) for member in members(table) if issubclass(table, Flags))
        if number & mask:
            names += meaning(table, number & mask) or []
        rest &= ~mask
    if rest:
        names.append(f"0x{rest:08X}")
    return names


class Offset(Field):
    """An offset into the variable data, and the data at it; the offset `ABSENT` means that there is none.

    ``size`` is the field with the size of the data, ``optional`` the source of the statement that `ABSENT` is allowed.
    """

    kind = "offset"
    turn = 1
    aligned: ClassVar[int] = 4

    def __init__(
        self,
        spec: str,
        *,
        size: str = "",
        direction: Direction = "in",
        optional: str = "",
        absent: bool = False,
        note: str = "",
        only: tuple[str, int] | None = None,
        rules: dict[str, str] | None = None,
    ) -> None:
        unsized = not size and direction == "in"
        super().__init__(spec, default=ABSENT if optional or unsized or absent else 0, note=note)
        self.size = size
        self.direction = direction
        self.optional = optional
        self.only = only
        self.rules = rules or {}
        self.size_index = -1

    def resolve(self, layout: Layout) -> None:
        if self.size:
            self.size_index = layout.index(self.size)

    def present(self, record: Record) -> tuple[int, int] | None:
        """Return offset and size of the data, size -1 without a size field; None if there is no data."""
        if self.index >= len(record.words) or not record.carries(self.direction):
            return None
        offset = record.words[self.index]
        if offset == ABSENT and (self.optional or self.direction == "out"):
            return None
        if self.only is not None and not record.words[self.only_index] & self.only[1]:
            return None
        if self.size_index < 0:
            return offset, -1
        length = record.words[self.size_index]
        return (offset, length) if length else None

    def extent(self, record: Record) -> tuple[bytes, int, int] | None:
        """Return buffer, start and end of the data; None if there is none or it extends past the record."""
        found = self.present(record)
        if found is None:
            return None
        offset, length = found
        buffer, origin, limit = record.span()
        start = origin + offset
        end = limit if length < 0 else start + length
        return (buffer, start, end) if start < limit and start <= end <= limit else None

    def read(self, record: Record) -> Any:
        found = self.extent(record)
        return None if found is None else self.decode(record, *found)

    def decode(self, record: Record, buffer: bytes, start: int, end: int) -> Any:
        """Decode the bytes from ``start`` to ``end``."""
        return buffer[start:end]

    def encode(self, new: Any) -> bytes:
        """Encode a value; raises `EncodeError`."""
        if isinstance(new, (bytes, bytearray, memoryview)):
            return bytes(new)
        raise self.encode_error(f"{new!r} is not bytes")

    def write(self, builder: Builder, words: list[int], new: Any) -> None:
        """Append the data and set offset and size; an integer is taken as the offset itself."""
        if isinstance(new, int):
            words[self.index] = self.number(new)
        else:
            self.place(builder, words, self.encode(new))

    def place(self, builder: Builder, words: list[int], data: bytes) -> None:
        """Append encoded data and set offset and size."""
        words[self.index] = builder.append(data)
        if self.size_index >= 0:
            words[self.size_index] = len(data)

    def meaning(self, record: Record, budget: Budget) -> Any:
        found = self.extent(record)
        if found is None or not budget.spend(found[2] - found[1]):
            return None
        return self.decode(record, *found).hex()

    def make_checks(self) -> tuple[Check, ...]:
        return checks_of(self, {"start", "end", *self.rules})

    def precheck(self) -> Precheck | None:
        if len(self.checks) > 2 or self.only is not None:
            return super().precheck()
        absent = bool(self.optional) or self.direction == "out"
        return OffsetPrecheck(self.index, self.size_index, self.aligned, absent=absent, deep=isinstance(self, Inner))


class Text(Offset):
    """The offset of a NUL-terminated UTF-16LE string."""

    kind = "text"
    aligned = 2

    def precheck(self) -> Precheck | None:
        if self.only is not None:
            return PredicatePrecheck(lambda record: self.present(record) is not None)
        return TextPrecheck(self.index, absent=bool(self.optional) or self.direction == "out")

    def decode(self, record: Record, buffer: bytes, start: int, end: int) -> str | None:
        stop = find_nul(buffer, start, end)
        return None if stop < 0 else buffer[start:stop].decode("utf-16-le", "surrogatepass")

    def encode(self, new: Any) -> bytes:
        return wide(self, new)

    def meaning(self, record: Record, budget: Budget) -> Any:
        found = self.extent(record)
        if found is None or not budget.spend(found[2] - found[1]):
            return None
        return self.decode(record, *found)

    def make_checks(self) -> tuple[Check, ...]:
        return checks_of(self, {"aligned", "inside", "terminated"})


def wide(field: Field, new: Any) -> bytes:
    """Encode a string as NUL-terminated UTF-16LE; raises `EncodeError`."""
    if not isinstance(new, str):
        raise field.encode_error(f"{new!r} is not a string")
    if "\0" in new:
        raise field.encode_error("a string cannot contain NUL")
    return new.encode("utf-16-le", "surrogatepass") + b"\0\0"


class Block(Offset):
    """The offset of bytes whose length is in another field."""

    kind = "block"


class GuidAt(Offset):
    """The offset of a GUID whose length is in another field."""

    kind = "guid"

    def decode(self, record: Record, buffer: bytes, start: int, end: int) -> UUID | None:
        return UUID(bytes_le=buffer[start : start + 16]) if end - start >= 16 else None

    def encode(self, new: Any) -> bytes:
        if not isinstance(new, UUID):
            raise self.encode_error(f"{new!r} is not a UUID")
        return new.bytes_le

    def meaning(self, record: Record, budget: Budget) -> Any:
        found = self.read(record)
        return None if found is None else str(found)


class Inner(Offset):
    """The offset of a structure whose size may be in another field."""

    kind = "structure"

    def __init__(self, spec: str, type_: type[Structure], **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.type = type_

    def decode(self, record: Record, buffer: bytes, start: int, end: int) -> Structure | None:
        return self.type.at(buffer, start, end)

    def encode(self, new: Any) -> bytes:
        return self.type.coerce(self, new).encode()

    def meaning(self, record: Record, budget: Budget) -> Any:
        found = self.read(record)
        return None if found is None or not budget.spend(self.type.layout.words) else found.describe(budget)

    def inner_of(self, record: Record) -> Structure | None:
        """Return the structure; None if it is absent, misaligned or outside the record."""
        found = self.extent(record)
        return self.type.at(*found) if found is not None and not found[1] % 4 else None

    def check(self, record: Record) -> Iterator[Problem]:
        inner = self.inner_of(record)
        for problem in inner.problems() if inner is not None else ():
            yield problem._replace(field=f"{self.spec}.{problem.field}")
        yield from super().check(record)


class Items(Offset):
    """The offset of an array of structures or DWORDs whose size in bytes is in another field."""

    kind = "array"

    def __init__(self, spec: str, entry: type[Structure] | None, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.entry = entry
        self.step = 4 if entry is None else 4 * entry.layout.words

    def decode(self, record: Record, buffer: bytes, start: int, end: int) -> tuple[Any, ...]:
        entry, step = self.entry, self.step
        stop = start + (end - start) // step * step
        if entry is None:
            return tuple(int.from_bytes(buffer[i : i + 4], "little") for i in range(start, stop, 4))
        return tuple(entry.at(buffer, i, i + step) for i in range(start, stop, step))

    def encode(self, new: Any) -> bytes:
        if self.entry is None:
            return b"".join(self.number(item).to_bytes(4, "little") for item in new)
        return b"".join(self.entry.coerce(self, item).encode() for item in new)

    def meaning(self, record: Record, budget: Budget) -> Any:
        found = self.extent(record)
        if found is None or not budget.spend(found[2] - found[1]):
            return None
        items = self.decode(record, *found)
        return list(items) if self.entry is None else [item.describe(budget) for item in items]


class Buffer(Number):
    """In a request, the size of the client's buffer for a structure; in a response, the offset of that structure."""

    kind = "buffer"

    def __init__(
        self, spec: str, type_: type[Structure], *, note: str = "", rules: dict[str, str] | None = None
    ) -> None:
        super().__init__(spec, role="buffer", direction="inout", note=note, rules=rules)
        self.type = type_
        self.inner = Inner(spec, type_, direction="out")

    def resolve(self, layout: Layout) -> None:
        self.inner.name, self.inner.index, self.inner.owner = self.name, self.index, layout
        self.inner.checks = self.inner.make_checks()

    def read(self, record: Record) -> Any:
        found = self.inner.read(record)
        return super().read(record) if found is None else found

    def write(self, builder: Builder, words: list[int], new: Any) -> None:
        if isinstance(new, int):
            super().write(builder, words, new)
        else:
            self.inner.write(builder, words, new)

    def meaning(self, record: Record, budget: Budget) -> Any:
        return self.inner.meaning(record, budget)

    def check(self, record: Record) -> Iterator[Problem]:
        yield from self.inner.check(record)
        yield from super().check(record)

    def precheck(self) -> Precheck | None:
        checks = self.checks
        if self.only is None and {type(check) for check in checks} == {Minimum, Fits}:
            return SizePrecheck(self.index, max(check.least for check in checks if isinstance(check, Minimum)))

        def wrong(record: Record) -> bool:
            # Only a response has the structure.
            if record.carries("out"):
                return True
            return any(check.applies(record) and check.find_violation(record) for check in checks)

        return PredicatePrecheck(wrong)
