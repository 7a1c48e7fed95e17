"""Constant tables of MS-TRP 2.2.3 (and those inside packet texts) as Python enumerations.

A table is an ``IntFlag`` (bits that combine), an ``IntEnum`` (one value out of a list) or a list of
return codes. Members carry the short name, ``LINECALLSTATE.CONNECTED``; `spelling` gives the name that
the specification prints, ``LINECALLSTATE_CONNECTED``. Numbers outside a table stay legal integers: the
documents reserve ranges for device-specific use, so decoding never rejects them.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TABLES", "Choice", "Codes", "Flags", "Table", "meaning", "members", "spelling", "value"]


class _Annotated(int):
    """A number on its way into a table, with what the specification says about it."""

    since: str
    note: str
    spelling: str


def value(number: int, *, since: str = "", note: str = "", spelling: str = "") -> Any:
    """Declare a member with the TAPI version that introduced it, a remark, or an irregular spelling."""
    annotated = _Annotated(number)
    annotated.since = since
    annotated.note = note
    annotated.spelling = spelling
    return annotated


class _Described:
    """What every kind of table carries beside its members."""

    section: ClassVar[str]
    table: ClassVar[str]
    kind: ClassVar[str]
    prefix: ClassVar[str]
    remark: ClassVar[str]
    #: Bits outside the members that are no error: of providers, or not assigned.
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
        if isinstance(number, _Annotated):
            self.since = number.since
            self.note = number.note
            self.irregular = number.spelling


class Flags(_Described, IntFlag, kind="flags"):
    """Bits that combine; unknown bits are kept."""

    def __new__(cls, number: int) -> Self:
        member = int.__new__(cls, number)
        member._value_ = int(number)
        member.describe(number)
        return member


class Choice(_Described, IntEnum, kind="enum"):
    """One value out of a list."""

    def __new__(cls, number: int) -> Self:
        member = int.__new__(cls, number)
        member._value_ = int(number)
        member.describe(number)
        return member


class Codes(Choice, kind="error"):
    """Return codes: negative numbers, kept as the unsigned value that stands on the wire."""


Table: TypeAlias = type[Flags] | type[Choice]

#: Every declared table, under the name that the specification gives it (``LINECALLSTATE_Constants``).
TABLES: dict[str, Table] = {}


def members(table: Table) -> Iterator[Flags | Choice]:
    """All members of a table in the order of the specification, zero and composite ones included."""
    yield from table.__members__.values()


def spelling(member: Flags | Choice) -> str:
    """The name that the specification prints for a member of a table."""
    return member.irregular or f"{member.prefix}{member.name}"


def meaning(table: Table, number: int) -> list[str] | str | None:
    """What a number means in a table: flag names as a list (unknown bits in hex), else one name or None."""
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
