"""A context handle belongs to the association group and the authenticated user that attached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attacker import Attacker, connect
from world import run, serving

from mstrp.live.auth import Users, initiator
from mstrp.live.transport import RpcFault
from protocol import line
from protocol.rpc.association import Status

_USERS = Users({"alice": "secret", "mallory": "other"})


async def _connected(port: int, who: tuple[str, str] | None, level: str, group: int) -> Attacker:
    security = initiator("ntlm", *who, level=level)() if who is not None else None
    return await connect(port, security=security, group=group)


@pytest.mark.parametrize(
    ("who", "level", "same_group", "admitted"),
    [
        (("alice", "secret"), "privacy", True, True),
        (("alice", "secret"), "privacy", False, False),
        (("mallory", "other"), "privacy", True, False),
        (("alice", "secret"), "integrity", True, False),
        (None, "privacy", True, False),
    ],
    ids=["own", "other-group", "other-user", "lower-level", "anonymous"],
)
def test_context_of_another(
    who: tuple[str, str] | None, level: str, same_group: bool, admitted: bool, recording: Path
) -> None:
    """ClientRequest and ClientDetach under a context handle of another group, user or lower level get RPC faults."""

    async def test() -> None:
        async with serving(recording, security=_USERS.acceptor()) as world:
            owner = await _connected(world.server.port, ("alice", "secret"), "privacy", 0)
            assert not await owner.attach()
            other = await _connected(
                world.server.port, who, level, owner.caller.association.group if same_group else 0x4711
            )
            other.context = owner.context
            packet: Any = line.Initialize(friendly_name="A", module_name="A", api_version=0x00030001)
            for call in (lambda: other.ask(packet), other.detach):
                if admitted:
                    await call()
                    continue
                with pytest.raises(RpcFault) as caught:
                    await call()
                assert caught.value.status == Status.CONTEXT_MISMATCH
            assert bool(world.server.clients) is not admitted
            await owner.close()
            await other.close()

    run(test())


def test_groups_are_distinct(recording: Path) -> None:
    """Each connection has a separate association group, unless it requests the group of an open one."""

    async def test() -> None:
        async with serving(recording) as world:
            one, two = [await connect(world.server.port) for _ in range(2)]
            groups = {one.caller.association.group, two.caller.association.group}
            joined = await connect(world.server.port, group=one.caller.association.group)
            alone = await connect(world.server.port, group=0x4711)
            assert len(groups) == 2
            assert joined.caller.association.group == one.caller.association.group
            assert alone.caller.association.group not in {*groups, 0x4711}
            for connection in (one, two, joined, alone):
                await connection.close()

    run(test())
