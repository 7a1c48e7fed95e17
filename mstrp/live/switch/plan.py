"""The configuration of a simulated switch: stations, times, and the behaviour of external numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

__all__ = ["Behaviour", "Plan"]


class Behaviour(NamedTuple):
    """The reaction of an external number to a call.

    ``does``: answer, busy, no-answer, reject, bad-number, congestion or announcement. ``after``: seconds until then;
    ``talk``: seconds until it hangs up (0: never); ``digits``: digits that it sends once it is connected.
    """

    does: str = "answer"
    after: float = 2.0
    talk: float = 0.0
    digits: str = ""


ANSWERS = Behaviour()
#: Default behaviours, by the last digits of the number.
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
    """Devices, numbers and times of a switch; ``pace`` multiplies all times."""

    lines: int = 4
    phones: int = 1
    addresses: int = 1
    first: int = 1001
    pace: float = 1.0
    #: Seconds between the steps of call progress, between rings, and until calls that no party acts on end.
    step: float = 0.1
    ring: float = 2.0
    timeout: float = 30.0
    #: External numbers: patterns, the first match decides.
    numbers: list[tuple[str, Behaviour]] = field(default_factory=lambda: list(_USUAL))
    #: Simultaneous calls at an address, including those on hold.
    active: int = 8

    def address(self, line: int, address: int = 0) -> str:
        """The number of an address."""
        return str(self.first + line * self.addresses + address)

    def find(self, number: str) -> tuple[int, int] | None:
        """The line and address with a number, None for an external number."""
        if not number.isdigit():
            return None
        place = int(number) - self.first
        if not 0 <= place < self.lines * self.addresses:
            return None
        return divmod(place, self.addresses)

    def outside(self, number: str) -> Behaviour:
        """The behaviour of an external number."""
        return next((behaviour for pattern, behaviour in self.numbers if fnmatchcase(number, pattern)), ANSWERS)

    def seconds(self, seconds: float) -> float:
        """The real duration of a time of the switch."""
        return seconds * self.pace
