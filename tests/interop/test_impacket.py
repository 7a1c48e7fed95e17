"""impacket as client of the project's server, and as server for its client: TCP, named pipe, NTLM."""

from __future__ import annotations

import asyncio
import gc
import struct
import time
from pathlib import Path

import pytest

rpcrt = pytest.importorskip("impacket.dcerpc.v5.rpcrt", reason="impacket is not installed")
from impacket.dcerpc.v5 import dtypes, ndr, transport
from impacket.uuid import uuidtup_to_bin
from peers import MAILSLOT, Clerk, Script
from world import judge, run, serving

from mstrp.live.auth import Users
from mstrp.live.client import TapiClient
from mstrp.live.pipe import PipeFront
from mstrp.live.switch import Plan, Switch

TAPSRV = ("2F5F6520-CA46-1067-B319-00DD010662DA", "1.0")


class CONTEXT(ndr.NDRSTRUCT):
    structure = (("data", "20s=b''"),)

    def getAlignment(self) -> int:
        return 4


class ClientAttach(ndr.NDRCALL):
    opnum = 0
    structure = (("lProcessID", dtypes.LONG), ("pszDomainUser", dtypes.WSTR), ("pszMachine", dtypes.WSTR))


class ClientAttachResponse(ndr.NDRCALL):
    structure = (("pphContext", CONTEXT), ("phAsyncEventsEvent", dtypes.LONG), ("ErrorCode", dtypes.LONG))


class BUFFER(ndr.NDRUniConformantVaryingArray):
    item = "c"


class ClientRequest(ndr.NDRCALL):
    opnum = 1
    structure = (
        ("phContext", CONTEXT),
        ("pBuffer", BUFFER),
        ("lNeededSize", dtypes.LONG),
        ("plUsedSize", dtypes.LONG),
    )


class ClientRequestResponse(ndr.NDRCALL):
    structure = (("pBuffer", BUFFER), ("plUsedSize", dtypes.LONG))


class ClientDetach(ndr.NDRCALL):
    opnum = 2
    structure = (("pphContext", CONTEXT),)


class ClientDetachResponse(ndr.NDRCALL):
    structure = (("pphContext", CONTEXT),)


def converse(binding: str, user: tuple[str, str] | None = None, level: int = 0) -> None:
    """Perform section 4.5 with impacket's client, which runs in a separate thread."""
    found = transport.DCERPCTransportFactory(binding)
    if user is not None:
        found.set_credentials(*user)
    dce = found.get_dce_rpc()
    if user is not None:
        dce.set_auth_type(rpcrt.RPC_C_AUTHN_WINNT)
        dce.set_auth_level(level)
    dce.connect()
    dce.bind(uuidtup_to_bin(TAPSRV))
    attach = ClientAttach()
    attach["lProcessID"] = -1
    attach["pszDomainUser"] = MAILSLOT + "\0"
    attach["pszMachine"] = "PEER\0"
    result = dce.request(attach, checkError=False)
    context = result["pphContext"]["data"]
    assert (result["phAsyncEventsEvent"] & 0xFFFFFFFF, result["ErrorCode"]) == (0xA5C369A5, 0)

    def carry(data: bytes) -> bytes:
        asked = ClientRequest()
        asked["phContext"]["data"] = context
        asked["pBuffer"] = [data[place : place + 1] for place in range(len(data))]
        asked["lNeededSize"] = asked["plUsedSize"] = len(data)
        return b"".join(dce.request(asked, checkError=False)["pBuffer"])

    Script(carry).perform()
    detach = ClientDetach()
    detach["pphContext"]["data"] = context
    assert dce.request(detach, checkError=False)["pphContext"]["data"] == bytes(20)
    dce.disconnect()


def _switch() -> Switch:
    return Switch(Plan(pace=0.02), incoming=1)


