"""Events of the provider, and their delivery to the clients concerned."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mstrp.live.server.devices import LineDevice, PhoneDevice
from protocol.constants import LINECALLSTATE, LINEPROXYREQUEST, LINEPROXYSTATUS, PHONESTATE, TAPI_VERSION
from protocol.events import (
    LINE_ADDRESSSTATE,
    LINE_CLOSE,
    LINE_CREATE,
    LINE_LINEDEVSTATE,
    LINE_PROXYSTATUS,
    LINE_REMOVE,
    PHONE_BUTTON,
    PHONE_CLOSE,
    PHONE_CREATE,
    PHONE_REMOVE,
    PHONE_STATE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.live.server.attached import Attached
    from mstrp.live.server.calls import Call, Handle
    from mstrp.live.server.devices import App, LineOpen, PhoneOpen
    from mstrp.live.server.server import Server
    from protocol.event import Event

__all__ = ["Reports"]


class Reports:
    """The events of the provider (`mstrp.live.sink.Sink`): their effects, and the clients that receive them."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.lines = server.lines
        self.phones = server.phones

    # -- calls ----------------------------------------------------------------------------------------------------

    def new_call(self, device: int, *, address: int = 0, owned: bool = True, **facts: Any) -> Call:
        """Add a call that no client made; its first state announces it."""
        call = self._server.make_call(device, address, owned=owned)
        _learn(call, facts)
        return call

    def call_state(self, call: Call, state: int, mode: int = 0, *, media: int = 0) -> None:
        """Set the state of a call."""
        if call.pending:
            # The handle was not returned yet: no event may precede it (O10).
            if call.early is None:
                call.early = []
            call.early.append(lambda: self.call_state(call, state, mode, media=media))
            return
        parent = call.parent
        if state == LINECALLSTATE.CONFERENCED and parent is not None and parent.pending:
            # The event refers to the conference, whose handle the completion returns (Q10).
            if parent.early is None:
                parent.early = []
            parent.early.append(lambda: self.call_state(call, state, mode, media=media))
            return
        if call.state & 0x00FFFFFF == LINECALLSTATE.IDLE:
            return  # A call never leaves idle.
        first = not call.state and not call.handles
        call.state = int(state)
        call.mode = int(mode)
        call.entered = time.time()
        if media:
            call.media = int(media)
        if first:
            self._server.announce(call)
        for handle in tuple(call.handles):
            handle.opened.client.tell_state(handle)
        if call.state == LINECALLSTATE.IDLE and not call.handles:
            self.call_gone(call)

    def call_info(self, call: Call, changes: int, **facts: Any) -> None:
        """Report a change of call information."""
        _learn(call, facts)
        if call.state == LINECALLSTATE.IDLE:
            return  # No event is sent for an idle call (2.2.4.2.1.7).
        for handle in tuple(call.handles):
            if handle.told:
                handle.opened.client.tell_info(handle, int(changes))

    def call_gone(self, call: Call) -> None:
        """Remove a call about which the provider reports no more events."""
        if not call.handles:
            device = self.lines.get(call.device)
            if device is not None:
                device.calls.pop(call.number, None)

    def call_event(self, call: Call, event: type[Event], *, to: Handle | None = None, **fields: Any) -> None:
        """Send any other event about a call."""
        for handle in (to,) if to is not None else tuple(call.handles):
            opened = handle.opened
            if not handle.told or handle.value not in opened.handles:
                continue
            word = "device_handle" if "device_handle" in event.layout.by_name else "call"
            contexts = {"init_context": opened.app.context, "open_context": opened.context}
            given: dict[str, Any] = {**contexts, word: handle.value, "remote_line": opened.remote, **fields}
            opened.client.tell_line(opened, event(**given))

    # -- lines ----------------------------------------------------------------------------------------------------

    def device_event(self, device: int, event: type[Event], **fields: Any) -> None:
        """Send any other event of a line."""
        for opened in tuple(self.lines[device].opens):
            if event is LINE_LINEDEVSTATE and not opened.line_states & fields.get("device_states", 0):
                continue
            if event is LINE_ADDRESSSTATE and not opened.address_states & fields.get("address_states", 0):
                continue
            word = "remote_line" if "remote_line" in event.layout.by_name else "device_handle"
            if event.layout.name in {"LINE_DEVSPECIFIC", "LINE_DEVSPECIFICFEATURE", "LINE_AGENTSPECIFIC"}:
                word = "device_handle"
            contexts = {"init_context": opened.app.context, "open_context": opened.context}
            opened.client.tell_line(opened, event(**contexts, **{word: opened.remote}, **fields))

    def line_close(self, device: int) -> None:
        """Close a line for all clients."""
        for opened in tuple(self.lines[device].opens):
            event = LINE_CLOSE(init_context=opened.app.context, open_context=opened.context, remote_line=opened.remote)
            opened.client.tell_line(opened, event)
            self._server.close_line(opened)

    def line_create(self) -> int:
        """Add a line."""
        number = len(self.lines)
        self.lines[number] = LineDevice(number)
        for client, app in self._apps("line"):
            if app.version >= TAPI_VERSION.V1_4:
                client.tell(LINE_CREATE(init_context=app.context, device_id=number))
        return number

    def line_remove(self, device: int) -> None:
        """Remove a line permanently: it is closed first, then every application is notified."""
        self.line_close(device)
        self.lines[device].removed = True
        for client, app in self._apps("line"):
            if app.version >= TAPI_VERSION.V2_0:
                client.tell(LINE_REMOVE(init_context=app.context, device_id=device))

    def _apps(self, kind: str) -> Iterator[tuple[Attached, App]]:
        for client in tuple(self._server.clients.values()):
            for app in tuple(client.apps.values()):
                if app.kind == kind:
                    yield client, app

    def proxy_opened(self, device: LineDevice, opened: LineOpen) -> None:
        """Report a new handler of proxy requests."""
        self._proxy(device, opened, int(LINEPROXYSTATUS.OPEN))

    def proxy_closed(self, device: LineDevice, opened: LineOpen) -> None:
        """Report the end of a handler of proxy requests."""
        self._proxy(device, opened, int(LINEPROXYSTATUS.CLOSE))

    def _proxy(self, device: LineDevice, opened: LineOpen, change: int) -> None:
        served = device.served()
        for other in tuple(device.opens):
            if other is opened or other.version < TAPI_VERSION.V2_2:
                continue
            for kind in opened.serves:
                if change == LINEPROXYSTATUS.CLOSE and kind in served:
                    continue
                self._proxy_status(other, change, kind)
            if change == LINEPROXYSTATUS.OPEN and len(served) == len(LINEPROXYREQUEST.__members__):
                self._proxy_status(other, int(LINEPROXYSTATUS.ALLOPENFORACD), 0)

    @staticmethod
    def _proxy_status(opened: LineOpen, change: int, kind: int) -> None:
        event = LINE_PROXYSTATUS(
            init_context=opened.app.context,
            open_context=opened.context,
            remote_line=opened.remote,
            changes=change,
            request_type=kind,
        )
        opened.client.tell_line(opened, event)

    # -- phones ---------------------------------------------------------------------------------------------------

    def phone_event(self, device: int, event: type[Event], **fields: Any) -> None:
        """Send an event of a phone."""
        for opened in tuple(self.phones[device].opens):
            if event is PHONE_STATE and not opened.phone_states & fields.get("phone_states", 0):
                continue
            if event is PHONE_BUTTON and not (
                opened.button_modes & fields.get("button_mode", 0)
                and opened.button_states & fields.get("button_state", 0)
            ):
                continue
            word = "device_handle" if "device_handle" in event.layout.by_name else "remote_phone"
            contexts = {"init_context": opened.app.context, "open_context": opened.context}
            opened.client.tell_phone(opened, event(**contexts, **{word: opened.remote}, **fields))

    def phone_users(self, device: PhoneDevice, but: PhoneOpen | None) -> None:
        """Report a change of the clients with an open phone."""
        owners = sum(opened.owns for opened in device.opens)
        states = (
            (int(PHONESTATE.OWNER), owners)
            if but is None or but.owns
            else (int(PHONESTATE.MONITORS), len(device.opens) - owners)
        )
        for opened in tuple(device.opens):
            if opened is not but and opened.phone_states & states[0]:
                event = PHONE_STATE(
                    init_context=opened.app.context,
                    open_context=opened.context,
                    remote_phone=opened.remote,
                    phone_states=states[0],
                    param2=states[1],
                )
                opened.client.tell_phone(opened, event)

    def phone_close(self, device: int) -> None:
        """Close a phone for all clients."""
        for opened in tuple(self.phones[device].opens):
            event = PHONE_CLOSE(
                init_context=opened.app.context, open_context=opened.context, remote_phone=opened.remote
            )
            opened.client.tell_phone(opened, event)
            self._server.close_phone(opened)

    def phone_create(self) -> int:
        """Add a phone."""
        number = len(self.phones)
        self.phones[number] = PhoneDevice(number)
        for client, app in self._apps("phone"):
            client.tell(PHONE_CREATE(init_context=app.context, device_id=number))
        return number

    def phone_remove(self, device: int) -> None:
        """Remove a phone permanently."""
        self.phone_close(device)
        self.phones[device].removed = True
        for client, app in self._apps("phone"):
            if app.version >= TAPI_VERSION.V2_0:
                client.tell(PHONE_REMOVE(init_context=app.context, device_id=device))


def _learn(call: Call, facts: dict[str, Any]) -> None:
    if facts:
        if call.facts is None:
            call.facts = {}
        call.facts.update(facts)
        if "related_call_id" in facts:
            call.related = facts["related_call_id"]
        if "media_mode" in facts:
            call.media = facts["media_mode"]
