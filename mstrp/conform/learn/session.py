"""One conversation of the learner: the letters of an alphabet, performed with a live server."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from fsm.tables.call_states import BY_BIT, CallState
from mstrp.conform.learn.alphabet import Cause
from mstrp.conform.learn.seen import FAULT, NO_ANSWER, NOT_COMPLETED, NOT_SENT, OK, Observed, Seen, refusal
from mstrp.conform.probe import Missing, Probe
from mstrp.conform.world import World
from protocol import line

if TYPE_CHECKING:
    from mstrp.conform.learn.alphabet import Alphabet, Letter
    from mstrp.conform.target import Budget, Target

__all__ = ["Session"]


class Session:
    """A client with the calls of an alphabet; `begin` before the first step, `end` after the last."""

    def __init__(self, alphabet: Alphabet, target: Target, budget: Budget) -> None:
        self.alphabet = alphabet
        self.probe = Probe(target, budget)
        self.world = World(self.probe)
        #: The handles by place, 0 where there is none yet; which were given up.
        self.calls = [0] * alphabet.calls
        self.gone = [False] * alphabet.calls
        self._late: list[CallState] = []

    async def begin(self) -> None:
        """Attach, open both lines, and bring about the first call; raises `Missing` or `Unreachable`."""
        await self.world.begin()
        await self.world.numbers()
        if self.alphabet.connected:
            self.calls[0] = await self.world.connected()
            await self.probe.quiet()

    async def end(self) -> None:
        """Detach; every call goes with the client."""
        await self.probe.close()

    # -- looking --------------------------------------------------------------------------------------------------

    def _reported(self) -> list[int]:
        states = self.probe.seats["a"].states
        return [len(states.get(call, ())) if call else 0 for call in self.calls]

    def _path(self, before: list[int]) -> tuple[tuple[CallState, ...], ...]:
        states = self.probe.seats["a"].states
        return tuple(
            tuple(BY_BIT.get(state, CallState.ABSENT) for state in states.get(call, ())[count:]) if call else ()
            for call, count in zip(self.calls, before, strict=True)
        )

    def states(self) -> tuple[CallState, ...]:
        """What is known of each call."""
        known = self.probe.seats["a"].states
        found = []
        for call, gone in zip(self.calls, self.gone, strict=True):
            told = known.get(call)
            state = CallState.UNKNOWN if not told else BY_BIT.get(told[-1], CallState.UNKNOWN)
            found.append(CallState.ABSENT if not call else CallState.DEALLOCATED if gone else state)
        return tuple(found)

    async def _arrives(self, before: list[int], path: tuple[tuple[CallState, ...], ...]) -> bool:
        """Wait until what was reported once has been reported again; whether it was."""
        seat = self.probe.seats["a"]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.probe.target.patience):
                while any(len(now) < len(then) for now, then in zip(self._path(before), path, strict=True)):
                    seat.changed.clear()
                    await seat.changed.wait()
                return True
        return False

    # -- steps ----------------------------------------------------------------------------------------------------

    async def step(self, letter: Letter, known: Observed | None = None) -> Observed:
        """Perform a letter and wait until nothing is under way; with ``known`` only until the same has been seen."""
        before, gone = self._reported(), list(self.gone)
        answer = await self._perform(letter)
        again = known is not None and answer == known.seen.answer and await self._arrives(before, known.path)
        if not again and answer != NOT_SENT:
            await self.probe.quiet()
        path = self._path(before)
        late = [state for reports, ended in zip(path, gone, strict=True) if ended for state in reports]
        return Observed(Seen(answer, self.states(), tuple(late)), path)

    async def _perform(self, letter: Letter) -> str:
        if letter.cause is Cause.OFFER:
            return await self._offer(letter.place)
        if letter.cause is Cause.HANG_UP:
            return await self._hang_up(letter.place)
        return await self._ask(letter)

    async def _offer(self, place: int) -> str:
        if self.calls[place]:
            return NOT_SENT
        try:
            outgoing = await self.world.make(self.world.partner, self.world.number)
            call = await self.probe.call("a", self.world.subject)
        except Missing:
            return NO_ANSWER
        self.world.ends[call] = outgoing
        self.calls[place] = call
        return OK

    async def _hang_up(self, place: int) -> str:
        call = self.calls[place]
        if not call:
            return NOT_SENT
        outgoing = self.world.ends.pop(call, 0)
        if not outgoing:
            return OK  # Whoever has hung up stays so.
        # How the partner's own end answers is its own business.
        with contextlib.suppress(Missing):
            asked = await self.probe.ask("a", line.Drop(call=outgoing))
            if asked.ok:
                await self.probe.reply("a", asked)
        return OK

    async def _ask(self, letter: Letter) -> str:
        assert letter.request is not None
        if letter.makes is not None and self.calls[letter.makes]:
            return NOT_SENT
        given: dict[str, Any] = {name: self.calls[place] for name, place in letter.calls}
        if not all(given.values()):
            return NOT_SENT
        number = self.world.partner_number
        given |= {name: number if value == "{number}" else value for name, value in letter.fields}
        if letter.makes is not None:
            given["context"] = self.world.own()
        try:
            asked = await self.probe.ask("a", letter.request(**given))
        except Missing:
            return NO_ANSWER
        if asked.ack is None:
            return FAULT
        if not asked.ok:
            return refusal(asked.code)
        completion = None
        if letter.request.completion == "async":
            try:
                completion = await self.probe.reply("a", asked)
            except Missing:
                return NOT_COMPLETED
            if completion.outcome < 0:
                return refusal(completion.words[7])
        if letter.request is line.DeallocateCall:
            self.gone[letter.calls[0][1]] = True
        if letter.makes is not None:
            self.calls[letter.makes] = int(getattr(completion, letter.brings, 0) or 0)
        return OK
