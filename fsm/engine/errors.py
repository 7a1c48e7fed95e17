"""Errors of strict use: a step that the tables do not allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.engine.rule import either

if TYPE_CHECKING:
    from fsm.engine.row import Ref

__all__ = ["LocalProtocolError", "ProtocolError", "RemoteProtocolError", "TableError"]


class TableError(ValueError):
    """An invalid table, detected when it is compiled."""


class ProtocolError(Exception):
    """An illegal step; the instance is unchanged.

    ``machine``, ``instance``, ``state`` and ``event`` identify the step, ``allowed`` lists legal alternatives, ``rule``
    and ``reference`` identify the requirement.
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
        legal = f"; expected: {', '.join(allowed)}" if allowed else ""
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
    """An illegal step of the embedding program."""


class RemoteProtocolError(ProtocolError):
    """An illegal step of the peer."""
