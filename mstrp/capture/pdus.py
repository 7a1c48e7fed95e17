"""Extract the calls of an RPC association from a byte stream: split it into PDUs, and resynchronize after damage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mstrp.capture.reassembly import Consumer
from protocol.ndr import REMOTESP
from protocol.rpc.dissect import HEADER, Dissector
from protocol.rpc.dissect import Limits as CallLimits
from protocol.rpc.pdu import Kind
from protocol.unpacking import NATIVE, little16, little32

if TYPE_CHECKING:
    from mypy_extensions import i64

    from mstrp.capture.connection import Connection


__all__ = ["Direction", "directions", "end_association", "finish_association"]

_header: Final = HEADER.unpack_from
_KINDS: Final = {kind.value for kind in Kind}
_FROM_CLIENT: Final = {Kind.REQUEST, Kind.BIND, Kind.ALTER_CONTEXT, Kind.AUTH3, Kind.CO_CANCEL, Kind.ORPHANED}
#: Number of segments of an unknown stream that are inspected before it is ignored.
_PATIENCE: Final = 8


class Direction(Consumer):
    """Splits the bytes of one direction into PDUs."""

    __slots__ = ("buffer", "connection", "from_client", "handler", "lost")

    def __init__(self, connection: Connection, from_client: bool) -> None:
        self.connection = connection
        self.from_client = from_client
        self.handler = connection.handler
        self.buffer = b""
        #: Whether the next byte may be at any position of a PDU, after a gap.
        self.lost = False

    def feed(self, data: bytes, frame: int, time: float) -> Direction | None:
        """Process the next bytes; return None if the stream is not RPC."""
        connection = self.connection
        dissector = connection.dissector
        # Types of the header fields, for the compiler.
        version: i64
        kind: i64
        flags: i64
        length: i64
        auth: i64
        call_id: i64
        context: i64
        opnum: i64
        if dissector is not None and not self.buffer and not self.lost and len(data) >= 24:
            if NATIVE:
                version, kind, flags = data[0], data[2], data[3]
                length, auth, call_id = little16(data, 8), little16(data, 10), little32(data, 12)
                context, opnum = little16(data, 20), little16(data, 22)
            else:
                version, kind, flags, length, auth, call_id, context, opnum = _header(data)
            if length == len(data) and flags & 0x83 == 3 and not auth and version == 5:
                # A whole, unencrypted request or response: nearly all PDUs.
                if kind == 0:
                    call = dissector.add_request(call_id, context, opnum, data, 24)
                elif kind == 2:
                    call = dissector.add_response(call_id, data, 24)
                    if call is None:
                        if dissector.missed:
                            self._missed(dissector, frame, time)
                        return self
                    if call.method.silent:
                        return self
                else:
                    self.deliver(dissector, data, frame, time)
                    return self
                if dissector.problems or dissector.dropped:
                    connection.handler.problems(connection, frame)
                if dissector.missed:
                    self._missed(dissector, frame, time)
                if call is not None:
                    self.handler.take(connection, call, frame, time)
                return self
        if self.buffer:
            if dissector is not None and len(self.buffer) >= 16 and _whole(data):
                self._broken_off(frame)
                self.lose(frame, time)
            data = self.buffer + data
            self.buffer = b""
        if dissector is None:
            known = self._recognise(data)
            if known is None:
                self.buffer = data
                return self
            if not known:
                connection.looks += 1
                if not connection.midway or connection.looks >= _PATIENCE * (100 if connection.hinted else 1):
                    connection.ignored = True
                    return None
                return self
            dissector = connection.dissector
            assert dissector is not None
        self._cut(dissector, data, frame, time)
        return self

    def _recognise(self, data: bytes) -> bool | None:
        """Create the dissector if the stream is DCE/RPC; None if more bytes are needed to know."""
        connection = self.connection
        if len(data) < 16:
            return None if data[:1] == b"\x05" else False
        if data[0] != 5 or data[1] > 1 or data[2] not in _KINDS or data[4] & 0xFE != 0x10:
            return False
        if data[8] + (data[9] << 8) < 16:
            return False
        if connection.midway and (Kind(data[2]) in _FROM_CLIENT) is not self.from_client:
            connection.turn()
        setup = connection.setup
        connection.dissector = Dissector(
            CallLimits(setup.limits.calls, setup.limits.fragments),
            secrets=setup.secrets,
            guess=connection.hinted,
            interface=setup.hints.ports.get(connection.server.port),
        )
        return True

    def _cut(self, dissector: Dissector, data: bytes, frame: int, time: float) -> None:
        position = 0
        end = len(data)
        while end - position >= 16:
            size = data[position + 8] + (data[position + 9] << 8)
            if not _plausible(data, position, size):
                found = _boundary(data, position + 1)
                if not self.lost:
                    shown = " ".join(f"{byte:02x}" for byte in data[position : position + 16])
                    what = f"{self.connection}: no DCE/RPC header where one was expected: {shown}"
                    self.connection.handler.note(frame, f"{what}; continuing at the next one")
                    dissector.mark_gap(self.from_client)
                    self.connection.handler.gap(self.connection, frame, time)
                self.lost = True
                if found < 0:
                    position = max(position, end - 15)
                    break
                position = found
                continue
            if end - position < size:
                break
            self.lost = False
            self.deliver(dissector, data[position : position + size], frame, time)
            position += size
        self.buffer = data[position:]

    def deliver(self, dissector: Dissector, pdu: bytes, frame: int, time: float) -> None:
        """Deliver a whole PDU."""
        connection = self.connection
        call = dissector.receive(self.from_client, pdu)
        if dissector.problems or dissector.dropped:
            connection.handler.problems(connection, frame)
        if dissector.missed:
            self._missed(dissector, frame, time)
        if call is not None:
            self.handler.take(connection, call, frame, time)

    def _broken_off(self, frame: int) -> None:
        """Discard the current PDU: it is shorter than its length, or its end is missing."""
        size = self.buffer[8] + (self.buffer[9] << 8)
        there = len(self.buffer)
        text = f"{self.connection}: frag_length is {size}, but the PDU ends after {there} bytes"
        self.connection.handler.note(frame, text)

    def _missed(self, dissector: Dissector, frame: int, time: float) -> None:
        """Handle a sign of missing PDUs that no gap of the stream has reported."""
        dissector.missed = False
        self.connection.handler.gap(self.connection, frame, time)

    def gap(self, size: int, frame: int, time: float) -> None:
        """Handle missing bytes: discard the current PDU and search for the next boundary."""
        self.buffer = b""
        connection = self.connection
        dissector = connection.dissector
        if dissector is None:
            # A stream that is not recognized yet may be recognized later.
            connection.midway = True
            return
        here, there = connection.client, connection.server
        if not self.from_client:
            here, there = there, here
        connection.handler.note(frame, f"{size} bytes from {here} to {there} are missing before this frame")
        self.lose(frame, time)

    def lose(self, frame: int, time: float) -> None:
        """Discard the current PDU."""
        self.buffer = b""
        self.lost = True
        connection = self.connection
        if connection.dissector is not None:
            connection.dissector.mark_gap(self.from_client)
            connection.handler.gap(connection, frame, time)

    def finish(self, frame: int) -> None:
        """Report incomplete data at the end."""
        if len(self.buffer) >= 16 and not self.lost:
            self._broken_off(frame)
        self.buffer = b""

    def overflow(self, what: str, frame: int) -> None:
        """Report that a limit was reached while bytes were buffered."""
        if self.connection.dissector is not None:
            self.connection.handler.note(frame, f"{self.connection}: {what}")


def _plausible(data: bytes, position: int, size: int) -> bool:
    """Return whether a common header is possible at this position."""
    return (
        data[position] == 5
        and data[position + 1] <= 1
        and data[position + 2] in _KINDS
        and data[position + 4] == 0x10
        and data[position + 5 : position + 8] == b"\0\0\0"
        and size >= 16
        and size >= 16 + data[position + 10] + (data[position + 11] << 8)
    )


def _whole(data: bytes) -> bool:
    """Return whether a segment is exactly one PDU: inside another PDU, this shows that the other one has ended."""
    if len(data) < 24:
        return False
    size = data[8] + (data[9] << 8)
    return size == len(data) and _plausible(data, 0, size)


def _boundary(data: bytes, position: int) -> int:
    """Return the next possible position of a common header that the following bytes do not contradict, or -1."""
    while True:
        position = data.find(b"\x05", position, len(data) - 15)
        if position < 0:
            return -1
        size = data[position + 8] + (data[position + 9] << 8)
        if _plausible(data, position, size):
            behind = position + size
            if behind + 16 > len(data) or _plausible(data, behind, data[behind + 8] + (data[behind + 9] << 8)):
                return position
        position += 1


def directions(connection: Connection) -> tuple[Direction, Direction]:
    """Create the directions of a connection that is not a TCP connection: the server's and the client's."""
    connection.directions = [Direction(connection, from_client=False), Direction(connection, from_client=True)]
    return connection.directions[0], connection.directions[1]


def end_association(connection: Connection, frame: int, time: float) -> None:
    """Handle the end of both directions, or a reset."""
    if connection.dissector is not None:
        finish_association(connection, frame)
        connection.handler.connection_ended(connection, frame, time)


def finish_association(connection: Connection, frame: int) -> None:
    """Report incomplete data, because the connection or the capture has ended."""
    dissector = connection.dissector
    if dissector is None:
        return
    for direction in connection.directions:
        direction.finish(frame)
    if sum(dissector.sealed):
        connection.handler.sealed(connection, frame)
    if len(connection.halves) == 1 and not connection.pipe:
        way = "client to server" if connection.directions[0].from_client else "server to client"
        text = f"{connection}: only the direction from {way} was captured; rules that need both were not checked"
        connection.handler.note(connection.frame, text)
    _skip(connection, dissector)


def _skip(connection: Connection, dissector: Dissector) -> None:
    """Count calls that were not checked: those of one direction, and those without a captured bind."""
    if dissector.interfaces and not dissector.concerned:
        return
    if dissector.pending and dissector.interfaces == {REMOTESP.uuid}:
        # Events without their empty responses.
        return
    calls = len(dissector.pending) + dissector.unmatched
    if len(connection.carriers()) == 1 and calls:
        asks = bool(dissector.pending)
        connection.handler.skip("one-direction", f"only {'requests' if asks else 'responses'} were captured", calls, 1)
    elif dissector.unbound:
        connection.handler.skip("no-bind", "the bind was not captured (--decode-as content)", dissector.unbound, 1)
