"""A director of legal conversations: at each moment it knows what may happen next, with the rows that it would take.

Which of the options is taken is somebody else's decision: chance, `LeastCovered`, Hypothesis, a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.monitor import Monitor
from fsm.state.coverage import Coverage
from fsm.tables import binding
from mstrp.generate.play import Kind, Play, Role
from mstrp.testing.least import LeastCovered, Option, RowKey
from mstrp.testing.scene import Judged
from mstrp.testing.scene_calls import Calls
from mstrp.testing.scene_sessions import TO_CALLS, Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.testing.scene import Act

__all__ = ["Director", "covering_walk", "directed"]

_MODELS = {
    "push": binding.ATTACHED_PUSH,
    "pull": binding.ATTACHED_MAILSLOT,
    "management": binding.ATTACHED_MANAGEMENT,
}


class _Client(Calls, Sessions):
    """All that may happen with one client."""


class Director:
    """Writes a legal conversation, one client after the other; ``coverage`` counts what it takes.

    `options` tells what may happen now, `take` lets one of it happen, `finish` brings what is begun to an end.
    """

    def __init__(self, coverage: Coverage | None = None) -> None:
        self.coverage = Coverage() if coverage is None else coverage
        self.monitor = Monitor()
        self.monitor.on_step(self.coverage.step)
        self._play = Judged(self.monitor, self.coverage)
        self._client: _Client | None = None

    @property
    def play(self) -> Play:
        """What was written so far."""
        return self._play

    def options(self) -> list[Option[Act]]:
        """What may happen next, with the rows that it would take."""
        client = self._client
        if client is None or client.over:
            return [
                Option((self._attach, (model,)), (RowKey("binding", binding.BindingState.UNBOUND, event),), TO_CALLS)
                for model, event in _MODELS.items()
            ]
        return client.overdue() or [*client.call_options(), *client.session_options()]

    def take(self, option: Option[Act]) -> None:
        """Let something happen. Only an option of the last `options` will do."""
        does, arguments = option.what
        does(*arguments)

    def _attach(self, model: str) -> None:
        play = self._play
        role = Role(len(play.roles) + 1, model=model)
        role.init_context = 0x100 + role.number
        play.roles.append(role)
        after = play.step(role, Kind.ATTACH, self._client.script.last if self._client is not None else ())
        last = {after}
        if model == "push":
            last.add(play.step(role, Kind.CHANNEL, {after}))
        last.add(play.step(role, Kind.ATTACHED, {after}))
        self._client = _Client(play, role)
        self._client.script.last = last

    def finish(self) -> Play:
        """End the conversation: what is owed is told, nothing waits any more."""
        client = self._client
        if client is not None and not client.over:
            client.settle()
            client.end()
        self.monitor.finish()
        return self.play


def directed(steps: int, choose: Callable[[int], int], coverage: Coverage | None = None) -> Play:
    """A legal conversation of at least so many steps in which every option is as likely: what others are compared with."""
    director = Director(coverage)
    while len(director.play.steps) < steps:
        options = director.options()
        director.take(options[choose(len(options))])
    return director.finish()


def covering_walk(steps: int, choose: Callable[[int], int] = lambda count: 0, coverage: Coverage | None = None) -> Play:
    """A legal conversation of at least so many steps that takes the rows first which were taken least.

    ``coverage`` may have counted earlier conversations; what they took need not be taken again.
    """
    director = Director(coverage)
    decide = LeastCovered(director.coverage, choose)
    while len(director.play.steps) < steps:
        director.take(decide.next(director.options()))
    return director.finish()
