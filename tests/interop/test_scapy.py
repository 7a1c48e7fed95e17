"""scapy as client and server: NDR20 and NDR64, NTLM and SPNEGO, over TCP and the pipe."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import warnings
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

pytest.importorskip("scapy", reason="scapy is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scapy.config import conf
    from scapy.layers.dcerpc import (
        DCE_C_AUTHN_LEVEL,
        DCERPC_Transport,
        DceRpcOp,
        NDRConfVarStrLenField,
        NDRConfVarStrNullFieldUtf16,
        NDRContextHandle,
        NDRPacket,
        NDRPacketField,
        NDRSignedIntField,
        find_dcerpc_interface,
        register_dcerpc_interface,
    )
    from scapy.layers.msrpce.rpcclient import DCERPC_Client
    from scapy.layers.msrpce.rpcserver import DCERPC_Server
    from scapy.layers.ntlm import NTLMSSP, MD4le
    from scapy.layers.spnego import SPNEGOSSP

from peers import MAILSLOT, Clerk, Script
from world import judge, run, serving

from mstrp.live.auth import Users, initiator
from mstrp.live.client import TapiClient
from mstrp.live.recorder import Recorder
from mstrp.live.switch import Plan, Switch

LEVELS = DCE_C_AUTHN_LEVEL
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)


class ClientAttach_Request(NDRPacket):
    fields_desc = [
        NDRSignedIntField("lProcessID", 0),
        NDRConfVarStrNullFieldUtf16("pszDomainUser", ""),
        NDRConfVarStrNullFieldUtf16("pszMachine", ""),
    ]


class ClientAttach_Response(NDRPacket):
    fields_desc = [
        NDRPacketField("pphContext", NDRContextHandle(), NDRContextHandle),
        NDRSignedIntField("phAsyncEventsEvent", 0),
        NDRSignedIntField("status", 0),
    ]


class ClientRequest_Request(NDRPacket):
    fields_desc = [
        NDRPacketField("phContext", NDRContextHandle(), NDRContextHandle),
        NDRConfVarStrLenField(
            "pBuffer", b"", size_is=lambda pkt: pkt.lNeededSize, length_is=lambda pkt: pkt.plUsedSize
        ),
        NDRSignedIntField("lNeededSize", 0),
        NDRSignedIntField("plUsedSize", 0),
    ]


class ClientRequest_Response(NDRPacket):
    fields_desc = [
        NDRConfVarStrLenField("pBuffer", b"", size_is=lambda pkt: pkt.plUsedSize, length_is=lambda pkt: pkt.plUsedSize),
        NDRSignedIntField("plUsedSize", 0),
    ]


class ClientDetach_Request(NDRPacket):
    fields_desc = [NDRPacketField("pphContext", NDRContextHandle(), NDRContextHandle)]


class ClientDetach_Response(NDRPacket):
    fields_desc = [NDRPacketField("pphContext", NDRContextHandle(), NDRContextHandle)]


register_dcerpc_interface(
    name="tapsrv",
    uuid=UUID("2f5f6520-ca46-1067-b319-00dd010662da"),
    version="1.0",
    opnums={
        0: DceRpcOp(ClientAttach_Request, ClientAttach_Response),
        1: DceRpcOp(ClientRequest_Request, ClientRequest_Response),
        2: DceRpcOp(ClientDetach_Request, ClientDetach_Response),
    },
)
TAPSRV = find_dcerpc_interface("tapsrv")


def _bytes(value: Any) -> bytes:
    """Return the content of scapy's objects for conformant and varying arrays."""
    while not isinstance(value, (bytes, bytearray)):
        value = value[0] if isinstance(value, list) else value.value
    return bytes(value)


def converse(port: int, *, ndr64: bool, ssp: Any = None, level: Any = None) -> None:
    """Perform section 4.5 with scapy's client, which runs in a separate thread."""
    client = DCERPC_Client(DCERPC_Transport.NCACN_IP_TCP, ndr64=ndr64, ssp=ssp, auth_level=level, verb=False)
    client.connect("127.0.0.1", endpoint=port, timeout=5)
    # Without encryption scapy's fragments are empty (2.8.0), so everything must fit into one.
    perform(client, ndr64=ndr64, large=12_000 if ssp is not None else 1000)


