"""Authentication: accepted users, levels, and differences between independent stacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from world import judge, run, serving

from mstrp.live.auth import LEVELS, SecurityContext, Users, initiator
from mstrp.live.client import TapiClient
from mstrp.live.switch import Plan, Switch
from mstrp.live.transport import ConnectionEnded, RpcFault
from protocol.rpc.association import AssociationError
from protocol.rpc.pdu import BindNak, Kind, parse

USERS = Users({"alice": "secret"})
_PLAN = Plan(pace=0.02)


def agreed(kind: str, level: str) -> tuple[SecurityContext, SecurityContext]:
    """Return a client's and a server's context after mutual authentication."""
    client = initiator(kind, "WORKGROUP\\Alice", "secret", level=level)()
    server = USERS.acceptor()(client.type, client.level)
    token = client.step(b"")
    while token:
        token = server.step(token)
        if token:
            token = client.step(token)
    assert client.complete
    assert server.complete
    return client, server


@pytest.mark.parametrize("whole", [True, False], ids=["pdu", "stub"])
@pytest.mark.parametrize("expected", [True, False], ids=["pdu-expected", "stub-expected"])
@pytest.mark.parametrize("level", ["integrity", "privacy"])
@pytest.mark.parametrize("kind", ["ntlm", "negotiate"])
def test_what_is_signed(kind: str, level: str, expected: bool, whole: bool) -> None:
    """The first message shows whether the whole PDU or only the stub is signed; responses are signed the same way."""
    client, server = agreed(kind, level)
    for body in (b"", b"first" * 10, b"", b"second"):
        sealed, token = client.protect(b"head", body, b"tail", whole=whole)
        assert server.unprotect(b"head", sealed, b"tail", token, whole=expected) == body
    sealed, token = server.protect(b"head", b"answer", b"tail", whole=expected)
    assert client.unprotect(b"head", sealed, b"tail", token, whole=whole) == b"answer"


@pytest.mark.parametrize("part", range(4))
def test_tampering(part: int) -> None:
    """A modified byte in header, stub, trailer or signature is detected."""
    client, server = agreed("ntlm", "privacy")
    sealed, token = client.protect(b"head", b"body", b"tail", whole=True)
    parts = [b"head", sealed, b"tail", token]
    parts[part] = bytes([parts[part][0] ^ 1]) + parts[part][1:]
    with pytest.raises(Exception, match="Integrity"):
        server.unprotect(*parts, whole=True)


def test_who_it_is() -> None:
    """The server knows the authenticated user, without domain."""
    _, server = agreed("negotiate", "connect")
    assert server.user.casefold() == "alice"


async def _attempt(path: Path, server: dict[str, Any], **client: Any) -> None:
    async with serving(path, Switch(_PLAN), **server) as world, TapiClient.connect(world.address, **client) as found:
        await found.initialize()


@pytest.mark.parametrize(
    ("client", "error"),
    [
        ({}, RpcFault),
        ({"security": initiator("ntlm", "alice", "wrong")}, (AssociationError, ConnectionEnded)),
        ({"security": initiator("negotiate", "alice", "wrong")}, (AssociationError, ConnectionEnded)),
        ({"security": initiator("ntlm", "mallory", "secret")}, (AssociationError, ConnectionEnded)),
        ({"security": initiator("ntlm", "alice", "secret", level="integrity")}, RpcFault),
    ],
    ids=["nobody", "wrong-password", "wrong-password-spnego", "stranger", "level-too-low"],
)
def test_who_stays_out(client: dict[str, Any], error: Any, recording: Path) -> None:
    """If privacy is required, clients without it, or with a wrong password, are refused."""
    with pytest.raises(error):
        run(_attempt(recording, {"security": USERS.acceptor(), "required_level": 6}, **client))


def test_a_kind_that_is_not_offered(recording: Path) -> None:
    """A server without authentication reports that in its bind_nak."""
    with pytest.raises((AssociationError, ConnectionEnded), match="rejected, reason 8"):
        run(_attempt(recording, {}, security=initiator("ntlm", "alice", "secret")))


@pytest.mark.parametrize("header_signing", [True, False])
@pytest.mark.parametrize("level", ["connect", "integrity", "privacy"])
@pytest.mark.parametrize("kind", ["ntlm", "negotiate"])
def test_levels(kind: str, level: str, header_signing: bool, recording: Path) -> None:
    """Every mechanism works at every level, with and without header signing; the recording is checked."""
    security = initiator(kind, "alice", "secret", level=level)
    settings = {"security": USERS.acceptor(), "required_level": LEVELS[level]}
    run(_attempt(recording, settings, security=security, header_signing=header_signing))
    judge(recording, passwords=("secret",))


def test_events_without_identity(recording: Path) -> None:
    """A client that requires privacy of the event channel is not attached by a server without credentials."""
    from mstrp.live.provider import TapiError

    settings = {"security": USERS.acceptor()}
    client = {"security": initiator("ntlm", "alice", "secret"), "event_level": 6}
    with pytest.raises(TapiError, match="OPERATIONFAILED"):
        run(_attempt(recording, settings, **client))


def test_bind_nak_names_the_version() -> None:
    """A PDU that is not DCE/RPC 5 gets a bind_nak before the connection is closed."""
    from protocol.ndr import TAPSRV
    from protocol.rpc.server_association import ServerAssociation

    server = ServerAssociation([TAPSRV])
    with pytest.raises(AssociationError):
        list(server.receive(b"\x04" + bytes(30)))
    answer = parse(server.take_outgoing())
    assert (answer.header.kind, answer.body) == (Kind.BIND_NAK, BindNak(4))
