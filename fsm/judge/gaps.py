"""What a gap does to a conversation: packets are missing, so what was known may have changed unseen.

After a gap every handle may be in any state, things may exist whose beginning was not seen, and what has ended may
have begun anew. Rules that would need what was missed stay silent; what is seen from then on is judged again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.judge.events import ANY_STATE
from fsm.state.facts import Facts
from fsm.state.memory import Memory
from fsm.tables.binding import BindingState, ChannelState
from fsm.tables.call_reports import FILTERED
from fsm.tables.call_states import CallState

if TYPE_CHECKING:
    from fsm.state.registry import Registry

__all__ = ["ANY_BINDING", "doubt"]

#: A binding of which nothing is known but that it is attached.
ANY_BINDING = 1 << BindingState.PUSH | 1 << BindingState.PULL | 1 << BindingState.MANAGEMENT


def doubt(registry: Registry) -> None:
    """Take back what a gap makes uncertain; ``registry.now`` is when the gap was noticed."""
    registry.partial = True
    registry.gap_at = registry.now
    if registry.binding.mask == 1 << BindingState.UNBOUND:
        registry.binding.mask |= ANY_BINDING
    registry.channel.mask |= 1 << ChannelState.OPEN
    for app in registry.apps.values():
        app.init_context = None
    for opened in (*registry.lines.values(), *registry.phones.values()):
        opened.open_context = None
        opened.pending.clear()
    # An event filter may have been set among what is missing (Q19).
    registry.line_flags |= FILTERED.bit
    for line in registry.lines.values():
        line.announced = None
        line.flags |= FILTERED.bit
    for call in registry.calls.values():
        call.mask = ANY_STATE | 1 << CallState.ABSENT
        call.flags = registry.line_flags if call.line is None else call.line.flags
        call.inferred = False
        call.kin = None
    for exchange in (*registry.pending.values(), *registry.unanswered.values(), *registry.unnumbered):
        exchange.charges = None
    registry.recent = Memory()
    registry.facts = Facts()
    registry.swaps.clear()
