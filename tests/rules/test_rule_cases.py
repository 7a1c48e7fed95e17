"""Every checked rule: a violation is reported, and no other rule; a conversation that satisfies it is not."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fsm.rules.catalogue import RULES, Status, share
from mstrp.testing import RuleCase, rule_cases
from protocol.packet import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The ids of all rules in the specification, with the bound role and the kind.
FACTS = json.loads((Path(__file__).parent / "rules.json").read_text())
#: Number of variants of a check tested on each side; all of them in nightly runs.
MOST = 1_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 2

_BY_REQUEST: dict[str, list[RuleCase]] = {}
for _case in rule_cases():
    _BY_REQUEST.setdefault(RULES[_case.rule].packet or _case.what.partition(" ")[0], []).append(_case)


def _some(found: list[RuleCase]) -> Iterable[RuleCase]:
    """Yield the variants nearest to the bound of each check; of refused ones, one."""
    sizes = Counter((case.rule, case.what) for case in found)
    for case in found:
        most = 1 if case.refused and MOST < 1_000 else MOST
        last = sizes[case.rule, case.what] - 1
        if case.number < most or (case.number == last and not case.refused):
            yield case


@pytest.mark.parametrize("packet", sorted(_BY_REQUEST))
def test_trials(packet: str) -> None:
    """Each case of the rules of a packet has the expected findings."""
    failures = [f"{case}: {failure}" for case in _some(_BY_REQUEST[packet]) if (failure := case.failure())]
    assert failures == []


def test_every_checked_rule_is_tried_on_both_sides() -> None:
    """Each checked rule has a case that violates it and one that satisfies it."""
    tried = {(case.rule, case.keeps) for found in _BY_REQUEST.values() for case in found}
    checked = {rule.id for rule in RULES.values() if rule.status is Status.CHECKED}
    assert tried == {(rule, keeps) for rule in checked for keeps in (False, True)}


def test_the_book_has_every_rule_once() -> None:
    """The rules are those of the specification, with the same kind and role."""
    found = {rule.id: [rule.kind, rule.role] for rule in RULES.values()}
    assert found == FACTS


def test_most_rules_are_checked() -> None:
    """At least 92 % of the rules are checked, most of them by a field type or a table row."""
    checked = sum(rule.status is Status.CHECKED for rule in RULES.values())
    assert checked >= 0.92 * len(RULES)
    kinds = share()
    assert kinds["field type"] + kinds["declaration"] + kinds["table row"] + kinds["condition"] >= 0.9 * checked


def test_what_is_not_checked_says_why() -> None:
    """A rule that is not checked has a reason or a decision; a checked rule names its mechanism."""
    for rule in RULES.values():
        assert rule.how, rule.id
        assert rule.told in ("", rule.id) or rule.told in RULES or rule.told.startswith("CALL-V"), rule.id
        assert bool(rule.told) is (rule.status is Status.CHECKED), rule.id


def test_requests_are_right_in_their_situation() -> None:
    """A legal request has no problem, regardless of its class."""
    from mstrp.testing import PreparedSession

    for request in REQUESTS.values():
        session = PreparedSession(request)
        assert session.packet(request).problems() == [], request.__name__
