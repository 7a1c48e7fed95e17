"""Kinds of fields that only structures (2.2.6) have: pairs of size and offset, GUIDs, times, counted arrays."""

from __future__ import annotations

import uuid
from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from protocol.check import Check, Edit, padded, variable
from protocol.entries import Form, form_of, read_entries
from protocol.fields import Number, wide
from protocol.problem import ALL_VERSIONS
from protocol.record import Budget, Builder, Field, Layout, Record, dword_struct
from protocol.tables import meaning
from protocol.trailing import to_json
from protocol.unpacking import find_nul

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.problem import Problem
    from protocol.structure import Structure
    from protocol.tables import Table

__all__ = ["Embedded", "Extent", "Following", "Guid", "Pair", "SystemTime", "Time", "Union"]

STRINGFORMAT_ASCII = 1
STRINGFORMAT_UNICODE = 3
STRINGFORMAT_BINARY = 4


class Extent(Number):
    """``dwTotalSize``, ``dwNeededSize`` or ``dwUsedSize``: by default the size of the whole structure in bytes."""

    kind = "extent"

    def __init__(self, spec: str, *, rules: dict[str, str] | None = None) -> None:
        super().__init__(spec, role="extent", default=None, rules=rules)

    def make_checks(self) -> tuple[Check, ...]:
        return (Whole(self, self.rules["whole"]),) if "whole" in self.rules else ()


class Whole(Check):
    """The size of a structure covers the smallest fixed part of all versions (A7)."""

    name = "whole"
    text = "{field} covers the fixed part of the structure"
    aspect = "size"
    bounded = True

    def _least(self) -> int:
        return int(self.field.owner.shortest)

    def find_violation(self, record: Record) -> str:
        number, least = record.words[self.field.index] if record.words else 0, self._least()
        return f"{number} is less than the fixed part of {least}" if number < least + self.bound else ""

    def valid_edits(self, record: Any) -> Iterator[Edit]:
        yield Edit({self.field.index: self._least()}, b"")

    def invalid_edits(self, record: Any) -> Iterator[Edit]:
        yield Edit({self.field.index: self._least() - 1}, b"")


class Guid(Field):
    """A GUID in wire order, 16 bytes."""

    kind = "guid"
    width = 4

    def __init__(self, spec: str, *, since: int = 0, note: str = "") -> None:
        super().__init__(spec, default=uuid.UUID(int=0), since=since, note=note)

    def read(self, record: Record) -> uuid.UUID | None:
        words = record.words[self.index : self.index + 4]
        return uuid.UUID(bytes_le=dword_struct(4).pack(*words)) if len(words) == 4 else None

    def write(self, builder: Builder, words: list[int], new: Any) -> None:
        if not isinstance(new, uuid.UUID):
            try:
                new = uuid.UUID(new)
            except (ValueError, AttributeError, TypeError):
                raise self.encode_error(f"{new!r} is not a GUID") from None
        words[self.index : self.index + 4] = dword_struct(4).unpack(new.bytes_le)

    def raw(self, words: tuple[int, ...]) -> Iterator[tuple[str, int]]:
        return iter(())

    def meaning(self, record: Record, budget: Budget) -> Any:
        found = self.read(record)
        return None if found is None else str(found)


class SystemTime(NamedTuple):
    """A SYSTEMTIME: eight 16-bit numbers, UTC; not validated, so that invalid dates are preserved."""

    year: int = 0
    month: int = 0
    day_of_week: int = 0
    day: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    milliseconds: int = 0


class Time(Field):
    """A SYSTEMTIME member."""

    kind = "time"
    width = 4
    codec: ClassVar[Struct] = Struct("<8H")

    def __init__(self, spec: str, *, since: int = 0, note: str = "") -> None:
        super().__init__(spec, default=SystemTime(), since=since, note=note)

    def read(self, record: Record) -> SystemTime | None:
        words = record.words[self.index : self.index + 4]
        return SystemTime._make(self.codec.unpack(dword_struct(4).pack(*words))) if len(words) == 4 else None

    def write(self, builder: Builder, words: list[int], new: Any) -> None:
        parts = [self.number(part, 16) for part in new]
        if len(parts) != 8:
            raise self.encode_error(f"{new!r} is not a SYSTEMTIME of eight numbers")
        words[self.index : self.index + 4] = dword_struct(4).unpack(self.codec.pack(*parts))

    def raw(self, words: tuple[int, ...]) -> Iterator[tuple[str, int]]:
        return iter(())

    def meaning(self, record: Record, budget: Budget) -> Any:
        t = self.read(record)
        if t is None:
            return None
        date = f"{t.year:04}-{t.month:02}-{t.day:02}"
        return f"{date}T{t.hour:02}:{t.minute:02}:{t.second:02}.{t.milliseconds:03}Z"


