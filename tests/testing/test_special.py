"""Requests that generators treat separately exist."""

from __future__ import annotations

from mstrp.testing.special import SPECIAL
from protocol.packet import REQUESTS


def test_special_requests_are_declared() -> None:
    """Every name in the list is the name of a declared request."""
    assert {kind.__name__ for kind in REQUESTS.values()} >= SPECIAL
