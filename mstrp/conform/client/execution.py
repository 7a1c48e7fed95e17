"""One run of the client under test: what is done to it, and what it does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mstrp.conform.client.tester_server import TesterServer
from mstrp.live.server import Options
from mstrp.live.switch import Plan, Switch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mstrp.conform.client.iut import Iut
    from mstrp.conform.client.session import Session
    from mstrp.conform.client.stimulus import Stimulus
    from mstrp.conform.core.target import Budget

__all__ = ["ClientBed", "Execution", "perform"]


@dataclass(slots=True)
class ClientBed:
    """Where clients are tested: the address, the switch behind it, and how long things may take."""

    host: str = "127.0.0.1"
    port: int = 0
    #: Seconds without a packet after which a client that should go on is stuck.
    patience: float = 5.0
    #: Seconds of silence after which nothing is under way any more.
    settle: float = 0.25
    #: Seconds that one run may take at the most.
    longest: float = 120.0
    plan: Plan = field(default_factory=lambda: Plan(lines=2, phones=1, pace=0.2))
    #: Calls that come to each line that is opened.
    incoming: int = 1
    #: More options of the server: who may log on, how.
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 0


@dataclass(slots=True)
class Execution:
    """What came of one run."""

    sessions: list[Session] = field(default_factory=list)
    #: The exit status of the client's process, None where there is none or it was ended.
    status: int | None = None
    #: Whether nothing passed for too long while the client was still there.
    stuck: bool = False
    done: set[str] = field(default_factory=set)
    not_possible: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, bool | None] = field(default_factory=dict)
    port: int = 0
    said: str = ""

    @property
    def requests(self) -> Counter[str]:
        """What the client sent, by name."""
        found: Counter[str] = Counter()
        for session in self.sessions:
            found.update(session.requests)
        return found

    @property
    def end(self) -> str:
        """How it ended, for people."""
        if self.stuck:
            return "it did nothing any more"
        if self.status:
            return f"its exit status was {self.status}"
        if any(session.lost and not session.cut for session in self.sessions):
            return "its connection ended without ClientDetach"
        if not self.sessions:
            return "it did not attach"
        return ""

    @property
    def took_calls(self) -> bool:
        """Whether the client does anything with calls that are offered to it."""
        return any(session.on_offered for session in self.sessions)


async def perform(
    bed: ClientBed,
    iut: Iut,
    budget: Budget,
    plan: Iterable[Stimulus] = (),
    *,
    controls: bool = False,
    ends_from: int = 0,
    seed: int = 0,
    until: Callable[[TesterServer], bool] = lambda server: False,
) -> Execution:
    """Let the client run once; with ``controls`` the legal twins of the stimuli are done.

    ``ends_from``: the session from which on something is brought to its end. ``until``: when to stop waiting.
    """
    switch = Switch(bed.plan, incoming=bed.incoming)
    options = Options(host=bed.host, port=bed.port, **bed.options)
    found = Execution()
    server = TesterServer(switch, options, budget=budget, settle=bed.settle, seed=bed.seed ^ seed)
    server.plan = list(plan)
    server.controls = controls
    server.ends_from = ends_from
    async with server:
        found.port = server.port
        playing = asyncio.ensure_future(iut.play(server.address))
        begun = time.monotonic()
        try:
            while True:
                await asyncio.wait([playing], timeout=0.02)
                now = time.monotonic()
                last = max([begun, *(session.last for session in server.sessions)])
                if playing.done() or until(server):
                    break
                if budget.seconds and budget.elapsed > budget.seconds:
                    break
                if budget.packets and budget.sent > budget.packets and not iut.repeatable:
                    break
                if iut.repeatable and (now - last > bed.patience or now - begun > bed.longest):
                    found.stuck = True
                    break
        finally:
            if playing.done():
                found.status = playing.result()
            else:
                playing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await playing
        # What the client did last is still on its way through the server.
        for _ in range(100):
            if not server.clients:
                break
            await asyncio.sleep(0.002)
    found.said = iut.said
    found.sessions = server.sessions
    found.done, found.not_possible, found.verdicts = server.done, server.not_possible, server.verdicts
    for session in found.sessions:
        session.finish()
    return found