class Embedded(Field):
    """A structure within the fixed part, such as LINEDIALPARAMS."""

    kind = "embedded"

    def __init__(self, spec: str, type_: type[Structure], *, since: int = 0) -> None:
        super().__init__(spec, default=None, since=since)
        self.type = type_
        self.width = type_.layout.words  # type: ignore[misc]

    def read(self, record: Record) -> Structure | None:
        words = record.words[self.index : self.index + self.width]
        return (
            self.type.at(dword_struct(self.width).pack(*words), 0, 4 * self.width) if len(words) == self.width else None
        )

    def write(self, builder: Builder, words: list[int], new: Any) -> None:
        words[self.index : self.index + self.width] = self.type.coerce(self, new).words

    def raw(self, words: tuple[int, ...]) -> Iterator[tuple[str, int]]:
        return iter(())

    def meaning(self, record: Record, budget: Budget) -> Any:
        found = self.read(record)
        return None if found is None else found.describe(budget)


class _OfPair(Check):
    """Base of the checks of a size and an offset; not applied if the size is 0 (D15)."""

    bounded = True

    def applies(self, record: Record) -> bool:
        return self.field.index + 1 < len(record.words) and bool(record.words[self.field.index])

    def place(self, record: Record) -> tuple[int, int, int]:
        """Return offset, size, and the number of bytes from the origin of the offset to the end of VarData."""
        buffer, origin, _ = record.span()
        size, offset = record.words[self.field.index : self.field.index + 2]
        return offset, size, len(buffer) - origin

    def behind(self, record: Any) -> tuple[int, bytes]:
        """Return the offset of data appended to the record, and the padded existing data."""
        data = padded(variable(record))
        return 4 * len(record.words) + len(data), data


class PairStart(_OfPair):
    """An offset in a structure is a multiple of 4 and inside VarData."""

    name = "start"
    text = "{field}Offset is a multiple of 4 and points into VarData"
    aspect = "bounds"
    broken_together = ("end",)

    def find_violation(self, record: Record) -> str:
        offset, _, room = self.place(record)
        if offset % 4:
            return f"{self.field.spec}Offset {offset} is not a multiple of 4"
        return f"{self.field.spec}Offset {offset} lies outside VarData" if offset >= room + self.bound else ""

    def valid_edits(self, record: Any) -> Iterator[Edit]:
        place, data = self.behind(record)
        if self.field.content != "array":
            yield Edit({self.field.index: 1, self.field.index + 1: place}, data + b"\0")

    def invalid_edits(self, record: Any) -> Iterator[Edit]:
        place, data = self.behind(record)
        for odd in (1, 2, 3):
            yield Edit({self.field.index: 4, self.field.index + 1: place + odd}, data + bytes(8))
        yield Edit({self.field.index: 4, self.field.index + 1: place}, data)


class PairEnd(_OfPair):
    """The data at an offset in a structure ends inside VarData."""

    name = "end"
    text = "{field}Offset + {field}Size lies inside VarData"
    aspect = "overrun"

    def find_violation(self, record: Record) -> str:
        offset, size, room = self.place(record)
        if offset + size > room + self.bound:
            return f"{self.field.spec}Offset {offset} + {self.field.spec}Size {size} runs past VarData"
        return ""

    def valid_edits(self, record: Any) -> Iterator[Edit]:
        place, data = self.behind(record)
        yield Edit({self.field.index: 32, self.field.index + 1: place}, data + bytes(32))

    def invalid_edits(self, record: Any) -> Iterator[Edit]:
        place, data = self.behind(record)
        for size in (33, 0xFFFFFFFC):
            yield Edit({self.field.index: size, self.field.index + 1: place}, data + bytes(32))


