"""A second MS-TRP server, written from the documents alone, as a subject of `mstrp conform server`.

Two lines (1001 and 1002) that call each other, one phone, NDR20 without authentication over TCP.
Any other number is an outside party that answers at once; the own number and one that ends in 0000 are busy.
`--fault NAME` makes one mistake of `second_switches.FAULTS`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import struct
import sys

from second_exchange import Exchange, Line
from second_phone import Phone
from second_rpc import BAD_STUB, CONTEXT_MISMATCH, OP_RANGE, Caller, DropError, FaultError, Link, Stub, array
from second_session import Client
from second_switches import FAULTS, activate, on

FAILED = 0x80000048


def endpoint(machine: str) -> int | None:
    """The port of ncacn_ip_tcp in pszMachine: name"protseq"endpoint"..."""
    parts = machine.split('"')
    for sequence, port in zip(parts[1::2], parts[2::2], strict=False):
        if sequence.lower() == "ncacn_ip_tcp" and port.isdigit() and 0 < int(port) < 65536:
            return int(port)
    return None


class Server:
    """The server: its clients, its exchange, its phone."""

    def __init__(self, incoming: int = 0) -> None:
        self.exchange, self.phone, self.incoming = Exchange(), Phone(), incoming
        self.clients: list[Client] = []
        self.links: set[Link] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    def opened(self, line: Line) -> None:
        """Offer the calls of `--incoming` at a line that was opened by an owner."""
        for _ in range(self.incoming):
            asyncio.get_running_loop().call_later(0.05, self.exchange.ring, line, None, "5550199")

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection; its loss runs down the context handles of its association group."""
        link = Link(reader, writer, self.call)
        self.links.add(link)
        with contextlib.suppress(asyncio.CancelledError):
            await link.serve()
        self.links.discard(link)
        if all(other.group != link.group for other in self.links):
            for client in [one for one in self.clients if one.group == link.group]:
                self.end(client)

    def call(self, link: Link, opnum: int, stub: Stub) -> bytes:
        """Perform a method of tapsrv."""
        if opnum == 0:
            return self.attach(link, stub)
        if opnum not in (1, 2):
            raise FaultError(OP_RANGE)
        key = stub.handle()
        client = next((one for one in self.clients if one.key == key and one.group == link.group), None)
        if client is None:
            raise FaultError(CONTEXT_MISMATCH)
        if opnum == 2:
            if not on("context-survives-detach"):
                self.end(client)
            return bytes(20)
        most, data = stub.array(1)
        needed, used = stub.long(), stub.long()
        if most != needed or used != len(data) or needed > 1 << 24:
            raise FaultError(BAD_STUB)
        answer = client.request(data, needed)
        length = len(answer)
        if on("length-is-header") and length > 60:
            answer, length = answer[:60], 60
        return array(answer, max(needed, length)) + struct.pack("<I", length + (4 if on("used-size-high") else 0))

    def attach(self, link: Link, stub: Stub) -> bytes:
        """ClientAttach: push to the endpoint of the client, pull with a mailslot, no management."""
        process = stub.long()
        user = stub.text()
        machine = stub.text()
        if process == 0xFFFFFFFD:
            return bytes(20) + struct.pack("<Ii", 0, -19)
        if process != 0xFFFFFFFF:
            return bytes(20) + struct.pack("<II", 0, FAILED)
        pull = "\\mailslot\\" in user.lower()
        port = endpoint(machine)
        if not pull and port is None:
            return bytes(20) + struct.pack("<II", 0, FAILED)
        client = Client(self, link.group, pull)
        if on("second-client-refused") and self.clients:
            return bytes(20) + struct.pack("<II", 0, FAILED)
        if on("hangs-for-second-client") and self.clients:
            raise TimeoutError
        self.clients.append(client)
        if not pull and port is not None:
            client.pusher = asyncio.get_running_loop().create_task(self.push(client, link.host, port))
        marker = 0 if on("attach-marker") else 0xA5C369A5
        return struct.pack("<I", 0) + client.key + struct.pack("<II", marker, 0)

    async def push(self, client: Client, host: str, port: int) -> None:
        """Connect to remotesp and deliver events."""
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, DropError):
            client.caller = await Caller.attach(host, port)
            await client.push()

    def end(self, client: Client) -> None:
        """ClientDetach: free everything, then RemoteSPDetach."""
        self.clients.remove(client)
        client.end()
        if client.pusher is None or on("remotesp-detach-missing"):
            return
        task = asyncio.get_running_loop().create_task(self.finish(client))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def finish(self, client: Client) -> None:
        """Stop the delivery of events and detach from the client, whose attachment may still be under way."""
        client.gone = True
        client.wake.set()
        assert client.pusher is not None
        await asyncio.wait([client.pusher], timeout=Caller.PATIENCE)
        client.pusher.cancel()
        if client.caller is not None:
            await client.caller.detach()


async def serve(listen: str, incoming: int) -> None:
    """Listen until SIGINT or SIGTERM."""
    host, _, port = listen.rpartition(":")
    server = Server(incoming)
    listener = await asyncio.start_server(server.accept, host, int(port))
    bound = listener.sockets[0].getsockname()
    sys.stderr.write(f"ready tapsrv {bound[0]}:{bound[1]}\n")
    sys.stderr.flush()
    stop = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    await stop.wait()
    listener.close()


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description="A second MS-TRP server, for tests.")
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT")
    parser.add_argument(
        "--incoming", type=int, default=0, metavar="N", help="offer N calls at each line an owner opens"
    )
    parser.add_argument("--fault", choices=sorted(FAULTS), metavar="NAME", help="the mistake to make")
    parser.add_argument("--list-faults", action="store_true", help="list the mistakes")
    options = parser.parse_args()
    if options.list_faults:
        for name, fault in FAULTS.items():
            sys.stdout.write(f"{name}\t{fault.kind}\t{fault.section}\t{fault.text}\n")
        return 0
    if options.fault:
        activate(options.fault)
    asyncio.run(serve(options.listen, options.incoming))
    return 0


if __name__ == "__main__":
    sys.exit(main())
