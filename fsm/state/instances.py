"""The instances of the machines: bindings, applications, lines, phones, calls, requests and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from fsm.engine.display import DISPLAY
from fsm.engine.machine import Instance, Machine
from fsm.rules.protocol_rules import RECORDS
from fsm.tables.agent import AGENT
from fsm.tables.agent_session import SESSION
from fsm.tables.application import APPLICATION
from fsm.tables.binding import BINDING
from fsm.tables.bits import IN_FLIGHT
from fsm.tables.call import CALL
from fsm.tables.call_requests import ASKED, ASKS
from fsm.tables.call_states import CallState
from fsm.tables.channel import CHANNEL
from fsm.tables.conference import CONFERENCE, ConferenceState
from fsm.tables.dialog import DIALOG
from fsm.tables.handler import HANDLER
from fsm.tables.line import LINE
from fsm.tables.phone import PHONE
from fsm.tables.proxy import PROXY
from fsm.tables.request import REQUEST
from fsm.tables.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fsm.engine.machine import Move
    from fsm.judge.routes import Route
    from fsm.state.paths import Path
    from fsm.state.registry import Registry
    from protocol.packet import Request

__all__ = [
    "Agent",
    "AgentSession",
    "Application",
    "Binding",
    "Call",
    "Channel",
    "Conference",
    "Dialog",
    "Handler",
    "Line",
    "Phone",
    "Proxy",
    "Transaction",
    "Version",
]

_RELEASED = 1 << ConferenceState.RELEASED
#: The connection of the response that ended a handle, where none did.
UNRELEASED: Final = object()


class Binding(Instance):
    """The context handle of a client."""

    __slots__ = ("detached", "ended")
    machine: ClassVar[Machine] = Machine(BINDING, RECORDS)

    def __init__(self) -> None:
        super().__init__()
        self.ended = 0.0
        #: Whether ClientDetach ended it, and not the loss of its connection.
        self.detached = False

    def dependents(self, owner: Registry, machine: str) -> Iterable[Instance]:
        """Return the client's instances of a machine: all end with the binding."""
        return owner.of_machine(machine)


class Channel(Instance):
    """The event channel back to a client."""

    __slots__ = ()
    machine: ClassVar[Machine] = Machine(CHANNEL, RECORDS)


class Application(Instance):
    """The use of line or phone devices by an application; ``kind`` is "line" or "phone"."""

    __slots__ = ("devices", "ended", "epoch", "handle", "init_context", "kind", "members", "released", "versions")
    machine: ClassVar[Machine] = Machine(APPLICATION, RECORDS)
    #: Devices whose versions are kept: more than any server has.
    DEVICES: ClassVar[int] = 65_536

    def __init__(self, handle: int, epoch: int, kind: str, init_context: int | None) -> None:
        super().__init__()
        self.handle = handle
        self.epoch = epoch
        self.kind = kind
        self.init_context = init_context
        #: Number of devices that Initialize returned; None if it was not seen.
        self.devices: int | None = None
        self.members: dict[int, Line | Phone] = {}
        self.versions: dict[int, Version] = {}
        self.ended = 0.0
        self.released: object = UNRELEASED

    @property
    def name(self) -> str:
        """The handle and its epoch."""
        return f"{self.handle:#x}#{self.epoch}"

    def version(self, device: int) -> Version | None:
        """Return the versions negotiated for a device; None beyond the number of devices that are kept."""
        found = self.versions.get(device)
        if found is None and len(self.versions) < self.DEVICES:
            found = self.versions[device] = Version(device)
        return found

    def dependents(self, owner: Registry, machine: str) -> Iterable[Instance]:
        """Return the application's lines or phones."""
        return [member for member in self.members.values() if member.machine.name == machine]

    def retire(self, owner: Registry) -> None:
        """Move the application to the ended ones."""
        self.ended = owner.now
        if owner.releasing:
            self.released = owner.carrier
        owner.trusted_context = -1
        if self.init_context is not None:
            owner.ended_contexts.put(self.init_context, self)
        owner.applications.pop(self.handle, None)
        owner.ended_applications.put(self.handle, self)


class Version(Instance):
    """The versions that an application and a device negotiated."""

    __slots__ = ("agreed", "device", "extension")
    machine: ClassVar[Machine] = Machine(VERSION, RECORDS)

    def __init__(self, device: int) -> None:
        super().__init__()
        self.device = device
        self.agreed = 0
        self.extension = 0

    @property
    def name(self) -> str:
        """The number of the device."""
        return f"device {self.device}"


