"""What a director works with: a play that is judged while it is written, one client of it, and what waits for an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsm.judge.routes import ROUTES
from mstrp.generate.play import Kind, Line, Play, Role, Script
from mstrp.generate.stages import MonitorStage
from mstrp.testing.least import Option, RowKey, row_of
from mstrp.testing.legal import Names, legal_request
from mstrp.testing.seen import packets_of
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

__all__ = ["Act", "Judged", "Pending", "Scene"]

#: What an option does: a function that lets it happen, and its arguments.
Act = tuple["Callable[..., None]", tuple[Any, ...]]


class Judged(Play):
    """A play whose steps happen before a monitor as they are added."""

    def __init__(self, monitor: Monitor, coverage: Coverage, pace: float = 0.01) -> None:
        super().__init__()
        self.coverage = coverage
        self.stage = MonitorStage(monitor, pace=pace)

    def step(self, role: Role, kind: Kind, after: Iterable[int], **content: Any) -> int:
        """Add a step and let it happen."""
        number = super().step(role, kind, after, **content)
        self.stage.take(self.steps[number])
        for packet in packets_of(self.steps[number]):
            self.coverage.packet(packet)
        return number


@dataclass(eq=False, slots=True)
class Pending:
    """An asynchronous request that is under way."""

    packet: Any
    sent: int
    exchange: Transaction
    answered: int = -1

    @property
    def key(self) -> str:
        """The request by device and name."""
        return ROUTES[self.packet.req_func].key


class Scene:
    """One client with its session, as far as it is; the parts of a director add what may happen in it."""

    #: Calls, and requests under way, at the same time.
    CALLS, PENDING = 4, 8

    def __init__(self, play: Judged, role: Role) -> None:
        self.play = play
        self.role = role
        self.script = Script(play, role, None, ())
        self.pending: list[Pending] = []
        #: Lines and phones by handle, as their client knows them.
        self.lines: dict[int, Line] = {}
        self.phones: dict[int, Line] = {}
        self.news = 0

    @property
    def talk(self) -> Conversation:
        """What the monitor knows."""
        return self.play.stage.conversations[self.role]

    # -- what there is --------------------------------------------------------------------------------------------

    def app(self, kind: str) -> Application | None:
        """The application of a kind that is live."""
        return next((app for app in self.talk.applications.values() if app.kind == kind), None)

    def names(self, *, calls: dict[str, int] | None = None, line: int = 0, phone: int = 0) -> Names:
        """What requests may name."""
        talk = self.talk
        app, phone_app = self.app("line"), self.app("phone")
        return Names(
            app=app.handle if app else 0,
            line=line or next(iter(talk.lines), 0),
            phone_app=phone_app.handle if phone_app else 0,
            phone=phone or next(iter(talk.phones), 0),
            agent=next(iter(talk.registry.agents), 0),
            agent_session=next(iter(talk.registry.agent_sessions), 0),
            dialog=next(iter(talk.registry.dialogs), 0),
            call=next(iter(talk.calls), 0),
            calls=calls or {},
            version=self.role.version,
            provider=next(iter(talk.facts.providers or ()), 0),
            device=next(iter(talk.facts.line_ids or ()), 0),
            lines=2,
            phones=1,
        )

    def on(self, line: Opened | None) -> Script:
        """The script, set to a line."""
        self.script.line = None if line is None else self.lines.get(line.handle)
        return self.script

    # -- rows -----------------------------------------------------------------------------------------------------

    @staticmethod
    def legal(instance: Instance, event: Event, flags: int = 0) -> bool:
        """Whether nothing speaks against an event."""
        return instance.machine.may(instance, event, flags).legal

    @staticmethod
    def keys(*pairs: tuple[Instance, Event]) -> tuple[RowKey, ...]:
        """The rows that events take, where they can be told."""
        return tuple(key for key in (row_of(*pair) for pair in pairs) if key is not None)

    @staticmethod
    def start(machine: Any, event: Event) -> RowKey:
        """The row that an event takes with a new instance."""
        return RowKey(machine.name, machine.table.initial, event)

    def flags(self, call: Call) -> int:
        """The guard bits of a call."""
        return call.flags | call.context(self.talk.registry)

    def late(self, ended: float) -> bool:
        """Whether what was sent before an end may still arrive."""
        return self.talk.registry.in_flight(ended)

    # -- requests -------------------------------------------------------------------------------------------------

    def packet(self, kind: type[Request], names: Names | None = None, **given: Any) -> Any:
        """A legal request of the session."""
        return legal_request(kind, names or self.names(), **given)

    def send(self, packet: Any) -> Pending:
        """Send an asynchronous request; its answer is still to come."""
        number = self.role.identifier()
        packet = with_word(packet, type(packet).layout.index("dwRequestID"), number)
        sent = self.play.step(self.role, Kind.ASK, self.script.last, packet=packet)
        self.script.last = {sent}
        found = Pending(packet, sent, self.talk.registry.unanswered[number])
        self.pending.append(found)
        return found

    def option(self, takes: Iterable[Any], does: Callable[..., None], *arguments: Any, **more: Any) -> Option[Act]:
        """One thing that may happen."""
        return Option((does, arguments), tuple(takes), **more)
