"""Conferences: their members, and the requests that build them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fsm.state.instances import Conference
from fsm.state.registry import Swap
from fsm.tables import conference

if TYPE_CHECKING:
    from fsm.conversation import Conversation
    from fsm.engine.row import Event
    from fsm.state.instances import Call, Transaction

__all__ = ["add_member", "join", "leave", "prepare", "set_up", "swap"]

_CELLS: Final = Conference.machine.cells
#: Swaps that are kept: more than any client has pending.
_LIMIT: Final = 65_536


def _conference(conversation: Conversation, handle: int) -> Conference:
    conferences = conversation.registry.conferences
    found = conferences.get(handle)
    if found is None:
        found = conferences[handle] = Conference(handle)
    return found


def join(conversation: Conversation, call: Call, parent: int) -> None:
    """Register a call that is reported as a member of a conference, which may still be under construction (Q10)."""
    call.kin = ("member", parent)
    conversation.runner.step(_conference(conversation, parent), conference.JOINED)


def leave(conversation: Conversation, call: Call, parent: int) -> None:
    """Remove a member of a conference that is reported in another state."""
    call.kin = None
    found = conversation.registry.conferences.get(parent)
    if found is not None:
        conversation.runner.step(found, conference.LEFT)


def set_up(conversation: Conversation, handle: int, *, merged: bool) -> None:
    """Register the call that represents a conference, from the completion that returns it."""
    event = conference.MERGED if merged else conference.SET_UP
    conversation.runner.step(_conference(conversation, handle), event)


def _advance(conversation: Conversation, transaction: Transaction, event: Event) -> None:
    handle = transaction.calls[0][0].handle if transaction.calls else 0
    found = conversation.registry.conferences.get(handle)
    if found is not None:
        conversation.runner.step(found, event)


def add_member(conversation: Conversation, transaction: Transaction, words: tuple[int, ...]) -> None:
    """Take the success of AddToConference."""
    _advance(conversation, transaction, conference.ADDED)


def prepare(conversation: Conversation, transaction: Transaction, words: tuple[int, ...]) -> None:
    """Take the success of PrepareAddToConference."""
    _advance(conversation, transaction, conference.PREPARED)


def swap(conversation: Conversation, transaction: Transaction, words: tuple[int, ...]) -> None:
    """Take the success of SwapHold: both calls are now owed a LINE_CALLSTATE (O14)."""
    registry = conversation.registry
    owed = tuple(call for call, _, mark in transaction.calls if call.path is mark)
    if owed and len(registry.swaps) < _LIMIT:
        registry.swaps.append(Swap(owed, registry.now))
