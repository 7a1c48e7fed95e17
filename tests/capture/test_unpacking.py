"""Byte-wise reading of numbers, as in compiled code, compared with plain Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstrp.capture import partition, pcap, pdus, reader
from mstrp.capture.partition import Partition
from mstrp.checking import check_capture
from protocol import fastpath, raw, unpacking

if TYPE_CHECKING:
    from pathlib import Path

_MODULES = (unpacking, raw, fastpath, pcap, reader, partition, pdus)


@given(data=st.binary(min_size=64, max_size=80), at=st.integers(0, 4))
def test_numbers(data: bytes, at: int) -> None:
    """Each reader returns the number at the position."""
    for size, little, big in ((2, unpacking.little16, unpacking.big16), (4, unpacking.little32, unpacking.big32)):
        assert little(data, at) == int.from_bytes(data[at : at + size], "little")
        assert big(data, at) == int.from_bytes(data[at : at + size], "big")
    for count, words in ((10, unpacking.ten_dwords), (15, unpacking.fifteen_dwords)):
        assert words(data, at) == tuple(unpacking.little32(data, at + 4 * place) for place in range(count))


@given(data=st.lists(st.sampled_from((0, 1)), max_size=12).map(bytes), start=st.integers(0, 4), end=st.integers(0, 16))
def test_terminators(data: bytes, start: int, end: int) -> None:
    """The first two zero bytes at an even distance that lie before the end of both."""
    places = range(start, min(end, len(data)) - 1, 2)
    assert unpacking.find_nul(data, start, end) == next((at for at in places if data[at : at + 2] == b"\0\0"), -1)


@pytest.mark.skipif(unpacking.NATIVE, reason="compiled code has one way only")
def test_both_ways_give_the_same(captures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What compiled code does instead of `struct` is the same in plain Python: reports, words and parts."""

    def results() -> list[Any]:
        found: list[Any] = [check_capture(str(place)) for place in sorted(captures.glob("*.pcap*"))]
        found += [check_capture(str(place), partition=Partition(1, 2)) for place in sorted(captures.glob("*.pcap*"))]
        found.append([unpacking.find_nul(data, 0, 8) for data in (b"\1\0\0\0", b"\0\1\1\0", b"")])
        return [*found, unpacking.ten_dwords(bytes(range(40)), 0), unpacking.fifteen_dwords(bytes(range(60)), 0)]

    expected = results()
    for module in _MODULES:
        monkeypatch.setattr(module, "NATIVE", True)
    assert results() == expected
