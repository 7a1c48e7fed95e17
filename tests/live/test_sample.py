"""The sample provider works as documented."""

from __future__ import annotations

import sys
from pathlib import Path

from world import judge, run, serving, until

from mstrp.live.client import TapiClient
from protocol.constants import LINECALLSTATE as S

sys.path.insert(0, str(Path(__file__).parents[2] / "samples"))


def test_echo(recording: Path) -> None:
    """The caller of the echo number receives its digits; every other number is busy."""
    from provider import Echo

    async def test() -> None:
        async with serving(recording, Echo()) as world, TapiClient.connect(world.address) as client:
            app = await client.initialize()
            assert (await app.dev_caps(1)).line_name == "Echo 1"
            opened = await app.open(0)
            call = await opened.make_call("echo")
            await call.wait(S.CONNECTED)
            await call.monitor_digits()
            await call.dial("42")
            await until(lambda: call.digits == "42")
            await call.drop()
            await call.wait(S.IDLE)
            await call.deallocate()
            busy = await opened.make_call("somebody")
            await busy.wait(S.BUSY)
            assert not client.problems

    run(test())
    judge(recording)
