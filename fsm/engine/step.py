"""The record of a step, passed to every observer and every journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from fsm.engine.machine import Machine, Move
    from fsm.engine.row import Event

__all__ = ["Step"]


class Step(NamedTuple):
    """One event of one instance. ``before`` and ``after`` are sets of states as bit masks of the machine."""

    frame: int
    time: float
    session: str
    machine: Machine
    instance: str
    event: Event
    before: int
    after: int
    move: Move

    @property
    def source(self) -> tuple[str, ...]:
        """The possible states before."""
        return self.machine.names(self.before)

    @property
    def target(self) -> tuple[str, ...]:
        """The possible states after."""
        return self.machine.names(self.after)

    def as_dict(self) -> dict[str, Any]:
        """Return the record in the format of journals."""
        move = self.move
        return {
            "frame": self.frame,
            "time": round(self.time, 6),
            "session": self.session,
            "machine": self.machine.name,
            "instance": self.instance,
            "event": self.event.name,
            "kind": self.event.kind.value,
            "from": list(self.source),
            "to": list(self.target),
            "level": move.level.name,
            "rule": move.rule or None,
            "ref": None if move.ref is None else str(move.ref),
        }

    def __str__(self) -> str:
        source, target = self.machine.words(self.before), self.machine.words(self.after)
        return f"{self.machine.name} {self.instance}: {source} -> {target} on {self.event.name}"
