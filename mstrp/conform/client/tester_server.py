"""The tester's server: one like any other, that watches its clients and does to them what a test asks for."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any

from mstrp.conform.client.delivery import TesterPull, TesterPush
from mstrp.conform.client.session import Session
from mstrp.conform.client.stimulus import Expectation, Injection, NotPossible
from mstrp.conform.core.program import Verb
from mstrp.live.server import Server
from mstrp.live.server.attached import Attached, Pending
from mstrp.live.server.delivery import Pull, Push
from mstrp.live.transport import ServiceConnection
from protocol import line, phone
from protocol.constants import LINECALLSTATE
from protocol.event import Reply
from protocol.events import LINE_APPNEWCALL, LINE_CALLSTATE
from protocol.fields import Handle, HandleType
from protocol.ndr import NULL_CONTEXT, TELEPHONY
from protocol.packet import decode_request, decode_response
from protocol.problem import DecodeError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from mstrp.conform.client.stimulus import Stimulus
    from mstrp.conform.core.target import Budget
    from mstrp.live.server.delivery import Delivery
    from protocol.event import Event
    from protocol.packet import Request
    from protocol.rpc.association import CallReceived

__all__ = ["ObservedClient", "TesterServer"]

_SITUATIONS = {
    int(LINECALLSTATE.OFFERING): "offering",
    int(LINECALLSTATE.CONNECTED): "connected",
}


#: Seconds that an operation takes, and that a client has to act on what comes before it is completed.
_WORK, _NOTICE = 0.004, 0.05


class Connection(ServiceConnection):
    """A connection whose answers can be held back."""

    service: TesterServer

    def answer(self, call: CallReceived, value: Any) -> None:
        held = self.service.holding()
        if held is None:
            self._answer(call, value)
        else:
            self.service.background(self._later(held, call, value))

    async def _later(self, held: Awaitable[None], call: CallReceived, value: Any) -> None:
        await held
        self._answer(call, value)

    def _answer(self, call: CallReceived, value: Any) -> None:
        super().answer(call, value)
        if call.method.name == "ClientAttach":
            self.service.attach_answered(self, call, value)


class ObservedClient(Attached):
    """A client under test."""

    server: TesterServer

    def __init__(self, server: TesterServer, context: bytes, connection: ServiceConnection, **facts: Any) -> None:
        self.session = server.begin(management=facts["management"])
        self.todo: list[Stimulus] = server.todo(self)
        self._held: list[Event] | None = None
        super().__init__(server, context, connection, **facts)

    # -- requests -------------------------------------------------------------------------------------------------

    def request(self, packet: Request) -> bytes:
        racing = bool(self.delivery.queue) or not getattr(self.delivery, "idle", True)
        exchange = self.session.asks(packet)
        ending = self._ending(packet)
        self._held = []
        answer = super().request(packet)
        held, self._held = self._held, None
        self.session.answered(exchange, decode_response(answer, type(packet)), packet, racing=racing)
        for event in held:
            self.session.told(event)
        self._answered(packet, answer, ending)
        for event in held:
            self._noticed(event)
        return answer

    def _ending(self, packet: Any) -> Any:
        """What a request is about to end."""
        if isinstance(packet, line.Close):
            return self.lines.get(packet.line)
        if isinstance(packet, line.DeallocateCall):
            return self.handles.get(packet.call)
        return None

    def _answered(self, packet: Any, data: bytes, ending: Any) -> None:
        answer: Any = decode_response(data, type(packet))
        if answer.ack < 0:
            return
        if isinstance(packet, line.Open):
            self.situation("opening", hold=True, opened=self.lines.get(answer.line))
            self.situation("line", opened=self.lines.get(answer.line))
        elif isinstance(packet, phone.Open):
            self.situation("phone", opened=self.phones.get(answer.phone))
        elif isinstance(packet, line.Close):
            self.situation("closed", opened=ending)
        elif isinstance(packet, line.DeallocateCall) and ending is not None:
            self.situation("deallocated", handle=ending, opened=ending.opened)
        elif type(packet).completion == "async":
            number = answer.ack
            opened = self._line_of(packet)
            self.situation("accepting", hold=True, packet=packet, number=number, opened=opened)
            self.situation("pending", packet=packet, number=number, opened=opened)
            if packet.device == "phone":
                self.situation("phone pending", packet=packet, number=number, opened=opened)
            elif _brings_call(packet):
                self.situation("making", packet=packet, number=number, opened=opened)

    def _complete(self, pending: Pending, result: Any, error: BaseException | None) -> None:
        """A completion comes some time after the answer, as it does where there are real telephones."""
        if _brings_call(pending.request):
            super()._complete(pending, result, error)
        else:
            self.server.background(self._completed(pending, result, error))

    async def _completed(self, pending: Pending, result: Any, error: BaseException | None) -> None:
        await asyncio.sleep(_WORK)
        super()._complete(pending, result, error)

    # -- events ---------------------------------------------------------------------------------------------------

    def _deliver(self, event: Event) -> None:
        before = self.server.told
        super()._deliver(event)
        if self.server.told == before:
            return  # It was kept back.
        if self._held is not None:
            self._held.append(event)
            return
        self.session.told(event)
        self._noticed(event)

    def _noticed(self, event: Event) -> None:
        if isinstance(event, LINE_APPNEWCALL):
            self.session.offered.add(event.call)
        elif isinstance(event, LINE_CALLSTATE):
            handle = self.handles.get(event.call)
            name = _SITUATIONS.get(event.call_state)
            if handle is not None and name is not None:
                self.situation(name, handle=handle, opened=handle.opened)
        elif isinstance(event, Reply) and event.outcome == 0:
            name = "made" if any(event.words[field.index] for field in _calls(event)) else "completed"
            self.situation(name, number=event.completed_id, packet=event)

    # -- tests ----------------------------------------------------------------------------------------------------

    def situation(self, name: str, *, hold: bool = False, **about: Any) -> None:
        """A situation has come: do what waits for it."""
        for stimulus in list(self.todo):
            if stimulus.when != name:
                continue
            if not stimulus.always:
                self.todo.remove(stimulus)
            work = self._first(stimulus, Injection(self, stimulus, **about))
            if hold:
                self.server.hold(work)
            else:
                self.server.background(work)

    def _first(self, stimulus: Stimulus, injection: Injection) -> Awaitable[None]:
        """Do something before any other event, where it has to be so."""
        if not stimulus.first:
            return self.server.play(stimulus, injection)
        injection.delivery.paused += 1

        async def play() -> None:
            try:
                await self.server.play(stimulus, injection)
                await asyncio.sleep(_NOTICE)
            finally:
                injection.delivery.resume()

        return play()

    # -- the binding ----------------------------------------------------------------------------------------------

    def attached(self, process_id: int, domain_user: str) -> None:
        super().attached(process_id, domain_user)
        self.session.pull = bool(domain_user) and process_id == TELEPHONY
        self.session.conversation.attached(process_id, domain_user, 0, self.session.now())

    def channel_opened(self) -> None:
        super().channel_opened()
        self.session.note(Verb.TELLS, "RemoteSPAttach")
        self.session.conversation.channel_opened(0, self.session.now())

    def fetched(self) -> None:
        super().fetched()
        self.session.conversation.fetched(0, self.session.now())


class TesterServer(Server):
    """A server that tests its clients."""

    holder = ObservedClient
    connection = Connection

    def __init__(self, *given: Any, budget: Budget, settle: float = 0.25, seed: int = 0, **more: Any) -> None:
        super().__init__(*given, **more)
        self.budget = budget
        self.settle = settle
        self.chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.sessions: list[Session] = []
        self.plan: list[Stimulus] = []
        #: Whether the controls of the stimuli are done instead of them.
        self.controls = False
        #: The number of the first session in which something may be brought to its end.
        self.ends_from = 0
        #: Stimuli that were done, why some were not, and what came of calls that had to be refused.
        self.done: set[str] = set()
        self.not_possible: dict[str, str] = {}
        self.verdicts: dict[str, bool | None] = {}
        self._asked: dict[tuple[ServiceConnection, int], Any] = {}
        self._attaching: Any = None
        self._gone: dict[bytes, Session] = {}
        self._hold: list[Awaitable[None]] = []

    # -- tests ----------------------------------------------------------------------------------------------------

    def begin(self, *, management: bool) -> Session:
        """A client attaches."""
        found = Session(chr(ord("a") + len(self.sessions) % 26), self.budget, self.settle)
        found.management = management
        self.sessions.append(found)
        if self._attaching is not None:
            requests, self._attaching = self._attaching, None
            self.budget.sent += 1
            found.requests["ClientAttach"] += 1
            found.note(Verb.DOES, "ClientAttach", how=f"{requests.machine} {requests.domain_user}".strip())
        return found

    def todo(self, client: ObservedClient) -> list[Stimulus]:
        """What is to be done to a client: the plan; of what ends something, one, and only to the last clients."""
        ends = [one for one in self.plan if one.expect is Expectation.END and one.name not in self.done]
        chosen = ends if len(self.plan) == len(ends) else ends[:1]
        if len(self.sessions) < self.ends_from:
            chosen = []
        return [one for one in self.plan if one.expect is not Expectation.END] + chosen

    def unknown_handle(self) -> int:
        """A handle that exists nowhere."""
        return self.chance.randrange(0x6A000000, 0x6B000000)

    async def play(self, stimulus: Stimulus, injection: Injection) -> None:
        """Do something to a client."""
        model = "pull" if injection.session.pull else "push"
        if model not in stimulus.models:
            self.not_possible[stimulus.name] = f"the client's events are {'fetched' if model == 'pull' else 'pushed'}"
            return
        act = stimulus.control if self.controls and stimulus.control is not None else stimulus.act
        try:
            await act(injection)
        except NotPossible as error:
            self.not_possible[stimulus.name] = str(error)
        else:
            self.done.add(stimulus.name)

    def hold(self, work: Awaitable[None]) -> None:
        """The answer that is given next waits for some work."""
        self._hold.append(work)

    def holding(self) -> Awaitable[None] | None:
        """What the next answer waits for."""
        works, self._hold = self._hold, []
        return _all(works) if works else None

    # -- what is watched ------------------------------------------------------------------------------------------

    def called(self, connection: ServiceConnection, call: CallReceived) -> None:
        try:
            found = call.method.read("request", call.stub, ndr64=call.ndr64)
        except DecodeError as error:
            self._damaged(connection, f"{call.method.name}: {error.problem}")
        else:
            if found.contradictions:
                self._damaged(connection, f"{call.method.name}: {found.contradictions[0]}")
            self._look(connection, call, found.value)
        super().called(connection, call)

    def _damaged(self, connection: ServiceConnection, text: str) -> None:
        for client in connection.notes:
            client.session.complain("WIRE-NDR", f"client sent a damaged stub: {text}", section="3.2.4")

    def _look(self, connection: ServiceConnection, call: CallReceived, value: Any) -> None:
        name = call.method.name
        if name == "ClientAttach":
            self._asked[connection, call.call_id] = self._attaching = value
            return
        if value.context in self.clients:
            if name == "ClientDetach":
                session = self.clients[value.context].session  # type: ignore[attr-defined]
                session.tick()
                session.note(Verb.DOES, name)
                session.requests[name] += 1
                session.detached = True
                session.conversation.detached(0, session.now())
                self._gone[value.context] = session
            return
        self._stray(value.context, name, value)

    def _stray(self, context: bytes, name: str, value: Any) -> None:
        """A context handle that is not live."""
        what = name
        data = getattr(value, "buffer", b"")
        if name == "ClientRequest":
            packet = decode_request(value.buffer, value.needed)
            what = f"{packet.device}.{packet.layout.name}"
        session = self._gone.get(context)
        if session is not None:
            number = session.note(Verb.DOES, what, data)
            how = "after ClientDetach" if session.detached else "of a connection that was lost"
            # A client may learn of a lost connection only by the fault: that is odd at most.
            summary = f"client sent {what} under the context handle {how}"
            session.complain("TRP-3-03", summary, number, doubt=not session.detached)
            return
        session = self.begin(management=False)
        number = session.note(Verb.DOES, what, data)
        which = "the null context handle" if context == NULL_CONTEXT else "a context handle that nobody gave it"
        session.complain("TRP-3-01", f"client sent {what} under {which}", number)

    def attach_answered(self, connection: ServiceConnection, call: CallReceived, result: Any) -> None:
        """ClientAttach was answered."""
        requests = self._asked.pop((connection, call.call_id), None)
        client = self.clients.get(result.context)
        if requests is None:
            return
        if client is None:
            if self.sessions:
                self._inspect(self.sessions[-1], requests, result)
            return
        assert isinstance(client, ObservedClient)
        self._inspect(client.session, requests, result)
        client.situation("attached")

    @staticmethod
    def _inspect(session: Session, requests: Any, result: Any) -> None:
        session.conversation.inspect_attach(requests, result)
        session.collect()

    def _delivery(self, client: Attached, value: Any, connection: ServiceConnection) -> Delivery:
        found = super()._delivery(client, value, connection)
        assert isinstance(client, ObservedClient)
        if isinstance(found, Pull):
            return TesterPull(client, found.mailslot)
        if isinstance(found, Push):
            return _Reached(client, found.host, value.machine)
        return found

    def end(self, client: Attached, why: str) -> None:
        super().end(client, why)
        assert isinstance(client, ObservedClient)
        session = client.session
        client.todo.clear()
        if why and not session.lost and not session.detached:
            session.lost = True
            session.ended = time.monotonic()
            session.note(Verb.DOES, "", how=why)
            session.conversation.lost(0, session.now())
            self._gone[client.context] = session


class _Reached(TesterPush):
    """A push that tells when the client does not listen where it said."""

    client: ObservedClient

    async def open(self) -> None:
        try:
            await super().open()
        except ConnectionRefusedError as error:
            ports = ", ".join(map(str, self.ports))
            self.client.session.complain(
                "TRP-3.3.3-01", f"client does not listen on the endpoint that it announced ({ports}): {error}"
            )
            raise


async def _all(works: list[Awaitable[None]]) -> None:
    await asyncio.gather(*works)


def _calls(event: Event) -> list[Any]:
    return [
        field
        for field in event.layout.fields
        if isinstance(field, Handle) and field.type is HandleType.HCALL and field.index < len(event.words)
    ]


def _brings_call(packet: Any) -> bool:
    kind = type(packet).Completion
    return kind is not None and any(
        isinstance(field, Handle) and field.type is HandleType.HCALL for field in kind.layout.fields
    )
