"""A finding: what is wrong, whose fault it is, and where that stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.engine.display import DISPLAY
from fsm.engine.levels import verdict_of

if TYPE_CHECKING:
    from fsm.engine.levels import Fault, Level, Verdict

__all__ = ["Finding"]


class Finding(NamedTuple):
    """One thing that a conversation did and should not have done.

    ``frame`` is the packet in which it shows, ``time`` in seconds since the start of the capture; ``state`` what
    was known of the instance before, ``allowed`` what would have been legal: states in which the request is
    allowed, or states that could have been reported.
    """

    rule: str
    level: Level
    verdict: Verdict
    fault: Fault | None
    section: str
    summary: str
    frame: int
    time: float
    session: str
    machine: str
    instance: str
    state: tuple[str, ...]
    event: str
    allowed: tuple[str, ...]
    #: Other ids under which the documents forbid the same thing.
    also: tuple[str, ...] = ()
    #: The frame of the request, where the finding shows only in its answer or reply.
    request_frame: int | None = None
    #: The file; filled in by whoever reads captures.
    capture: str = ""

    def at(self, level: Level) -> Finding:
        """The same finding at another level, with the verdict that goes with it."""
        return self._replace(level=level, verdict=verdict_of(level))

    def _repr_html_(self) -> str | None:
        """Notebooks show the sentence with its rule."""
        return DISPLAY.finding(self)

    def as_dict(self) -> dict[str, Any]:
        """The finding as the report spells it."""
        found = self._asdict()
        found["time"] = round(self.time, 6)
        found["level"] = self.level.name
        found["verdict"] = self.verdict.value
        found["fault"] = None if self.fault is None else self.fault.value
        for name in ("state", "allowed", "also"):
            found[name] = list(found[name])
        if not self.also:
            del found["also"]
        if self.request_frame is None:
            del found["request_frame"]
        return found

    def __str__(self) -> str:
        return f"{self.verdict.value}: {self.summary} [{self.rule}, MS-TRP {self.section}] frame {self.frame}"
