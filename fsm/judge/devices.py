"""Events about devices: their creation, removal and state, and applications that must start again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.judge.calls import about_call
from fsm.judge.lines import about_line, about_phone, check_context, foreign_line, report_stranger
from fsm.state.instances import Application, Line, Phone
from fsm.tables import application, version
from fsm.tables.bits import OLD
from protocol.constants import LINEDEVSTATE, PHONESTATE, TAPI_VERSION
from protocol.events import PHONE_DEVSPECIFIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsm.conversation import Conversation
    from fsm.engine.row import Event

__all__ = ["about_device", "create_line", "create_phone", "line_state", "phone_state", "remove_line", "remove_phone"]


def about_device(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take an event whose hDevice is a call if Param4 names the line, else the line or phone itself."""
    device, line = words[3], words[9]
    if not device:
        return
    if device in conversation.registry.calls:
        about_call(conversation, words)
    elif device in conversation.registry.reported:
        about_line(conversation, words, device)
    elif words[4] == PHONE_DEVSPECIFIC.msg:
        about_phone(conversation, words, line or device)
    elif line:
        about_line(conversation, words, line)
    else:
        foreign_line(conversation, words, device, bullet="02")


def _applications(conversation: Conversation, kind: str, init_context: int) -> Iterator[Application]:
    """Return the applications that an event is for: only InitContext names them (E18)."""
    for app in tuple(conversation.registry.applications.values()):
        if app.kind == kind and app.init_context in {None, init_context}:
            yield app


def line_state(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a LINE_LINEDEVSTATE."""
    about_line(conversation, words, words[3])
    # With another Param2 the event represents one that the client is too old to know: nothing follows from it.
    if words[6] & LINEDEVSTATE.REINIT and not words[7]:
        _request_restart(conversation, "line", words[1])


def phone_state(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a PHONE_STATE."""
    about_phone(conversation, words, words[3])
    if words[6] & PHONESTATE.REINIT and not words[7]:
        _request_restart(conversation, "phone", words[1])


def _request_restart(conversation: Conversation, kind: str, init_context: int) -> None:
    for app in _applications(conversation, kind, init_context):
        conversation.runner.step(app, application.REINIT_DUE)


def create_line(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a LINE_CREATE."""
    _change(conversation, "line", words, version.CREATED)


def remove_line(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a LINE_REMOVE."""
    _change(conversation, "line", words, version.REMOVED)


def create_phone(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a PHONE_CREATE."""
    _change(conversation, "phone", words, version.CREATED)


def remove_phone(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a PHONE_REMOVE."""
    _change(conversation, "phone", words, version.REMOVED)


def _change(conversation: Conversation, kind: str, words: tuple[int, ...], event: Event) -> None:
    number = words[6]
    check_context(conversation, words)
    for app in _applications(conversation, kind, words[1]):
        if event is version.REMOVED and app.devices is not None and number >= app.devices:
            opened: Line | Phone = Line(number, 1, app) if kind == "line" else Phone(number, 1, app)
            report_stranger(conversation, opened, words[4], f"LINE_REMOVE of device {number}")
        if event is version.CREATED and app.devices is not None:
            app.devices = max(app.devices, number + 1)
        found = app.version(number)
        if found is not None:
            old = kind == "line" and 0 < found.agreed < TAPI_VERSION.V2_0
            conversation.runner.step(found, event, OLD.bit if old else 0, what="LINE_REMOVE")
