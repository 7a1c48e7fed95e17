"""Base class of checks: a condition on a packet or structure, its rules, and test inputs on both sides of its bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from protocol.problem import ALL_VERSIONS, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.record import Record

__all__ = ["Check", "Edit", "padded", "room_of", "variable"]

#: Bytes of the fixed part of a request.
FIXED = 60


class Edit(NamedTuple):
    """A change to a record: new DWORDs by index, new variable data, a new lNeededSize. None means unchanged."""

    words: dict[int, int]
    tail: bytes | None = None
    capacity: int | None = None


class Check:
    """One condition on a record, and the rules that require it.

    ``bound`` is added to the limit that the check compares with. It is 0 except in mutation tests.
    """

    name: ClassVar[str] = ""
    #: The condition as text; ``{field}`` and ``{type}`` are replaced by the names of the field and its type.
    text: ClassVar[str] = ""
    aspect: ClassVar[str] = "value"
    #: Whether the check compares with a limit, so that mutation tests can shift it by one.
    bounded: ClassVar[bool] = False
    #: Names of the checks of the same field that necessarily fail when this one fails.
    broken_together: ClassVar[tuple[str, ...]] = ()

    def __init__(self, field: Any, bullets: str = "") -> None:
        self.field = field
        self.bullets = bullets
        self.bound = 0
        #: The lowest and the highest negotiated TAPI version to which the rules apply.
        self.versions = ALL_VERSIONS

    @property
    def bound_shifts(self) -> tuple[int, ...]:
        """Shifts of the bound that change the outcome of the check for some input."""
        return (-1, 1) if self.bounded else ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the rules that require the condition."""
        return tuple(self.field.owner.rule(bullet) for bullet in self.bullets.split())

    @property
    def summary(self) -> str:
        """The condition as text."""
        type_ = getattr(self.field, "type", None) or getattr(self.field, "entry", None)
        return self.text.format(field=self.field.spec, type=getattr(type_, "__name__", "GUID"))

    def find_violation(self, record: Record) -> str:
        """Describe the violation, or return an empty string."""
        raise NotImplementedError

    def applies(self, record: Record) -> bool:
        """Whether the field is in use in this record (its ``only`` condition holds)."""
        only = self.field.only
        return only is None or bool(record.words[self.field.only_index] & only[1])

    def problems(self, record: Record) -> Iterator[Problem]:
        """Yield the problem once for each rule, or once without a rule id if there is no rule."""
        detail = self.find_violation(record) if self.applies(record) else ""
        if detail:
            for rule in self.rules or ("",):
                yield Problem(self.field.spec, self.aspect, detail, self.field.owner.section, rule, self.versions)

    def valid_edits(self, record: Any) -> Iterator[Edit]:
        """Yield changes to a valid record that reach the bound without violating the rule."""
        return iter(())

    def invalid_edits(self, record: Any) -> Iterator[Edit]:
        """Yield changes to a valid record that violate the rule, preferably by the smallest amount."""
        return iter(())


def room_of(record: Any) -> int:
    """Return the size of VarData in bytes: lNeededSize minus the fixed part."""
    return int(record.capacity) - FIXED


def variable(record: Any) -> bytes:
    """Return the bytes after the fixed part."""
    buffer, origin, limit = record.span()
    fixed = 0 if hasattr(record, "capacity") else 4 * len(record.words)
    return bytes(buffer[origin + fixed : limit])


def padded(data: bytes) -> bytes:
    """Pad data with zeros to a multiple of four bytes."""
    return data + bytes(-len(data) % 4)
