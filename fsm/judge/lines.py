"""Events about open lines and phones: their handles, contexts and forced ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fsm.engine.machine import believe
from fsm.state.instances import Application, Line, Phone
from fsm.tables import handle, line
from fsm.tables.application import ADDRESSED
from fsm.tables.bits import IN_FLIGHT
from protocol.event import EVENTS
from protocol.fields import Handle, HandleType

if TYPE_CHECKING:
    from fsm.conversation import Conversation
    from fsm.engine.row import Event

__all__ = [
    "about_line",
    "about_named_line",
    "about_named_phone",
    "about_phone",
    "adopt_line",
    "check_context",
    "check_contexts",
    "close_line",
    "close_phone",
    "foreign_line",
    "places",
    "report_stranger",
]

#: Foreign contexts that are kept.
_LIMIT: Final = 1024
_LINE: Final = Line.machine.cells
_PHONE: Final = Phone.machine.cells


def places(type_: HandleType) -> dict[int, int]:
    """Return the word in which events carry a handle of a type, by Msg."""
    found: dict[int, int] = {}
    for number, event in EVENTS.items():
        for field in event.layout.fields:
            if isinstance(field, Handle) and field.type is type_:
                found.setdefault(number, field.index)
    return found


_LINE_WORD: Final = places(HandleType.HLINE)
_PHONE_WORD: Final = places(HandleType.HPHONE)


def about_named_line(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take an event about the line that it names."""
    place = _LINE_WORD[words[4]]
    # A record that ends before that word names no line.
    if place < len(words):
        about_line(conversation, words, words[place])


