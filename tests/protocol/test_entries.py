"""Lists of entries whose base of offsets, and whose size, only their bytes show."""

from __future__ import annotations

from itertools import product
from struct import pack
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import line
from protocol.packet import decode_request
from protocol.structures import LINEADDRESSSTATUS, LINEFORWARD, LINEFORWARDLIST

if TYPE_CHECKING:
    from collections.abc import Sequence

ADDRESSES = st.lists(st.tuples(st.text("0123456789", max_size=12), st.text("0123456789", max_size=12)), max_size=5)


def _forwarding(addresses: Sequence[tuple[str, str]], step: int, *, relative: bool, spare: int = 0) -> bytes:
    """A LINEFORWARDLIST in one of its forms, with unused bytes between the entries and the addresses."""
    behind = 8 + len(addresses) * step + spare
    entries, data = b"", b""
    for number, each in enumerate(addresses):
        words = [8]
        base = 8 + number * step if relative else 0
        for at, text in enumerate(each):
            raw = f"{text}\0".encode("utf-16-le") if text else b""
            words += [len(raw), behind + len(data) - base if raw else 0] + [0] * (at == 0)
            data += raw + bytes(-len(raw) % 4)
        entries += pack("<6I", *words) + (pack("<2I", 1, 1) if step == 32 else b"")
    total = 8 + len(entries) + spare + len(data)
    return pack("<2I", total, len(addresses)) + entries + bytes(spare) + data


def _request(forwarding: bytes) -> line.Forward:
    packet = line.Forward(request_id=1, line=1, forward_list=LINEFORWARDLIST(forward_list=()))
    raw = bytearray(packet.encode())
    place = 60 + packet.raw()["lpForwardList"]
    found = decode_request(bytes(raw[:place]) + forwarding, len(raw) + len(forwarding))
    assert isinstance(found, line.Forward)
    return found


@pytest.mark.parametrize(("step", "relative"), list(product((24, 32), (False, True))))
@given(addresses=ADDRESSES)
def test_all_forms_of_forwarding_are_read(step: int, relative: bool, addresses: list[tuple[str, str]]) -> None:
    """Offsets from the list or from the entry, entries of 24 or 32 bytes: the same addresses, and no problem."""
    packet = _request(_forwarding(addresses, step, relative=relative))
    assert packet.forward_list is not None
    found = [(entry.caller_address or "", entry.dest_address or "") for entry in packet.forward_list.forward_list]
    assert found == addresses
    assert [each for each in packet.problems() if each.rule.startswith("TRP-3.1.4.2-017")] == []


@pytest.mark.parametrize("relative", [False, True])
def test_unused_bytes_do_not_decide(relative: bool) -> None:
    """Unused bytes before the addresses leave the base of the offsets recognisable."""
    packet = _request(_forwarding([("12", "345")], 32, relative=relative, spare=4))
    assert packet.forward_list is not None
    (entry,) = packet.forward_list.forward_list
    assert (entry.caller_address, entry.dest_address) == ("12", "345")


def test_addresses_outside_remain_a_problem() -> None:
    """An address that no reading finds inside the list breaks the rule."""
    raw = bytearray(_forwarding([("12", "345")], 32, relative=False))
    raw[16:20] = pack("<I", 4096)
    assert "TRP-3.1.4.2-017-07" in {each.rule for each in _request(bytes(raw)).problems()}


@given(st.binary(max_size=200), st.integers(0, 2**32 - 1))
def test_any_bytes_are_read(data: bytes, count: int) -> None:
    """Any bytes are read in time proportional to their number."""
    packet = _request(pack("<2I", 8 + len(data), count) + data)
    packet.problems()
    packet.meanings()


def test_entries_of_other_lists_may_count_from_the_entry() -> None:
    """The entries of LINEADDRESSSTATUS and its like are read with either base, and with the size that their number shows."""
    assert _status(32, relative=False) == _status(32, relative=True) == _status(24, relative=True) == ["12", "345"]


def _status(step: int, *, relative: bool) -> list[str]:
    listed = _forwarding([("12", ""), ("345", "")], step, relative=True)
    fixed = 4 * LINEADDRESSSTATUS.layout.words
    words = [0] * LINEADDRESSSTATUS.layout.words
    index = LINEADDRESSSTATUS.layout.index("dwForwardNumEntries")
    words[index : index + 3] = [2, 2 * step, fixed]
    body = bytearray(listed[8:])
    if not relative:
        for number in range(2):
            at = number * step + 8
            body[at : at + 4] = (int.from_bytes(body[at : at + 4], "little") + fixed + number * step).to_bytes(
                4, "little"
            )
    words[0] = words[1] = words[2] = fixed + len(body)
    data = pack(f"<{len(words)}I", *words) + bytes(body)
    found = LINEADDRESSSTATUS.at(data, 0, len(data)).forward
    assert found is not None
    return [entry.caller_address or "" for entry in found]


def test_encoding_counts_from_the_list() -> None:
    """What is encoded has its offsets from the list, and is read as it was."""
    entry = LINEFORWARD(forward_mode=8, dest_address="12")
    again = LINEFORWARDLIST(forward_list=(entry, entry))
    assert LINEFORWARDLIST.at(again.encode(), 0, 1000).forward_list == (entry, entry)
