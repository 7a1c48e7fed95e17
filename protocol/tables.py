"""Constant tables of MS-TRP 2.2.3, and those in packet descriptions, as Python enumerations.

A table is an ``IntFlag`` (a bit mask), an ``IntEnum`` (one value of a list) or a list of return codes. Members have the
short name, ``LINECALLSTATE.CONNECTED``; `spelling` returns the name in the specification, ``LINECALLSTATE_CONNECTED``.
Decoding accepts numbers that are not in a table, because ranges are reserved for device-specific use.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TABLES", "Choice", "Codes", "Flags", "Table", "meaning", "members", "spelling", "value"]


class _Annotated(int):
    """The value of a member being declared, with its annotations."""

    since: str
    note: str
    spelling: str


def value(number: int, *, since: str = "", note: str = "", spelling: str = "") -> Any:
    """Declare a member with the TAPI version that introduced it, a remark, or an irregular specification name."""
    annotated = _Annotated(number)
    annotated.since = since
    annotated.note = note
    annotated.spelling = spelling
    return annotated


class _Described:
    """Metadata of a table and of its members."""

    section: ClassVar[str]
    table: ClassVar[str]
    kind: ClassVar[str]
    prefix: ClassVar[str]
    remark: ClassVar[str]
    #: Valid bits that no member has: reserved for providers, or unassigned.
    reserved: ClassVar[int] = 0

    since: str = ""
    note: str = ""
    irregular: str = ""

    def __init_subclass__(
        cls,
        *,
        kind: str = "",
        section: str = "",
        table: str = "",
        prefix: str | None = None,
        remark: str = "",
        reserved: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if reserved:
            cls.reserved = reserved
        if kind:
            cls.kind = kind
        if section:
            cls.section = section
            cls.table = table or f"{cls.__name__}_Constants"
            cls.prefix = f"{cls.__name__}_" if prefix is None else prefix
            cls.remark = remark
            TABLES[cls.table] = cls  # type: ignore[assignment]

    def describe(self, number: int) -> None:
        """Copy the annotations of a declared value to the member."""
        if isinstance(number, _Annotated):
            self.since = number.since
            self.note = number.note
            self.irregular = number.spelling


class Flags(_Described, IntFlag, kind="flags"):
    """A bit mask; undefined bits are kept."""

    def __new__(cls, number: int) -> Self:
        member = int.__new__(cls, number)
        member._value_ = int(number)
        member.describe(number)
        return member


class Choice(_Described, IntEnum, kind="enum"):
    """One value of a list."""

    def __new__(cls, number: int) -> Self:
        member = int.__new__(cls, number)
        member._value_ = int(number)
        member.describe(number)
        return member


class Codes(Choice, kind="error"):
    """Return codes: negative numbers, stored as unsigned DWORDs."""


Table: TypeAlias = type[Flags] | type[Choice]

#: The declared tables by their names in the specification (``LINECALLSTATE_Constants``).
TABLES: dict[str, Table] = {}


def members(table: Table) -> Iterator[Flags | Choice]:
    """Yield the members of a table in the order of the specification, including zero and composite members."""
    yield from table.__members__.values()


def spelling(member: Flags | Choice) -> str:
    """Return the name of a member in the specification."""
    return member.irregular or f"{member.prefix}{member.name}"


def meaning(table: Table, number: int) -> list[str] | str | None:
    """Return the meaning of a number in a table: a list of flag names, undefined bits in hex; else a name or None."""
    if issubclass(table, Flags):
        names = []
        rest = number
        for member in members(table):
            bit = int(member)
            if bit & (bit - 1) == 0 and (rest & bit or number == bit == 0):
                names.append(spelling(member))
                rest &= ~bit
        if rest:
            names.append(f"0x{rest:08X}")
        return names
    found = table._value2member_map_.get(number)
    return None if found is None else spelling(found)  # type: ignore[arg-type]