class Pair(Field):
    """Two adjacent members, size and offset, and the data that they refer to.

    ``content`` is the type of the data: ``text`` (UTF-16, or as the member ``format`` specifies), ``texts`` (a list of
    strings, ended by an empty one), ``ascii``, ``bytes``, ``array`` (of ``count`` entries), ``rows`` (strings of a
    fixed length) or ``structure`` (including trailing bytes, as in a FLOWSPEC with provider data).
    """

    kind = "pair"
    width = 2
    turn = 1

    def __init__(
        self,
        spec: str,
        content: str,
        *,
        entry: type[Structure] | None = None,
        count: str = "",
        format_: str = "",
        row: str = "",
        table: Table | None = None,
        since: int = 0,
        note: str = "",
        rules: dict[str, str] | None = None,
        versions: tuple[int, int] = ALL_VERSIONS,
    ) -> None:
        super().__init__(spec, default=None, since=since, note=note)
        self.content = content
        self.table = table
        self.entry = entry
        self.count = count
        self.format = format_
        self.row = row
        self.rules = rules or {}
        #: The range of negotiated TAPI versions to which the rules apply.
        self.versions = versions

    def specs(self) -> tuple[str, ...]:
        return (f"{self.spec}Size", f"{self.spec}Offset")

    def make_checks(self) -> tuple[Check, ...]:
        found: list[Check] = []
        if "start" in self.rules:
            found.append(PairStart(self, self.rules["start"]))
        if "end" in self.rules:
            found.append(PairEnd(self, self.rules["end"]))
            found[-1].versions = self.versions
        return tuple(found)

    def resolve(self, layout: Layout) -> None:
        self.count_index = layout.index(self.count) if self.count else -1
        self.format_index = layout.index(self.format) if self.format else -1
        self.row_index = layout.index(self.row) if self.row else -1

    def extent(self, record: Record) -> tuple[bytes, int, int] | None:
        """Return buffer, start and end of the data; None if the size is 0 or the data extends past the structure."""
        words, index = record.words, self.index
        if index + 1 >= len(words) or not words[index]:
            return None
        buffer, origin, limit = record.span()
        start = origin + words[index + 1]
        end = start + words[index]
        return (buffer, start, end) if end <= limit else None

    def read(self, record: Record) -> Any:
        found = self.extent(record)
        return None if found is None else getattr(self, f"_read_{self.content}")(record, *found)

    def write(self, builder: Builder, words: list[int], new: Any) -> None:
        if self.content in ("array", "rows"):
            getattr(self, f"_write_{self.content}")(builder, words, tuple(new))
            return
        data = getattr(self, f"_bytes_of_{self.content}")(words, new)
        words[self.index] = len(data)
        words[self.index + 1] = builder.append(data)

    def _read_bytes(self, record: Record, buffer: bytes, start: int, end: int) -> bytes:
        return buffer[start:end]

    def _bytes_of_bytes(self, words: list[int], new: Any) -> bytes:
        if isinstance(new, (bytes, bytearray, memoryview)):
            return bytes(new)
        raise self.encode_error(f"{new!r} is not bytes")

    def _read_text(self, record: Record, buffer: bytes, start: int, end: int) -> str | bytes:
        form = record.words[self.format_index] if self.format_index >= 0 else STRINGFORMAT_UNICODE
        if form == STRINGFORMAT_ASCII:
            return self._read_ascii(record, buffer, start, end)
        if form != STRINGFORMAT_UNICODE:
            return buffer[start:end]
        stop = find_nul(buffer, start, end)
        return buffer[start : end - (end - start) % 2 if stop < 0 else stop].decode("utf-16-le", "surrogatepass")

    def _bytes_of_text(self, words: list[int], new: Any) -> bytes:
        binary = isinstance(new, (bytes, bytearray))
        if self.format_index >= 0:
            form = words[self.format_index]
            if not form:
                form = words[self.format_index] = STRINGFORMAT_BINARY if binary else STRINGFORMAT_UNICODE
            if form == STRINGFORMAT_ASCII and not binary:
                return self._bytes_of_ascii(words, new)
            if binary:
                return bytes(new)
        return wide(self, new)

    def _read_ascii(self, record: Record, buffer: bytes, start: int, end: int) -> str:
        stop = buffer.find(b"\0", start, end)
        return buffer[start : end if stop < 0 else stop].decode("latin-1")

    def _bytes_of_ascii(self, words: list[int], new: Any) -> bytes:
        try:
            return str(new).encode("latin-1") + b"\0"
        except UnicodeEncodeError:
            raise self.encode_error(f"{new!r} has characters outside Latin-1") from None

    def _read_texts(self, record: Record, buffer: bytes, start: int, end: int) -> tuple[str, ...]:
        whole = buffer[start : end - (end - start) % 2].decode("utf-16-le", "surrogatepass")
        return tuple(whole.split("\0\0", 1)[0].rstrip("\0").split("\0")) if whole.strip("\0") else ()

    def _bytes_of_texts(self, words: list[int], new: Any) -> bytes:
        if isinstance(new, str) or "" in new:
            raise self.encode_error(f"{new!r} is not a list of non-empty strings")
        return b"".join(wide(self, item) for item in new) + (b"\0\0" if new else b"\0\0\0\0")

    def _read_structure(self, record: Record, buffer: bytes, start: int, end: int) -> Structure:
        assert self.entry is not None
        return self.entry.at(buffer, start, end)

    def _bytes_of_structure(self, words: list[int], new: Any) -> bytes:
        assert self.entry is not None
        return self.entry.coerce(self, new).encode()

    def step(self, record: Record, size: int) -> int:
        """Return the size of an array entry in bytes, by the number of entries if there are several sizes."""
        if self.entry is None:
            return 4
        count = record.words[self.count_index] if self.count_index >= 0 else 0
        sizes = [4 * words for words in self.entry.lengths]
        return next((each for each in sizes if each * count == size), 4 * self.entry.layout.words)

    def _read_array(self, record: Record, buffer: bytes, start: int, end: int) -> tuple[Any, ...]:
        step = self.step(record, end - start)
        fitting = (end - start) // step
        count = min(record.words[self.count_index], fitting) if self.count_index >= 0 else fitting
        if self.entry is None:
            return dword_struct(count).unpack_from(buffer, start)
        _, origin, limit = record.span()
        form = form_of(self.entry, buffer, start, count, (step,), origin, limit)
        return read_entries(self.entry, buffer, start, count, form, origin, limit)

    def _write_array(self, builder: Builder, words: list[int], items: tuple[Any, ...]) -> None:
        if self.count_index >= 0 and not words[self.count_index]:
            words[self.count_index] = len(items)
        if self.entry is None:
            data = b"".join(self.number(item).to_bytes(4, "little") for item in items)
            words[self.index] = len(data)
            words[self.index + 1] = builder.append(data)
            return
        step = 4 * self.entry.layout.words
        words[self.index] = len(items) * step
        words[self.index + 1] = place = builder.append(bytes(len(items) * step))
        for item in items:
            builder.overwrite(place, self.entry.coerce(self, item).laid_into(builder))
            place += step

    def _read_rows(self, record: Record, buffer: bytes, start: int, end: int) -> tuple[str, ...]:
        step = record.words[self.row_index]
        count = record.words[self.count_index]
        if not step:
            return ()
        places = range(start, start + min(count, (end - start) // step) * step, step)
        return tuple(self._row(buffer[place : place + step]) for place in places)

    def _row(self, data: bytes) -> str:
        return data[: len(data) // 2 * 2].decode("utf-16-le", "surrogatepass").split("\0", 1)[0]

    def _write_rows(self, builder: Builder, words: list[int], items: tuple[Any, ...]) -> None:
        encoded = [wide(self, item) for item in items]
        step = max(words[self.row_index], max(map(len, encoded), default=0))
        words[self.row_index] = step
        if not words[self.count_index]:
            words[self.count_index] = len(items)
        data = b"".join(item.ljust(step, b"\0") for item in encoded)
        words[self.index] = len(data)
        words[self.index + 1] = builder.append(data)

    def meaning(self, record: Record, budget: Budget) -> Any:
        found = self.extent(record)
        if found is None or not budget.spend(found[2] - found[1]):
            return None
        new = self.read(record)
        if self.table is not None:
            return [meaning(self.table, item) for item in new]
        return to_json(new, budget)

    def check(self, record: Record) -> Iterator[Problem]:
        words, index = record.words, self.index
        if index + 1 >= len(words) or not words[index]:
            return
        yield from super().check(record)
        _, origin, limit = record.span()
        length, offset = words[index], words[index + 1]
        if origin + offset + length > limit:
            room = limit - origin
            detail = (
                f"{self.spec}Offset {offset} + {self.spec}Size {length} runs past the {room} bytes of {self.owner.name}"
            )
            yield self.problem("overrun", detail)
        elif self.count_index >= 0 and self.content == "array":
            step = self.step(record, length)
            if words[self.count_index] * step > length:
                detail = (
                    f"{self.count} {words[self.count_index]} entries of {step} bytes do not fit into {length} bytes"
                )
                yield self.problem("overrun", detail)


class Following(Field):
    """An array of entries directly after the fixed part, as in LINEFORWARDLIST."""

    kind = "following"
    width = 0
    turn = 1

    def __init__(self, spec: str, entry: type[Structure], count: str) -> None:
        super().__init__(spec, default=())
        self.entry = entry
        self.count = count

    def specs(self) -> tuple[str, ...]:
        return ()

    def resolve(self, layout: Layout) -> None:
        self.count_index = layout.index(self.count)

    def read(self, record: Record) -> tuple[Any, ...] | None:
        if len(record.words) < self.index:
            return None
        buffer, origin, limit = record.span()
        start = origin + 4 * self.index
        form = self.form(record)
        count = min(record.words[self.count_index], max(0, limit - start) // form.step)
        return read_entries(self.entry, buffer, start, count, form, origin, limit)

    def form(self, record: Record) -> Form:
        """Return the form of the entries (F6)."""
        buffer, origin, limit = record.span()
        steps = sorted(4 * words for words in self.entry.lengths)
        count = record.words[self.count_index]
        return form_of(self.entry, buffer, origin + 4 * self.index, count, steps, origin, limit)

    def write(self, builder: Builder, words: list[int], new: Any) -> None:
        items = tuple(new)
        if not words[self.count_index]:
            words[self.count_index] = len(items)
        step = 4 * self.entry.layout.words
        place = builder.append(bytes(len(items) * step))
        for item in items:
            builder.overwrite(place, self.entry.coerce(self, item).laid_into(builder))
            place += step

    def raw(self, words: tuple[int, ...]) -> Iterator[tuple[str, int]]:
        return iter(())

    def meaning(self, record: Record, budget: Budget) -> Any:
        found = self.read(record)
        return None if not found else to_json(found, budget)

    def check(self, record: Record) -> Iterator[Problem]:
        if any(field.checks for field in self.entry.layout.fields):
            for entry in self.read(record) or ():
                for problem in entry.problems():
                    yield problem._replace(field=f"{self.spec}.{problem.field}")
        yield from self._count(record)

    def _count(self, record: Record) -> Iterator[Problem]:
        """Check that the entries given by the count fit into the record."""
        if len(record.words) < self.index:
            return
        _, origin, limit = record.span()
        step = self.form(record).step
        count = record.words[self.count_index]
        if 4 * self.index + count * step > limit - origin:
            detail = f"{count} entries of {step} bytes do not fit into {limit - origin} bytes"
            yield self.problem("overrun", detail)


class Union(Field):
    """A body after the fixed part whose layout another member selects (2.2.6.28)."""

    kind = "union"
    width = 0

    def __init__(self, spec: str, selector: str, bodies: dict[int, type[Structure]]) -> None:
        super().__init__(spec, default=None)
        self.selector = selector
        self.bodies = bodies

    def specs(self) -> tuple[str, ...]:
        return ()

    def resolve(self, layout: Layout) -> None:
        self.selector_index = layout.index(self.selector)

    def read(self, record: Any) -> Structure | None:
        if len(record.words) < self.index:
            return None
        body = self.bodies.get(record.words[self.selector_index])
        buffer, origin, limit = record.span()
        start = origin + 4 * self.index
        # The body ends where the variable data of the record begins.
        end = min([limit, *(origin + offset for offset in record.offsets() if origin + offset >= start)])
        return None if body is None or (start >= end and body.layout.words) else body.at(buffer, start, max(start, end))

    def write(self, builder: Builder, words: list[int], new: Any) -> None:
        kinds = {body: number for number, body in self.bodies.items()}
        if type(new) not in kinds:
            raise self.encode_error(f"{new!r} is not a body of this union")
        words[self.selector_index] = words[self.selector_index] or kinds[type(new)]
        builder.append(new.encode())

    def raw(self, words: tuple[int, ...]) -> Iterator[tuple[str, int]]:
        return iter(())

    def meaning(self, record: Record, budget: Budget) -> Any:
        found = self.read(record)
        return None if found is None else found.describe(budget)

    def check(self, record: Record) -> Iterator[Problem]:
        if len(record.words) < self.index:
            return
        selector = record.words[self.selector_index]
        if selector not in self.bodies:
            yield self.problem("value", f"{self.selector} {selector} selects no body")
            return
        found = self.read(record)
        if found is not None:
            yield from found.problems()