def test_client(recording: Path) -> None:
    """impacket performs section 4.5 with the project's server without encryption."""

    async def test() -> None:
        async with serving(recording, _switch()) as world:
            await asyncio.to_thread(converse, f"ncacn_ip_tcp:127.0.0.1[{world.server.port}]")

    run(test())
    judge(recording)


@pytest.mark.parametrize(
    "level",
    [rpcrt.RPC_C_AUTHN_LEVEL_CONNECT, rpcrt.RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY],
)
def test_authenticated_client(level: int, recording: Path) -> None:
    """The same with NTLM at each level; impacket signs whole PDUs without negotiating header signing."""

    async def test() -> None:
        settings = {"security": Users({"alice": "secret"}).acceptor(), "required_level": level}
        async with serving(recording, _switch(), **settings) as world:
            binding = f"ncacn_ip_tcp:127.0.0.1[{world.server.port}]"
            await asyncio.to_thread(converse, binding, ("alice", "secret"), level)

    run(test())
    judge(recording, passwords=("secret",))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_client_on_the_pipe(recording: Path) -> None:
    """The project's client performs section 4.5 with impacket's server."""

    async def test() -> None:
        async with (
            serving(recording, _switch()) as world,
            PipeFront(world.server, "127.0.0.1:0", {"bob": "pw"}) as front,
        ):

            def through() -> None:
                found = transport.SMBTransport("127.0.0.1", front.port, r"\tapsrv", "bob", "pw")
                dce = found.get_dce_rpc()
                dce.connect()
                dce.bind(uuidtup_to_bin(TAPSRV))
                attach = ClientAttach()
                attach["lProcessID"] = -1
                attach["pszDomainUser"], attach["pszMachine"] = MAILSLOT + "\0", "PEER\0"
                assert dce.request(attach, checkError=False)["ErrorCode"] == 0
                dce.disconnect()

            await asyncio.to_thread(through)

    run(test())
    gc.collect()


class Peer(rpcrt.DCERPCServer):
    """impacket's server with the three methods."""

    def __init__(self, clerk: Clerk) -> None:
        super().__init__()
        self.daemon = True
        self.clerk = clerk
        self.addCallbacks(TAPSRV, "5150", {0: self.attach, 1: self.client_request, 2: self.detach})

    def attach(self, data: bytes) -> bytes:
        return bytes(4) + b"\7" * 16 + struct.pack("<II", 0xA5C369A5, 0)

    def client_request(self, data: bytes) -> bytes:
        asked = ClientRequest(data)
        answer = self.clerk.answer(b"".join(asked["pBuffer"]))
        needed = max(asked["lNeededSize"], len(answer))
        padding = bytes(-len(answer) % 4)
        return struct.pack("<III", needed, 0, len(answer)) + answer + padding + struct.pack("<I", len(answer))

    def detach(self, data: bytes) -> bytes:
        return bytes(20)


def test_server(recording: Path) -> None:
    """The project's client performs section 4.5 with impacket's server, whose bind_ack is padded with letters."""
    clerk = Clerk()
    peer = Peer(clerk)
    peer.start()
    time.sleep(0.05)

    async def test() -> None:
        from mstrp.live.recorder import Recorder

        with recording.open("wb") as stream:
            binding = f"ncacn_ip_tcp:127.0.0.1[{peer.getListenPort()}]"
            async with TapiClient.connect(binding, events="pull", poll=0.005, recorder=Recorder(stream)) as client:
                app = await client.initialize()
                await app.negotiate_all()
                assert (await app.dev_caps(0)).line_name == "peer"
                opened = await app.open(0)
                call = await opened.next_call()
                await call.answer()
                await call.wait(0x100)
                await call.blind_transfer("5551234")
                await call.wait(1)
                await call.deallocate()
                await opened.close()
                await app.shut_down()
                assert not client.problems

    run(test())
    judge(recording, notes=True)
    assert clerk.requests.count("BlindTransfer") == 1
