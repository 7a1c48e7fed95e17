"""Generates legal conversations: lists the legal next steps at each point, with the rows that each would take.

The caller selects among them: at random, with `LeastCovered`, with Hypothesis, or interactively.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.monitor import Monitor
from fsm.state.coverage import Coverage
from fsm.tables import binding
from mstrp.generate.play import Kind, Play, Role
from mstrp.testing.call_options import CallOptions
from mstrp.testing.client_session import MonitoredPlay
from mstrp.testing.selection import LeastCovered, Option, RowKey
from mstrp.testing.session_options import TO_CALLS, SessionOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.testing.client_session import Act

__all__ = ["Director", "covering_walk", "directed"]

_MODELS = {
    "push": binding.ATTACHED_PUSH,
    "pull": binding.ATTACHED_MAILSLOT,
    "management": binding.ATTACHED_MANAGEMENT,
}


class _Client(CallOptions, SessionOptions):
    """All actions of one client."""


class Director:
    """Writes a legal conversation, one client after the other; ``coverage`` counts the rows taken.

    `options` lists the legal next actions, `take` performs one of them, `finish` completes all pending requests.
    """

    def __init__(self, coverage: Coverage | None = None) -> None:
        self.coverage = Coverage() if coverage is None else coverage
        self.monitor = Monitor()
        self.monitor.on_step(self.coverage.step)
        self._play = MonitoredPlay(self.monitor, self.coverage)
        self._client: _Client | None = None

    @property
    def play(self) -> Play:
        """The conversation written so far."""
        return self._play

    def options(self) -> list[Option[Act]]:
        """Return the legal next actions, with the rows that each would take."""
        client = self._client
        if client is None or client.over:
            return [
                Option((self._attach, (model,)), (RowKey("binding", binding.BindingState.UNBOUND, event),), TO_CALLS)
                for model, event in _MODELS.items()
            ]
        return client.overdue() or [*client.call_options(), *client.session_options()]

    def take(self, option: Option[Act]) -> None:
        """Perform an action, which must be an option from the last call of `options`."""
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
        """End the conversation: complete all pending requests, then detach."""
        client = self._client
        if client is not None and not client.over:
            client.settle()
            client.end()
        self.monitor.finish()
        return self.play


def directed(steps: int, choose: Callable[[int], int], coverage: Coverage | None = None) -> Play:
    """Return a legal conversation of at least ``steps`` steps, each option equally likely: a baseline for comparison."""
    director = Director(coverage)
    while len(director.play.steps) < steps:
        options = director.options()
        director.take(options[choose(len(options))])
    return director.finish()


def covering_walk(steps: int, choose: Callable[[int], int] = lambda count: 0, coverage: Coverage | None = None) -> Play:
    """Return a legal conversation of at least ``steps`` steps that takes the least covered rows first.

    ``coverage`` may already contain counts of earlier conversations; their rows are not needed again.
    """
    director = Director(coverage)
    decide = LeastCovered(director.coverage, choose)
    while len(director.play.steps) < steps:
        director.take(decide.next(director.options()))
    return director.finish()
