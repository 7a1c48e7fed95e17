"""The interface between the PDUs of a capture and the methods that they call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from fsm.engine.compiling import mypyc_attr

if TYPE_CHECKING:
    from mstrp.capture.connection import Connection
    from protocol.rpc.dissect import RpcCall

__all__ = ["CallHandler"]


@mypyc_attr(allow_interpreted_subclasses=True)
class CallHandler(ABC):
    """Handler of the calls and the events of all connections."""

    @abstractmethod
    def take(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        """Handle a complete request, response or fault of a TAPI method."""

    @abstractmethod
    def note(self, frame: int, text: str) -> None:
        """Report damage."""

    @abstractmethod
    def problems(self, connection: Connection, frame: int) -> None:
        """Report the problems of an association."""

    @abstractmethod
    def gap(self, connection: Connection, frame: int, time: float) -> None:
        """Handle missing packets of a connection."""

    @abstractmethod
    def connection_ended(self, connection: Connection, frame: int, time: float) -> None:
        """Handle the end of a connection."""

    @abstractmethod
    def sealed(self, connection: Connection, frame: int) -> None:
        """Count the calls of a finished connection that were not decrypted."""

    @abstractmethod
    def skip(self, reason: str, detail: str, packets: int, connections: int = 0, *, known: bool = True) -> None:
        """Count traffic that is not checked; see `mstrp.capture.unread`."""

    @abstractmethod
    def finish(self) -> None:
        """Handle the end of the capture."""
