"""The exported dissector in tshark, against `mstrp decode`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from dissected import TSHARK, dissect

from mstrp.capture.files import Source
from mstrp.checking import check_capture
from mstrp.export.wireshark import lua_dissector
from mstrp.report.packets import packet_dict

if TYPE_CHECKING:
    from pathlib import Path

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
    "wine-wine_ndr20_noauth.pcap",
]


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("lua") / "mstrp.lua"
    place.write_text(lua_dissector(), encoding="utf-8")
    return place


def decoded(capture: str | Source) -> list[dict[str, Any]]:
    """What decode says, without what only one of the two can know."""
    found: list[dict[str, Any]] = []
    check_capture(capture, on_packet=lambda packet: found.append(packet_dict(packet)))
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
    """A value in which no flags are 0, as the tree of Wireshark has it; on top they are left out."""
    if isinstance(value, dict):
        known = {name: _known(below, inner=True) for name, below in value.items() if inner or below not in ([], {})}
        return {name: 0 if below == [] else below for name, below in known.items()}
    return [_known(below, inner=True) for below in value] if isinstance(value, list) else value


def shown(packets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What tshark says in the same form."""
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
