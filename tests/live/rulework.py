"""Trials of the rules, spoken live: the steps of a trial, and what the server answered to each of its requests."""

from __future__ import annotations

from typing import Any

from puppet import Performance, Puppet

import mstrp.testing.trial as trial_module
from fsm.monitor import Monitor
from mstrp.generate.play import Kind, Step
from mstrp.live.server import Options, Server
from mstrp.testing import Trial


class _Collector:
    """A stage that only remembers the steps."""

    steps: list[Step]

    def __init__(self, monitor: Monitor, **options: Any) -> None:
        _Collector.steps = []
        self.conversations: dict[Any, Any] = _Nothing()

    def take(self, step: Step) -> None:
        _Collector.steps.append(step)


class _Nothing(dict[Any, Any]):
    """Conversations that an embedding program would tell something: here there are none."""

    def __missing__(self, key: Any) -> Any:
        raise LookupError(key)


def steps_of(trial: Trial) -> list[Step] | None:
    """The steps of a trial; None when it is no play, or tells its monitor something that a server cannot know."""
    usual = trial_module.MonitorStage
    trial_module.MonitorStage = _Collector  # type: ignore[misc,assignment]
    _Collector.steps = []
    try:
        trial.run(Monitor())
    except (LookupError, AttributeError):
        return None
    finally:
        trial_module.MonitorStage = usual  # type: ignore[misc]
    return _Collector.steps or None


class Careless(Performance):
    """A performance that goes on whatever the server answers, and remembers what that was."""

    def __init__(self, server: Server, puppet: Puppet, **options: Any) -> None:
        super().__init__(server, puppet, **options)
        self.given: list[tuple[Any, int]] = []

    async def _reply(self, actor: Any, event: Any) -> None:
        if event.completed_id in actor.requests:
            await super()._reply(actor, event)

    async def go(self, steps: list[Step]) -> list[tuple[Any, int]]:
        """Perform; the requests with their answers."""
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
        """End every client."""
        for actor in self.actors.values():
            await actor.client.close()


async def spoken(trial: Trial, steps: list[Step]) -> list[tuple[Any, int]]:
    """Perform the steps of a trial with a server of its own."""
    puppet = Puppet()
    puppet.agent_types = lambda device: frozenset(range(1, 21))  # type: ignore[method-assign]
    async with Server(puppet, Options(port=0)) as server:
        performance = Careless(server, puppet, strict=False, poll=0.005)
        try:
            return await performance.go(steps)
        finally:
            await performance.close()
