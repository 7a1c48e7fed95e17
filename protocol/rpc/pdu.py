"""PDUs of connection-oriented DCE/RPC (C706 12.6.4, MS-RPCE 2.2.2): encoding and parsing.

Only little-endian PDUs are supported, as all known implementations send them; any other data representation is a
`DecodeError`.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from struct import Struct
from struct import error as StructError
from typing import NamedTuple
from uuid import UUID

from protocol.problem import DecodeError, Problem

__all__ = [
    "BIND_TIME_FEATURES",
    "HEADER",
    "NDR20",
    "NDR64",
    "Auth",
    "Bind",
    "BindAck",
    "BindNak",
    "CallBody",
    "Context",
    "Fault",
    "Flag",
    "Header",
    "Kind",
    "Outcome",
    "Pdu",
    "Syntax",
    "encode",
    "is_feature_negotiation",
    "parse",
    "protected_range",
]

_SECTION = "C706 12.6.4"

HEADER = Struct("<BBBBIHHI")
_CALL = Struct("<IHH")
_BIND = Struct("<HHI")
_TRAILER = Struct("<BBBBI")
_ITEM = Struct("<HBx")
_RESULT = Struct("<HH16sI")


class Kind(IntEnum):
    """PDU types."""

    REQUEST = 0
    RESPONSE = 2
    FAULT = 3
    BIND = 11
    BIND_ACK = 12
    BIND_NAK = 13
    ALTER_CONTEXT = 14
    ALTER_CONTEXT_RESP = 15
    AUTH3 = 16
    SHUTDOWN = 17
    CO_CANCEL = 18
    ORPHANED = 19


class Flag(IntFlag):
    """Flags of the common header."""

    FIRST_FRAG = 0x01
    LAST_FRAG = 0x02
    #: In binds: header signing; in calls: pending cancel.
    SUPPORT_HEADER_SIGN = 0x04
    CONC_MPX = 0x10
    DID_NOT_EXECUTE = 0x20
    MAYBE = 0x40
    OBJECT_UUID = 0x80


class Syntax(NamedTuple):
    """An abstract or transfer syntax."""

    uuid: UUID
    version: int


NDR20 = Syntax(UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2)
NDR64 = Syntax(UUID("71710533-beba-4937-8319-b5dbef9ccc36"), 1)
#: The first eight bytes of the UUID for bind-time feature negotiation; the others are the features (MS-RPCE 2.2.2.14).
BIND_TIME_FEATURES = UUID("6cb71c2c-9812-4540-0000-000000000000").bytes_le[:8]


class Auth(NamedTuple):
    """A security trailer and its token; ``pad`` is the number of padding bytes before the trailer."""

    type: int
    level: int
    pad: int
    context: int
    token: bytes


class Context(NamedTuple):
    """One presentation context of a bind: an interface and its offered transfer syntaxes."""

    id: int
    interface: Syntax
    transfers: tuple[Syntax, ...]


class Outcome(NamedTuple):
    """The result for one context: 0 acceptance, 1 user rejection, 2 provider rejection, 3 feature negotiation."""

    result: int
    reason: int
    transfer: Syntax


class Header(NamedTuple):
    """The common header."""

    kind: int
    flags: int
    length: int
    auth_length: int
    call_id: int


class Bind(NamedTuple):
    """Body of bind and alter_context."""

    max_xmit: int
    max_recv: int
    group: int
    contexts: tuple[Context, ...]


class BindAck(NamedTuple):
    """Body of bind_ack and alter_context_resp."""

    max_xmit: int
    max_recv: int
    group: int
    address: str
    outcomes: tuple[Outcome, ...]


class BindNak(NamedTuple):
    """Body of bind_nak."""

    reason: int


class CallBody(NamedTuple):
    """Body of request (``number`` is the opnum) and response (``number`` is the cancel count)."""

    alloc_hint: int
    context: int
    number: int
    stub: bytes


class Fault(NamedTuple):
    """Body of fault."""

    alloc_hint: int
    context: int
    status: int
    stub: bytes


class Pdu(NamedTuple):
    """A PDU; ``body`` is one of the body types, or bytes for other types of PDUs."""

    header: Header
    body: Bind | BindAck | BindNak | CallBody | Fault | bytes
    auth: Auth | None


def protected_range(header: Header) -> tuple[int, int, int]:
    """Return the start and end of the protected part of a call, and the start of its token after the trailer."""
    start = 40 if header.kind == Kind.REQUEST and header.flags & Flag.OBJECT_UUID else 24
    token = header.length - header.auth_length
    return start, token - _TRAILER.size, token


def is_feature_negotiation(context: Context) -> bool:
    """Whether a context negotiates bind-time features instead of an interface (MS-RPCE 2.2.2.14)."""
    return len(context.transfers) == 1 and context.transfers[0].uuid.bytes_le[:8] == BIND_TIME_FEATURES


def _error(field: str, detail: str) -> DecodeError:
    return DecodeError("DCE/RPC", Problem(field, "layout", detail, _SECTION))


def parse(data: bytes) -> Pdu:
    """Parse one PDU; raises `DecodeError` if it is invalid or ``data`` is not exactly the PDU."""
    if len(data) < HEADER.size:
        raise _error("header", f"{len(data)} bytes are less than the common header of {HEADER.size}")
    version, minor, kind, flags, representation, length, auth_length, call_id = HEADER.unpack_from(data)
    if version != 5 or minor > 1:
        raise _error("rpc_vers", f"version {version}.{minor} instead of 5.0 or 5.1")
    if representation & 0xFF != 0x10:
        raise _error("packed_drep", f"data representation {representation & 0xFF:#x} is not little-endian ASCII")
    if length != len(data):
        raise _error("frag_length", f"{length} bytes announced, {len(data)} present")
    header = Header(kind, flags, length, auth_length, call_id)
    end = length
    auth = None
    if auth_length:
        start = length - auth_length - _TRAILER.size
        if start < HEADER.size:
            raise _error("auth_length", f"{auth_length} bytes of credentials do not fit into {length}")
        type_, level, pad, _, context = _TRAILER.unpack_from(data, start)
        auth = Auth(type_, level, pad, context, data[start + _TRAILER.size :])
        end = start
    return Pdu(header, _body(kind, flags, data, end), auth)


def _body(kind: int, flags: int, data: bytes, end: int) -> Bind | BindAck | BindNak | CallBody | Fault | bytes:
    start = HEADER.size
    try:
        if kind in (Kind.REQUEST, Kind.RESPONSE):
            hint, context, number = _CALL.unpack_from(data, start)
            start += _CALL.size + (16 if kind == Kind.REQUEST and flags & Flag.OBJECT_UUID else 0)
            if start > end:
                raise _error("frag_length", "the call header does not fit")
            return CallBody(hint, context, number & (0xFFFF if kind == Kind.REQUEST else 0xFF), data[start:end])
        if kind == Kind.FAULT:
            hint, context, _ = _CALL.unpack_from(data, start)
            status = int.from_bytes(data[start + 8 : start + 12], "little")
            return Fault(hint, context, status, data[start + 16 : end])
        if kind in (Kind.BIND, Kind.ALTER_CONTEXT):
            return _bind(data, end)
        if kind in (Kind.BIND_ACK, Kind.ALTER_CONTEXT_RESP):
            return _bind_ack(data, end)
        if kind == Kind.BIND_NAK:
            return BindNak(int.from_bytes(data[start : start + 2], "little"))
    except (StructError, IndexError, ValueError) as error:
        if isinstance(error, DecodeError):
            raise
        raise _error("body", "the PDU ends before its last field") from None
    return data[start:end]


def _syntax(data: bytes, position: int) -> Syntax:
    uuid = UUID(bytes_le=data[position : position + 16])
    return Syntax(uuid, int.from_bytes(data[position + 16 : position + 20], "little"))


def _bind(data: bytes, end: int) -> Bind:
    xmit, recv, group = _BIND.unpack_from(data, HEADER.size)
    count = data[24]
    position = 28
    contexts = []
    for _ in range(count):
        id_, transfers = _ITEM.unpack_from(data, position)
        if position + 24 + 20 * transfers > end:
            raise _error("p_context_elem", f"{count} contexts do not fit")
        interface = _syntax(data, position + 4)
        position += 24
        offered = tuple(_syntax(data, position + 20 * i) for i in range(transfers))
        position += 20 * transfers
        contexts.append(Context(id_, interface, offered))
    return Bind(xmit, recv, group, tuple(contexts))


def _bind_ack(data: bytes, end: int) -> BindAck:
    xmit, recv, group = _BIND.unpack_from(data, HEADER.size)
    size = int.from_bytes(data[24:26], "little")
    address = data[26 : 26 + size].split(b"\0", 1)[0].decode("latin-1")
    position = (26 + size + 3) & ~3
    count = data[position]
    position += 4
    outcomes = []
    for _ in range(count):
        result, reason, uuid, version = _RESULT.unpack_from(data, position)
        position += _RESULT.size
        if position > end:
            raise _error("p_result", f"{count} results do not fit")
        outcomes.append(Outcome(result, reason, Syntax(UUID(bytes_le=uuid), version)))
    return BindAck(xmit, recv, group, address, tuple(outcomes))


def encode(
    kind: int,
    call_id: int,
    body: Bind | BindAck | BindNak | CallBody | Fault | bytes,
    *,
    flags: int = 3,
    auth: Auth | None = None,
) -> bytes:
    """Encode one PDU; with ``auth``, the body is padded to align the trailer, and the padding length is set."""
    data = _encoded(kind, body)
    token = b""
    if auth is not None:
        pad = -len(data) % 16 if kind in (Kind.REQUEST, Kind.RESPONSE) else -len(data) % 4
        data += bytes(pad)
        token = auth.token
        data += _TRAILER.pack(auth.type, auth.level, pad, 0, auth.context)
    length = HEADER.size + len(data) + len(token)
    return HEADER.pack(5, 0, kind, flags, 0x10, length, len(token), call_id) + data + token


def _encoded(kind: int, body: Bind | BindAck | BindNak | CallBody | Fault | bytes) -> bytes:
    if isinstance(body, CallBody):
        return _CALL.pack(body.alloc_hint, body.context, body.number) + body.stub
    if isinstance(body, Fault):
        return _CALL.pack(body.alloc_hint, body.context, 0) + body.status.to_bytes(4, "little") + bytes(4) + body.stub
    if isinstance(body, Bind):
        parts = [_BIND.pack(body.max_xmit, body.max_recv, body.group), bytes([len(body.contexts), 0, 0, 0])]
        for context in body.contexts:
            parts.append(_ITEM.pack(context.id, len(context.transfers)))
            parts += [
                s.uuid.bytes_le + s.version.to_bytes(4, "little") for s in (context.interface, *context.transfers)
            ]
        return b"".join(parts)
    if isinstance(body, BindAck):
        address = body.address.encode("latin-1") + b"\0" if body.address else b""
        head = _BIND.pack(body.max_xmit, body.max_recv, body.group) + len(address).to_bytes(2, "little") + address
        head += bytes(-(HEADER.size + len(head)) % 4) + bytes([len(body.outcomes), 0, 0, 0])
        return head + b"".join(
            _RESULT.pack(o.result, o.reason, o.transfer.uuid.bytes_le, o.transfer.version) for o in body.outcomes
        )
    if isinstance(body, BindNak):
        return body.reason.to_bytes(2, "little") + bytes([1, 5, 0, 0])
    return body
