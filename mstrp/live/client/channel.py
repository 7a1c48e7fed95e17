"""The client's end of the event channel: an RPC server for the remotesp interface (3.3.4)."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from mstrp.live.listener import Listener, listen
from mstrp.live.transport import ServiceConnection
from protocol.ndr import (
    NULL_CONTEXT,
    REMOTESP,
    RemoteSPAttachResult,
    RemoteSPDetachResult,
    RemoteSPEventProcResult,
)
from protocol.rpc.association import Status
from protocol.rpc.server_association import ServerAssociation

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.live.recorder import Recorder
    from protocol.rpc.association import CallReceived

__all__ = ["Channel"]


class Channel:
    """An endpoint that receives the events of one server."""

    def __init__(
        self,
        *,
        opened: Callable[[], None],
        closed: Callable[[], None],
        events: Callable[[bytes], None],
        lost: Callable[[], None],
        recorder: Recorder | None = None,
        association: dict[str, Any] | None = None,
    ) -> None:
        self._opened = opened
        self._closed = closed
        self._events = events
        self._lost = lost
        self._recorder = recorder
        self._association = association or {}
        self._listener: Listener | None = None
        self._context = NULL_CONTEXT
        self._connections: set[ServiceConnection] = set()
        self.attached = asyncio.Event()
        self.detached = asyncio.Event()

    async def start(self, host: str) -> int:
        """Listen; return the port."""
        self._listener = await listen(self._connection, host, 0)
        return self._listener.port

    def _connection(self) -> ServiceConnection:
        found = ServiceConnection(
            self, ServerAssociation([REMOTESP], **self._association), recorder=self._recorder, patience=10.0
        )
        self._connections.add(found)
        return found

    def called(self, connection: ServiceConnection, call: CallReceived) -> None:
        """Process a call of one of the three methods."""
        value = connection.read(call)
        if value is None:
            return
        match call.method.name:
            case "RemoteSPAttach":
                if self._context != NULL_CONTEXT:
                    connection.answer(call, RemoteSPAttachResult(NULL_CONTEXT, 0x80000048))
                    return
                self._context = bytes(4) + os.urandom(16)
                connection.answer(call, RemoteSPAttachResult(self._context, 0))
                self._opened()
                self.attached.set()
            case "RemoteSPEventProc":
                if value.context != self._context or self._context == NULL_CONTEXT:
                    connection.fault(call, Status.CONTEXT_MISMATCH)
                    return
                connection.answer(call, RemoteSPEventProcResult())
                self._events(value.buffer)
            case _:
                if value.context != self._context:
                    connection.fault(call, Status.CONTEXT_MISMATCH)
                    return
                self._context = NULL_CONTEXT
                connection.answer(call, RemoteSPDetachResult(NULL_CONTEXT))
                self._closed()
                self.detached.set()

    def lost(self, connection: ServiceConnection) -> None:
        """Process the end of a connection of the server."""
        self._connections.discard(connection)
        if self._context != NULL_CONTEXT and not self._connections:
            self._context = NULL_CONTEXT
            self.detached.set()
            self._lost()

    def close(self) -> None:
        """Stop listening and close the connections."""
        if self._listener is not None:
            self._listener.close()
        self._context = NULL_CONTEXT
        for connection in list(self._connections):
            connection.close()
