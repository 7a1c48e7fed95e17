"""Scenarios encrypted by pyspnego: an independent peer performs NTLM and SPNEGO on every connection."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import spnego
from frames import SYN, Segment
from spnego.iov import BufferType

from protocol.rpc.pdu import HEADER, Bind, BindAck, Kind, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NTLM", "SPNEGO", "protected"]

NTLM, SPNEGO = 10, 9
_PROTOCOLS = {NTLM: "ntlm", SPNEGO: "negotiate"}
_CALLS = {Kind.REQUEST, Kind.RESPONSE}


@contextmanager
def _accounts(user: str, password: str) -> Iterator[None]:
    """Write the accounts file that pyspnego reads on the server side."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "users")
        place.write_text(f":{user}:{password}\n", encoding="utf-8")
        before = os.environ.get("NTLM_USER_FILE")
        os.environ["NTLM_USER_FILE"] = str(place)
        try:
            yield
        finally:
            if before is None:
                del os.environ["NTLM_USER_FILE"]
            else:
                os.environ["NTLM_USER_FILE"] = before


def _with_token(pdu: bytes, kind: int, auth: tuple[int, int], token: bytes) -> bytes:
    """A PDU of the handshake with a token."""
    header = parse(pdu).header
    body = pdu[16:] + bytes(-len(pdu) % 4)
    pad = len(body) + 16 - len(pdu)
    trailer = bytes([*auth, pad, 0]) + (79231).to_bytes(4, "little")
    length = 16 + len(body) + 8 + len(token)
    return HEADER.pack(5, 0, kind, 3, 0x10, length, len(token), header.call_id) + body + trailer + token


class _Connection:
    """Both ends of one connection."""

    def __init__(self, kind: int, level: int, user: str, password: str) -> None:
        self.auth = (kind, level)
        protocol = _PROTOCOLS[kind]
        options = spnego.NegotiateOptions.use_ntlm if protocol == "ntlm" else spnego.NegotiateOptions.use_negotiate
        flags = spnego.ContextReq.integrity | spnego.ContextReq.confidentiality | spnego.ContextReq.sequence_detect
        self.client = spnego.client(user, password, "server", protocol=protocol, options=options, context_req=flags)
        self.server = spnego.server(protocol=protocol, options=options, context_req=flags)
        self.tokens: list[bytes] = []
        self.first = b""

    def bind(self, pdu: bytes) -> bytes:
        token = self.client.step()
        assert token
        self.tokens.append(self.server.step(token) or b"")
        return _with_token(pdu, Kind.BIND, self.auth, token)

    def bind_ack(self, pdu: bytes) -> list[tuple[bool, bytes]]:
        """Return the bind_ack, and the following PDUs until both sides are authenticated."""
        answer = self.tokens.pop()
        found = [(False, _with_token(pdu, Kind.BIND_ACK, self.auth, answer))]
        token = self.client.step(answer)
        assert token
        last = self.server.step(token)
        bare = HEADER.pack(5, 0, Kind.AUTH3, 3, 0x10, 20, 0, parse(pdu).header.call_id) + b"    "
        if self.auth[0] == NTLM:
            found.append((True, _with_token(bare, Kind.AUTH3, self.auth, token)))
        else:
            context = self.first
            found.append((True, _with_token(context, Kind.ALTER_CONTEXT, self.auth, token)))
            assert last
            found.append((False, _with_token(pdu, Kind.ALTER_CONTEXT_RESP, self.auth, last)))
            self.client.step(last)
        return found

    def call(self, from_client: bool, pdu: bytes) -> bytes:
        """A call, sealed or signed."""
        side = self.client if from_client else self.server
        version, minor, kind, flags, representation, _, _, call_id = HEADER.unpack_from(pdu)
        head, stub = pdu[16:24], pdu[24:]
        pad = -len(stub) % 16
        stub += b"\xbb" * pad
        head = HEADER.pack(version, minor, kind, flags, representation, 24 + len(stub) + 24, 16, call_id) + head
        trailer = bytes([*self.auth, pad, 0]) + (79231).to_bytes(4, "little")
        if self.auth[1] == 6:
            parts = [(BufferType.sign_only, head), (BufferType.data, stub), (BufferType.sign_only, trailer)]
            wrapped = side.wrap_iov([*parts, BufferType.header])
            stub, signature = wrapped.buffers[1].data or b"", wrapped.buffers[3].data or b""
        else:
            signature = side.sign(head + stub + trailer)
        return head + stub + trailer + signature


def protected(
    segments: list[Segment], kind: int, level: int, user: str = "alice", password: str = "Passw0rd!"
) -> list[Segment]:
    """Return a scenario with authenticated connections, and encrypted (level 6) or signed (5) calls."""
    connections: dict[object, _Connection] = {}
    found: list[Segment] = []
    sent: dict[object, int] = {}

    def put(segment: Segment, way: tuple[tuple[str, int], tuple[str, int]], data: bytes) -> None:
        sequence, ack = sent[way] & 0xFFFFFFFF, sent.get(way[::-1], 0) & 0xFFFFFFFF
        found.append(segment._replace(source=way[0], target=way[1], sequence=sequence, ack=ack, data=data))
        sent[way] += len(data)

    with _accounts(user, password):
        for segment in segments:
            way = segment.direction
            if segment.flags & SYN:
                sent[way] = segment.sequence + 1
                if way[::-1] not in sent:
                    connections[way] = _Connection(kind, level, user, password)
                found.append(segment)
                continue
            from_client = way in connections
            opened = way if from_client else way[::-1]
            connection = connections[opened]
            if not segment.data:
                put(segment, way, b"")
                continue
            body = parse(segment.data).body
            if isinstance(body, Bind):
                connection.first = segment.data
                put(segment, way, connection.bind(segment.data))
            elif isinstance(body, BindAck):
                for ours, data in connection.bind_ack(segment.data):
                    put(segment, opened if ours else opened[::-1], data)
            else:
                put(segment, way, connection.call(from_client, segment.data))
    return found
