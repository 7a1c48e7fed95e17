"""Errors of strict use: somebody did what the tables do not allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.engine.rule import either

if TYPE_CHECKING:
    from fsm.engine.row import Ref

__all__ = ["LocalProtocolError", "ProtocolError", "RemoteProtocolError", "TableError"]


class TableError(ValueError):
    """A table that is not well-formed: found when it is compiled, never while it runs."""


class ProtocolError(Exception):
    """An illegal step; the state of the instance is what it was before.

    ``machine``, ``instance``, ``state``, ``event`` say what happened, ``allowed`` what would have been legal,
    ``rule`` and ``reference`` where that stands.
    """

    def __init__(
        self,
        *,
        machine: str,
        instance: str,
        state: tuple[str, ...],
        event: str,
        allowed: tuple[str, ...],
        reference: Ref | None,
        rule: str = "",
        summary: str = "",
    ) -> None:
        if type(self) is ProtocolError:
            message = "raise LocalProtocolError or RemoteProtocolError"
            raise TypeError(message)
        what = summary or f"{machine} {instance} in state {either(state)}: {event} is not legal"
        legal = f"; legal: {', '.join(allowed)}" if allowed else ""
        where = f" [{rule}]" if rule else ""
        where += f" ({reference})" if reference else ""
        super().__init__(f"{what}{legal}{where}")
        self.machine = machine
        self.instance = instance
        self.state = state
        self.event = event
        self.allowed = allowed
        self.reference = reference
        self.rule = rule


class LocalProtocolError(ProtocolError):
    """The embedding program asked for something illegal."""


class RemoteProtocolError(ProtocolError):
    """The peer did something illegal."""
