"""All compiled machines by name, in the order of the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.state.instances import (
    Agent,
    AgentSession,
    Application,
    Binding,
    Call,
    Channel,
    Conference,
    Dialog,
    Handler,
    Line,
    Phone,
    Proxy,
    Transaction,
    Version,
)

if TYPE_CHECKING:
    from fsm.engine.machine import Machine

__all__ = ["MACHINES"]

#: Every machine by the name of its table.
MACHINES: dict[str, Machine] = {
    kind.machine.name: kind.machine
    for kind in (
        Binding,
        Channel,
        Application,
        Version,
        Line,
        Call,
        Transaction,
        Conference,
        Phone,
        Handler,
        Proxy,
        Agent,
        AgentSession,
        Dialog,
    )
}
