"""The interface of a server for its service provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mstrp.live.server.calls import Call
    from mstrp.live.server.devices import LineDevice
    from protocol.event import Event

__all__ = ["Sink"]


class Sink(Protocol):
    """The events that a provider reports: the LINEEVENT and PHONEEVENT procedures of TSPI as methods."""

    @property
    def lines(self) -> Mapping[int, LineDevice]:
        """The lines with their open handles and calls."""

    def new_call(self, device: int, *, address: int = 0, owned: bool = True, **facts: Any) -> Call:
        """LINE_NEWCALL: register a call that no client made; its first state announces it to clients.

        ``owned``: whether a client can own it; otherwise clients only monitor it.
        """

    def call_state(self, call: Call, state: int, mode: int = 0, *, media: int = 0) -> None:
        """LINE_CALLSTATE: a call has entered a state."""

    def call_info(self, call: Call, changes: int, **facts: Any) -> None:
        """LINE_CALLINFO: call information has changed."""

    def call_gone(self, call: Call) -> None:
        """The provider will report no more events about a call."""

    def device_event(self, device: int, event: type[Event], **fields: Any) -> None:
        """Any other event of a line, to all its open handles (status events: to those that requested them)."""

    def call_event(self, call: Call, event: type[Event], *, to: Any = None, **fields: Any) -> None:
        """Any other event about a call, to all its handles or to the handle ``to``."""

    def phone_event(self, device: int, event: type[Event], **fields: Any) -> None:
        """An event of a phone, to all its open handles (status and button events: to those that requested them)."""

    def line_close(self, device: int) -> None:
        """LINE_CLOSE: close a line and all its calls for all clients."""

    def line_create(self) -> int:
        """LINE_CREATE: add a line; return its device id."""

    def line_remove(self, device: int) -> None:
        """LINE_REMOVE: remove a line permanently."""

    def phone_close(self, device: int) -> None:
        """PHONE_CLOSE: close a phone for all clients."""

    def phone_create(self) -> int:
        """PHONE_CREATE: add a phone; return its device id."""

    def phone_remove(self, device: int) -> None:
        """PHONE_REMOVE: remove a phone permanently."""
