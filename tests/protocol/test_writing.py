"""Building packets: computed sizes and offsets, a repr that is valid Python, and typed fields."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, get_origin
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from malformed import poke

import samples
from mstrp.testing.arbitrary import events, requests, responses, structures
from protocol import constants, generic, line, mmc, phone
from protocol import structures as structure_classes
from protocol.constants import LINECALLSTATE
from protocol.event import COMPLETIONS, EVENTS, decode_events
from protocol.events import LINE_CALLSTATE
from protocol.members import SystemTime
from protocol.packet import REQUESTS, decode_request
from protocol.problem import EncodeError
from protocol.structure import STRUCTURES
from protocol.structures import FLOWSPEC, LINECALLPARAMS, LINEFORWARD, LINEFORWARDLIST, LINEMONITORTONE, proxy

if TYPE_CHECKING:
    from collections.abc import Callable

_few = settings(max_examples=settings().max_examples)
_ROOT = Path(__file__).parents[2]


def _u32(*numbers: int) -> bytes:
    return b"".join((number & 0xFFFFFFFF).to_bytes(4, "little") for number in numbers)


def test_a_request_is_written_without_counting() -> None:
    """BlindTransfer: 60 bytes, then the NUL-terminated string; pBuffer is rounded up to 4 bytes."""
    packet = line.BlindTransfer(call=0x10005, dest_address="5551234", request_id=7)
    words = _u32(8, 0, 7, 0x10005, 0, 0) + bytes(36)
    assert packet.encode() == words + "5551234\0".encode("utf-16-le")
    assert packet.capacity == 76


def test_offsets_are_aligned_and_sizes_follow() -> None:
    """Two FLOWSPECs, one with provider data: both at multiples of 4, each with its size."""
    packet = line.SetCallQualityOfService(
        call=0x10005,
        sending_flowspec=FLOWSPEC(token_rate=1, provider_data=b"abc"),
        receiving_flowspec={"latency": 2},
    )
    raw = packet.raw()
    assert (raw["lpSendingFlowspec"], raw["dwSendingFlowspecSize"]) == (0, 35)
    assert (raw["lpReceivingFlowspec"], raw["dwReceivingFlowspecSize"]) == (36, 32)
    assert packet.encode()[60:] == _u32(1, *[0] * 7) + b"abc\0" + _u32(0, 0, 0, 2, *[0] * 4)


def test_nested_offsets_are_relative_to_their_structure() -> None:
    """Strings in call parameters are relative to the parameters, those of forwarding entries to their list."""
    params = LINECALLPARAMS(device_class="tapi/line", tapi_version=0x00020000)
    packet = line.MakeCall(line=1, dest_address="1", call_params=params)
    assert packet.raw()["lpCallParams"] == 4
    assert packet.encode()[64:] == params.encode()
    assert (params.raw()["dwTotalSize"], params.raw()["dwDeviceClassOffset"]) == (186, 176)
    entries = LINEFORWARDLIST(forward_list=(LINEFORWARD(dest_address="12"), LINEFORWARD(dest_address="3")))
    assert [entry.raw()["dwDestAddressOffset"] for entry in entries.forward_list] == [72, 80]
    assert entries.raw() == {"dwTotalSize": 84, "dwNumEntries": 2}


def test_an_array_knows_its_length() -> None:
    """The size field of an array is in bytes (A12)."""
    packet = line.MonitorTones(call=5, tone_list=(LINEMONITORTONE(duration=1), LINEMONITORTONE(duration=2)))
    assert packet.raw()["dwNumEntries"] == 40


def test_room_is_left_for_what_the_server_writes() -> None:
    """A buffer size increases lNeededSize beyond the number of sent bytes."""
    packet = line.GetCallInfo(call=5, call_info=1000)
    assert (len(packet.encode()), packet.capacity) == (60, 1060)


def test_a_response_is_written_with_its_result() -> None:
    """With ``ack``, the class creates the response; negative results are encoded as two's complement."""
    answer = line.Open(ack=0, line=0x10001)
    assert (answer.phase, answer.ack, answer.line) == ("response", 0, 0x10001)
    assert line.Open(ack=-2147483644).encode()[:4] == _u32(0x80000004)


def test_an_event_is_padded_and_names_its_number() -> None:
    """The header is filled in; the record is padded to a multiple of 8 bytes (E6)."""
    event = LINE_CALLSTATE(call=0x10005, call_state=LINECALLSTATE.CONNECTED, mode=1, privilege=4)
    assert event.encode() == _u32(40, 0, 1, 0x10005, 2, 0, 0x100, 4, 0, 0)
    found = line.Park.Completion(request_id=7, address={"string": "77"}).encode()
    assert (len(found), found[:4]) == (72, _u32(72))


_REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "unknown field": (lambda: line.Answer(cal=1), TypeError, "Answer has no field cal; it has request_id, call"),
    "too large": (lambda: line.Answer(call=1 << 32), EncodeError, "hCall: 0x100000000 does not fit into 32 bits"),
    "too small": (lambda: line.Answer(call=-(1 << 31) - 1), EncodeError, "does not fit into 32 bits"),
    "no number": (lambda: line.Answer(call="x"), EncodeError, "'x' is not a number"),
    "NUL in a string": (lambda: line.BlindTransfer(dest_address="1\0"), EncodeError, "cannot contain NUL"),
    "no string": (lambda: line.BlindTransfer(dest_address=b"1"), EncodeError, "is not a string"),
    "no bytes": (lambda: line.Answer(user_user_info="1"), EncodeError, "'1' is not bytes"),
    "no bytes in a structure": (lambda: LINECALLPARAMS(dev_specific="1"), EncodeError, "'1' is not bytes"),
    "no structure": (lambda: line.MakeCall(call_params="1"), EncodeError, "'1' is not a LINECALLPARAMS"),
    "no GUID": (lambda: STRUCTURES["LINEAGENTCAPS"](proxy_guid="1"), EncodeError, "'1' is not a GUID"),
    "no time": (lambda: STRUCTURES["LINECALLSTATUS"](state_entry_time=(1, 2)), EncodeError, "is not a SYSTEMTIME"),
    "not of this version": (
        lambda: LINECALLPARAMS(address_type=1, tapi_version=0x00020000),
        EncodeError,
        "dwAddressType: is not part of the structure in TAPI version 0x20000",
    ),
    "no list of strings": (
        lambda: STRUCTURES["LINEDEVCAPS"](device_classes="tapi"),
        EncodeError,
        "is not a list of non-empty strings",
    ),
    "more than one byte per character": (
        lambda: LINECALLPARAMS(device_class="\u20ac"),
        EncodeError,
        "has characters outside Latin-1",
    ),
    "no body": (
        lambda: STRUCTURES["LINEPROXYREQUEST"](body=LINECALLPARAMS()),
        EncodeError,
        "is not a body of this union",
    ),
    "no text behind an event": (lambda: EVENTS[0x1F7](text=1), EncodeError, "1 is not a string"),
    "no bytes behind a completion": (
        lambda: line.DevSpecific.Completion(data="x"),
        EncodeError,
        "'x' is not bytes",
    ),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_invalid_value_raises_with_its_field(name: str) -> None:
    """The error has the packet, the field and the reason."""
    build, error, text = _REFUSED[name]
    with pytest.raises(error, match=re.escape(text)):
        build()


def test_a_wrong_offset_can_be_written() -> None:
    """An integer given as data is used as the offset (P2)."""
    assert line.BlindTransfer(dest_address=0x1001).raw()["lpszDestAddress"] == 0x1001


def test_packets_do_not_change() -> None:
    """Assignment to a field fails; `replace` returns a changed copy with the data encoded again."""
    packet = line.BlindTransfer(call=5, dest_address="1")
    with pytest.raises(AttributeError, match=r"use replace\(call=\.\.\.\)"):
        packet.call = 6
    longer = packet.replace(dest_address="12345")
    assert (packet.dest_address, longer.dest_address, longer.call) == ("1", "12345", 5)
    assert longer == line.BlindTransfer(call=5, dest_address="12345", capacity=packet.capacity)


@_few
@given(packets=st.lists(st.sampled_from(list(REQUESTS.values())).flatmap(requests), min_size=2, max_size=2))
def test_packets_compare_by_kind_and_content(packets: list[Any]) -> None:
    """Packets of the same class with the same bytes are equal and have the same hash."""
    one, other = packets
    same = type(one) is type(other) and one.encode() == other.encode() and one.capacity == other.capacity
    assert (one == other) is same
    copy = decode_request(one.encode(), one.capacity)
    assert (copy, hash(copy)) == (one, hash(one))
    assert one != one.encode()


# -- repr -------------------------------------------------------------------------------------------------------------

_NAMES = {
    "constants": constants,
    **vars(structure_classes),
    **vars(proxy),
    **{kind.__name__: kind for kind in (*EVENTS.values(), *COMPLETIONS.values())},
    "UUID": UUID,
    "SystemTime": SystemTime,
}


def _pasted(record: Any, module: Any = None) -> Any:
    return eval(repr(record), {**_NAMES, **(vars(module) if module else {})})


_MODULES = {"line": line, "phone": phone, "mmc": mmc, "generic": generic}


@_few
@given(kind=st.sampled_from(list(REQUESTS.values())), data=st.data())
def test_a_printed_packet_can_be_pasted(kind: Any, data: st.DataObject) -> None:
    """The repr of a request or response is Python code that creates an equal one."""
    packet = data.draw(requests(kind) | responses(kind))
    assert _pasted(packet, _MODULES[kind.device]) == packet


@_few
@given(event=st.sampled_from([*EVENTS.values(), *COMPLETIONS.values()]).flatmap(events))
def test_a_printed_event_can_be_pasted(event: Any) -> None:
    """The same holds for events and completions."""
    assert _pasted(event) == event


