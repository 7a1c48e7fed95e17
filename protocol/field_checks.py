"""Checks of a single field, by the keyword that declarations use for them.

A declaration gives a check and the rule that requires it (``minimum="02"``). The check describes violations in a
record, and makes variants of a valid request on both sides of its bound for generators and tests. Checks that depend on
open handles or on devices are in `fsm`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.check import FIXED, Check, Edit, padded, room_of, variable
from protocol.constants.common import TAPI_VERSION
from protocol.record import ABSENT
from protocol.tables import members
from protocol.unpacking import find_nul

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.record import Record
    from protocol.tables import Table

__all__ = ["CHECKS", "KNOWN_VERSIONS", "legal_bits"]

#: The TAPI versions that the rules list (D19).
KNOWN_VERSIONS = tuple(sorted(int(version) for version in TAPI_VERSION))
#: Kinds of fields whose data may be a single byte.
_SIZED = ("block", "array", "guid")
#: No structure that an agent request returns is larger (3.1.4.2).
_LARGEST = 0x40000


class Start(Check):
    """An offset is aligned and inside VarData."""

    name = "start"
    text = "{field} is a multiple of 4 and points into VarData"
    aspect = "bounds"
    bounded = True
    broken_together = ("end",)

    def find_violation(self, record: Record) -> str:
        found = self.field.present(record)
        if found is None:
            return ""
        offset = found[0]
        _, origin, limit = record.span()
        room = limit - origin
        if offset % self.field.aligned:
            return f"offset {offset} is not a multiple of {self.field.aligned}"
        if offset >= room + self.bound:
            return f"offset {offset} lies outside the {room} bytes of VarData"
        return ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        data = padded(variable(packet))
        if self.field.kind in _SIZED:
            yield Edit({self.field.index: len(data), self.field.size_index: 1}, data + b"A")

    @property
    def bound_shifts(self) -> tuple[int, ...]:
        """As in `Check`, but a structure cannot be in the last byte, so that -1 changes nothing for it."""
        return (-1, 1) if self.field.kind in _SIZED else (1,)

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        data = padded(variable(packet))
        index = self.field.index
        for odd in (1, 2, 3):
            yield Edit({index: packet.words[index] + odd}, data + bytes(8))
        yield Edit({index: len(data)}, data)


class End(Check):
    """The data at an offset ends inside VarData."""

    name = "end"
    text = "the data at {field} ends inside VarData"
    aspect = "overrun"
    bounded = True

    def find_violation(self, record: Record) -> str:
        found = self.field.present(record)
        if found is None:
            return ""
        offset, length = found
        _, origin, limit = record.span()
        room = limit - origin
        if length > 0 and offset + length > room + self.bound:
            return f"offset {offset} + {self.field.size} {length} runs past the {room} bytes of VarData"
        return ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        data = padded(variable(packet)) + bytes(32)
        index = self.field.index
        if self.field.size_index >= 0:
            yield Edit({self.field.size_index: len(data) - packet.words[index]}, data)

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        data = padded(variable(packet)) + bytes(32)
        index = self.field.index
        for size in (len(data) - packet.words[index] + 1, ABSENT - 3):
            yield Edit({self.field.size_index: size}, data)


class Even(Check):
    """The offset of a string is even."""

    name = "aligned"
    text = "{field} is even"
    aspect = "alignment"

    def find_violation(self, record: Record) -> str:
        found = self.field.present(record)
        return f"offset {found[0]} is odd" if found is not None and found[0] % 2 else ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        data = padded(variable(packet))
        yield Edit({self.field.index: len(data) + 2}, data + b"\0\0A\0\0\0")

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        data = padded(variable(packet))
        yield Edit({self.field.index: len(data) + 1}, data + b"\0A\0\0\0\0\0")


class Inside(Check):
    """The offset of a string points into VarData."""

    name = "inside"
    text = "{field} points into VarData"
    aspect = "bounds"
    bounded = True

    def find_violation(self, record: Record) -> str:
        found = self.field.present(record)
        if found is None:
            return ""
        _, origin, limit = record.span()
        room = limit - origin
        if found[0] >= room + 2 * self.bound and not found[0] % 2:
            return f"offset {found[0]} lies outside the {room} bytes of VarData"
        return ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        data = padded(variable(packet))
        yield Edit({self.field.index: len(data)}, data + b"\0\0")

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        data = padded(variable(packet))
        yield Edit({self.field.index: len(data)}, data)
        yield Edit({self.field.index: 0xFFFFFFF0}, data)


class Terminated(Check):
    """A string ends with NUL inside VarData."""

    name = "terminated"
    text = "the string at {field} ends with NUL inside VarData"
    aspect = "termination"
    bounded = True

    @property
    def bound_shifts(self) -> tuple[int, ...]:
        """Only +1: no data follows VarData in which a NUL could be found."""
        return (1,)

    def find_violation(self, record: Record) -> str:
        found = self.field.present(record)
        if found is None or found[0] % 2:
            return ""
        buffer, origin, limit = record.span()
        start = origin + found[0]
        if start < limit and find_nul(buffer, start, limit - 2 * self.bound) < 0:
            return f"the string at offset {found[0]} does not end inside the {limit - origin} bytes of VarData"
        return ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        data = padded(variable(packet))
        yield Edit({self.field.index: len(data)}, data + "555".encode("utf-16-le") + b"\0\0")

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        data = padded(variable(packet))
        yield Edit({self.field.index: len(data)}, data + "555".encode("utf-16-le"))
        # The two zero bytes belong to different characters.
        yield Edit({self.field.index: len(data)}, data + b"A\0\0A")


def legal_bits(tables: tuple[Table, ...], allowed: int = 0) -> int:
    """Return all bits of the members of the tables, and the bits reserved for providers or later versions (D18).

    ``allowed``, if not 0, overrides the tables.
    """
    if allowed:
        # Convert to int: the complement of an IntFlag member omits the bits that are not in its table.
        return int(allowed)
    found = 0
    for table in tables:
        found |= table.reserved
        for member in members(table):
            found |= int(member)
    return found


class Word(Check):
    """Base of the checks of an integer field in a request."""

    def applies(self, record: Record) -> bool:
        return record.carries("in") and self.field.index < len(record.words) and super().applies(record)


class Legal(Word):
    """A number consists of members of its tables, and their number matches the cardinality."""

    name = "legal"
    text = "{field} has a legal value"

    def check_value(self, number: int) -> str:
        field = self.field
        cardinality = field.cardinality
        if field.choices:
            return "" if number in field.choices or number & field.bits else f"{number:#x} is not a defined value"
        if not number:
            return "" if field.zero or cardinality in _MAY_BE_ZERO else "0 is not a defined value"
        if number & ~field.bits:
            return f"bits {number & ~field.bits:#x} are not defined"
        several = number & (number - 1)
        if cardinality in _JUST_ONE and several and not field.mask:
            return f"{number:#x} has more than one bit"
        if cardinality == "one-unless-unknown" and several and not number & 2:
            return f"{number:#x} has several bits without UNKNOWN"
        return ""

    def find_violation(self, record: Record) -> str:
        number = record.words[self.field.index]
        fault = self.check_value(number)
        return f"{number:#x}: {fault}" if fault else ""

    def _candidates(self) -> tuple[int, ...]:
        field = self.field
        if field.choices:
            return (*sorted(field.choices), 0, max(field.choices) + 1, 0x7FFF, ABSENT)
        bits = [1 << n for n in range(32)]
        own = [bit for bit in bits if field.bits & bit]
        return (*bits, 0, field.bits, own[0] | own[-1], 2 | own[-1], ABSENT)

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        for number in self._candidates():
            if not self.check_value(number):
                yield Edit({self.field.index: number})

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        for number in self._candidates():
            if self.check_value(number):
                yield Edit({self.field.index: number})


_MAY_BE_ZERO = {"zero-or-more", "one-or-zero", "unstated", "one-unless-unknown"}
_JUST_ONE = {"one", "one-or-zero"}


class Number(Word):
    """Base of the checks that depend on the value of one field."""

    def find_violation(self, record: Record) -> str:
        return self.check_number(record.words[self.field.index], record)

    def check_number(self, number: int, record: Any) -> str:
        """Describe the violation, or return an empty string."""
        raise NotImplementedError


class NonZero(Number):
    """A number is not 0."""

    name = "nonzero"
    text = "{field} is not 0"

    def check_number(self, number: int, record: Any) -> str:
        return "" if number else "it is 0"

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.field.index: 1})

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.field.index: 0})


class Wanted(NonZero):
    """A number is not 0 if the field that its ``only`` condition refers to selects it."""

    name = "wanted"
    text = "{field} has at least one bit"


def _least(field: Any) -> int:
    """Return the size in bytes of the smallest fixed part, over all versions, of the structure of a field (A7)."""
    return 4 * field.type.lengths[0] if field.type is not None else 16


class Minimum(Number):
    """A size is at least the fixed part of its structure."""

    name = "minimum"
    text = "{field} is at least the fixed part of {type}"
    aspect = "size"
    bounded = True

    @property
    def least(self) -> int:
        """The smallest allowed size in bytes."""
        return _least(self.field)

    def check_number(self, number: int, record: Any) -> str:
        least = self.least
        return f"{number} is less than the {least} bytes of its fixed part" if number < least + self.bound else ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.field.index: _least(self.field)})

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.field.index: _least(self.field) - 1})
        yield Edit({self.field.index: 0})


class Maximum(Number):
    """A size is at most 0x40000."""

    name = "maximum"
    text = "{field} is at most 0x40000"
    aspect = "size"
    bounded = True

    def check_number(self, number: int, record: Any) -> str:
        return f"{number:#x} is more than {_LARGEST:#x}" if number > _LARGEST + self.bound else ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.field.index: _LARGEST})

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.field.index: _LARGEST + 1})
        yield Edit({self.field.index: ABSENT})


class Fits(Number):
    """VarData has room for the requested number of bytes."""

    name = "fits"
    text = "VarData has room for {field} bytes"
    aspect = "size"
    bounded = True

    def check_number(self, number: int, record: Any) -> str:
        room = room_of(record)
        return f"{number} is more than the {room} bytes of VarData" if number > room + self.bound else ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.field.index: room_of(packet)})

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.field.index: room_of(packet) + 1})
        yield Edit({self.field.index: ABSENT})


class Room(Word):
    """VarData can hold the fixed part of the structure that is sent or requested (D7)."""

    name = "room"
    text = "VarData can hold a {type}"
    aspect = "size"
    bounded = True
    broken_together = ("minimum", "valid")

    def find_violation(self, record: Any) -> str:
        present = getattr(self.field, "present", None)
        if present is not None and self.field.direction == "in" and present(record) is None:
            return ""
        least = _least(self.field)
        room = room_of(record)
        if room < least + self.bound:
            return f"VarData of {room} bytes cannot hold the {least} bytes of {self.field.type.__name__}"
        return ""

    def _sized(self, packet: Any, size: int) -> Edit:
        """Return an edit that sets the size of VarData and truncates the data to it."""
        # Omit all optional data, which would need room too.
        words = {
            other.index: ABSENT
            for other in self.field.owner.fields
            if other is not self.field and getattr(other, "optional", False) and hasattr(other, "size_index")
        }
        data = variable(packet)
        if self.field.kind in ("buffer", "number"):
            words[self.field.index] = size
        elif getattr(self.field, "size_index", -1) >= 0:
            words[self.field.size_index] = size
        if self.field.direction == "in" and self.field.kind == "structure":
            start = packet.words[self.field.index]
            content = data[start : start + size]
            words[self.field.index] = 0
            data = content.ljust(size, b"\0")
        return Edit(words, data[:size], FIXED + size)

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        yield self._sized(packet, _least(self.field))

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        yield self._sized(packet, _least(self.field) - 4)
        yield self._sized(packet, _least(self.field) - 1)


class Listed(Number):
    """A version is one of the known TAPI versions."""

    name = "listed"
    text = "{field} is a known TAPI version"

    def _known(self) -> tuple[int, ...]:
        return tuple(version for version in KNOWN_VERSIONS if version >= self.field.oldest)

    def check_number(self, number: int, record: Any) -> str:
        return "" if number in self._known() else f"{number:#010x} is not a known TAPI version"

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        for version in self._known():
            yield Edit({self.field.index: version})

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        known = self._known()
        for version in {0, known[0] - 1, known[-1] + 1, *(v + 1 for v in known), *(set(KNOWN_VERSIONS) - set(known))}:
            if version not in known:
                yield Edit({self.field.index: version})


class Ordered(Number):
    """The lowest requested version is not above the highest."""

    name = "ordered"
    text = "{field} is not above dwVersionCurrent"
    bounded = True

    def _highest(self, record: Any) -> int:
        return int(record.words[record.layout.index("dwVersionCurrent")])

    def check_number(self, number: int, record: Any) -> str:
        highest = self._highest(record)
        return f"{number:#010x} is above dwVersionCurrent {highest:#010x}" if number > highest + self.bound else ""

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.field.index: self._highest(packet)})

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        yield Edit({self.field.index: self._highest(packet) + 1})


class Overlap(Ordered):
    """The requested range of versions contains a known version."""

    name = "overlap"
    text = "a known version lies between {field} and dwVersionCurrent"

    def check_number(self, number: int, record: Any) -> str:
        highest = self._highest(record)
        if number > highest or any(number <= known <= highest - self.bound for known in KNOWN_VERSIONS):
            return ""
        return f"no known TAPI version is in {number:#010x}..{highest:#010x}"

    def valid_edits(self, packet: Any) -> Iterator[Edit]:
        highest = packet.layout.index("dwVersionCurrent")
        yield Edit({self.field.index: 0, highest: KNOWN_VERSIONS[0]})
        yield Edit({self.field.index: KNOWN_VERSIONS[-1], highest: ABSENT})

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        highest = packet.layout.index("dwVersionCurrent")
        yield Edit({self.field.index: 0, highest: KNOWN_VERSIONS[0] - 1})
        yield Edit({self.field.index: KNOWN_VERSIONS[-1] + 1, highest: ABSENT})


class Valid(Check):
    """The members of a structure are valid."""

    name = "valid"
    text = "the members of the {type} at {field} are valid"

    def find_violation(self, record: Record) -> str:
        inner = self.field.inner_of(record)
        for problem in inner.problems() if inner is not None else ():
            if problem.rule:
                return f"{problem.field}: {problem.detail}"
        return ""

    def invalid_edits(self, packet: Any) -> Iterator[Edit]:
        data = bytearray(variable(packet))
        start = packet.words[self.field.index]
        data[start : start + 4] = (8).to_bytes(4, "little")
        yield Edit({}, bytes(data))


#: The checks of a single field, by the keyword that declarations use.
CHECKS: dict[str, type[Check]] = {
    check.name: check
    for check in (
        Even,
        Inside,
        Terminated,
        Start,
        End,
        Legal,
        NonZero,
        Wanted,
        Minimum,
        Maximum,
        Fits,
        Room,
        Listed,
        Ordered,
        Overlap,
        Valid,
    )
}
