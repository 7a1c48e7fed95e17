"""Checks of a relation between several fields of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.check import FIXED, Check, Edit, room_of, variable
from protocol.fields import spelled
from protocol.record import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.record import Layout, Record

__all__ = ["Covers", "CrossFieldCheck", "Differ", "Excludes", "Member", "NotBothZero", "RoomForAll", "Times"]


class CrossFieldCheck(Check):
    """A check of several fields; problems are reported for the first one."""

    def __init__(self, bullets: str, *specs: str) -> None:
        super().__init__(None, bullets)
        self.specs = specs

    def bind(self, layout: Layout) -> None:
        """Look up the fields in the layout that declares the check."""
        self.field = layout.by_spec[self.specs[0]]
        self.indexes = tuple(layout.index(spec) for spec in self.specs)

    def applies(self, record: Record) -> bool:
        return record.carries("in")

    def may_fail(self, record: Record) -> bool:
        """Whether the check applies and finds a violation."""
        return self.applies(record) and bool(self.find_violation(record))


class NotBothZero(CrossFieldCheck):
    """At least one of two numbers is not 0."""

    name = "not-both-zero"

    @property
    def summary(self) -> str:
        return f"{' or '.join(self.specs)} is not 0"

    def find_violation(self, record: Record) -> str:
        return "" if any(record.words[index] for index in self.indexes) else f"{' and '.join(self.specs)} are 0"

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        first, second = self.indexes
        yield Edit({first: packet.words[first] or packet.words[second], second: 0})
        yield Edit({first: 0, second: packet.words[first] or packet.words[second]})

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit(dict.fromkeys(self.indexes, 0))


class Differ(CrossFieldCheck):
    """Two handles have different values; 0 is ignored."""

    name = "differ"

    @property
    def summary(self) -> str:
        return f"{' and '.join(self.specs)} differ"

    def find_violation(self, record: Record) -> str:
        first, second = self.indexes
        same = record.words[first] == record.words[second] and record.words[first]
        return f"{self.specs[1]} has the same value {record.words[first]:#x}" if same else ""

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        first, second = self.indexes
        yield Edit({second: packet.words[first]})


class Times(CrossFieldCheck):
    """A size is ``each`` bytes times a number of devices, or 0 if the list is not requested."""

    name = "times"
    aspect = "size"
    bounded = True

    def __init__(self, bullets: str, size: str, each: int, count: str) -> None:
        super().__init__(bullets, size, count)
        self.each = each

    @property
    def summary(self) -> str:
        return f"{self.specs[0]} is {self.each} * {self.specs[1]}"

    def find_violation(self, record: Record) -> str:
        size, count = (record.words[index] for index in self.indexes)
        wanted = self.each * count + self.bound
        # 0 means that the list is not requested.
        return f"{size} is not {self.each} * {count}" if size not in (wanted, 0) else ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.indexes[0]: 0})

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        size, count = self.indexes
        wanted = self.each * packet.words[count]
        for new in (wanted + 1, wanted + self.each, wanted - 1):
            if new > 0:
                yield Edit({size: new}, None, packet.capacity + 2 * self.each)


class RoomForAll(CrossFieldCheck):
    """VarData has room for all lists together."""

    name = "room-for-all"
    aspect = "size"
    bounded = True

    @property
    def summary(self) -> str:
        return f"VarData can hold {' + '.join(self.specs)} bytes"

    def find_violation(self, record: Record) -> str:
        wanted = sum(record.words[index] for index in self.indexes)
        room = room_of(record)
        return f"VarData of {room} bytes cannot hold {wanted}" if wanted > room + self.bound else ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({}, None, FIXED + sum(packet.words[index] for index in self.indexes))

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({}, None, FIXED + sum(packet.words[index] for index in self.indexes) - 1)


class Excludes(CrossFieldCheck):
    """A number has either the bit ``alone`` or at least one of the bits ``others``, but not both."""

    name = "excludes"

    def __init__(self, bullets: str, spec: str, alone: int, others: int) -> None:
        super().__init__(bullets, spec)
        self.alone = alone
        self.others = others

    @property
    def summary(self) -> str:
        names = [" or ".join(spelled(self.field.tables, number) or ()) for number in (self.alone, self.others)]
        return f"{self.specs[0]} has either {names[0]} or {names[1]}"

    def find_violation(self, record: Record) -> str:
        number = record.words[self.indexes[0]]
        if not number & (self.alone | self.others):
            return f"{number:#x} has none of the bits {self.alone | self.others:#x}"
        if number & self.alone and number & self.others:
            return f"{number:#x} combines {self.alone:#x} with {number & self.others:#x}"
        return ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.indexes[0]: self.alone})
        yield Edit({self.indexes[0]: self.others})

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.indexes[0]: 0})
        yield Edit({self.indexes[0]: self.alone | self.others})


class Covers(CrossFieldCheck):
    """VarData has room for the number of entries that another field gives."""

    name = "covers"
    aspect = "size"
    bounded = True

    def __init__(self, bullets: str, count: str, each: int, when: tuple[str, int]) -> None:
        super().__init__(bullets, count, when[0])
        self.each = each
        self.when = when

    @property
    def summary(self) -> str:
        return f"VarData can hold {self.specs[0]} entries of {self.each} bytes"

    def applies(self, record: Record) -> bool:
        return record.carries("in") and bool(record.words[self.indexes[1]] & self.when[1])

    def find_violation(self, record: Record) -> str:
        wanted = self.each * record.words[self.indexes[0]]
        room = len(record.buffer) - FIXED
        return f"VarData of {room} bytes cannot hold {wanted}" if wanted > room + self.bound else ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        data = variable(packet)[: len(variable(packet)) // self.each * self.each]
        yield Edit({self.indexes[0]: len(data) // self.each, self.indexes[1]: self.when[1]}, data, FIXED + len(data))

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        data = variable(packet)[: len(variable(packet)) // self.each * self.each]
        count = len(data) // self.each + 1
        yield Edit({self.indexes[0]: count, self.indexes[1]: self.when[1]}, data, FIXED + len(data))
        yield Edit({self.indexes[0]: count, self.indexes[1]: self.when[1]}, data + bytes(self.each - 1))
        yield Edit({self.indexes[0]: ABSENT, self.indexes[1]: self.when[1]}, data, FIXED + len(data))


class Member(CrossFieldCheck):
    """A member of a structure in VarData has a given value."""

    name = "member"

    def __init__(self, bullets: str, offset: str, member: str, number: int, when: tuple[str, int]) -> None:
        super().__init__(bullets, offset, when[0])
        self.member = member
        self.number = number
        self.when = when

    @property
    def summary(self) -> str:
        return f"{self.member} at {self.specs[0]} is {self.number}"

    def applies(self, record: Record) -> bool:
        return record.carries("in") and bool(record.words[self.indexes[1]] & self.when[1])

    def _place(self, record: Record) -> tuple[Any, int]:
        inner = self.field.inner_of(record)
        index = self.field.type.layout.index(self.member)
        return (None, 0) if inner is None or len(inner.words) <= index else (inner, index)

    def find_violation(self, record: Record) -> str:
        inner, index = self._place(record)
        if inner is None or inner.words[index] == self.number:
            return ""
        return f"its {self.member} is {inner.words[index]:#x}"

    def _with(self, packet: Any, number: int) -> Edit:
        start = packet.words[self.field.index] + 4 * self.field.type.layout.index(self.member)
        data = bytearray(variable(packet))
        data[start : start + 4] = number.to_bytes(4, "little")
        return Edit({}, bytes(data))

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        yield self._with(packet, self.number)

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        yield self._with(packet, self.number << 1)
