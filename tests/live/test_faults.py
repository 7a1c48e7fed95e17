"""Clients that disconnect, do not read, send garbage or exceed limits: they are ended, without effect on others."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from world import judge, run, serving, until

from fsm.engine.errors import ProtocolError
from mstrp.live.client import TapiClient
from mstrp.live.listener import listen
from mstrp.live.provider import TapiError
from mstrp.live.server import Limits, Options, Server
from mstrp.live.switch import Plan, Switch
from mstrp.live.transport import Caller, ConnectionEnded, ServiceConnection
from protocol import line, mmc
from protocol.constants import LINECALLSTATE as S
from protocol.constants import LINEERR
from protocol.ndr import METHODS, REMOTESP, TAPSRV, TELEPHONY, ClientAttach
from protocol.rpc.association import Status
from protocol.rpc.client_association import ClientAssociation
from protocol.rpc.pdu import Kind, encode
from protocol.rpc.server_association import ServerAssociation


def _plan(**more: Any) -> Plan:
    return Plan(**{"pace": 0.02, "step": 0.05, "timeout": 1000.0, **more})


def test_killed_in_mid_call(recording: Path) -> None:
    """If a client dies during a call, its handles are closed, and another client continues."""

    async def test() -> None:
        async with (
            serving(recording, Switch(_plan())) as world,
            TapiClient.connect(world.address) as one,
            TapiClient.connect(world.address) as two,
        ):
            first = await (await one.initialize()).open(0)
            second = await (await two.initialize()).open(1)
            call = await first.make_call("1002")
            other = await second.next_call()
            await other.answer()
            await call.wait(S.CONNECTED)
            assert one._caller is not None
            one._caller.abort()
            await other.wait(S.DISCONNECTED)
            assert len(world.server.clients) == 1
            assert not world.server.lines[0].calls
            assert not world.server.lines[0].opens
            with pytest.raises(ConnectionEnded):
                await call.info()
            await other.drop()
            await other.deallocate()

    run(test())
    judge(recording)


def test_event_channel_lost(recording: Path) -> None:
    """A client whose event channel is lost is ended, and detects it."""

    async def test() -> None:
        async with serving(recording) as world, TapiClient.connect(world.address) as client:
            await client.initialize()
            (attached,) = world.server.clients.values()
            attached.delivery._caller.abort()
            await until(lambda: not world.server.clients)
            await until(lambda: not client.attached)

    run(test())
    judge(recording)


@pytest.mark.parametrize("answer", ["fault", "silence"])
def test_event_channel_refused(answer: str, recording: Path) -> None:
    """A client that refuses RemoteSPAttach is not attached, and its connection is closed."""

    async def test() -> None:
        given_up = asyncio.Event()

        class Refusing:
            def called(self, connection: Any, call: Any) -> None:
                if answer == "fault":
                    connection.fault(call, Status.CONTEXT_MISMATCH)

            def lost(self, connection: Any) -> None:
                given_up.set()

        def make() -> ServiceConnection:
            return ServiceConnection(Refusing(), ServerAssociation([REMOTESP]))

        async with serving(recording, channel_timeout=0.1) as world:
            listener = await listen(make, "127.0.0.1", 0)
            port = listener.sockets[0].getsockname()[1]
            caller = await Caller.connect("127.0.0.1", world.server.port, ClientAssociation([TAPSRV]))
            asked = ClientAttach(TELEPHONY, "", f'PC"ncacn_ip_tcp"{port}"')
            result = await caller.call(next(one for one in METHODS.values() if one.name == "ClientAttach"), asked)
            assert result.result & 0xFFFFFFFF == LINEERR.OPERATIONFAILED
            async with asyncio.timeout(1.0):
                await given_up.wait()
            caller.close()
            await caller.wait_closed()
            listener.close()
            assert not world.server.clients

    run(test())


def test_slow_reader(recording: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A client that does not receive its events is ended above the limit; the server logs it, and others continue."""
    caplog.set_level(logging.WARNING)

    async def test() -> None:
        limits = Limits(queue=4000, event_buffer=400)
        switch = Switch(_plan(active=100))
        async with (
            serving(recording, switch, limits=limits) as world,
            TapiClient.connect(world.address, events="pull", poll=1000.0) as sleepy,
            TapiClient.connect(world.address) as awake,
        ):
            await (await sleepy.initialize()).open(0)
            line = await (await awake.initialize()).open(0, privileges=2)
            for number in range(60):
                switch.incoming(0, f"555{number}")
                await asyncio.sleep(0)
            await until(lambda: len(world.server.clients) == 1)
            for _ in range(8):
                await line.next_call()
            assert any("does not receive its events" in why for _, why in world.server.ended)

    run(test())
    assert "cut-off" in caplog.text


