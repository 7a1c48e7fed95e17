"""Stages on which plays are performed: a monitor, or a capture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mstrp.generate.play import Kind
from protocol.event import encode_events
from protocol.generic import GetAsyncEvents
from protocol.ndr import (
    ALL_DEVICES,
    MANAGED_64,
    MANAGEMENT,
    METHODS,
    NULL_CONTEXT,
    REMOTESP,
    TAPSRV,
    TELEPHONY,
    ClientAttach,
    ClientAttachResult,
    ClientDetach,
    ClientDetachResult,
    ClientRequest,
    ClientRequestResult,
    RemoteSPAttach,
    RemoteSPAttachResult,
    RemoteSPDetach,
    RemoteSPDetachResult,
    RemoteSPEventProc,
    RemoteSPEventProcResult,
)
from protocol.packet import decode_response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fsm.conversation import Conversation
    from fsm.monitor import Monitor
    from fsm.state.instances import Transaction
    from mstrp.generate.play import Role, Step
    from mstrp.generate.wire import Connection, Wire

__all__ = ["MonitorStage", "Stage", "WireStage", "perform"]

_METHODS = {method.name: method for method in METHODS.values()}


class Stage(Protocol):
    """A performer of the steps of a play, in order."""

    def take(self, step: Step) -> None:
        """Perform a step."""


def perform(steps: Iterable[Step], stage: Stage) -> None:
    """Perform all steps of a play."""
    for step in steps:
        stage.take(step)


class MonitorStage:
    """Passes steps to conversations of a monitor, as an embedding program does; a step takes ``pace`` seconds."""

    def __init__(self, monitor: Monitor, *, pace: float = 0.01, **options: Any) -> None:
        self.monitor = monitor
        self.pace = pace
        self.options = options
        self.frame = 0
        self.now = 0.0
        self.conversations: dict[Role, Conversation] = {}
        self._exchanges: dict[int, Transaction] = {}

    def take(self, step: Step) -> None:
        """Perform a step."""
        self.frame += 1
        self.now += self.pace
        role = step.role
        if step.kind is Kind.ATTACH:
            self.conversations[role] = self.monitor.conversation(**self.options)
            return
        conversation = self.conversations[role]
        at: tuple[int, float] = (self.frame, self.now)
        match step.kind:
            case Kind.ATTACHED:
                conversation.attached(_process_id(role), _domain_user(role), *at)
            case Kind.CHANNEL:
                conversation.channel_opened(*at)
            case Kind.ASK:
                assert step.packet is not None
                self._exchanges[step.number] = conversation.sent(step.packet, *at)
            case Kind.ANSWER:
                assert step.packet is not None
                conversation.answered(self._exchanges.pop(step.of), step.packet, *at)
            case Kind.TELL:
                self._tell(conversation, step, at)
            case Kind.CHANNEL_END:
                conversation.channel_closed(*at)
            case Kind.DETACHED:
                conversation.detached(*at)
            case Kind.LOST:
                conversation.lost(*at)

    def _tell(self, conversation: Conversation, step: Step, at: tuple[int, float]) -> None:
        if step.role.model == "pull":
            asked, answer = _fetch(step)
            conversation.answered(conversation.sent(asked, *at), answer, *at)
            conversation.fetched(*at)
        else:
            conversation.delivered(*at)
        for event in step.events:
            conversation.event(event, *at)


def _process_id(role: Role) -> int:
    return MANAGEMENT if role.model == "management" else TELEPHONY


def _domain_user(role: Role) -> str:
    """Return pszDomainUser: the mailslot of a client with pull delivery, or the name of an administrator."""
    names = {"pull": rf"\\CLIENT{role.number}\.\mailslot\tapi\tp{role.number}", "management": "admin"}
    return names.get(role.model, "")


def _fetch(step: Step) -> tuple[GetAsyncEvents, Any]:
    """Perform GetAsyncEvents, with the events of a step in its response."""
    data = encode_events(step.events)
    asked = GetAsyncEvents(total_buffer_size=max(1024, len(data)))
    size = asked.total_buffer_size
    head = GetAsyncEvents(
        ack=0, total_buffer_size=size, needed_buffer_size=len(data), used_buffer_size=len(data), capacity=60 + size
    )
    answer = decode_response(head.encode() + data, GetAsyncEvents)
    return asked, answer


class WireStage:
    """Writes steps as frames of a capture: for each client, a connection for requests and one for events."""

    SERVER = "10.1.0.1"

    def __init__(self, wire: Wire, *, ndr64: bool = False) -> None:
        self.wire = wire
        self.ndr64 = ndr64
        self._requests: dict[Role, Connection] = {}
        self._events: dict[Role, Connection] = {}
        self._waiting: dict[int, int] = {}
        self._attaching: dict[Role, int] = {}

    def take(self, step: Step) -> None:
        """Perform a step."""
        role = step.role
        match step.kind:
            case Kind.ATTACH:
                self._attach(role)
            case Kind.ATTACHED:
                marker = MANAGED_64 if role.model == "management" else ALL_DEVICES
                result = ClientAttachResult(_context(role, 1), marker, 0)
                self._answer(role, "ClientAttach", result, self._attaching.pop(role))
            case Kind.CHANNEL:
                self._channel(role)
            case Kind.ASK:
                assert step.packet is not None
                self._waiting[step.number] = self._ask(role, step.packet)
            case Kind.ANSWER:
                assert step.packet is not None
                self._answered(role, step.packet, self._waiting.pop(step.of))
            case Kind.TELL:
                self._tell(role, step)
            case Kind.DETACH:
                found = _METHODS["ClientDetach"]
                self._attaching[role] = self._requests[role].request(found, ClientDetach(_context(role, 1)))
            case Kind.CHANNEL_END:
                self._call(
                    role, "RemoteSPDetach", RemoteSPDetach(_context(role, 2)), RemoteSPDetachResult(NULL_CONTEXT)
                )
                self._events[role].close()
            case Kind.DETACHED:
                self._answer(role, "ClientDetach", ClientDetachResult(NULL_CONTEXT), self._attaching.pop(role))
                self._requests[role].close()
            case Kind.LOST:
                self._requests[role].close()

    def _client(self, role: Role) -> str:
        return f"10.0.{role.number >> 8 & 255}.{role.number & 255}"

    def _attach(self, role: Role) -> None:
        requests = self.wire.connect((self._client(role), 49_000 + role.number % 10_000), (self.SERVER, 5150))
        requests.bind(TAPSRV, ndr64=self.ndr64)
        self._requests[role] = requests
        name = f"CLIENT{role.number}"
        machine = f'{name}"ncacn_ip_tcp"{self._port(role)}"' if role.model == "push" else name
        attach = ClientAttach(_process_id(role), _domain_user(role), machine)
        self._attaching[role] = requests.request(_METHODS["ClientAttach"], attach)

    def _port(self, role: Role) -> int:
        return 5251 + role.number % 10_000

    def _channel(self, role: Role) -> None:
        events = self.wire.connect((self.SERVER, 50_000 + role.number % 10_000), (self._client(role), self._port(role)))
        events.bind(REMOTESP, ndr64=self.ndr64)
        self._events[role] = events
        self._call(role, "RemoteSPAttach", RemoteSPAttach(), RemoteSPAttachResult(_context(role, 2), 0))

    def _call(self, role: Role, method: str, value: Any, result: Any) -> None:
        """Write a whole call of remotesp."""
        found = _METHODS[method]
        channel = self._events[role]
        channel.response(found, result, channel.request(found, value))

    def _ask(self, role: Role, packet: Any) -> int:
        asked = ClientRequest(_context(role, 1), packet.encode(), packet.capacity)
        return self._requests[role].request(_METHODS["ClientRequest"], asked)

    def _answered(self, role: Role, packet: Any, number: int) -> None:
        data = packet.encode()
        self._answer(role, "ClientRequest", ClientRequestResult(data, max(packet.capacity, len(data))), number)

    def _answer(self, role: Role, method: str, result: Any, number: int) -> None:
        self._requests[role].response(_METHODS[method], result, number)

    def _tell(self, role: Role, step: Step) -> None:
        if role.model == "pull":
            asked, answer = _fetch(step)
            self._answered(role, answer, self._ask(role, asked))
            return
        sent = RemoteSPEventProc(_context(role, 2), encode_events(step.events))
        self._call(role, "RemoteSPEventProc", sent, RemoteSPEventProcResult())


def _context(role: Role, kind: int) -> bytes:
    """Return the context handle of the binding (1) or of the event channel (2) of a client."""
    return bytes(4) + bytes([kind]) * 12 + role.number.to_bytes(4, "little")
