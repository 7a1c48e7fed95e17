"""Named pipes in SMB 2 and 3 (MS-SMB2): the data written to and read from each, as a separate stream.

Only messages about pipes are read: those that open, use and close files on the pipe share. All others, especially file
contents, are skipped without buffering.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from mstrp.capture.connection import Connection
from mstrp.capture.pdus import directions, end_association, finish_association
from mstrp.capture.reassembly import Consumer

if TYPE_CHECKING:
    from mstrp.capture.pdus import Direction

__all__ = ["SmbConnection", "is_answer"]

#: Start of a header in the clear (with its structure size), encrypted and compressed, and of version 1.
_PLAIN, _ENCRYPTED, _COMPRESSED, _VERSION1 = b"\xfeSMB\x40\0", b"\xfdSMB", b"\xfcSMB", b"\xffSMB"
#: Structure size, credit charge, status, command, credits, flags, offset of the next command, message id, the tree
#: (with the preceding field), session id.
_HEADER = Struct("<4xHHIHHIIQ4sIQ16x")
_ANSWER, _ASYNC, _RELATED = 0x1, 0x2, 0x4
_LOGOFF, _TREE_CONNECT, _TREE_DISCONNECT, _CREATE, _CLOSE, _READ, _WRITE, _IOCTL = 2, 3, 4, 5, 6, 8, 9, 11
_LOOKED_AT = {_LOGOFF, _TREE_CONNECT, _TREE_DISCONNECT, _CREATE, _CLOSE, _READ, _WRITE, _IOCTL}
_PENDING = 0x103
_TRANSCEIVE = 0x0011C017
_PIPE_SHARE = 2
#: Number of bytes of a message required to decide whether it is relevant.
_ENOUGH = 4 + 64 + 32
#: Maximum size of messages with pipe data; larger ones are skipped.
_LARGEST = 1 << 20
#: Maximum length kept of a pipe name.
_LONGEST = 512
#: A message without content that keeps a connection open (RFC 1002, 4.3.5).
_KEEP_ALIVE = 0x85
#: A file id in a compound request that refers to the file of the previous request.
_SAME = b"\xff" * 16


def is_answer(data: bytes) -> bool:
    """Return whether a message, with the four bytes before it, was sent by the server."""
    return bool(data[13] & 0x80 if data[4] == 0xFF else len(data) > 20 and data[20] & 1)


class _ShortError(Exception):
    """A message shorter than its content."""


class _Pipe:
    """An open pipe."""

    __slots__ = ("closed", "connection", "tree", "ways")

    def __init__(self, connection: Connection, tree: tuple[int, int]) -> None:
        self.connection = connection
        self.tree = tree
        self.closed = False
        #: The directions of server and client: ``ways[from_client]``.
        self.ways: tuple[Direction, Direction] = directions(connection)

    def feed(self, from_client: bool, data: bytes, frame: int, time: float) -> None:
        connection = self.connection
        if data and (connection.dissector is not None or connection.looks < 1):
            self.ways[from_client].feed(data, frame, time)


class SmbConnection:
    """The pipes of one TCP connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.handler = connection.handler
        self.limits = connection.setup.limits
        self.pipes: dict[tuple[int, bytes], _Pipe] = {}
        #: Whether known trees are the pipe share, by session and tree.
        self.trees: dict[tuple[int, int], bool] = {}
        #: Requests with significant responses, by message id: the command, and its pipe.
        self.pending: dict[int, tuple[int, _Pipe | None]] = {}
        self._ways = (_Way(self, from_client=False), _Way(self, from_client=True))
        self._told: set[str] = set()

    def direction(self, from_client: bool) -> _Way:
        """Return the consumer of the bytes of one side."""
        return self._ways[from_client]

    def tell(self, frame: int, text: str) -> None:
        """Report a note, once for each kind and connection."""
        if text not in self._told:
            self._told.add(text)
            self.handler.note(frame, f"{self.connection}: {text}")

    # -- messages -------------------------------------------------------------------------------------------------

    def matters(self, message: bytes) -> bool:
        """Return whether a message must be read completely, from its first bytes."""
        _, _, _, command, _, flags, following, number, _, tree, session = _HEADER.unpack_from(message)
        if following:
            return True
        if command == _READ:
            return not flags & _ANSWER or number in self.pending
        if command == _WRITE and not flags & _ANSWER:
            return self.trees.get((session, tree), True) and len(message) >= _ENOUGH - 4
        return command in _LOOKED_AT

    def message(self, data: bytes, frame: int, time: float) -> None:
        """Process a whole message, possibly with several commands."""
        position = 0
        last: _Pipe | None = None
        while position + 64 <= len(data):
            _, _, status, command, _, flags, following, number, _, tree, session = _HEADER.unpack_from(data, position)
            end = min(position + following, len(data)) if following >= 64 else len(data)
            body = data[position + 64 : end]
            try:
                if flags & _ANSWER:
                    if not (status == _PENDING and flags & _ASYNC):
                        self._answer(command, status, number, (session, tree), data[position:end], body, frame, time)
                elif command in _LOOKED_AT:
                    related = last if flags & _RELATED else None
                    last = self._request(
                        command, number, (session, tree), data[position:end], body, related, frame, time
                    )
            except _ShortError:
                self.tell(frame, f"an SMB message of command {command} is shorter than its content")
            if following < 64:
                return
            position += following

    def _request(
        self,
        command: int,
        number: int,
        tree: tuple[int, int],
        message: bytes,
        body: bytes,
        related: _Pipe | None,
        frame: int,
        time: float,
    ) -> _Pipe | None:
        if command == _CREATE:
            pipe = self._create(tree, message, body, frame)
            if pipe is not None:
                self._wait(number, command, pipe)
            return pipe
        if command in (_TREE_CONNECT, _LOGOFF, _TREE_DISCONNECT):
            self._wait(number, command, None)
            return None
        at = {_CLOSE: 8, _READ: 16, _WRITE: 16, _IOCTL: 8}[command]
        file = body[at : at + 16]
        pipe = related if file == _SAME else self.pipes.get((tree[0], file))
        written = b""
        if command == _WRITE:
            written = _part(message, int.from_bytes(body[2:4], "little"), int.from_bytes(body[4:8], "little"))
        elif command == _IOCTL:
            if int.from_bytes(body[4:8], "little") != _TRANSCEIVE:
                return pipe
            written = _part(message, int.from_bytes(body[24:28], "little"), int.from_bytes(body[28:32], "little"))
        if pipe is None and file != _SAME and self.trees.get(tree, True) and _looks_right(written):
            pipe = self._opened("?", tree, frame, midway=True)
            self._keep((tree[0], file), pipe, frame, time)
        if pipe is None:
            return None
        if command != _WRITE:
            self._wait(number, command, pipe)
        if written:
            pipe.feed(True, written, frame, time)
        return pipe

    def _create(self, tree: tuple[int, int], message: bytes, body: bytes, frame: int) -> _Pipe | None:
        """Handle a create request: on the pipe share, or an unknown share, the file is a pipe."""
        if not self.trees.get(tree, True):
            return None
        name = _part(message, int.from_bytes(body[44:46], "little"), int.from_bytes(body[46:48], "little"))
        return self._opened(name[:_LONGEST].decode("utf-16-le", "replace").lstrip("\\"), tree, frame)

    def _opened(self, name: str, tree: tuple[int, int], frame: int, *, midway: bool = False) -> _Pipe:
        below = self.connection
        above = Connection(self.handler, below.client, below.server, midway, below.setup, name, frame)
        above.below = below
        return _Pipe(above, tree)

    def _keep(self, key: tuple[int, bytes], pipe: _Pipe, frame: int, time: float) -> None:
        known = self.pipes.pop(key, None)
        if known is not None:
            self._close(known, frame, time)
        self.pipes[key] = pipe
        if len(self.pipes) > self.limits.pipes:
            self.tell(frame, f"more than {self.limits.pipes} open pipes (limit pipes); the oldest are dropped")
            self._close(self.pipes.pop(next(iter(self.pipes))), frame, time)

    def _wait(self, number: int, command: int, pipe: _Pipe | None) -> None:
        self.pending[number] = command, pipe
        if len(self.pending) > self.limits.calls:
            del self.pending[next(iter(self.pending))]

    def _answer(
        self,
        command: int,
        status: int,
        number: int,
        tree: tuple[int, int],
        message: bytes,
        body: bytes,
        frame: int,
        time: float,
    ) -> None:
        asked, pipe = self.pending.pop(number, (command, None))
        if asked != command:
            return
        # Severity 3 is an error; BUFFER_OVERFLOW, for more data than requested, is only a warning and has data.
        failed = status >> 30 == 3
        if command == _TREE_CONNECT and not failed:
            self.trees[tree] = _byte(body, 2) == _PIPE_SHARE
            if len(self.trees) > self.limits.pipes:
                del self.trees[next(iter(self.trees))]
        elif command in (_TREE_DISCONNECT, _LOGOFF) and not failed:
            self._gone(tree, command == _LOGOFF, frame, time)
        elif pipe is None:
            return
        elif command == _CREATE:
            if not failed and len(body) >= 80:
                self._keep((tree[0], body[64:80]), pipe, frame, time)
        elif command == _CLOSE:
            if not failed:
                self._close(pipe, frame, time)
                for key in [key for key, known in self.pipes.items() if known is pipe]:
                    del self.pipes[key]
        elif failed:
            return
        elif command == _READ:
            pipe.feed(False, _part(message, _byte(body, 2), int.from_bytes(body[4:8], "little")), frame, time)
        elif command == _IOCTL:
            read = _part(message, int.from_bytes(body[32:36], "little"), int.from_bytes(body[36:40], "little"))
            pipe.feed(False, read, frame, time)

    def _gone(self, tree: tuple[int, int], whole: bool, frame: int, time: float) -> None:
        """Handle the disconnect of a tree, or the logoff of a session."""
        for key, pipe in list(self.pipes.items()):
            if pipe.tree == tree or (whole and pipe.tree[0] == tree[0]):
                del self.pipes[key]
                self._close(pipe, frame, time)
        self.trees.pop(tree, None)

    @staticmethod
    def _close(pipe: _Pipe, frame: int, time: float) -> None:
        if not pipe.closed:
            pipe.closed = True
            end_association(pipe.connection, frame, time)

    # -- TCP connection -------------------------------------------------------------------------------------------

    def lost(self, from_client: bool, size: int, frame: int, time: float) -> None:
        """Handle missing bytes of one side: they may have belonged to any pipe."""
        used = [pipe for pipe in self.pipes.values() if pipe.connection.dissector is not None]
        if used:
            side = "client" if from_client else "server"
            self.handler.note(frame, f"{self.connection}: {size} bytes of the {side} are missing before this frame")
        for pipe in used:
            way = pipe.ways[from_client]
            # A direction that is already lost, without a session, has nothing else to lose.
            if not way.lost or pipe.connection.sessions_known:
                way.lose(frame, time)

    def ended(self, frame: int, time: float) -> None:
        """End the connection with all pipes."""
        for pipe in self.pipes.values():
            self._close(pipe, frame, time)
        self.pipes.clear()
        self._skip()

    def finish(self, frame: int) -> None:
        """Report incomplete data at the end of the capture."""
        for pipe in self.pipes.values():
            finish_association(pipe.connection, frame)
        self._skip()

    def _skip(self) -> None:
        """Count a connection with one captured direction: the names of its pipes are unknown."""
        if len(self.connection.halves) == 1:
            self.handler.skip("one-direction", "SMB of one direction", 0, 1, known=False)


