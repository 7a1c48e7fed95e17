"""Kerberos with a separate realm: the project's client and server, with MIT's GSSAPI and KDC."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from realm import REALM, Realm, missing
from world import judge, run, serving

from mstrp.cli import main
from mstrp.live.auth import LEVELS, Users, initiator
from mstrp.live.client import TapiClient
from mstrp.live.scenarios import find_scenario
from mstrp.live.switch import Plan, Switch
from mstrp.live.transport import RpcFault
from protocol.rpc.association import AssociationError

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    with Realm(tmp_path_factory.mktemp("realm")) as found:
        found.user("alice", "secret")
        found.user("tapi", "service")
        found.service("host/localhost")
        yield found


@pytest.fixture
def realm(lasting: Realm, monkeypatch: pytest.MonkeyPatch) -> Realm:
    for name, value in lasting.environment.items():
        monkeypatch.setenv(name, value)
    return lasting


def _settings(kind: str, level: str) -> dict[str, Any]:
    return {
        "security": Users().acceptor(kind),
        "required_level": LEVELS[level],
        "event_security": initiator(kind, "tapi", "service", level=level),
    }


@pytest.mark.parametrize("header_signing", [True, False], ids=["header", "no-header"])
@pytest.mark.parametrize("level", ["connect", "integrity", "privacy"])
@pytest.mark.parametrize("kind", ["negotiate", "kerberos"])
def test_levels(kind: str, level: str, header_signing: bool, realm: Realm, recording: Path) -> None:
    """Section 4.5 with Kerberos at each level, for requests and events, with mutual authentication."""
    scenario = find_scenario("4.5")
    assert scenario is not None

    async def test() -> None:
        own = {
            "security": initiator(kind, "alice", "secret", level=level),
            "event_security": Users().acceptor(kind),
            "event_level": LEVELS[level],
            "header_signing": header_signing,
        }
        async with (
            serving(recording, Switch(Plan(pace=0.02), incoming=1), **_settings(kind, level)) as world,
            TapiClient.connect(world.address, **own) as client,
        ):
            assert [one.user for one in world.server.clients.values()] == [f"alice@{REALM}"]
            await scenario.run(client, "5551234")
            assert not client.problems
            (channel,) = client._channel._connections
            assert channel.association.security.user == f"tapi@{REALM}"
            assert channel.association.level == LEVELS[level]

    run(test())
    result = judge(recording, notes=True)
    named = "Kerberos in SPNEGO" if kind == "negotiate" else "Kerberos"
    sealed = [(one.interface, one.mechanism, one.level) for one in result.sealed]
    expected = [(name, named, "privacy") for name in ("tapsrv", "remotesp")]
    assert sealed == (expected if level == "privacy" else [])


def test_tickets_of_the_machine(realm: Realm, recording: Path) -> None:
    """Without a password, the tickets in the cache are used."""
    realm.kinit("alice", "secret")
    security = initiator("negotiate", level="integrity")

    async def test() -> None:
        async with (
            serving(recording, security=Users().acceptor(), required_level=5) as world,
            TapiClient.connect(world.address, security=security) as client,
        ):
            await client.initialize()
            assert [one.user for one in world.server.clients.values()] == [f"alice@{REALM}"]

    run(test())
    judge(recording)


def test_ntlm_where_the_realm_does_not_help(realm: Realm, recording: Path) -> None:
    """A user outside the realm with a known password is authenticated by NTLM, in the same negotiation."""

    async def test() -> None:
        async with (
            serving(recording, security=Users({"bob": "pw"}).acceptor(), required_level=6) as world,
            TapiClient.connect(world.address, security=initiator("negotiate", "bob", "pw")) as client,
        ):
            await client.initialize()
            assert [one.user for one in world.server.clients.values()] == ["bob"]

    run(test())
    judge(recording, passwords=("pw",))


def test_a_service_that_the_realm_does_not_know(realm: Realm, recording: Path) -> None:
    """For an unknown host the KDC returns no ticket; the client reports it."""

    async def test() -> None:
        async with serving(recording, security=Users().acceptor(), required_level=6) as world:
            with pytest.raises(AssociationError, match="authentication"):
                await TapiClient.connect(world.address, security=initiator("kerberos", "alice", "secret", host="other"))

    run(test())


def test_a_level_that_is_too_low(realm: Realm, recording: Path) -> None:
    """If privacy is required, signed calls are refused."""

    async def test() -> None:
        async with serving(recording, **_settings("kerberos", "privacy")) as world:
            with pytest.raises(RpcFault):
                await TapiClient.connect(
                    world.address, security=initiator("kerberos", "alice", "secret", level="integrity")
                )

    run(test())


def test_commands(realm: Realm, capsys: pytest.CaptureFixture[str]) -> None:
    """``mstrp serve`` and ``mstrp call`` with a principal of the realm."""
    command = [
        sys.executable,
        "-m",
        "mstrp",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--auth",
        "kerberos",
        "--incoming",
        "1",
    ]
    with subprocess.Popen([*command, "--pace", "0.02"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            address = f"localhost:{process.stderr.readline().rpartition(':')[2].strip()}"
            assert main(["call", address, "4.5", "--auth", "kerberos", "--user", "alice:secret"]) == 0
            assert main(["call", address, "4.5"]) == 1
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert "RPC fault" in capsys.readouterr().err


def test_administrators_are_principals(realm: Realm, recording: Path) -> None:
    """The administrator role is given to a principal with its realm, not to the same name in another realm."""
    from mstrp.live.provider import TapiError

    async def test(names: set[str]) -> None:
        settings = _settings("kerberos", "integrity")
        async with (
            serving(recording, administrators=frozenset(names), **settings) as world,
            TapiClient.connect(
                world.address, management=True, security=initiator("kerberos", "alice", "secret", level="integrity")
            ),
        ):
            pass

    run(test({f"alice@{REALM}"}))
    with pytest.raises(TapiError):
        run(test({"alice", "alice@OTHER.TEST"}))