@_few
@given(structure=st.sampled_from([*STRUCTURES.values(), *proxy.BODIES.values()]).flatmap(structures))
def test_a_printed_structure_can_be_pasted(structure: Any) -> None:
    """The same holds for structures, in any version."""
    assert _pasted(structure) == structure


def test_repr_omits_defaults() -> None:
    """The repr has attribute names, handles in hex and flags by name; it omits defaults and computed values."""
    assert repr(line.BlindTransfer(call=0x10005, dest_address="5551234", request_id=7)) == (
        "BlindTransfer(request_id=7, call=0x10005, dest_address='5551234')"
    )
    assert repr(line.Open(ack=0, line=0x10001)).startswith("Open.Response(ack=0, line=0x10001")
    assert repr(line.Answer(ack=-2147483624)) == "Answer.Response(ack=-2147483624)"
    assert repr(LINE_CALLSTATE(call=0x10005, call_state=0x100, privilege=4, media_mode=0x40000004)) == (
        "LINE_CALLSTATE(call=0x10005, call_state=constants.LINECALLSTATE.CONNECTED, "
        "privilege=constants.LINECALLPRIVILEGE.OWNER, media_mode=constants.LINEMEDIAMODE.INTERACTIVEVOICE | 0x40000000)"
    )
    assert (
        repr(line.MakeCall.Completion(request_id=7, call=0x10006)) == "MakeCallCompletion(request_id=7, call=0x10006)"
    )


def test_an_unknown_packet_prints_as_well() -> None:
    """Unknown packets have a repr too."""
    assert repr(decode_request(poke(line.Answer().encode(), 0, 999))) == "Unknown()"
    found = decode_events(poke(LINE_CALLSTATE(call=5).encode(), 16, 999)).events[0]
    assert repr(found) == "UnknownEvent(device_handle=5, message=999)"


# -- types ------------------------------------------------------------------------------------------------------------

_GOOD = """
from typing import assert_type
from protocol import line
from protocol.constants import LINECALLSTATE
from protocol.events import LINE_CALLSTATE
from protocol.structures import LINECALLPARAMS

packet = line.BlindTransfer(call=0x10005, dest_address="5551234", request_id=7)
assert_type(packet, line.BlindTransfer)
assert_type(packet.call, int)
assert_type(packet.dest_address, str | None)
assert_type(packet.encode(), bytes)
assert_type(packet.replace(call=1), line.BlindTransfer)
params = LINECALLPARAMS(bearer_mode=1, tapi_version=0x20000)
assert_type(line.MakeCall(call_params=params).call_params, LINECALLPARAMS | None)
assert_type(LINE_CALLSTATE(call=1, call_state=LINECALLSTATE.IDLE, init_context=1).call_state, int)
assert_type(line.Answer(ack=0, capacity=64).ack, int | None)
"""
_BAD = {
    "line.BlindTransfer(cal=1)": "Unexpected keyword argument",
    'line.BlindTransfer(dest_address=b"1")': "incompatible type",
    "line.BlindTransfer(1)": "Too many positional arguments",
    "line.Answer().dest_address": 'has no attribute "dest_address"',
    'LINECALLPARAMS(bearer_mode="voice")': "incompatible type",
    "line.Answer().call = 1": "read-only",
}


def test_a_type_checker_knows_the_fields(tmp_path: Path) -> None:
    """Fields and arguments are typed, and a type checker reports each misuse with its line."""
    pytest.importorskip("mypy")
    lines = _GOOD.strip().splitlines()
    first = len(lines) + 1
    path = tmp_path / "snippet.py"
    path.write_text("\n".join([*lines, *_BAD]) + "\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-incremental",
        "--config-file=",
        "--follow-imports=silent",
    ]
    environment = {"MYPYPATH": str(_ROOT), "PATH": "", "MYPY_CACHE_DIR": str(tmp_path)}
    found = subprocess.run(
        [*command, str(path)], check=False, capture_output=True, text=True, env=environment, cwd=_ROOT
    )
    told = [each for each in found.stdout.splitlines() if ": error: " in each]
    assert [int(each.split(":")[1]) for each in told] == list(range(first, first + len(_BAD))), found.stdout
    for each, (code, text) in zip(told, _BAD.items(), strict=True):
        assert text in each, (code, each)


@pytest.mark.parametrize("kind", REQUESTS.values(), ids=lambda kind: f"{kind.device}.{kind.__name__}")
def test_every_field_has_a_type(kind: Any) -> None:
    """Every field of a request, event or structure has an annotation that matches the decoded value."""
    known = {**vars(sys.modules[kind.__module__]), "UUID": UUID}
    hints = {name: eval(hint, known) for name, hint in kind.__annotations__.items()}
    for packet in (samples.request(kind), samples.response(kind)):
        for field in kind.layout.fields:
            new = getattr(packet, field.name)
            assert field.name in hints, field.name
            if new is not None:
                assert isinstance(new, _runtime(hints[field.name])), (field.name, new)


def _runtime(hint: Any) -> tuple[type, ...]:
    parts = hint.__args__ if isinstance(hint, UnionType) else (hint,)
    return tuple(get_origin(part) or part for part in parts)
