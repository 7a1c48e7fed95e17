"""Compare the server of mstrp with impacket's and scapy's, with the same client; measure its capacity.

    python benchmarks/server.py            requests per second, sequentially on one connection
    python benchmarks/server.py --attach   attach and detach of successive clients, each on a new connection
    python benchmarks/server.py --crowd    10,000 clients: memory, requests per second, time to stop on SIGTERM
    python benchmarks/server.py --load     1,000 clients with 10 lines each, 100,000 open calls; then half of them killed

The servers run in separate processes. The server of mstrp does its complete work: it decodes, checks, updates the
machines, and queries its switch. The others only unpack the call and return a prepared response.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import signal
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from protocol import line
from protocol.ndr import METHODS, TAPSRV, ClientAttach, ClientRequest
from protocol.rpc.pdu import NDR20, Bind, BindAck, CallBody, Context, Kind, Outcome, Syntax, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

_METHODS = {method.name: method for method in METHODS.values()}
_ANSWER = bytes(60)


class Client:
    """A plain blocking client that sends a prepared PDU and reads one."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = 1
        context = Context(0, Syntax(TAPSRV.uuid, 1), (NDR20,))
        self.exchange(encode(Kind.BIND, 1, Bind(5840, 5840, 0, (context,))))

    def exchange(self, data: bytes) -> bytes:
        self.socket.sendall(data)
        return self.receive()

    def receive(self) -> bytes:
        head = b""
        while len(head) < 16:
            head += self.socket.recv(65_536)
        size = int.from_bytes(head[8:10], "little")
        while len(head) < size:
            head += self.socket.recv(65_536)
        return head

    def call(self, method: str, value: Any) -> bytes:
        self.send(method, _METHODS[method].write(value))
        return self.receive()[24:]

    def send(self, method: str, stub: bytes) -> None:
        self.number += 1
        self.socket.sendall(encode(Kind.REQUEST, self.number, CallBody(len(stub), 0, _METHODS[method].opnum, stub)))


def measure(port: int, seconds: float = 1.5) -> float:
    """Return requests per second: GetNumAddressIDs, a small synchronous request about an open line."""
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
    data = encode(Kind.REQUEST, 99, CallBody(len(stub), 0, 1, stub))
    for _ in range(50):
        client.exchange(data)
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for _ in range(20):
            client.exchange(data)
        count += 20
    return count / (time.perf_counter() - begun)


# -- servers, each in a separate process -----------------------------------------------------------------------------


def serve_ours() -> None:
    """Run the server of mstrp, as ``mstrp serve`` does."""
    from mstrp.live.server import Options, Server
    from mstrp.live.switch import Switch

    async def forever() -> None:
        async with Server(Switch(), Options(port=0)) as server:
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
    # Its socket is only bound so far: connections before `run` listens would be refused.
    server._sock.listen()  # noqa: SLF001
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


