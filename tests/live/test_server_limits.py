"""Limits of the server, each with a small value: clients that exceed them are refused, and others are served."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from attacker import METHOD, Attacker, connect
from world import World, run, serving, until

from mstrp.cli import main
from mstrp.live.auth import Users, initiator
from mstrp.live.client import TapiClient
from mstrp.live.log import JsonFormatter, Log, TextFormatter
from mstrp.live.provider import TapiError
from mstrp.live.server import Limits
from mstrp.live.server.budget import Budget, Reservation
from mstrp.live.server.options import DESCRIPTIONS, Callbacks, Mailslots
from mstrp.live.transport import ConnectionEnded, RpcFault
from protocol import line
from protocol.ndr import TAPSRV, ClientRequest
from protocol.rpc.association import AssociationError, Status
from protocol.rpc.client_association import ClientAssociation
from protocol.rpc.pdu import CallBody, Flag, Kind, encode

_ROOT = Path(__file__).parents[2]
_USERS = Users({"alice": "secret"})
_SECURE: dict[str, Any] = {"security": _USERS.acceptor(), "required_level": 6}
_ENDED = (ConnectionEnded, ConnectionError, AssociationError)


def _alice() -> Any:
    return initiator("ntlm", "alice", "secret")


@asynccontextmanager
async def _limited(path: Path, *, options: dict[str, Any] | None = None, **limits: Any) -> AsyncIterator[World]:
    """Run a server with some limits; check afterwards that a client is still served."""
    async with serving(path, limits=Limits(**limits), **(options or {})) as world:
        yield world
        security = {"security": _alice()} if (options or {}).get("security") else {}
        async with TapiClient.connect(world.address, **security) as client:
            await (await client.initialize()).open(0)


async def _open(port: int, data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    return reader, writer


def _bind() -> bytes:
    association = ClientAssociation([TAPSRV])
    association.bind()
    return association.take_outgoing()


@pytest.mark.parametrize("data", [b"", _bind()], ids=["silent", "bound"])
def test_waiting_connections(data: bytes, recording: Path) -> None:
    """Connections without log-on are limited: the oldest one is closed, also in favor of a client during the attack."""

    async def test() -> None:
        async with _limited(recording, options=_SECURE, waiting=5) as world:
            streams = [await _open(world.server.port, data) for _ in range(20)]
            guard: Any = world.server._guard
            await until(lambda: len(world.server.connections) == 5)
            assert guard.waiting == 5
            async with TapiClient.connect(world.address, security=_alice()) as client:
                await client.initialize()
            for _, writer in streams:
                writer.close()

    run(test())


@pytest.mark.parametrize("data", [b"", _bind(), _bind()[:20]], ids=["silent", "bound", "half"])
def test_logon_timeout(data: bytes, recording: Path) -> None:
    """A connection that is bound but has not logged on is closed."""

    async def test() -> None:
        async with _limited(recording, options={**_SECURE, "logon_timeout": 0.1}) as world:
            reader, writer = await _open(world.server.port, data)
            while await reader.read(4096):
                pass
            writer.close()

    run(test())


def test_idle_timeout(recording: Path) -> None:
    """An idle connection without a client is closed; one with a client is not."""

    async def test() -> None:
        async with _limited(recording, options={"idle_timeout": 0.1}) as world:
            used = await connect(world.server.port)
            await used.attach()
            idle = await connect(world.server.port)
            await until(lambda: idle.caller.closed)
            await asyncio.sleep(0.2)
            await used.open()
            await used.close()

    run(test())


@pytest.mark.parametrize("limit", ["connections", "peer_connections"])
def test_connections(limit: str, recording: Path) -> None:
    """Connections are limited, in total and per peer: unused ones are closed, others are not."""

    async def test() -> None:
        async with _limited(recording, **{limit: 4}) as world:
            used = [await connect(world.server.port) for _ in range(4)]
            for one in used[:3]:
                await one.attach()
            for _ in range(3):
                spare = await connect(world.server.port)
            await used[3].caller.wait_closed()
            assert used[3].caller.closed
            await spare.attach()
            with pytest.raises(_ENDED):
                await connect(world.server.port)
            for one in used[:3]:
                await one.open()
            for one in (*used, spare):
                await one.close()
            await until(lambda: not world.server.connections)

    run(test())


@pytest.mark.parametrize("limit", ["clients", "user_clients", "connection_clients"])
def test_clients(limit: str, recording: Path) -> None:
    """Clients are limited: per server, per user, and per connection."""

    async def test() -> None:
        async with _limited(recording, **{limit: 3}) as world:
            client = await connect(world.server.port)
            assert [bool(await client.attach()) for _ in range(6)] == [False] * 3 + [True] * 3
            await client.detach()
            assert not await client.attach()
            await client.close()
            await until(lambda: not world.server.clients)

    run(test())


def _fragment(flags: int, call_id: int, size: int = 4000) -> bytes:
    # The hint announces four gigabytes, which the server does not allocate.
    return encode(Kind.REQUEST, call_id, CallBody(0xFFFFFFFF, 0, 1, bytes(size)), flags=flags)


def test_fragments_before_log_on(recording: Path) -> None:
    """Fragments of a connection without log-on are not stored; the first one gets a fault."""

    async def test() -> None:
        async with _limited(recording, options=_SECURE) as world:
            reader, writer = await _open(world.server.port, _bind())
            await reader.read(4096)
            writer.write(_fragment(Flag.FIRST_FRAG, 9) + _fragment(0, 9) * 200)
            await writer.drain()
            fault = await reader.read(4096)
            assert fault[2] == Kind.FAULT
            assert int.from_bytes(fault[24:28], "little") == Status.ACCESS_DENIED
            assert len(fault) == 32
            (connection,) = world.server.connections
            assert connection.association.held < 8192
            writer.close()

    run(test())


def test_memory(recording: Path) -> None:
    """Connections with incomplete calls share one budget: the largest is closed."""

    async def test() -> None:
        async with _limited(recording, memory=300_000, request=200_000) as world:
            small = await connect(world.server.port)
            streams = []
            for _ in range(5):
                reader, writer = await _open(world.server.port, _bind())
                await reader.read(4096)
                writer.write(_fragment(Flag.FIRST_FRAG, 9) + _fragment(0, 9) * 24)
                streams.append((reader, writer))
            await until(lambda: world.server.log.counts["dropped"] >= 2)
            memory = world.server.memory
            assert memory.buffered + memory.reserved <= memory.limit
            assert not await small.attach()
            for _, writer in streams:
                writer.close()
            await small.close()
            await until(lambda: not world.server.connections)
            assert not memory.buffered
            assert not memory.reserved

    run(test())


def test_request_timeout(recording: Path) -> None:
    """A call that does not arrive completely ends the connection."""

    async def test() -> None:
        async with _limited(recording, options={"request_timeout": 0.1}) as world:
            client = await connect(world.server.port)
            await client.attach()
            client.caller.transport.write(_fragment(Flag.FIRST_FRAG, 900))
            await until(lambda: client.caller.closed)
            await until(lambda: not world.server.clients)

    run(test())


def test_large_call(recording: Path) -> None:
    """A call larger than the limit ends the connection."""

    async def test() -> None:
        async with _limited(recording, request=10_000) as world:
            client = await connect(world.server.port)
            await client.attach()
            with pytest.raises(_ENDED):
                await client.ask(line.DevSpecific(params=bytes(20_000)))

    run(test())


def test_slow_reader_of_responses(recording: Path) -> None:
    """A peer that does not read its responses is disconnected."""

    async def test() -> None:
        async with _limited(recording, options={"write_timeout": 0.1}) as world:
            client = await connect(world.server.port)
            await client.attach()
            client.caller.transport.pause_reading()
            (connection,) = world.server.connections
            connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            packet = ClientRequest(client.context, line.Initialize(friendly_name="A", module_name="A").encode(), 60_000)
            stub = METHOD["ClientRequest"].write(packet, ndr64=client.caller.association.ndr64(METHOD["ClientRequest"]))
            client.caller.association.send_call(Kind.REQUEST, 99, 1, 1, stub)
            request = client.caller.association.take_outgoing()
            for _ in range(300):
                client.caller._write(request * 200)
                await asyncio.sleep(0.002)
                if not world.server.connections:
                    break
            await until(lambda: not world.server.connections)
            await client.close()

    run(test())


def test_failed_log_ons_are_delayed(recording: Path) -> None:
    """Failed log-ons of a peer get increasingly delayed responses; a client with the password is not delayed."""

    async def test() -> None:
        async with _limited(recording, options=_SECURE) as world:
            for _ in range(4):
                with pytest.raises((*_ENDED, RpcFault)):
                    await (await connect(world.server.port, security=initiator("ntlm", "alice", "no")())).attach()
            guard: Any = world.server._guard
            delays = [guard._delay("192.0.2.1") for _ in range(12)]
            assert delays[:3] == [0.0] * 3
            assert delays == sorted(delays)
            assert 0 < delays[3] < delays[4] < delays[-1] <= 10.0
            assert world.server.log.counts["logon-failed"] == 4

    run(test())


def test_accept_errors(recording: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Errors of accept do not end the listener, and are logged with a limit."""
    caplog.set_level(logging.INFO)

    async def test() -> None:
        async with _limited(recording) as world:
            loop = asyncio.get_running_loop()
            accept, failures = loop.sock_accept, []

            async def failing(listening: Any) -> Any:
                if len(failures) < 3:
                    failures.append(listening)
                    raise OSError(24, "Too many open files")
                return await accept(listening)

            loop.sock_accept = failing  # type: ignore[method-assign]
            (await _open(world.server.port))[1].close()
            (await _open(world.server.port))[1].close()
            await until(lambda: len(failures) == 3)

    run(test())
    assert 1 <= caplog.text.count("accept-failed") <= 3