def test_stuck_push(recording: Path) -> None:
    """A push that does not return ends the binding after the timeout."""

    async def test() -> None:
        switch = Switch(_plan())
        async with (
            serving(recording, switch, push_timeout=0.05) as world,
            TapiClient.connect(world.address) as client,
        ):
            await (await client.initialize()).open(0)
            assert client._channel is not None
            for connection in client._channel._connections:
                connection.transport.pause_reading()
            switch.incoming(0, "5551000")
            await until(lambda: not world.server.clients)

    run(test())


def test_half_open_and_garbage(recording: Path) -> None:
    """Silent connections are closed after the timeout, garbage is not answered for long, and another client works."""

    async def test() -> None:
        async with serving(recording, logon_timeout=0.2) as world, TapiClient.connect(world.address) as client:
            port = world.server.port
            silent, quiet = await asyncio.open_connection("127.0.0.1", port)
            chance = random.Random(1)
            for data in (b"GET / HTTP/1.1\r\n\r\n" * 3, chance.randbytes(500), b"\x05" * 100, bytes(64)):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(data)
                await reader.read()
                writer.close()
                await writer.wait_closed()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(encode(Kind.REQUEST, 1, b"\0" * 8))
            assert (await reader.read(24))[2] == Kind.FAULT
            assert await silent.read() == b""
            for one in (writer, quiet):
                one.close()
                await one.wait_closed()
            await client.initialize()

    run(test())


def test_large_fragments(recording: Path) -> None:
    """Fragments of nearly 64 KiB pass in both directions."""

    async def test() -> None:
        async with serving(recording, fragment=65_528) as world:
            connecting = TapiClient.connect(world.address)
            async with connecting as client:
                opened = await (await client.initialize()).open(0)
                done = await opened.ask(line.DevSpecific, params=bytes(200_000))
                assert len(done.data) == 200_000

    run(test())
    judge(recording)


def test_limits(recording: Path) -> None:
    """Handles and pending requests of one client are limited."""

    async def test() -> None:
        limits = Limits(handles=5, pending=2)
        switch = Switch(_plan())
        never = asyncio.get_running_loop().create_future
        switch.line_dev_specific = lambda *arguments: never()  # type: ignore[method-assign,assignment]
        async with serving(recording, switch, limits=limits) as world, TapiClient.connect(world.address) as client:
            app = await client.initialize()
            opened = [await app.open(0) for _ in range(4)]
            with pytest.raises(TapiError) as caught:
                await app.open(0)
            assert caught.value.code == LINEERR.RESOURCEUNAVAIL
            tasks = [asyncio.create_task(opened[0].ask(line.DevSpecific, params=b"x")) for _ in range(2)]
            await until(lambda: sum(len(one.pending) for one in world.server.clients.values()) == 2)
            with pytest.raises(TapiError) as caught:
                await opened[0].ask(line.DevSpecific, params=b"x")
            assert caught.value.code == LINEERR.RESOURCEUNAVAIL
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    run(test())


def test_who_may_administer(recording: Path) -> None:
    """Without the administrator role a management client gets -19, and management requests fail."""

    async def test() -> None:
        async with serving(recording, administrators=frozenset({"root"})) as world:
            with pytest.raises(TapiError) as caught:
                await TapiClient.connect(world.address, management=True)
            assert caught.value.code == -19 & 0xFFFFFFFF
            async with TapiClient.connect(world.address, strict=False) as client:
                app = await client.initialize()
                for packet in (
                    mmc.GetServerConfig(line_app=app.handle, provider_list=1024),
                    mmc.GetLineInfo(line_app=app.handle, device_info_list=1024),
                    mmc.GetUIDllName(object_type=1, object_id=0, capacity=512),
                ):
                    with pytest.raises(TapiError) as caught:
                        await client.ask(packet)
                    assert caught.value.code == LINEERR.OPERATIONFAILED

    run(test())


def test_attach_and_detach(recording: Path) -> None:
    """Many successive sessions leave no resources behind."""

    async def test() -> None:
        server = Server(Switch(_plan()), Options(port=0))
        async with server:
            objects = 0
            for turn in range(60):
                async with TapiClient.connect(server.address, events="push" if turn % 2 else "pull") as client:
                    await (await client.initialize()).open(0)
                if turn in {20, 59}:
                    await until(lambda: not server.connections and not server.clients)
                    gc.collect()
                    before, objects = objects, len(gc.get_objects())
            assert objects - before < 600
            assert not server.lines[0].opens

    run(test())


