"""What `check --coverage` says about what traffic has exercised."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fsm import MACHINES, Monitor
from fsm.rules.catalogue import RULES, Status
from fsm.state.coverage import Coverage
from mstrp.cli import main
from mstrp.testing import trials

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FAULTY = "impacket-scapy_fault_unknown_hcall.pcap"


def report(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    """The JSON report of a capture."""
    main(["check", "--format", "json", *options, str(path)])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_coverage_is_in_the_report_on_request_only(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the option the report is what it is without it; with it there is one more key."""
    plain, more = report(captures / FAULTY, capsys), report(captures / FAULTY, capsys, "--coverage")
    more.pop("coverage")
    assert plain == more


def test_what_was_judged_and_what_was_broken(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rule that a capture breaks is counted as judged and broken; one of a request that it lacks is not."""
    rules = report(captures / FAULTY, capsys, "--coverage")["coverage"]["rules"]
    assert rules["TRP-3.1.4.2-046-01"] == {"checked": 1, "broken": 1}
    assert rules["TRP-3.1.4.2-060-01"] == {"checked": 0, "broken": 0}
    assert list(rules) == [rule.id for rule in RULES.values() if rule.status is Status.CHECKED]


def test_rows_and_requests(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each machine some cells were taken, the others are named; so are the requests that were never made."""
    coverage = report(captures / FAULTY, capsys, "--coverage")["coverage"]
    assert list(coverage["rows"]) == list(MACHINES)
    for rows in coverage["rows"].values():
        assert rows["taken"] + len(rows["missing"]) == rows["legal"]
    assert coverage["rows"]["call"]["taken"] > 3
    assert "line.Hold" not in coverage["requests_never_made"]
    assert "line.Park" in coverage["requests_never_made"]


def test_the_table(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text report ends with the same as a table."""
    main(["check", "--coverage", "--ladder", "0", str(captures / FAULTY)])
    text = capsys.readouterr().out
    assert "checked rules had something to judge, 1 were broken" in text
    assert "line.Park" in text


def test_trials_exercise_their_rules() -> None:
    """Packets of the trials of a rule count for it."""
    tally = Coverage()
    for trial in trials("TRP-3.1.4.2-055-03"):
        monitor = Monitor()
        monitor.on_step(tally.step)
        trial.run(monitor)
    assert tally.cells["call"]
