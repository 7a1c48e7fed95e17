"""A conversation with a call in one state, used by several test cases as long as the call stays in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.tables.call_states import BY_BIT, CallState
from mstrp.conform.core.errors import Missing
from mstrp.conform.server.test_bed import TestBed
from mstrp.conform.server.tester import Tester

if TYPE_CHECKING:
    from mstrp.conform.core.campaign import Campaign

__all__ = ["StateSession"]

#: Steps after which a new conversation is begun, so that none becomes endless.
_LONGEST = 200


class StateSession:
    """Brings a call into a state, and keeps the conversation while nothing has changed it."""

    def __init__(self, state: CallState) -> None:
        self.state = state
        self.tester: Tester | None = None
        self.bed: TestBed
        self.call = 0

    async def obtain(self, campaign: Campaign) -> tuple[Tester, TestBed, int]:
        """The tester with the call in the state; raises `Missing`."""
        if self.tester is not None and self._is_usable(self.tester):
            return self.tester, self.bed, self.call
        await self.close(campaign)
        self.tester = Tester.of(campaign)
        self.bed = TestBed(self.tester)
        try:
            await self.bed.begin()
            self.call = await self.bed.call_in(self.state)
            if not self.bed.partner_number:
                await self.bed.numbers()
        except Missing:
            await self.close(campaign)
            raise
        return self.tester, self.bed, self.call

    def _is_usable(self, tester: Tester) -> bool:
        slot = tester.slots.get("a")
        if slot is None or not slot.client.attached or len(tester.program) > _LONGEST:
            return False
        return BY_BIT.get(tester.state_of("a", self.call)) is self.state

    async def close(self, campaign: Campaign) -> None:
        """End the conversation, and collect what its end shows."""
        tester, self.tester = self.tester, None
        if tester is not None:
            await tester.close()
            campaign.collect(tester)
