"""Structures (2.2.6): typed views whose fixed part depends on the TAPI version, with variable data of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

from protocol.members import Extent, Pair
from protocol.problem import Problem
from protocol.record import Budget, Builder, Field, Layout, Record, Span, dword_struct, write_fields

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["STRUCTURES", "Structure"]

#: The declared structures by name.
STRUCTURES: dict[str, type[Structure]] = {}


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=True)
class _View(Record):
    """The position of a structure in a buffer; offsets are relative to ``_origin``, and data ends at ``_limit``."""

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
    """A structure, in a packet or standalone.

    The constructor computes offsets, counts and total sizes; ``tapi_version`` selects the members of the fixed part
    (default: the newest version). `at` decodes a structure; members that are not part of its version are None.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        tapi_version: int | None = None
    else:

        @property
        def tapi_version(self) -> int | None:
            """The oldest TAPI version that has all the members present; None if the fixed part is incomplete."""
            length = len(self.words)
            return max(
                (field.since for field in self.layout.fields if field.index + field.width <= length), default=0
            ) or (0x00010004 if length >= self.lengths[0] else None)

    #: Number of DWORDs of the fixed part in each version that extended it, ascending.
    lengths: ClassVar[tuple[int, ...]]
    #: Whether the structure starts with dwTotalSize (``sized``) and has dwUsedSize as its third member (``used``).
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
        """Return the number of DWORDs of the fixed part in a TAPI version; 0 means the newest version."""
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
        """Return a view of the structure at bytes ``start`` to ``end``.

        ``origin`` and ``limit`` are given if its offsets are relative to the parent structure.
        """
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
        """Return the length of the fixed part in DWORDs: the longest one that ends before all offsets of the structure.

        The bytes do not contain the version.
        """
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

    @classmethod
    def pair_indices(cls) -> list[int]:
        """Return the indices of all pairs of size and offset in the fixed part."""
        return [field.index for field in cls.layout.fields if isinstance(field, Pair)]

    def offsets(self) -> Iterable[int]:
        """Return the offsets of all variable data present."""
        return self._offsets(self.words)

    @classmethod
    def coerce(cls, field: Field, new: Any) -> Self:
        """Convert an instance or a dict of members to an instance; raises `EncodeError`."""
        if isinstance(new, cls):
            return new
        if isinstance(new, dict):
            return cls(**new)
        raise field.encode_error(f"{new!r} is not a {cls.__name__}")

    def span(self) -> Span:
        return Span(self.buffer, self._origin, self._limit)

    def encode(self) -> bytes:
        """Return the bytes of the structure, including its variable data."""
        if self._origin == self._start:
            return self.buffer[self._start : self._limit]
        return type(self)(**self.values()).encode()

    def laid_into(self, builder: Builder) -> bytes:
        """Return the bytes of the fixed part, and append the variable data to that of the parent structure."""
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
        """Return a copy with some members changed."""
        return type(self)(**{**self.values(), **changes})

    def describe(self, budget: Budget) -> dict[str, Any]:
        """Return DWORDs and decoded values as JSON types, by the names of the specification."""
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
        """Whether the bytes present cover dwUsedSize, so that fewer than dwTotalSize are legal."""
        return self.used and len(self.words) > 2 and 0 < self.words[2] <= self._limit - self._start

    def _identity(self) -> tuple[Any, ...]:
        return tuple(self.values().items())
