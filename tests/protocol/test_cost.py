"""The cost of decoding is proportional to the number of bytes, regardless of the numbers in them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from effort import Effort, effort, everything
from hypothesis import given, settings
from hypothesis import strategies as st
from malformed import mutated, poke

import samples
from mstrp.capture.files import Source
from protocol import line, ndr
from protocol.event import COMPLETIONS, EVENTS, decode_events
from protocol.fastpath import READERS
from protocol.fields import Text
from protocol.packet import REQUESTS, decode_request, decode_response
from protocol.problem import DecodeError
from protocol.structure import STRUCTURES

if TYPE_CHECKING:
    from collections.abc import Callable

_HUGE = 0xFFFFFFFF
_few = settings(max_examples=max(10, settings().max_examples // 4))


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def _list(kind: str, size: int) -> Any:
    """Build a list whose entries fill half of the bytes and all refer to the other half as their data."""
    half = size // 2
    entries = _words(0, half, half) * ((half - 24) // 12)
    head = _words(size, size, size, _HUGE, len(entries), 24)
    return STRUCTURES[kind].at((head + entries).ljust(size, b"\x41"), 0, size)


def _request_to(kind: Any, field: str, data: bytes, **numbers: int) -> Any:
    """Build a request with an offset to the given bytes."""
    words = bytearray(kind().encode()[:60])
    for name, number in {field: 0, **numbers}.items():
        place = 4 * kind.layout.index(name)
        words[place : place + 4] = _words(number)
    return decode_request(bytes(words) + data)


def _response_to(kind: Any, field: str, data: bytes) -> Any:
    words = bytearray(kind(ack=0).encode()[:60])
    place = 4 * kind.layout.index(field)
    words[place : place + 4] = _words(0)
    return decode_response(bytes(words) + data, kind)


#: Inputs of any size and their decoders: lists with overlapping entries, strings without or with many NULs,
#: buffers full of the smallest events, sizes and counts of 2^32 - 1.
GROWING: dict[str, Callable[[int], Any]] = {
    "entries that share one long text": lambda size: everything(_list("LINEAGENTACTIVITYLIST", size)),
    "queues that share one long text": lambda size: everything(_list("LINEQUEUELIST", size)),
    "a string without terminator": lambda size: everything(
        _request_to(line.BlindTransfer, "lpszDestAddress", b"\x41" * size)
    ),
    "NUL at every odd place": lambda size: everything(
        _request_to(line.BlindTransfer, "lpszDestAddress", b"\x41\0\0\x41" * (size // 4))
    ),
    "a structure of zeros": lambda size: everything(
        _response_to(line.GetDevCaps, "lpLineDevCaps", _words(_HUGE, _HUGE, _HUGE) + bytes(size))
    ),
    "a structure of ones": lambda size: everything(_response_to(line.GetAddressCaps, "lpAddressCaps", b"\xff" * size)),
    "forwarding that claims 2^32 entries": lambda size: everything(
        _request_to(line.Forward, "lpForwardList", _words(_HUGE, _HUGE) + bytes(size))
    ),
    "tones that fill the packet": lambda size: everything(
        _request_to(line.MonitorTones, "lpToneList", bytes(size), dwNumEntries=size)
    ),
    "events of 40 bytes": lambda size: [
        everything(event) for event in decode_events(EVENTS[2]().encode() * (size // 40)).events
    ],
    "events that claim 2^32 bytes": lambda size: decode_events(_words(_HUGE & ~3) * (size // 4)),
    "events without size": lambda size: decode_events(bytes(size)),
    "a stub with huge counts": lambda size: _stub(size, False),
    "a stub with huge counts, NDR64": lambda size: _stub(size, True),
    "rows of no length": lambda size: everything(_rows(size, 0)),
    "rows of two bytes": lambda size: everything(_rows(size, 2)),
    "rows of 2^32 bytes": lambda size: everything(_rows(size, _HUGE)),
}


def _stub(size: int, ndr64: bool) -> None:
    data = bytes(20 + 4 * ndr64) + b"\xff" * size
    method = next(method for method in ndr.METHODS.values() if method.name == "ClientRequest")
    with pytest.raises(DecodeError):
        method.read("request", data, ndr64=ndr64)
    assert READERS[ndr64].request(data, 0) is None


def _rows(size: int, step: int) -> Any:
    kind = STRUCTURES["LINEADDRESSCAPS"]
    words = [0] * kind.layout.words
    words[0] = words[1] = words[2] = size
    for name, number in (
        ("dwNumCompletionMessages", _HUGE),
        ("dwCompletionMsgTextEntrySize", step),
        ("dwCompletionMsgTextSize", size - 228),
        ("dwCompletionMsgTextOffset", 228),
    ):
        words[kind.layout.index(name)] = number
    return kind.at(_words(*words).ljust(size, b"\x41"), 0, size)


@pytest.mark.parametrize("name", GROWING)
def test_four_times_the_bytes_cost_at_most_five_times_the_work(name: str) -> None:
    """Executed lines and memory grow at most in proportion to the bytes, regardless of their content."""
    grows = GROWING[name]
    small, large = effort(lambda: grows(1_200)), effort(lambda: grows(4_800))
    assert large.lines <= 5 * small.lines + 200
    assert large.memory <= 5 * small.memory + 4_096


_RECORDS = st.sampled_from(
    [
        *((decode_request, samples.request(kind).encode()) for kind in REQUESTS.values()),
        *(
            (lambda data, kind=kind: decode_response(data, kind), samples.response(kind).encode())
            for kind in REQUESTS.values()
        ),
        *(
            (lambda data, kind=kind: kind.at(data, 0, len(data)), samples.structure(kind).encode())
            for kind in STRUCTURES.values()
        ),
    ]
)
_EVENTS = st.sampled_from([samples.event(kind).encode() for kind in (*EVENTS.values(), *COMPLETIONS.values())])


def _affordable(spent: Effort, size: int) -> bool:
    return spent.lines <= 8_000 + 60 * size and spent.memory <= 60_000 + 200 * size


@_few
@given(data=st.data())
def test_cost_is_bounded_for_any_number_in_a_packet(data: st.DataObject) -> None:
    """The cost is bounded by a multiple of the size, whatever value any DWORD of a packet or structure has."""
    decode, good = data.draw(_RECORDS)
    found = data.draw(mutated(st.just(good)))
    for place in data.draw(st.lists(st.integers(0, max(0, len(found) // 4 - 1)), max_size=8)):
        found = poke(found, 4 * place, data.draw(st.sampled_from((_HUGE, 0x7FFFFFFF, 0x10000, len(found)))))
    assert _affordable(effort(lambda: everything(decode(found))), len(found))


@_few
@given(
    data=mutated(st.lists(_EVENTS, max_size=3).map(b"".join)), kind=st.none() | st.sampled_from(list(REQUESTS.values()))
)
def test_cost_is_bounded_for_any_number_in_an_event(data: bytes, kind: Any) -> None:
    """The same holds for a buffer of events."""

    def decode() -> None:
        for event in decode_events(data, lambda _: kind).events:
            everything(event)

    assert _affordable(effort(decode), len(data))


def test_variable_data_is_resolved_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding a packet and reading its numbers does not access its strings."""
    data = line.BlindTransfer(call=0x10005, dest_address="5551234", request_id=7).encode()
    resolved = []
    decode = Text.decode
    monkeypatch.setattr(Text, "decode", lambda self, *where: resolved.append(self.spec) or decode(self, *where))
    packet = decode_request(data)
    assert (packet.call, packet.request_id, packet.raw()["hCall"]) == (0x10005, 7, 0x10005)
    assert resolved == []
    assert packet.dest_address == "5551234"
    assert resolved == ["lpszDestAddress"]


def test_damage_is_searched_for_the_next_record() -> None:
    """Damaged parts of a capture are searched for the next record with a fast search, not byte by byte."""
    size = 300_000
    capture = bytes.fromhex("d4c3b2a1 02000400") + bytes(8) + _words(262_144, 1) + b"\xff" * size

    def read() -> None:
        assert list(Source(BytesIO(capture), "made.pcap", lambda frame, text: None)) == []

    assert effort(read).lines < size / 100
