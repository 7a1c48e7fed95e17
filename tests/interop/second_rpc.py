"""DCE/RPC over TCP (C706, NDR20, no authentication) of the second subject, by struct alone."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import struct
import uuid
from collections.abc import Callable

TAPSRV = uuid.UUID("2F5F6520-CA46-1067-B319-00DD010662DA").bytes_le + struct.pack("<HH", 1, 0)
REMOTESP = uuid.UUID("2F5F6521-CA47-1068-B319-00DD010662DB").bytes_le + struct.pack("<HH", 1, 0)
NDR20 = uuid.UUID("8A885D04-1CEB-11C9-9FE8-08002B104860").bytes_le + struct.pack("<I", 2)
FEATURES = uuid.UUID("6CB71C2C-9812-4540-0300-000000000000").bytes_le[:8]

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, ALTER_RESP = 0, 2, 3, 11, 12, 13, 14, 15
FIRST, LAST, OBJECT = 1, 2, 0x80
OP_RANGE, CONTEXT_MISMATCH, UNKNOWN_IF, PROTO_ERROR = 0x1C010002, 0x1C00001A, 0x1C010003, 0x1C01000B
BAD_STUB = 0x000006F7
FRAGMENT = 4280
LARGEST = 1 << 22


class FaultError(Exception):
    """An RPC fault to answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:#x}")
        self.status = status


class DropError(Exception):
    """The connection is to be closed."""


def pdu(kind: int, flags: int, call: int, body: bytes) -> bytes:
    """Build one PDU."""
    return struct.pack("<BBBB4sHHI", 5, 0, kind, flags, b"\x10\0\0\0", 16 + len(body), 0, call) + body


async def read_pdu(reader: asyncio.StreamReader) -> tuple[int, int, int, str, bytes]:
    """Read one PDU: kind, flags, call id, byte order, body."""
    head = await reader.readexactly(16)
    if head[0] != 5:
        raise DropError
    order = "<" if head[4] & 0x10 else ">"
    length, auth, call = struct.unpack(order + "HHI", head[8:])
    if length < 16 or auth:
        raise DropError
    return head[2], head[3], call, order, await reader.readexactly(length - 16)


class Stub:
    """A cursor over a stub in NDR20."""

    def __init__(self, data: bytes, order: str = "<") -> None:
        self.data, self.order, self.at = data, order, 0

    def long(self) -> int:
        """Read a DWORD."""
        self.at = (self.at + 3) & ~3
        raw = self.take(4)
        return int(struct.unpack(self.order + "I", raw)[0])

    def take(self, count: int) -> bytes:
        """Read bytes."""
        if self.at + count > len(self.data):
            raise FaultError(BAD_STUB)
        self.at += count
        return self.data[self.at - count : self.at]

    def handle(self) -> bytes:
        """Read a context handle (its 16 bytes of UUID)."""
        self.long()
        return self.take(16)

    def array(self, width: int) -> tuple[int, bytes]:
        """Read a conformant varying array: maximum count and the elements."""
        most, first, actual = self.long(), self.long(), self.long()
        if first or actual > most:
            raise FaultError(BAD_STUB)
        return most, self.take(actual * width)

    def text(self) -> str:
        """Read a [string] wchar_t *."""
        _, raw = self.array(2)
        if len(raw) < 2 or raw[-2:] != b"\0\0":
            raise FaultError(BAD_STUB)
        return raw[:-2].decode("utf-16-le" if self.order == "<" else "utf-16-be", "replace")


def array(data: bytes, most: int) -> bytes:
    """Write a conformant varying array of bytes, padded to four."""
    return struct.pack("<III", most, 0, len(data)) + data + b"\0" * (-len(data) % 4)


Method = Callable[["Link", int, Stub], bytes]


