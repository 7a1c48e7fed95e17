"""The basis of a director: a play that a monitor checks while it is written, one client, and its pending requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsm.judge.routes import ROUTES
from mstrp.generate.play import Kind, Line, Play, Role, Script
from mstrp.generate.stages import MonitorStage
from mstrp.testing.coverage import packets_of
from mstrp.testing.legal import Names, legal_request
from mstrp.testing.selection import Option, RowKey, row_of
from mstrp.testing.variants import with_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsm.conversation import Conversation
    from fsm.engine.machine import Instance
    from fsm.engine.row import Event
    from fsm.monitor import Monitor
    from fsm.state.coverage import Coverage
    from fsm.state.instances import Application, Call, Transaction
    from fsm.state.instances import Line as Opened
    from protocol.packet import Request

__all__ = ["Act", "ClientSession", "MonitoredPlay", "Pending"]

#: The action of an option: a function that performs it, and its arguments.
Act = tuple["Callable[..., None]", tuple[Any, ...]]


class MonitoredPlay(Play):
    """A play whose steps are passed to a monitor as they are added."""

    def __init__(self, monitor: Monitor, coverage: Coverage, pace: float = 0.01) -> None:
        super().__init__()
        self.coverage = coverage
        self.stage = MonitorStage(monitor, pace=pace)

    def step(self, role: Role, kind: Kind, after: Iterable[int], **content: Any) -> int:
        """Add a step and pass it to the monitor."""
        number = super().step(role, kind, after, **content)
        self.stage.take(self.steps[number])
        for packet in packets_of(self.steps[number]):
            self.coverage.packet(packet)
        return number


@dataclass(eq=False, slots=True)
class Pending:
    """A pending asynchronous request."""

    packet: Any
    sent: int
    exchange: Transaction
    answered: int = -1

    @property
    def key(self) -> str:
        """The request by device and name."""
        return ROUTES[self.packet.req_func].key


class ClientSession:
    """One client with its session; subclasses add the actions that are possible in it."""

    #: Maximum numbers of calls and of pending requests.
    CALLS, PENDING = 4, 8

    def __init__(self, play: MonitoredPlay, role: Role) -> None:
        self.play = play
        self.role = role
        self.script = Script(play, role, None, ())
        self.pending: list[Pending] = []
        #: Lines and phones by handle, as the client knows them.
        self.lines: dict[int, Line] = {}
        self.phones: dict[int, Line] = {}
        self.news = 0

    @property
    def conversation(self) -> Conversation:
        """The monitor's view of the session."""
        return self.play.stage.conversations[self.role]

    # -- objects of the session -----------------------------------------------------------------------------------

    def app(self, kind: str) -> Application | None:
        """Return the open application of the given kind, if any."""
        return next((app for app in self.conversation.applications.values() if app.kind == kind), None)

    def names(self, *, calls: dict[str, int] | None = None, line: int = 0, phone: int = 0) -> Names:
        """Return the values that requests may refer to."""
        conversation = self.conversation
        app, phone_app = self.app("line"), self.app("phone")
        return Names(
            app=app.handle if app else 0,
            line=line or next(iter(conversation.lines), 0),
            phone_app=phone_app.handle if phone_app else 0,
            phone=phone or next(iter(conversation.phones), 0),
            agent=next(iter(conversation.registry.agents), 0),
            agent_session=next(iter(conversation.registry.agent_sessions), 0),
            dialog=next(iter(conversation.registry.dialogs), 0),
            call=next(iter(conversation.calls), 0),
            calls=calls or {},
            version=self.role.version,
            provider=next(iter(conversation.facts.providers or ()), 0),
            device=next(iter(conversation.facts.line_ids or ()), 0),
            lines=2,
            phones=1,
        )

    def on(self, line: Opened | None) -> Script:
        """Return the script, with the given line selected."""
        self.script.line = None if line is None else self.lines.get(line.handle)
        return self.script

    # -- rows -----------------------------------------------------------------------------------------------------

    @staticmethod
    def legal(instance: Instance, event: Event, flags: int = 0) -> bool:
        """Return whether an event is legal for an instance."""
        return instance.machine.may(instance, event, flags).legal

    @staticmethod
    def keys(*pairs: tuple[Instance, Event]) -> tuple[RowKey, ...]:
        """Return the rows that events take, if the states of the instances are certain."""
        return tuple(key for key in (row_of(*pair) for pair in pairs) if key is not None)

    @staticmethod
    def start(machine: Any, event: Event) -> RowKey:
        """Return the row that an event takes for a new instance."""
        return RowKey(machine.name, machine.table.initial, event)

    def flags(self, call: Call) -> int:
        """Return the guard bits of a call."""
        return call.flags | call.context(self.conversation.registry)

    def late(self, ended: float) -> bool:
        """Return whether an event sent before the handle ended may still arrive."""
        return self.conversation.registry.events_in_flight(ended)

    # -- requests -------------------------------------------------------------------------------------------------

    def packet(self, kind: type[Request], names: Names | None = None, **given: Any) -> Any:
        """Return a legal request of the session."""
        return legal_request(kind, names or self.names(), **given)

    def send(self, packet: Any) -> Pending:
        """Send an asynchronous request without its response."""
        number = self.role.identifier()
        packet = with_word(packet, type(packet).layout.index("dwRequestID"), number)
        sent = self.play.step(self.role, Kind.ASK, self.script.last, packet=packet)
        self.script.last = {sent}
        found = Pending(packet, sent, self.conversation.registry.unanswered.first[number])
        self.pending.append(found)
        return found

    def option(self, takes: Iterable[Any], does: Callable[..., None], *arguments: Any, **more: Any) -> Option[Act]:
        """Return an option with the given rows and action."""
        return Option((does, arguments), tuple(takes), **more)
