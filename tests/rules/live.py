"""A conversation that is checked while it is written: each step is passed to a monitor at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.engine.levels import Level
from fsm.monitor import Monitor
from fsm.tables.call_states import CallState
from mstrp.generate.play import Kind, Play
from mstrp.generate.stages import MonitorStage
from protocol import line
from protocol.constants import LINECALLSTATE
from protocol.structures import LINECALLLIST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsm.conversation import Conversation
    from fsm.engine.finding import Finding
    from fsm.engine.step import Step
    from fsm.state.instances import Call
    from mstrp.generate.play import Asked, Role, Script
    from protocol.packet import Request

__all__ = ["MODES", "STARTS", "STATES", "Live", "arrive", "explained", "reach"]

#: The sixteen states, in the order of the specification.
STATES = [state.name for state in LINECALLSTATE]
#: A mode for each state that has one (2.2.4.2.1.8); CONFERENCED has the handle of its parent.
MODES = dict.fromkeys(("OFFERING", "DIALTONE", "BUSY", "SPECIALINFO", "CONNECTED", "DISCONNECTED"), 1)


def explained(step: Step) -> None:
    """Check that each step has a row, and that legal ones are not suspicious."""
    assert step.move.rule or not step.move.refused, f"no row: {step}"
    assert not step.move.legal or step.move.level is not Level.SUSPICIOUS, f"legal, yet suspicious: {step}"


class Live(Play):
    """A session of one client whose steps are passed to the monitor as they are added."""

    def __init__(self, *, pace: float = 0.01, partial: bool = False, **client: Any) -> None:
        super().__init__()
        self.monitor = Monitor()
        self.stage = MonitorStage(self.monitor, pace=pace, partial=partial)
        self.steps_seen: list[Any] = []
        self.monitor.on_step(self.steps_seen.append)
        self.role = self.client(**client)
        self.talk: Script = self.script(self.role)
        self._told = self._seen = 0
        self.news()

    def step(self, role: Role, kind: Kind, after: Iterable[int], **content: Any) -> int:
        """Add a step and pass it to the monitor."""
        number = super().step(role, kind, after, **content)
        self.stage.take(self.steps[number])
        return number

    @property
    def conversation(self) -> Conversation:
        """The conversation of the client."""
        return self.stage.conversations[self.role]

    def wait(self, seconds: float = 2.0) -> None:
        """Advance the time; by default beyond the grace period for late events."""
        self.stage.now += seconds

    def news(self) -> list[Finding]:
        """Return the findings since the last call; check that each step has a row."""
        for step in self.steps_seen[self._seen :]:
            explained(step)
        self._seen = len(self.steps_seen)
        found = self.monitor.findings[self._told :]
        self._told += len(found)
        return found

    def rules(self) -> set[str]:
        """Return the rules of the findings since the last call."""
        return {finding.rule for finding in self.news()}

    def record(self, handle: int) -> Call:
        """Return the instance of a call, open or ended."""
        found = self.conversation.calls.get(handle) or self.conversation.registry.ended_calls.get(handle)
        assert found is not None, hex(handle)
        return found

    def states(self, handle: int) -> set[str]:
        """Return the possible states of a call, by the name of the constant."""
        mask = self.record(handle).mask
        return {state.name for state in CallState if mask >> state & 1}

    def level(self, event: str, machine: str = "call") -> Any:
        """Return the level of the last step for an event."""
        return next(
            step.move.level
            for step in reversed(self.steps_seen)
            if step.event.name == event and step.machine.name == machine
        )

    # -- sequences of packets -------------------------------------------------------------------------------------

    def done(self, packet: Request, result: int = 0, **brings: Any) -> Asked:
        """Add an asynchronous request with its response and completion."""
        asked = self.talk.ask(packet)
        self.talk.reply(asked, result, **brings)
        return asked

    def reports(self, handle: int, state: str, mode: int | None = None, **options: Any) -> None:
        """Add LINE_CALLSTATE, with a mode that is valid for the state."""
        if mode is None:
            mode = self.parent() if state == "CONFERENCED" else MODES.get(state, 0)
        self.talk.state(handle, LINECALLSTATE[state], mode, **options)

    def parent(self) -> int:
        """Return a call that can represent a conference."""
        if not hasattr(self, "_parent"):
            self._parent = self.talk.offer(state=LINECALLSTATE.CONNECTED, mode=1)
        return self._parent

    def made(self, kind: type[Request], field: str, **words: Any) -> int:
        """Return a call that the completion of a request returns in a field."""
        handle = self.talk.call()
        if "line" in kind.layout.by_name:
            words.setdefault("line", self.line.handle)
        handles = {name: self.talk.call() for name in ("conf_call", "consult_call") if name != field}
        creates = {name: value for name, value in handles.items() if name in kind.Completion.layout.by_name}
        self.done(kind(context=7, **words), **{**creates, field: handle})
        return handle

    @property
    def line(self) -> Any:
        """The line of the client."""
        return self.role.lines[0]


def _announced(live: Live) -> int:
    handle = live.talk.call()
    live.talk.tell(live.talk.announcement(handle))
    return handle


def _listed(live: Live) -> int:
    handle = live.talk.call()
    asked = line.GetNewCalls(line=live.line.handle, select=1, call_list=256)
    live.talk.ask(asked, call_list=LINECALLLIST(calls=(handle,)))
    return handle


def _connected(live: Live) -> int:
    return live.talk.offer(state=LINECALLSTATE.CONNECTED)


#: Ways to create a handle without a known state (1.2 of the call model).
STARTS: dict[str, Callable[[Live], int]] = {
    "ANNOUNCED": _announced,
    "LISTED": _listed,
    "MADE": lambda live: live.made(line.MakeCall, "call", dest_address="1"),
    "PICKED_UP": lambda live: live.made(line.PickUp, "call", dest_address="1"),
    "CONSULTATION": lambda live: live.made(line.SetUpTransfer, "consult_call", call=_connected(live)),
    "PARENT": lambda live: live.made(line.SetUpConference, "conf_call", call=_connected(live)),
}


def arrive(live: Live, state: str, **options: Any) -> int:
    """Return a new incoming call in one of the sixteen states."""
    mode = live.parent() if state == "CONFERENCED" else MODES.get(state, 0)
    return live.talk.offer(state=LINECALLSTATE[state], mode=mode, **options)


def reach(live: Live, state: str) -> int:
    """Return a call in one of the sixteen states, or before its first state; discard the findings so far."""
    live.parent()
    handle = STARTS[state](live) if state in STARTS else arrive(live, state)
    assert live.states(handle) == {state}
    live.news()
    return handle
