"""Every recording has the results described by its authors."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from recorded import RECORDED, Recorded
from running import run

recordings = pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.name)


def report(captures: Path, recorded: Recorded) -> Any:
    """The report on a recording."""
    outcome = run("check", "--format", "json", *recorded.options, captures / recorded.name)
    assert not outcome.err
    return outcome.json


@recordings
def test_the_exit_status_tells_whether_a_must_is_broken(captures: Path, recorded: Recorded) -> None:
    """Legal recordings give status 0, faulty ones 1, with the corresponding verdict."""
    outcome = run("check", "--format", "json", *recorded.options, captures / recorded.name)
    assert outcome.status == (1 if recorded.wrong else 0)
    assert outcome.json["verdict"] == ("fail" if recorded.wrong else "pass")
    assert outcome.json["captures"][0]["verdict"] == outcome.json["verdict"]


@recordings
def test_the_path_of_every_call_is_known(captures: Path, recorded: Recorded) -> None:
    """Each call has the states and the end described for its recording."""
    (capture,) = report(captures, recorded)["captures"]
    (session,) = capture["sessions"]
    assert [tuple(call["states"]) for call in session["calls"]] == recorded.calls
    assert [call["final"] for call in session["calls"]] == [recorded.final] * len(recorded.calls)
    assert session["model"] == recorded.model


@recordings
def test_every_packet_is_counted(captures: Path, recorded: Recorded) -> None:
    """The numbers of requests and events match the recording, and no damage is reported."""
    (capture,) = report(captures, recorded)["captures"]
    (session,) = capture["sessions"]
    assert sum(session["requests"].values()) == recorded.requests
    assert sum(session["events"].values()) == recorded.events
    assert "notes" not in capture
    assert capture["error"] is None


@recordings
def test_exactly_what_is_wrong_is_found(captures: Path, recorded: Recorded) -> None:
    """The only finding is the built-in violation, with its rule, fault, frame, state and expected states."""
    found = report(captures, recorded)
    wrong = [] if recorded.wrong is None else [recorded.wrong._asdict()]
    assert [{name: each[name] for name in recorded.wrong._fields} for each in found["findings"]] == wrong  # type: ignore[union-attr]
    assert found["counts"] == {"fail": len(wrong), "warn": 0, "info": 0}
    for finding in found["findings"]:
        assert finding["verdict"] == "fail"
        assert finding["level"] == "MUST"
        assert finding["session"] == "s1"
        assert finding["capture"] == str(captures / recorded.name)


@recordings
def test_decode_and_check_see_the_same_packets(captures: Path, recorded: Recorded) -> None:
    """Decode prints each request and event that check counts, in the order of the file, without errors."""
    outcome = run("decode", "--format", "jsonl", *recorded.options, captures / recorded.name)
    assert (outcome.status, outcome.err) == (0, "")
    packets = outcome.objects
    requests = [each for each in packets if each["phase"] == "request" and each["method"] == "ClientRequest"]
    assert len(requests) == recorded.requests
    assert sum(1 for each in packets if each["phase"] == "event") == recorded.events
    assert [each["frame"] for each in packets] == sorted(each["frame"] for each in packets)
    assert not any("error" in each or "problems" in each for each in packets)


def test_several_captures_in_one_run(captures: Path) -> None:
    """All captures are processed, the worst status is returned, and the findings of all are in one list."""
    paths = [captures / recorded.name for recorded in RECORDED]
    outcome = run("check", "--format", "json", "--nt-password", "Passw0rd!", *paths)
    assert outcome.status == 1
    found = outcome.json
    assert [capture["path"] for capture in found["captures"]] == [str(path) for path in paths]
    assert [finding["rule"] for finding in found["findings"]] == ["TRP-3.1.4.2-046-01", "CALL-V01"]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@recordings
def test_frames_are_numbered_as_tshark_numbers_them(captures: Path, recorded: Recorded) -> None:
    """Each request of tapsrv is in a frame in which tshark completes a DCE/RPC request."""
    command = ["tshark", "-r", str(captures / recorded.name), "-Y", "dcerpc.pkt_type == 0 && dcerpc.opnum == 1"]
    shown = subprocess.run(
        [*command, "-T", "fields", "-e", "frame.number"], capture_output=True, text=True, check=True
    ).stdout
    theirs = {int(number) for number in shown.split()}
    packets = run("decode", "--format", "jsonl", *recorded.options, captures / recorded.name).objects
    ours = {each["frame"] for each in packets if each["phase"] == "request" and each["method"] == "ClientRequest"}
    assert ours <= theirs
