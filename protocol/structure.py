"""Structures (2.2.6): typed views that can grow with the TAPI version and carry their own variable data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

from protocol.members import Extent, Pair
from protocol.problem import Problem
from protocol.record import Budget, Builder, Field, Layout, Record, Span, dword_struct, write_fields

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["STRUCTURES", "Structure"]

#: Every declared structure by name.
STRUCTURES: dict[str, type[Structure]] = {}


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=True)
class _View(Record):
    """Where a structure stands in its buffer; ``_origin`` is what its offsets count from."""

    __slots__ = ("_limit", "_origin", "_start")

    _start: int
    _origin: int
    _limit: int

    def set_view(self, words: tuple[int, ...], buffer: bytes, start: int, origin: int, limit: int) -> None:
        self.words = words
        self.buffer = buffer
        self._start = start
        self._origin = origin
        self._limit = limit


class Structure(_View):
    """A structure inside a packet, or on its own.

    Build one from keyword arguments: variable parts, offsets, counts and total sizes are computed, and
    ``tapi_version`` cuts the fixed part down to what that version had (default: the newest). `at` reads one
    from bytes; members that its version lacks read as None.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        tapi_version: int | None = None
    else:

        @property
        def tapi_version(self) -> int | None:
            """The first version that has all the members which are here; None where not even the oldest ones are."""
            length = len(self.words)
            return max(
                (field.since for field in self.layout.fields if field.index + field.width <= length), default=0
            ) or (0x00010004 if length >= self.lengths[0] else None)

    #: Number of words of the fixed part after each version that extended it, ascending.
    lengths: ClassVar[tuple[int, ...]]
    #: Whether the structure starts with dwTotalSize, and has dwUsedSize as its third member.
    sized: ClassVar[bool]
    used: ClassVar[bool]

    def __init_subclass__(cls, *, section: str, part: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        fields = tuple(field for field in vars(cls).values() if isinstance(field, Field))
        summary = (cls.__doc__ or "").strip().split("\n")[0]
        cls.layout = Layout(cls.__name__, section, summary, fields, 0)
        versions = sorted({field.since for field in fields})
        ends = {field.since: field.index + field.width for field in fields}
        cls.lengths = tuple(max(ends[v] for v in ends if v <= version) for version in versions)
        cls.layout.shortest = 4 * min(cls.lengths, default=0)
        extents = [field.spec for field in fields if isinstance(field, Extent)]
        cls.sized = bool(extents)
        cls.used = len(extents) == 3
        if not part:
            STRUCTURES[cls.__name__] = cls

    def __init__(self, **values: Any) -> None:
        version = values.pop("tapi_version", None)
        words = [0] * self.length(version or 0)
        builder = Builder(4 * len(words))
        allowed = {name: new for name, new in values.items() if new is not None}
        for name in allowed:
            field = self.layout.by_name.get(name)
            if field is not None and field.index + field.width > len(words):
                raise field.encode_error(f"is not part of the structure in TAPI version {version:#x}")
        full = words + [0] * (self.layout.words - len(words))
        write_fields(self.layout, builder, full, allowed)
        words = full[: len(words)]
        size = 4 * len(words) + len(builder.tail)
        for field in self.layout.fields:
            if isinstance(field, Extent) and field.name not in allowed:
                words[field.index] = size
        self.set_view(tuple(words), dword_struct(len(words)).pack(*words) + bytes(builder.tail), 0, 0, size)

    @classmethod
    def length(cls, version: int) -> int:
        """Words of the fixed part in a TAPI version; 0 means the newest."""
        if not version:
            return cls.layout.words
        ends = [field.index + field.width for field in cls.layout.fields if field.since <= version]
        return max(ends, default=0)

    @classmethod
    def at(
        cls,
        buffer: bytes,
        start: int,
        end: int,
        *,
        version: int = 0,
        origin: int | None = None,
        limit: int | None = None,
    ) -> Self:
        """View the structure between two positions; ``origin`` and ``limit`` where it counts from its parent."""
        available = max(0, end - start)
        if limit is None:
            limit = end
            if cls.sized and available >= 12:
                total, _, used = dword_struct(3).unpack_from(buffer, start)
                claimed = used if cls.used and 0 < used <= total else total
                if claimed:
                    limit = min(end, start + claimed)
        count = min((min(end, limit) if origin is None else end) - start, 4 * cls.length(version)) // 4
        count = max(0, count)
        words = dword_struct(count).unpack_from(buffer, start)
        if len(cls.lengths) > 1 and origin is None:
            count = cls._fixed(words)
            words = words[:count]
        view = cls.__new__(cls)
        view.set_view(words, buffer, start, start if origin is None else origin, limit)
        return view

    @classmethod
    def _fixed(cls, words: tuple[int, ...]) -> int:
        """How long the fixed part is: no version is written in it, but its own offsets point behind it."""
        fitting = [length for length in cls.lengths if length <= len(words)]
        for length in reversed(fitting):
            if min(cls._offsets(words[:length]), default=4 * length) >= 4 * length:
                return length
        return fitting[0] if fitting else len(words)

    @classmethod
    def _offsets(cls, words: tuple[int, ...]) -> Iterable[int]:
        for field in cls.layout.fields:
            if isinstance(field, Pair) and field.index + 1 < len(words) and words[field.index]:
                yield words[field.index + 1]

    def offsets(self) -> Iterable[int]:
        """The offsets of all variable parts that are present."""
        return self._offsets(self.words)

    @classmethod
    def coerce(cls, field: Field, new: Any) -> Self:
        """An instance out of what a caller gave: an instance or a mapping of its members."""
        if isinstance(new, cls):
            return new
        if isinstance(new, dict):
            return cls(**new)
        raise field.encode_error(f"{new!r} is not a {cls.__name__}")

    def span(self) -> Span:
        return Span(self.buffer, self._origin, self._limit)

    def encode(self) -> bytes:
        """The bytes of the structure with its variable data."""
        if self._origin == self._start:
            return self.buffer[self._start : self._limit]
        return type(self)(**self.values()).encode()

    def laid_into(self, builder: Builder) -> bytes:
        """The fixed part, with the variable data placed in a parent's."""
        words = [0] * self.layout.words
        write_fields(self.layout, builder, words, self.values())
        return dword_struct(len(words)).pack(*words)

    def values(self) -> dict[str, Any]:
        found = super().values()
        return {name: new for name, new in found.items() if not isinstance(self.layout.by_name[name], Extent)}

    def extra_arguments(self) -> dict[str, Any]:
        short = len(self.words) < self.layout.words
        return {"tapi_version": f"{self.tapi_version:#x}"} if short and self.tapi_version else {}

    def replace(self, **changes: Any) -> Self:
        """A copy with some members changed."""
        return type(self)(**{**self.values(), **changes})

    def describe(self, budget: Budget) -> dict[str, Any]:
        """The members under the names of the specification, ready for JSON."""
        found: dict[str, Any] = {}
        for field in self.layout.fields:
            found.update(field.raw(self.words))
            new = field.meaning(self, budget)
            if new is not None:
                found[field.spec] = new
        return found

    def problems(self) -> list[Problem]:
        found = []
        shortest = self.lengths[0]
        if len(self.words) < shortest:
            detail = f"{4 * len(self.words)} bytes are less than the fixed part of {4 * shortest}"
            found.append(Problem(self.layout.name, "layout", detail, self.layout.section))
        if self.sized and self.words and self.words[0] > self._limit - self._start and not self._used_within():
            detail = f"dwTotalSize {self.words[0]} runs past the {self._limit - self._start} available bytes"
            found.append(Problem("dwTotalSize", "overrun", detail, self.layout.section))
        elif self.sized and self.words and self.words[0] < 4 * shortest:
            detail = f"dwTotalSize {self.words[0]} is less than the fixed part of {4 * shortest}"
            found.append(Problem("dwTotalSize", "layout", detail, self.layout.section))
        return found + super().problems()

    def _used_within(self) -> bool:
        """Whether dwUsedSize explains that fewer bytes than dwTotalSize are present."""
        return self.used and len(self.words) > 2 and 0 < self.words[2] <= self._limit - self._start

    def _identity(self) -> tuple[Any, ...]:
        return tuple(self.values().items())
