"""Client and server associations connected without a network, with bytes delivered in arbitrary pieces."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.ndr import METHODS, REMOTESP, TAPSRV
from protocol.rpc.association import (
    AssociationError,
    Bound,
    CallCancelled,
    CallReceived,
    FaultReceived,
    Limits,
    ResponseReceived,
    Status,
)
from protocol.rpc.client_association import ClientAssociation
from protocol.rpc.dissect import Dissector
from protocol.rpc.pdu import (
    BIND_TIME_FEATURES,
    NDR20,
    NDR64,
    Auth,
    Bind,
    BindAck,
    BindNak,
    CallBody,
    Context,
    Fault,
    Flag,
    Kind,
    Syntax,
    encode,
    parse,
)
from protocol.rpc.server_association import ServerAssociation

REQUEST = next(method for method in METHODS.values() if method.name == "ClientRequest")
FEATURES = Syntax(UUID(bytes_le=BIND_TIME_FEATURES + b"\x03" + bytes(7)), 1)


class Xor:
    """A fake security context that makes the position of signatures and sealed bytes visible."""

    def __init__(self, level: int, legs: int = 2) -> None:
        self.type = 10
        self.level = level
        self.size = 16
        self.legs = legs
        self.sent = self.got = 0

    @property
    def complete(self) -> bool:
        return self.legs <= 0

    def step(self, token: bytes) -> bytes:
        self.legs -= 1
        return b"token" if self.legs >= 0 else b""

    def _sign(self, number: int, *parts: bytes) -> bytes:
        return (sum(map(sum, parts)) + number).to_bytes(16, "little")

    def protect(self, head: bytes, body: bytes, tail: bytes, *, whole: bool) -> tuple[bytes, bytes]:
        self.sent += 1
        sealed = bytes(byte ^ 0x55 for byte in body) if self.level == 6 else body
        return sealed, self._sign(self.sent, head, body, tail) if whole else self._sign(self.sent, body)

    def unprotect(self, head: bytes, body: bytes, tail: bytes, token: bytes, *, whole: bool) -> bytes:
        self.got += 1
        plain = bytes(byte ^ 0x55 for byte in body) if self.level == 6 else body
        expected = self._sign(self.got, head, plain, tail) if whole else self._sign(self.got, plain)
        if token != expected:
            raise ValueError("signature")
        return plain


def pump(client: ClientAssociation, server: ServerAssociation, size: int = 1 << 20) -> list[Any]:
    """Exchange bytes in pieces until both sides are idle; return the events."""
    found: list[Any] = []
    while client.outgoing or server.outgoing:
        for data, other in ((client.take_outgoing(), server), (server.take_outgoing(), client)):
            for place in range(0, len(data), size):
                found += other.receive(data[place : place + size])
    return found


def bound(offered: tuple[Syntax, ...] = (NDR20, NDR64), fragment: int = 5840, **server: Any) -> Any:
    """Create a client and a server association with tapsrv bound."""
    one = ClientAssociation([TAPSRV], transfers=offered, fragment=fragment)
    two = ServerAssociation([TAPSRV], **server)
    one.bind()
    assert any(isinstance(item, Bound) for item in pump(one, two))
    return one, two


@given(st.binary(max_size=20_000), st.integers(1, 2000), st.sampled_from([1432, 2000, 5840]))
def test_any_stub_in_any_pieces(stub: bytes, size: int, fragment: int) -> None:
    """A stub of any length, in fragments of any size, split anywhere, arrives unchanged; so does the response."""
    client, server = bound(fragment=fragment)
    call_id = client.call(REQUEST, stub)
    (called,) = [item for item in pump(client, server, size) if isinstance(item, CallReceived)]
    assert (called.call_id, called.method, called.stub) == (call_id, REQUEST, stub)
    server.respond(called.call_id, called.context, stub[::-1])
    assert pump(client, server, size) == [ResponseReceived(call_id, stub[::-1])]
    assert not client.pending


@given(st.lists(st.binary(max_size=6000), min_size=1, max_size=5), st.sampled_from([5, 6]), st.booleans())
def test_signed_and_sealed(stubs: list[bytes], level: int, signing: bool) -> None:
    """The same with a security context, including empty stubs; sealed stubs are not readable on the wire."""
    client = ClientAssociation([TAPSRV], security=Xor(level), header_signing=signing)
    server = ServerAssociation([TAPSRV], security=lambda kind, asked: Xor(asked))
    client.bind()
    pump(client, server)
    assert server.level == level
    assert client.header_signing is server.header_signing is signing
    for stub in stubs:
        client.call(REQUEST, stub)
        if level == 6 and len(set(stub)) > 20:
            assert stub not in client.outgoing
        (called,) = pump(client, server)
        assert called.stub == stub
        server.respond(called.call_id, called.context, stub)
        assert pump(client, server) == [ResponseReceived(called.call_id, stub)]


def test_tampering_is_noticed() -> None:
    """A changed byte in a signed call ends the association."""
    client = ClientAssociation([TAPSRV], security=Xor(5))
    server = ServerAssociation([TAPSRV], security=lambda kind, asked: Xor(asked))
    client.bind()
    pump(client, server)
    client.call(REQUEST, b"stub")
    data = bytearray(client.take_outgoing())
    data[26] ^= 1
    with pytest.raises(AssociationError, match="signature"):
        list(server.receive(bytes(data)))


def test_unsigned_calls_are_refused_after_signing_was_negotiated() -> None:
    """After signing was negotiated, an unsigned call ends the association."""
    client = ClientAssociation([TAPSRV], security=Xor(6))
    server = ServerAssociation([TAPSRV], security=lambda kind, asked: Xor(asked))
    client.bind()
    pump(client, server)
    with pytest.raises(AssociationError, match="signature"):
        list(server.receive(encode(Kind.REQUEST, 9, CallBody(4, 0, 1, b"stub"))))


def test_signing_fails() -> None:
    """If signing fails (an expired ticket), the association ends and sends nothing unsigned."""

    class Expired(Xor):
        def protect(self, head: bytes, body: bytes, tail: bytes, *, whole: bool) -> tuple[bytes, bytes]:
            raise RuntimeError("the context has expired")

    client = ClientAssociation([TAPSRV], security=Expired(6))
    server = ServerAssociation([TAPSRV], security=lambda kind, asked: Expired(asked))
    client.bind()
    pump(client, server)
    for send in (lambda: client.call(REQUEST, b"stub"), lambda: server.respond(1, 0, b"stub")):
        with pytest.raises(AssociationError, match="expired"):
            send()
    assert not client.outgoing
    assert not server.outgoing


@pytest.mark.parametrize("legs", [2, 3])
def test_legs(legs: int) -> None:
    """Authentication with any number of legs: ends with auth3, or continues with alter_context."""
    client = ClientAssociation([TAPSRV], security=Xor(6, legs))
    server = ServerAssociation([TAPSRV], security=lambda kind, asked: Xor(asked, legs))
    client.bind()
    pump(client, server)
    client.call(REQUEST, b"x" * 100)
    assert [item.stub for item in pump(client, server)] == [b"x" * 100]


@pytest.mark.parametrize(
    ("offered", "wanted", "ndr64"),
    [
        ((NDR20,), (NDR64, NDR20), False),
        ((NDR64,), (NDR64, NDR20), True),
        ((NDR20, NDR64), (NDR64, NDR20), True),
        ((NDR20, NDR64), (NDR20,), False),
        ((NDR20, NDR64), (NDR20, NDR64), False),
    ],
)
def test_negotiation(offered: tuple[Syntax, ...], wanted: tuple[Syntax, ...], ndr64: bool) -> None:
    """Both sides use the offered transfer syntax that the server prefers."""
    client, server = bound(offered, transfers=wanted)
    assert client.ndr64(REQUEST) is ndr64
    client.call(REQUEST, b"")
    (called,) = pump(client, server)
    assert called.ndr64 is ndr64


def test_nothing_in_common() -> None:
    """Without a common transfer syntax, the bind gets a response, but the interface cannot be called."""
    client = ClientAssociation([TAPSRV], transfers=(NDR64,))
    server = ServerAssociation([TAPSRV], transfers=(NDR20,))
    client.bind()
    pump(client, server)
    with pytest.raises(AssociationError, match="not bound"):
        client.ndr64(REQUEST)


def test_one_context_with_both_syntaxes() -> None:
    """Both syntaxes in one context, with a feature negotiation context, are accepted."""
    server = ServerAssociation([TAPSRV])
    tapsrv = Syntax(TAPSRV.uuid, 1)
    bind = Bind(4280, 4280, 0, (Context(7, tapsrv, (NDR20, NDR64)), Context(8, tapsrv, (FEATURES,))))
    list(server.receive(encode(Kind.BIND, 3, bind)))
    answer = parse(server.take_outgoing()).body
    assert isinstance(answer, BindAck)
    assert [outcome.result for outcome in answer.outcomes] == [0, 3]
    assert answer.outcomes[0].transfer == NDR64


def test_other_interfaces_are_rejected() -> None:
    """Only the context of an unknown interface is rejected; calls on it fail."""
    server = ServerAssociation([TAPSRV])
    unknown = Context(0, Syntax(UUID(int=1), 1), (NDR20,))
    known = Context(1, Syntax(TAPSRV.uuid, 1), (NDR20,))
    list(server.receive(encode(Kind.BIND, 1, Bind(5840, 5840, 0, (unknown, known)))))
    answer = parse(server.take_outgoing()).body
    assert isinstance(answer, BindAck)
    assert [outcome.result for outcome in answer.outcomes] == [2, 0]
    list(server.receive(encode(Kind.REQUEST, 2, CallBody(0, 0, 1, b""))))
    assert parse(server.take_outgoing()).body.status == Status.UNKNOWN_INTERFACE  # type: ignore[union-attr]
    list(server.receive(encode(Kind.REQUEST, 3, CallBody(0, 1, 99, b""))))
    assert parse(server.take_outgoing()).body.status == Status.OP_RANGE  # type: ignore[union-attr]


def test_alter_context_and_groups() -> None:
    """alter_context adds an interface; the association group is the requested one or that of the server."""
    client = ClientAssociation([TAPSRV])
    server = ServerAssociation([TAPSRV, REMOTESP], group=0x4711)
    client.bind()
    pump(client, server)
    assert client.group == 0x4711
    client.alter(REMOTESP)
    pump(client, server)
    attach = next(method for method in METHODS.values() if method.name == "RemoteSPAttach")
    client.call(attach, b"")
    assert [item.method.name for item in pump(client, server)] == ["RemoteSPAttach"]
    again = ClientAssociation([TAPSRV], group=0x815)
    again.bind()
    pump(again, ServerAssociation([TAPSRV], group=0x4711))
    assert again.group == 0x815


def test_cancel_and_orphan() -> None:
    """A cancelled call still gets a response; the response to an orphaned call is ignored."""
    client, server = bound()
    one = client.call(REQUEST, b"1")
    pump(client, server)
    client.cancel(one)
    assert pump(client, server) == [CallCancelled(one, orphaned=False)]
    server.fault(one, Status.CANCELLED, 0)
    assert pump(client, server) == [FaultReceived(one, Status.CANCELLED)]
    two = client.call(REQUEST, b"2")
    pump(client, server)
    client.orphan(two)
    assert pump(client, server) == [CallCancelled(two, orphaned=True)]
    server.respond(two, 0, b"late")
    assert pump(client, server) == []


def test_repeated_call_ids() -> None:
    """Repeated call ids are allowed: each response has the id of its request."""
    _, server = bound((NDR20,))
    for call_id in (0xFFFFFFFF, 0, 7, 7):
        (called,) = server.receive(encode(Kind.REQUEST, call_id, CallBody(0, 0, 1, b"stub")))
        assert (called.call_id, called.stub) == (call_id, b"stub")


@given(st.binary(min_size=1, max_size=200))
def test_garbage_instead_of_a_bind(data: bytes) -> None:
    """Any first bytes are incomplete, a call without a bind, or the end of the association."""
    server = ServerAssociation([TAPSRV])
    try:
        items = list(server.receive(data))
    except AssociationError:
        return
    assert not [item for item in items if isinstance(item, CallReceived)]


def test_byte_limit() -> None:
    """A call that exceeds the byte limit ends the association."""
    _, server = bound((NDR20,), limits=Limits(stub=10_000))
    head = encode(Kind.REQUEST, 5, CallBody(0, 0, 1, bytes(5000)), flags=int(Flag.FIRST_FRAG))
    more = encode(Kind.REQUEST, 5, CallBody(0, 0, 1, bytes(5000)), flags=0)
    list(server.receive(head))
    list(server.receive(more))
    with pytest.raises(AssociationError, match="10000 bytes"):
        list(server.receive(more))


def test_required_level() -> None:
    """If a level is required, all calls below it are denied."""
    client, server = bound(required_level=6)
    call_id = client.call(REQUEST, b"")
    assert pump(client, server) == [FaultReceived(call_id, Status.ACCESS_DENIED)]


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=8000)), max_size=6))
def test_dissector_finds_the_same_calls(calls: list[tuple[bool, bytes]]) -> None:
    """The dissector of the capture reader finds the calls that both sides made."""
    client, server = ClientAssociation([TAPSRV]), ServerAssociation([TAPSRV])
    tap = Dissector()
    seen: list[tuple[int, bytes]] = []

    def carry() -> list[Any]:
        found: list[Any] = []
        while client.outgoing or server.outgoing:
            for from_client, source, other in ((True, client, server), (False, server, client)):
                data = source.take_outgoing()
                position = 0
                while position < len(data):
                    size = int.from_bytes(data[position + 8 : position + 10], "little")
                    call = tap.receive(from_client, data[position : position + size])
                    if call is not None:
                        seen.append((call.phase, call.data[call.start :]))
                    position += size
                found += other.receive(data)
        return found

    client.bind()
    carry()
    said: list[tuple[int, bytes]] = []
    for _, stub in calls:
        client.call(REQUEST, stub)
        (called,) = carry()
        server.respond(called.call_id, called.context, stub * 2)
        carry()
        said += [(0, stub), (1, stub * 2)]
    assert [(phase, data[: len(stub)]) for (phase, data), (_, stub) in zip(seen, said, strict=True)] == said
    assert not tap.problems


PART = encode(Kind.REQUEST, 5, CallBody(0, 0, 1, bytes(10)), flags=int(Flag.FIRST_FRAG))
LATER = encode(Kind.REQUEST, 6, CallBody(0, 0, 1, bytes(10)), flags=0)
OFFER = Bind(5840, 5840, 0, (Context(0, Syntax(TAPSRV.uuid, 1), (NDR20,)),))
TOKEN = Auth(10, 6, 0, 0, b"token")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (LATER, "later fragment"),
        (encode(Kind.BIND, 2, OFFER), "second bind"),
        (encode(Kind.AUTH3, 2, bytes(4), auth=TOKEN), "without an authentication in progress"),
        (encode(Kind.RESPONSE, 2, CallBody(0, 0, 0, b"")), "does not send"),
        (encode(Kind.REQUEST, 2, b""), "does not fit|ends before"),
        (
            b"".join(encode(Kind.REQUEST, n, CallBody(0, 0, 1, b""), flags=1) for n in range(4)),
            "fragmented calls in progress",
        ),
    ],
    ids=["later-fragment", "second-bind", "auth3", "response", "short", "fragments"],
)
def test_what_a_client_may_not_send(data: bytes, why: str) -> None:
    """Each of these ends the association with an error."""
    _, server = bound((NDR20,), limits=Limits(calls=3))
    with pytest.raises(AssociationError, match=why):
        list(server.receive(data))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (encode(Kind.BIND_ACK, 1, BindAck(5840, 5840, 1, "", ())), "without a bind"),
        (encode(Kind.BIND_NAK, 1, BindNak(3)), "reason 3"),
        (encode(Kind.REQUEST, 1, CallBody(0, 0, 1, b"")), "does not send"),
        (encode(Kind.FAULT, 9, Fault(0, 0, Status.ACCESS_DENIED, b"")), "access denied"),
    ],
    ids=["second-ack", "nak", "request", "denied"],
)
def test_what_a_server_may_not_send(data: bytes, why: str) -> None:
    """Each of these ends the association with an error."""
    client, _ = bound()
    with pytest.raises(AssociationError, match=why):
        list(client.receive(data))


def test_pdus_without_effect() -> None:
    """A shutdown, a late fault, a restarted fragment and an orphan in between have no effect."""
    client, server = bound((NDR20,))
    assert list(client.receive(encode(Kind.SHUTDOWN, 1, b""))) == []
    assert list(client.receive(encode(Kind.FAULT, 9, Fault(0, 0, 5000, b"")))) == []
    assert list(server.receive(PART + PART)) == []
    assert list(server.receive(encode(Kind.ORPHANED, 5, b""))) == [CallCancelled(5, orphaned=True)]
    with pytest.raises(AssociationError, match="later fragment"):
        list(server.receive(encode(Kind.REQUEST, 5, CallBody(0, 0, 1, b""), flags=2)))


def test_limits_of_a_client() -> None:
    """Calls beyond the limit are not sent."""
    client = ClientAssociation([TAPSRV], limits=Limits(calls=1))
    client.bind()
    pump(client, ServerAssociation([TAPSRV]))
    client.call(REQUEST, b"")
    with pytest.raises(AssociationError, match="more than 1 calls"):
        client.call(REQUEST, b"")


def test_contexts_are_limited_and_keep_their_syntax() -> None:
    """A context offered again keeps its syntax; contexts beyond the limit are rejected."""
    server = ServerAssociation([TAPSRV], limits=Limits(contexts=1))
    list(server.receive(encode(Kind.BIND, 1, OFFER)))
    server.take_outgoing()
    tapsrv = Syntax(TAPSRV.uuid, 1)
    more = Bind(5840, 5840, 0, (Context(0, tapsrv, (NDR20, NDR64)), Context(1, tapsrv, (NDR20,))))
    list(server.receive(encode(Kind.ALTER_CONTEXT, 2, more)))
    answer = parse(server.take_outgoing()).body
    assert isinstance(answer, BindAck)
    assert [(outcome.result, outcome.reason) for outcome in answer.outcomes] == [(0, 0), (2, 3)]
    assert answer.outcomes[0].transfer == NDR20


def test_alter_before_bind() -> None:
    """alter_context requires a bind."""
    with pytest.raises(AssociationError, match="before bind"):
        list(ServerAssociation([TAPSRV]).receive(encode(Kind.ALTER_CONTEXT, 1, OFFER)))


def test_missing_authentication_token() -> None:
    """A server that returns no token is not trusted."""
    client = ClientAssociation([TAPSRV], security=Xor(6))
    client.bind()
    list(ServerAssociation([TAPSRV]).receive(encode(Kind.BIND, 1, OFFER)))
    with pytest.raises(AssociationError, match="no authentication token"):
        list(client.receive(encode(Kind.BIND_ACK, 1, BindAck(5840, 5840, 1, "", ()))))
