"""For any input: a verdict, readable lines, an exit status, never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from damage import ROOT
from hypothesis import example, given
from hypothesis import strategies as st
from recorded import RECORDED
from running import run

CAPTURES = {recorded.name: (ROOT / "tests" / "captures" / recorded.name).read_bytes() for recorded in RECORDED}
PASSWORD = ("--nt-password", "Passw0rd!")
names = st.sampled_from(sorted(CAPTURES))


@st.composite
def damages(draw: st.DrawFn, size: int) -> bytes | Any:
    """A damage: a position, the number of removed bytes, and their replacement."""
    place = draw(st.integers(0, size - 1))
    kind = draw(st.sampled_from(["flip", "set", "number", "remove", "insert", "cut"]))
    if kind == "flip":
        bit = draw(st.integers(0, 7))
        return lambda data: (
            data[:place] + bytes(each ^ 1 << bit for each in data[place : place + 1]) + data[place + 1 :]
        )
    if kind == "set":
        new = draw(st.sampled_from([b"\0", b"\xff", b"\x7f", b"\x80"])) * draw(st.integers(1, 8))
        return lambda data: data[:place] + new + data[place + len(new) :]
    if kind == "number":
        number = draw(st.sampled_from([0, 1, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF])).to_bytes(4, "little")
        return lambda data: data[:place] + number + data[place + 4 :]
    if kind == "remove":
        count = draw(st.integers(1, 200))
        return lambda data: data[:place] + data[place + count :]
    if kind == "insert":
        new = draw(st.binary(min_size=1, max_size=40))
        return lambda data: data[:place] + new + data[place:]
    return lambda data: data[:place]


def checked(data: bytes, place: Path) -> Any:
    """Check a file and the general guarantees for any input; return the report."""
    place.write_bytes(data)
    outcome = run("check", "--format", "json", *PASSWORD, place)
    assert outcome.status in {0, 1, 2, 3}
    report = outcome.json
    (capture,) = report["captures"]
    assert (outcome.status == 2) is (capture["error"] is not None)
    assert (outcome.status == 1) is (capture["error"] is None and report["verdict"] == "fail")
    assert outcome.err.count("\n") == (1 if outcome.status == 2 else 0)
    for note in capture.get("notes", ()):
        assert note["text"].isprintable()
    for finding in report["findings"]:
        assert 1 <= finding["frame"] <= capture["frames"]
    return report


@given(name=names, data=st.data())
def test_damaged_captures(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    """A recording with up to four damages is checked or refused, consistently in every format, and decoded."""
    capture = CAPTURES[name]
    for damage in data.draw(st.lists(damages(len(capture)), min_size=1, max_size=4)):
        capture = damage(capture)
    place = tmp_path_factory.getbasetemp() / "damaged"
    report = checked(capture, place)
    text = run("check", *PASSWORD, place)
    assert text.status == 2 or f": {report['verdict'].upper()}: " in text.out
    assert "Traceback" not in text.err
    status = run("decode", "--format", "jsonl", *PASSWORD, place).status
    assert status == (2 if report["captures"][0]["error"] else 0)


@given(name=names, data=st.data())
def test_damaged_packets(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    """A recording with changes in payload bytes only keeps all its frames."""
    from damage import joined, records

    capture = CAPTURES[name]
    if name.endswith("pcapng"):
        return
    frames = records(capture)
    for number in data.draw(st.lists(st.integers(0, len(frames) - 1), min_size=1, max_size=4)):
        record = frames[number]
        if record.payload < len(record.data):
            damaged = data.draw(damages(len(record.data) - record.payload))(record.data[record.payload :])
            frames[number] = record._replace(data=record.data[: record.payload] + damaged)
    report = checked(joined(capture, frames), tmp_path_factory.getbasetemp() / "damaged")
    assert report["captures"][0]["frames"] == len(frames)


@given(data=st.binary(max_size=400))
@example(data=b"")
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Random bytes, also after the magic numbers of captures, are handled."""
    place = tmp_path_factory.getbasetemp() / "any"
    for begin in (b"", b"\xd4\xc3\xb2\xa1", b"\n\r\r\n", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd"):
        checked(begin + data, place)
