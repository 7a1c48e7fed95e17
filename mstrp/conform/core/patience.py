"""How long a tester waits: in full at first, briefly for what has failed to arrive before."""

from __future__ import annotations

__all__ = ["Patience"]

#: Seconds to wait for something that did not arrive the last time.
_BRIEF = 0.75


class Patience:
    """The time to wait for each kind of thing in a campaign."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._missed: set[str] = set()

    def seconds_for(self, what: str) -> float:
        """The time to wait for a response, a completion, a state or an event."""
        return min(self.seconds, _BRIEF) if what in self._missed else self.seconds

    def record_missing(self, what: str) -> None:
        """Remember what did not arrive, so that a run with a silent server still ends soon."""
        self._missed.add(what)
