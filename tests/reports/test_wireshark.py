"""The exported dissector in tshark, compared with `mstrp decode`."""

from __future__ import annotations

import json
import random
from struct import pack
from typing import TYPE_CHECKING, Any

import pytest
from dissected import TSHARK, dissect

from mstrp.capture.files import Source
from mstrp.capture.hints import Setup
from mstrp.checking import check_capture
from mstrp.export.wireshark import lua_dissector
from mstrp.generate import Wire
from mstrp.report.packets import packet_dict
from protocol import line
from protocol.event import COMPLETIONS, EVENTS
from protocol.ndr import (
    METHODS,
    REMOTESP,
    TAPSRV,
    ClientAttach,
    ClientAttachResult,
    ClientRequest,
    ClientRequestResult,
    RemoteSPAttach,
    RemoteSPAttachResult,
    RemoteSPEventProc,
    RemoteSPEventProcResult,
)
from protocol.packet import REQUESTS
from protocol.rpc.pdu import Fault, Kind, encode
from protocol.rpc.unseal import nt_hashes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mstrp.capture.packets import Packet

pytestmark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed (Debian: apt-get install tshark)")

CAPTURES = [
    "go-scapy_ndr20_noauth.pcap",
    "impacket-scapy_conference.pcap",
    "impacket-scapy_consult_transfer.pcap",
    "impacket-scapy_fault_connected_after_idle.pcap",
    "impacket-scapy_fault_unknown_hcall.pcap",
    "impacket-scapy_s41_session.pcap",
    "impacket-scapy_s43_outgoing.pcap",
    "impacket-scapy_s44_answer.pcap",
    "impacket-scapy_s45_transfer_pull.pcap",
    "impacket-scapy_s45_transfer_spec.pcap",
    "impacket-scapy_s45_transfer_typical.pcap",
    "impacket-scapy_s45_transfer_typical_fragmented.pcap",
    "impacket-scapy_s45_transfer_typical_pcapng.pcapng",
    "scapy-scapy_s45_transfer_typical_ndr64.pcap",
    "scapy-scapy_s45_transfer_typical_np.pcap",
    "wine-wine_ndr20_noauth.pcap",
]


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("lua") / "mstrp.lua"
    place.write_text(lua_dissector(), encoding="utf-8")
    return place


def decoded(capture: str | Source, setup: Setup | None = None) -> list[dict[str, Any]]:
    """Return the output of decode, without data that only one of the two has."""
    found: list[dict[str, Any]] = []
    check_capture(capture, on_packet=lambda packet: found.append(packet_dict(packet)), setup=setup or Setup())
    wanted = []
    for packet in found:
        if "fields" not in packet:
            continue
        error = [packet["error"]] if "error" in packet else []
        wanted.append(
            {
                "frame": packet["frame"],
                "method": packet["method"],
                "phase": packet["phase"],
                "packet": packet["packet"],
                "section": packet["section"],
                "completes": packet.get("completes"),
                "fields": packet["fields"],
                "values": _known(packet["values"]),
                "problems": sorted(packet.get("problems", error)),
            }
        )
    return wanted


def _known(value: Any, *, inner: bool = False) -> Any:
    """Return a value without flags that are 0, as in the tree of Wireshark."""
    if isinstance(value, dict):
        known = {name: _known(below, inner=True) for name, below in value.items() if inner or below not in ([], {})}
        return {name: 0 if below == [] else below for name, below in known.items()}
    return [_known(below, inner=True) for below in value] if isinstance(value, list) else value


