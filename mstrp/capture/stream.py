"""A TCP connection as an RPC association: PDUs cut out of the bytes, calls handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.rpc.dissect import HEADER, Dissector
from protocol.rpc.pdu import Kind

if TYPE_CHECKING:
    from mstrp.capture.sessions import Sessions
    from mstrp.capture.tcp import Endpoint, Half

__all__ = ["Connection", "Direction"]

_header = HEADER.unpack_from
_KINDS = {kind.value for kind in Kind}
_FROM_CLIENT = {Kind.REQUEST, Kind.BIND, Kind.ALTER_CONTEXT, Kind.AUTH3, Kind.CO_CANCEL, Kind.ORPHANED}
#: Bytes of a PDU that is not complete yet; a PDU's length field cannot say more.
_LARGEST = 65_535
#: How many segments of an unknown stream are looked at before it is left alone.
_PATIENCE = 8


class Connection:
    """Two directions, and what they turn out to be."""

    __slots__ = (
        "client",
        "directions",
        "dissector",
        "frames",
        "halves",
        "looks",
        "midway",
        "server",
        "session",
        "sessions",
        "unbound_told",
    )

    def __init__(self, sessions: Sessions, client: Endpoint, server: Endpoint, midway: bool) -> None:
        self.sessions = sessions
        self.client = client
        self.server = server
        #: Whether the connection was there before the capture.
        self.midway = midway
        self.dissector: Dissector | None = None
        self.halves: list[Half] = []
        self.directions: list[Direction] = []
        self.looks = 0
        self.frames = 0
        self.session: object = None
        self.unbound_told = False

    def recognise(self, data: bytes, from_client: bool) -> bool | None:
        """Whether the stream is DCE/RPC; None when that cannot be said yet."""
        if len(data) < 16:
            return None if data[:1] == b"\x05" else False
        if data[0] != 5 or data[1] > 1 or data[2] not in _KINDS or data[4] & 0xFE != 0x10:
            return False
        if data[8] + (data[9] << 8) < 16:
            return False
        if self.midway and (Kind(data[2]) in _FROM_CLIENT) is not from_client:
            self.client, self.server = self.server, self.client
            for direction in self.directions:
                direction.from_client = not direction.from_client
        self.dissector = Dissector()
        return True

    def ignore(self) -> None:
        """The stream is something else: its segments are not looked at any more."""
        for half in self.halves:
            half.ignored = True
            half.waiting.clear()
            half.holes.pop(half.key, None)
            half.consumer = None

    def ended(self, frame: int, time: float) -> None:
        """Both directions have ended, or the connection was reset."""
        if self.dissector is not None:
            self.sessions.connection_ended(self, frame, time)


class Direction:
    """Cuts the bytes of one direction into PDUs."""

    __slots__ = ("buffer", "connection", "from_client", "handlers", "lost")

    def __init__(self, connection: Connection, from_client: bool) -> None:
        self.connection = connection
        self.from_client = from_client
        self.handlers = connection.sessions.handlers
        self.buffer = b""
        #: Whether the next byte may be anywhere in a PDU, after a gap.
        self.lost = False

    def feed(self, data: bytes, frame: int, time: float) -> None:
        """The next bytes of the stream."""
        connection = self.connection
        dissector = connection.dissector
        if dissector is not None and not self.buffer and not self.lost and len(data) >= 24:
            version, kind, flags, length, auth, call_id, context, opnum = _header(data)
            if length == len(data) and flags & 0x83 == 3 and not auth and version == 5:
                # A whole request or response in the clear: nearly all that there is.
                if kind == 0:
                    call = dissector.request(call_id, context, opnum, data, 24)
                elif kind == 2:
                    call = dissector.response(call_id, data, 24)
                    if call is None:
                        if dissector.missed:
                            self._missed(dissector, frame, time)
                        return
                    if call.method.silent:
                        return
                else:
                    self.deliver(dissector, data, frame, time)
                    return
                if dissector.problems:
                    connection.sessions.problems(connection, frame)
                    if dissector.missed:
                        self._missed(dissector, frame, time)
                if call is not None:
                    self.handlers[call.method.name](connection, call, frame, time)
                return
        if self.buffer:
            data = self.buffer + data
            self.buffer = b""
        if dissector is None:
            known = connection.recognise(data, self.from_client)
            if known is None:
                self.buffer = data
                return
            if not known:
                connection.looks += 1
                if not connection.midway or connection.looks >= _PATIENCE:
                    connection.ignore()
                return
            dissector = connection.dissector
            assert dissector is not None
        self._cut(dissector, data, frame, time)

    def _cut(self, dissector: Dissector, data: bytes, frame: int, time: float) -> None:
        position = 0
        end = len(data)
        while end - position >= 16:
            size = data[position + 8] + (data[position + 9] << 8)
            if not _plausible(data, position, size):
                found = _boundary(data, position + 1)
                if not self.lost:
                    shown = " ".join(f"{byte:02x}" for byte in data[position : position + 16])
                    what = f"no DCE/RPC header where one was expected: {shown}"
                    self.connection.sessions.note(frame, f"{what}; going on at the next one")
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
        """A whole PDU."""
        connection = self.connection
        call = dissector.receive(self.from_client, pdu)
        if dissector.problems:
            connection.sessions.problems(connection, frame)
        if dissector.missed:
            self._missed(dissector, frame, time)
        if call is not None:
            self.handlers[call.method.name](connection, call, frame, time)

    def _missed(self, dissector: Dissector, frame: int, time: float) -> None:
        """Something shows that PDUs are missing which no hole in the stream has told of yet."""
        dissector.missed = False
        self.connection.sessions.gap(self.connection, frame, time)

    def gap(self, size: int, frame: int, time: float) -> None:
        """Bytes are missing: the PDU under way is lost, the next boundary has to be found."""
        self.buffer = b""
        self.lost = True
        dissector = self.connection.dissector
        if dissector is not None:
            dissector.gap(self.from_client)
            self.connection.sessions.gap(self.connection, frame, time)


def _plausible(data: bytes, position: int, size: int) -> bool:
    """Whether a common header can stand here."""
    return (
        data[position] == 5
        and data[position + 1] <= 1
        and data[position + 2] in _KINDS
        and data[position + 4] == 0x10
        and data[position + 5 : position + 8] == b"\0\0\0"
        and size >= 16
    )


def _boundary(data: bytes, position: int) -> int:
    """The next place where a common header can stand, or -1."""
    while True:
        position = data.find(b"\x05", position, len(data) - 15)
        if position < 0:
            return -1
        if _plausible(data, position, data[position + 8] + (data[position + 9] << 8)):
            return position
        position += 1
