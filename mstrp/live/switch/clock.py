"""Timers of the switch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.live.switch.party import Party
    from mstrp.live.switch.plan import Plan

__all__ = ["Clock"]


class Clock:
    """Pending timers, each of a party or (None) of the switch."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._timers: dict[Party | None, set[asyncio.TimerHandle]] = {}

    def after(
        self, seconds: float, action: Callable[[], object], party: Party | None = None, *, scaled: bool = True
    ) -> None:
        """Run ``action`` later unless the party's timers are cancelled first; ``scaled``: multiply by the pace."""
        timers = self._timers.setdefault(party, set())
        timer: asyncio.TimerHandle

        def run() -> None:
            timers.discard(timer)
            if not timers:
                del self._timers[party]
            action()

        delay = self._plan.seconds(seconds) if scaled else seconds
        timer = asyncio.get_running_loop().call_later(delay, run)
        timers.add(timer)

    def cancel(self, party: Party | None) -> None:
        """Cancel the timers of a party."""
        for timer in self._timers.pop(party, ()):
            timer.cancel()

    def stop(self) -> None:
        """Cancel all timers."""
        for party in list(self._timers):
            self.cancel(party)
