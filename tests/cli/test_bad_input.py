"""Invalid or damaged input: a clear line for each problem, the rest checked, never a traceback."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from damage import (
    AUTH_LENGTH,
    BUFFER,
    CONTEXT,
    COUNT,
    DROP,
    EVENTS,
    FAULTY,
    FIRST,
    FRAG_LENGTH,
    INFO,
    LATE,
    MAX_COUNT,
    OPNUM,
    ROOT,
    joined,
    patched,
    records,
)
from recorded import RECORDED
from running import run

CAPTURE = FAULTY.read_bytes()
PCAPNG = (ROOT / "samples" / "blind-transfer.pcapng").read_bytes()
LARGEST = b"\xff\xff\xff\xff"
NOTHING = b"\0\0\0\0"


def judged(place: Path, data: bytes) -> tuple[int, Any]:
    """Return the exit status and the report on the only capture; check that standard error is empty."""
    place.write_bytes(data)
    outcome = run("check", "--format", "json", place)
    assert outcome.err == ""
    return outcome.status, outcome.json["captures"][0]


# -- not a capture --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty; expected a pcap or pcapng capture"),
        (b"hello, world\n" * 100, "not a capture: it starts with 68 65 6c 6c"),
        (b"{}", "not a capture: line 1 is not a packet of `decode --format jsonl`"),
        (b"{\\rtf1 A letter.}", "not a capture: line 1 is not a packet of `decode --format jsonl`"),
        (bytes(1000), "not a capture: it starts with 00 00 00 00"),
        (CAPTURE[:4], "the pcap header is truncated after 4 of 24 bytes"),
        (CAPTURE[:23], "the pcap header is truncated after 23 of 24 bytes"),
    ],
    ids=["empty", "text", "object", "letter", "zeros", "magic", "header"],
)
@pytest.mark.parametrize("command", [("check",), ("check", "--format", "json"), ("decode",)], ids=" ".join)
def test_a_file_that_is_no_capture(tmp_path: Path, data: bytes, reason: str, command: tuple[str, ...]) -> None:
    """One line contains the file and the error; the exit status is 2."""
    place = tmp_path / "trace"
    place.write_bytes(data)
    outcome = run(*command, place)
    assert outcome.status == 2
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith(f"mstrp: {place}: {reason}")
    if "json" in command:
        (capture,) = outcome.json["captures"]
        assert reason in capture["error"]
    else:
        assert outcome.out == ""


@pytest.mark.parametrize(("name", "reason"), [("nothing", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_opened(tmp_path: Path, name: str, reason: str) -> None:
    """One line contains the reason, and the exit status is 2."""
    for command in ("check", "decode"):
        outcome = run(command, tmp_path / name)
        assert (outcome.status, outcome.out, outcome.err.count("\n")) == (2, "", 1)
        assert reason in outcome.err


def test_the_other_captures_are_judged_all_the_same(tmp_path: Path) -> None:
    """Readable captures are reported despite an unreadable one, and the worst status is returned."""
    (tmp_path / "empty").write_bytes(b"")
    outcome = run("check", "--format", "json", tmp_path / "empty", FAULTY, tmp_path / "nothing")
    assert outcome.status == 1
    assert [finding["rule"] for finding in outcome.json["findings"]] == ["CALL-V01"]
    assert [capture["error"] is None for capture in outcome.json["captures"]] == [False, True, False]
    text = run("check", tmp_path / "empty", FAULTY).out
    assert "CALL-V01" in text
    last = "2 captures: FAIL: 38 packets in 1 session judged; 1 fail, 0 warn, 0 info; 1 could not be read\n"
    assert text.endswith(last)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("check",),
        ("check", "--format", "xml", "x.pcap"),
        ("check", "--ladder", "-1", "x.pcap"),
        ("check", "--ladder", "many", "x.pcap"),
        ("check", "--profile", "nobody", "x.pcap"),
        ("draw", "no-machine"),
        ("draw", "--check", "no/such/folder"),
        ("explain",),
        ("explain", "no such thing"),
        ("generate", "no/such/folder/x.pcap"),
        ("generate", "--calls", "0", "x.pcap"),
        ("conquer",),
    ],
)
def test_a_usage_error_ends_with_2(arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error contains the error; nothing is printed or written."""
    monkeypatch.chdir(tmp_path)
    outcome = run(*arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err
    assert list(tmp_path.iterdir()) == []


# -- truncated captures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [0, 1, 29, 57, 60, 76])
@pytest.mark.parametrize("part", [1, 15, 16, 40])
def test_a_capture_that_is_cut_in_the_middle_of_a_packet(tmp_path: Path, whole: int, part: int) -> None:
    """The packets before the end are checked; one line contains the frame of the truncation and the remaining bytes."""
    frames = records(CAPTURE)
    begin = len(joined(CAPTURE, frames[:whole]))
    status, capture = judged(tmp_path / "cut.pcap", CAPTURE[: begin + part])
    assert capture["frames"] == whole
    cut = [note for note in capture["notes"] if "the file ends" in note["text"]]
    assert cut == [{"frame": whole + 1, "text": f"the file ends inside a record: {part} bytes are left"}]
    assert (status, [finding["frame"] for finding in capture["findings"]]) == (
        (1, [LATE]) if whole >= LATE else (0 if capture["judged"]["packets"] else 3, [])
    )


def test_a_pcapng_file_that_is_cut_anywhere(tmp_path: Path) -> None:
    """A truncated legal recording is legal, and a truncation inside a block is reported."""
    for size in range(60, len(PCAPNG), 397):
        status, capture = judged(tmp_path / "cut.pcapng", PCAPNG[:size])
        assert status == (0 if capture["judged"]["packets"] else 3)
        assert [note["frame"] for note in capture["notes"] if "the file ends" in note["text"]] == [
            capture["frames"] + 1
        ]


@pytest.mark.parametrize("snap", [20, 54, 68, 80, 96, 150])
def test_a_snap_length_that_is_too_short(tmp_path: Path, snap: int) -> None:
    """One line contains the first truncated frame and its remaining length; there is no finding."""
    frames = records(CAPTURE)
    first = next(number for number, each in enumerate(frames, 1) if len(each.data) > snap)
    short = [each._replace(data=each.data[:snap]) for each in frames]
    status, capture = judged(tmp_path / "short.pcap", joined(CAPTURE, short))
    assert status == (0 if capture["judged"]["packets"] else 3)
    assert "truncated" in {each["reason"] for each in capture["unjudged"]}
    told = [note for note in capture["notes"] if "snap length" in note["text"]]
    assert told[0]["frame"] == first
    assert f"{snap} of {len(frames[first - 1].data)} bytes" in told[0]["text"]
    assert len(told) <= 2


LEGAL = [recorded for recorded in RECORDED if not recorded.wrong and recorded.name.endswith("pcap")]


@pytest.mark.parametrize("recorded", LEGAL, ids=lambda recorded: recorded.name)
def test_a_stream_that_starts_in_mid_session(captures: Path, tmp_path: Path, recorded: Any) -> None:
    """A legal recording without its start is legal, from any frame on, with a note."""
    whole = (captures / recorded.name).read_bytes()
    frames = records(whole)
    for start in range(1, len(frames), 5):
        place = tmp_path / "late.pcap"
        place.write_bytes(joined(whole, frames[start:]))
        for more in ((), ("--decode-as", "content")):
            outcome = run("check", "--format", "json", *recorded.options, *more, place)
            (capture,) = outcome.json["captures"]
            status = 0 if capture["judged"]["packets"] else 3
            assert (outcome.status, outcome.json["counts"]["fail"]) == (status, 0), f"from frame {start + 1}"
            requests = sum(sum(session["requests"].values()) for session in capture["sessions"])
            assert capture.get("notes") or requests in {0, recorded.requests}


def test_the_end_of_a_session_is_judged_by_its_content(tmp_path: Path) -> None:
    """With --decode-as the calls of an earlier connection are recognized, and the violation is found."""
    place = tmp_path / "late.pcap"
    place.write_bytes(joined(CAPTURE, records(CAPTURE)[34:]))
    outcome = run("check", "--format", "json", "--decode-as", "content", place)
    assert outcome.status == 1
    (finding,) = outcome.json["findings"]
    assert (finding["rule"], finding["frame"]) == ("CALL-V01", LATE - 34)


# -- wrong lengths, and garbage -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "at", "new", "field"),
    [
        (DROP, FRAG_LENGTH, b"\0\0", "05 00 00 03 10 00 00 00 00 00"),
        (DROP, FRAG_LENGTH, b"\x0f\0", "05 00 00 03 10 00 00 00 0f 00"),
        (DROP, AUTH_LENGTH, b"\xff\xff", "05 00 00 03 10 00 00 00 7c 00 ff ff"),
        (DROP, CONTEXT, b"\xff\xff", "context 65535"),
        (DROP, OPNUM, b"\xff\xff", "opnum: call 9 has 65535"),
        (DROP, MAX_COUNT, LARGEST, "lNeededSize: 60 differs from max_count 4294967295"),
        (DROP, MAX_COUNT, NOTHING, "pBuffer: actual_count 60 exceeds max_count 0"),
        (DROP, FIRST, LARGEST, "pBuffer: the array starts at element 4294967295"),
        (DROP, COUNT, LARGEST, "pBuffer: needs 4294967295 bytes"),
        (DROP, COUNT, NOTHING, "lNeededSize: 16 differs from max_count 60"),
        (EVENTS, MAX_COUNT, LARGEST, "lSize: 80 differs from max_count 4294967295"),
        (EVENTS, MAX_COUNT, NOTHING, "pBuffer: actual_count 80 exceeds max_count 0"),
        (EVENTS, COUNT, LARGEST, "pBuffer: needs 4294967295 bytes"),
        (EVENTS, COUNT, NOTHING, "lSize: 40 differs from max_count 80"),
        (EVENTS, BUFFER, NOTHING, "TotalSize"),
        (EVENTS, BUFFER, LARGEST, "TotalSize"),
        (EVENTS, BUFFER, b"\3\0\0\0", "TotalSize"),
        (DROP, 0, b"\xaa" * 400, "no DCE/RPC header where one was expected: aa aa"),
        (DROP, 0, bytes(400), "no DCE/RPC header where one was expected: 00 00"),
    ],
)
def test_a_length_that_lies(tmp_path: Path, frame: int, at: int, new: bytes, field: str) -> None:
    """Each damage is reported with its frame and field, and the later violation is found."""
    status, capture = judged(tmp_path / "odd.pcap", patched(CAPTURE, frame, at, new))
    assert field in " ".join(note["text"] for note in capture["notes"] if note["frame"] == frame)
    assert len(capture["notes"]) <= 4
    assert status == 1
    assert ("CALL-V01", LATE) in [(finding["rule"], finding["frame"]) for finding in capture["findings"]]
    ((call,),) = [session["calls"] for session in capture["sessions"]]
    assert call["final"] == "deallocated"


