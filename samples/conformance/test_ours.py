"""A test of our own beside the requirements: the server under test counts its lines."""

from __future__ import annotations

import asyncio
from typing import Any

from protocol import line


def test_there_is_a_line(mstrp_tester: Any) -> None:
    """A client that registers is told of at least one line."""

    async def ask() -> int:
        async with mstrp_tester() as tester:
            await tester.attach()
            names = {"friendly_name": "ours", "module_name": "ours"}
            answer = await tester.ask("a", line.Initialize(init_context=1, api_version=0x00030001, **names))
            assert not tester.violations
            return int(answer.num_devs)

    assert asyncio.run(ask()) > 0


def test_the_client_counts_as_many(mstrp_client: Any) -> None:
    """A client of the package does the same with less."""

    async def count() -> int:
        async with mstrp_client(timeout=5.0) as client:
            return int((await client.initialize()).count)

    assert asyncio.run(count()) > 0


def test_most_requirements_are_decided(mstrp_campaign: Any) -> None:
    """The run beside this test has all outcomes: here is what one wants of it beyond its items."""
    decided = [outcome for outcome in mstrp_campaign.outcomes.values() if outcome.verdict in {"pass", "fail"}]
    assert len(decided) > 0.5 * len(mstrp_campaign.outcomes)