class _Opened(Instance):
    """The common part of lines and phones: ``reported`` is the handle that events carry."""

    __slots__ = (
        "app",
        "device",
        "ended",
        "epoch",
        "handle",
        "open_context",
        "pending",
        "released",
        "reported",
        "version",
    )

    def __init__(self, handle: int, epoch: int, app: Application | None, flags: int = 0) -> None:
        super().__init__(flags)
        self.handle = handle
        self.epoch = epoch
        self.app = app
        self.reported = handle
        self.device: int | None = None
        self.version = 0
        self.open_context: int | None = None
        self.ended = 0.0
        self.released: object = UNRELEASED
        self.pending: set[Transaction] = set()

    @property
    def name(self) -> str:
        """The handle and its epoch."""
        return f"{self.handle:#x}#{self.epoch}"

    def dependents(self, owner: Registry, machine: str) -> Iterable[Instance]:
        """Return the requests that are pending on the device."""
        return self.pending


class Line(_Opened):
    """A line that the client has opened."""

    __slots__ = ("announced", "calls", "handlers", "privileges", "proxies", "waiting")
    machine: ClassVar[Machine] = Machine(LINE, RECORDS)
    noun: ClassVar[str] = "line "

    def __init__(self, handle: int, epoch: int, app: Application | None, flags: int = 0) -> None:
        super().__init__(handle, epoch, app, flags)
        self.privileges: int | None = None
        self.calls: dict[int, Call] = {}
        #: A call that was announced and awaits its LINE_CALLSTATE, and since when.
        self.announced: Call | None = None
        self.waiting = 0.0
        #: Proxy handlers by type of request, and the requests that were passed to this client.
        self.handlers: dict[int, Handler] = {}
        self.proxies: list[Proxy] = []

    def dependents(self, owner: Registry, machine: str) -> Iterable[Instance]:
        """Return the calls, the proxy requests or the pending requests of the line."""
        if machine == PROXY.name:
            return self.proxies
        return self.calls.values() if machine == CALL.name else self.pending

    def retire(self, owner: Registry) -> None:
        """Move the line to the ended ones."""
        self.ended = owner.now
        if owner.releasing:
            self.released = owner.carrier
        if owner.lines.get(self.handle) is self:
            del owner.lines[self.handle]
        if owner.reported.get(self.reported) is self:
            del owner.reported[self.reported]
        if self.app is not None:
            self.app.members.pop(self.handle, None)
        owner.ended_lines.put(self.handle, self)
        owner.ended_reported.put(self.reported, self)


class Phone(_Opened):
    """A phone that the client has opened."""

    __slots__ = ()
    machine: ClassVar[Machine] = Machine(PHONE, RECORDS)
    noun: ClassVar[str] = "phone "

    def retire(self, owner: Registry) -> None:
        """Move the phone to the ended ones."""
        self.ended = owner.now
        if owner.releasing:
            self.released = owner.carrier
        owner.phones.pop(self.handle, None)
        owner.reported_phones.pop(self.reported, None)
        owner.ended_phones.put(self.handle, self)
        owner.ended_reported_phones.put(self.reported, self)


class _Held(Instance):
    """An instance of which only the handle is known."""

    __slots__ = ("handle",)

    def __init__(self, handle: int) -> None:
        super().__init__()
        self.handle = handle

    @property
    def name(self) -> str:
        """The handle."""
        return f"{self.handle:#x}"


class Dialog(_Held):
    """A dialog instance of a provider."""

    __slots__ = ()
    machine: ClassVar[Machine] = Machine(DIALOG, RECORDS)


class Conference(_Held):
    """A conference, by the handle of the call that represents it."""

    __slots__ = ()
    machine: ClassVar[Machine] = Machine(CONFERENCE, RECORDS)

    def retire(self, owner: Registry) -> None:
        """Forget the conference once it is released."""
        if self.mask == _RELEASED:
            del owner.conferences[self.handle]


class Agent(_Held):
    """An agent of a call centre."""

    __slots__ = ()
    machine: ClassVar[Machine] = Machine(AGENT, RECORDS)


class AgentSession(_Held):
    """A session of an agent with a group."""

    __slots__ = ()
    machine: ClassVar[Machine] = Machine(SESSION, RECORDS)


class Handler(Instance):
    """Whether a proxy handler serves a type of request on a line."""

    __slots__ = ()
    machine: ClassVar[Machine] = Machine(HANDLER, RECORDS)


class Proxy(Instance):
    """A request that was passed to this client."""

    __slots__ = ()
    machine: ClassVar[Machine] = Machine(PROXY, RECORDS)


