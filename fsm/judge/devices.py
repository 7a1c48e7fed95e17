"""What the server reports about devices: that they come, that they go, and that applications have to start anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fsm.judge import events as reporting
from fsm.judge.events import Reporting
from fsm.state.instances import Line, Phone
from fsm.tables import device
from fsm.tables.call import OLD
from protocol.constants import LINEDEVSTATE, PHONESTATE, TAPI_VERSION
from protocol.events import (
    LINE_CREATE,
    LINE_LINEDEVSTATE,
    LINE_REMOVE,
    PHONE_CREATE,
    PHONE_REMOVE,
    PHONE_STATE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsm.engine.row import Event
    from fsm.judge.events import Handlers
    from fsm.state.instances import App

__all__ = ["Devices"]


class Devices(Reporting):
    """The part of a conversation that follows what happens to devices and to the applications that use them."""

    def _applications(self, kind: str, init_context: int) -> Iterator[App]:
        """The applications that an event is for: no other word of it tells (E18)."""
        for app in tuple(self.apps.values()):
            if app.kind == kind and app.init_context in {None, init_context}:
                yield app

    # -- applications ---------------------------------------------------------------------------------------------

    def _line_status(self, words: tuple[int, ...]) -> None:
        self._about_line(words, LINE_LINEDEVSTATE.msg, words[3])
        # With another Param2 the event stands for one that the client is too old to know: there is nothing to do.
        if words[6] & LINEDEVSTATE.REINIT and not words[7]:
            self._due("line", words[1])

    def _phone_status(self, words: tuple[int, ...]) -> None:
        self._about_phone(words, PHONE_STATE.msg, words[3])
        if words[6] & PHONESTATE.REINIT and not words[7]:
            self._due("phone", words[1])

    def _due(self, kind: str, init_context: int) -> None:
        for app in self._applications(kind, init_context):
            self.step(app, device.REINIT_DUE)

    # -- devices --------------------------------------------------------------------------------------------------

    def _line_created(self, words: tuple[int, ...]) -> None:
        self._changes("line", words, device.CREATED)

    def _line_removed(self, words: tuple[int, ...]) -> None:
        self._changes("line", words, device.REMOVED)

    def _phone_created(self, words: tuple[int, ...]) -> None:
        self._changes("phone", words, device.CREATED)

    def _phone_removed(self, words: tuple[int, ...]) -> None:
        self._changes("phone", words, device.REMOVED)

    def _changes(self, kind: str, words: tuple[int, ...], event: Event) -> None:
        for app in self._applications(kind, words[1]):
            if event is device.REMOVED and app.devices is not None and words[6] >= app.devices:
                opened: Line | Phone = Line(words[6], 1, app) if kind == "line" else Phone(words[6], 1, app)
                self.report_stranger(opened, words[4], f"LINE_REMOVE of device {words[6]}")
            if event is device.CREATED and app.devices is not None:
                app.devices = max(app.devices, words[6] + 1)
            version = app.version(words[6])
            if version is not None:
                old = kind == "line" and 0 < version.agreed < TAPI_VERSION.V2_0
                self.step(version, event, OLD.bit if old else 0, what="LINE_REMOVE")


#: What this part and those before it do with an event.
HANDLERS: Final[Handlers] = {
    **reporting.HANDLERS,
    LINE_LINEDEVSTATE.msg: Devices._line_status,
    PHONE_STATE.msg: Devices._phone_status,
    LINE_CREATE.msg: Devices._line_created,
    LINE_REMOVE.msg: Devices._line_removed,
    PHONE_CREATE.msg: Devices._phone_created,
    PHONE_REMOVE.msg: Devices._phone_removed,
}
