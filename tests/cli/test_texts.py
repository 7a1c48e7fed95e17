"""The output for people and programs, compared literally; a change is visible in a diff."""

from __future__ import annotations

import html
import json
import sqlite3
import struct
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from running import run

from mstrp.drawing.gallery import pictures, texts

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
FAULTY = "samples/connected-after-idle.pcap"
LEGAL = "samples/blind-transfer.pcapng"


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in the project root, so that paths are printed as a user sees them."""
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("check.txt", ["check", FAULTY]),
        ("check-several.txt", ["check", "--ladder", "0", LEGAL, FAULTY]),
        ("check.json", ["check", "--format", "json", FAULTY]),
        ("check.jsonl", ["check", "--format", "jsonl", LEGAL, FAULTY]),
        ("check.junit.xml", ["check", "--format", "junit", LEGAL, FAULTY]),
        ("check-conference.txt", ["check", "tests/captures/impacket-scapy_conference.pcap"]),
        ("check-unknown-call.txt", ["check", "tests/captures/impacket-scapy_fault_unknown_hcall.pcap"]),
        ("decode.txt", ["decode", LEGAL]),
        ("decode.jsonl", ["decode", "--format", "jsonl", LEGAL]),
    ],
)
def test_a_report_reads_as_it_did(golden: Callable[[str, str], None], name: str, arguments: list[str]) -> None:
    """The report is equal to the golden file."""
    golden(f"cli/{name}", run(*arguments).out)


@pytest.mark.parametrize(("form", "suffix"), [("dot", "dot"), ("mermaid", "mmd"), ("markdown", "md")])
def test_draw_prints_what_the_gallery_holds(form: str, suffix: str) -> None:
    """The text of a machine on standard output is equal to the committed file."""
    outcome = run("draw", "call", "--format", form)
    assert outcome.out == Path("diagrams", f"call.{suffix}").read_text(encoding="utf-8")


def test_the_pictures_are_current() -> None:
    """The committed diagrams match the tables."""
    outcome = run("draw", "--check", "diagrams")
    assert (outcome.status, outcome.err) == (0, "")


def test_drawing_all_changes_nothing(tmp_path: Path) -> None:
    """`draw --all` writes the committed files, byte for byte, with any installed Graphviz."""
    assert run("draw", "--all", tmp_path).status == 0
    drawn = {place.name: place.read_bytes() for place in tmp_path.iterdir()}
    committed = {place.name: place.read_bytes() for place in Path("diagrams").iterdir()}
    assert [name for name in {**drawn, **committed} if drawn.get(name) != committed.get(name)] == []


def test_drift_of_the_pictures_is_noticed(tmp_path: Path) -> None:
    """A text that is missing or differs from the tables gives `draw --check` status 1, with one line each."""
    for name, text in texts().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for picture in pictures():
        for end in ("svg", "png"):
            (tmp_path / f"{picture.name}.{end}").touch()
    assert run("draw", "--check", tmp_path).status == 0
    (tmp_path / "line.mmd").unlink()
    (tmp_path / "call.dot").write_text("digraph {}", encoding="utf-8")
    outcome = run("draw", "--check", tmp_path)
    assert outcome.status == 1
    assert {line.split(";")[0] for line in outcome.err.splitlines()} == {
        f"mstrp: {tmp_path / 'call.dot'}: out of date",
        f"mstrp: {tmp_path / 'line.mmd'}: missing",
    }


def test_junit_has_a_case_for_each_session_and_call() -> None:
    """JUnit contains two suites, a case per session and call, and the failure with its rule."""
    root = ET.fromstring(run("check", "--format", "junit", LEGAL, FAULTY).out)
    assert [suite.get("failures") for suite in root] == ["0", "1"]
    assert [len(suite) for suite in root] == [2, 2]
    (failure,) = root.iter("failure")
    assert failure.get("type") == "CALL-V01"
    assert "frame 58" in (failure.text or "")


def steps_of(path: Path) -> list[tuple[int, str, str, str, str]]:
    """Return the steps of the only call in a journal of JSON lines."""
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        (step["frame"], step["instance"], step["event"], " ".join(step["from"]), " ".join(step["to"]))
        for step in found
        if step["machine"] == "call"
    ]


def test_a_journal_has_every_transition(tmp_path: Path) -> None:
    """The journal of the faulty recording contains the path of the call to idle and the illegal step from it."""
    place = tmp_path / "steps.jsonl"
    assert run("check", "--journal", place, FAULTY).status == 1
    moves = [(frame, source, target) for frame, _, _, source, target in steps_of(place) if source != target]
    assert moves == [
        (32, "absent", "announced"),
        (32, "announced", "offering"),
        (44, "offering", "connected"),
        (52, "connected", "idle"),
        (58, "idle", "connected"),
        (62, "connected", "deallocated"),
    ]
    illegal = [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]
    assert [(step["frame"], step["rule"]) for step in illegal if step["level"] == "MUST" and step["rule"]] == [
        (58, "CALL-V01")
    ]


def test_both_kinds_of_journal_agree(tmp_path: Path) -> None:
    """The SQLite journal has the same steps as the one of JSON lines, and the captures that they come from."""
    lines, database = tmp_path / "steps.jsonl", tmp_path / "steps.sqlite"
    run("check", "--journal", lines, FAULTY)
    run("check", "--journal", database, LEGAL, FAULTY)
    with sqlite3.connect(database) as connection:
        query = "SELECT frame, instance, event, source, target FROM transitions WHERE machine = 'call' AND capture = ?"
        rows = connection.execute(query, (FAULTY,)).fetchall()
        (captures,) = connection.execute("SELECT count(DISTINCT capture) FROM transitions").fetchone()
    connection.close()
    assert rows == steps_of(lines)
    assert captures == 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("steps.txt", ".jsonl or a .sqlite"),
        ("no/such/folder/steps.jsonl", "No such file"),
        ("no/such/folder/steps.sqlite", "No such file"),
    ],
)
def test_a_journal_that_cannot_be_written_is_a_usage_error(tmp_path: Path, name: str, reason: str) -> None:
    """One line contains the reason, and the exit status is 2."""
    outcome = run("check", "--journal", tmp_path / name, LEGAL)
    assert outcome.status == 2
    assert outcome.err.count("\n") == 1
    assert reason in outcome.err


def test_diagrams_of_a_checked_capture(tmp_path: Path) -> None:
    """A diagram for the path of each call and the sequence chart of the session, with the finding."""
    outcome = run("check", "--diagrams", tmp_path / "out", FAULTY)
    assert (outcome.status, outcome.err) == (1, "")
    names = {place.name for place in (tmp_path / "out").iterdir()}
    stem = "connected-after-idle-s1"
    assert names >= {f"{stem}-call-0x87011-1.svg", f"{stem}-sequence.svg", f"{stem}-sequence.mmd"}
    picture = (tmp_path / "out" / f"{stem}-call-0x87011-1.svg").read_text(encoding="utf-8")
    assert "CALL-V01" in html.unescape(picture)
    chart = (tmp_path / "out" / f"{stem}-sequence.mmd").read_text(encoding="utf-8")
    assert chart.index("CALL-V01") > chart.index("LINE_CALLSTATE hCall=0x87011 IDLE")


def test_the_report_goes_into_a_file(tmp_path: Path) -> None:
    """With --output the file contains the report, and standard error only the headline."""
    place = tmp_path / "report.json"
    outcome = run("check", "--format", "json", "--output", place, FAULTY)
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err == f"{FAULTY}: FAIL: 38 packets in 1 session judged\n"
    assert place.read_text(encoding="utf-8") == run("check", "--format", "json", FAULTY).out


def test_a_warning_fails_only_with_strict(tmp_path: Path) -> None:
    """A capture with only a warning gives status 0, and 1 with --strict."""
    # The call changes from disconnected to connected: no document forbids or explains it.
    place = tmp_path / "odd.pcap"
    place.write_bytes(reported(Path(FAULTY).read_bytes(), IDLE, DISCONNECTED))
    outcome = run("check", "--format", "json", place)
    assert "CALL-STATE-DISCONNECTED-CONNECTED" in {finding["rule"] for finding in outcome.json["findings"]}
    assert {finding["verdict"] for finding in outcome.json["findings"]} == {"warn"}
    assert (outcome.json["verdict"], outcome.status) == ("warn", 0)
    assert run("check", "--strict", place).status == 1


IDLE, DISCONNECTED = 0x1, 0x4000


def reported(capture: bytes, state: int, other: int) -> bytes:
    """Return the faulty sample with one LINE_CALLSTATE changed to another state."""
    head = struct.pack("<II", 0x87011, 2)  # hCall and Msg; behind them OpenContext and Param1
    place = -1
    while True:
        place = capture.index(head, place + 1)
        if capture[place + 12 : place + 16] == struct.pack("<I", state):
            return capture[: place + 12] + struct.pack("<I", other) + capture[place + 16 :]
