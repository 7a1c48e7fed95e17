"""Gaps: packets are missing, so the known states may have changed unseen.

After a gap every handle may be in any state, instances may exist whose creation was not seen, and values of ended
handles may be reused. Rules that depend on the missing packets are not checked; later packets are checked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fsm.engine.machine import believe
from fsm.judge.calls import ANY_STATE
from fsm.judge.links import ANY_BINDING
from fsm.state.facts import Facts
from fsm.state.memory import Memory
from fsm.tables.binding import BindingState
from fsm.tables.bits import FILTERED
from fsm.tables.call_states import CallState
from fsm.tables.channel import ChannelState

if TYPE_CHECKING:
    from fsm.conversation import Conversation
    from fsm.state.registry import Registry

__all__ = ["begin_partial", "doubt"]

_ANY_CALL: Final = ANY_STATE | 1 << CallState.ABSENT
_UNBOUND: Final = 1 << BindingState.UNBOUND
_CHANNEL_OPEN: Final = 1 << ChannelState.OPEN


def begin_partial(registry: Registry) -> None:
    """Start a conversation whose first packets were not seen: it is attached, and its channel may be open."""
    believe(registry.binding, ANY_BINDING, registry.binding.flags)
    believe(registry.channel, registry.channel.mask | _CHANNEL_OPEN, registry.channel.flags)


def doubt(conversation: Conversation) -> None:
    """Handle a gap that was detected now: replace the uncertain information."""
    registry = conversation.registry
    registry.partial = True
    registry.gap_at = max(registry.gap_at, registry.now)
    registry.ending.clear()
    binding, channel = registry.binding, registry.channel
    if binding.mask == _UNBOUND:
        believe(binding, binding.mask | ANY_BINDING, binding.flags)
    believe(channel, channel.mask | _CHANNEL_OPEN, channel.flags)
    registry.trusted_context = -1
    registry.initializing.clear()
    for app in registry.applications.values():
        app.init_context = None
    for opened in (*registry.lines.values(), *registry.phones.values()):
        opened.open_context = None
        opened.pending.clear()
    # An event filter may have been set by one of the missing packets (Q19).
    registry.line_flags |= FILTERED.bit
    for line in registry.lines.values():
        line.announced = None
        believe(line, line.mask, line.flags | FILTERED.bit)
    for call in registry.calls.values():
        believe(call, _ANY_CALL, registry.line_flags if call.line is None else call.line.flags)
        call.inferred = False
        call.kin = None
    for transaction in (*registry.pending.values(), *registry.unanswered.values(), *registry.unnumbered):
        transaction.suspected = None
    registry.recent = Memory()
    registry.facts = Facts()
    registry.swaps.clear()
    conversation.suspects.clear()
    conversation.replies.stray.clear()
    conversation.links.update()
