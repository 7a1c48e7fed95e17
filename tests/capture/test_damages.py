"""No failure in any damaged copy of a legal conversation: a sample here, all of them by ``tox -e damages``."""

from __future__ import annotations

import random

import pytest
from damages import CONVERSATIONS, WARNINGS, copies_of, judge_copies, segments_named
from frames import SYN, judge

from fsm.engine.levels import Verdict

#: One in how many copies of each conversation is judged here.
EVERY = 97


@pytest.mark.parametrize("group", range(8))
def test_a_damaged_copy_has_no_failure(group: int) -> None:
    """What is missing from a capture, or exchanged, is no fault of either side; the warnings are known."""
    rng = random.Random(group)
    found = [
        each
        for name in CONVERSATIONS[group::8]
        for each in judge_copies(name, every=EVERY, first=rng.randrange(EVERY))[1]
    ]
    assert [each for each in found if each.verdict == "fail" or each.rule not in WARNINGS] == []


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("below-2.0 recycled", "without frame 82"),
        ("below-2.0 recycled", "without frames 58 to 59"),
        ("transfer-to-conference recycled", "without frames 127 to 139"),
    ],
)
def test_a_handle_whose_next_announcement_is_missing_is_a_new_call(name: str, damage: str) -> None:
    """After a gap, a state sent later than the end of a call is about the next call of that handle."""
    copy = next(each for each in copies_of(segments_named(name)) if each.damage == damage)
    assert [each for each in judge(copy.segments).findings if each.verdict is Verdict.FAIL] == []


def test_a_missing_end_of_an_event_connection_is_no_failure() -> None:
    """RemoteSPDetach may be among the last packets of an event connection: its absence is a warning."""
    segments = segments_named("outgoing again-later")
    half = len(segments) // 2
    segments = [each._replace(time=each.time + (10.0 if place >= half else 0.0)) for place, each in enumerate(segments)]
    events = {each.target for each in segments[:half] if each.flags == SYN and each.target[1] != 5150}
    ends = [place for place, each in enumerate(segments[:half]) if each.target in events and each.data]
    missing = [each for each in segments[ends[-1] : half] if {each.source, each.target} & events]
    result = judge([each for each in segments if each not in missing])
    assert [(each.rule, each.verdict) for each in result.findings] == [("TRP-3.1.4.3-02", Verdict.WARN)]
