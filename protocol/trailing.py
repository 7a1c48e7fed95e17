"""Fields that follow the fixed part: the variable part of an event, or the last member of a structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.record import Budget, Builder, Field, Layout, Record
from protocol.unpacking import find_nul

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.problem import Problem
    from protocol.structure import Structure

__all__ = ["Trailing", "to_json"]


class Trailing(Field):
    """The data after the fixed part: text (UTF-16), bytes, or a structure.

    Another field gives its length in bytes (``size``) or in UTF-16 characters (``count``); without one, the data
    extends to the end of the record.
    """

    kind = "trailing"
    width = 0
    turn = 1

    def __init__(
        self,
        spec: str,
        *,
        text: bool = False,
        entry: type[Structure] | None = None,
        size: str = "",
        count: str = "",
    ) -> None:
        super().__init__(spec, default=None)
        self.text = text
        self.entry = entry
        self.length = size or count
        self.unit = 2 if count else 1

    def specs(self) -> tuple[str, ...]:
        return ()

    def resolve(self, layout: Layout) -> None:
        self.length_index = layout.index(self.length) if self.length else -1

    def claimed(self, record: Record) -> int:
        """Return the length in bytes that the length field states, or -1 if there is no such field."""
        index = self.length_index
        return -1 if not 0 <= index < len(record.words) else self.unit * record.words[index]

    def extent(self, record: Record) -> tuple[bytes, int, int] | None:
        """Return buffer, start and end of the data; None if it is empty or extends past the record."""
        if len(record.words) < self.index:
            return None
        buffer, origin, limit = record.span()
        start = origin + 4 * self.index
        claimed = self.claimed(record)
        end = limit if claimed < 0 else start + claimed
        return (buffer, start, end) if start < end <= limit else None

    def read(self, record: Record) -> Any:
        found = self.extent(record)
        if found is None:
            return None
        buffer, start, end = found
        if self.entry is not None:
            return self.entry.at(buffer, start, end)
        if self.text:
            stop = find_nul(buffer, start, end)
            end = end - (end - start) % 2 if stop < 0 else stop
            return buffer[start:end].decode("utf-16-le", "surrogatepass")
        return buffer[start:end]

    def write(self, builder: Builder, words: list[int], new: Any) -> None:
        if self.entry is not None:
            data = self.entry.coerce(self, new).encode()
        elif self.text:
            if not isinstance(new, str):
                raise self.encode_error(f"{new!r} is not a string")
            data = new.encode("utf-16-le", "surrogatepass")
        elif isinstance(new, (bytes, bytearray)):
            data = bytes(new)
        else:
            raise self.encode_error(f"{new!r} is not bytes")
        if self.length_index >= 0:
            words[self.length_index] = len(data) // self.unit
        builder.append(data)

    def raw(self, words: tuple[int, ...]) -> Iterator[tuple[str, int]]:
        return iter(())

    def meaning(self, record: Record, budget: Budget) -> Any:
        found = self.extent(record)
        if found is None or not budget.spend(found[2] - found[1]):
            return None
        return to_json(self.read(record), budget)

    def check(self, record: Record) -> Iterator[Problem]:
        if len(record.words) < self.index:
            return
        _, origin, limit = record.span()
        room = max(0, limit - origin - 4 * self.index)
        claimed = self.claimed(record)
        if claimed > room:
            detail = f"{self.length} is {claimed} bytes, but {room} follow the fixed part"
            yield self.problem("overrun", detail)
        found = self.extent(record)
        if found is not None and self.entry is not None:
            for problem in self.entry.at(*found).problems():
                yield problem._replace(field=f"{self.spec}.{problem.field}")


def to_json(new: Any, budget: Budget) -> Any:
    """Convert a decoded value to JSON types; bytes become hex digits."""
    if isinstance(new, bytes):
        return new.hex()
    if isinstance(new, tuple):
        return [to_json(item, budget) for item in new]
    if hasattr(new, "describe"):
        return new.describe(budget)
    return new
