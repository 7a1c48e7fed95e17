"""Servers that contradict themselves are found by the conversations in which they say something twice."""

from __future__ import annotations

import pytest
from fault_runs import examine
from server_faults import FAULTS

from mstrp.conform.server.cases.consistency import CONSISTENCY_CASES
from mstrp.conform.server.consistency import CONSISTENCY, COUNTS, STATEMENTS
from protocol.event import EVENTS

_NAMES = {name for name, _, _ in CONSISTENCY_CASES}
_TOLD = [fault.name for fault in FAULTS if all(name.startswith("TRUE-") for name in fault.ids)]


@pytest.mark.parametrize("name", _TOLD)
def test_a_contradiction_is_found(name: str) -> None:
    """In its own conversation, of which hardly anything is left that is not needed."""
    found = examine(name, wanted=lambda test: test.name in _NAMES)
    assert found.id, found
    assert found.longer <= 3, found


def test_every_truth_has_a_test() -> None:
    """What packets are compared for is tried by some conversation, and nothing else is."""
    tried = {name for _, _, names in CONSISTENCY_CASES for name in names}
    compared = {statement.requirement for statement in STATEMENTS} | {count.requirement for count in COUNTS}
    assert tried == set(CONSISTENCY)
    assert compared <= set(CONSISTENCY)


def test_truths_stand_where_their_packets_do() -> None:
    """The section of what is compared is that of one of the packets, or of an event that tells it."""
    sections: dict[str, set[str]] = {}
    for statement in STATEMENTS:
        sections.setdefault(statement.requirement, set()).add(statement.packet.layout.section)
    for count in COUNTS:
        sections.setdefault(count.requirement, set()).add(count.packet.layout.section)
    wrong = {
        name: CONSISTENCY[name].section for name, found in sections.items() if CONSISTENCY[name].section not in found
    }
    assert not wrong
    told = {event.layout.section for event in EVENTS.values()}
    assert all(consistency.section in told for name, consistency in CONSISTENCY.items() if name.endswith("-told"))
