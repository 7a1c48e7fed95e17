"""Legs: one end of a conversation, either a call of a line or somebody outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.constants import LINECALLSTATE

if TYPE_CHECKING:
    import asyncio

    from mstrp.live.server.calls import Call

__all__ = ["Leg"]


class Leg:
    """One end. ``call`` is None outside; ``peer`` is the other end while there is one."""

    __slots__ = (
        "alerting",
        "call",
        "consults",
        "gathering",
        "generating",
        "hears",
        "name",
        "number",
        "parked",
        "peer",
        "timers",
    )

    def __init__(self, call: Call | None, number: str, name: str = "") -> None:
        self.call = call
        self.number = number
        self.name = name
        self.peer: Leg | None = None
        #: For a consultation call: the leg on whose behalf it was made.
        self.consults: Leg | None = None
        #: Whether the leg rings at a station of the switch.
        self.alerting = False
        self.parked = False
        self.timers: set[asyncio.TimerHandle] = set()
        #: Digits: modes that are monitored, what is being gathered, what is being generated.
        self.hears = 0
        self.gathering: Any = None
        self.generating: Any = None

    @property
    def state(self) -> int:
        """The state of the call, IDLE outside."""
        return int(LINECALLSTATE.IDLE) if self.call is None else self.call.state

    def join(self, other: Leg | None) -> None:
        """Connect two ends; the former partners of both are left alone."""
        for leg in (self, other):
            if leg is not None and leg.peer is not None:
                if leg.peer.peer is leg:
                    leg.peer.peer = None
                leg.peer = None
        self.peer = other
        if other is not None:
            other.peer = self

    def quiet(self) -> None:
        """Nothing that was going to happen happens."""
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()
