"""Rules of 3.1.4.2 about required failures: the server refuses requests that violate them."""

from __future__ import annotations

import functools
import os
import random

import pytest
from rulework import spoken, steps_of
from world import run

from mstrp.testing import RuleCase, rule_cases

#: Rules that are not about refusing, or need a provider that these tests do not have: actions of the server itself, and
#: proxy handlers (the provider here handles all agent requests; `test_live_switch` and `test_live_flows` have
#: handlers).
_OTHERWISE = ("made a handle", "is forwarded", "Proxy", "SameLine", "plUsedSize", "lNeededSize")
#: One in this number of cases is performed in each run; all of them in nightly runs.
_ONE_IN = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 10


@functools.cache
def _broken() -> list[RuleCase]:
    """Return the first two cases that violate each rule."""
    found: dict[str, list[RuleCase]] = {}
    for case in rule_cases():
        if case.keeps or case.refused or not case.rule.startswith("TRP-3.1.4.2"):
            continue
        if not any(word in case.what for word in _OTHERWISE):
            found.setdefault(case.rule, []).append(case)
    return [case for several in found.values() for case in several[:2]]


def test_enough_rules_are_tried() -> None:
    """The cases reach nearly all rules about required failures."""
    assert len({case.rule for case in _broken()}) > 400


@pytest.mark.parametrize("part", range(5))
def test_what_breaks_a_rule_is_refused(part: int) -> None:
    """The server refuses each violating request, or the call fails; it refuses nothing else of the session."""
    chance = random.Random(part)
    found = _broken()
    for case in chance.sample(found, len(found) // (5 * _ONE_IN)):
        steps = steps_of(case)
        if steps is None:
            continue
        given = run(spoken(case, steps))
        refused = [type(packet).__name__ for packet, answer in given if answer & 0x80000000]
        assert refused, f"{case}: {given[-1:]}"
