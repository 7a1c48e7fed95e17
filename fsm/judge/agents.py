"""Call centres: agents and their sessions, by the handles that completions and events carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fsm.judge.lines import about_line
from fsm.state.instances import Agent, AgentSession
from fsm.tables.agent import AGENT_CREATED, AGENT_STATES
from fsm.tables.agent_session import SESSION_CREATED, SESSION_STATES
from protocol.constants import LINEAGENTSESSIONSTATUS, LINEAGENTSTATUSEX

if TYPE_CHECKING:
    from enum import IntEnum

    from fsm.conversation import Conversation
    from fsm.engine.row import Event
    from fsm.state.instances import Transaction

__all__ = ["agent_status", "create_agent", "create_session", "request_dialog", "session_status"]

#: Offset of the handle in the completions of CreateAgent and CreateAgentSession.
_HANDLE: Final = 40
#: Agents of a client that are kept: more than any switch has.
_LIMIT: Final = 65_536


def create_agent(conversation: Conversation, transaction: Transaction, words: tuple[int, ...]) -> None:
    """Take the success of CreateAgent."""
    if words:
        _create(conversation, conversation.registry.agents, Agent, AGENT_CREATED)


def create_session(conversation: Conversation, transaction: Transaction, words: tuple[int, ...]) -> None:
    """Take the success of CreateAgentSession."""
    if words:
        _create(conversation, conversation.registry.agent_sessions, AgentSession, SESSION_CREATED)


def _create(conversation: Conversation, known: dict[int, Any], kind: type[Agent | AgentSession], event: Event) -> None:
    """Register the handle in the data of a completion (E9); a success without one returns no handle."""
    data = conversation.current.buffer[_HANDLE : _HANDLE + 4]
    found = _find(known, kind, int.from_bytes(data, "little")) if len(data) == 4 else None
    if found is not None:
        conversation.runner.step(found, event)


def _find(known: dict[int, Any], kind: type[Agent | AgentSession], handle: int) -> Any:
    found = known.get(handle)
    if found is None and len(known) < _LIMIT:
        found = known[handle] = kind(handle)
    return found


def agent_status(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a LINE_AGENTSTATUSEX."""
    about_line(conversation, words, words[3])
    if words[7] & LINEAGENTSTATUSEX.STATE:
        _report(conversation, conversation.registry.agents, Agent, words, AGENT_STATES)


def session_status(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a LINE_AGENTSESSIONSTATUS."""
    about_line(conversation, words, words[3])
    if words[7] & LINEAGENTSESSIONSTATUS.STATE:
        _report(conversation, conversation.registry.agent_sessions, AgentSession, words, SESSION_STATES)


def _report(
    conversation: Conversation,
    known: dict[int, Any],
    kind: type[Agent | AgentSession],
    words: tuple[int, ...],
    states: dict[int, tuple[Event, IntEnum]],
) -> None:
    found = _find(known, kind, words[6])
    state = states.get(words[8])
    if found is not None and state is not None:
        conversation.runner.step(found, state[0])


def request_dialog(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a LINE_CREATEDIALOGINSTANCE: a dialog whose instance no response returns (E12)."""
    conversation.dialog_requested = True
