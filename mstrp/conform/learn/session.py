"""One conversation of the learner: the inputs of an alphabet, performed with a live server."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from fsm.tables.call_states import BY_BIT, CallState
from mstrp.conform.core.errors import Missing
from mstrp.conform.learn.alphabet import Cause
from mstrp.conform.learn.observation import FAULT, NO_ANSWER, NOT_COMPLETED, NOT_SENT, OK, Observation, Output, refusal
from mstrp.conform.server.test_bed import TestBed
from mstrp.conform.server.tester import Tester
from protocol import line

if TYPE_CHECKING:
    from mstrp.conform.core.target import Budget, Target
    from mstrp.conform.learn.alphabet import Alphabet, Input

__all__ = ["Session"]


class Session:
    """A client with the calls of an alphabet; `begin` before the first step, `end` after the last."""

    def __init__(self, alphabet: Alphabet, target: Target, budget: Budget) -> None:
        self.alphabet = alphabet
        self.tester = Tester(target, budget)
        self.bed = TestBed(self.tester)
        #: The handles by place, 0 where there is none yet; which were given up.
        self.calls = [0] * alphabet.calls
        self.gone = [False] * alphabet.calls
        self._late: list[CallState] = []

    async def begin(self) -> None:
        """Attach, open both lines, and bring about the first call; raises `Missing` or `Unreachable`."""
        await self.bed.begin()
        await self.bed.numbers()
        if self.alphabet.connected:
            self.calls[0] = await self.bed.connected()
            await self.tester.quiet()

    async def end(self) -> None:
        """Detach; every call goes with the client."""
        await self.tester.close()

    # -- looking --------------------------------------------------------------------------------------------------

    def _reported(self) -> list[int]:
        states = self.tester.slots["a"].states
        return [len(states.get(call, ())) if call else 0 for call in self.calls]

    def _path(self, before: list[int]) -> tuple[tuple[CallState, ...], ...]:
        states = self.tester.slots["a"].states
        return tuple(
            tuple(BY_BIT.get(state, CallState.ABSENT) for state in states.get(call, ())[count:]) if call else ()
            for call, count in zip(self.calls, before, strict=True)
        )

    def states(self) -> tuple[CallState, ...]:
        """What is known of each call."""
        known = self.tester.slots["a"].states
        found = []
        for call, gone in zip(self.calls, self.gone, strict=True):
            told = known.get(call)
            state = CallState.UNKNOWN if not told else BY_BIT.get(told[-1], CallState.UNKNOWN)
            found.append(CallState.ABSENT if not call else CallState.DEALLOCATED if gone else state)
        return tuple(found)

    async def _arrives(self, before: list[int], path: tuple[tuple[CallState, ...], ...]) -> bool:
        """Wait until what was reported once has been reported again; whether it was."""
        slot = self.tester.slots["a"]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.tester.target.patience):
                while any(len(now) < len(then) for now, then in zip(self._path(before), path, strict=True)):
                    slot.changed.clear()
                    await slot.changed.wait()
                return True
        return False

    # -- steps ----------------------------------------------------------------------------------------------------

    async def step(self, symbol: Input, known: Observation | None = None) -> Observation:
        """Perform an input and wait until nothing is under way; with ``known`` only until the same has been seen."""
        before, gone = self._reported(), list(self.gone)
        answer = await self._perform(symbol)
        again = known is not None and answer == known.output.answer and await self._arrives(before, known.path)
        if not again and answer != NOT_SENT:
            await self.tester.quiet()
        path = self._path(before)
        late = [state for reports, ended in zip(path, gone, strict=True) if ended for state in reports]
        return Observation(Output(answer, self.states(), tuple(late)), path)

    async def _perform(self, symbol: Input) -> str:
        if symbol.cause is Cause.OFFER:
            return await self._offer(symbol.place)
        if symbol.cause is Cause.HANG_UP:
            return await self._hang_up(symbol.place)
        return await self._ask(symbol)

    async def _offer(self, place: int) -> str:
        if self.calls[place]:
            return NOT_SENT
        try:
            outgoing = await self.bed.make(self.bed.partner, self.bed.number)
            call = await self.tester.call("a", self.bed.subject)
        except Missing:
            return NO_ANSWER
        self.bed.ends[call] = outgoing
        self.calls[place] = call
        return OK

    async def _hang_up(self, place: int) -> str:
        call = self.calls[place]
        if not call:
            return NOT_SENT
        outgoing = self.bed.ends.pop(call, 0)
        if not outgoing:
            return OK  # Whoever has hung up stays so.
        # How the partner's own end answers is its own business.
        with contextlib.suppress(Missing):
            asked = await self.tester.ask("a", line.Drop(call=outgoing))
            if asked.ok:
                await self.tester.reply("a", asked)
        return OK

    async def _ask(self, symbol: Input) -> str:
        assert symbol.request is not None
        if symbol.makes is not None and self.calls[symbol.makes]:
            return NOT_SENT
        given: dict[str, Any] = {name: self.calls[place] for name, place in symbol.calls}
        if not all(given.values()):
            return NOT_SENT
        number = self.bed.partner_number
        given |= {name: number if value == "{number}" else value for name, value in symbol.fields}
        if symbol.makes is not None:
            given["context"] = self.bed.own()
        try:
            asked = await self.tester.ask("a", symbol.request(**given))
        except Missing:
            return NO_ANSWER
        if asked.ack is None:
            return FAULT
        if not asked.ok:
            return refusal(asked.code)
        completion = None
        if symbol.request.completion == "async":
            try:
                completion = await self.tester.reply("a", asked)
            except Missing:
                return NOT_COMPLETED
            if completion.outcome < 0:
                return refusal(completion.words[7])
        if symbol.request is line.DeallocateCall:
            self.gone[symbol.calls[0][1]] = True
        if symbol.makes is not None:
            self.calls[symbol.makes] = int(getattr(completion, symbol.brings, 0) or 0)
        return OK
