"""Performs the steps of programs against a live server, and finds what is wrong with what comes back."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from fsm.engine.levels import Fault, Level
from fsm.rules.catalogue import RULES
from mstrp.conform import stray
from mstrp.conform.asked import Asked, Missing, NotOffered, Unreachable, label
from mstrp.conform.claims import TRUTHS, Heard
from mstrp.conform.complaint import Complaint
from mstrp.conform.program import Action, Program
from mstrp.conform.seat import LINES, Seat
from mstrp.conform.target import Budget, Target
from mstrp.conform.truth import led, untrue
from mstrp.conform.witness import Witness
from mstrp.live.client import TapiClient
from mstrp.live.provider import TapiError
from mstrp.live.transport import ConnectionEnded, RpcFault
from protocol.constants import LINECALLSTATE
from protocol.event import Event, Reply
from protocol.fields import Handle, HandleType
from protocol.line import Forward, GetCallStatus
from protocol.packet import Request, decode_request
from protocol.rpc.association import AssociationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.engine.step import Step

__all__ = ["Performer"]

#: How long a clock jumps ahead once nothing is under way any more: beyond the grace of the monitor.
_GRACE = 2.0


class Performer:
    """Clients of one conversation with a server, and the steps that they can do."""

    def __init__(
        self, target: Target, budget: Budget | None = None, *, observer: Callable[[Step], None] | None = None
    ) -> None:
        self.target = target
        #: Told of every step of the machines.
        self.observer = observer
        self.budget = budget or Budget()
        self.program = Program()
        self.complaints: list[Complaint] = []
        #: What is odd about the server, and no failure: warnings of the monitor, answers that may have another cause.
        self.odd: list[Complaint] = []
        self._witness = Witness()
        #: What passed, for people: (client, direction, phase, content).
        self.transcript: list[tuple[str, str, str, Any]] = []
        self.seats: dict[str, Seat] = {}
        self.values: dict[str, int] = {}
        self._names: dict[tuple[str, HandleType, int], str] = {}
        self._numbers: dict[int, Asked] = {}
        self._waiting: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        #: What outlives a session and is taken back at its end: devices whose calls are forwarded.
        self._forwarded: set[int] = set()
        self._next = 0

    # -- performing -----------------------------------------------------------------------------------------------

    async def perform(self, action: Action) -> Any:
        """Perform a step, new or recorded; raises `Missing`, `Unreachable` or `BudgetSpent`."""
        self.program.actions.append(action)
        self._next = max(self._next, action.number) + 1
        try:
            return await getattr(self, f"_{action.verb.value}")(action)
        except (ConnectionEnded, OSError) as error:
            raise Missing(f"{action.verb.value}: {error or type(error).__name__}") from error
        except Missing as error:
            asked = [self._numbers.get(int(name.partition(".")[0])) for name in action.after]
            if action.promised and all(each is not None and each.done for each in asked):
                self._doubts(action.promised, str(error), action.number)
            raise
        finally:
            self._collect()

    @property
    def _last(self) -> int:
        """The number of the last step, -1 before the first."""
        return self.program.actions[-1].number if self.program.actions else -1

    def _files(self, complaint: Complaint) -> None:
        """Keep a complaint where it belongs."""
        (self.odd if complaint.odd else self.complaints).append(complaint)

    def _hears(self, client: str, packet: Any, said: Any) -> None:
        """Hold what the server says against what it said before."""
        conversation = self.seats[client].client.conversation
        everybody = [seat.client.conversation for seat in self.seats.values()]
        for found in self._witness.hears(Heard(client, packet, said, conversation, everybody)):
            section = TRUTHS[found.requirement].section
            level = Level.SUSPICIOUS if found.odd else Level.STATED
            self._files(Complaint(found.requirement, found.summary, section, level, self._last, odd=found.odd))

    def _doubts(self, requirement: str, summary: str, number: int) -> None:
        known = TRUTHS.get(requirement) or RULES.get(requirement)
        asked = [action for action in self.program if action.data]
        section = known.section if known is not None else asked[-1].request().layout.section if asked else "3.1.4"
        self._files(Complaint(requirement, summary, section, Level.SUSPICIOUS, number, odd=True))

    def _complain(self, asked: Asked, requirement: str, summary: str, number: int) -> None:
        """A request was answered, or completed, in a way that a document excludes."""
        section = asked.packet.layout.section
        self._files(Complaint(requirement, summary, section, Level.STATED, number))

    def _collect(self) -> None:
        """What the monitors have found since."""
        for seat in self.seats.values():
            findings = seat.client.monitor.findings
            for finding in findings[seat.told :]:
                if finding.fault is Fault.SERVER:
                    self._files(Complaint.of(finding, self._last))
            seat.told = len(findings)

    def _name(self, client: str, kind: HandleType, value: int, name: str) -> None:
        self.values[name] = value
        if value:
            self._names[client, kind, value] = name

    def _seat(self, action: Action) -> Seat:
        seat = self.seats.get(action.client)
        if seat is None:
            raise Missing(f"client {action.client} is not attached")
        return seat

    async def _attach(self, action: Action) -> None:
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
        seat = Seat(connecting.client)
        name = action.client
        if self.observer is not None:
            connecting.client.monitor.on_step(self.observer)
        connecting.client.on_packet = lambda *packet: self._passed(name, seat, *packet)
        try:
            await connecting
        except (OSError, TimeoutError, AssociationError, TapiError, RpcFault) as error:
            if action.how == "management" and isinstance(error, (TapiError, RpcFault)):
                # The server answers; it may only serve administrators in this way (3.1.4.1).
                why = error.code - (error.code >> 31 << 32) if isinstance(error, TapiError) else error
                raise NotOffered(f"ClientAttach with lProcessID -3 is refused: {why}") from error
            raise Unreachable(f"{self.target.binding}: {error or type(error).__name__}") from error
        if name in self.seats:
            await self._leave(self.seats[name])
        self.seats[name] = seat
        if action.how == "push":
            channel = seat.client._channel  # noqa: SLF001 - the client has no public word for it
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.target.patience):
                    await channel.attached.wait()  # type: ignore[union-attr]

    def _passed(self, name: str, seat: Seat, direction: str, method: str, phase: str, content: Any) -> None:
        if len(self.transcript) < LINES:
            self.transcript.append((name, direction, phase if phase == "event" else f"{method} {phase}", content))
        if method == "RemoteSPDetach":
            seat.dismissed = True
        if phase == "event":
            seat.saw(content)
            if name in self.seats:
                self._hears(name, content, content)

    async def _ask(self, action: Action) -> Asked:
        self.budget.spend()
        seat = self._seat(action)
        client = seat.client
        data = bytearray(action.data)
        for word, name in action.refs:
            if name not in self.values:
                raise Missing(f"there is no {name}")
            data[4 * word : 4 * word + 4] = self.values[name].to_bytes(4, "little")
        packet = decode_request(bytes(data), action.capacity)
        number = 0
        if type(packet).completion == "async" and len(data) >= 12:
            packet, number = self._numbered(client, packet)
        warned = len(client.monitor.findings)
        before = seat.last_states()
        future = client.expect(number, packet) if number else None
        try:
            answer = await client.request(packet)
        except (RpcFault, TimeoutError) as error:
            client.give_up(number)
            if isinstance(error, TimeoutError):
                raise Missing(f"{packet.layout.name} is not answered in {self.target.patience:g} s") from error
            asked = Asked(action.number, packet, None)
        else:
            asked = Asked(action.number, packet, answer)
            if future is not None:
                self._await(client, action.number, number, future, asked)
            if asked.ok:
                self._learn(action, answer, f"{action.number}")
            if not asked.ok or type(packet).completion != "async":
                self._hears(action.client, packet, answer)
        asked.before = before
        self._numbers[action.number] = asked
        if asked.ok and isinstance(packet, Forward):
            opened = client.conversation.lines.get(packet.line)
            self._forwarded.add(0 if opened is None or opened.device is None else opened.device)
        if action.legal and not asked.ok and len(client.monitor.findings) == warned:
            await self._doubt(seat, action, asked)
        return asked

    @staticmethod
    def _numbered(client: TapiClient, packet: Request) -> tuple[Request, int]:
        """The request with an id of its own where it has none; nothing else of it is touched."""
        index = packet.layout.index("dwRequestID")
        number = packet.words[index]
        if number:
            return packet, number
        _, number = client.numbered(type(packet)())
        data = bytearray(packet.encode())
        data[4 * index : 4 * index + 4] = number.to_bytes(4, "little")
        return decode_request(bytes(data), packet.capacity), number

    def _await(self, client: TapiClient, step: int, number: int, future: asyncio.Future[Any], asked: Asked) -> None:
        if asked.ack is None or asked.ack <= 0:
            client.give_up(number)
            return
        if asked.ack != number:
            client.renumber(number, asked.ack)
        self._waiting[step] = (client.machine, future)

    def _learn(self, action: Action, packet: Any, prefix: str) -> None:
        """Give names to the handles that an answer or a completion brought."""
        completion = isinstance(packet, Reply)
        for field in packet.layout.fields:
            if not isinstance(field, Handle) or field.index >= len(packet.words):
                continue
            if field.direction == "out" or (completion and field.type is HandleType.HCALL):
                self._name(action.client, field.type, packet.words[field.index], f"{prefix}.{field.name}")
        calls = getattr(getattr(packet, "call_list", None), "calls", None)
        for place, value in enumerate(calls or ()):
            self._name(action.client, HandleType.HCALL, value, f"{prefix}.calls{place}")
        data = getattr(packet, "data", None)
        if isinstance(data, bytes) and len(data) >= 4:
            kind = HandleType.HAGENT if packet.layout.name == "CreateAgent" else HandleType.HAGENTSESSION
            self._name(action.client, kind, int.from_bytes(data[:4], "little"), f"{prefix}.data")

    async def _doubt(self, seat: Seat, action: Action, asked: Asked) -> None:
        """A request with nothing wrong was refused: see whether the reason that was given can be true."""
        if len(action.data) > action.capacity:
            return
        if asked.ack is None:
            why = "an RPC fault"
        else:
            before = {call: len(states) for call, states in seat.states.items()}
            if not untrue(asked.code, asked.packet, seat.client.conversation):
                return
            # A state may have changed while the request was under way: then its event comes soon.
            await self._silence(seat)
            if any(len(states) != before.get(call, 0) for call, states in seat.states.items()):
                return
            why = untrue(asked.code, asked.packet, seat.client.conversation)
        if why:
            summary = f"{action.packet} is refused with {why}"
            self._complain(asked, f"LEGAL-{action.packet}", summary, action.number)

    async def _stray(self, action: Action) -> Asked:
        self.budget.spend()
        seat = self._seat(action)
        packet = decode_request(action.data, action.capacity)
        answer = await stray.send(seat, packet, action.how, self.target.patience)
        asked = Asked(action.number, packet, answer)
        if asked.ok:
            rule, summary = stray.accepted(action.packet, action.how)
            self.complaints.append(Complaint(rule, summary, rule.split("-")[1], Level.MUST, action.number))
        return asked

    async def _reply(self, action: Action) -> Any:
        step = int(action.about.partition(".")[0])
        asked = self._numbers.get(step)
        if asked is None or step not in self._waiting:
            raise Missing(f"step {step} has nothing to be completed")
        _, future = self._waiting.pop(step)
        seat = self._seat(action)
        warned = len(seat.client.monitor.findings)
        name = asked.packet.layout.name
        try:
            async with asyncio.timeout(self.target.patience):
                completion: Reply = await future
        except TimeoutError:
            summary = f"{name} was accepted and not completed within {self.target.patience:g} s"
            self._complain(asked, f"DONE-{asked.packet.device}.{name}", summary, action.number)
            raise Missing(f"{name} is not completed") from None
        self._hears(action.client, asked.packet, completion)
        if completion.outcome == 0:
            asked.done = True
            self._learn(action, completion, str(step))
            return completion
        await self._silence(seat)
        where = led(asked.packet, asked.before, seat.last_states())
        if where:
            self._doubts("TRUE-completion", f"{name} is said to have failed, and the call is {where}", action.number)
        if action.legal and len(seat.client.monitor.findings) == warned:
            why = untrue(completion.words[7], asked.packet, seat.client.conversation)
            if why:
                summary = f"{name} is completed with {why}"
                self._complain(asked, f"LEGAL-{asked.packet.device}.{name}", summary, action.number)
        return completion

    async def _until(self, seat: Seat, find: Callable[[], Any], what: str, seconds: float | None = None) -> Any:
        """Wait until something is found."""
        patience = self.target.patience if seconds is None else seconds
        try:
            async with asyncio.timeout(patience):
                while (found := find()) is None:
                    if not seat.client.attached:
                        raise Missing("the binding has ended")
                    seat.changed.clear()
                    await seat.changed.wait()
                return found
        except TimeoutError:
            raise Missing(f"{what} within {patience:g} s") from None

    async def _call(self, action: Action) -> int:
        seat = self._seat(action)
        line = self.values.get(action.about, 0)

        def new() -> int | None:
            for handle, call in seat.client.conversation.calls.items():
                known = (action.client, HandleType.HCALL, handle) in self._names
                opened = call.line
                if not known and call.brought is None and opened is not None and opened.handle == line:
                    return handle
            return None

        found: int = await self._until(seat, new, "no call came")
        self._name(action.client, HandleType.HCALL, found, f"{action.number}.call")
        return found

    async def _state(self, action: Action) -> int:
        seat = self._seat(action)
        call = self.values.get(action.about, 0)
        wanted = {int(LINECALLSTATE[name]) for name in action.wanted}
        if not wanted & {*seat.states.get(call, [])[-1:]}:
            names = " or ".join(label(state) for state in sorted(wanted))
            await self._until(
                seat, lambda: True if wanted & {*seat.states.get(call, [])[-1:]} else None, f"call is not {names}"
            )
        return seat.states[call][-1]

    async def _event(self, action: Action) -> Any:
        seat = self._seat(action)

        def seen() -> Event | None:
            for place, event in enumerate(seat.events):
                if type(event).__name__ in action.wanted:
                    return seat.events.pop(place)
            return None

        return await self._until(seat, seen, f"no {' or '.join(action.wanted)}")

    async def _check(self, action: Action) -> Asked:
        seat = self._seat(action)
        call = self.values.get(action.about, 0)
        await self._silence(seat)
        before = len(seat.states.get(call, ()))
        self.budget.spend()
        packet = GetCallStatus(call=call, call_status=256)
        try:
            answer = await seat.client.request(packet)
        except (RpcFault, TimeoutError):
            return Asked(action.number, packet, None)
        asked = Asked(action.number, packet, answer)
        await self._silence(seat)
        told = seat.states.get(call)
        status = getattr(answer, "call_status", None)
        shown = (getattr(status, "call_state", 0) or 0) & 0x00FFFFFF
        # A state may change just then: what was told last before the answer, or since, will do.
        if asked.ok and told and shown and shown not in told[max(before - 1, 0) :]:
            summary = f"GetCallStatus says {label(shown)}, and LINE_CALLSTATE said {label(told[-1])} last"
            self.complaints.append(Complaint("TOLD-STATE", summary, "2.2.4.2.1.8", Level.STATED, action.number))
        return asked

    async def _silence(self, seat: Seat) -> None:
        """Wait until no event has come for a while."""
        settle = self.target.settle
        for _ in range(40):
            seat.changed.clear()
            try:
                async with asyncio.timeout(settle):
                    await seat.changed.wait()
            except TimeoutError:
                return

    async def _quiet(self, action: Action) -> None:
        for seat in self.seats.values():
            await self._silence(seat)
        self._witness.quiet()
        for seat in self.seats.values():
            # Nothing is under way: for the machines the time of grace is over.
            seat.client.begun -= _GRACE

    async def _detach(self, action: Action) -> None:
        seat = self._seat(action)
        self.budget.spend()
        seat.context = seat.client._context  # noqa: SLF001 - for what comes after
        channel = seat.client._channel  # noqa: SLF001 - as above
        await seat.client.detach()
        if channel is None or seat.dismissed:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.target.patience):
                await channel.detached.wait()
        if not seat.dismissed:
            # The connection may have been lost on the way, which is no proof; if it stands, nothing has come.
            lost = channel.detached.is_set()
            level = Level.SUSPICIOUS if lost else Level.MUST
            summary = "RemoteSPDetach does not follow ClientDetach"
            self._files(Complaint("TRP-3.1.4.3-02", summary, "3.1.4.3", level, action.number, odd=lost))

    async def _lose(self, action: Action) -> None:
        seat = self._seat(action)
        caller = seat.client._caller  # noqa: SLF001 - the client itself would not do this
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

    async def _leave(self, seat: Seat) -> None:
        """End a client, and let its monitor judge what is still open."""
        with contextlib.suppress(OSError, TimeoutError):
            await seat.client.close()
        seat.client.monitor.finish()
        self._collect()

    async def close(self) -> None:
        """End every client."""
        for seat in self.seats.values():
            await self._leave(seat)
        await self._take_back()
