"""Every rule that is checked: broken, it is found, and no other one; just kept, nothing is found."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fsm.rules.catalogue import RULES, Status, share
from mstrp.testing import Trial, trials
from protocol.packet import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The ids of all rules as the specification has them, with whom they bind and what kind they are.
FACTS = json.loads((Path(__file__).parent / "rules.json").read_text())
#: How many variants of a check are tried on each side; all of them at night.
MOST = 1_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 2

_BY_REQUEST: dict[str, list[Trial]] = {}
for _trial in trials():
    _BY_REQUEST.setdefault(RULES[_trial.rule].packet or _trial.what.partition(" ")[0], []).append(_trial)


def _some(found: list[Trial]) -> Iterable[Trial]:
    """The variants nearest to the bound of each check; of refusals, one."""
    sizes = Counter((trial.rule, trial.what) for trial in found)
    for trial in found:
        most = 1 if trial.refused and MOST < 1_000 else MOST
        last = sizes[trial.rule, trial.what] - 1
        if trial.number < most or (trial.number == last and not trial.refused):
            yield trial


@pytest.mark.parametrize("packet", sorted(_BY_REQUEST))
def test_trials(packet: str) -> None:
    """Each trial of the rules of a packet is judged as it announces."""
    failures = [f"{trial}: {failure}" for trial in _some(_BY_REQUEST[packet]) if (failure := trial.failure())]
    assert failures == []


def test_every_checked_rule_is_tried_on_both_sides() -> None:
    """For each checked rule there is a trial that breaks it and one that keeps it."""
    tried = {(trial.rule, trial.keeps) for found in _BY_REQUEST.values() for trial in found}
    checked = {rule.id for rule in RULES.values() if rule.status is Status.CHECKED}
    assert tried == {(rule, keeps) for rule in checked for keeps in (False, True)}


def test_the_book_has_every_rule_once() -> None:
    """The rules are those of the specification, each with the kind and the role that the text gives it."""
    found = {rule.id: [rule.kind, rule.role] for rule in RULES.values()}
    assert found == FACTS


def test_most_rules_are_checked() -> None:
    """At least 92 % are checked, most of them by what a field is or by a row of a table."""
    checked = sum(rule.status is Status.CHECKED for rule in RULES.values())
    assert checked >= 0.92 * len(RULES)
    kinds = share()
    assert kinds["field type"] + kinds["declaration"] + kinds["table row"] + kinds["condition"] >= 0.9 * checked


def test_what_is_not_checked_says_why() -> None:
    """A rule that is not checked has a reason or a decision; one that is names its mechanism."""
    for rule in RULES.values():
        assert rule.how, rule.id
        assert rule.told in ("", rule.id) or rule.told in RULES or rule.told.startswith("CALL-V"), rule.id
        assert bool(rule.told) is (rule.status is Status.CHECKED), rule.id


def test_requests_are_right_in_their_situation() -> None:
    """A request made from its declaration breaks no rule, whatever the request."""
    from mstrp.testing import Situation

    for request in REQUESTS.values():
        situation = Situation(request)
        assert situation.packet(request).problems() == [], request.__name__
