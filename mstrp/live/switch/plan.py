"""The numbers of a simulated switch: its own addresses, and how the outside world behaves when it is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

__all__ = ["Behaviour", "Plan"]


class Behaviour(NamedTuple):
    """What a number outside does when it is called.

    ``does``: answer, busy, no-answer, reject, bad-number, congestion or announcement. ``after``: seconds until it does;
    ``talk``: seconds after which it hangs up (0: never); ``digits``: what it dials once it is connected.
    """

    does: str = "answer"
    after: float = 2.0
    talk: float = 0.0
    digits: str = ""


ANSWERS = Behaviour()
#: Without a script: numbers by their ending.
_USUAL = (
    ("*0000", Behaviour("busy", 0.5)),
    ("*0001", Behaviour("no-answer", 4.0)),
    ("*0002", Behaviour("reject", 1.0)),
    ("*0003", Behaviour("bad-number", 0.5)),
    ("*0004", Behaviour("congestion", 0.5)),
    ("*0005", Behaviour("announcement", 0.5)),
    ("*0006", Behaviour("answer", 1.0, talk=2.0)),
    ("*0007", Behaviour("answer", 1.0, digits="123#")),
)


@dataclass
class Plan:
    """Who has which number; ``pace`` stretches (or shrinks) all times of the switch."""

    lines: int = 4
    phones: int = 1
    addresses: int = 1
    first: int = 1001
    pace: float = 1.0
    #: Seconds between the steps of call progress, between rings, and until an unanswered call is given up.
    step: float = 0.1
    ring: float = 2.0
    patience: float = 30.0
    #: The outside world: patterns of numbers, first match first.
    numbers: list[tuple[str, Behaviour]] = field(default_factory=lambda: list(_USUAL))
    #: Calls at the same time on one address, held ones included.
    active: int = 8

    def address(self, line: int, address: int = 0) -> str:
        """The number of an address."""
        return str(self.first + line * self.addresses + address)

    def find(self, number: str) -> tuple[int, int] | None:
        """The line and address that have a number."""
        if not number.isdigit():
            return None
        place = int(number) - self.first
        if not 0 <= place < self.lines * self.addresses:
            return None
        return divmod(place, self.addresses)

    def outside(self, number: str) -> Behaviour:
        """How a number outside behaves."""
        return next((behaviour for pattern, behaviour in self.numbers if fnmatchcase(number, pattern)), ANSWERS)

    def seconds(self, seconds: float) -> float:
        """A time of the switch in real seconds."""
        return seconds * self.pace
