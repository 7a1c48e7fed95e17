"""The kit finds servers with one mistake, and shows each in a short conversation; the correct server has none."""

from __future__ import annotations

import os

import pytest
from fault_runs import examine, healthy
from server_faults import FAULTS

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
#: What is tried every time; `benchmarks/faults.py` tries all of them, and so does the nightly profile.
SAMPLE = [
    "call after DeallocateCall",
    "context after ClientDetach",
    "line not kept",
    "replies doubled",
    "APPNEWCALL doubled",
    "wrong marker of management",
    "no context handle",
    "events four bytes longer",
]


def test_faults_have_names_of_their_own() -> None:
    """At least 150 faults of every kind, each with the requirements that may tell it."""
    assert len(FAULTS) >= 150
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert all(fault.ids and fault.shortest > 0 for fault in FAULTS)


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS] if NIGHTLY else SAMPLE)
def test_a_fault_is_found(name: str) -> None:
    """It is told under one of its requirements, in a conversation that is hardly longer than need be."""
    found = examine(name)
    assert found.id, found
    assert found.longer <= 3, found


@pytest.mark.skipif(not NIGHTLY, reason="takes half a minute")
def test_the_correct_server_has_none() -> None:
    """Neither a failure nor anything odd, in the way in which the faulty ones are run."""
    campaign = healthy()
    assert not campaign.failures, [(outcome.requirement.id, outcome.cause) for outcome in campaign.failures]
