"""Named pipes: the client with smbprotocol, the server behind impacket's SMB server."""

from __future__ import annotations

import asyncio
import gc
import io
from pathlib import Path

import pytest

pytest.importorskip("smbprotocol", reason="smbprotocol is not installed")
pytest.importorskip("impacket", reason="impacket is not installed")

from world import judge, run, serving

from mstrp.live.auth import Users, initiator
from mstrp.live.client import TapiClient
from mstrp.live.pipe import PipeFront
from mstrp.live.scenarios import find_scenario
from mstrp.live.switch import Plan, Switch
from protocol import line

# Sockets that impacket's SMB server leaves to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.mark.parametrize("sealed", [False, True], ids=["clear", "sealed"])
@pytest.mark.parametrize("events", ["push", "pull"])
def test_scenario_over_the_pipe(events: str, sealed: bool, recording: Path) -> None:
    """Section 4.5 passes over the pipe, with pushed or pulled events, and fragments in both directions."""
    scenario = find_scenario("4.5")
    assert scenario is not None

    async def test() -> None:
        settings = {"security": Users({"alice": "secret"}).acceptor(), "required_level": 6} if sealed else {}
        own = {"security": initiator("ntlm", "alice", "secret")} if sealed else {}
        async with (
            serving(recording, Switch(Plan(pace=0.02), incoming=1), **settings) as world,
            PipeFront(world.server, "127.0.0.1:0", {"bob": "pw"}) as front,
        ):
            binding = rf"ncacn_np:127.0.0.1:{front.port}[\pipe\tapsrv]"
            connecting = TapiClient.connect(
                binding, events=events, poll=0.01, machine="localhost", smb_user=("bob", "pw"), **own
            )
            async with connecting as client:
                await scenario.run(client, "5551234")
                opened = await (await client.initialize()).open(1)
                done = await opened.ask(line.DevSpecific, params=bytes(20_000))
                assert len(done.data) == 20_000
                assert not client.problems

    run(test())
    gc.collect()
    judge(recording, passwords=("secret",))


def test_only_a_pipe(recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The share of the pipe contains no files: existing ones cannot be read, and new ones cannot be written."""
    from impacket.smbconnection import SessionError, SMBConnection

    (tmp_path / "secret").write_text("secret")
    monkeypatch.chdir(tmp_path)

    def look(port: int) -> None:
        smb = SMBConnection("TAPSRV", "127.0.0.1", sess_port=port)
        smb.login("bob", "pw")
        got = io.BytesIO()
        for attempt in (
            lambda: smb.listPath("IPC$", "*"),
            lambda: smb.getFile("IPC$", "secret", got.write),
            lambda: smb.getFile("IPC$", "../../secret", got.write),
            lambda: smb.putFile("IPC$", "new", io.BytesIO(b"new").read),
            lambda: smb.createDirectory("IPC$", "new"),
            lambda: smb.deleteFile("IPC$", "secret"),
        ):
            with pytest.raises(SessionError):
                attempt()
        assert not got.getvalue()
        smb.close()

    async def test() -> None:
        async with (
            serving(recording) as world,
            PipeFront(world.server, "127.0.0.1:0", {"bob": "pw"}) as front,
        ):
            await asyncio.to_thread(look, front.port)

    run(test())
    gc.collect()
    assert [one.name for one in tmp_path.iterdir() if one.name != recording.name] == ["secret"]


def test_wrong_password(recording: Path) -> None:
    """The SMB server refuses clients without valid credentials."""

    async def test() -> None:
        async with (
            serving(recording) as world,
            PipeFront(world.server, "127.0.0.1:0", {"bob": "pw"}) as front,
        ):
            with pytest.raises(ConnectionError):
                await TapiClient.connect(rf"ncacn_np:127.0.0.1:{front.port}", smb_user=("bob", "no"))

    run(test())
    gc.collect()
