"""One client of a tester, and what it was told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from protocol.events import LINE_CALLSTATE

if TYPE_CHECKING:
    from mstrp.live.client import TapiClient
    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["LINES", "ClientSlot"]

#: Lines of a transcript, and events, that are kept.
LINES = 4000


class ClientSlot:
    """One client of the tester."""

    def __init__(self, client: TapiClient) -> None:
        self.client = client
        #: What LINE_CALLSTATE said of every call.
        self.states: dict[int, list[int]] = {}
        self.events: list[Event] = []
        self.changed = asyncio.Event()
        #: How many findings of its monitor have been collected.
        self.reported = 0
        #: The last request that was sent.
        self.asked: Request | None = None
        #: Whether a missing response has ended it, and whether the tester itself did.
        self.broken = False
        self.left = False
        self.context = b""
        #: Whether RemoteSPDetach has come.
        self.dismissed = False

    def last_states(self) -> dict[int, int]:
        """What LINE_CALLSTATE said last of every call."""
        return {call: states[-1] for call, states in self.states.items()}

    def counts(self) -> dict[int, int]:
        """How many states LINE_CALLSTATE has reported of every call."""
        return {call: len(states) for call, states in self.states.items()}

    async def abort(self) -> None:
        """End the connection without a word."""
        self.left = True
        caller = self.client._caller  # noqa: SLF001 - the client itself would not do this
        if caller is not None:
            caller.abort()
            await caller.wait_closed()

    def saw(self, event: Event) -> None:
        if isinstance(event, LINE_CALLSTATE):
            self.states.setdefault(event.call, []).append(event.call_state & 0x00FFFFFF)
        if len(self.events) < LINES:
            self.events.append(event)
        self.changed.set()
