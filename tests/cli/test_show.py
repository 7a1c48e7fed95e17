"""`--show` selects what is shown and changes neither verdict nor status; `--ignore` changes both."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from running import run

from mstrp.report.schema import schema
from mstrp.selection import Selection

ROOT = Path(__file__).parents[2]
FAULTY = ROOT / "samples" / "connected-after-idle.pcap"
LEGAL = ROOT / "samples" / "blind-transfer.pcapng"
CONFERENCE = ROOT / "tests" / "captures" / "impacket-scapy_conference.pcap"


@pytest.mark.parametrize("show", ["verdict=warn", "session=s9", "frames=1-3", "rule=CALL-V02", "client=10.*"])
@pytest.mark.parametrize("form", ["text", "json", "jsonl", "junit", "sarif", "html"])
def test_what_is_not_shown_still_counts(show: str, form: str) -> None:
    """A selection without the failure leaves verdict and status as they are, and the headline states it."""
    outcome = run("check", "--format", form, "--show", show, FAULTY)
    assert outcome.status == 1
    if form == "text":
        head = outcome.out.splitlines()[0]
        assert ": FAIL: 38 packets" in head
        assert f"(shown: {show})" in head
        assert "CALL-V01" not in outcome.out
    elif form == "json":
        jsonschema.validate(outcome.json, schema("report"))
        assert (outcome.json["verdict"], outcome.json["findings"], outcome.json["counts"]["fail"]) == ("fail", [], 1)
        assert outcome.json["captures"][0]["selection"] == [show]


@pytest.mark.parametrize(
    ("show", "shown"),
    [
        ("rule=call-v*", True),
        ("verdict=warn,fail", True),
        ("frames=58", True),
        ("frames=50-", True),
        ("time=1.0-1.1", True),
        ("call=0x87011", True),
        ("call=0x87011#1", True),
        ("call=0x87011#2", False),
        ("call=553*", False),
        ("call=0x870*", True),
        ("packet=LINE_CALLSTATE", True),
        ("packet=Answer", False),
        ("server=127.0.0.1", True),
        ("session=s2,verdict=fail", True),
    ],
)
def test_a_finding_is_shown_by_each_key(show: str, shown: bool) -> None:
    """A finding is listed if and only if its own facts match."""
    findings = run("check", "--format", "json", "--show", show, FAULTY).json["findings"]
    assert bool(findings) is shown


def test_options_are_joined_by_and_and_commas_by_or() -> None:
    """Both options have to match; one of the patterns of an option is enough."""
    facts = {"rule": ["CALL-V01"], "session": ["s1"], "frames": [(58, 58)]}
    assert Selection(["rule=CALL-V02,CALL-V01", "frames=1,58"]).matches(facts)
    assert not Selection(["rule=CALL-V01", "session=s2"]).matches(facts)


def test_jobs_show_the_same() -> None:
    """Several processes write the report of one."""
    arguments = ("check", "--show", "verdict=fail", FAULTY, LEGAL)
    assert run(*arguments, "--jobs", 2).out == run(*arguments).out


def test_decode_shows_a_call_with_its_responses_and_replies() -> None:
    """All packets of a call, and no other, are printed; the whole of one call is what names no call is not."""
    every = run("decode", "--format", "jsonl", LEGAL).objects
    shown = run("decode", "--format", "jsonl", "--show", "call=0x30011", LEGAL).objects
    names = [(each["packet"], each["phase"]) for each in shown]
    assert names.count(("BlindTransfer", "response")) == 1
    assert [each for each in names if each[0] == "LINE_REPLY"] == [("LINE_REPLY", "event")] * 2
    assert not {"Initialize", "Open", "ClientAttach"} & {name for name, _ in names}
    assert [each for each in every if each in shown] == shown


def test_decode_shows_the_packets_of_findings() -> None:
    """A selection by rule prints the packet of the finding; standard input cannot be read twice."""
    (packet,) = run("decode", "--format", "jsonl", "--show", "rule=CALL-V01", FAULTY).objects
    assert packet["frame"] == 58
    outcome = run("decode", "--show", "rule=CALL-V01", "-")
    assert (outcome.status, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)


def test_a_line_shows_its_calls() -> None:
    """The calls of a line are those that the packets opened on it."""
    calls = [
        call["handle"]
        for show in ([], ["--show", "line=0x1*,0x2*,0x3*,0x4*,0x5*,0x6*,0x7*,0x8*,0x9*"])
        for session in run("check", "--format", "json", *show, CONFERENCE).json["captures"][0]["sessions"]
        for call in session["calls"]
    ]
    assert calls
    assert calls[: len(calls) // 2] == calls[len(calls) // 2 :]
    nothing = run("check", "--format", "json", "--show", "line=0xdead", CONFERENCE).json
    assert nothing["captures"][0]["sessions"] == []


def test_draw_counts_selected_steps_only() -> None:
    """States outside the selected frames are not visited."""
    drawn = run("draw", "call", "--format", "mermaid", "--capture", FAULTY, "--show", "frames=58").out
    assert 'state "connected (1×)"' in drawn
    assert 'state "offering"' in drawn


def test_coverage_and_baselines_see_everything(tmp_path: Path) -> None:
    """A new baseline contains the failures that were not shown."""
    place = tmp_path / "known.toml"
    assert run("check", "--show", "verdict=warn", "--write-baseline", place, FAULTY).status == 1
    assert "CALL-V01" in place.read_text("utf-8")


@pytest.mark.parametrize(
    "text", ["x=1", "rule", "rule=", "frames=a", "frames=5-1", "time=nan", "call=abc", "verdict=bad", "call=0x1,x=2"]
)
def test_a_wrong_selection_is_one_clear_error(text: str) -> None:
    """A usage error, before anything is read."""
    outcome = run("check", "--show", text, "absent.pcap")
    assert outcome.status == 2
    assert outcome.err.splitlines()[-1].startswith("mstrp check: error: argument --show: ")


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "junit", "sarif", "html"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_ignored_findings_do_not_count(form: str, jobs: int) -> None:
    """With its rule ignored the capture passes, and the headline states how many findings were ignored."""
    outcome = run("check", "--format", form, "--jobs", jobs, "--ignore", "TRP-1*,call-v*", FAULTY)
    assert outcome.status == 0
    assert "CALL-V01" not in outcome.out or form in {"json", "jsonl"}
    if form == "text":
        assert ": PASS: 38 packets in 1 session judged (1 finding ignored)\n" in outcome.out
    elif form == "json":
        jsonschema.validate(outcome.json, schema("report"))
        assert (outcome.json["verdict"], outcome.json["counts"]["ignored"]) == ("pass", 1)
        assert outcome.json["captures"][0]["ignored"] == {"CALL-V01": 1}


def test_a_baseline_can_ignore_rules(tmp_path: Path) -> None:
    """The key `ignore` of a baseline is the same as the option; another type is one clear error."""
    place = tmp_path / "known.toml"
    place.write_text('ignore = ["CALL-V*"]\n', "utf-8")
    assert run("check", "--baseline", place, FAULTY).status == 0
    place.write_text('ignore = "CALL-V*"\n', "utf-8")
    outcome = run("check", "--baseline", place, FAULTY)
    assert (outcome.status, len(outcome.err.splitlines())) == (2, 1)
