"""A test of our own beside the requirements: the server under test counts its lines."""

from __future__ import annotations

import asyncio
from typing import Any

from protocol import line


def test_there_is_a_line(mstrp_probe: Any) -> None:
    """A client that registers is told of at least one line."""

    async def ask() -> int:
        async with mstrp_probe() as probe:
            await probe.attach()
            names = {"friendly_name": "ours", "module_name": "ours"}
            answer = await probe.ask("a", line.Initialize(init_context=1, api_version=0x00030001, **names))
            assert not probe.complaints
            return int(answer.num_devs)

    assert asyncio.run(ask()) > 0
