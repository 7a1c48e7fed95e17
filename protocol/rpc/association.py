"""Base class of the client and server side of a DCE/RPC association, without I/O (C706 chapter 12, MS-RPCE).

`Association.receive` takes received bytes and yields events; the other methods append bytes for the peer to
``outgoing``. A `Security` object makes and verifies signatures; the association only places them in PDUs.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from protocol.problem import DecodeError
from protocol.rpc.fragments import CALL_COST, Fragments
from protocol.rpc.pdu import (
    HEADER,
    Auth,
    CallBody,
    Fault,
    Flag,
    Header,
    Kind,
    Pdu,
    encode,
    parse,
    protected_range,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from protocol.ndr import Method

__all__ = [
    "FRAGMENT",
    "LEAST_FRAGMENT",
    "Association",
    "AssociationError",
    "AuthenticationError",
    "Bound",
    "CallCancelled",
    "CallReceived",
    "FaultReceived",
    "Limits",
    "ResponseReceived",
    "Security",
    "Status",
]

#: The maximum fragment size that is announced, and the size that every peer must accept (C706 12.6.3.1).
FRAGMENT, LEAST_FRAGMENT = 5840, 1432
_WHOLE = Flag.FIRST_FRAG | Flag.LAST_FRAG
REQUEST = Struct("<BBBB4xHHIIHH")
_TRAILER = Struct("<BBBBI")
_PRIVACY, _INTEGRITY, _CONNECT = 6, 5, 2


class Status:
    """Status codes of RPC faults, and reasons of bind_nak."""

    ACCESS_DENIED = 0x00000005
    NDR_DATA = 0x000006F7
    CONTEXT_MISMATCH = 0x1C00001A
    OP_RANGE = 0x1C010002
    UNKNOWN_INTERFACE = 0x1C010003
    PROTOCOL = 0x1C01000B
    CANCELLED = 0x1C00000D
    TOO_BUSY = 0x1C010014
    #: Reasons of bind_nak (C706 12.6.3.1, MS-RPCE 2.2.2.5).
    NAK_UNSPECIFIED, NAK_VERSION, NAK_AUTH_TYPE, NAK_CHECKSUM = 0, 4, 8, 9


class AssociationError(Exception):
    """The peer violated the protocol, or authentication failed; the connection is unusable."""


class AuthenticationError(AssociationError):
    """The authentication of the peer failed."""


class Security(Protocol):
    """A security context, as from pyspnego, SSPI or GSSAPI; ``level`` is an RPC_C_AUTHN_LEVEL_ value."""

    type: int
    level: int

    @property
    def complete(self) -> bool:
        """Whether the authentication is complete."""

    @property
    def size(self) -> int:
        """The size of a signature in bytes."""

    def step(self, token: bytes) -> bytes:
        """Process a token of the peer and return the token to send, empty if there is none; raises if it is invalid."""

    def protect(self, head: bytes, body: bytes, tail: bytes, *, whole: bool) -> tuple[bytes, bytes]:
        """Seal or sign a body, depending on the level; return the body to send and the signature.

        ``whole``: the signature also covers head and tail.
        """

    def unprotect(self, head: bytes, body: bytes, tail: bytes, token: bytes, *, whole: bool) -> bytes:
        """Verify and unseal a body; return it in plain text. Raises if the signature is invalid."""


class Limits(NamedTuple):
    """Resource limits of one association."""

    #: Bytes of one reassembled stub.
    stub: int = 16 * 1024 * 1024
    #: Bytes of all stubs being reassembled.
    assembling: int = 32 * 1024 * 1024
    #: Presentation contexts, and pending calls.
    contexts: int = 64
    calls: int = 4096


class Bound(NamedTuple):
    """A bind or alter_context is complete; ``contexts`` are the ids of the accepted presentation contexts."""

    contexts: tuple[int, ...]
    authenticated: bool


class CallReceived(NamedTuple):
    """The peer called a method; respond with `ServerAssociation.respond` or `ServerAssociation.fault`."""

    call_id: int
    context: int
    method: Method
    ndr64: bool
    stub: bytes


class ResponseReceived(NamedTuple):
    """The response to a call arrived."""

    call_id: int
    stub: bytes


class FaultReceived(NamedTuple):
    """A call failed with an RPC fault."""

    call_id: int
    status: int


class CallCancelled(NamedTuple):
    """The peer cancelled a call; ``orphaned``: it ignores the response."""

    call_id: int
    orphaned: bool


class Association:
    """Base class of both sides of an association: splits the stream into PDUs, handles fragments and signatures."""

    def __init__(self, limits: Limits | None = None, fragment: int = FRAGMENT) -> None:
        self.limits = limits or Limits()
        self.fragment = fragment
        #: The maximum fragment size that the peer accepts.
        self.peer_fragment = LEAST_FRAGMENT
        #: Bytes to send to the peer.
        self.outgoing = bytearray()
        #: Accepted presentation contexts: interface, and whether the transfer syntax is NDR64.
        self.contexts: dict[int, tuple[UUID, bool]] = {}
        self.security: Security | None = None
        self.auth_context = 0
        #: Whether header signing was negotiated, and whether the peer signs whole PDUs regardless.
        self.header_signing = False
        self.whole = True
        self.bound = False
        self._buffer = b""
        self._partial: Fragments[int] = Fragments()

    @property
    def held(self) -> int:
        """Bytes of incomplete PDUs and calls."""
        return len(self._buffer) + self._partial.size + CALL_COST * len(self._partial)

    def take_outgoing(self) -> bytes:
        """Return and clear the bytes to send."""
        found = bytes(self.outgoing)
        self.outgoing.clear()
        return found

    def receive(self, data: bytes) -> Iterator[Any]:
        """Process received bytes; yield `Bound`, `CallReceived`, `ResponseReceived`, `FaultReceived`, `CallCancelled`.

        Raises `AssociationError` if the peer violates the protocol.
        """
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        position, end = 0, len(data)
        while end - position >= HEADER.size:
            version, minor, _, _, representation, length, _, _ = HEADER.unpack_from(data, position)
            if version != 5 or minor > 1 or representation & 0xFF != 0x10 or length < HEADER.size:
                self.reject_stream(version)
                raise AssociationError("the received data is not DCE/RPC")
            if end - position < length:
                break
            yield from self.receive_pdu(data[position : position + length])
            position += length
        self._buffer = data[position:]

    def reject_stream(self, version: int) -> None:
        """Send a final PDU to a peer that does not send valid DCE/RPC; by default none."""

    def receive_pdu(self, data: bytes) -> Iterator[Any]:
        """Process one PDU; yield events as `receive` does."""
        raise NotImplementedError

    def parse_pdu(self, data: bytes) -> Pdu:
        """Parse a PDU; raises `AssociationError`."""
        try:
            found = parse(data)
        except DecodeError as error:
            raise AssociationError(str(error.problem)) from error
        return found

    # -- protection -----------------------------------------------------------------------------------------------

    def is_protected(self) -> bool:
        """Whether calls are signed or sealed now."""
        security = self.security
        return security is not None and security.complete and security.level >= _INTEGRITY

    def unprotect(self, data: bytes, found: Pdu) -> Pdu:
        """Verify the signature of a request, response or fault and unseal its stub; raises `AssociationError`."""
        security = self.security
        auth = found.auth
        if security is None or security.level < _INTEGRITY:
            if auth is None or not isinstance(found.body, CallBody):
                return found
            return found._replace(body=_unpadded(found.body, auth.pad))
        if auth is None:
            # Faults of the RPC runtime are not signed.
            if found.header.kind == Kind.FAULT:
                return found
            raise AssociationError("a call without the negotiated signature")
        start, end, token = protected_range(found.header)
        head, body, tail = data[:start], data[start:end], data[end:token]
        try:
            plain = security.unprotect(head, body, tail, auth.token, whole=self.header_signing or self.whole)
        except Exception as error:
            raise AssociationError(f"invalid signature: {error}") from error
        if isinstance(found.body, CallBody):
            return found._replace(body=_unpadded(found.body._replace(stub=plain), auth.pad))
        if isinstance(found.body, Fault):
            status = int.from_bytes(plain[:4], "little")
            return found._replace(body=found.body._replace(status=status, stub=b""))
        return found

    def send_call(self, kind: int, call_id: int, context: int, number: int, stub: bytes) -> None:
        """Send a request or response, split into fragments that the peer accepts.

        ``number`` is the opnum of a request, or the cancel count of a response.
        """
        security = self.security if self.is_protected() else None
        room = self.peer_fragment - 24
        if security is not None:
            # The trailer is aligned to 16 bytes from the end of the common header.
            room = (self.peer_fragment - HEADER.size - _TRAILER.size - security.size) // 16 * 16 - 8
        if len(stub) <= room and security is None:
            head = REQUEST.pack(5, 0, kind, 3, 24 + len(stub), 0, call_id, len(stub), context, number)
            # Insert the data representation: little-endian, ASCII, IEEE.
            self.outgoing += head[:4] + b"\x10\0\0\0" + head[8:] + stub
            return
        position, left, first = 0, len(stub), True
        while first or left:
            part = stub[position : position + room]
            position += len(part)
            left -= len(part)
            flags = (Flag.FIRST_FRAG if first else 0) | (0 if left else Flag.LAST_FRAG)
            self._send_part(kind, flags, call_id, CallBody(len(part) + left, context, number, part), security)
            first = False

    def _send_part(self, kind: int, flags: int, call_id: int, body: Any, security: Security | None) -> None:
        if security is None:
            self.outgoing += encode(kind, call_id, body, flags=flags)
            return
        blank = Auth(security.type, security.level, 0, self.auth_context, bytes(security.size))
        data = encode(kind, call_id, body, flags=flags, auth=blank)
        end = len(data) - security.size - _TRAILER.size
        head, plain, tail = data[:24], data[24:end], data[end : end + _TRAILER.size]
        try:
            sealed, token = security.protect(head, plain, tail, whole=self.header_signing or self.whole)
        except Exception as error:
            # For example, an expired Kerberos ticket.
            raise AssociationError(f"signing failed: {error}") from error
        self.outgoing += head + sealed + tail + token

    # -- fragments ------------------------------------------------------------------------------------------------

    def assemble(self, header: Header, body: CallBody) -> tuple[int, int, bytes] | None:
        """Add a fragment; return context, opnum and stub after the last fragment, else None.

        Raises `AssociationError` if a limit is exceeded or the first fragment is missing.
        """
        call_id = header.call_id
        if header.flags & _WHOLE == _WHOLE:
            return body.context, body.number, body.stub
        partial = self._partial
        if header.flags & Flag.FIRST_FRAG:
            if call_id not in partial and len(partial) >= self.limits.calls:
                raise AssociationError(f"more than {self.limits.calls} fragmented calls in progress")
            partial.begin(call_id, body.context, body.number)
        assembly = partial.add(call_id, body.stub)
        if assembly is None:
            raise AssociationError(f"a later fragment of call {call_id} without its first one")
        if assembly.size > self.limits.stub or partial.size > self.limits.assembling:
            raise AssociationError(f"more than {self.limits.stub} bytes in one call")
        if not header.flags & Flag.LAST_FRAG:
            return None
        partial.drop(call_id)
        return assembly.context, assembly.opnum, assembly.join()

    def drop_fragments(self, call_id: int) -> None:
        """Discard the fragments of an incomplete call."""
        self._partial.drop(call_id)


def _unpadded(body: CallBody, pad: int) -> CallBody:
    return body._replace(stub=body.stub[: len(body.stub) - pad]) if 0 < pad <= len(body.stub) else body
