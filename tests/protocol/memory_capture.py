"""A capture in memory that can contain any packet: an attached session with an open event channel."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from mstrp.generate.wire import Wire
from protocol import ndr
from protocol.event import encode_events

if TYPE_CHECKING:
    from pathlib import Path

    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["MemoryCapture"]

_CLIENT, _SERVER = "10.0.0.2", "10.0.0.1"
_PORT = 5151
_HANDLE, _REMOTE = bytes(range(20)), bytes(range(20, 40))
_METHOD = {method.name: method for method in ndr.METHODS.values()}


class MemoryCapture:
    """A capture in memory with an attached session and an open event channel."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()
        wire = Wire(self.stream)
        self.requests = wire.connect((_CLIENT, 50_000), (_SERVER, 5150))
        self.requests.bind(ndr.TAPSRV)
        attach = ndr.ClientAttach(0xFFFFFFFF, "user", f'client"ncacn_ip_tcp"{_PORT}"')
        self._call(self.requests, "ClientAttach", attach, ndr.ClientAttachResult(_HANDLE, 0, 0))
        self.events = wire.connect((_SERVER, 50_001), (_CLIENT, _PORT))
        self.events.bind(ndr.REMOTESP)
        self._call(self.events, "RemoteSPAttach", ndr.RemoteSPAttach(), ndr.RemoteSPAttachResult(_REMOTE, 0))

    @staticmethod
    def _call(connection: Any, name: str, asked: Any, answer: Any) -> None:
        method = _METHOD[name]
        connection.response(method, answer, connection.request(method, asked))

    def ask(self, request: Request, response: Request) -> None:
        """Record a request and its response."""
        asked = ndr.ClientRequest(_HANDLE, request.encode(), request.capacity)
        answer = ndr.ClientRequestResult(response.encode(), max(response.capacity, len(response.encode())))
        self._call(self.requests, "ClientRequest", asked, answer)

    def tell(self, *events: Event) -> None:
        """Record a buffer of events."""
        told = ndr.RemoteSPEventProc(_REMOTE, encode_events(events))
        self._call(self.events, "RemoteSPEventProc", told, ndr.RemoteSPEventProcResult())

    def end(self) -> None:
        """Record the detach of both context handles."""
        null = ndr.NULL_CONTEXT
        self._call(self.events, "RemoteSPDetach", ndr.RemoteSPDetach(_REMOTE), ndr.RemoteSPDetachResult(null))
        self._call(self.requests, "ClientDetach", ndr.ClientDetach(_HANDLE), ndr.ClientDetachResult(null))

    def save(self, path: Path) -> str:
        """Write the capture to a file; return its path."""
        path.write_bytes(self.stream.getvalue())
        return str(path)
