"""Request ids and optional handles: an id is used once at a time, and a request needs one handle."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from attacker import Attacker, connect
from world import judge, run, serving

from mstrp.live.client import TapiClient
from protocol import generic, line
from protocol.constants import LINEERR
from protocol.fields import Handle
from protocol.packet import REQUESTS

_ID = 7


def _specific(handle: int, number: int = _ID) -> line.DevSpecific:
    return line.DevSpecific(request_id=number, line=handle, params=b"x")


def _signed(code: int) -> int:
    return code - 0x1_0000_0000 if code & 0x8000_0000 else code


async def _attached(port: int) -> tuple[Attacker, int]:
    client = await connect(port)
    assert not await client.attach()
    return client, await client.open()


def test_id_until_fetched(recording: Path) -> None:
    """In pull mode an id is in use until GetAsyncEvents has returned the completion."""

    async def test() -> None:
        async with serving(recording) as world:
            client, handle = await _attached(world.server.port)
            refused = _signed(LINEERR.INVALPARAM)
            assert (await client.ask(_specific(handle))).ack == _ID
            assert (await client.ask(_specific(handle))).ack == refused
            assert (await client.ask(_specific(handle, 0))).ack != _ID
            fetching = generic.GetAsyncEvents(total_buffer_size=4096)
            fetched, again = await client.pipeline(fetching, _specific(handle))
            assert fetched.used_buffer_size
            assert again.ack == refused
            assert (await client.ask(_specific(handle))).ack == _ID
            await client.fetch()
            await client.detach()
            await client.close()

    run(test())
    judge(recording, frozenset({"CALL-ORDER-O06"}), notes=True)


def test_pipelined_ids(recording: Path) -> None:
    """In push mode an id is in use until its completion has been sent."""

    async def test() -> None:
        async with serving(recording) as world, TapiClient.connect(world.address) as client:
            opened = await (await client.initialize()).open(0)
            assert client._caller is not None
            raw = Attacker(client._caller, client._context)
            packet = _specific(opened.handle, 0x7000)
            first, second = await raw.pipeline(packet, packet)
            assert (first.ack, second.ack) == (0x7000, _signed(LINEERR.INVALPARAM))

    run(test())


def _empty(kind: Any, words: dict[str, int]) -> Any:
    """Return a request whose handles are 0."""
    fields = {name: value for name, value in words.items() if name in kind.layout.by_name}
    return kind(**fields)


@pytest.mark.parametrize("select", [1, 2, 4])
def test_no_handle(select: int, recording: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A request without any of its alternative handles is refused; this is not an error of the server."""
    caplog.set_level(logging.ERROR)

    async def test() -> None:
        async with serving(recording) as world:
            client, _ = await _attached(world.server.port)
            for kind in REQUESTS.values():
                if any(isinstance(field, Handle) for field in kind.layout.fields):
                    found = await client.ask(_empty(kind, {"select": select, "request_id": 0}))
                    assert found.ack < 0, kind.layout.name
            await client.close()

    run(test())
    assert not caplog.records
