"""Output of the program about rules."""

from __future__ import annotations

import json

import pytest

from fsm.rules.catalogue import RULES, Status
from mstrp.cli import main


def test_the_list_has_every_rule_with_one_status(capsys: pytest.CaptureFixture[str]) -> None:
    """Every rule is listed once, with its mechanism, the reason why it cannot be checked, or the decision."""
    main(["explain", "--list", "rules", "--format", "json"])
    listed = [entry for entry in json.loads(capsys.readouterr().out) if entry["name"].startswith("TRP-")]
    assert [entry["name"] for entry in listed] == list(RULES)
    for entry in listed:
        named = {"checked": "mechanism", "not-observable": "reason", "superseded": "decision"}[entry["status"]]
        assert entry[named], entry["name"]


def test_the_shares_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The list ends with the number of checked rules by mechanism."""
    main(["explain", "--list", "rules"])
    checked = sum(rule.status is Status.CHECKED for rule in RULES.values())
    assert f"{len(RULES)} rules of MS-TRP: {checked} checked" in capsys.readouterr().out


@pytest.mark.parametrize(
    "rule",
    [
        "TRP-3.1.4.2-054-03",
        "TRP-3.1.4.2-005-01",
        "TRP-3.1.4.2-LCP-05-03",
        "TRP-3.1.4.2-118-04",
        "TRP-3.1.4.2-048-06",
        "TRP-3.3.4.2-M008-01",
        "TRP-3-04",
    ],
)
def test_a_rule_is_explained(rule: str, capsys: pytest.CaptureFixture[str], golden) -> None:  # type: ignore[no-untyped-def]
    """The explanation contains the requirement, its reference, its check, and an example of a violation."""
    assert main(["explain", rule]) == 0
    golden(f"explain/{rule}.txt", capsys.readouterr().out)
