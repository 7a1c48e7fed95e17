"""A finding: a violation or observation, with the side at fault and the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.engine.display import DISPLAY
from fsm.engine.levels import verdict_of

if TYPE_CHECKING:
    from fsm.engine.levels import Fault, Level, Verdict

__all__ = ["Finding"]


class Finding(NamedTuple):
    """A violation or observation in a conversation.

    ``frame`` is the packet that shows it, ``time`` is in seconds since the start of the capture; ``state`` is the set
    of possible states before, ``allowed`` the legal alternatives: states in which the request is allowed, or states
    that could have been reported.
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
    #: Other ids under which the documents state the same requirement.
    also: tuple[str, ...] = ()
    #: The frame of the request, if only its response or completion shows the finding.
    request_frame: int | None = None
    #: The file; set by the capture reader.
    capture: str = ""

    def at(self, level: Level) -> Finding:
        """Return the finding at another level, with the corresponding verdict."""
        return self._replace(level=level, verdict=verdict_of(level))

    def _repr_html_(self) -> str | None:
        """Return the sentence with its rule, for notebooks."""
        return DISPLAY.finding(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the finding in the format of the report."""
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
