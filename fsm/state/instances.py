"""The things that machines describe, with the little that is known about each beside its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from fsm.engine.machine import Instance, Machine
from fsm.tables.agents import AGENT, HANDLER, PROXY, SESSION
from fsm.tables.binding import BINDING, CHANNEL
from fsm.tables.call import CALL
from fsm.tables.call_requests import ASKED, ASKS
from fsm.tables.call_states import LABELS, CallState
from fsm.tables.conference import CONFERENCE
from fsm.tables.device import APPLICATION, DIALOG, LINE, PHONE, VERSION
from fsm.tables.request import REQUEST

if TYPE_CHECKING:
    from fsm.engine.machine import Move
    from fsm.judge.routes import Route
    from protocol.packet import Request

__all__ = [
    "Agent",
    "AgentSession",
    "App",
    "Binding",
    "Call",
    "Channel",
    "Conference",
    "Dialog",
    "Exchange",
    "Handler",
    "Line",
    "Path",
    "Paths",
    "Phone",
    "Proxy",
    "Version",
]


class Path:
    """A sequence of states as a node that knows its predecessor; equal paths are the same node."""

    __slots__ = ("_names", "depth", "following", "previous", "state")

    def __init__(self, previous: Path | None, state: CallState | None) -> None:
        self.previous = previous
        self.state = state
        self.depth: int = 0 if previous is None else previous.depth + 1
        self.following: dict[CallState, Path] = {}
        self._names: tuple[str, ...] | None = None

    def states(self) -> list[CallState]:
        """The states in order."""
        found: list[CallState] = []
        node: Path | None = self
        while node is not None and node.state is not None:
            found.append(node.state)
            node = node.previous
        return found[::-1]

    def names(self) -> tuple[str, ...]:
        """The states in order, as reports spell them."""
        if self._names is None:
            self._names = tuple(LABELS.get(state, state.name.lower()) for state in self.states())
        return self._names

    def since(self, mark: Path) -> list[CallState]:
        """The states entered after an earlier node of the same path."""
        found: list[CallState] = []
        node: Path | None = self
        while node is not None and node is not mark and node.depth > mark.depth and node.state is not None:
            found.append(node.state)
            node = node.previous
        return found


class Paths:
    """All paths of a monitor, each kept once; bounded, so that hostile traffic cannot fill the memory."""

    #: Nodes kept, and states per path; longer paths stop growing.
    NODES: ClassVar[int] = 50_000
    DEPTH: ClassVar[int] = 256

    def __init__(self) -> None:
        self.root = Path(None, None)
        self.count = 0

    def extend(self, path: Path, state: CallState) -> Path:
        """The path with one more state; a state does not follow itself."""
        if path.state is state:
            return path
        found = path.following.get(state)
        if found is None:
            if self.count >= self.NODES or path.depth >= self.DEPTH:
                return path
            found = path.following[state] = Path(path, state)
            self.count += 1
        return found


class Binding(Instance):
    """The context handle of a client."""

    __slots__ = ("detached", "ended")
    machine: ClassVar[Machine] = Machine(BINDING)

    def __init__(self) -> None:
        super().__init__()
        self.ended = 0.0
        #: Whether ClientDetach ended it, and not the loss of its connection.
        self.detached = False


class Channel(Instance):
    """The event channel back to a client."""

    __slots__ = ()
    machine: ClassVar[Machine] = Machine(CHANNEL)


class App(Instance):
    """The use of line or phone devices by an application."""

    __slots__ = ("devices", "ended", "epoch", "handle", "init_context", "kind", "members", "versions")
    machine: ClassVar[Machine] = Machine(APPLICATION)
    #: Devices that are remembered: more than any server has.
    DEVICES: ClassVar[int] = 65_536

    def __init__(self, handle: int, epoch: int, kind: str, init_context: int | None) -> None:
        super().__init__()
        self.handle = handle
        self.epoch = epoch
        self.kind = kind
        self.init_context = init_context
        #: Number of devices, where Initialize told it.
        self.devices: int | None = None
        self.members: dict[int, Line | Phone] = {}
        self.versions: dict[int, Version] = {}
        self.ended = 0.0

    def version(self, device: int) -> Version | None:
        """What the application and a device agreed on; None beyond the number of devices that are remembered."""
        found = self.versions.get(device)
        if found is None and len(self.versions) < self.DEVICES:
            found = self.versions[device] = Version(device)
        return found


class Version(Instance):
    """What an application and a device agreed on."""

    __slots__ = ("agreed", "device", "extension")
    machine: ClassVar[Machine] = Machine(VERSION)

    def __init__(self, device: int) -> None:
        super().__init__()
        self.device = device
        self.agreed = 0
        self.extension = 0


class _Opened(Instance):
    """What lines and phones share: ``reported`` is the handle that events carry."""

    __slots__ = ("app", "device", "ended", "epoch", "handle", "open_context", "pending", "reported", "version")

    def __init__(self, handle: int, epoch: int, app: App | None) -> None:
        super().__init__()
        self.handle = handle
        self.epoch = epoch
        self.app = app
        self.reported = handle
        self.device: int | None = None
        self.version = 0
        self.open_context: int | None = None
        self.ended = 0.0
        self.pending: set[Exchange] = set()


class Line(_Opened):
    """A line that the client has opened."""

    __slots__ = ("announced", "calls", "flags", "handlers", "privileges", "proxies", "waiting")
    machine: ClassVar[Machine] = Machine(LINE)

    def __init__(self, handle: int, epoch: int, app: App | None) -> None:
        super().__init__(handle, epoch, app)
        self.privileges: int | None = None
        self.calls: dict[int, Call] = {}
        #: A call that was announced and whose LINE_CALLSTATE has not come yet, and when that was.
        self.announced: Call | None = None
        self.waiting = 0.0
        #: Guard bits that hold for all calls of the line.
        self.flags = 0
        #: Who serves which type of proxy request, and what was passed to this client.
        self.handlers: dict[int, Handler] = {}
        self.proxies: list[Proxy] = []


class Phone(_Opened):
    """A phone that the client has opened."""

    __slots__ = ()
    machine: ClassVar[Machine] = Machine(PHONE)


class Dialog(Instance):
    """A dialog instance of a provider."""

    __slots__ = ("handle",)
    machine: ClassVar[Machine] = Machine(DIALOG)

    def __init__(self, handle: int) -> None:
        super().__init__()
        self.handle = handle


class Conference(Instance):
    """A conference, by the handle of the call that stands for it."""

    __slots__ = ("handle",)
    machine: ClassVar[Machine] = Machine(CONFERENCE)

    def __init__(self, handle: int) -> None:
        super().__init__()
        self.handle = handle


class Handler(Instance):
    """Whether somebody serves a type of proxy request on a line."""

    __slots__ = ()
    machine: ClassVar[Machine] = Machine(HANDLER)


class Proxy(Instance):
    """A request that was passed to this client."""

    __slots__ = ()
    machine: ClassVar[Machine] = Machine(PROXY)


class Agent(Instance):
    """An agent of a call centre."""

    __slots__ = ("handle",)
    machine: ClassVar[Machine] = Machine(AGENT)

    def __init__(self, handle: int) -> None:
        super().__init__()
        self.handle = handle


class AgentSession(Instance):
    """A session of an agent with a group."""

    __slots__ = ("handle",)
    machine: ClassVar[Machine] = Machine(SESSION)

    def __init__(self, handle: int) -> None:
        super().__init__()
        self.handle = handle


class Call(Instance):
    """A call handle of a client. ``last`` is the news of its last state event, or when the handle ended."""

    __slots__ = ("brought", "epoch", "flags", "handle", "inferred", "kin", "last", "line", "number", "path")
    machine: ClassVar[Machine] = Machine(CALL)

    def __init__(self, handle: int, epoch: int, line: Line | None, path: Path) -> None:
        self.mask = 1
        self.handle = handle
        self.epoch = epoch
        self.line = line
        self.path = path
        self.flags = 0
        self.last: Any = None
        #: Calls of a conversation in the order in which they were met.
        self.number = 0
        #: Whether the last state of the path only follows from a reply.
        self.inferred = False
        #: What the call is to another one: ("consultation", original), ("member", conference), ("conference", 0).
        self.kin: tuple[str, int] | None = None
        #: The request whose completion brought the handle, by device and name.
        self.brought: str | None = None

    def may(self, request: type[Request] | str) -> Move:
        """What the tables say about a request on this call now; true when nothing speaks against it.

        The request is a packet class or its name; one that names two calls stands for the first of them,
        ``"SwapHold hHeldCall"`` for the other. Raises `KeyError` for a request that names no call.
        """
        name = request if isinstance(request, str) else request.__name__
        return self.machine.move(self, ASKED[name], self.flags)

    def _repr_svg_(self) -> str | None:
        """Notebooks show the states that the call was known to be in."""
        from fsm.diagram.notebook import states_svg

        return states_svg(self.machine.table, f"call {self.handle:#x}#{self.epoch}", self.path.names() or self.states)

    def allowed(self) -> tuple[str, ...]:
        """The requests that nothing speaks against now, by name (1.3 of the call model, packet texts)."""
        return tuple(event.name for event in ASKS.values() if self.machine.move(self, event, self.flags))


class Exchange(Instance):
    """A request with its answer and reply. ``charges`` are rules that it breaks, to be judged by its outcome."""

    __slots__ = ("answered", "calls", "charges", "frame", "line", "number", "ok", "route", "time", "words")
    machine: ClassVar[Machine] = Machine(REQUEST)

    answered: int
    #: The request id, once it is known; whether its reply was a success.
    number: int
    ok: bool

    def __init__(self, route: Route, words: tuple[int, ...], frame: int, time: float) -> None:
        self.mask = 1
        self.route = route
        self.words = words
        self.frame = frame
        self.time = time
        self.charges: list[Any] | None = None
        self.calls: Any = ()
        self.line: Any = None


def final(call: Call) -> str:
    """How a call handle ended, as reports spell it."""
    mask = call.mask
    if mask & (1 << CallState.DEALLOCATED):
        return "deallocated"
    return "voided" if mask & (1 << CallState.VOID) else "live"
