"""Every rule of 3.1.4.2 that says what must fail: the server refuses what breaks it."""

from __future__ import annotations

import functools
import os
import random

import pytest
from rulework import spoken, steps_of
from world import run

from mstrp.testing import Trial, trials

#: What is no matter of refusing, or cannot be set up with the provider of these tests: what the server must do itself, and
#: who handles agent requests (the provider here serves them all; `test_live_switch` and `test_live_flows` have handlers).
_OTHERWISE = ("made a handle", "is passed on", "Proxy", "SameLine", "plUsedSize", "lNeededSize")
#: One in so many of the trials is performed in each run; all of them at night.
_ONE_IN = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 10


@functools.cache
def _broken() -> list[Trial]:
    """The first two ways to break each rule."""
    found: dict[str, list[Trial]] = {}
    for trial in trials():
        if trial.keeps or trial.refused or not trial.rule.startswith("TRP-3.1.4.2"):
            continue
        if not any(word in trial.what for word in _OTHERWISE):
            found.setdefault(trial.rule, []).append(trial)
    return [trial for several in found.values() for trial in several[:2]]


def test_enough_rules_are_tried() -> None:
    """The trials reach nearly all of the rules about what must fail."""
    assert len({trial.rule for trial in _broken()}) > 400


@pytest.mark.parametrize("part", range(5))
def test_what_breaks_a_rule_is_refused(part: int) -> None:
    """A request that breaks a rule is answered with an error, or the call fails; nothing else of the session is refused."""
    chance = random.Random(part)
    found = _broken()
    for trial in chance.sample(found, len(found) // (5 * _ONE_IN)):
        steps = steps_of(trial)
        if steps is None:
            continue
        given = run(spoken(trial, steps))
        refused = [type(packet).__name__ for packet, answer in given if answer & 0x80000000]
        assert refused, f"{trial}: {given[-1:]}"