def test_many_clients(recording: Path) -> None:
    """Two hundred simultaneous clients, each with a call: half of them are killed, the others hang up."""

    async def test() -> None:
        switch = Switch(_plan(lines=200))
        server = Server(switch, Options(port=0))
        async with server:
            clients = await asyncio.gather(
                *(TapiClient.connect(server.address, timeout=30.0).client.attach() for _ in range(200))
            )
            lines = [await (await client.initialize()).open(number) for number, client in enumerate(clients)]
            for number in range(200):
                switch.incoming(number, "5551000")
            calls = [await opened.next_call() for opened in lines]
            await asyncio.gather(*(call.answer() for call in calls))
            for client in clients[::2]:
                client._caller.abort()  # type: ignore[union-attr]
            await asyncio.gather(*(call.drop() for call in calls[1::2]))
            await until(lambda: len(server.clients) == 100)
            assert sum(len(one.handles) for one in server.clients.values()) == 100
            await asyncio.gather(*(client.close() for client in clients))
            await until(lambda: not server.clients)
            assert not server.mistakes

    run(test(), seconds=60.0)


def test_time_out(recording: Path) -> None:
    """If a server does not respond, the call times out and is orphaned, and the connection remains usable."""

    async def test() -> None:
        switch = Switch(_plan())
        async with serving(recording, switch) as world, TapiClient.connect(world.address, timeout=0.1) as client:
            app = await client.initialize()
            answers, world.server.called = world.server.called, lambda connection, call: None  # type: ignore[method-assign,assignment]
            with pytest.raises(TimeoutError):
                await app.dev_caps(0)
            world.server.called = answers  # type: ignore[method-assign]
            assert (await app.dev_caps(0)).line_name == "Line 0"

    run(test())


def test_reconnect(recording: Path) -> None:
    """A client with that option reconnects to a lost server, and attaches again when it is available."""

    async def test() -> None:
        server = Server(Switch(_plan()), Options(port=0))
        await server.start()
        port = server.port
        connecting = TapiClient.connect(server.address, reconnect=True, absent_after=0.05)
        async with connecting as client:
            app = await client.initialize()
            await server.stop()
            await until(lambda: not client.attached)
            with pytest.raises(ConnectionEnded):
                await app.dev_caps(0)
            again = Server(Switch(_plan()), Options(port=port))
            await again.start()
            await asyncio.wait_for(client.reconnected.wait(), 5)
            assert (await (await client.initialize()).dev_caps(0)).line_name == "Line 0"
        await again.stop()

    run(test())


def test_a_server_that_is_not_there() -> None:
    """Without a listener, OSError is raised immediately."""

    async def test() -> None:
        with pytest.raises(OSError, match="failed"):
            await TapiClient.connect("ncacn_ip_tcp:127.0.0.1[1]")

    run(test())


def test_a_mistaken_provider(recording: Path) -> None:
    """Illegal reports of a provider are suppressed and logged."""

    async def test() -> None:
        switch = Switch(_plan())
        async with serving(recording, switch) as world, TapiClient.connect(world.address) as client:
            opened = await (await client.initialize()).open(0)
            switch.incoming(0, "5551000")
            call = await opened.next_call()
            (attached,) = world.server.clients.values()
            number = next(iter(attached.handles.values()))
            switch.sink.call_state(number.call, 0x6)  # two states at once
            assert world.server.mistakes
            assert isinstance(world.server.mistakes.pop(), ProtocolError)
            switch.sink.call_state(number.call, int(S.CONNECTED), 1)
            await call.wait(S.CONNECTED)
            assert call.states == [S.OFFERING, S.CONNECTED]
            assert not client.problems

    run(test())
    judge(recording)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_serve_stops_cleanly(tmp_path: Path) -> None:
    """After SIGTERM every client is detached with RemoteSPDetach, the recording is complete, and the status is 0."""
    path = tmp_path / "served.pcap"

    async def test() -> None:
        command = [sys.executable, "-m", "mstrp", "serve", "--listen", "127.0.0.1:0", "--record", str(path)]
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE, env=dict(os.environ))
        assert process.stderr is not None
        ready = (await process.stderr.readline()).decode()
        assert ready.startswith("ready tapsrv 127.0.0.1:")
        async with TapiClient.connect(ready.split()[-1]) as client:
            await (await client.initialize()).open(0)
            assert client._channel is not None
            process.send_signal(signal.SIGTERM)
            await client._channel.detached.wait()
            begun = time.monotonic()
            assert await process.wait() == 0
            assert time.monotonic() - begun < 5
        await process.stderr.read()

    run(test(), seconds=30.0)
    assert judge(path).frames > 20