def converse_through_the_pipe(port: int, *, ndr64: bool) -> None:
    """The same through SMB: dialect 2.1 from the first message, as impacket's server uses with scapy."""
    ssp = SPNEGOSSP([NTLMSSP(UPN="bob", PASSWORD="pw")])
    client = DCERPC_Client(DCERPC_Transport.NCACN_NP, ndr64=ndr64, ssp=ssp, verb=False)
    settings = {"SMB2": True, "MAX_DIALECT": 0x0210}
    client.connect("127.0.0.1", endpoint="tapsrv", port=port, timeout=5, smb_kwargs=settings)
    perform(client, ndr64=ndr64, large=1000)


def perform(client: Any, *, ndr64: bool, large: int) -> None:
    """Bind, attach, section 4.5, detach."""
    assert client.bind(TAPSRV)
    own = {"ndr64": ndr64, "ndrendian": "little"}
    attach = ClientAttach_Request(lProcessID=-1, pszDomainUser=MAILSLOT, pszMachine="PEER", **own)
    result = client.sr1_req(attach, timeout=5)
    assert (result.phAsyncEventsEvent & 0xFFFFFFFF, result.status) == (0xA5C369A5, 0)
    uuid = bytes(result.pphContext.uuid)

    def carry(data: bytes) -> bytes:
        asked = ClientRequest_Request(
            phContext=NDRContextHandle(uuid=uuid), pBuffer=data, lNeededSize=len(data), plUsedSize=len(data), **own
        )
        found = client.sr1_req(asked, timeout=5)
        return _bytes(found.pBuffer)

    Script(carry, large=large).perform()
    client.sr1_req(ClientDetach_Request(pphContext=NDRContextHandle(uuid=uuid), **own), timeout=5)
    client.close()


def _ssp(kind: str) -> Any:
    ntlm = NTLMSSP(UPN="alice", PASSWORD="secret")
    return ntlm if kind == "ntlm" else SPNEGOSSP([ntlm])


@pytest.mark.parametrize("ndr64", [False, True], ids=["ndr20", "ndr64"])
def test_client(ndr64: bool, recording: Path) -> None:
    """scapy performs section 4.5 with the project's server without encryption."""

    async def test() -> None:
        async with serving(recording, Switch(Plan(pace=0.02), incoming=1)) as world:
            await asyncio.to_thread(converse, world.server.port, ndr64=ndr64)

    run(test())
    judge(recording)


@pytest.mark.parametrize("level", [LEVELS.CONNECT, LEVELS.PKT_INTEGRITY, LEVELS.PKT_PRIVACY], ids=lambda one: one.name)
@pytest.mark.parametrize("kind", ["ntlm", "negotiate"])
def test_authenticated_client(kind: str, level: Any, recording: Path) -> None:
    """The same with authentication and negotiated header signing."""
    if kind == "negotiate" and level == LEVELS.CONNECT:
        pytest.skip("scapy agrees on no signatures there and signs its list of mechanisms all the same")

    async def test() -> None:
        settings = {"security": Users({"alice": "secret"}).acceptor(), "required_level": int(level)}
        async with serving(recording, Switch(Plan(pace=0.02), incoming=1), **settings) as world:
            await asyncio.to_thread(converse, world.server.port, ndr64=False, ssp=_ssp(kind), level=level)

    run(test())
    judge(recording, passwords=("secret",))


@pytest.mark.parametrize("ndr64", [False, True], ids=["ndr20", "ndr64"])
def test_client_on_the_pipe(ndr64: bool, recording: Path) -> None:
    """scapy's SMB client performs section 4.5 through the pipe."""
    pytest.importorskip("impacket", reason="impacket is not installed")
    from mstrp.live.pipe import PipeFront

    async def test() -> None:
        async with (
            serving(recording, Switch(Plan(pace=0.02), incoming=1)) as world,
            PipeFront(world.server, "127.0.0.1:0", {"bob": "pw"}) as front,
        ):
            await asyncio.to_thread(converse_through_the_pipe, front.port, ndr64=ndr64)

    run(test())
    gc.collect()
    judge(recording)


