"""`check --baseline`: expected findings change verdict and status, and every format lists them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from running import run

from mstrp.checking.baseline import baseline_toml, read_baseline
from mstrp.report.schema import schema

ROOT = Path(__file__).parents[2]
FAULTY = ROOT / "samples" / "connected-after-idle.pcap"


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """Return a baseline with all failures of the capture."""
    place = tmp_path / "known.toml"
    assert run("check", "--write-baseline", place, FAULTY).status == 1
    assert set(read_baseline(str(place))) == {"CALL-V01"}
    return place


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "junit", "sarif", "html"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_expected_findings_do_not_count(known: Path, form: str, jobs: int) -> None:
    """With the baseline written from it, a capture passes, and the report states the expected findings."""
    outcome = run("check", "--format", form, "--jobs", jobs, "--baseline", known, FAULTY, FAULTY)
    assert outcome.status == 0
    assert "expected by the baseline" in outcome.out or form in {"json", "jsonl", "sarif"}
    if form == "text":
        assert ": PASS: 38 packets in 1 session judged (1 finding expected by the baseline)\n" in outcome.out
        assert (
            "2 captures: PASS: 76 packets in 2 sessions judged; 0 fail, 0 warn, 0 info; 2 findings expected by the baseline\n"
            in outcome.out
        )
    elif form == "json":
        jsonschema.validate(outcome.json, schema("report"))
        assert (outcome.json["verdict"], outcome.json["findings"]) == ("pass", [])
        assert outcome.json["counts"]["expected"] == 2
        assert [each["rule"] for each in outcome.json["captures"][0]["expected"]] == ["CALL-V01"]
    elif form == "jsonl":
        assert [each["rule"] for each in outcome.objects if each["type"] == "expected"] == ["CALL-V01"] * 2
    elif form == "sarif":
        results = outcome.json["runs"][0]["results"]
        assert [each["suppressions"][0]["kind"] for each in results] == ["external"] * 2
    elif form == "junit":
        suites = ET.fromstring(outcome.out)
        assert [(each.get("failures"), each.get("skipped")) for each in suites] == [("0", "1")] * 2


def test_what_is_not_expected_still_fails(tmp_path: Path) -> None:
    """Other rules of a baseline have no effect, and are listed as not found."""
    place = tmp_path / "known.toml"
    place.write_text(baseline_toml({"CALL-V02": "another"}), "utf-8")
    outcome = run("check", "--baseline", place, FAULTY)
    assert outcome.status == 1
    assert "in the baseline, not found: CALL-V02\n" in outcome.out


def test_reasons_are_kept(known: Path) -> None:
    """Writing over a baseline that is read keeps its reasons."""
    known.write_text(baseline_toml({"CALL-V01": "vendor ticket", "CALL-V02": "old"}), "utf-8")
    assert run("check", "--baseline", known, "--write-baseline", known, FAULTY).status == 0
    assert read_baseline(str(known)) == {"CALL-V01": "vendor ticket", "CALL-V02": "old"}


def test_the_limit_does_not_hide_what_is_not_expected(tmp_path: Path) -> None:
    """Expected findings do not use up the limit of others."""
    place = tmp_path / "known.toml"
    place.write_text(baseline_toml({"CALL-V02": "another"}), "utf-8")
    assert run("check", "--limit", "findings=1", "--baseline", place, FAULTY).status == 1


@pytest.mark.parametrize("content", ["expected = 1", "[expected]\nX = 1", "=", "\udcff"])
def test_a_baseline_that_is_none(tmp_path: Path, content: str) -> None:
    """Any other file is a usage error in one line."""
    place = tmp_path / "known.toml"
    place.write_bytes(content.encode("utf-8", "surrogateescape"))
    outcome = run("check", "--baseline", place, FAULTY)
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("option", ["--output", "--journal"])
def test_the_baseline_is_not_overwritten(known: Path, option: str) -> None:
    """Reports do not overwrite the baseline."""
    place = known.rename(known.with_suffix(".jsonl"))
    before = place.read_bytes()
    assert run("check", "--baseline", place, option, place, FAULTY).status == 2
    assert place.read_bytes() == before


@pytest.mark.parametrize("reason", ['"', "\\", "\x1b", "\u202e", "\U000e0001", "ä"])
def test_reasons_of_every_kind(tmp_path: Path, reason: str) -> None:
    """Written reasons are read back unchanged."""
    place = tmp_path / "known.toml"
    place.write_text(baseline_toml({"X": reason}), "utf-8")
    assert read_baseline(str(place)) == {"X": reason}
