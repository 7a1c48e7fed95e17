"""The executor: performs the steps of programs against a live server, and checks the responses and events."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from fsm.engine.levels import Fault, Level
from fsm.rules.catalogue import RULES
from mstrp.conform.core.errors import Missing, NotOffered, Unreachable
from mstrp.conform.core.program import Action, Program, Verb
from mstrp.conform.core.violation import Violation
from mstrp.conform.server import invalid_call
from mstrp.conform.server.client_slot import LINES, ClientSlot
from mstrp.conform.server.consistency import CONSISTENCY, Observation
from mstrp.conform.server.consistency_checker import ConsistencyChecker
from mstrp.conform.server.handle_names import HandleNames
from mstrp.conform.server.refusals import disproved, reached
from mstrp.conform.server.transaction import Transaction, label
from mstrp.live.client import TapiClient
from mstrp.live.provider import TapiError
from mstrp.live.transport import ConnectionEnded, RpcFault
from protocol.constants import LINECALLSTATE
from protocol.fields import HandleType
from protocol.line import Forward, GetCallStatus
from protocol.packet import Request, decode_request
from protocol.rpc.association import AssociationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fsm.engine.step import Step
    from mstrp.conform.core.target import Budget, Target
    from protocol.event import Event, Reply

__all__ = ["Executor"]

#: How long a clock jumps ahead once nothing is under way any more: beyond the grace of the monitor.
_GRACE = 2.0


class Executor:
    """Clients of one conversation with a server, and the steps that they can do."""

    def __init__(self, target: Target, budget: Budget, observer: Callable[[Step], None] | None = None) -> None:
        self.target = target
        #: Told of every step of the machines.
        self.observer = observer
        self.budget = budget
        self.program = Program()
        self.violations: list[Violation] = []
        #: What is odd about the server, and no failure: warnings of the monitor, answers that may have another cause.
        self.warnings: list[Violation] = []
        self._checker = ConsistencyChecker()
        #: What passed, for people: (client, direction, phase, content).
        self.transcript: list[tuple[str, str, str, Any]] = []
        self.slots: dict[str, ClientSlot] = {}
        self.handles = HandleNames()
        self._numbers: dict[int, Transaction] = {}
        self._waiting: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        #: What outlives a session and is taken back at its end: devices whose calls are forwarded.
        self._forwarded: set[int] = set()
        #: The number of the next step.
        self.next_number = 0

    # -- performing -----------------------------------------------------------------------------------------------

    async def perform(self, action: Action) -> Any:
        """Perform a step, new or recorded; raises `Missing`, `Unreachable` or `BudgetSpent`."""
        self.program.actions.append(action)
        self.next_number = max(self.next_number, action.number) + 1
        try:
            return await _STEPS[action.verb](self, action)
        except (ConnectionEnded, OSError) as error:
            raise Missing(f"{action.verb.value}: {error or type(error).__name__}") from error
        except Missing as error:
            transaction = [self._numbers.get(int(name.partition(".")[0])) for name in action.after]
            if action.promised and all(each is not None and each.done for each in transaction):
                self._warn(action.promised, str(error), action.number)
            raise
        finally:
            self._collect()

    @property
    def _last(self) -> int:
        """The number of the last step, -1 before the first."""
        return self.program.actions[-1].number if self.program.actions else -1

    def _file(self, violation: Violation) -> None:
        """Keep a violation where it belongs."""
        (self.warnings if violation.warning else self.violations).append(violation)

    def _observe(self, client: str, packet: Any, said: Any) -> None:
        """Hold what the server says against what it said before."""
        conversation = self.slots[client].client.conversation
        everybody = [slot.client.conversation for slot in self.slots.values()]
        for found in self._checker.observe(Observation(client, packet, said, conversation, everybody)):
            section = CONSISTENCY[found.requirement].section
            level = Level.SUSPICIOUS if found.warning else Level.STATED
            self._file(Violation(found.requirement, found.summary, section, level, self._last, warning=found.warning))

    def _warn(self, requirement: str, summary: str, number: int) -> None:
        known = CONSISTENCY.get(requirement) or RULES.get(requirement)
        transaction = [action for action in self.program if action.data]
        section = (
            known.section if known is not None else transaction[-1].request().layout.section if transaction else "3.1.4"
        )
        self._file(Violation(requirement, summary, section, Level.SUSPICIOUS, number, warning=True))

    def _complain(self, transaction: Transaction, requirement: str, summary: str, number: int) -> None:
        """A request was answered, or completed, in a way that a document excludes."""
        section = transaction.packet.layout.section
        self._file(Violation(requirement, summary, section, Level.STATED, number))

    def _collect(self) -> None:
        """What the monitors have found since."""
        for slot in self.slots.values():
            findings = slot.client.monitor.findings
            for finding in findings[slot.told :]:
                if finding.fault is Fault.SERVER:
                    self._file(Violation.of(finding, self._last))
            slot.told = len(findings)

    def _slot(self, action: Action) -> ClientSlot:
        slot = self.slots.get(action.client)
        if slot is None:
            raise Missing(f"client {action.client} is not attached")
        return slot

    async def attach(self, action: Action) -> None:
        """Perform a step `Verb.ATTACH`."""
        self.budget.spend()
        options = {
            **self.target.options,
            "strict": False,
            "timeout": self.target.patience,
            "events": "pull" if action.how == "pull" else "push",
            "management": action.how == "management",
            "poll": 0.01,
            "retries": 0,
        }
        connecting = TapiClient.connect(self.target.binding, **options)
        slot = ClientSlot(connecting.client)
        name = action.client
        if self.observer is not None:
            connecting.client.monitor.on_step(self.observer)
        connecting.client.on_packet = lambda *packet: self._passed(name, slot, *packet)
        try:
            await connecting
        except (OSError, TimeoutError, AssociationError, TapiError, RpcFault) as error:
            if action.how == "management" and isinstance(error, (TapiError, RpcFault)):
                # The server answers; it may only serve administrators in this way (3.1.4.1).
                why = error.code - (error.code >> 31 << 32) if isinstance(error, TapiError) else error
                raise NotOffered(f"ClientAttach with lProcessID -3 is refused: {why}") from error
            raise Unreachable(f"{self.target.binding}: {error or type(error).__name__}") from error
        if name in self.slots:
            await self._leave(self.slots[name])
        self.slots[name] = slot
        if action.how == "push":
            channel = slot.client._channel  # noqa: SLF001 - the client has no public word for it
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.target.patience):
                    await channel.attached.wait()  # type: ignore[union-attr]

    def _passed(self, name: str, slot: ClientSlot, direction: str, method: str, phase: str, content: Any) -> None:
        if len(self.transcript) < LINES:
            self.transcript.append((name, direction, phase if phase == "event" else f"{method} {phase}", content))
        if method == "RemoteSPDetach":
            slot.dismissed = True
        if phase == "event":
            slot.saw(content)
            if name in self.slots:
                self._observe(name, content, content)

    async def ask(self, action: Action) -> Transaction:
        """Perform a step `Verb.ASK`."""
        self.budget.spend()
        slot = self._slot(action)
        client = slot.client
        data = bytearray(action.data)
        for word, name in action.refs:
            if name not in self.handles.values:
                raise Missing(f"there is no {name}")
            data[4 * word : 4 * word + 4] = self.handles.values[name].to_bytes(4, "little")
        packet = decode_request(bytes(data), action.capacity)
        number = 0
        if type(packet).completion == "async" and len(data) >= 12:
            packet, number = self._numbered(client, packet)
        warned = len(client.monitor.findings)
        before = slot.last_states()
        future = client.expect(number, packet) if number else None
        try:
            answer = await client.request(packet)
        except (RpcFault, TimeoutError) as error:
            client.completions.forget(number)
            if isinstance(error, TimeoutError):
                raise Missing(f"{packet.layout.name} is not answered in {self.target.patience:g} s") from error
            transaction = Transaction(action.number, packet, None)
        else:
            transaction = Transaction(action.number, packet, answer)
            if future is not None:
                self._await(client, action.number, number, future, transaction)
            if transaction.ok:
                self.handles.record_all(action.client, answer, f"{action.number}")
            if not transaction.ok or type(packet).completion != "async":
                self._observe(action.client, packet, answer)
        transaction.before = before
        self._numbers[action.number] = transaction
        if transaction.ok and isinstance(packet, Forward):
            opened = client.conversation.lines.get(packet.line)
            self._forwarded.add(0 if opened is None or opened.device is None else opened.device)
        if action.legal and not transaction.ok and len(client.monitor.findings) == warned:
            await self._doubt(slot, action, transaction)
        return transaction

    @staticmethod
    def _numbered(client: TapiClient, packet: Request) -> tuple[Request, int]:
        """The request with an id of its own where it has none; nothing else of it is touched."""
        index = packet.layout.index("dwRequestID")
        number = packet.words[index]
        if number:
            return packet, number
        _, number = client.completions.number(type(packet)())
        data = bytearray(packet.encode())
        data[4 * index : 4 * index + 4] = number.to_bytes(4, "little")
        return decode_request(bytes(data), packet.capacity), number

    def _await(
        self, client: TapiClient, step: int, number: int, future: asyncio.Future[Any], transaction: Transaction
    ) -> None:
        if transaction.ack is None or transaction.ack <= 0:
            client.completions.forget(number)
            return
        if transaction.ack != number:
            client.completions.renumber(number, transaction.ack)
        self._waiting[step] = (client.machine, future)

    async def _doubt(self, slot: ClientSlot, action: Action, transaction: Transaction) -> None:
        """A request with nothing wrong was refused: see whether the reason that was given can be true."""
        if len(action.data) > action.capacity:
            return
        if transaction.ack is None:
            why = "an RPC fault"
        else:
            before = {call: len(states) for call, states in slot.states.items()}
            if not disproved(transaction.code, transaction.packet, slot.client.conversation):
                return
            # A state may have changed while the request was under way: then its event comes soon.
            await self._silence(slot)
            if any(len(states) != before.get(call, 0) for call, states in slot.states.items()):
                return
            why = disproved(transaction.code, transaction.packet, slot.client.conversation)
        if why:
            summary = f"{action.packet} is refused with {why}"
            self._complain(transaction, f"LEGAL-{action.packet}", summary, action.number)

    async def stray(self, action: Action) -> Transaction:
        """Perform a step `Verb.STRAY`."""
        self.budget.spend()
        slot = self._slot(action)
        packet = decode_request(action.data, action.capacity)
        answer = await invalid_call.send(slot, packet, action.how, self.target.patience)
        transaction = Transaction(action.number, packet, answer)
        if transaction.ok:
            rule, summary = invalid_call.accepted(action.packet, action.how)
            self.violations.append(Violation(rule, summary, rule.split("-")[1], Level.MUST, action.number))
        return transaction

    async def reply(self, action: Action) -> Any:
        """Perform a step `Verb.REPLY`."""
        step = int(action.about.partition(".")[0])
        transaction = self._numbers.get(step)
        if transaction is None or step not in self._waiting:
            raise Missing(f"step {step} has nothing to be completed")
        _, future = self._waiting.pop(step)
        slot = self._slot(action)
        warned = len(slot.client.monitor.findings)
        name = transaction.packet.layout.name
        try:
            async with asyncio.timeout(self.target.patience):
                completion: Reply = await future
        except TimeoutError:
            summary = f"{name} was accepted and not completed within {self.target.patience:g} s"
            self._complain(transaction, f"DONE-{transaction.packet.device}.{name}", summary, action.number)
            raise Missing(f"{name} is not completed") from None
        self._observe(action.client, transaction.packet, completion)
        if completion.outcome == 0:
            transaction.done = True
            self.handles.record_all(action.client, completion, str(step))
            return completion
        await self._silence(slot)
        where = reached(transaction.packet, transaction.before, slot.last_states())
        if where:
            self._warn("TRUE-completion", f"{name} is said to have failed, and the call is {where}", action.number)
        if action.legal and len(slot.client.monitor.findings) == warned:
            why = disproved(completion.words[7], transaction.packet, slot.client.conversation)
            if why:
                summary = f"{name} is completed with {why}"
                self._complain(transaction, f"LEGAL-{transaction.packet.device}.{name}", summary, action.number)
        return completion

    async def _until(self, slot: ClientSlot, find: Callable[[], Any], what: str, seconds: float | None = None) -> Any:
        """Wait until something is found."""
        patience = self.target.patience if seconds is None else seconds
        try:
            async with asyncio.timeout(patience):
                while (found := find()) is None:
                    if not slot.client.attached:
                        raise Missing("the binding has ended")
                    slot.changed.clear()
                    await slot.changed.wait()
                return found
        except TimeoutError:
            raise Missing(f"{what} within {patience:g} s") from None

    async def call(self, action: Action) -> int:
        """Perform a step `Verb.CALL`."""
        slot = self._slot(action)
        line = self.handles.values.get(action.about, 0)

        def new() -> int | None:
            for handle, call in slot.client.conversation.calls.items():
                known = self.handles.has(action.client, HandleType.HCALL, handle)
                opened = call.line
                if not known and call.brought is None and opened is not None and opened.handle == line:
                    return handle
            return None

        found: int = await self._until(slot, new, "no call came")
        self.handles.record(action.client, HandleType.HCALL, found, f"{action.number}.call")
        return found

    async def state(self, action: Action) -> int:
        """Perform a step `Verb.STATE`."""
        slot = self._slot(action)
        call = self.handles.values.get(action.about, 0)
        wanted = {int(LINECALLSTATE[name]) for name in action.wanted}
        if not wanted & {*slot.states.get(call, [])[-1:]}:
            names = " or ".join(label(state) for state in sorted(wanted))
            await self._until(
                slot, lambda: True if wanted & {*slot.states.get(call, [])[-1:]} else None, f"call is not {names}"
            )
        return slot.states[call][-1]

    async def event(self, action: Action) -> Any:
        """Perform a step `Verb.EVENT`."""
        slot = self._slot(action)

        def seen() -> Event | None:
            for place, event in enumerate(slot.events):
                if type(event).__name__ in action.wanted:
                    return slot.events.pop(place)
            return None

        return await self._until(slot, seen, f"no {' or '.join(action.wanted)}")

    async def check(self, action: Action) -> Transaction:
        """Perform a step `Verb.CHECK`."""
        slot = self._slot(action)
        call = self.handles.values.get(action.about, 0)
        await self._silence(slot)
        before = len(slot.states.get(call, ()))
        self.budget.spend()
        packet = GetCallStatus(call=call, call_status=256)
        try:
            answer = await slot.client.request(packet)
        except (RpcFault, TimeoutError):
            return Transaction(action.number, packet, None)
        transaction = Transaction(action.number, packet, answer)
        await self._silence(slot)
        told = slot.states.get(call)
        status = getattr(answer, "call_status", None)
        shown = (getattr(status, "call_state", 0) or 0) & 0x00FFFFFF
        # A state may change just then: what was told last before the answer, or since, will do.
        if transaction.ok and told and shown and shown not in told[max(before - 1, 0) :]:
            summary = f"GetCallStatus says {label(shown)}, and LINE_CALLSTATE said {label(told[-1])} last"
            self.violations.append(Violation("TOLD-STATE", summary, "2.2.4.2.1.8", Level.STATED, action.number))
        return transaction

    async def _silence(self, slot: ClientSlot) -> None:
        """Wait until no event has come for a while."""
        settle = self.target.settle
        for _ in range(40):
            slot.changed.clear()
            try:
                async with asyncio.timeout(settle):
                    await slot.changed.wait()
            except TimeoutError:
                return

    async def quiet(self, action: Action) -> None:
        """Perform a step `Verb.QUIET`."""
        for slot in self.slots.values():
            await self._silence(slot)
        self._checker.quiet()
        for slot in self.slots.values():
            # Nothing is under way: for the machines the time of grace is over.
            slot.client.begun -= _GRACE

    async def detach(self, action: Action) -> None:
        """Perform a step `Verb.DETACH`."""
        slot = self._slot(action)
        self.budget.spend()
        slot.context = slot.client._context  # noqa: SLF001 - for what comes after
        channel = slot.client._channel  # noqa: SLF001 - as above
        await slot.client.detach()
        if channel is None or slot.dismissed:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.target.patience):
                await channel.detached.wait()
        if not slot.dismissed:
            # The connection may have been lost on the way, which is no proof; if it stands, nothing has come.
            lost = channel.detached.is_set()
            level = Level.SUSPICIOUS if lost else Level.MUST
            summary = "RemoteSPDetach does not follow ClientDetach"
            self._file(Violation("TRP-3.1.4.3-02", summary, "3.1.4.3", level, action.number, warning=lost))

    async def lose(self, action: Action) -> None:
        """Perform a step `Verb.LOSE`."""
        slot = self._slot(action)
        caller = slot.client._caller  # noqa: SLF001 - the client itself would not do this
        if caller is not None:
            caller.abort()
            await caller.wait_closed()

    async def _take_back(self) -> None:
        """Cancel what Forward has set, so that the next test finds the lines as this one did."""
        if not self._forwarded:
            return
        options = {**self.target.options, "strict": False, "timeout": self.target.patience, "events": "push"}
        with contextlib.suppress(OSError, TimeoutError, RpcFault, TapiError, AssociationError):
            async with TapiClient.connect(self.target.binding, **options) as client:
                app = await client.initialize()
                for device in self._forwarded:
                    opened = await app.open(device)
                    async with asyncio.timeout(self.target.patience):
                        await opened.forward(None)

    async def _leave(self, slot: ClientSlot) -> None:
        """End a client, and let its monitor judge what is still open."""
        with contextlib.suppress(OSError, TimeoutError):
            await slot.client.close()
        slot.client.monitor.finish()
        self._collect()

    async def close(self) -> None:
        """End every client."""
        for slot in self.slots.values():
            await self._leave(slot)
        await self._take_back()


#: What performs a step.
_STEPS: dict[Verb, Callable[[Executor, Action], Awaitable[Any]]] = {
    Verb.ATTACH: Executor.attach,
    Verb.ASK: Executor.ask,
    Verb.STRAY: Executor.stray,
    Verb.REPLY: Executor.reply,
    Verb.CALL: Executor.call,
    Verb.STATE: Executor.state,
    Verb.EVENT: Executor.event,
    Verb.CHECK: Executor.check,
    Verb.QUIET: Executor.quiet,
    Verb.DETACH: Executor.detach,
    Verb.LOSE: Executor.lose,
}
