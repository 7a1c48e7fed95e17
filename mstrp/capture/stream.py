"""A byte stream as an RPC association: PDUs cut out of the bytes, calls handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fsm.engine.compiling import mypyc_attr
from mstrp.capture.hints import Setup
from mstrp.capture.tcp import Consumer
from protocol.ndr import REMOTESP
from protocol.rpc.dissect import HEADER, Dissector
from protocol.rpc.dissect import Limits as CallLimits
from protocol.rpc.pdu import Kind
from protocol.unpacking import NATIVE, little16, little32

if TYPE_CHECKING:
    from mypy_extensions import i64

    from mstrp.capture.session import Session
    from mstrp.capture.smb import SmbConnection
    from mstrp.capture.tcp import Endpoint, Half
    from protocol.rpc.dissect import RpcCall

__all__ = ["Connection", "Direction", "Taker"]

_header: Final = HEADER.unpack_from
_KINDS: Final = {kind.value for kind in Kind}
_FROM_CLIENT: Final = {Kind.REQUEST, Kind.BIND, Kind.ALTER_CONTEXT, Kind.AUTH3, Kind.CO_CANCEL, Kind.ORPHANED}
#: How many segments of an unknown stream are looked at before it is left alone.
_PATIENCE: Final = 8
#: How SMB messages begin behind the four bytes of their length: versions 1 and 2, encrypted and compressed.
_SMB: Final = {b"\xffSMB", b"\xfeSMB", b"\xfdSMB", b"\xfcSMB"}


@mypyc_attr(allow_interpreted_subclasses=True)
class Taker:
    """Takes the calls of all connections, and hears what becomes of the connections."""

    def take(self, connection: Connection, call: RpcCall, frame: int, time: float) -> None:
        """A request, an answer or a fault of one of our methods is complete."""
        raise NotImplementedError

    def note(self, frame: int, text: str) -> None:
        """Something is damaged."""
        raise NotImplementedError

    def problems(self, connection: Connection, frame: int) -> None:
        """The association has found something."""
        raise NotImplementedError

    def gap(self, connection: Connection, frame: int, time: float) -> None:
        """Packets are missing."""
        raise NotImplementedError

    def connection_ended(self, connection: Connection, frame: int, time: float) -> None:
        """Nothing more will come."""
        raise NotImplementedError

    def sealed(self, connection: Connection, frame: int) -> None:
        """A connection is over of which calls stayed sealed."""
        raise NotImplementedError

    def skip(self, reason: str, detail: str, packets: int, connections: int = 0, *, known: bool = True) -> None:
        """Count traffic that is not judged; see `mstrp.capture.unread`."""

    def finish(self) -> None:
        """The capture is over."""
        raise NotImplementedError


class Connection:
    """Two directions, and what they turn out to be: a TCP connection, or a named pipe (``pipe`` is its name)."""

    __slots__ = (
        "below",
        "bound",
        "channels",
        "client",
        "directions",
        "dissector",
        "doubted",
        "frame",
        "halves",
        "looks",
        "midway",
        "pipe",
        "server",
        "session",
        "sessions",
        "setup",
        "smb",
        "unbound_told",
    )

    def __init__(
        self,
        sessions: Taker,
        client: Endpoint,
        server: Endpoint,
        midway: bool,
        setup: Setup | None = None,
        pipe: str = "",
        frame: int = 0,
    ) -> None:
        self.sessions = sessions
        self.setup = setup or Setup()
        self.client = client
        self.server = server
        self.pipe = pipe
        #: Whether the connection was there before the capture.
        self.midway = midway
        #: The frame with which it begins here.
        self.frame = frame
        self.dissector: Dissector | None = None
        self.smb: SmbConnection | None = None
        self.halves: list[Half] = []
        #: What a pipe goes through.
        self.below: Connection | None = None
        self.directions: list[Direction] = []
        self.looks = 0
        #: What the last ClientAttach or RemoteSPAttach over it began, and the bindings and event channels by context
        #: handle that were used over it.
        self.session: Session | None = None
        self.bound: dict[bytes, Session] = {}
        self.channels: dict[bytes, Session] = {}
        self.unbound_told = False
        #: Whether packets of it were missing.
        self.doubted = False

    def __str__(self) -> str:
        pipe = f" \\pipe\\{self.pipe}" if self.pipe else ""
        return f"{self.client} → {self.server}{pipe}"

    @property
    def endpoint(self) -> str:
        """What a binding calls the endpoint of the server: its port, or the name of the pipe."""
        return self.pipe or str(self.server.port)

    def recognise(self, data: bytes, from_client: bool) -> bool | None:
        """Whether the stream is DCE/RPC or SMB; None when that cannot be said yet."""
        if len(data) < 16:
            smb = data[:1] == b"\0" and any(magic.startswith(data[4:8]) for magic in _SMB)
            return None if smb or data[:1] == b"\x05" else False
        if data[0] == 0 and data[4:8] in _SMB and not self.pipe:
            self._smb(data, from_client)
            return True
        if data[0] != 5 or data[1] > 1 or data[2] not in _KINDS or data[4] & 0xFE != 0x10:
            return False
        if data[8] + (data[9] << 8) < 16:
            return False
        if self.midway and (Kind(data[2]) in _FROM_CLIENT) is not from_client:
            self._turn()
        setup = self.setup
        self.dissector = Dissector(
            CallLimits(setup.limits.calls, setup.limits.fragments),
            secrets=setup.secrets,
            guess=self.hinted,
            interface=setup.hints.ports.get(self.server.port),
        )
        return True

    @property
    def sessions_known(self) -> bool:
        """Whether a session was seen on it."""
        return self.session is not None or bool(self.bound) or bool(self.channels)

    @property
    def hinted(self) -> bool:
        """Whether the user wants it to be recognised by its content."""
        return self.setup.hints.everywhere or self.server.port in self.setup.hints.ports

    def _turn(self) -> None:
        """It was the other side that opened the connection."""
        self.client, self.server = self.server, self.client
        for direction in self.directions:
            direction.from_client = not direction.from_client

    def _smb(self, data: bytes, from_client: bool) -> None:
        # Here, because most captures have none.
        from mstrp.capture.smb import SmbConnection, is_answer

        if self.midway and is_answer(data) is from_client:
            self._turn()
        self.smb = SmbConnection(self)
        for half, direction in zip(self.halves, self.directions, strict=True):
            half.consumer = self.smb.direction(direction.from_client)

    def consumer(self, half: Half, from_client: bool) -> Consumer:
        """What takes the bytes of one more direction."""
        direction = Direction(self, from_client)
        self.halves.append(half)
        self.directions.append(direction)
        return direction if self.smb is None else self.smb.direction(from_client)

    def carriers(self) -> list[Half]:
        """The TCP directions that its bytes come from; none where a program feeds them."""
        return self.halves if self.below is None else self.below.halves

    def ways(self) -> tuple[Direction, Direction]:
        """What takes the bytes of the server and what those of the client, where they do not come from TCP halves."""
        self.directions = [Direction(self, from_client=False), Direction(self, from_client=True)]
        return self.directions[0], self.directions[1]

    def ignore(self) -> None:
        """The stream is something else: its segments are not looked at any more."""
        for half in self.halves:
            half.drop()

    def ended(self, frame: int, time: float) -> None:
        """Both directions have ended, or the connection was reset."""
        if self.smb is not None:
            self.smb.ended(frame, time)
        if self.dissector is not None:
            self.finish(frame)
            self.sessions.connection_ended(self, frame, time)

    def finish(self, frame: int) -> None:
        """Nothing more will be seen of it, because it ended or because the capture did: say what was odd about it."""
        if self.smb is not None:
            self.smb.finish(frame)
        dissector = self.dissector
        if dissector is None:
            return
        for direction in self.directions:
            direction.finish(frame)
        if sum(dissector.sealed):
            self.sessions.sealed(self, frame)
        if len(self.halves) == 1 and not self.pipe:
            way = "client to server" if self.directions[0].from_client else "server to client"
            self.sessions.note(
                self.frame, f"{self}: only the direction from {way} was captured; what needs both was not judged"
            )
        self._skip(dissector)

    def _skip(self, dissector: Dissector) -> None:
        """Count calls that were not judged: those of one direction, and those whose bind was not captured."""
        if dissector.interfaces and not dissector.concerned:
            return
        if dissector.pending and dissector.interfaces == {REMOTESP.uuid}:
            # Events without their empty responses.
            return
        calls = len(dissector.pending) + dissector.unmatched
        if len(self.carriers()) == 1 and calls:
            asks = bool(dissector.pending)
            self.sessions.skip("one-direction", f"only {'requests' if asks else 'responses'} were captured", calls, 1)
        elif dissector.unbound:
            self.sessions.skip("no-bind", "the bind was not captured (--decode-as content)", dissector.unbound, 1)


class Direction(Consumer):
    """Cuts the bytes of one direction into PDUs."""

    __slots__ = ("buffer", "connection", "from_client", "lost", "sessions")

    def __init__(self, connection: Connection, from_client: bool) -> None:
        self.connection = connection
        self.from_client = from_client
        self.sessions = connection.sessions
        self.buffer = b""
        #: Whether the next byte may be anywhere in a PDU, after a gap.
        self.lost = False

    def feed(self, data: bytes, frame: int, time: float) -> None:
        """The next bytes of the stream."""
        connection = self.connection
        dissector = connection.dissector
        # Types of what the header holds, for the compiler.
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
                # A whole request or response in the clear: nearly all that there is.
                if kind == 0:
                    call = dissector.add_request(call_id, context, opnum, data, 24)
                elif kind == 2:
                    call = dissector.add_response(call_id, data, 24)
                    if call is None:
                        if dissector.missed:
                            self._missed(dissector, frame, time)
                        return
                    if call.method.silent:
                        return
                else:
                    self.deliver(dissector, data, frame, time)
                    return
                if dissector.problems or dissector.dropped:
                    connection.sessions.problems(connection, frame)
                if dissector.missed:
                    self._missed(dissector, frame, time)
                if call is not None:
                    self.sessions.take(connection, call, frame, time)
                return
        if self.buffer:
            if dissector is not None and len(self.buffer) >= 16 and _whole(data):
                self._broken_off(frame)
                self.lose(frame, time)
            data = self.buffer + data
            self.buffer = b""
        if dissector is None:
            known = connection.recognise(data, self.from_client)
            if known is None:
                self.buffer = data
                return
            if not known:
                connection.looks += 1
                if not connection.midway or connection.looks >= _PATIENCE * (100 if connection.hinted else 1):
                    connection.ignore()
                return
            if connection.smb is not None:
                connection.smb.direction(self.from_client).feed(data, frame, time)
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
                    what = f"{self.connection}: no DCE/RPC header where one was expected: {shown}"
                    self.connection.sessions.note(frame, f"{what}; going on at the next one")
                    dissector.mark_gap(self.from_client)
                    self.connection.sessions.gap(self.connection, frame, time)
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
        if dissector.problems or dissector.dropped:
            connection.sessions.problems(connection, frame)
        if dissector.missed:
            self._missed(dissector, frame, time)
        if call is not None:
            self.sessions.take(connection, call, frame, time)

    def _broken_off(self, frame: int) -> None:
        """The PDU under way is shorter than its length says, or its end never comes."""
        size = self.buffer[8] + (self.buffer[9] << 8)
        there = len(self.buffer)
        text = f"{self.connection}: frag_length is {size}, but the PDU ends after {there} bytes"
        self.connection.sessions.note(frame, text)

    def _missed(self, dissector: Dissector, frame: int, time: float) -> None:
        """Something shows that PDUs are missing which no hole in the stream has told of yet."""
        dissector.missed = False
        self.connection.sessions.gap(self.connection, frame, time)

    def gap(self, size: int, frame: int, time: float) -> None:
        """Bytes are missing: the PDU under way is lost, the next boundary has to be found."""
        self.buffer = b""
        connection = self.connection
        dissector = connection.dissector
        if dissector is None:
            # A stream that was not recognised yet may be anything; it may be recognised further on.
            connection.midway = True
            return
        here, there = connection.client, connection.server
        if not self.from_client:
            here, there = there, here
        connection.sessions.note(frame, f"{size} bytes from {here} to {there} are missing before this frame")
        self.lose(frame, time)

    def lose(self, frame: int, time: float) -> None:
        """What was under way is lost."""
        self.buffer = b""
        self.lost = True
        connection = self.connection
        if connection.dissector is not None:
            connection.dissector.mark_gap(self.from_client)
            connection.sessions.gap(connection, frame, time)

    def finish(self, frame: int) -> None:
        """Nothing more will come."""
        if len(self.buffer) >= 16 and not self.lost:
            self._broken_off(frame)
        self.buffer = b""

    def overflow(self, what: str, frame: int) -> None:
        """A limit was hit while bytes waited for missing ones."""
        if self.connection.dissector is not None:
            self.connection.sessions.note(frame, f"{self.connection}: {what}")


def _plausible(data: bytes, position: int, size: int) -> bool:
    """Whether a common header can stand here."""
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
    """Whether a segment is just one PDU: in the middle of another one it shows that the other one is over."""
    if len(data) < 24:
        return False
    size = data[8] + (data[9] << 8)
    return size == len(data) and _plausible(data, 0, size)


def _boundary(data: bytes, position: int) -> int:
    """The next place where a common header can stand that the bytes behind its PDU do not contradict, or -1."""
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