@contextlib.contextmanager
def served(name: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Start one of the servers in a separate process; return its port."""
    command = [sys.executable, __file__, "--serve", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process
        finally:
            process.kill()


def compare(rounds: int) -> int:
    """Measure the three alternately."""
    found: dict[str, list[float]] = {"ours": [], "impacket": [], "scapy": []}
    for _ in range(rounds):
        for name, rates in found.items():
            with served(name) as (port, _):
                rates.append(measure(port))
    median = {name: statistics.median(rates) for name, rates in found.items()}
    for name, rate in median.items():
        print(f"{name:9} {rate:9.0f} requests/s")
    best = max(median["impacket"], median["scapy"])
    print(f"ours is {median['ours'] / best:.1f} times the better one")
    return 0 if median["ours"] >= 5 * best else 1


# -- attach and detach ------------------------------------------------------------------------------------------------


class Visitor:
    """A client that repeatedly attaches and detaches with prepared PDUs; it also responds on the event channel."""

    def __init__(self, port: int, *, push: bool) -> None:
        self.port = port
        self.listener = socket.create_server(("127.0.0.1", 0)) if push else None
        machine = "PC"
        if self.listener is not None:
            machine = f'PC"ncacn_ip_tcp"{self.listener.getsockname()[1]}"'
        self.stub = _METHODS["ClientAttach"].write(
            ClientAttach(0xFFFFFFFF, "" if push else r"\\PC\mailslot\x", machine)
        )
        context = bytes(4) + b"\7" * 16
        accepted = BindAck(5840, 5840, 1, "", (Outcome(0, 0, NDR20),))
        self.answers = {
            Kind.BIND: (Kind.BIND_ACK, accepted),
            0: (Kind.RESPONSE, CallBody(24, 0, 0, context + bytes(4))),
            2: (Kind.RESPONSE, CallBody(20, 0, 0, bytes(20))),
        }

    def visit(self) -> None:
        """Connect, attach, detach, disconnect."""
        client = Client(self.port)
        client.send("ClientAttach", self.stub)
        channel = None
        if self.listener is not None:
            channel, _ = self.listener.accept()
            self.answer(channel)
            self.answer(channel)
        context = client.receive()[24:44]
        assert context != bytes(20)
        client.send("ClientDetach", context)
        assert client.receive()[24:44] == bytes(20)
        if channel is not None:
            self.answer(channel)
            channel.close()
        client.socket.close()

    def answer(self, channel: socket.socket) -> None:
        """Respond to one PDU of the event channel: a bind, RemoteSPAttach or RemoteSPDetach."""
        data = channel.recv(65_536)
        kind, body = self.answers[Kind.BIND if data[2] == Kind.BIND else data[22]]
        channel.sendall(encode(kind, int.from_bytes(data[12:16], "little"), body))


def attach(seconds: float) -> None:
    """Measure the clients per second that attach and detach, with pull and push; the clients run in a separate process."""
    for push in (False, True):
        with served("ours") as (port, process):
            before = _processor(process.pid)
            with subprocess.Popen(
                [
                    sys.executable,
                    __file__,
                    "--visit",
                    str(port),
                    "--seconds",
                    str(seconds),
                    *(["--push"] if push else []),
                ],
                stdout=subprocess.PIPE,
                text=True,
            ) as guests:
                assert guests.stdout is not None
                count, elapsed, own = map(float, guests.stdout.readline().split())
            used = _processor(process.pid) - before
        print(
            f"{'push' if push else 'pull'}: {count / elapsed:6.0f} attach/detach a second; each costs the server "
            f"{1000 * used / count:.2f} ms of processor time (so {count / used:.0f} a second), its client {1000 * own / count:.2f} ms"
        )


def visit(port: int, seconds: float, *, push: bool, visitors: int = 4) -> None:
    """Run the clients; print the number of visits, the seconds, and the processor time."""
    counts = [0] * visitors
    begun, own = time.perf_counter(), time.process_time()

    def come_and_go(place: int) -> None:
        visitor = Visitor(port, push=push)
        while time.perf_counter() - begun < seconds:
            visitor.visit()
            counts[place] += 1

    threads = [threading.Thread(target=come_and_go, args=(place,)) for place in range(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(counts), time.perf_counter() - begun, time.process_time() - own)


def _processor(pid: int) -> float:
    """Return the processor time of a process in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# -- load --------------------------------------------------------------------------------------------------------------


async def load(clients: int, lines: int, calls: int) -> None:
    """Run many clients with many lines and calls; then kill half of the clients."""
    from mstrp.live.client import TapiClient
    from mstrp.live.server import Limits, Options, Server
    from mstrp.live.switch import Plan, Switch
    from protocol.constants import LINECALLSTATE

    switch = Switch(Plan(lines=clients * lines, active=calls + 1, timeout=1e6, ring=1e6))
    room = 2 * clients
    limits = Limits(
        queue=1 << 26, connections=room, peer_connections=room, clients=room, user_clients=room, memory=1 << 32
    )
    options = Options(port=0, limits=limits, push_timeout=300.0)
    server = Server(switch, options)
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
                switch.incoming(number, "5551000")
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


def crowd(clients: int, seconds: float = 5.0) -> None:
    """Run many clients, each with a connection and an open line; measure ``mstrp serve`` and its stop under load."""
    names = ("connections", "peer-connections", "clients", "user-clients")
    given = [f"--limit={name}={clients + 10}" for name in names] + ["--limit=memory=1000000000"]
    command = [sys.executable, "-m", "mstrp", "serve", "--listen", "127.0.0.1:0", *given]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        port = int(process.stderr.readline().rpartition(":")[2])
        empty, begun = _resident(process.pid), time.perf_counter()
        found = []
        for number in range(clients):
            client = Client(port)
            context = client.call("ClientAttach", ClientAttach(0xFFFFFFFF, rf"\\PC\mailslot\{number}", "PC"))[:20]
            packet = line.Initialize(friendly_name="PC", module_name="PC", api_version=0x00030001)
            stub = _METHODS["ClientRequest"].write(ClientRequest(context, packet.encode(), packet.capacity))
            client.send("ClientRequest", stub)
            client.receive()
            found.append((client, stub))
        held, elapsed = _resident(process.pid), time.perf_counter() - begun
        print(
            f"{clients} clients attached in {elapsed:.1f} s: {held - empty:.0f} MB, {1024 * (held - empty) / clients:.1f} KB each"
        )
        count, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            part = [found[(count + place) % clients] for place in range(100)]
            for client, stub in part:
                client.send("ClientRequest", stub)
            for client, _ in part:
                client.receive()
            count += len(part)
        rate = count / (time.perf_counter() - begun)
        print(f"{rate:.0f} requests a second over all of them, {_resident(process.pid):.0f} MB")
        for client, stub in found:
            client.send("ClientRequest", stub)
        begun = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        status = process.wait(60)
        print(f"stopped under load in {time.perf_counter() - begun:.1f} s with status {status}")


def _resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize() / 1024 / 1024


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Run the selected measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", choices=("ours", "impacket", "scapy"), help=argparse.SUPPRESS)
    parser.add_argument("--visit", metavar="PORT", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--push", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--attach", action="store_true")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each measurement of --attach (default: 5)")
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--crowd", action="store_true")
    parser.add_argument("--clients", type=int, help="default: 1000, with --crowd 10,000")
    parser.add_argument("--lines", type=int, default=10)
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.serve:
        {"ours": serve_ours, "impacket": serve_impacket, "scapy": serve_scapy}[options.serve]()
    elif options.visit:
        visit(options.visit, options.seconds, push=options.push)
    elif options.attach:
        attach(options.seconds)
    elif options.load or options.crowd:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        if options.crowd:
            crowd(options.clients or 10_000)
        else:
            asyncio.run(load(options.clients or 1000, options.lines, options.calls))
    else:
        sys.exit(compare(options.rounds))


if __name__ == "__main__":
    main()