class Peer(DCERPC_Server):
    """scapy's server with the three methods."""

    clerk: Clerk

    @DCERPC_Server.answer(ClientAttach_Request)
    def attach(self, req: Any) -> Any:
        handle = NDRContextHandle(attributes=0, uuid=b"\7" * 16)
        return ClientAttach_Response(
            pphContext=handle, phAsyncEventsEvent=0xA5C369A5 - (1 << 32), status=0, ndr64=self.ndr64
        )

    @DCERPC_Server.answer(ClientRequest_Request)
    def client_request(self, req: Any) -> Any:
        data = self.clerk.answer(_bytes(req[ClientRequest_Request].pBuffer))
        return ClientRequest_Response(pBuffer=data, plUsedSize=len(data), ndr64=self.ndr64)

    @DCERPC_Server.answer(ClientDetach_Request)
    def detach(self, req: Any) -> Any:
        return ClientDetach_Response(pphContext=NDRContextHandle(attributes=0, uuid=bytes(16)), ndr64=self.ndr64)


async def transfer(client: TapiClient) -> None:
    """Perform section 4.5 with the project's client."""
    app = await client.initialize()
    await app.negotiate_all()
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


@pytest.mark.parametrize("sealed", [False, True], ids=["clear", "ntlm-privacy"])
@pytest.mark.parametrize("ndr", ["20", "64"])
def test_server(ndr: str, sealed: bool, recording: Path) -> None:
    """The project's client performs section 4.5 with scapy's server."""
    clerk = Clerk()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def serve() -> None:
        connection, _ = listener.accept()
        ssp = NTLMSSP(IDENTITIES={"alice": MD4le("secret")}) if sealed else None
        server = Peer(DCERPC_Transport.NCACN_IP_TCP, ndr64=ndr == "64", verb=False, ssp=ssp)
        server.clerk = clerk
        server.loop(connection)
        connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    choices: dict[str, Any] = {"security": initiator("ntlm", "alice", "secret")} if sealed else {}

    async def test() -> None:
        with recording.open("wb") as stream:
            binding = f"ncacn_ip_tcp:127.0.0.1[{port}]"
            connecting = TapiClient.connect(
                binding, events="pull", ndr=ndr, poll=0.005, recorder=Recorder(stream), **choices
            )
            async with connecting as client:
                await transfer(client)

    conf.verb = 0
    run(test())
    listener.close()
    thread.join(2)
    judge(recording, passwords=("secret",), notes=True)
    assert clerk.requests.count("BlindTransfer") == 1


@pytest.mark.parametrize("sealed", [False, True], ids=["clear", "ntlm-privacy"])
def test_server_on_the_pipe(sealed: bool) -> None:
    """The project's client, with smbprotocol, performs section 4.5 through the pipe of scapy's SMB server."""
    pytest.importorskip("smbprotocol", reason="smbprotocol is not installed")
    from scapy.layers.smb2 import SMB2_FILEID
    from scapy.layers.smbserver import SMB_Server

    clerk = Clerk()
    ntlm = NTLMSSP(IDENTITIES={"bob": MD4le("pw"), "alice": MD4le("secret")})

    class Front(SMB_Server):
        PIPES_TABLE = {"tapsrv": SMB2_FILEID(Persistent=0x4000000015, Volatile=0x4000000004)}

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, DCERPC_SERVER_CLS=Peer, **options)
            self.rpc_server.clerk = clerk
            self.rpc_server.session.ssp = ntlm if sealed else None

    conf.verb = 0
    front = Front.spawn(0, local_ip="127.0.0.1", bg=True, verb=False, ssp=ntlm)
    port = front.getsockname()[1]
    choices: dict[str, Any] = {"security": initiator("ntlm", "alice", "secret")} if sealed else {}

    async def test() -> None:
        binding = rf"ncacn_np:127.0.0.1:{port}[\pipe\tapsrv]"
        async with TapiClient.connect(binding, events="pull", poll=0.005, smb_user=("bob", "pw"), **choices) as client:
            await transfer(client)

    try:
        run(test())
    finally:
        front.shutdown(socket.SHUT_RDWR)
        front.close()
    assert clerk.requests.count("BlindTransfer") == 1
