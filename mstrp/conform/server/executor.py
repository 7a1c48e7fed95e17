"""The executor: performs the steps of programs against a live server, and checks the responses and events."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from fsm.engine.levels import Fault, Level
from fsm.rules.catalogue import RULES
from fsm.tables.call_states import BY_BIT, LABELS, CallState
from mstrp.conform.core.errors import Missing, NotOffered, Unreachable
from mstrp.conform.core.program import Action, Program, Verb
from mstrp.conform.core.violation import Violation
from mstrp.conform.server import invalid_call
from mstrp.conform.server.client_slot import LINES, ClientSlot
from mstrp.conform.server.consistency import CONSISTENCY, Observation
from mstrp.conform.server.consistency_checker import ConsistencyChecker
from mstrp.conform.server.effects import ExpectedState, expected_states
from mstrp.conform.server.handle_names import HandleNames
from mstrp.conform.server.refusals import disproved, reached
from mstrp.conform.server.requirements import SERVER, response_id
from mstrp.conform.server.transaction import Transaction, label
from mstrp.live.client import TapiClient
from mstrp.live.provider import TapiError
from mstrp.live.transport import ConnectionEnded, RpcFault
from protocol import phone
from protocol.constants import LINECALLSTATE
from protocol.field_checks import KNOWN_VERSIONS
from protocol.fields import HandleType
from protocol.generic import RSPSetEventFilterMasks
from protocol.line import Dial, Forward, GetCallStatus
from protocol.packet import Request, decode_request
from protocol.rpc.association import AssociationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fsm.engine.finding import Finding
    from fsm.engine.step import Step
    from mstrp.conform.core.patience import Patience
    from mstrp.conform.core.target import Budget, Target
    from mstrp.live.recorder import Recorder
    from protocol.event import Event, Reply

__all__ = ["Executor"]

#: How long a clock jumps ahead once nothing is under way any more: beyond the grace of the monitor.
_GRACE = 2.0

#: Rules about the time after ClientDetach: events may overtake it, and a step `Verb.DETACH` waits for RemoteSPDetach.
_AFTER_DETACH = ("CALL-V03", "TRP-3.1.4.3-02")


class Executor:
    """Clients of one conversation with a server, and the steps that they can do."""

    def __init__(
        self,
        target: Target,
        budget: Budget,
        patience: Patience,
        observer: Callable[[Step], None] | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.recorder = recorder
        self.target = target
        self.patience = patience
        #: Told of every step of the machines.
        self.observer = observer
        self.budget = budget
        self.program = Program()
        self.violations: list[Violation] = []
        self.passed: set[str] = set()
        #: What is odd about the server, and no failure: warnings of the monitor, answers that may have another cause.
        self.warnings: list[Violation] = []
        self._checker = ConsistencyChecker()
        #: What passed, for people: (client, direction, phase, content).
        self.transcript: list[tuple[str, str, str, Any]] = []
        self.slots: dict[str, ClientSlot] = {}
        self.handles = HandleNames()
        self._numbers: dict[int, Transaction] = {}
        #: Whether event filters may hold back states of calls.
        self._filtered = False
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
            if action.promised and self._may_blame(action, transaction):
                self._blame(action.promised, str(error), action.number)
            raise
        finally:
            self._collect()

    def _may_blame(self, action: Action, transactions: list[Transaction | None]) -> bool:
        """Whether all that a promise depends on has succeeded, and the client is still there."""
        slot = self.slots.get(action.client)
        return (
            slot is not None and slot.client.attached and all(each is not None and each.done for each in transactions)
        )

    @property
    def _last(self) -> int:
        """The number of the last step, -1 before the first."""
        return self.program.actions[-1].number if self.program.actions else -1

    def _file(self, violation: Violation) -> None:
        """Keep a violation where it belongs."""
        (self.warnings if violation.warning else self.violations).append(violation)

    def _observe_of(self, slot: ClientSlot, packet: Any, said: Any) -> None:
        for name, other in self.slots.items():
            if other is slot:
                self._observe(name, packet, said)

    def _observe(self, client: str, packet: Any, said: Any) -> None:
        """Hold what the server says against what it said before."""
        conversation = self.slots[client].client.conversation
        everybody = [slot.client.conversation for slot in self.slots.values()]
        for found in self._checker.observe(Observation(client, packet, said, conversation, everybody)):
            section = CONSISTENCY[found.requirement].section
            level = Level.SUSPICIOUS if found.warning else Level.STATED
            self._file(Violation(found.requirement, found.summary, section, level, self._last, warning=found.warning))

    def _blame(self, requirement: str, summary: str, number: int) -> None:
        """Something that was promised did not happen, or the server contradicts itself."""
        known = CONSISTENCY.get(requirement)
        rule = known or SERVER.get(requirement) or RULES.get(requirement)
        sent = [action for action in self.program if action.data]
        section = rule.section if rule is not None else sent[-1].request().layout.section if sent else "3.1.4"
        warning = known is not None and known.warning
        level = Level.SUSPICIOUS if warning else Level.STATED
        self._file(Violation(requirement, summary, section, level, number, warning=warning))

    def _complain(self, packet: Request, requirement: str, summary: str, number: int) -> None:
        """A request was answered, or completed, in a way that a document excludes."""
        section = packet.layout.section
        self._file(Violation(requirement, summary, section, Level.STATED, number))

    def _collect(self) -> None:
        """Collect what the monitors have found since; not what `detach` decides, or events that overtook it."""
        for slot in self.slots.values():
            findings = slot.client.monitor.findings
            for finding in findings[slot.reported :]:
                if finding.fault is Fault.SERVER and not (slot.left and finding.rule.startswith(_AFTER_DETACH)):
                    violation = Violation.of(finding, self._last)
                    self._file(violation._replace(warning=_is_warning(slot.asked, finding, violation.warning)))
            slot.reported = len(findings)

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
        connecting = TapiClient.connect(self.target.binding, recorder=self.recorder, **options)
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
        before, reported = slot.last_states(), slot.counts()
        if not client.attached:
            raise Missing("the binding has ended")
        slot.asked = packet
        future = client.expect(number, packet) if number else None
        try:
            answer = await client.request(packet, timeout=self.patience.seconds_for(f"response {packet.layout.name}"))
        except RpcFault:
            client.completions.forget(number)
            transaction = Transaction(action.number, packet, None)
        except (TimeoutError, ConnectionEnded, AssociationError, OSError) as error:
            client.completions.forget(number)
            await self._unanswered(slot, packet, error, action.number)
            raise Missing(f"{packet.layout.name} is not answered") from error
        else:
            transaction = Transaction(action.number, packet, answer)
            if future is not None:
                self._await(client, action.number, number, future, transaction)
            if transaction.ok:
                self.handles.record_all(action.client, answer, f"{action.number}")
            if not transaction.ok or type(packet).completion != "async":
                self._observe(action.client, packet, answer)
        self.passed.add(response_id(packet))
        transaction.before, transaction.reported = before, reported
        self._numbers[action.number] = transaction
        if transaction.ok and isinstance(packet, Forward):
            opened = client.conversation.lines.get(packet.line)
            self._forwarded.add(0 if opened is None or opened.device is None else opened.device)
        if transaction.ok and isinstance(packet, RSPSetEventFilterMasks):
            self._filtered = True
        if transaction.ok and transaction.ack == 0 and type(packet).completion == "async":
            await self._await_effects(slot, transaction, None, action.number)
        if action.legal and not transaction.ok and len(client.monitor.findings) == warned:
            await self._doubt(slot, action, transaction)
        return transaction

    async def _unanswered(self, slot: ClientSlot, packet: Request, error: Exception, number: int) -> None:
        """A request got neither a response nor a fault: a failure of its own, and the end of this client."""
        name, requirement = packet.layout.name, response_id(packet)
        if isinstance(error, TimeoutError):
            what = f"response {name}"
            summary = f"{name} gets no response within {self.patience.seconds_for(what):g} s"
            self.patience.record_missing(what)
        else:
            summary = f"{name} gets no response: the connection ends ({error or type(error).__name__})"
        slot.broken = True
        self._complain(packet, requirement, summary, number)
        # So that the server frees the lines and calls of this client.
        await slot.abort()

    async def _await_effects(
        self, slot: ClientSlot, transaction: Transaction, completion: Reply | None, number: int
    ) -> None:
        """After a success the documented states of its calls have to be reported."""
        if self._filtered:
            return
        name = transaction.packet.layout.name
        for expected in expected_states(transaction.packet, transaction.before, completion):
            start = transaction.reported.get(expected.call, 0)

            def reported(expected: ExpectedState = expected, start: int = start) -> set[CallState] | None:
                states = {BY_BIT.get(bit, CallState.UNKNOWN) for bit in slot.states.get(expected.call, [])[start:]}
                return states if states & expected.decided else None

            what = f"effect of {name}"
            seconds = self.patience.seconds_for(what)
            with contextlib.suppress(Missing):
                await self._until(slot, reported, what, seconds)
                self.passed.add(f"EFFECT-line.{name}")
                continue
            if not slot.client.attached:
                return
            self.patience.record_missing(what)
            now = slot.states.get(expected.call, [0])[-1]
            states = " or ".join(sorted(LABELS.get(state, state.name.lower()) for state in expected.states))
            wanted = (
                "no LINE_CALLSTATE reports the new call"
                if len(expected.states) > 9
                else f"the call does not become {states}"
            )
            became = f": it is {label(now)}" if now else ""
            summary = f"{name} succeeds, and {wanted} within {seconds:g} s{became}"
            self._complain(transaction.packet, f"EFFECT-line.{name}", summary, number)

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
        packet = transaction.packet
        if transaction.ack is None:
            why = "an RPC fault"
        else:
            before = {call: len(states) for call, states in slot.states.items()}
            features = await self._features(slot, packet, action.number)
            if not disproved(transaction.code, packet, slot.client.conversation, features):
                return
            # A state may have changed while the request was under way: then its event comes soon.
            await self._silence(slot)
            if any(len(states) != before.get(call, 0) for call, states in slot.states.items()):
                return
            why = disproved(transaction.code, packet, slot.client.conversation, features)
        if why:
            summary = f"{action.packet} is refused with {why}"
            self._complain(packet, f"LEGAL-{action.packet}", summary, action.number)

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
            seconds = self.patience.seconds_for(f"completion of {name}")
            async with asyncio.timeout(seconds):
                completion: Reply = await future
        except TimeoutError:
            self.patience.record_missing(f"completion of {name}")
            summary = f"{name} was accepted and not completed within {seconds:g} s"
            self._complain(transaction.packet, f"DONE-{transaction.packet.device}.{name}", summary, action.number)
            raise Missing(f"{name} is not completed") from None
        self._observe(action.client, transaction.packet, completion)
        if completion.outcome == 0:
            transaction.done = True
            self.handles.record_all(action.client, completion, str(step))
            await self._await_effects(slot, transaction, completion, action.number)
            return completion
        await self._silence(slot)
        where = reached(transaction.packet, transaction.before, slot.last_states())
        if where:
            self._blame("TRUE-completion", f"{name} is said to have failed, and the call is {where}", action.number)
        if action.legal and len(slot.client.monitor.findings) == warned:
            features = await self._features(slot, transaction.packet, action.number)
            why = disproved(completion.words[7], transaction.packet, slot.client.conversation, features)
            if why:
                summary = f"{name} is completed with {why}"
                self._complain(transaction.packet, f"LEGAL-{transaction.packet.device}.{name}", summary, action.number)
        return completion

    async def _until(self, slot: ClientSlot, find: Callable[[], Any], what: str, seconds: float | None = None) -> Any:
        """Wait until something is found; briefly for what was missing before."""
        patience = self.patience.seconds_for(what) if seconds is None else seconds
        try:
            async with asyncio.timeout(patience):
                while (found := find()) is None:
                    if not slot.client.attached:
                        raise Missing("the binding has ended")
                    slot.changed.clear()
                    await slot.changed.wait()
                return found
        except TimeoutError:
            self.patience.record_missing(what)
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

    async def remains(self, action: Action) -> int:
        """Perform a step `Verb.REMAINS`."""
        slot = self._slot(action)
        call = self.handles.values.get(action.about, 0)
        wanted = {int(LINECALLSTATE[name]) for name in action.wanted}
        await self._silence(slot, self.target.rest)
        now = slot.states.get(call, [0])[-1]
        if now not in wanted:
            names = " or ".join(label(state) for state in sorted(wanted))
            raise Missing(f"a call that should still be {names} is {label(now)}")
        return now

    async def refused(self, action: Action) -> None:
        """Perform a step `Verb.REFUSED`."""
        transaction = self._numbers.get(int(action.about.partition(".")[0]))
        if transaction is not None and transaction.done:
            name = transaction.packet.layout.name
            self._blame(action.promised, f"{name} succeeds for a client that may not control the call", action.number)

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
        transaction, shown, told = await self._compare_status(slot, call, action.number)
        if transaction.ok and shown and told and shown not in told:
            # An event may be on its way: look again when nothing is.
            await self._silence(slot)
            transaction, shown, told = await self._compare_status(slot, call, action.number)
            await self._silence(slot)
            told = told[:1] + slot.states.get(call, [])[-1:]
        if transaction.ok and told and shown and shown not in told:
            summary = f"GetCallStatus says {label(shown)}, and LINE_CALLSTATE said {label(told[-1])} last"
            self.violations.append(Violation("TOLD-STATE", summary, "2.2.4.2.1.8", Level.STATED, action.number))
        return transaction

    async def _compare_status(self, slot: ClientSlot, call: int, number: int) -> tuple[Transaction, int, list[int]]:
        """The state of a call by GetCallStatus, and those by LINE_CALLSTATE last and since."""
        before = len(slot.states.get(call, ()))
        self.budget.spend()
        packet = GetCallStatus(call=call, call_status=256)
        slot.asked = packet
        try:
            answer = await slot.client.request(packet, timeout=self.patience.seconds_for("response GetCallStatus"))
        except RpcFault:
            return Transaction(number, packet, None), 0, []
        except (TimeoutError, ConnectionEnded, AssociationError, OSError) as error:
            await self._unanswered(slot, packet, error, number)
            raise Missing("GetCallStatus is not answered") from error
        self._observe_of(slot, packet, answer)
        status = getattr(answer, "call_status", None)
        shown = (getattr(status, "call_state", 0) or 0) & 0x00FFFFFF
        return Transaction(number, packet, answer), shown, slot.states.get(call, [])[max(before - 1, 0) :]

    async def _features(self, slot: ClientSlot, packet: Request, number: int) -> int:
        """Return the dwCallFeatures of the call that a refused Dial names; 0 if they are not reported."""
        if not isinstance(packet, Dial):
            return 0
        transaction, _, _ = await self._compare_status(slot, packet.call, number)
        return getattr(getattr(transaction.answer, "call_status", None), "call_features", 0) or 0

    async def _silence(self, slot: ClientSlot, seconds: float = 0.0) -> None:
        """Wait until no event has come for a while."""
        settle = seconds or self.target.settle
        for _ in range(40):
            slot.changed.clear()
            try:
                async with asyncio.timeout(settle):
                    await slot.changed.wait()
            except TimeoutError:
                return

    async def rest(self) -> None:
        """Wait until no client has received an event for a while."""
        for slot in self.slots.values():
            if slot.client.attached:
                await self._silence(slot)
        self._collect()

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
        is_open = channel is not None and channel.attached.is_set()
        self._collect()
        slot.left = True
        await slot.client.detach()
        accepted = slot.client.conversation.registry.binding.detached
        # A channel that is not open yet when ClientDetach is sent needs no RemoteSPDetach.
        if channel is None or not is_open or not accepted or slot.dismissed:
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
        await slot.abort()

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
        if slot.client.attached:
            await self._silence(slot, self.target.rest)
        elif slot.asked is not None and not slot.broken and not slot.left:
            slot.broken = True
            self._complain(
                slot.asked, response_id(slot.asked), f"the connection ends after {slot.asked.layout.name}", self._last
            )
        self._collect()
        # Events that are on their way when ClientDetach is sent are about handles that are no longer valid.
        slot.left = True
        with contextlib.suppress(OSError, TimeoutError):
            await slot.client.close()
        slot.reported = len(slot.client.monitor.findings)
        slot.client.monitor.finish()
        self._collect()

    async def close(self) -> None:
        """End every client."""
        for slot in self.slots.values():
            await self._leave(slot)
        await self._take_back()


#: Requests whose text says in which state of its call it must be made; others "can" be made in some states.
_BOUND = frozenset(
    f"CALL-PRE-{name}"
    for name in (
        "Accept",
        "Answer",
        "Redirect",
        "BlindTransfer",
        "Hold",
        "UnHold",
        "SwapHold",
        "Park",
        "SetUpTransfer",
        "SetUpConference",
        "PrepareAddToConference",
        "AddToConference",
    )
)


#: Rules about changes of state, and orders of packets, that no document describes.
_UNDESCRIBED = ("CALL-STATE-", "CALL-ORDER-")


def _is_warning(packet: Request | None, finding: Finding, warning: bool) -> bool:
    """Whether a finding about the server is no failure here."""
    if finding.rule == "TRP-3.1.4.2-107-03":
        # The rule asks for an "acceptable" version only.
        return isinstance(packet, phone.Open) and packet.negotiated_version in KNOWN_VERSIONS
    if finding.rule.startswith(_UNDESCRIBED) and len(finding.state) <= 1:
        # Only the tester acts on its calls: nothing else can explain a change that no document describes.
        return False
    # The tester knows the state of its calls: a request that must not be made in it has to be refused.
    return warning and not (finding.rule in _BOUND and len(finding.state) == 1)


#: What performs a step.
_STEPS: dict[Verb, Callable[[Executor, Action], Awaitable[Any]]] = {
    Verb.ATTACH: Executor.attach,
    Verb.ASK: Executor.ask,
    Verb.STRAY: Executor.stray,
    Verb.REPLY: Executor.reply,
    Verb.CALL: Executor.call,
    Verb.STATE: Executor.state,
    Verb.REMAINS: Executor.remains,
    Verb.REFUSED: Executor.refused,
    Verb.EVENT: Executor.event,
    Verb.CHECK: Executor.check,
    Verb.QUIET: Executor.quiet,
    Verb.DETACH: Executor.detach,
    Verb.LOSE: Executor.lose,
}
