"""Perform rule cases live: the steps of a case, and the response of the server to each of its requests."""

from __future__ import annotations

from typing import Any

from puppet import Performance, Puppet

import mstrp.testing.case as case_module
from fsm.monitor import Monitor
from mstrp.generate.play import Kind, Step
from mstrp.live.server import Options, Server
from mstrp.testing import RuleCase


class _Collector:
    """A stage that only records the steps."""

    steps: list[Step]

    def __init__(self, monitor: Monitor, **options: Any) -> None:
        _Collector.steps = []
        self.conversations: dict[Any, Any] = _Nothing()

    def take(self, step: Step) -> None:
        _Collector.steps.append(step)


class _Nothing(dict[Any, Any]):
    """A dictionary without conversations, because no embedding program sets facts."""

    def __missing__(self, key: Any) -> Any:
        raise LookupError(key)


def steps_of(case: RuleCase) -> list[Step] | None:
    """Return the steps of a case; None if it is not a play or needs facts that a server cannot know."""
    usual = case_module.MonitorStage
    case_module.MonitorStage = _Collector  # type: ignore[misc,assignment]
    _Collector.steps = []
    try:
        case.run(Monitor())
    except (LookupError, AttributeError):
        return None
    finally:
        case_module.MonitorStage = usual  # type: ignore[misc]
    return _Collector.steps or None


class Careless(Performance):
    """A performance that continues after any response, and records the responses."""

    def __init__(self, server: Server, puppet: Puppet, **options: Any) -> None:
        super().__init__(server, puppet, **options)
        self.given: list[tuple[Any, int]] = []

    async def _reply(self, actor: Any, event: Any) -> None:
        if event.completed_id in actor.requests:
            await super()._reply(actor, event)

    async def go(self, steps: list[Step]) -> list[tuple[Any, int]]:
        """Perform the steps and return the requests with their responses."""
        self.steps = steps
        for step in steps:
            if step.kind in {Kind.DETACH, Kind.CHANNEL_END, Kind.DETACHED}:
                continue
            if step.kind is Kind.ANSWER:
                answer = self.answers.pop(step.of)
                self.given.append((next(one for one in steps if one.number == step.of).packet, answer.words[0]))
                continue
            await self._step(step)
        return self.given

    async def close(self) -> None:
        """Close all clients."""
        for actor in self.actors.values():
            await actor.client.close()


async def spoken(case: RuleCase, steps: list[Step]) -> list[tuple[Any, int]]:
    """Perform the steps of a case with a new server."""
    puppet = Puppet()
    puppet.agent_types = lambda device: frozenset(range(1, 21))  # type: ignore[method-assign]
    async with Server(puppet, Options(port=0)) as server:
        performance = Careless(server, puppet, strict=False, poll=0.005)
        try:
            return await performance.go(steps)
        finally:
            await performance.close()
