"""A test that is a conversation of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.conform.core.errors import Missing
from mstrp.conform.server.test_bed import TestBed
from mstrp.conform.server.tester import Tester

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.conform.core.campaign import Campaign

__all__ = ["in_session"]


async def in_session(
    campaign: Campaign,
    act: Callable[[Tester, TestBed], Awaitable[Any]],
    *names: str,
    lines: int = 2,
    how: str = "",
    phones: bool = False,
) -> None:
    """Do something in a session with so many lines open; the requirements that it tries pass when it was performed."""
    async with Tester.of(campaign) as tester:
        try:
            bed = TestBed(tester)
            await bed.begin(lines=lines, how=how, phones=phones)
            await act(tester, bed)
            tried = True
        except Missing as error:
            campaign.record_missing(error, *names)
            tried = False
    campaign.collect(tester)
    if tried:
        campaign.record_pass(*names)
