"""Requests for a proxy handler are passed on before they are completed, also by a quick provider."""

from __future__ import annotations

from test_server import conform

from mstrp.conform.outcome import Result


def test_requests_reach_their_handler() -> None:
    """No request is completed that its handler was not told of, and most handlers are told."""
    book = conform(wanted=lambda test: test.name.startswith("handler of"))
    assert not book.failures, [(outcome.requirement.id, outcome.cause) for outcome in book.failures]
    assert sum(outcome.result is Result.PASS for outcome in book.outcomes.values() if outcome.tried) >= 14
