"""Everything that one client has at the server: applications, lines, phones, calls, requests, dialogs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fsm.engine.finding import Finding
from fsm.engine.levels import Fault, verdict_of
from fsm.engine.row import Kind
from fsm.engine.step import Step
from fsm.rules.wording import ALSO, sentence
from fsm.state.facts import Facts
from fsm.state.instances import (
    Agent,
    AgentSession,
    App,
    Binding,
    Call,
    Channel,
    Conference,
    Dialog,
    Exchange,
    Line,
    Paths,
    Phone,
    Version,
)
from fsm.state.memory import Memory
from fsm.tables.agents import PROXY
from fsm.tables.call import CALL, UNSWAPPED
from fsm.tables.call_reports import FILTERED, REPORTS
from fsm.tables.call_requests import IN_FLIGHT
from fsm.tables.call_states import LABELS
from fsm.tables.conference import ConferenceState
from fsm.tables.joint import JOINT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsm.engine.machine import Instance, Machine, Move
    from fsm.engine.row import Event

__all__ = ["Registry", "Swap"]

_RELEASED: Final = 1 << ConferenceState.RELEASED
#: Joint rows by the machine and state that set them off.
_JOINTS: Final[dict[tuple[str, int], list[tuple[str, Event]]]] = {}
for _joint in JOINT:
    _JOINTS.setdefault((_joint.trigger.name, _joint.state), []).append((_joint.dependent.name, _joint.event))


class Swap(NamedTuple):
    """The calls of a successful SwapHold that are owed a LINE_CALLSTATE."""

    owed: tuple[Call, ...]
    time: float


class Registry:
    """The instances of one binding, found by handle, and the joint rows that run between them."""

    def __init__(
        self,
        session: str,
        paths: Paths,
        tell: Callable[[Finding], None],
        observers: list[Callable[[Step], None]],
        *,
        partial: bool = False,
        grace: float = 1.0,
        role: Fault | None = None,
    ) -> None:
        self.session = session
        #: In strict use the side that the embedding program plays; None while only watching.
        self.role = role
        self.paths = paths
        self.tell = tell
        self.observers = observers
        #: Whether things may exist that were never seen to be created.
        self.partial = partial
        #: When packets were last found to be missing: what was sent or had ended by then proves nothing.
        self.gap_at = float("-inf")
        self.grace = grace
        self.facts = Facts()
        self.binding = Binding()
        self.channel = Channel()
        self.apps: dict[int, App] = {}
        self.lines: dict[int, Line] = {}
        #: Lines and phones by the handle that events carry.
        self.reported: dict[int, Line] = {}
        self.phones: dict[int, Phone] = {}
        self.reported_phones: dict[int, Phone] = {}
        self.dialogs: dict[int, Dialog] = {}
        self.agents: dict[int, Agent] = {}
        self.agent_sessions: dict[int, AgentSession] = {}
        #: Conferences by the handle of the call that stands for each.
        self.conferences: dict[int, Conference] = {}
        #: What a SwapHold exchanged and was not reported yet (O14).
        self.swaps: list[Swap] = []
        self.calls: dict[int, Call] = {}
        self.ended_calls: Memory[int, Call] = Memory()
        #: Ended applications, lines and phones by their handles, and by the handles that events carry.
        self.ended_apps: Memory[int, App] = Memory()
        self.ended_lines: Memory[int, Line] = Memory()
        self.ended_reported: Memory[int, Line] = Memory()
        self.ended_phones: Memory[int, Phone] = Memory()
        self.ended_reported_phones: Memory[int, Phone] = Memory()
        #: Requests to open a line or phone that were not refused, by the handle that events will carry: events may be
        #: seen before the answer.
        self.opening: dict[int, Exchange] = {}
        #: Asynchronous requests that wait for a reply, by id.
        self.pending: dict[int, Exchange] = {}
        #: Asynchronous requests that wait for an answer: by the id that they chose, and those that chose none.
        self.unanswered: dict[int, Exchange] = {}
        self.unnumbered: dict[Exchange, None] = {}
        #: Requests that are done, by id.
        self.recent: Memory[int, Exchange] = Memory()
        #: Guard bits that hold for all lines: an event filter may have been set before the beginning (Q19).
        self.line_flags = FILTERED.bit if partial else 0
        #: How many calls there have been.
        self.met = 0
        self.frame = 0
        self.now = 0.0
        self.on_call_end: Callable[[Call], None] = lambda call: None

    # -- instances ------------------------------------------------------------------------------------------------

    def new_call(self, handle: int, line: Line | None) -> Call:
        """A call record for a handle; a value that comes back starts a new epoch (Q24)."""
        earlier = self.ended_calls.pop(handle)
        call = Call(handle, 1 if earlier is None else earlier.epoch + 1, line, self.paths.root)
        call.last = self.now
        self.met += 1
        call.number = self.met
        call.flags = self.line_flags
        if line is not None:
            call.flags = line.flags
            line.calls[handle] = call
        self.calls[handle] = call
        return call

    def call_ended(self, call: Call) -> None:
        """Take a call out of the live ones; it is remembered for a while."""
        handle = call.handle
        self.calls.pop(handle, None)
        if call.line is not None:
            call.line.calls.pop(handle, None)
            if call.line.announced is call:
                call.line.announced = None
        call.last = self.now
        self.ended_calls.put(handle, call)
        self.on_call_end(call)

    def swap_over(self, call: Call) -> None:
        """A call is about to end: if the other one of a SwapHold was reported alone, this one was forgotten (O14)."""
        for swap in [swap for swap in self.swaps if call in swap.owed]:
            self.swaps.remove(swap)
            if len(swap.owed) == 1 and self.now - swap.time > self.grace:
                self.step(call, UNSWAPPED, call.flags, what="SwapHold")

    def name(self, instance: Instance) -> str:
        """How reports name an instance."""
        if isinstance(instance, (Call, Line, Phone, App)):
            return f"{instance.handle:#x}#{instance.epoch}"
        if isinstance(instance, Exchange):
            return instance.route.name
        if isinstance(instance, Version):
            return f"device {instance.device}"
        if isinstance(instance, (Agent, AgentSession, Conference, Dialog)):
            return f"{instance.handle:#x}"
        return self.session

    # -- steps ----------------------------------------------------------------------------------------------------

    def step(
        self,
        instance: Instance,
        event: Event,
        flags: int = 0,
        *,
        what: str = "",
        where: str = "",
        fault: Fault | None = None,
        frame: int = 0,
    ) -> Move:
        """Let an event happen, record it and report what its row says; joint rows follow."""
        machine = instance.machine
        before = instance.mask
        move = machine.move(instance, event, flags)
        if move.rule and self.role is not None:
            self.refuse(instance, event, move)
        instance.mask = move.target
        if self.observers:
            self.record(instance, event, before, move)
        if move.rule:
            self.report(instance, event, before, move, what=what, where=where, fault=fault, frame=frame)
        if instance.mask != before:
            self.cascade(instance)
        return move

    def refuse(self, instance: Instance, event: Event, move: Move, rule: str = "") -> None:
        """Raise, in strict use, when an event is not acceptable; nothing has changed by then.

        A joint event is the consequence of another one, which was acceptable: it is reported instead.
        """
        local = (Fault.CLIENT if event.kind is Kind.REQUEST else Fault.SERVER) is self.role
        if event.kind is Kind.JOINT or move.acceptable(local=local):
            return
        if isinstance(instance, Call) and instance.mask == instance.machine.start:
            # The event would have been the first of the handle, which therefore does not exist.
            self.calls.pop(instance.handle, None)
            if instance.line is not None:
                instance.line.calls.pop(instance.handle, None)
        allowed = legal_instead(instance.machine, event, instance.mask)
        name = self.name(instance)
        raise instance.machine.error(instance, event, move, allowed, local=local, name=name, rule=rule)

    def record(self, instance: Instance, event: Event, before: int, move: Move) -> None:
        """Give a step to whoever watches."""
        name = self.name(instance)
        record = Step(self.frame, self.now, self.session, instance.machine, name, event, before, instance.mask, move)
        for observer in self.observers:
            observer(record)

    def cascade(self, instance: Instance) -> None:
        """Run the joint rows of the state that an instance has entered."""
        mask = instance.mask
        if mask & (mask - 1):
            return
        for dependent, event in _JOINTS.get((instance.machine.name, mask.bit_length() - 1), ()):
            for other in list(self.dependents(instance, dependent)):
                if self.swaps and isinstance(other, Call):
                    self.swap_over(other)
                self.step(other, event, self.flags_of(other))
                self.settle(other)

    def dependents(self, instance: Instance, machine: str) -> Iterable[Instance]:
        """What hangs on an instance, of one kind."""
        if isinstance(instance, Call):
            found_conference = self.conferences.get(instance.handle)
            return () if found_conference is None else (found_conference,)
        if isinstance(instance, Line):
            if machine == PROXY.name:
                return instance.proxies
            return instance.calls.values() if machine == CALL.name else instance.pending
        if isinstance(instance, Phone):
            return instance.pending
        if isinstance(instance, App):
            return [member for member in instance.members.values() if member.machine.name == machine]
        if isinstance(instance, Binding):
            kept: dict[str, dict[int, Any]] = {
                "application": self.apps,
                "line": self.lines,
                "phone": self.phones,
                "call": self.calls,
                "dialog": self.dialogs,
                "agent": self.agents,
                "agent-session": self.agent_sessions,
            }
            found: Iterable[Instance] = kept.get(machine, self.pending).values()
            return found
        return ()

    def flags_of(self, instance: Instance) -> int:
        """The guard bits that hold for an instance."""
        if not isinstance(instance, Call):
            return 0
        fresh = isinstance(instance.last, float) and self.in_flight(instance.last)
        return instance.flags | (IN_FLIGHT.bit if fresh else 0)

    def in_flight(self, ended: float) -> bool:
        """Whether something that ended at a time may not be known to everybody yet (2.5 of the call model)."""
        return self.now - ended <= self.grace

    def settle(self, instance: Instance) -> None:
        """Move an instance that has ended out of the way."""
        if isinstance(instance, Call):
            self.call_ended(instance)
        elif isinstance(instance, Line):
            self.line_ended(instance)
        elif isinstance(instance, Phone):
            instance.ended = self.now
            self.phones.pop(instance.handle, None)
            self.reported_phones.pop(instance.reported, None)
            self.ended_phones.put(instance.handle, instance)
            self.ended_reported_phones.put(instance.reported, instance)
        elif isinstance(instance, App):
            instance.ended = self.now
            self.apps.pop(instance.handle, None)
            self.ended_apps.put(instance.handle, instance)
        elif isinstance(instance, Conference):
            if instance.mask == _RELEASED:
                del self.conferences[instance.handle]
        elif isinstance(instance, Exchange) and self.pending.get(instance.number) is instance:
            del self.pending[instance.number]
            self.recent.put(instance.number, instance)

    def line_ended(self, line: Line) -> None:
        """Take a line out of the open ones; it is remembered for a while."""
        line.ended = self.now
        self.lines.pop(line.handle, None)
        if self.reported.get(line.reported) is line:
            del self.reported[line.reported]
        if line.app is not None:
            line.app.members.pop(line.handle, None)
        self.ended_lines.put(line.handle, line)
        self.ended_reported.put(line.reported, line)

    # -- findings -------------------------------------------------------------------------------------------------

    def report(
        self,
        instance: Instance,
        event: Event,
        before: int,
        move: Move,
        *,
        what: str = "",
        where: str = "",
        fault: Fault | None = None,
        frame: int = 0,
        rule: str = "",
    ) -> None:
        """Make a finding out of a step that its row reports."""
        machine = instance.machine
        rule = rule or move.rule
        states = machine.names(before)
        noun = {"call": "call ", "line": "line ", "phone": "phone "}.get(machine.name, "")
        what = what or event.name
        summary = sentence(rule, what=what, where=where or f"{noun}{self.name(instance)}", state=machine.words(before))
        self.tell(
            Finding(
                rule=rule,
                level=move.level,
                verdict=verdict_of(move.level),
                fault=fault or (Fault.CLIENT if event.kind is Kind.REQUEST else Fault.SERVER),
                section=move.ref.section if move.ref else "",
                summary=summary,
                frame=frame or self.frame,
                time=self.now,
                session=self.session,
                machine=machine.name,
                instance=self.name(instance),
                state=states,
                event=what,
                allowed=legal_instead(machine, event, before),
                also=ALSO.get(rule, ()),
            )
        )


def legal_instead(machine: Machine, event: Event, mask: int) -> tuple[str, ...]:
    """What would have been legal: states for a request, states that could be reported for a report."""
    if event.kind is Kind.REQUEST:
        return machine.allowing(event)
    if machine.table is CALL:
        return tuple(
            LABELS.get(state, state.name.lower()) for state, other in REPORTS.items() if _legal(machine, other, mask)
        )
    return tuple(other.name for other in machine.allowed(mask) if other.kind is event.kind)


def _legal(machine: Machine, event: Event, mask: int) -> bool:
    move = machine.cells[event][mask]
    return move.legal or any(variant.legal for variant in move.variants.values())
