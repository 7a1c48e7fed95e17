"""The registry: the instances of one binding by handle, open and recently ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fsm.engine.joint import index_joints
from fsm.state.facts import Facts
from fsm.state.instances import (
    Agent,
    AgentSession,
    Application,
    Binding,
    Call,
    Channel,
    Conference,
    Dialog,
    Line,
    Phone,
    Transaction,
)
from fsm.state.memory import Memory
from fsm.state.slots import Slots
from fsm.tables.bits import FILTERED
from fsm.tables.call import UNSWAPPED
from fsm.tables.joint import JOINT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsm.engine.machine import Instance
    from fsm.engine.runner import Runner
    from fsm.state.paths import Paths

__all__ = ["JOINTS", "Registry", "Swap"]

#: The joint rows of MS-TRP, indexed.
JOINTS: Final = index_joints(JOINT)


class Swap(NamedTuple):
    """The calls of a successful SwapHold that are owed a LINE_CALLSTATE."""

    owed: tuple[Call, ...]
    time: float


class Registry:
    """The instances of one binding, and how much of the conversation is known.

    ``partial``: instances may exist whose creation was not seen. ``grace``: seconds after an end during which packets
    may arrive that were sent before it.
    """

    def __init__(self, runner: Runner, paths: Paths, *, partial: bool = False, grace: float = 1.0) -> None:
        self.runner = runner
        runner.owner = self
        self.paths = paths
        self.partial = partial
        self.grace = grace
        #: The time of the last gap: earlier requests and ends prove nothing.
        self.gap_at = float("-inf")
        self.facts = Facts()
        self.binding = Binding()
        self.channel = Channel()
        self.applications: dict[int, Application] = {}
        #: Ended applications by InitContext; InitContexts of Initialize requests without a response; the InitContext of
        #: an application that the last events were for, -1 if it is not known.
        self.ended_contexts: Memory[int, Application] = Memory()
        self.initializing: dict[Transaction, int] = {}
        self.trusted_context = -1
        self.lines: dict[int, Line] = {}
        #: Lines and phones by the handle that events carry.
        self.reported: dict[int, Line] = {}
        self.phones: dict[int, Phone] = {}
        self.reported_phones: dict[int, Phone] = {}
        self.dialogs: dict[int, Dialog] = {}
        self.agents: dict[int, Agent] = {}
        self.agent_sessions: dict[int, AgentSession] = {}
        #: Conferences by the handle of the call that represents each.
        self.conferences: dict[int, Conference] = {}
        #: Calls that a SwapHold exchanged and that were not reported since (O14).
        self.swaps: list[Swap] = []
        self.calls: dict[int, Call] = {}
        self.ended_calls: Memory[int, Call] = Memory()
        self.ended_applications: Memory[int, Application] = Memory()
        #: Ended lines and phones by their handles, and by the handles that events carry.
        self.ended_lines: Memory[int, Line] = Memory()
        self.ended_reported: Memory[int, Line] = Memory()
        self.ended_phones: Memory[int, Phone] = Memory()
        self.ended_reported_phones: Memory[int, Phone] = Memory()
        #: Requests to open a line or phone that were not refused, by the handle that events will carry: events may be
        #: seen before the response.
        self.opening: dict[int, Transaction] = {}
        #: Asynchronous requests awaiting a reply, by id.
        self.pending = Slots()
        #: Asynchronous requests awaiting a response: by the id that they chose, and those that chose none.
        self.unanswered = Slots()
        self.unnumbered: dict[Transaction, None] = {}
        #: Requests to release a handle that await a response, and the instance that each names.
        self.ending: dict[Transaction, Instance | None] = {}
        #: Whether responses and events are among the packets that are seen; a capture may lack a connection.
        self.responses_seen = True
        self.events_seen = True
        #: Whether all packets up to the end are seen; a capture may lack the last ones of a connection.
        self.end_seen = True
        #: Completed requests, by id.
        self.recent: Memory[int, Transaction] = Memory()
        #: The connection of the packet at hand, None as long as the conversation has only one for its requests; and
        #: whether a response is at hand that ends handles.
        self.carrier: object = None
        self.releasing = False
        #: Events at hand were sent after the request of this time; whether their order is that of one connection.
        self.sent_after = float("-inf")
        self.sequenced = True
        #: Bits of lines and calls whose creation was not seen: an event filter may have been set before (Q19).
        self.line_flags = FILTERED.bit if partial else 0
        #: Number of calls so far.
        self.met = 0
        self.on_call_end: Callable[[Call], None] = lambda call: None

    @property
    def now(self) -> float:
        """The time of the packet at hand, in seconds."""
        return self.runner.now

    def in_flight(self, ended: float) -> bool:
        """Whether the other side may not know yet of an end at a time (2.5 of the call model)."""
        return self.runner.now - ended <= self.grace

    def events_in_flight(self, ended: float) -> bool:
        """Whether the event at hand may have been sent before an end at a time."""
        return self.runner.now - ended <= self.grace and self.sent_after <= ended

    @property
    def sees_responses(self) -> bool:
        """Whether the response that gives out or ends a handle would have been seen."""
        return self.responses_seen or not self.partial

    @property
    def sees_events(self) -> bool:
        """Whether the event that gives out a handle, or completes a request, would have been seen."""
        return self.events_seen or not self.partial

    def may_have_ended(self, call: Call) -> bool:
        """Whether the end of an open call may have been missed or is in progress: its handle may be in use again."""
        if not self.sees_responses:
            return True
        if not self.ending:
            return False
        released = self.ending.values()
        line = call.line
        return call in released or (line is not None and (line in released or line.app in released))

    def may_be_in_use(self, ended: float) -> bool:
        """Whether a handle that ended at a time may have been given out again by a response that was missed."""
        return ended <= self.gap_at or not self.sees_responses

    def of_machine(self, machine: str) -> Iterable[Instance]:
        """Return the open instances of a machine by its name; pending requests for any other name."""
        if machine == "line":
            return dict.fromkeys((*self.lines.values(), *self.reported.values()))
        kept: dict[str, dict[int, Any]] = {
            "application": self.applications,
            "phone": self.phones,
            "call": self.calls,
            "dialog": self.dialogs,
            "agent": self.agents,
            "agent-session": self.agent_sessions,
        }
        found = kept.get(machine)
        return self.pending.values() if found is None else found.values()

    def add_call(self, handle: int, line: Line | None) -> Call:
        """Register a call for a handle; a value that is used again starts a new epoch (Q24)."""
        earlier = self.ended_calls.pop(handle)
        flags = self.line_flags if line is None else line.flags
        call = Call(handle, 1 if earlier is None else earlier.epoch + 1, line, self.paths.root, flags)
        call.last = self.runner.now
        self.met += 1
        call.number = self.met
        if line is not None:
            line.calls[handle] = call
        self.calls[handle] = call
        return call

    def end_swap(self, call: Call) -> None:
        """Report, before a call ends, that only the other call of a SwapHold was reported (O14)."""
        for swap in [swap for swap in self.swaps if call in swap.owed]:
            self.swaps.remove(swap)
            if len(swap.owed) == 1 and self.runner.now - swap.time > self.grace:
                self.runner.step(call, UNSWAPPED, what="SwapHold")
