"""`mstrp stats`: numbers, codes and times agree with the packets of `decode`."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from running import run

from mstrp.stats.durations import Durations

ROOT = Path(__file__).parents[2]
CAPTURES = sorted((ROOT / "tests" / "captures").glob("*.pcap*")) + sorted((ROOT / "samples").glob("*.pcap*"))
FAULTY = ROOT / "samples" / "connected-after-idle.pcap"


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_numbers_are_those_of_decode(capture: Path) -> None:
    """Requests and events are counted as `decode` lists them, and every answered request has a code and a time."""
    packets = run("decode", "--format", "jsonl", capture).objects
    found = run("stats", "--format", "json", capture).json
    asked = Counter(
        each["packet"] for each in packets if each["phase"] == "request" and each["method"] == "ClientRequest"
    )
    events = Counter(each["packet"] for each in packets if each["phase"] == "event")
    assert {each["request"]: each["requests"] for each in found["requests"]} == asked
    assert {each["event"]: each["events"] for each in found["events"]} == events
    codes: Counter[str] = Counter()
    for each in found["codes"]:
        codes[each["request"]] += each["responses"]
    assert codes == asked
    assert all(each["response_median"] is not None for each in found["requests"])


def test_the_report_of_check_has_the_same_calls() -> None:
    """Calls are counted by path and final state, also beyond the number that a report lists."""
    found = run("stats", "--format", "json", "--limit", "listed-calls=1", FAULTY, FAULTY).json
    assert found["calls"] == [{"calls": 2, "final": "deallocated", "path": "offering → connected → idle → connected"}]
    assert found["findings"] == [{"rule": "CALL-V01", "verdict": "fail", "findings": 2}]
    (client,) = found["clients"]
    assert (client["sessions"], client["calls"], client["findings"]) == (2, 2, 2)


def test_csv_is_one_table() -> None:
    """CSV has the columns of the JSON objects; several tables are a usage error."""
    outcome = run("stats", "--format", "csv", "--table", "codes", FAULTY)
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    assert rows[0] == {"request": "Answer", "code": "0", "responses": "1"}
    assert run("stats", "--format", "csv", "--table", "codes", "--table", "calls", FAULTY).status == 2


def test_the_text_shows_the_top() -> None:
    """A table has a maximum number of rows, with the number of omitted ones."""
    lines = run("stats", "--table", "requests", "--top", "2", FAULTY).out.splitlines()
    assert lines[0].endswith("38 packets in 1 session judged")
    assert lines[-1].strip().startswith("and ")
    assert len(lines) == 7


def test_what_cannot_be_read_is_status_2() -> None:
    """The other captures are counted."""
    outcome = run("stats", "--format", "json", "absent.pcap", FAULTY)
    assert (outcome.status, outcome.json["packets"]) == (2, 38)
    assert len(outcome.err.splitlines()) == 1


def test_quantiles_are_exact_or_within_a_percent() -> None:
    """Nearest rank on few durations; classes of 1 % on many."""
    few, many = Durations(), Durations()
    for number in range(1, 101):
        few.add(number / 1000)
    for number in range(1, 50_001):
        many.add(number / 1000)
    assert [few.quantile(share) for share in (0.5, 0.95, 0.99)] == [0.05, 0.095, 0.099]
    assert many.quantile(0.95) == pytest.approx(47.5, rel=0.01)
    assert Durations().quantile(0.5) is None
