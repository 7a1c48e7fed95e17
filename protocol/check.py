"""What a check is: a condition on a request or structure, the rules that demand it, and the requests nearest to its bound."""

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
    """What to change in a record: words of the fixed part, the variable data behind it, lNeededSize."""

    words: dict[int, int]
    tail: bytes | None = None
    capacity: int | None = None


class Check:
    """One condition on a record, and the rules that demand it.

    ``bound`` is added to the limit that the check compares with: 0 but where tests look for checks that nobody
    would miss.
    """

    name: ClassVar[str] = ""
    #: What has to hold; ``{field}`` and ``{type}`` stand for the names.
    text: ClassVar[str] = ""
    aspect: ClassVar[str] = "value"
    #: Whether the check has a limit that could be off by one.
    bounded: ClassVar[bool] = False
    #: The other checks of the field that nothing can keep when this one is broken.
    broken_together: ClassVar[tuple[str, ...]] = ()

    def __init__(self, field: Any, bullets: str = "") -> None:
        self.field = field
        self.bullets = bullets
        self.bound = 0
        #: The lowest and the highest negotiated version for which the rules bind.
        self.versions = ALL_VERSIONS

    @property
    def bound_shifts(self) -> tuple[int, ...]:
        """By how much the bound can move so that it matters."""
        return (-1, 1) if self.bounded else ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the rules."""
        return tuple(self.field.owner.rule(bullet) for bullet in self.bullets.split())

    @property
    def summary(self) -> str:
        """What has to hold, in words."""
        type_ = getattr(self.field, "type", None) or getattr(self.field, "entry", None)
        return self.text.format(field=self.field.spec, type=getattr(type_, "__name__", "GUID"))

    def find_violation(self, record: Record) -> str:
        """What is wrong, or an empty string."""
        raise NotImplementedError

    def applies(self, record: Record) -> bool:
        """Whether the field means anything in this record."""
        only = self.field.only
        return only is None or bool(record.words[self.field.only_index] & only[1])

    def problems(self, record: Record) -> Iterator[Problem]:
        """The problem, once for each rule."""
        detail = self.find_violation(record) if self.applies(record) else ""
        if detail:
            for rule in self.rules or ("",):
                yield Problem(self.field.spec, self.aspect, detail, self.field.owner.section, rule, self.versions)

    def valid_edits(self, record: Any) -> Iterator[Edit]:
        """Changes to a good record that just keep the rule."""
        return iter(())

    def invalid_edits(self, record: Any) -> Iterator[Edit]:
        """Changes to a good record that just break it."""
        return iter(())


def room_of(record: Any) -> int:
    """The size of VarData: what lNeededSize leaves behind the fixed part."""
    return int(record.capacity) - FIXED


def variable(record: Any) -> bytes:
    """The bytes behind the fixed part."""
    buffer, origin, limit = record.span()
    fixed = 0 if hasattr(record, "capacity") else 4 * len(record.words)
    return bytes(buffer[origin + fixed : limit])


def padded(data: bytes) -> bytes:
    """Data up to the next multiple of four bytes."""
    return data + bytes(-len(data) % 4)