class Link:
    """One connection to tapsrv."""

    numbers = itertools.count(1)

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: Method) -> None:
        self.reader, self.writer, self.call = reader, writer, call
        self.host = writer.get_extra_info("peername")[0]
        self.contexts: set[int] = set()
        self.group = 0
        self.room = FRAGMENT
        self.stub = b""

    async def serve(self) -> None:
        """Answer PDUs until the connection ends."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, DropError, struct.error):
            while True:
                kind, flags, call, order, body = await read_pdu(self.reader)
                if kind in (BIND, ALTER):
                    self.bind(kind, call, order, body)
                elif kind == REQUEST:
                    await self.request(flags, call, order, body)
                await self.writer.drain()
        self.writer.close()

    def bind(self, kind: int, call: int, order: str, body: bytes) -> None:
        """Answer bind and alter_context: tapsrv over NDR20, whichever other syntaxes are offered."""
        _, receive, group, count = struct.unpack(order + "HHIB3x", body[:12])
        self.room = min(FRAGMENT, receive or FRAGMENT)
        self.group = group or self.group or next(self.numbers)
        results, at = b"", 12
        for _ in range(count):
            number, offered = struct.unpack(order + "HBx", body[at : at + 4])
            abstract = body[at + 4 : at + 24]
            syntaxes = [body[at + 24 + 20 * i : at + 44 + 20 * i] for i in range(offered)]
            at += 24 + 20 * offered
            if abstract != TAPSRV:
                results += struct.pack("<HH20x", 2, 1)
            elif NDR20 in syntaxes:
                self.contexts.add(number)
                results += struct.pack("<HH", 0, 0) + NDR20
            elif any(one.startswith(FEATURES) for one in syntaxes):
                results += struct.pack("<HH20x", 3, 0)
            else:
                results += struct.pack("<HH20x", 2, 2)
        port = str(self.writer.get_extra_info("sockname")[1]).encode() + b"\0" if kind == BIND else b""
        reply = struct.pack("<HHIH", FRAGMENT, FRAGMENT, self.group, len(port)) + port
        reply += b"\0" * (-len(reply) % 4) + struct.pack("<B3x", count) + results
        self.writer.write(pdu(BIND_ACK if kind == BIND else ALTER_RESP, FIRST | LAST, call, reply))

    async def request(self, flags: int, call: int, order: str, body: bytes) -> None:
        """Collect the fragments of a request and answer it."""
        context, opnum = struct.unpack(order + "4xHH", body[:8])
        self.stub = (b"" if flags & FIRST else self.stub) + body[24 if flags & OBJECT else 8 :]
        if len(self.stub) > LARGEST:
            raise DropError
        if not flags & LAST:
            return
        try:
            answer = self.perform(context, opnum, Stub(self.stub, order))
        except FaultError as why:
            self.writer.write(pdu(FAULT, FIRST | LAST, call, struct.pack("<IHBxI4x", 32, context, 0, why.status)))
            return
        except TimeoutError:  # a fault that hangs
            await asyncio.Event().wait()
            return
        step = (self.room - 24) & ~7
        for at in range(0, max(len(answer), 1), step):
            piece = answer[at : at + step]
            bits = (FIRST if at == 0 else 0) | (LAST if at + step >= len(answer) else 0)
            head = struct.pack("<IHBx", len(answer) - at, context, 0)
            self.writer.write(pdu(RESPONSE, bits, call, head + piece))

    def perform(self, context: int, opnum: int, stub: Stub) -> bytes:
        """Perform a method in an accepted presentation context."""
        if context not in self.contexts:
            raise FaultError(UNKNOWN_IF)
        return self.call(self, opnum, stub)


class Caller:
    """The connection to the remotesp endpoint of a client."""

    PATIENCE = 5.0

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.calls = itertools.count(1)
        self.context = b"\0" * 20
        self.room = FRAGMENT

    @classmethod
    async def attach(cls, host: str, port: int) -> Caller:
        """Connect, bind remotesp and call RemoteSPAttach."""
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), cls.PATIENCE)
        self = cls(reader, writer)
        body = struct.pack("<HHIB3xHBx", FRAGMENT, FRAGMENT, 0, 1, 0, 1) + REMOTESP + NDR20
        writer.write(pdu(BIND, FIRST | LAST, next(self.calls), body))
        kind, _, _, order, answer = await asyncio.wait_for(read_pdu(reader), cls.PATIENCE)
        if kind != BIND_ACK:
            raise ConnectionError
        self.room = min(FRAGMENT, struct.unpack(order + "2xH", answer[:4])[0])
        self.context = (await self.ask(0, b""))[:20]
        return self

    async def ask(self, opnum: int, stub: bytes) -> bytes:
        """Call a method and return the stub of the response."""
        call, step = next(self.calls), (self.room - 24) & ~7
        for at in range(0, max(len(stub), 1), step):
            bits = (FIRST if at == 0 else 0) | (LAST if at + step >= len(stub) else 0)
            head = struct.pack("<IHH", len(stub) - at, 0, opnum)
            self.writer.write(pdu(REQUEST, bits, call, head + stub[at : at + step]))
        answer = b""
        while True:
            kind, flags, _, _, body = await asyncio.wait_for(read_pdu(self.reader), self.PATIENCE)
            if kind != RESPONSE:
                raise ConnectionError
            answer += body[8:]
            if flags & LAST:
                return answer

    async def events(self, records: bytes) -> None:
        """Call RemoteSPEventProc."""
        await self.ask(1, self.context + array(records, len(records)) + struct.pack("<I", len(records)))

    async def detach(self) -> None:
        """Call RemoteSPDetach and close the connection."""
        with contextlib.suppress(Exception):
            await self.ask(2, self.context)
        self.writer.close()
