"""Malformed bytes: mutations of valid ones, and a function that reads everything from a decoded object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from protocol.problem import EncodeError

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["explore", "mutated", "poke"]

#: Invalid values of sizes, counts and offsets.
_LIES = (
    0,
    1,
    2,
    3,
    4,
    5,
    8,
    36,
    40,
    41,
    48,
    59,
    60,
    0x7FFF,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFC,
    0xFFFFFFFF,
)


def poke(data: bytes, offset: int, number: int) -> bytes:
    """Return the bytes with one DWORD changed."""
    return data[:offset] + (number & 0xFFFFFFFF).to_bytes(4, "little") + data[offset + 4 :]


@st.composite
def mutated(draw: DrawFn, source: SearchStrategy[bytes]) -> bytes:
    """Generate valid bytes with changed DWORDs, changed bytes, truncation or extra data."""
    data = draw(source)
    for _ in range(draw(st.integers(0, 6))):
        edit = draw(st.sampled_from(("word", "word", "word", "near", "byte", "cut", "grow", "repeat")))
        place = draw(st.integers(0, max(0, len(data) - 1)))
        if edit == "word":
            data = poke(data, place & ~3, draw(st.sampled_from(_LIES)))
        elif edit == "near":
            data = poke(data, place & ~3, len(data) + draw(st.integers(-70, 8)))
        elif edit == "byte":
            data = data[:place] + bytes([draw(st.integers(0, 255))]) + data[place + 1 :]
        elif edit == "cut":
            data = data[:place]
        elif edit == "grow":
            data += draw(st.binary(max_size=40))
        else:
            data = data[:place] + data[place : place + 64] + data[place:]
    return data


def explore(record: Any) -> None:
    """Read everything from a record; only an `EncodeError` when it is built again is acceptable."""
    record.values()
    record.raw()
    json.dumps(record.meanings())
    assert isinstance(repr(record), str)
    hash(record)
    for problem in record.problems():
        assert problem.field
        assert problem.section
        assert str(problem)
    for field in record.layout.fields:
        getattr(record, field.name)
    assert record == record  # noqa: PLR0124
    record.encode()
    if record.layout.fields:
        try:
            record.replace()
        except EncodeError as error:
            assert error.problem.section