@pytest.mark.parametrize("port", [22, 5900])
def test_callback_ports(port: int, recording: Path) -> None:
    """The server does not connect to a port that is not allowed."""

    async def test() -> None:
        callbacks = Callbacks(ports=(range(1024, 5900), range(5901, 65_536)))
        async with _limited(recording, options={"callbacks": callbacks}) as world:
            client = await connect(world.server.port)
            assert await client.attach("", f'PC"ncacn_ip_tcp"{port}"')
            await client.close()

    run(test())


@pytest.mark.parametrize(
    ("hosts", "address", "admitted"),
    [
        ((), "192.0.2.7", True),
        ((), "192.0.2.8", False),
        (("192.0.2.0/29",), "192.0.2.7", True),
        (("192.0.2.0/29",), "192.0.2.8", False),
        (("2001:db8::/32",), "192.0.2.7", False),
    ],
)
def test_callback_hosts(hosts: tuple[str, ...], address: str, admitted: bool) -> None:
    """Events are sent to the peer itself, or to allowed networks."""
    from ipaddress import ip_network

    callbacks = Callbacks(hosts=tuple(ip_network(host) for host in hosts))
    assert callbacks.admits_host(address, ["192.0.2.7"]) is admitted


@pytest.mark.parametrize(
    ("name", "fetched"),
    [
        (r"\\PC\mailslot\tapi", True),
        (r"\\.\MAILSLOT\tapi\x", True),
        (r"C:\Windows\TAPI\tsec.ini", False),
        (r"\\evil\share\x", False),
        ("alice", False),
    ],
)
def test_mailslot_names(name: str, fetched: bool) -> None:
    """Only mailslot names are opened as mailslots; otherwise events are pushed."""
    assert (Mailslots().open(name) is not None) is fetched


