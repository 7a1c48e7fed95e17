"""The system under learning: a live server behind a tree of everything that was observed.

A word is performed only when its answer is not known yet. The known beginning of a word is performed again on the way,
and has to be answered as before: where it is not, the server is not deterministic, or time was too short.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mstrp.conform.core.errors import Missing
from mstrp.conform.learn.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsm.tables.call_states import CallState
    from mstrp.conform.core.target import Budget, Target
    from mstrp.conform.learn.alphabet import Alphabet
    from mstrp.conform.learn.observation import Observation, Output

__all__ = ["Node", "SetUpFailed", "System", "Unsteady"]


class Unsteady(Exception):  # noqa: N818 - a verdict about the server, no error of ours
    """The same word is answered in different ways."""

    def __init__(self, word: tuple[int, ...], first: Output, then: Output) -> None:
        super().__init__(f"first {first}, then {then}")
        self.word = word
        self.first = first
        self.then = then


class SetUpFailed(Exception):  # noqa: N818 - as above
    """What has to be there before the first input cannot be brought about."""


@dataclass(slots=True)
class Node:
    """What was observed after a word."""

    observed: Observation | None = None
    after: dict[int, Node] = field(default_factory=dict)


@dataclass(slots=True)
class System:
    """Answers words of inputs by number; ``told`` is called after every conversation."""

    alphabet: Alphabet
    target: Target
    budget: Budget
    told: Callable[[System], None] | None = None
    root: Node = field(default_factory=Node)
    #: Conversations with the server, and inputs performed in them.
    queries: int = 0
    steps: int = 0
    initial: tuple[CallState, ...] = ()
    _session: Session | None = None
    #: How far the session is, and how far the word.
    _at: list[int] = field(default_factory=list)
    _word: list[int] = field(default_factory=list)

    def node(self, word: Iterable[int]) -> Node | None:
        """What is known of a word."""
        found: Node | None = self.root
        for symbol in word:
            if found is None:
                return None
            found = found.after.get(symbol)
        return found

    # -- one word -------------------------------------------------------------------------------------------------

    async def reset(self) -> None:
        """Begin a new word."""
        await self.leave()
        self._word = []

    async def leave(self) -> None:
        """End the conversation, if there is one."""
        session, self._session = self._session, None
        if session is not None:
            await session.end()
            if self.told is not None:
                self.told(self)

    async def step(self, symbol: int) -> Output:
        """The response to the next input; performed only when it is not known."""
        here = self.node(self._word)
        assert here is not None
        if symbol not in here.after:
            here.after[symbol] = Node(await self._explore(symbol))
        self._word.append(symbol)
        observed = here.after[symbol].observed
        assert observed is not None
        return observed.output

    async def _explore(self, symbol: int) -> Observation:
        session = await self._catch_up()
        self.steps += 1
        observed = await session.step(self.alphabet.inputs[symbol])
        self._at.append(symbol)
        return observed

    async def _catch_up(self) -> Session:
        """Bring the conversation to where the word is."""
        if self._session is None:
            self._session = Session(self.alphabet, self.target, self.budget)
            self._at = []
            self.queries += 1
            try:
                await self._session.begin()
            except Missing as error:
                await self.leave()
                raise SetUpFailed(str(error)) from error
            self.initial = self._session.states()
        for symbol in self._word[len(self._at) :]:
            self._at.append(symbol)
            node = self.node(self._at)
            assert node is not None
            assert node.observed is not None
            self.steps += 1
            observed = await self._session.step(self.alphabet.inputs[symbol], node.observed)
            if observed.output != node.observed.output:
                raise Unsteady(tuple(self._at), node.observed.output, observed.output)
        return self._session

    async def perform(self, word: Iterable[int]) -> tuple[Session, list[Observation]]:
        """Perform a whole word once more with a client of its own, waiting for silence after every input."""
        session = Session(self.alphabet, self.target, self.budget)
        self.queries += 1
        found = []
        try:
            await session.begin()
            for symbol in word:
                self.steps += 1
                found.append(await session.step(self.alphabet.inputs[symbol]))
        except Missing as error:
            raise SetUpFailed(str(error)) from error
        finally:
            await session.end()
            if self.told is not None:
                self.told(self)
        return session, found
