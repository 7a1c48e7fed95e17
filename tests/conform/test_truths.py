"""Servers that contradict themselves are found by the conversations in which they say something twice."""

from __future__ import annotations

import pytest
from fault_runs import examine
from server_faults import FAULTS

from mstrp.conform.claims import BOUNDS, CLAIMS, TRUTHS
from mstrp.conform.suite_truths import TRUTH_TESTS
from protocol.event import EVENTS

_NAMES = {name for name, _, _ in TRUTH_TESTS}
_TOLD = [fault.name for fault in FAULTS if all(name.startswith("TRUE-") for name in fault.ids)]


@pytest.mark.parametrize("name", _TOLD)
def test_a_contradiction_is_found(name: str) -> None:
    """In its own conversation, of which hardly anything is left that is not needed."""
    found = examine(name, wanted=lambda test: test.name in _NAMES)
    assert found.id, found
    assert found.longer <= 3, found


def test_every_truth_has_a_test() -> None:
    """What packets are compared for is tried by some conversation, and nothing else is."""
    tried = {name for _, _, names in TRUTH_TESTS for name in names}
    compared = {claim.requirement for claim in CLAIMS} | {bound.requirement for bound in BOUNDS}
    assert tried == set(TRUTHS)
    assert compared <= set(TRUTHS)


def test_truths_stand_where_their_packets_do() -> None:
    """The section of what is compared is that of one of the packets, or of an event that tells it."""
    sections: dict[str, set[str]] = {}
    for claim in CLAIMS:
        sections.setdefault(claim.requirement, set()).add(claim.packet.layout.section)
    for bound in BOUNDS:
        sections.setdefault(bound.requirement, set()).add(bound.packet.layout.section)
    wrong = {name: TRUTHS[name].section for name, found in sections.items() if TRUTHS[name].section not in found}
    assert not wrong
    told = {event.layout.section for event in EVENTS.values()}
    assert all(truth.section in told for name, truth in TRUTHS.items() if name.endswith("-told"))
