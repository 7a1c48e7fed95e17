"""All stored data is limited: every limit works, is reported when reached, and can be changed."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from frames import Segment, cut, facts, frames_of, ipv4, judge, pcap, scenario, segments_of

from mstrp.capture.files import open_capture
from mstrp.capture.hints import Setup
from mstrp.capture.limits import DESCRIPTIONS, Limits
from mstrp.checking import check_capture
from mstrp.generate import Wire, play

if TYPE_CHECKING:
    from pathlib import Path

SEGMENTS = segments_of(scenario())
EXPECTED = facts(judge(SEGMENTS))


def _notes(capture: list[Segment] | bytes, **limits: int) -> list[str]:
    result = judge(capture, setup=Setup(limits=Limits(**limits)))
    assert not [finding for finding in result.findings if finding.verdict.value == "fail"]
    return [text for _, text in result.notes]


def _unrelated(count: int) -> list[Segment]:
    """Return segments of other connections, each different."""
    first = SEGMENTS[5]
    return [
        first._replace(
            source=(f"172.16.{n >> 8}.{n & 255}", 40_000), target=("172.31.0.1", 80), flags=0x18, data=b"GET /"
        )
        for n in range(count)
    ]


def test_every_limit_is_described() -> None:
    """The descriptions are those of the limits, in their order."""
    assert tuple(DESCRIPTIONS) == Limits._fields


def test_streams_are_limited() -> None:
    """Connections of others beyond the limit push out the oldest of their kind, never what is followed."""
    stop = len(SEGMENTS) // 2
    result = judge([*SEGMENTS[:stop], *_unrelated(500), *SEGMENTS[stop:]], setup=Setup(limits=Limits(streams=40)))
    assert facts(result) == EXPECTED
    assert sum("limit streams" in text for _, text in result.notes) == 1


@pytest.mark.parametrize("limit", ["waiting", "segments"])
def test_what_waits_for_a_missing_segment_is_limited(limit: str) -> None:
    """When too much waits for a missing segment, it is given up, and the limit is named."""
    place = max(range(len(SEGMENTS)), key=lambda n: len(SEGMENTS[n].data))
    parts = cut(SEGMENTS[place], range(8, len(SEGMENTS[place].data), 8))
    notes = _notes([*SEGMENTS[:place], *parts[1:], parts[0], *SEGMENTS[place + 1 :]], **{limit: 5})
    assert any(f"limit {limit}" in text for text in notes)


def test_waiting_calls_are_limited() -> None:
    """Of calls that are never answered only so many wait; the limit is named once."""
    asked = [segment for segment in SEGMENTS if segment.target[1] == 5150]
    notes = _notes(asked, calls=2)
    assert sum("limit calls" in text for text in notes) == 1


def test_waiting_fragments_of_calls_are_limited() -> None:
    """Fragments without a last one are dropped when they become too many bytes."""
    found = []
    for segment in SEGMENTS:
        data = segment.data
        found.append(segment._replace(data=data[:3] + b"\1" + data[4:]) if data[2:3] == b"\0" else segment)
    assert any("limit fragments" in text for text in _notes(found, fragments=200))


def test_waiting_ip_fragments_are_limited() -> None:
    """Of IP packets whose fragments never come only so many wait."""
    frames = []
    for number, segment in enumerate(SEGMENTS):
        packet = ipv4(segment)
        frames += frames_of([segment], network=lambda _, n=number, p=packet: p[:4] + bytes([n, n, 0x20, 0]) + p[8:])
    assert any("incomplete IP packets" in text for text in _notes(pcap(frames), datagrams=3))


def test_listed_calls_and_notes_are_limited() -> None:
    """A report lists so many calls and notes; how many more there were is said."""
    several = scenario(calls=5)
    result = judge(several, setup=Setup(limits=Limits(listed_calls=2)))
    assert len(result.sessions[0].calls) == 2
    assert any(text == "2 of 5 calls are listed (limit listed-calls)" for _, text in result.notes)
    damaged = [segment for place, segment in enumerate(SEGMENTS) if place % 5]
    assert "more notes are not listed (limit notes)" in judge(damaged, setup=Setup(limits=Limits(notes=1))).notes[-1][1]


def test_listed_sessions_are_limited() -> None:
    """Sessions that ended long ago are listed up to a limit; how many more there were is said."""
    one = segments_of(scenario())
    several = [
        segment._replace(time=segment.time + 100 * place, sequence=segment.sequence + place * 9**9 & 0xFFFFFFFF)
        for place in range(5)
        for segment in one
    ]
    result = judge(several, setup=Setup(limits=Limits(listed_sessions=2)))
    assert [session.id for session in result.sessions] == ["s1", "s2", "s5"]
    assert any(text == "2 more ended sessions are not listed (limit listed-sessions)" for _, text in result.notes)


def test_findings_are_limited_and_the_verdict_is_not(captures: Path) -> None:
    """The gravest finding is listed whatever the limit, so that the verdict does not depend on it."""
    place = str(captures / "impacket-scapy_fault_connected_after_idle.pcap")
    whole = check_capture(place)
    short = check_capture(place, setup=Setup(limits=Limits(findings=1)))
    assert short.verdict is whole.verdict


def test_open_sessions_are_limited() -> None:
    """More open bindings than the limit push out the oldest, and a note says so."""
    stream = io.BytesIO()
    play(Wire(stream), scenario="4.5", clients=6)
    assert any("limit sessions" in text for text in _notes(stream.getvalue(), sessions=3))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("bytes=3", "no limit is called 'bytes'"),
        ("calls=many", "requires a number"),
        ("calls=0", "must be positive"),
        ("calls", "requires a number"),
    ],
)
def test_limits_that_make_no_sense_are_refused(text: str, what: str) -> None:
    """A limit that does not exist or is no number is an error that says so."""
    with pytest.raises(ValueError, match=what):
        Limits.parse([text])


def test_limits_come_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--limit`` changes a limit."""
    from mstrp.cli import main

    place = tmp_path / "several.pcap"
    place.write_bytes(scenario(calls=5))
    assert main(["check", "--limit", "listed-calls=2", "--format", "json", str(place)]) == 0
    assert "2 of 5 calls are listed" in capsys.readouterr().out
    assert main(["check", "--limit", "bytes=2", str(place)]) == 2


