"""Our server beside impacket's and scapy's, with the same client; and how much it carries.

    python benchmarks/server.py            requests per second, one after the other on one connection
    python benchmarks/server.py --load     1,000 clients with 10 lines each, 100,000 live calls; then half of them killed

The servers run in processes of their own. Ours does everything that it always does: it decodes, checks, follows the
machines, and asks its exchange. The others only unpack the call and return a prepared answer.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import socket
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from protocol import line
from protocol.ndr import METHODS, TAPSRV, ClientAttach, ClientRequest
from protocol.rpc.pdu import NDR20, Bind, Call, Context, Kind, Syntax, encode

_METHODS = {method.name: method for method in METHODS.values()}
_ANSWER = bytes(60)


class Client:
    """A plain blocking client: one prepared PDU out, one PDU in."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = 1
        context = Context(0, Syntax(TAPSRV.uuid, 1), (NDR20,))
        self.exchange(encode(Kind.BIND, 1, Bind(5840, 5840, 0, (context,))))

    def exchange(self, data: bytes) -> bytes:
        self.socket.sendall(data)
        head = b""
        while len(head) < 16:
            head += self.socket.recv(65_536)
        size = int.from_bytes(head[8:10], "little")
        while len(head) < size:
            head += self.socket.recv(65_536)
        return head

    def call(self, method: str, value: Any) -> bytes:
        found = _METHODS[method]
        stub = found.write(value)
        self.number += 1
        return self.exchange(encode(Kind.REQUEST, self.number, Call(len(stub), 0, found.opnum, stub)))[24:]


def measure(port: int, seconds: float = 1.5) -> float:
    """Requests per second: GetNumAddressIDs, a small synchronous request about an open line."""
    client = Client(port)
    context = client.call("ClientAttach", ClientAttach(0xFFFFFFFF, r"\\PC\mailslot\x", "PC"))[:20]

    def ask(packet: Any) -> bytes:
        return client.call("ClientRequest", ClientRequest(context, packet.encode(), packet.capacity))[12:]

    app = ask(line.Initialize(friendly_name="PC", module_name="PC", api_version=0x00030001))
    handle = int.from_bytes(app[8:12], "little")
    ask(line.NegotiateAPIVersion(line_app=handle, version=0x10003, version_current=0x30001, size=16))
    opened = line.Open(line_app=handle, negotiated_version=0x30001, privileges=4, media_modes=4)
    index = 4 * line.Open.layout.index("hLine")
    number = int.from_bytes(ask(opened)[index : index + 4], "little")
    packet = line.GetNumAddressIDs(line=number)
    stub = _METHODS["ClientRequest"].write(ClientRequest(context, packet.encode(), packet.capacity))
    data = encode(Kind.REQUEST, 99, Call(len(stub), 0, 1, stub))
    for _ in range(50):
        client.exchange(data)
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for _ in range(20):
            client.exchange(data)
        count += 20
    return count / (time.perf_counter() - begun)


# -- servers, each in a process of its own ---------------------------------------------------------------------------


def serve_ours() -> None:
    """Our server, as ``mstrp serve`` starts it."""
    from mstrp.live.exchange import Exchange
    from mstrp.live.server import Options, Server

    async def forever() -> None:
        async with Server(Exchange(), Options(port=0)) as server:
            print(server.port, flush=True)
            await asyncio.Event().wait()

    asyncio.run(forever())


def serve_impacket() -> None:
    """The server of impacket."""
    from impacket.dcerpc.v5.rpcrt import DCERPCServer

    def answer(data: bytes) -> bytes:
        return struct.pack("<III", 60, 0, 60) + _ANSWER + struct.pack("<I", 60)

    server = DCERPCServer()
    attach = bytes(4) + b"\7" * 16 + struct.pack("<II", 0xA5C369A5, 0)
    server.addCallbacks(
        (str(TAPSRV.uuid), "1.0"), "5150", {0: lambda data: attach, 1: answer, 2: lambda data: bytes(20)}
    )
    print(server.getListenPort(), flush=True)
    server.run()