def shown(packets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the output of tshark in the same form."""
    return [
        {
            "frame": packet["frame"],
            "method": packet["method"],
            "phase": packet["phase"],
            "packet": packet["packet"],
            "section": packet["section"],
            "completes": packet.get("completes"),
            "fields": packet["fields"],
            "values": _known(
                {name: value for name, value in packet["values"].items() if name not in ("phContext", "raw")}
            ),
            "problems": sorted(packet["problems"]),
        }
        for packet in packets
        if "packet" in packet
    ]


def _same(mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    key = json.dumps
    for one, other in zip(mine, theirs, strict=False):
        # The code of a reply stands in tshark under the record, in decode under the name of its word.
        constant = other["values"].pop("constant", None)
        assert constant is None or constant in one["values"].values()
        if constant is not None:
            one["values"] = {name: value for name, value in one["values"].items() if value != constant}
        assert key(one, sort_keys=True, indent=1) == key(other, sort_keys=True, indent=1)
    assert len(mine) == len(theirs)


@pytest.mark.parametrize("name", CAPTURES)
def test_shows_what_decode_shows(captures: Path, script: Path, name: str) -> None:
    """Every packet of a recording has the same fields, values, completion and problems as in `mstrp decode`."""
    _same(decoded(str(captures / name)), shown(dissect(captures / name, script)))


def test_shows_sealed_traffic_with_the_password(captures: Path, script: Path) -> None:
    """What Wireshark unseals with the password of an account is what decode unseals with it."""
    sealed = captures / "scapy-scapy_s45_transfer_typical_ntlm_privacy.pcap"
    setup = Setup(secrets=tuple(nt_hashes(["Passw0rd!"])))
    mine = decoded(str(sealed), setup)
    assert len(mine) > 30
    _same(mine, shown(dissect(sealed, script, "-o", "ntlmssp.nt_password:Passw0rd!")))


#: Words that lie near the bounds of checks.
_WORDS = (0, 1, 2, 3, 4, 8, 10, 12, 16, 36, 60, 0x100, 0x10004, 0x20000, 0x30001, 0x40001, 0xFFFFFFF0, 0xFFFFFFFF)
_CONTEXT = bytes(4) + bytes(range(16))


def hostile(place: Path, rounds: int) -> None:
    """A capture in which every request, response, completion and event comes with words that nobody sends."""
    dice = random.Random(2_2_4)

    def record(first: int, at: int, words: int) -> bytes:
        found = [dice.choice(_WORDS) if dice.random() < 0.8 else dice.randrange(1 << 32) for _ in range(words)]
        found[at] = first
        tail = dice.choice(
            (b"", bytes(8), "555\0".encode("utf-16-le") * 9, dice.randbytes(120), bytes([8, 0, 0, 0]) * 40)
        )
        return pack(f"<{words}I", *found) + tail

    methods = {method.name: method for method in METHODS.values()}
    with place.open("wb") as stream:
        wire = Wire(stream)
        asks = wire.connect(("10.0.0.2", 40_000), ("10.0.0.1", 5_150))
        asks.bind(TAPSRV)
        number = asks.request(methods["ClientAttach"], ClientAttach(0xFFFFFFFF, "", 'PC"ncacn_ip_tcp"5251"'))
        tells = wire.connect(("10.0.0.1", 50_000), ("10.0.0.2", 5_251))
        tells.bind(REMOTESP)
        opened = tells.request(methods["RemoteSPAttach"], RemoteSPAttach())
        tells.response(methods["RemoteSPAttach"], RemoteSPAttachResult(_CONTEXT, 0), opened)
        asks.response(methods["ClientAttach"], ClientAttachResult(_CONTEXT, 0xA5C369A5, 0), number)

        def tell(data: bytes) -> None:
            data += bytes(-len(data) % 4)
            data = len(data).to_bytes(4, "little") + data[4:]
            sent = tells.request(methods["RemoteSPEventProc"], RemoteSPEventProc(_CONTEXT, data))
            tells.response(methods["RemoteSPEventProc"], RemoteSPEventProcResult(), sent)

        for turn in range(rounds):
            for function, kind in [*sorted(REQUESTS.items()), (4_711, None)]:
                data = record(function, 0, 15)
                if kind is not None and turn and kind.completion == "async":
                    chosen = next(f for f in kind.layout.fields if getattr(f, "role", "") == "request_id").index
                    data = data[: 4 * chosen] + pack("<I", 9_000 + function) + data[4 * chosen + 4 :]
                capacity = dice.choice((len(data), len(data), 59, 300))
                number = asks.request(methods["ClientRequest"], ClientRequest(_CONTEXT, data, max(capacity, 0)))
                answer = record(0 if kind is None or kind.completion == "sync" else 9_000 + function, 0, 15)
                if function:
                    asks.response(methods["ClientRequest"], ClientRequestResult(answer, len(answer)), number)
                else:
                    asks.response(methods["ClientRequest"], ClientRequestResult(answer[:32], 32), number)
                if function in COMPLETIONS:
                    special = COMPLETIONS[function]
                    reply = bytearray(record(special.msg, 4, special.fixed // 4))
                    reply[24:28] = pack("<I", 9_000 + function)
                    tell(bytes(reply))
            for msg, event in [*sorted(EVENTS.items()), (0x7777, None)]:
                tell(record(msg, 4, 10 if event is None else event.fixed // 4))


def ids(place: Path, chosen: int, responses: Sequence[int | None], completed: Sequence[int]) -> None:
    """A capture of GetQueueList with an id, of its responses (None: a fault), and of replies to ids."""
    methods = {method.name: method for method in METHODS.values()}
    with place.open("wb") as stream:
        wire = Wire(stream)
        asks = wire.connect(("10.0.0.2", 40_000), ("10.0.0.1", 5_150))
        asks.bind(TAPSRV)
        number = asks.request(methods["ClientAttach"], ClientAttach(0xFFFFFFFF, "", 'PC"ncacn_ip_tcp"5251"'))
        tells = wire.connect(("10.0.0.1", 50_000), ("10.0.0.2", 5_251))
        tells.bind(REMOTESP)
        opened = tells.request(methods["RemoteSPAttach"], RemoteSPAttach())
        tells.response(methods["RemoteSPAttach"], RemoteSPAttachResult(_CONTEXT, 0), opened)
        asks.response(methods["ClientAttach"], ClientAttachResult(_CONTEXT, 0xA5C369A5, 0), number)
        request = line.GetQueueList(request_id=chosen, line=0x10001)
        for response in responses:
            data = request.encode()
            number = asks.request(methods["ClientRequest"], ClientRequest(_CONTEXT, data, len(data)))
            if response is None:
                asks.send(1, encode(Kind.FAULT, number, Fault(0, 0, 0x6F7, b""), flags=3))
            else:
                answer = pack("<I", response) + data[4:]
                asks.response(methods["ClientRequest"], ClientRequestResult(answer, len(answer)), number)
        for one in completed:
            data = pack("<11I", 44, 1, 2, 3, 12, 0, one, 0x80000005, 0, 0, 0)
            sent = tells.request(methods["RemoteSPEventProc"], RemoteSPEventProc(_CONTEXT, data))
            tells.response(methods["RemoteSPEventProc"], RemoteSPEventProcResult(), sent)


@pytest.mark.parametrize(
    ("chosen", "responses", "completed", "wanted"),
    [
        (7, [7], [7, 7], [True, True]),
        (7, [9], [7, 9], [False, True]),
        (7, [0], [7], [True]),
        (0, [9], [9], [True]),
        (7, [0x80000048], [7], [True]),
        (7, [None], [7], [False]),
        (7, [7, 9], [7, 9, 7], [True, True, True]),
    ],
)
def test_a_request_has_the_id_of_its_response(
    tmp_path: Path, script: Path, chosen: int, responses: list[int | None], completed: list[int], wanted: list[bool]
) -> None:
    """A reply completes the request to which the server returned its id, in decode and in tshark."""
    place = tmp_path / "ids.pcap"
    ids(place, chosen, responses, completed)
    for packets in (decoded(str(place)), shown(dissect(place, script))):
        assert [packet["completes"] == "GetQueueList" for packet in packets if packet["phase"] == "event"] == wanted


def told(capture: str) -> list[tuple[Any, ...]]:
    """The packets of a capture with their problems and the rules that these break."""
    found: list[Packet] = []
    check_capture(capture, on_packet=found.append)
    return [
        (
            packet.frame,
            packet.phase,
            sorted(map(str, packet.problems)),
            sorted(p.rule for p in packet.problems if p.rule),
        )
        for packet in found
    ]


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory, script: Path) -> tuple[str, list[dict[str, Any]]]:
    """The hostile capture, and what tshark says about it."""
    place = tmp_path_factory.mktemp("hostile") / "hostile.pcap"
    hostile(place, 8)
    return str(place), dissect(place, script)


def test_tells_the_problems_that_decode_tells(nasty: tuple[str, list[dict[str, Any]]]) -> None:
    """On bytes that break rules the expert notes name the problems and rules that decode names, packet by packet."""
    capture, dissected = nasty
    mine = told(capture)
    theirs = [
        (packet["frame"], packet["phase"], sorted(packet["problems"]), packet["rules"])
        for packet in dissected
        if "packet" in packet
    ]
    for one, other in zip(mine, theirs, strict=False):
        assert one == other
    assert len(mine) == len(theirs)
    assert len({rule for _, _, _, rules in mine for rule in rules}) > 180


def test_hostile_values_are_those_of_decode(nasty: tuple[str, list[dict[str, Any]]]) -> None:
    """Also where offsets point anywhere, fields and values are those of decode."""
    capture, dissected = nasty

    def without(packet: dict[str, Any]) -> dict[str, Any]:
        return {**packet, "values": _printable(packet["values"]), "problems": []}

    _same([without(packet) for packet in decoded(capture)], [without(packet) for packet in shown(dissected)])


def _printable(value: Any) -> Any:
    """Values without what is no proper text: the tree of Wireshark writes that in another way."""
    if isinstance(value, dict):
        return {name: _printable(below) for name, below in value.items()}
    if isinstance(value, list):
        return [_printable(below) for below in value]
    odd = isinstance(value, str) and ("\\" in value or not (value.isascii() and value.isprintable()))
    return "" if odd else value
