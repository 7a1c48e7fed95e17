"""Generated SMB 2: the tapsrv connection of a scenario, moved into a named pipe (MS-SMB2)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from frames import ACK, SYN, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ANSWER", "ASYNC", "IPC", "Choices", "Smb", "message", "piped"]

_HEADER = Struct("<4sHHIHHIIQIIQ16s")
ANSWER, ASYNC, RELATED = 1, 2, 4
TREE_CONNECT, TREE_DISCONNECT, CREATE, CLOSE, READ, WRITE, IOCTL, QUERY = 3, 4, 5, 6, 8, 9, 11, 16
PENDING, OVERFLOW = 0x103, 0x80000005
SAME = b"\xff" * 16
IPC, DISK = 2, 1


def message(
    command: int, number: int, body: bytes, *, flags: int = 0, status: int = 0, tree: int = 7, following: int = 0
) -> bytes:
    """One command."""
    session = 0x1122_3344_5566
    return (
        _HEADER.pack(b"\xfeSMB", 64, 1, status, command, 1, flags, following, number, 0, tree, session, bytes(16))
        + body
    )


def framed(*commands: bytes) -> bytes:
    """A message of one or several commands, with its length before it."""
    parts = []
    for place, command in enumerate(commands):
        part = command
        if place + 1 < len(commands):
            part += bytes(-len(part) % 8)
            part = part[:20] + len(part).to_bytes(4, "little") + part[24:]
        parts.append(part)
    data = b"".join(parts)
    return len(data).to_bytes(4, "big") + data


def create(number: int, name: str, *, tree: int = 7, flags: int = 0) -> bytes:
    text = name.encode("utf-16-le")
    body = Struct("<HBBI8x8xIIIIIHHII").pack(57, 0, 0, 2, 0x12019F, 0, 7, 1, 0, 120, len(text), 0, 0)
    return message(CREATE, number, body + (text or b"\0"), tree=tree, flags=flags)


def created(number: int, file: bytes, *, status: int = 0) -> bytes:
    body = Struct("<HBBI32x8x8xII").pack(89, 0, 0, 1, 0x80, 0) + file + bytes(8)
    return message(CREATE, number, body, flags=ANSWER, status=status)


def write(number: int, file: bytes, data: bytes, *, flags: int = 0, tree: int = 7) -> bytes:
    body = Struct("<HHIQ16sIIHHI").pack(49, 112, len(data), 0, file, 0, 0, 0, 0, 0) + data
    return message(WRITE, number, body, flags=flags, tree=tree)


def written(number: int, size: int) -> bytes:
    return message(WRITE, number, Struct("<HHIIHH").pack(17, 0, size, 0, 0, 0), flags=ANSWER)


def read(number: int, file: bytes, *, flags: int = 0) -> bytes:
    body = Struct("<HBBIQ16sIIIHH").pack(49, 0, 0, 4280, 0, file, 0, 0, 0, 0, 0) + b"\0"
    return message(READ, number, body, flags=flags)


def was_read(number: int, data: bytes, *, status: int = 0, flags: int = 0) -> bytes:
    body = Struct("<HBBIII").pack(17, 80, 0, len(data), 0, 0) + data
    return message(READ, number, body, flags=ANSWER | flags, status=status)


def pending(number: int, command: int) -> bytes:
    return message(command, number, Struct("<HBBI").pack(9, 0, 0, 0) + b"\0", flags=ANSWER | ASYNC, status=PENDING)


def transceive(number: int, file: bytes, data: bytes) -> bytes:
    body = Struct("<HHI16sIIIIIIII").pack(57, 0, 0x11C017, file, 120, len(data), 0, 0, 0, 4280, 1, 0) + data
    return message(IOCTL, number, body)


def transceived(number: int, file: bytes, data: bytes, *, status: int = 0) -> bytes:
    body = Struct("<HHI16sIIIIII").pack(49, 0, 0x11C017, file, 112, 0, 112, len(data), 0, 0) + data
    return message(IOCTL, number, body, flags=ANSWER, status=status)


def close(number: int, file: bytes) -> bytes:
    return message(CLOSE, number, Struct("<HHI").pack(24, 0, 0) + file)


def closed(number: int) -> bytes:
    return message(CLOSE, number, bytes([60, 0]) + bytes(58), flags=ANSWER)


class Choices(NamedTuple):
    """How a client uses its pipe."""

    #: "write" with reads, or "ioctl" for both in one.
    way: str = "write"
    #: Whether the server answers reads with STATUS_PENDING first.
    interim: bool = False
    #: Most bytes that one read takes; more is left with BUFFER_OVERFLOW.
    room: int = 65_536
    #: Whether the open and the first write are in one compound request.
    compound: bool = False
    #: Whether another pipe and files of a disk share are used in between.
    noise: bool = False
    name: str = "tapsrv"


class Smb:
    """Turns the PDUs of a connection into messages."""

    file = bytes(range(16))
    other = bytes(range(16, 32))

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.number = 0
        self.waiting: list[tuple[str, int]] = []
        self.begun = False

    def _next(self) -> int:
        self.number += 1
        return self.number

    def begin(self) -> Iterator[tuple[bool, bytes]]:
        """Connect the tree."""
        number = self._next()
        share = "\\\\server\\IPC$".encode("utf-16-le")
        yield True, framed(message(TREE_CONNECT, number, Struct("<HHHH").pack(9, 0, 72, len(share)) + share, tree=0))
        yield False, framed(message(TREE_CONNECT, number, Struct("<HBBIII").pack(16, IPC, 0, 0, 0, 0), flags=ANSWER))
        if self.choices.noise:
            number = self._next()
            yield True, framed(message(TREE_CONNECT, number, Struct("<HHHH").pack(9, 0, 72, 2) + b"C\0", tree=0))
            connected = message(
                TREE_CONNECT, number, Struct("<HBBIII").pack(16, DISK, 0, 0, 0, 0), flags=ANSWER, tree=9
            )
            yield False, framed(connected)
            number = self._next()
            yield True, framed(create(number, "srvsvc"))
            yield False, framed(created(number, self.other))
        if not self.choices.compound:
            yield from self._open()

    def _open(self) -> Iterator[tuple[bool, bytes]]:
        number = self._next()
        yield True, framed(create(number, self.choices.name))
        yield False, framed(created(number, self.file))
        self.begun = True

    def client(self, pdu: bytes) -> Iterator[tuple[bool, bytes]]:
        """The client sends a PDU."""
        if self.choices.noise:
            number = self._next()
            yield True, framed(write(number, b"D" * 16, b"\5\0\0\3\x10\0\0\0" + pdu[8:] * 40, tree=9))
            number = self._next()
            yield True, framed(write(number, self.other, bytes(100)))
            yield False, framed(written(number, 100))
        if not self.begun:
            self.begun = True
            first, second, third = self._next(), self._next(), self._next()
            name = self.choices.name
            asked = [create(first, name), write(second, SAME, pdu, flags=RELATED), read(third, SAME, flags=RELATED)]
            yield True, framed(*asked)
            yield False, framed(created(first, self.file), written(second, len(pdu)))
            self.waiting.append(("read", third))
            return
        number = self._next()
        if self.choices.way == "ioctl":
            yield True, framed(transceive(number, self.file, pdu))
            self.waiting.append(("ioctl", number))
            return
        yield True, framed(write(number, self.file, pdu))
        yield False, framed(written(number, len(pdu)))
        number = self._next()
        yield True, framed(read(number, self.file))
        if self.choices.interim:
            yield False, framed(pending(number, READ))
        self.waiting.append(("read", number))

    def server(self, pdu: bytes) -> Iterator[tuple[bool, bytes]]:
        """The server sends a PDU."""
        way, number = self.waiting.pop(0)
        room = self.choices.room
        flags = ASYNC if self.choices.interim else 0
        part, pdu = pdu[:room], pdu[room:]
        status = OVERFLOW if pdu else 0
        if way == "ioctl":
            yield False, framed(transceived(number, self.file, part, status=status))
        else:
            yield False, framed(was_read(number, part, status=status, flags=flags))
        while pdu:
            number = self._next()
            part, pdu = pdu[:room], pdu[room:]
            yield True, framed(read(number, self.file))
            yield False, framed(was_read(number, part, status=OVERFLOW if pdu else 0))

    def end(self) -> Iterator[tuple[bool, bytes]]:
        """The client closes the pipe."""
        number = self._next()
        yield True, framed(close(number, self.file))
        yield False, framed(closed(number))


def piped(segments: list[Segment], choices: Choices | None = None) -> list[Segment]:
    """A scenario whose connection to port 5150 is replaced by a pipe over port 445."""
    smb = Smb(choices or Choices())
    found: list[Segment] = []
    sent: dict[bool, int] = {}
    for segment in segments:
        to_server, from_server = segment.target[1] == 5150, segment.source[1] == 5150
        if not to_server and not from_server:
            found.append(segment)
            continue
        host, port = segment.source if to_server else segment.target
        server = segment.target[0] if to_server else segment.source[0]
        client, pipe = (host, port), (server, 445)
        moved = (
            segment._replace(source=client, target=pipe) if to_server else segment._replace(source=pipe, target=client)
        )
        if segment.flags & SYN:
            sent[to_server] = segment.sequence + 1
            found.append(moved)
            continue
        if segment.flags & 1:
            messages = list(smb.end()) if to_server else []
        elif not segment.data:
            messages = [] if smb.number else list(smb.begin())
        else:
            messages = list(smb.client(segment.data) if to_server else smb.server(segment.data))
        for way, data in messages:
            source, target = (client, pipe) if way else (pipe, client)
            found.append(Segment(segment.time, source, target, sent[way], sent[not way], ACK, data))
            sent[way] += len(data)
        if segment.flags & 1:
            found.append(moved._replace(sequence=sent[to_server], ack=sent.get(not to_server, 0)))
    return found
