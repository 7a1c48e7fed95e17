"""Attacks on a server that requires privacy: replayed, modified and unprotected PDUs, and lowered levels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attacker import METHOD, Attacker, connect
from world import run, serving, until

from mstrp.live.auth import Users, initiator
from mstrp.live.client import TapiClient
from mstrp.live.listener import listen
from mstrp.live.transport import ConnectionEnded, RpcFault, ServiceConnection
from protocol import line
from protocol.constants import LINEERR
from protocol.ndr import REMOTESP, TAPSRV, ClientRequest
from protocol.rpc.association import AssociationError, CallReceived
from protocol.rpc.pdu import Auth, Bind, CallBody, Context, Flag, Kind, Syntax, encode
from protocol.rpc.server_association import ServerAssociation

_USERS = Users({"alice": "secret"})
_SECURE: dict[str, Any] = {"security": _USERS.acceptor(), "required_level": 6}
_INITIALIZE = line.Initialize(friendly_name="A", module_name="A", api_version=0x00030001)


def _request(client: Attacker) -> bytes:
    """Return the bytes of a request, protected by its association."""
    method = METHOD["ClientRequest"]
    association = client.caller.association
    value = ClientRequest(client.context, _INITIALIZE.encode(), _INITIALIZE.capacity)
    association.call(method, method.write(value, ndr64=association.ndr64(method)))
    return association.take_outgoing()


def _replayed(client: Attacker) -> bytes:
    return _request(client) * 2


def _changed(client: Attacker) -> bytes:
    data = bytearray(_request(client))
    data[40] ^= 1
    return bytes(data)


def _forged(client: Attacker) -> bytes:
    data = bytearray(_request(client))
    data[-1] ^= 1
    return bytes(data)


def _stripped(client: Attacker) -> bytes:
    client.caller.association.security = None
    return _request(client)


def _lowered(client: Attacker) -> bytes:
    """Send alter_context with a lower level, followed by a request without a signature."""
    token = initiator("ntlm", "alice", "secret", level="connect")().step(b"")
    context = Context(0, Syntax(TAPSRV.uuid, 1), (client.caller.association.transfers[0],))
    altered = encode(Kind.ALTER_CONTEXT, 77, Bind(5840, 5840, 0, (context,)), auth=Auth(10, 2, 0, 0, token))
    return altered + _stripped(client)


@pytest.mark.parametrize("attack", [_replayed, _changed, _forged, _stripped, _lowered])
def test_protection(attack: Callable[[Attacker], bytes], recording: Path) -> None:
    """A PDU without the negotiated protection ends the connection; a replayed one has no effect."""

    async def test() -> None:
        async with serving(recording, **_SECURE) as world:
            client = await connect(world.server.port, security=initiator("ntlm", "alice", "secret")())
            await client.attach()
            before = world.server.requests
            client.caller.data_received = lambda data: None  # type: ignore[method-assign]
            client.caller._write(attack(client))
            await client.caller.wait_closed()
            assert client.caller.closed
            await until(lambda: not world.server.clients)
            assert world.server.requests - before == (attack is _replayed)

    run(test())


def test_replayed_log_on(recording: Path) -> None:
    """The messages of a log-on cannot be replayed: each challenge is new."""

    async def test() -> None:
        async with serving(recording, **_SECURE) as world:
            sent: list[bytes] = []
            client = await connect(world.server.port)
            await client.close()
            security = initiator("ntlm", "alice", "secret")()
            step = security.step

            def recorded(token: bytes) -> bytes:
                sent.append(step(token))
                return sent[-1]

            security.step = recorded  # type: ignore[method-assign]
            await (await connect(world.server.port, security=security)).close()

            replayed = initiator("ntlm", "alice", "secret")()
            own = replayed.step

            def again(token: bytes) -> bytes:
                own(token)
                return sent.pop(0)

            replayed.step = again  # type: ignore[method-assign]
            with pytest.raises((ConnectionEnded, AssociationError, RpcFault)):
                await (await connect(world.server.port, security=replayed)).attach()
            assert not sent
            assert world.server.log.counts["logon-failed"] == 1

    run(test())


def test_endless_response(recording: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A client that responds to RemoteSPAttach with endless fragments is not attached."""

    async def test() -> None:
        class Endless:
            def called(self, connection: ServiceConnection, call: CallReceived) -> None:
                body = CallBody(4000, 0, 0, bytes(4000))
                first = encode(Kind.RESPONSE, call.call_id, body, flags=Flag.FIRST_FRAG)
                connection.transport.write(first + encode(Kind.RESPONSE, call.call_id, body, flags=0) * 500)

            def lost(self, connection: ServiceConnection) -> None:
                pass

        async with serving(recording) as world:
            trap = await listen(lambda: ServiceConnection(Endless(), ServerAssociation([REMOTESP])), "127.0.0.1", 0)
            client = await connect(world.server.port)
            assert await client.attach("", f'PC"ncacn_ip_tcp"{trap.port}"')
            await client.close()
            trap.close()
            assert not world.server.clients

    run(test())
    assert "bytes in one call" in caplog.text


def test_names_are_bounded(recording: Path) -> None:
    """The length of names stored by the server is limited, in ClientAttach and in Initialize."""

    async def test() -> None:
        async with serving(recording) as world:
            client = await connect(world.server.port)
            assert await client.attach(machine="A" * 5000)
            await client.attach()
            found = await client.ask(line.Initialize(friendly_name="A" * 5000, module_name="A", api_version=0x30001))
            assert found.ack & 0xFFFFFFFF == LINEERR.INVALPARAM
            await client.close()

    run(test())


def test_association_is_needed(recording: Path) -> None:
    """A client without credentials gets a fault, and is still not logged on afterwards."""

    async def test() -> None:
        async with serving(recording, **_SECURE) as world:
            client = await connect(world.server.port)
            for _ in range(3):
                with pytest.raises(RpcFault):
                    await client.attach()
            (connection,) = world.server.connections
            assert not connection.logged_on
            await client.close()
            async with TapiClient.connect(world.address, security=initiator("ntlm", "alice", "secret")) as user:
                await user.initialize()

    run(test())
