"""The output of ``decode --format jsonl`` can be checked, with the same verdict."""

from __future__ import annotations

import json
from pathlib import Path
from pipes import piped
from typing import Any

import pytest
from frames import facts, frames_of, judge, pcap, scenario, segments_of
from hypothesis import given, settings
from hypothesis import strategies as st

from mstrp.capture.hints import Setup
from mstrp.capture.replay import loss_dict
from mstrp.checking import CaptureResult, check_capture
from mstrp.report.packets import packet_dict
from protocol.rpc.unseal import nt_hashes

SEGMENTS = segments_of(scenario())
SETUP = Setup(secrets=tuple(nt_hashes(["Passw0rd!"])))


def _lines(capture: Any, **options: Any) -> tuple[CaptureResult, bytes]:
    """A capture's result, and its packets as lines."""
    found: list[dict[str, Any]] = []
    watch = {
        "on_packet": lambda packet: found.append(packet_dict(packet)),
        "on_loss": lambda *loss: found.append(loss_dict(*loss)),
    }
    result = (
        judge(capture, **watch, **options) if isinstance(capture, bytes) else check_capture(capture, **watch, **options)
    )
    return result, b"".join(json.dumps(line).encode() + b"\n" for line in found)


RECORDINGS = [
    "impacket-scapy_conference.pcap",
    "impacket-scapy_consult_transfer.pcap",
    "impacket-scapy_fault_connected_after_idle.pcap",
    "impacket-scapy_fault_unknown_hcall.pcap",
    "impacket-scapy_s45_transfer_pull.pcap",
    "impacket-scapy_s45_transfer_typical_fragmented.pcap",
    "scapy-scapy_s45_transfer_typical_ndr64.pcap",
    "scapy-scapy_s45_transfer_typical_np.pcap",
    "scapy-scapy_s45_transfer_typical_ntlm_privacy.pcap",
    "wine-wine_ndr20_noauth.pcap",
]


@pytest.mark.parametrize("name", RECORDINGS)
def test_recordings_are_judged_the_same_as_lines(captures: Path, name: str) -> None:
    """A recording and its packets as JSON lines give the same sessions, findings and frames."""
    result, lines = _lines(str(captures / name), setup=SETUP)
    again = judge(lines)
    assert facts(again) == facts(result)
    assert [finding.frame for finding in again.findings] == [finding.frame for finding in result.findings]
    assert again.notes == []


@settings(max_examples=max(settings().max_examples // 2, 20))
@given(st.data())
def test_damaged_captures_are_judged_the_same_as_lines(data: st.DataObject) -> None:
    """The lines also contain gaps, lost connections and late starts."""
    start = data.draw(st.integers(0, len(SEGMENTS) - 2))
    stop = data.draw(st.integers(start + 1, len(SEGMENTS)))
    gone = data.draw(st.sets(st.integers(start, stop - 1), max_size=3))
    segments = piped(SEGMENTS) if data.draw(st.booleans()) else SEGMENTS
    kept = [segment for place, segment in enumerate(segments[:stop]) if place >= start and place not in gone]
    result, lines = _lines(pcap(frames_of(kept)))
    again = judge(lines) if lines else result
    assert facts(again) == facts(result)


def test_a_session_that_begins_with_a_loss_has_its_addresses() -> None:
    """The line about the loss comes first and has no addresses."""
    kept = [segment for place, segment in enumerate(piped(SEGMENTS)[:44]) if place >= 7 and place != 19]
    result, lines = _lines(pcap(frames_of(kept)))
    assert json.loads(lines.splitlines()[0])["phase"] == "gap"
    assert facts(judge(lines)) == facts(result)


@pytest.mark.parametrize("kind", ["gap", "lost"])
def test_losses_make_a_difference_in_lines(kind: str) -> None:
    """Without the lines about gaps and lost connections, some captures would have different results."""
    differ = False
    payload = [place for place, segment in enumerate(SEGMENTS) if segment.data]
    for place in payload[4:]:
        if kind == "gap":
            kept = [segment for each, segment in enumerate(SEGMENTS) if each != place]
        else:
            ways = {segment.direction for segment in SEGMENTS[:place]}
            kept = SEGMENTS[:place]
            kept += [SEGMENTS[place]._replace(source=a, target=b, flags=4, data=b"") for a, b in sorted(ways)]
        result, lines = _lines(pcap(frames_of(kept)))
        assert facts(judge(lines)) == facts(result)
        without = b"".join(line for line in lines.splitlines(keepends=True) if json.loads(line)["phase"] != kind)
        differ = differ or facts(judge(without)) != facts(result)
    assert differ


def test_lines_can_be_written_again(captures: Path) -> None:
    """Packets read from lines are equal to the original ones when decoded again, if they have a buffer."""
    _, lines = _lines(str(captures / RECORDINGS[0]))
    _, again = _lines(lines)

    def carried(text: bytes) -> list[dict[str, Any]]:
        kept = ("frame", "session", "direction", "packet", "fields", "values", "bytes")
        return [{key: line[key] for key in kept} for line in map(json.loads, text.splitlines()) if "bytes" in line]

    assert carried(again) == carried(lines)


_NAMES = st.sampled_from(["frame", "time", "session", "phase", "method", "bytes", "fields"])
_VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5), lambda inner: st.dictionaries(_NAMES, inner, max_size=6)
)


@given(st.lists(st.binary(max_size=40) | _VALUES.map(lambda line: json.dumps(line).encode()), max_size=5))
def test_lines_that_are_none_are_told(lines: list[bytes]) -> None:
    """Each line that is not a packet gives one note, and the others are read."""
    sample = Path(__file__).parent.parent / "captures" / RECORDINGS[2]
    result, good = _lines(str(sample))
    again = judge(good + b"".join(b"{" + line.replace(b"\n", b"") + b"\n" for line in lines))
    assert facts(again)["sessions"][:1] == facts(result)["sessions"][:1]
    assert len(again.notes) <= len(lines)


@pytest.mark.parametrize("method", ["ClientAttach", "ClientRequest"])
@pytest.mark.parametrize("name", ["frame", "time", "capacity", "lProcessID", "pszDomainUser", "pphContext"])
@pytest.mark.parametrize("value", [-1, 1 << 32, 1 << 70, float("inf"), float("nan"), None, "x", [], {}])
def test_numbers_that_no_packet_has_make_no_packet(method: str, name: str, value: Any) -> None:
    """A line with values of a wrong type or size is ignored with a note, or has no effect."""
    _, text = _lines(pcap(frames_of(SEGMENTS)))
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines[1:]:
        if line["method"] == method:
            for values in (line, line.get("fields", {}), line.get("values", {})):
                if name in values:
                    values[name] = value
    again = judge(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert len(again.sessions) <= 1
    json.dumps(again.as_dict(), allow_nan=False)
