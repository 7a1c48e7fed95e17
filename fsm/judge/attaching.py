"""ClientAttach and its result, damaged stubs and buffers of events, and event channels that are left open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fsm.engine.levels import Fault, Level
from fsm.judge.violations import report
from fsm.rules.attach import broken_by
from fsm.tables.channel import ChannelState
from protocol.ndr import ALL_DEVICES, MANAGEMENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fsm.conversation import Conversation
    from fsm.state.instances import Transaction
    from protocol.ndr import ClientAttach, ClientAttachResult
    from protocol.problem import Problem

__all__ = ["check_attach", "check_channel", "check_marker", "report_damage", "report_endpoint"]

_OPEN: Final = 1 << ChannelState.OPEN


def check_attach(conversation: Conversation, asked: ClientAttach, result: ClientAttachResult) -> None:
    """Report the rules that a ClientAttach and its result break (3.1.4.1)."""
    facts = conversation.registry.facts
    for broken, detail in broken_by(asked, result):
        side = "server responded to" if broken.fault == "server" else "client sent"
        summary = f"{side} ClientAttach in violation of the rule that {broken.summary}: {detail}"
        report(conversation, broken.rule, "3.1.4.1", summary, fault=Fault(broken.fault), event="ClientAttach")
    if result.result == 0:
        facts.marker = result.async_events_event
        if asked.process_id == MANAGEMENT and facts.administrator is False:
            summary = "server let a client attach with lProcessID -3 that is not an administrator"
            report(conversation, "TRP-3.1.4.1-10", "3.1.4.1", summary, event="ClientAttach")


def check_marker(conversation: Conversation, transaction: Transaction) -> None:
    """Check, when NegotiateAPIVersionForAllDevices is accepted, that ClientAttach announced support for it."""
    facts = conversation.registry.facts
    marker = facts.marker
    if marker is not None and marker != ALL_DEVICES and conversation.model != "management":
        facts.marker = None
        summary = (
            f"server accepted NegotiateAPIVersionForAllDevices although ClientAttach returned {marker:#010x}, "
            f"not {ALL_DEVICES:#010x}, in phAsyncEventsEvent"
        )
        frame = transaction.frame
        report(conversation, "TRP-3.1.4.1-01", "3.1.4.1", summary, event="ClientAttach", request_frame=frame)


def report_damage(conversation: Conversation, problems: Iterable[Problem], *, stub: bool) -> None:
    """Report a buffer of events that cannot be read to its end (3.3.4.2), or whose stub contradicts itself (3.3.4)."""
    for problem in problems:
        rule = "TRP-3.3.4-01" if stub else problem.rule
        if rule:
            summary = f"server sent a damaged event buffer: {problem.field}: {problem.detail}"
            section = "3.3.4" if stub else "3.3.4.2"
            report(conversation, rule, section, summary, machine="channel", event="events")


def report_endpoint(conversation: Conversation, used: str, named: str, *, certain: bool) -> None:
    """Report an event channel at another endpoint than those that the client named (3.3.4.2).

    It is certain if its events have an InitContext of the client; if only its time shows whose it is, addresses may
    have been translated.
    """
    summary = f"server opened the event channel at endpoint {used}, but ClientAttach named {named}"
    if not certain:
        summary += "; only its time shows that it is the channel of this client (addresses may have been translated)"
    level = Level.MUST if certain else Level.SUSPICIOUS
    report(conversation, "TRP-3.3.4.2-01", "3.3.4.2", summary, level=level, machine="channel", event="RemoteSPAttach")


def check_channel(conversation: Conversation, until: float, timeout: float) -> None:
    """Report, at the end, an event channel that the server left open after ClientDetach (3.1.4.3).

    It is certain only if the end was seen: no packet shows whether the last ones of the event connection are missing.
    """
    registry = conversation.registry
    binding = registry.binding
    is_open = binding.detached and registry.channel.mask == _OPEN
    if is_open and not registry.partial and until - binding.ended > timeout:
        summary = "server left the event channel open after ClientDetach, without RemoteSPDetach"
        if not registry.end_seen:
            summary += "; or the last packets of its connection are missing"
        level = Level.MUST if registry.end_seen else Level.SUSPICIOUS
        event = "end of the conversation"
        report(conversation, "TRP-3.1.4.3-02", "3.1.4.3", summary, level=level, machine="channel", event=event)
