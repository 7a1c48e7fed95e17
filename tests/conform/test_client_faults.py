"""Clients with a fault are found by it: a sample; ``python tests/conform/client_faults.py`` tries all of them."""

from __future__ import annotations

import pytest
from client_faults import FAULTS, score
from world import run

#: Faults of every kind, each with the stimuli that are tried, and what it is found as.
SAMPLE = {
    "odd-size": ("lsize-odd", "TRP-3.3.4.2-GEN-01"),
    "total-clamped": ("total-long", "TRP-3.3.4.2-GEN-02"),
    "rest-padded": ("rest", "TRP-3.3.4.2-GEN-03"),
    "room-for-8k": ("large", "TAKES-large"),
    "context-any": ("context-foreign", "TRP-3.3.4-04"),
    "ndr-lsize": ("ndr-size", "TRP-3.3.4-02"),
    "init-ignored": ("init-foreign", "TRP-3.3.4.2-GEN-04"),
    "newcall-any-line": ("line-newcall", "TRP-3.3.4.2-M017-01"),
    "careless-callinfo": ("call-callinfo", "TRP-3.3.4.2-M001-01"),
    "reply-oldest": ("reply-unknown-call", "TRP-3.3.4.2-M00C-01"),
    "reply-first-lost": ("reply-first", "TAKES-reply-first"),
    "answer-twice": ("", "CALL-PRE-Answer"),
    "id-again": ("", "CALL-ORDER-O06"),
    "offset-outside": ("", "TRP-3.1.4.2-048-02"),
    "after-detach": ("", "TRP-3-03"),
    "no-detach": ("", "TRP-3-02"),
    "deaf": ("", "TRP-3.3.3-01"),
    "mailslot-wrong": ("", "TRP-3.1.4.1-03"),
    "stub-damaged": ("", "WIRE-NDR"),
}


@pytest.mark.parametrize("name", SAMPLE)
def test_fault_is_found(name: str) -> None:
    """A faulty client fails the requirement that its fault is about."""
    stimulus, requirement = SAMPLE[name]
    one = next(fault for fault in FAULTS if fault.name == name)
    found = run(score(one, lambda wanted: wanted == stimulus), 60.0)
    assert found.found == requirement, found.summary


def test_names() -> None:
    """Every fault has a name of its own, and there are enough of them."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 40
