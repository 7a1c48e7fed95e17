"""Requests for a proxy handler are passed on before they are completed, also by a quick provider."""

from __future__ import annotations

from test_server import conform

from mstrp.conform.core.outcome import Verdict


def test_requests_reach_their_handler() -> None:
    """No request is completed that its handler was not told of, and most handlers are told."""
    campaign = conform(wanted=lambda test: test.name.startswith("handler of"))
    assert not campaign.failures, [(outcome.requirement.id, outcome.cause) for outcome in campaign.failures]
    assert sum(outcome.verdict is Verdict.PASS for outcome in campaign.outcomes.values() if outcome.tried) >= 14
