"""Strategies for PDUs of connection-oriented DCE/RPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from mstrp.testing.arbitrary import words
from protocol.ndr import REMOTESP, TAPSRV
from protocol.rpc.pdu import (
    NDR20,
    NDR64,
    Auth,
    Bind,
    BindAck,
    BindNak,
    CallBody,
    Context,
    Fault,
    Kind,
    Outcome,
    Syntax,
    encode,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["ACK", "BIND", "IFACE", "auths", "bodies", "encoded", "pdu"]

_u16 = st.sampled_from((0, 1, 0xFFFF)) | st.integers(0, 0xFFFF)
_stubs = st.binary(max_size=60)
IFACE = Syntax(TAPSRV.uuid, 1)
#: Bind and bind_ack of both interfaces in both syntaxes, on contexts 0 to 3.
BIND = Bind(
    4280,
    4280,
    0,
    tuple(
        Context(2 * number + syntax, Syntax(interface.uuid, 1), (transfer,))
        for number, interface in enumerate((TAPSRV, REMOTESP))
        for syntax, transfer in enumerate((NDR20, NDR64))
    ),
)
ACK = BindAck(4280, 4280, 1, "135", tuple(Outcome(0, 0, context.transfers[0]) for context in BIND.contexts))

_syntaxes = st.sampled_from((NDR20, NDR64, IFACE)) | st.builds(Syntax, st.uuids(), words())
_contexts = st.builds(Context, _u16, _syntaxes, st.lists(_syntaxes, max_size=2).map(tuple))
_binds = st.builds(Bind, _u16, _u16, words(), st.lists(_contexts, max_size=3).map(tuple)) | st.just(BIND)
_outcomes = st.builds(Outcome, _u16, _u16, _syntaxes)
_addresses = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=9)
_acks = st.builds(BindAck, _u16, _u16, words(), _addresses, st.lists(_outcomes, max_size=3).map(tuple)) | st.just(ACK)

_BODIES: dict[Kind, SearchStrategy[Any]] = {
    Kind.REQUEST: st.builds(CallBody, words(), st.integers(0, 4), st.integers(0, 3), _stubs),
    Kind.RESPONSE: st.builds(CallBody, words(), st.integers(0, 4), st.integers(0, 0xFF), _stubs),
    Kind.FAULT: st.builds(Fault, words(), _u16, words(), _stubs),
    Kind.BIND: _binds,
    Kind.BIND_ACK: _acks,
    Kind.BIND_NAK: st.builds(BindNak, _u16),
    Kind.ALTER_CONTEXT: _binds,
    Kind.ALTER_CONTEXT_RESP: _acks,
    Kind.AUTH3: _stubs,
    Kind.SHUTDOWN: st.just(b""),
    Kind.CO_CANCEL: st.just(b""),
    Kind.ORPHANED: st.just(b""),
}


def bodies(kind: Kind) -> SearchStrategy[Any]:
    """Generate bodies of one type of PDU."""
    return _BODIES[kind]


def auths() -> SearchStrategy[Auth | None]:
    """Generate a security trailer or None; the encoder sets its padding length."""
    return st.none() | st.builds(
        Auth,
        st.sampled_from((9, 10, 16)),
        st.integers(1, 6),
        st.just(0),
        words(),
        st.binary(min_size=1, max_size=24),
    )


@st.composite
def encoded(draw: DrawFn) -> bytes:
    """Generate a PDU of any type, complete or a fragment, with or without authentication, of a few calls."""
    kind = draw(st.sampled_from(Kind))
    flags = draw(st.sampled_from((3, 3, 3, 1, 2, 0, 0x17)))
    return encode(kind, draw(st.integers(1, 4)), draw(bodies(kind)), flags=flags, auth=draw(auths()))


def pdu(kind: Kind, call_id: int, body: Any, *, flags: int = 3, auth: Auth | None = None) -> bytes:
    """Generate one PDU."""
    return encode(kind, call_id, body, flags=flags, auth=auth)