class Call(Instance):
    """A call handle of a client.

    ``last`` is the mode, privilege and bits of the last LINE_CALLSTATE as a number, or the time when the handle was
    given out or ended.
    """

    __slots__ = ("brought", "epoch", "handle", "inferred", "kin", "last", "line", "number", "path", "released")
    machine: ClassVar[Machine] = Machine(CALL, RECORDS)
    noun: ClassVar[str] = "call "

    def __init__(self, handle: int, epoch: int, line: Line | None, path: Path, flags: int = 0) -> None:
        self.mask = 1
        self.flags = flags
        self.handle = handle
        self.epoch = epoch
        self.line = line
        self.path = path
        self.last: Any = None
        #: The position among the calls of the conversation, from 1.
        self.number = 0
        #: Whether the last state of the path only follows from a reply.
        self.inferred = False
        #: The relation to another call: ("consultation", original), ("member", conference), ("conference", 0).
        self.kin: tuple[str, int] | None = None
        #: The request whose completion brought the handle, by device and name.
        self.brought: str | None = None
        self.released: object = UNRELEASED

    @property
    def name(self) -> str:
        """The handle and its epoch."""
        return f"{self.handle:#x}#{self.epoch}"

    @property
    def final(self) -> str:
        """How the handle ended, as reports spell it: ``live``, ``deallocated`` or ``voided``."""
        if self.mask & (1 << CallState.DEALLOCATED):
            return "deallocated"
        return "voided" if self.mask & (1 << CallState.VOID) else "live"

    def may(self, request: type[Request] | str) -> Move:
        """Return the move of a request on this call now; it is true if the request is legal.

        The request is a packet class or its name; one that names two calls means the first of them,
        ``"SwapHold hHeldCall"`` the other. Raises `KeyError` for a request that names no call.
        """
        name = request if isinstance(request, str) else request.__name__
        return self.machine.may(self, ASKED[name])

    def allowed(self) -> tuple[str, ...]:
        """Return the requests that are legal now, by name (1.3 of the call model, packet texts)."""
        return tuple(event.name for event in ASKS.values() if self.machine.may(self, event))

    def dependents(self, owner: Registry, machine: str) -> Iterable[Instance]:
        """Return the conference that the call represents."""
        found = owner.conferences.get(self.handle)
        return () if found is None else (found,)

    def context(self, owner: Registry) -> int:
        """Return IN_FLIGHT if the handle was given out, or has ended, within the grace period."""
        return IN_FLIGHT.bit if isinstance(self.last, float) and owner.in_flight(self.last) else 0

    def prepare(self, owner: Registry) -> None:
        """Report a SwapHold of which only the other call was reported."""
        if owner.swaps:
            owner.end_swap(self)

    def retire(self, owner: Registry) -> None:
        """Move the call to the ended ones."""
        handle = self.handle
        owner.calls.pop(handle, None)
        if self.line is not None:
            self.line.calls.pop(handle, None)
            if self.line.announced is self:
                self.line.announced = None
        self.last = owner.now
        if owner.releasing:
            self.released = owner.carrier
        owner.ended_calls.put(handle, self)
        owner.on_call_end(self)

    def discard(self, owner: Registry) -> None:
        """Remove the call: its first event was refused."""
        owner.calls.pop(self.handle, None)
        if self.line is not None:
            self.line.calls.pop(self.handle, None)

    def _repr_svg_(self) -> str | None:
        """Notebooks show the states that the call was known to be in."""
        return DISPLAY.states(self.machine.table, f"call {self.name}", self.path.names() or self.states)


class Transaction(Instance):
    """A request with its response and, for an asynchronous one, its reply.

    ``suspected`` are the rules that it may break, kept until the outcome is known; ``calls`` are the calls that it
    names, each with its use and the path of states before the request.
    """

    __slots__ = ("answered", "calls", "frame", "line", "number", "ok", "route", "suspected", "time", "words")
    machine: ClassVar[Machine] = Machine(REQUEST, RECORDS)

    #: The frame of the response.
    answered: int
    #: The request id, once it is known; whether the reply reported success.
    number: int
    ok: bool

    def __init__(self, route: Route, words: tuple[int, ...], frame: int, time: float) -> None:
        self.mask = 1
        self.flags = 0
        self.route = route
        self.words = words
        self.frame = frame
        self.time = time
        self.suspected: list[Any] | None = None
        self.calls: Any = ()
        self.line: Any = None

    @property
    def name(self) -> str:
        """The name of the request."""
        return self.route.name

    def retire(self, owner: Registry) -> None:
        """Move a pending request to the completed ones."""
        if owner.pending.remove(self.number, self):
            owner.recent.put(self.number, self)
