"""The server under test: where it is, who one is to it, how long it may take; and what a run may cost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mstrp.live.bindings import Binding, parse_binding

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Budget", "BudgetSpent", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """A server by its binding; nothing is ever sent to anything else."""

    binding: Binding
    #: Options of `mstrp.live.client.ClientOptions`: security, transfer syntax, how events travel.
    options: Mapping[str, Any] = field(default_factory=dict)
    #: Whom to call; by default one of the server's own lines.
    to: str = ""
    #: Seconds that an answer, a completion or a state may take, and of silence after which nothing is under way.
    patience: float = 5.0
    settle: float = 0.25

    @property
    def rest(self) -> float:
        """Seconds of silence before a client detaches."""
        return min(self.settle, 0.012)

    @classmethod
    def of(cls, binding: str | Binding, **options: Any) -> Target:
        """A target by its string binding; raises `ValueError` for what is none."""
        return cls(parse_binding(binding) if isinstance(binding, str) else binding, **options)


class BudgetSpent(Exception):  # noqa: N818 - no error: the run ends as it was told to
    """The packets or the seconds of a run are used up."""


@dataclass(slots=True)
class Budget:
    """How many packets a run may send and how many seconds it may take; 0 means without bound."""

    packets: int = 0
    seconds: float = 0.0
    sent: int = 0
    begun: float = field(default_factory=time.monotonic)

    def spend(self, packets: int = 1) -> None:
        """Take from the budget; raises `BudgetSpent` when there is nothing left."""
        if self.packets and self.sent + packets > self.packets:
            raise BudgetSpent(f"{self.packets:,} packets are sent")
        if self.seconds and self.elapsed > self.seconds:
            raise BudgetSpent(f"{self.seconds:g} seconds are over")
        self.sent += packets

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.begun
