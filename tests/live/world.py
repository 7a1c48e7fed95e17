"""Common parts of live tests: recorded servers on free ports, and event loops without leftover tasks."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsm.engine.levels import Verdict
from mstrp.capture.hints import Setup
from mstrp.checking import check_capture
from mstrp.live.recorder import Recorder
from mstrp.live.server import Options, Server
from mstrp.live.switch import Plan, Switch
from protocol.rpc.unseal import nt_hashes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class World:
    """A server with its recording; `judge` returns the monitor's findings about it."""

    def __init__(self, server: Server, path: Path) -> None:
        self.server = server
        self.path = path

    @property
    def address(self) -> str:
        return self.server.address


def judge(
    path: Path, allowed: frozenset[str] = frozenset(), passwords: tuple[str, ...] = (), *, notes: bool = False
) -> Any:
    """Check that the recording has only allowed findings and no damage (unless ``notes`` are expected)."""
    result = check_capture(str(path), setup=Setup(secrets=tuple(nt_hashes(list(passwords)))))
    assert result.error is None
    assert notes or not result.notes, result.notes
    wrong = [finding for finding in result.findings if finding.rule not in allowed]
    assert not wrong, [str(finding) for finding in wrong]
    assert result.verdict is not Verdict.FAIL
    return result


@asynccontextmanager
async def serving(path: Path, provider: Any = None, **options: Any) -> AsyncIterator[World]:
    """Run a recorded server on a free port."""
    with path.open("wb") as stream:
        provider = provider or Switch(Plan(pace=0.02, step=0.05))
        server = Server(provider, Options(port=0, **options), recorder=Recorder(stream))
        async with server:
            yield World(server, path)
        assert not server.mistakes, [str(error) for error in server.mistakes]


def run(work: Any, seconds: float = 20.0) -> Any:
    """Run a coroutine in a new loop, with a timeout; check that no task is left."""

    async def bounded() -> Any:
        async with asyncio.timeout(seconds):
            found = await work
        await asyncio.sleep(0)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left, left
        return found

    with asyncio.Runner() as runner:
        problems: list[dict[str, Any]] = []
        runner.get_loop().set_exception_handler(lambda loop, context: problems.append(context))
        found = runner.run(bounded())
    assert not problems, problems
    return found


async def until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    """Wait until a condition is true."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.002)
