"""The coverage in the report of `check --coverage`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fsm import MACHINES, Monitor
from fsm.rules.catalogue import RULES, Status
from fsm.state.coverage import Coverage
from mstrp.cli import main
from mstrp.testing import rule_cases

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FAULTY = "impacket-scapy_fault_unknown_hcall.pcap"


def report(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    """Return the JSON report of a capture."""
    main(["check", "--format", "json", *options, str(path)])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_coverage_is_in_the_report_on_request_only(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The option adds one key to the report and changes nothing else."""
    plain, more = report(captures / FAULTY, capsys), report(captures / FAULTY, capsys, "--coverage")
    more.pop("coverage")
    assert plain == more


def test_what_was_judged_and_what_was_broken(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The violated rule is counted as checked and violated; a rule of a request that the capture lacks is not."""
    rules = report(captures / FAULTY, capsys, "--coverage")["coverage"]["rules"]
    assert rules["TRP-3.1.4.2-046-01"] == {"checked": 1, "broken": 1}
    assert rules["TRP-3.1.4.2-060-01"] == {"checked": 0, "broken": 0}
    assert list(rules) == [rule.id for rule in RULES.values() if rule.status is Status.CHECKED]


def test_rows_and_requests(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report lists the rows taken and not taken of each machine, and the requests that were never sent."""
    coverage = report(captures / FAULTY, capsys, "--coverage")["coverage"]
    assert list(coverage["rows"]) == list(MACHINES)
    for rows in coverage["rows"].values():
        assert rows["taken"] + len(rows["missing"]) == rows["legal"]
    assert coverage["rows"]["call"]["taken"] > 3
    assert "line.Hold" not in coverage["requests_never_made"]
    assert "line.Park" in coverage["requests_never_made"]


def test_the_table(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text report ends with the same data as a table."""
    main(["check", "--coverage", "--ladder", "0", str(captures / FAULTY)])
    text = capsys.readouterr().out
    assert "rules were checked, 1 were violated" in text
    assert "line.Park" in text


def test_trials_exercise_their_rules() -> None:
    """Packets of the cases of a rule count for that rule."""
    tally = Coverage()
    for case in rule_cases("TRP-3.1.4.2-055-03"):
        monitor = Monitor()
        monitor.on_step(tally.step)
        case.run(monitor)
    assert tally.cells["call"]