def test_stuck_callbacks_and_stop(recording: Path) -> None:
    """Callbacks that are accepted without a response do not prevent the server from stopping."""

    async def test() -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        trap = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = trap.sockets[0].getsockname()[1]
        attempts: list[asyncio.Task[int]] = []
        async with serving(recording, stop_timeout=0.1) as world:
            for _ in range(20):
                client = await connect(world.server.port)
                attempts.append(asyncio.create_task(client.attach("", f'PC"ncacn_ip_tcp"{port}"')))
            await until(lambda: len(world.server.clients) == 20)
        await asyncio.gather(*attempts, return_exceptions=True)
        trap.close()
        await trap.wait_closed()
        await asyncio.sleep(0.01)

    run(test())


def test_log_injection(recording: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Text of a peer is logged in one line, escaped, as text and as JSON."""
    caplog.set_level(logging.DEBUG)
    evil = "PC\r\n2030-01-01 ERROR forged\x1b[2J\u202e\u2028"

    async def test() -> None:
        async with _limited(recording, connection_clients=1) as world:
            client = await connect(world.server.port)
            await client.attach("", f'{evil}"ncacn_ip_tcp"1"')
            await client.attach(machine=evil)
            handle = await client.open()
            await client.ask(line.DevSpecific(line=handle + 1, params=b"x"))
            await client.attach(machine=evil)
            await client.detach()
            await client.close()

    run(test())
    assert "forged" in caplog.text
    for record in caplog.records:
        for formatter in (TextFormatter(), JsonFormatter()):
            text = formatter.format(record)
            assert text.isprintable(), text
        assert json.loads(text)["event"]


def test_log_is_limited(caplog: pytest.LogCaptureFixture) -> None:
    """The number of lines per type of event is limited in an interval; the others are counted."""
    caplog.set_level(logging.INFO)
    now = 0.0
    log = Log(lines=3, interval=10.0, clock=lambda: now)
    for _ in range(1000):
        log.write(logging.WARNING, "refused", peer="192.0.2.1")
    log.write(logging.WARNING, "other")
    now = 11.0
    log.write(logging.WARNING, "refused")
    texts = [record.getMessage() for record in caplog.records]
    assert texts[:4] == ["refused peer=192.0.2.1"] * 3 + ["other"]
    assert texts[4:] == ["suppressed of=refused lines=997", "refused"]
    assert log.counts["refused"] == 1001


def test_budget() -> None:
    """After all reservations are released, the budget is empty; it never exceeds the limit or a user's half."""

    class Connection:
        def __init__(self) -> None:
            self.cut = False

        def cut_off(self, why: str) -> None:
            self.cut = True

    chance = random.Random(1)
    budget = Budget(10_000)
    reservations = [Reservation(budget, f"u{number % 3}") for number in range(9)]
    holders = [Connection() for _ in range(5)]
    for _ in range(2000):
        chance.choice(reservations).resize(chance.randrange(3000))
        holder = chance.choice(holders)
        if not holder.cut:
            budget.buffer(holder, chance.randrange(200))
        assert budget.reserved + budget.buffered <= budget.limit
        assert all(count <= budget.limit // 2 for count in budget._users.values())
    del reservations
    for holder in holders:
        budget.forget(holder)
    assert (budget.reserved, budget.buffered) == (0, 0)


def test_half_the_memory_of_one_user(recording: Path) -> None:
    """A client whose handles use the memory of its user gets no more of them."""

    async def test() -> None:
        async with _limited(recording, memory=100_000) as world:
            client: Attacker = await connect(world.server.port)
            await client.attach()
            packet = line.Initialize(friendly_name="A", module_name="A", api_version=0x00030001)
            acks = [(await client.ask(packet)).ack for _ in range(40)]
            assert acks[0] == 0
            assert acks[-1] < 0
            assert world.server.memory.reserved <= 50_000
            await client.close()
            await until(lambda: not world.server.memory.reserved)

    run(test())


def test_caller_is_bound(recording: Path) -> None:
    """A fragmented request before the bind gets a fault, and no data of it is stored."""

    async def test() -> None:
        async with _limited(recording) as world:
            reader, writer = await _open(world.server.port, _fragment(Flag.FIRST_FRAG, 1))
            fault = await reader.readexactly(32)
            assert fault[2] == Kind.FAULT
            writer.close()

    run(test())


def test_documented() -> None:
    """Every limit is documented with its default, and every test listed in the page exists."""
    from mstrp.commands.serve import limits

    page = (_ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (_ROOT / "tests" / "live").glob("*.py"))
    for name, default in limits().items():
        assert f"| `{name}={default}` | {DESCRIPTIONS[name.replace('-', '_')]} |" in page
    named = re.findall(r"`(test_\w+)`", page)
    assert named
    assert not [name for name in named if f"def {name}(" not in tests]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--limit", "sheep=1"], "not a limit"),
        (["--limit", "clients=0"], "positive"),
        (["--limit", "clients=many"], "positive"),
        (["--listen", "0.0.0.0:0"], "--insecure"),
        (["--listen", "[::]:0"], "--insecure"),
        (["--pipe", "0.0.0.0:0"], "--insecure"),
        (["--callback-ports", "70000"], "--callback-ports"),
        (["--callback-ports", "9-5"], "--callback-ports"),
        (["--callback-hosts", "nowhere"], "nowhere"),
    ],
)
def test_refused_options(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Invalid options, and an open server without authentication, are refused with status 2."""
    try:
        status = main(["serve", *arguments])
    except SystemExit as error:
        status = error.code  # type: ignore[assignment]
    assert status == 2
    assert text in capsys.readouterr().err


@contextmanager
def _process(*options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run ``mstrp serve`` in a separate process; return the process and its port."""
    command = [sys.executable, "-m", "mstrp", "serve", "--listen", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield process, int(process.stderr.readline().rpartition(":")[2])
        finally:
            process.kill()


def test_json_log() -> None:
    """The JSON log has one object per line, with log-ons, attach, detach and summary; only --admin is administrator."""
    options = ("-v", "--log-format", "json", "--auth", "ntlm", "--user", "alice:secret", "--limit", "clients=9")
    with _process(*options) as (process, port):

        async def test() -> None:
            address = f"ncacn_ip_tcp:127.0.0.1[{port}]"
            async with TapiClient.connect(address, events="pull", security=_alice()) as client:
                await client.initialize()
            with pytest.raises(TapiError):
                await TapiClient.connect(address, management=True, security=_alice())
            with pytest.raises((*_ENDED, RpcFault)):
                await (await connect(port, security=initiator("ntlm", "alice", "no")())).attach()

        run(test())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr is not None
        lines = [json.loads(text) for text in process.stderr]
    events = {entry["event"]: entry for entry in lines}
    assert {"logged-on", "logon-failed", "attached", "detached", "summary"} <= set(events)
    assert events["attached"]["user"] == "alice"
    assert {"time", "level", "connection", "peer"} <= set(events["attached"])
    assert events["summary"]["logons_failed"] == 1


def test_stop_under_load() -> None:
    """SIGTERM stops a server with silent, incomplete and flooding connections, and a log that is not read."""
    with _process() as (process, port):

        async def test() -> None:
            streams = [await _open(port, data) for data in (b"", _bind()[:20], _bind()) for _ in range(20)]
            flooding = await connect(port)
            await flooding.attach()
            flooding.caller.data_received = lambda data: None  # type: ignore[method-assign]
            process.send_signal(signal.SIGTERM)
            with suppress(*_ENDED):
                while process.poll() is None:
                    for _ in range(100):
                        flooding.caller.association.pending.clear()
                        method = METHOD["ClientRequest"]
                        packet = line.Initialize(friendly_name="A", module_name="A", api_version=0x00030001)
                        value = ClientRequest(flooding.context, packet.encode(), packet.capacity)
                        stub = method.write(value, ndr64=flooding.caller.association.ndr64(method))
                        flooding.caller.association.call(method, stub)
                    flooding.caller._write(flooding.caller.association.take_outgoing())
                    await asyncio.sleep(0.01)
            for _, writer in streams:
                writer.close()
            await flooding.close()

        run(test(), 60.0)
        assert process.wait(30) == 0