def about_named_phone(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take an event about the phone that it names."""
    about_phone(conversation, words, words[_PHONE_WORD[words[4]]])


def about_line(conversation: Conversation, words: tuple[int, ...], reported: int) -> None:
    """Take an event about a line."""
    found = conversation.registry.reported.get(reported)
    if found is not None:
        conversation.runner.step(found, handle.REPORTS_ON)
        check_contexts(conversation, found, words)
    elif reported:
        foreign_line(conversation, words, reported)


def about_phone(conversation: Conversation, words: tuple[int, ...], reported: int) -> None:
    """Take an event about a phone."""
    found = conversation.registry.reported_phones.get(reported)
    if found is not None:
        conversation.runner.step(found, handle.REPORTS_ON)
        check_contexts(conversation, found, words)
    elif reported:
        _foreign_phone(conversation, words, reported, handle.REPORTS_ON)


def foreign_line(
    conversation: Conversation,
    words: tuple[int, ...],
    reported: int,
    event: Event = handle.REPORTS_ON,
    *,
    bullet: str = "01",
) -> Line | None:
    """Take an event for a line handle that is not open: closed a moment ago, or absent."""
    registry = conversation.registry
    ended = registry.ended_reported.get(reported)
    if ended is not None and (not registry.may_be_in_use(ended.ended) or registry.events_in_flight(ended.ended)):
        flags = IN_FLIGHT.bit if registry.events_in_flight(ended.ended) else 0
        conversation.runner.step(ended, event, flags, what=EVENTS[words[4]].__name__)
        return ended
    if registry.partial or reported in registry.opening:
        found = _unseen(conversation, reported)
        registry.reported[reported] = found
        return found
    report_stranger(conversation, Line(reported, 1, None), words[4], EVENTS[words[4]].__name__, bullet)
    return None


def adopt_line(conversation: Conversation, handle: int) -> Line:
    """Register a line that was opened before the beginning, by the handle in requests.

    Which handle its events carry is not known: the two are numbers of different sides (hLine, hRemoteLine).
    """
    found = _unseen(conversation, handle)
    conversation.registry.lines[handle] = found
    return found


def _unseen(conversation: Conversation, handle: int) -> Line:
    """Return a line whose Open was not seen."""
    found = Line(handle, 1, None, conversation.registry.line_flags)
    believe(found, 1 << line.LineState.OPEN, found.flags)
    return found


def report_stranger(
    conversation: Conversation, stranger: Line | Phone, message: int, what: str, bullet: str = "01"
) -> None:
    """Report, once for each rule, an event for a device that the client does not have: it ignores it (3.3.4.2)."""
    before = stranger.mask
    runner = conversation.runner
    move = stranger.machine.may(stranger, handle.REPORTS_ON)
    rule = f"TRP-3.3.4.2-M{message:03X}-{bullet}"
    if runner.role is not None:
        runner.refuse(stranger, handle.REPORTS_ON, move, rule)
    if rule not in conversation.reported_rules:
        conversation.reported_rules.add(rule)
        runner.report(stranger, handle.REPORTS_ON, before, move, what=what, rule=rule)


def close_line(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a LINE_CLOSE."""
    found = conversation.registry.reported.get(words[3])
    if found is None:
        foreign_line(conversation, words, words[3], handle.FORCED)
        return
    check_contexts(conversation, found, words)
    conversation.runner.step(found, handle.FORCED, what="LINE_CLOSE")
    found.retire(conversation.registry)


def close_phone(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a PHONE_CLOSE."""
    found = conversation.registry.reported_phones.get(words[3])
    if found is None:
        _foreign_phone(conversation, words, words[3], handle.FORCED)
        return
    check_contexts(conversation, found, words)
    conversation.runner.step(found, handle.FORCED, what="PHONE_CLOSE")
    found.retire(conversation.registry)


def _foreign_phone(conversation: Conversation, words: tuple[int, ...], reported: int, event: Event) -> None:
    registry = conversation.registry
    what = EVENTS[words[4]].__name__
    ended = registry.ended_reported_phones.get(reported)
    if ended is not None and (not registry.may_be_in_use(ended.ended) or registry.events_in_flight(ended.ended)):
        flags = IN_FLIGHT.bit if registry.events_in_flight(ended.ended) else 0
        conversation.runner.step(ended, event, flags, what=what)
    elif not registry.partial and reported not in registry.opening:
        report_stranger(conversation, Phone(reported, 1, None), words[4], what)


def check_contexts(conversation: Conversation, opened: Line | Phone, words: tuple[int, ...]) -> None:
    """Check that InitContext and OpenContext are those of the client (V13); reported once for each line or phone."""
    expected = opened.open_context
    if expected is not None and words[5] != expected:
        opened.open_context = None
        what = f"{_event_name(words[4])} with OpenContext {words[5]:#x}"
        conversation.runner.step(opened, handle.FOREIGN, what=what)
    app = opened.app
    if app is not None and app.init_context is not None and words[1] != app.init_context:
        app.init_context = None
        what = f"{_event_name(words[4])} with InitContext {words[1]:#x}"
        conversation.runner.step(opened, handle.FOREIGN, what=what)


def check_context(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Check the InitContext of an event that names no line or phone: a client ignores foreign ones (3.3.4.2)."""
    registry, context = conversation.registry, words[1]
    if context == registry.trusted_context or registry.partial:
        return
    for app in registry.applications.values():
        if app.init_context == context:
            registry.trusted_context = context
            return
        if app.init_context is None:
            return
    if context in registry.initializing.values() or context in conversation.foreign_contexts:
        return
    ended = registry.ended_contexts.get(context)
    flags = IN_FLIGHT.bit if ended is not None and registry.events_in_flight(ended.ended) else 0
    where = f"InitContext {context:#x}"
    found = Application(0, 1, "line", context) if ended is None else ended
    what = _event_name(words[4])
    broken = conversation.runner.step(found, ADDRESSED, flags, what=what, where=where).rule
    if broken and len(conversation.foreign_contexts) < _LIMIT:
        # Reported once for each context.
        conversation.foreign_contexts.add(context)


def _event_name(message: int) -> str:
    event: Any = EVENTS.get(message)
    return f"event {message:#x}" if event is None else str(event.__name__)
