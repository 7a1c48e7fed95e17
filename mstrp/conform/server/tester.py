"""The tester's end: performs the steps of a program against a live server, and remembers them.

What is done through a tester is recorded as a `Program`. A monitor watches every client; what it finds, and what the
tester itself expects of a server that keeps its word, are the `violations`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from mstrp.conform.core.patience import Patience
from mstrp.conform.core.program import Action, Verb
from mstrp.conform.core.target import Budget
from mstrp.conform.server.executor import Executor
from mstrp.conform.server.transaction import Transaction
from protocol.fields import HandleType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsm.engine.step import Step
    from mstrp.conform.core.campaign import Campaign
    from mstrp.conform.core.target import Target
    from mstrp.live.client import TapiClient
    from mstrp.live.recorder import Recorder
    from protocol.constants import LINECALLSTATE
    from protocol.packet import Request

__all__ = ["Tester"]


class Tester:
    """Clients of one conversation with a server; ``async with`` ends them."""

    def __init__(
        self,
        target: Target,
        budget: Budget | None = None,
        patience: Patience | None = None,
        *,
        observer: Callable[[Step], None] | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.target = target
        self.budget = budget or Budget()
        self._executor = Executor(target, self.budget, patience or Patience(target.patience), observer, recorder)
        #: The steps performed, as data.
        self.program = self._executor.program
        self.violations = self._executor.violations
        #: Warnings of the monitor, and answers that may have another cause: failures in a strict run only.
        self.warnings = self._executor.warnings
        #: Requirements that the conversation has shown to be kept.
        self.passed = self._executor.passed
        #: The packets for people: (client, direction, phase, content).
        self.transcript = self._executor.transcript
        self.slots = self._executor.slots

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        """New clients for a conversation of a campaign."""
        return cls(campaign.target, campaign.budget, campaign.patience, observer=campaign.coverage.step)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End every client."""
        await self._executor.close()

    async def rest(self) -> None:
        """Wait until no event arrives any more; this is no step of the program."""
        await self._executor.rest()

    async def perform(self, action: Action) -> Any:
        """Perform a step, new or recorded; raises `Missing`, `Unreachable` or `BudgetSpent`."""
        return await self._executor.perform(action)

    # -- steps ---------------------------------------------------------------------------------------

    async def attach(self, client: str = "a", how: str = "") -> TapiClient:
        """A client attaches: "push", "pull" or "management"; as the target says without."""
        how = how or str(self.target.options.get("events", "push"))
        await self._do(Verb.ATTACH, client, how=how)
        return self.slots[client].client

    async def ask(self, client: str, packet: Request, *, legal: bool = False) -> Transaction:
        """Send a request; with ``legal`` some refusals are untrue, and a failure of the server's."""
        found = await self._do(
            Verb.ASK,
            client,
            packet=f"{packet.device}.{packet.layout.name}",
            data=packet.encode(),
            capacity=packet.capacity,
            refs=self._executor.handles.references(client, self.slots, packet),
            legal=legal,
        )
        assert isinstance(found, Transaction)
        return found

    async def stray(self, client: str, packet: Request, how: str = "unknown") -> Transaction:
        """Send a request under a context handle that is not live ("unknown", "detached"), or in a stub that is "damaged"."""
        found = await self._do(
            Verb.STRAY, client, how=how, packet=packet.layout.name, data=packet.encode(), capacity=packet.capacity
        )
        assert isinstance(found, Transaction)
        return found

    async def reply(self, client: str, transaction: Transaction) -> Any:
        """The completion of a request that was accepted; raises `Missing` when none comes."""
        return await self._do(Verb.REPLY, client, about=f"{transaction.number}.reply", legal=self._legal(transaction))

    async def call(self, client: str, line: int, *, promised: str = "", after: Iterable[Transaction] = ()) -> int:
        """The handle of the next call that comes to a line; raises `Missing`. ``promised`` as in `state`."""
        about = self._executor.handles.name_of(client, HandleType.HLINE, line)
        steps = tuple(f"{transaction.number}.reply" for transaction in after)
        found: int = await self._do(Verb.CALL, client, about=about, promised=promised, after=steps)
        return found

    async def state(
        self, client: str, call: int, *wanted: LINECALLSTATE, promised: str = "", after: Iterable[Transaction] = ()
    ) -> int:
        """Wait until a call is in one of the states; raises `Missing`.

        With ``promised``, a requirement, it is odd when that does not happen although all of ``after`` have succeeded.
        """
        names = tuple(state.name or "" for state in wanted)
        about = self._executor.handles.name_of(client, HandleType.HCALL, call)
        steps = tuple(f"{transaction.number}.reply" for transaction in after)
        found: int = await self._do(Verb.STATE, client, about=about, wanted=names, promised=promised, after=steps)
        return found

    async def remains(
        self, client: str, call: int, *wanted: LINECALLSTATE, promised: str = "", after: Iterable[Transaction] = ()
    ) -> int:
        """Check that a call is still in one of the states when nothing is pending; ``promised`` as in `state`."""
        names = tuple(state.name or "" for state in wanted)
        about = self._executor.handles.name_of(client, HandleType.HCALL, call)
        steps = tuple(f"{transaction.number}.reply" for transaction in after)
        found: int = await self._do(Verb.REMAINS, client, about=about, wanted=names, promised=promised, after=steps)
        return found

    async def refused(self, client: str, transaction: Transaction, *, promised: str) -> None:
        """Check that a request has failed, in its response or its completion; raises no error."""
        about = f"{transaction.number}.reply"
        await self._do(Verb.REFUSED, client, about=about, promised=promised)

    async def event(self, client: str, *names: str, promised: str = "", after: Iterable[Transaction] = ()) -> Any:
        """Wait for an event by name; raises `Missing`. ``promised`` and ``after`` as in `state`."""
        steps = tuple(f"{transaction.number}.reply" for transaction in after)
        return await self._do(Verb.EVENT, client, wanted=names, promised=promised, after=steps)

    async def check(self, client: str, call: int) -> Transaction:
        """GetCallStatus has to say what LINE_CALLSTATE said last."""
        found = await self._do(Verb.CHECK, client, about=self._executor.handles.name_of(client, HandleType.HCALL, call))
        assert isinstance(found, Transaction)
        return found

    async def quiet(self) -> None:
        """Wait until nothing is under way; from then on nothing old is excused any more."""
        await self._do(Verb.QUIET, "")

    async def lull(self) -> None:
        """The same, and then wait as long for what comes too late."""
        await self.quiet()
        await self.quiet()

    async def detach(self, client: str) -> None:
        """End a client as it should be ended."""
        await self._do(Verb.DETACH, client)

    async def lose(self, client: str) -> None:
        """End the connection of a client without a word."""
        await self._do(Verb.LOSE, client)

    def state_of(self, client: str, call: int) -> int:
        """What LINE_CALLSTATE said last of a call, 0 for nothing."""
        states = self.slots[client].states.get(call)
        return states[-1] if states else 0

    def live_calls(self, client: str) -> list[int]:
        """The calls of a client that have a name here and are not over, the oldest first."""
        calls = self.slots[client].client.conversation.calls
        return [call for call in calls if self._executor.handles.has(client, HandleType.HCALL, call)]

    def _legal(self, transaction: Transaction) -> bool:
        return any(action.number == transaction.number and action.legal for action in self.program)

    async def _do(self, verb: Verb, client: str, **given: Any) -> Any:
        return await self.perform(Action(self._executor.next_number, verb, client, **given))
