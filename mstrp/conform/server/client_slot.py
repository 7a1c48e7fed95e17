"""One client of a tester, and what it was told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from protocol.events import LINE_CALLSTATE

if TYPE_CHECKING:
    from mstrp.live.client import TapiClient
    from protocol.event import Event

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
        #: How many findings of its monitor are told.
        self.told = 0
        self.context = b""
        #: Whether RemoteSPDetach has come.
        self.dismissed = False

    def last_states(self) -> dict[int, int]:
        """What LINE_CALLSTATE said last of every call."""
        return {call: states[-1] for call, states in self.states.items()}

    def saw(self, event: Event) -> None:
        if isinstance(event, LINE_CALLSTATE):
            self.states.setdefault(event.call, []).append(event.call_state & 0x00FFFFFF)
        if len(self.events) < LINES:
            self.events.append(event)
        self.changed.set()
