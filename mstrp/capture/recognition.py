"""Recognition of TCP streams by their first bytes: DCE/RPC, or SMB with named pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mstrp.capture.pdus import Direction, end_association, finish_association
from mstrp.capture.reassembly import Consumer

if TYPE_CHECKING:
    from mstrp.capture.connection import Connection
    from mstrp.capture.reassembly import Half

__all__ = ["Unrecognised", "add_half", "end", "finish"]

#: Protocol ids of SMB, after the four bytes of the message length: versions 1 and 2, encrypted and compressed.
_SMB: Final = {b"\xffSMB", b"\xfeSMB", b"\xfdSMB", b"\xfcSMB"}


class Unrecognised(Consumer):
    """A direction of a connection until its protocol is known."""

    __slots__ = ("buffer", "direction")

    def __init__(self, direction: Direction) -> None:
        self.direction = direction
        self.buffer = b""

    def feed(self, data: bytes, frame: int, time: float) -> Consumer | None:
        """Process the next bytes; return the consumer of the following ones."""
        direction = self.direction
        connection = direction.connection
        if connection.ignored:
            return None
        if self.buffer:
            data = self.buffer + data
            self.buffer = b""
        if connection.smb is None and connection.dissector is None and _may_be_smb(data):
            if len(data) < 16:
                self.buffer = data
                return self
            _begin_smb(connection, data, direction.from_client)
        if connection.smb is not None:
            return connection.smb.direction(direction.from_client).feed(data, frame, time)
        after = direction.feed(data, frame, time)
        return self if after is not None and connection.dissector is None else after

    def gap(self, size: int, frame: int, time: float) -> None:
        """Handle missing bytes."""
        self.buffer = b""
        self._consumer().gap(size, frame, time)

    def overflow(self, what: str, frame: int) -> None:
        """Report that a limit of reassembly was reached."""
        self._consumer().overflow(what, frame)

    def _consumer(self) -> Consumer:
        connection = self.direction.connection
        if connection.smb is not None:
            return connection.smb.direction(self.direction.from_client)
        return self.direction


def _may_be_smb(data: bytes) -> bool:
    if data[0]:
        return False
    if len(data) < 16:
        return any(magic.startswith(data[4:8]) for magic in _SMB)
    return data[4:8] in _SMB


def _begin_smb(connection: Connection, data: bytes, from_client: bool) -> None:
    # Imported here because most captures contain no SMB.
    from mstrp.capture.smb import SmbConnection, is_answer

    if connection.midway and is_answer(data) is from_client:
        connection.turn()
    connection.smb = SmbConnection(connection)


def add_half(connection: Connection, half: Half, from_client: bool) -> Consumer:
    """Add a TCP direction to a connection; return its consumer."""
    direction = Direction(connection, from_client)
    connection.halves.append(half)
    connection.directions.append(direction)
    return Unrecognised(direction)


def end(connection: Connection, frame: int, time: float) -> None:
    """Handle the end of both directions, or a reset."""
    if connection.smb is not None:
        connection.smb.ended(frame, time)
    end_association(connection, frame, time)


def finish(connection: Connection, frame: int) -> None:
    """Report what is incomplete at the end of the capture."""
    if connection.smb is not None:
        connection.smb.finish(frame)
    finish_association(connection, frame)