def serve_scapy() -> None:
    """The server of scapy."""
    import warnings

    warnings.simplefilter("ignore")
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "interop"))
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "live"))
    import test_scapy as peer

    class Clerk:
        def answer(self, data: bytes) -> bytes:
            return _ANSWER

    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        server = peer.Peer(peer.DCERPC_Transport.NCACN_IP_TCP, ndr64=False, verb=False)
        server.clerk = Clerk()
        server.loop(connection)


def compare(rounds: int) -> None:
    """The three beside each other, in turns."""
    found: dict[str, list[float]] = {"ours": [], "impacket": [], "scapy": []}
    for _ in range(rounds):
        for name, rates in found.items():
            command = [sys.executable, __file__, "--serve", name]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
                assert process.stdout is not None
                try:
                    rates.append(measure(int(process.stdout.readline())))
                finally:
                    process.kill()
    median = {name: statistics.median(rates) for name, rates in found.items()}
    for name, rate in median.items():
        print(f"{name:9} {rate:9.0f} requests/s")
    best = max(median["impacket"], median["scapy"])
    print(f"ours is {median['ours'] / best:.1f} times the better one")


# -- load --------------------------------------------------------------------------------------------------------------


async def load(clients: int, lines: int, calls: int) -> None:
    """Many clients with many lines and calls; then half of the clients are killed."""
    from mstrp.live.client import TapiClient
    from mstrp.live.exchange import Exchange, Plan
    from mstrp.live.server import Limits, Options, Server
    from protocol.constants import LINECALLSTATE

    exchange = Exchange(Plan(lines=clients * lines, active=calls + 1, patience=1e6, ring=1e6))
    options = Options(port=0, limits=Limits(queue=1 << 26), push_timeout=300.0)
    server = Server(exchange, options)
    begun = time.perf_counter()
    async with server:
        found = []
        for _ in range(clients):
            found.append(await TapiClient.connect(server.address, timeout=120.0, strict=False))
        print(f"{clients} clients attached: {time.perf_counter() - begun:.1f} s")
        for place, client in enumerate(found):
            app = await client.initialize()
            for number in range(lines):
                await app.open(place * lines + number)
        print(f"{clients * lines} lines open: {time.perf_counter() - begun:.1f} s")
        for number in range(clients * lines):
            for _ in range(calls):
                exchange.incoming(number, "5551000")
            if not number % 50:
                await asyncio.sleep(0)
        total = clients * lines * calls
        while sum(len(client.calls) for client in found) < total:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        live = sum(len(one.handles) for one in server.clients.values())
        print(f"{live} live calls, all announced: {time.perf_counter() - begun:.1f} s, {_memory()} MB")
        for client in found[::2]:
            client._caller.abort()  # noqa: SLF001
        moment = time.perf_counter()
        while len(server.clients) > clients // 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        live = sum(len(one.handles) for one in server.clients.values())
        print(f"half of the clients killed: {live} calls left after {time.perf_counter() - moment:.2f} s")
        call = next(iter(found[1].calls.values()))
        moment = time.perf_counter()
        await call.answer()
        await call.wait(LINECALLSTATE.CONNECTED)
        print(f"a survivor answers a call in {1000 * (time.perf_counter() - moment):.1f} ms")
        for client in found:
            client._closing = True  # noqa: SLF001
        moment = time.perf_counter()
    print(
        f"stopped in {time.perf_counter() - moment:.1f} s; {len(server.clients)} clients left, {len(server.mistakes)} mistakes"
    )
    for client in found:
        await client.close()


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Compare, or load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", choices=("ours", "impacket", "scapy"), help=argparse.SUPPRESS)
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--lines", type=int, default=10)
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.serve:
        {"ours": serve_ours, "impacket": serve_impacket, "scapy": serve_scapy}[options.serve]()
    elif options.load:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        asyncio.run(load(options.clients, options.lines, options.calls))
    else:
        compare(options.rounds)


if __name__ == "__main__":
    main()
