"""AALpy at work: learning asks one word after the other in a thread, and the loop of the caller performs them."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aalpy.base import SUL, Oracle
from aalpy.learning_algs import run_Lsharp

from mstrp.conform.core.target import BudgetSpent
from mstrp.conform.learn.machine import Learned
from mstrp.conform.learn.system import System, Unsteady

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from mstrp.conform.learn.observation import Output

__all__ = ["Lesson", "learn"]


@dataclass(slots=True)
class Lesson:
    """How learning ended: ``machine`` is what was believed last, ``ended`` why that is not final."""

    machine: Learned | None = None
    rounds: int = 0
    #: Empty when learning came to its end.
    ended: str = ""
    unsteady: Unsteady | None = None


class _Stopped(Exception):  # noqa: N818 - nothing is wrong
    """The caller does not wait any more."""


class _Bridge(SUL):  # type: ignore[misc]
    """What AALpy asks, in its thread; the system answers in its loop."""

    def __init__(self, system: System, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.system = system
        self.loop = loop
        self.stopped = False

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        if self.stopped:
            work.close()
            raise _Stopped
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def pre(self) -> None:
        self._run(self.system.reset())

    def post(self) -> None:
        self._run(self.system.leave())

    def step(self, symbol: int) -> Output:
        found: Output = self._run(self.system.step(symbol))
        return found


class _Walks(Oracle):  # type: ignore[misc]
    """Is a machine the right one? From every state every input, and then a walk by chance, always the same."""

    def __init__(
        self, alphabet: list[int], bridge: _Bridge, lesson: Lesson, *, seed: int, walks: int, length: int
    ) -> None:
        super().__init__(alphabet, bridge)
        self.lesson = lesson
        self.chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.walks = walks
        self.length = length
        self.tried: set[tuple[tuple[int, ...], int, int]] = set()

    def find_cex(self, hypothesis: Any) -> tuple[int, ...] | None:
        """The first word that the machine answers in another way than the server."""
        system = self.sul.system
        machine = self.lesson.machine = Learned.of(system.alphabet, hypothesis, system.initial)
        self.lesson.rounds += 1
        for state in machine.states:
            for move in state.moves:
                if move.output.states != machine.states[move.target].calls:
                    # Two states with other calls cannot be one: whatever leaves calls alone tells them apart.
                    word = (*state.access, move.symbol, system.alphabet.look)
                    found = self._differs(machine, word)
                    if found is not None:
                        return found
        for state in machine.states:
            for symbol in self.alphabet:
                for number in range(self.walks):
                    key = (state.access, symbol, number)
                    if key in self.tried:
                        continue
                    self.tried.add(key)
                    rest = self.chance.choices(self.alphabet, k=self.length)
                    found = self._differs(machine, (*state.access, symbol, *rest))
                    if found is not None:
                        return found
        return None

    def _differs(self, machine: Learned, word: tuple[int, ...]) -> tuple[int, ...] | None:
        self.num_queries += 1
        here = machine.states[0]
        self.sul.pre()
        try:
            for place, symbol in enumerate(word, 1):
                self.num_steps += 1
                move = here.moves[symbol]
                if self.sul.step(symbol) != move.output:
                    return word[:place]
                here = machine.states[move.target]
        finally:
            self.sul.post()
        return None


async def learn(system: System, *, seed: int = 0, walks: int = 1, length: int = 3) -> Lesson:
    """Learn the machine of a server.

    ``walks`` is how many walks by chance look for what was missed, from every state after every input, ``length`` how
    long they are. Raises `SetUpFailed` or `Unreachable`; a budget that is spent and a server that is not deterministic
    end the lesson, which then says so.
    """
    lesson = Lesson()
    bridge = _Bridge(system, asyncio.get_running_loop())
    inputs = list(range(len(system.alphabet.inputs)))
    oracle = _Walks(inputs, bridge, lesson, seed=seed, walks=walks, length=length)

    def work() -> None:
        run_Lsharp(inputs, bridge, oracle, "mealy", cache_and_non_det_check=False, print_level=0)

    thread = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(thread)
    except asyncio.CancelledError:
        bridge.stopped = True
        await asyncio.gather(thread, return_exceptions=True)
        raise
    except BudgetSpent as error:
        lesson.ended = str(error)
    except Unsteady as error:
        lesson.ended = "the server is not deterministic"
        lesson.unsteady = error
    finally:
        await system.leave()
    return lesson