def test_a_fragment_that_never_ends(tmp_path: Path) -> None:
    """A frag_length larger than the PDU is detected at the next packet, and the rest is checked."""
    status, capture = judged(tmp_path / "odd.pcap", patched(CAPTURE, INFO, FRAG_LENGTH, b"\xff\xff"))
    (note,) = capture["notes"]
    assert note["text"].endswith("frag_length is 65535, but the PDU ends after 124 bytes")
    assert status == 1
    ((call,),) = [session["calls"] for session in capture["sessions"]]
    assert call["final"] == "deallocated"


def test_a_stream_that_ends_inside_a_fragment(tmp_path: Path) -> None:
    """An incomplete last PDU of a connection is reported."""
    frames = records(patched(CAPTURE, DROP, FRAG_LENGTH, b"\xff\xff"))[:DROP]
    _, capture = judged(tmp_path / "odd.pcap", joined(CAPTURE, frames))
    assert ["frag_length is 65535" in note["text"] for note in capture["notes"]] == [True]


@pytest.mark.parametrize("size", [0x7FFF_FFFF, 0xFFFF_FFFF, 300_000])
def test_a_record_that_is_too_large(tmp_path: Path, size: int) -> None:
    """A record longer than any frame is reported with its size; the data before and after it is checked."""
    frames = records(CAPTURE)
    bare = next(number for number, each in enumerate(frames) if number > EVENTS and len(each.data) == each.payload)
    begin = len(joined(CAPTURE, frames[:bare]))
    data = bytearray(CAPTURE)
    struct.pack_into("<I", data, begin + 8, size)
    status, capture = judged(tmp_path / "odd.pcap", bytes(data))
    assert (status, capture["frames"]) == (1, len(frames) - 1)
    told = [note["text"] for note in capture["notes"] if note["frame"] == bare + 1]
    assert [str(size) in text for text in told] == [True]
    assert [finding["rule"] for finding in capture["findings"]] == ["CALL-V01"]


def test_an_empty_record_is_a_frame(tmp_path: Path) -> None:
    """A record of length 0 counts, as in Wireshark, and changes nothing else."""
    frames = records(CAPTURE)
    nothing = frames[0]._replace(data=b"")
    status, capture = judged(tmp_path / "odd.pcap", joined(CAPTURE, [nothing, *frames]))
    assert (status, capture["frames"]) == (1, len(frames) + 1)
    assert [finding["frame"] for finding in capture["findings"]] == [LATE + 1]


def test_names_out_of_packets_cannot_command_a_terminal(tmp_path: Path) -> None:
    """The note about encrypted traffic of any account name is printable."""
    capture = (ROOT / "tests" / "captures" / "scapy-scapy_s45_transfer_typical_ntlm_privacy.pcap").read_bytes()
    name = "alice".encode("utf-16-le")
    assert name in capture
    odd = "\x1b[2Jx".encode("utf-16-le")
    _, found = judged(tmp_path / "odd.pcap", capture.replace(name, odd))
    texts = [note["text"] for note in found["notes"]]
    assert all(text.isprintable() for text in texts)
    assert "\\x1b[2Jx" in " ".join(texts)