# -- memory and time -----------------------------------------------------------------------------------------------

_MEASURE = """
import resource, sys
from mstrp.checking import check_capture
result = check_capture(sys.argv[1])
print(result.frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _peak(place: Path) -> tuple[int, int]:
    run = subprocess.run([sys.executable, "-c", _MEASURE, str(place)], capture_output=True, text=True, check=True)
    frames, size = map(int, run.stdout.split())
    return frames, size


def test_memory_does_not_grow_with_the_capture(tmp_path: Path) -> None:
    """Ten times the packets, of ours and of others, take no more memory than listed calls explain."""
    sizes = []
    for packets in (15_000, 150_000):
        place = tmp_path / f"{packets}.pcap"
        with place.open("wb") as stream:
            play(Wire(stream), scenario="4.5", clients=4, packets=packets // 3)
            other = pcap(frames_of(_unrelated(1000)))[24:]
            for _ in range(packets * 2 // 3000):
                stream.write(other)
        frames, size = _peak(place)
        assert frames >= packets
        sizes.append(size)
    # A listed call weighs about half a kilobyte; use one of some 1,600 of them in the larger capture.
    assert sizes[1] - sizes[0] < 6_000


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_gives_the_verdict_so_far(tmp_path: Path) -> None:
    """SIGINT while a capture is read ends the reading, and the report has what was found by then."""
    data = scenario("4.5", packets=2_000)
    # Who runs in the background of a shell may have been told to ignore the signal.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command = [sys.executable, "-m", "mstrp", "check", "--format", "json", "-"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, usual)
    assert process.stdin is not None
    process.stdin.write(data[:-100])
    process.stdin.flush()
    time.sleep(1.5)
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert b'"verdict": "pass"' in out
    assert b'"interrupted": true' in out
    assert b'"BlindTransfer"' in out


# -- several processes ---------------------------------------------------------------------------------------------


def _report(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    from mstrp.cli import main

    status = main(arguments)
    return status, capsys.readouterr().out


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "junit"])
def test_several_processes_give_the_same_report(
    captures: Path, form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All recordings checked by three processes give the report of one."""
    names = sorted(str(place) for place in captures.glob("*.pcap*"))
    reports = [_report(["check", "--format", form, "--jobs", jobs, *names], capsys) for jobs in ("1", "3")]
    assert reports[0] == reports[1]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("damage", [False, True])
def test_a_capture_in_parts_gives_the_same_report(
    form: str, damage: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One capture shared by its sessions among processes gives the report of one process, notes and all."""
    from mstrp.checking import parallel

    monkeypatch.setattr(parallel, "_WORTH", 1)
    stream = io.BytesIO()
    play(Wire(stream), scenario="4.5", clients=9, calls=3)
    segments = segments_of(stream.getvalue())
    options = ["--limit", "listed-calls=2"]
    if damage:
        segments = [segment for place, segment in enumerate(segments[40:]) if place % 97]
    place = tmp_path / "large.pcap"
    place.write_bytes(pcap(frames_of(segments)))
    reports = [
        _report(["check", "--format", form, *options, "--jobs", jobs, str(place)], capsys) for jobs in ("1", "2")
    ]
    assert reports[0] == reports[1]


def test_parts_are_disjoint_and_complete(tmp_path: Path) -> None:
    """Every frame is in exactly one part, and the parts keep both directions of a pair of hosts together."""
    from mstrp.capture.partition import Partition

    stream = io.BytesIO()
    play(Wire(stream), scenario="4.5", clients=20)
    place = tmp_path / "large.pcap"
    place.write_bytes(stream.getvalue())
    parts: list[set[int]] = []
    for number in range(3):
        with open_capture(place, lambda frame, text: None) as source:
            parts.append({frame[0] for frame in Partition(number, 3).frames(source) if frame[2] == 1})
    assert sum(map(len, parts)) == len(set().union(*parts)) == len(segments_of(stream.getvalue()))
    assert all(parts)