class _Way(Consumer):
    """Splits the bytes of one side into messages."""

    __slots__ = ("enough", "from_client", "held", "lost", "pieces", "skip", "smb")

    def __init__(self, smb: SmbConnection, *, from_client: bool) -> None:
        self.smb = smb
        self.from_client = from_client
        #: Buffered bytes, their number, and the number required to continue.
        self.pieces: list[bytes] = []
        self.held = 0
        self.enough = 0
        #: Remaining bytes of an irrelevant message.
        self.skip = 0
        #: Whether the start of a message must be found, after a gap.
        self.lost = False

    def feed(self, data: bytes, frame: int, time: float) -> Consumer:
        """Process the next bytes."""
        if self.skip:
            if self.skip >= len(data):
                self.skip -= len(data)
                return self
            data = data[self.skip :]
            self.skip = 0
        if self.pieces:
            # Concatenated only when there is enough, so that small segments are not copied repeatedly.
            self.pieces.append(data)
            self.held += len(data)
            if self.held < self.enough:
                return self
            data = b"".join(self.pieces)
        position, end = 0, len(data)
        enough = 0
        while end - position >= 10:
            size = int.from_bytes(data[position + 1 : position + 4], "big")
            if not size and data[position] in (_KEEP_ALIVE, 0):
                position += 4
                continue
            if data[position] or not self._known(data[position + 4 : position + 8], size):
                found = data.find(_PLAIN, position + 5)
                if not self.lost:
                    self.lost = True
                    self.smb.tell(frame, "no SMB message where one was expected; continuing at the next one")
                    self.smb.lost(self.from_client, 0, frame, time)
                if found < 0:
                    position = max(position, end - 9)
                    break
                position = found - 4
                continue
            message = position + 4
            self.lost = False
            if data.startswith(_PLAIN, message):
                if end - message < min(size, _ENOUGH - 4):
                    enough = 4 + min(size, _ENOUGH - 4)
                    break
                matters = self.smb.matters(data[message : message + _ENOUGH])
                if matters and size > _LARGEST:
                    self.smb.tell(frame, f"an SMB message of {size} bytes is ignored: more than {_LARGEST}")
                    matters = False
                if matters:
                    if end - message < size:
                        enough = 4 + size
                        break
                    self.smb.message(data[message : message + size], frame, time)
            else:
                self._other(data[message : message + 5], frame)
            position = message + size
            if position > end:
                self.skip = position - end
                position = end
        self._keep(data[position:], enough)
        return self

    def _keep(self, data: bytes, enough: int = 0) -> None:
        """Buffer unread bytes until there are enough."""
        self.pieces = [data] if data else []
        self.held = len(data)
        self.enough = enough

    @staticmethod
    def _known(magic: bytes, size: int) -> bool:
        # The header of version 2 in the clear has 64 bytes, the others have fewer.
        return size >= (64 if magic == _PLAIN[:4] else 32) and magic[1:] == b"SMB" and magic[0] in b"\xfc\xfd\xfe\xff"

    def _other(self, head: bytes, frame: int) -> None:
        """Report a message that cannot be read."""
        if head.startswith(_ENCRYPTED):
            self.smb.tell(frame, "SMB 3 encryption: named pipes in it are not visible")
            self.smb.handler.skip("encapsulation", "SMB 3 encryption", 1, known=False)
        elif head.startswith(_COMPRESSED):
            self.smb.tell(frame, "SMB 3 compression: named pipes in compressed messages are not visible")
            self.smb.handler.skip("encapsulation", "SMB 3 compression", 1, known=False)
        elif head.startswith(_VERSION1) and head[4:] != b"\x72":
            self.smb.tell(frame, "SMB 1: named pipes in it are not supported")
            self.smb.handler.skip("encapsulation", "SMB 1", 1, known=False)

    def gap(self, size: int, frame: int, time: float) -> None:
        """Handle missing bytes."""
        if self.skip >= size:
            # They belonged to an irrelevant message.
            self.skip -= size
            return
        self.skip = 0
        self._keep(b"")
        self.lost = True
        self.smb.lost(self.from_client, size, frame, time)

    def overflow(self, what: str, frame: int) -> None:
        """Report that a limit was reached while bytes were buffered."""
        self.smb.tell(frame, what)


def _byte(body: bytes, at: int) -> int:
    """Return a byte of a message; raises `_ShortError` beyond its end."""
    if at >= len(body):
        raise _ShortError
    return body[at]


def _part(message: bytes, at: int, size: int) -> bytes:
    """Return the part of a message at an offset with a length; raises `_ShortError` beyond its end."""
    if not size:
        return b""
    if at < 64 or at + size > len(message):
        raise _ShortError
    return message[at : at + size]


def _looks_right(data: bytes) -> bool:
    """Return whether data written to a file opened before the capture is DCE/RPC."""
    return len(data) >= 16 and data[0] == 5 and data[1] <= 1 and data[2] <= 19 and data[4:8] == b"\x10\0\0\0"
