"""The runner takes the steps of related instances: it records and reports them and runs joint rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.engine.finding import Finding
from fsm.engine.levels import Fault, verdict_of
from fsm.engine.machine import enter
from fsm.engine.row import Kind
from fsm.engine.step import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.engine.joint import JointIndex
    from fsm.engine.machine import Cell, Instance, Move
    from fsm.engine.row import Event

__all__ = ["Runner", "side_of"]


class Runner:
    """Takes steps at a point in time, ``frame`` and ``now``; set both before each packet.

    ``role`` is the side of the embedding program in strict use: an event that is not acceptable then raises
    `LocalProtocolError` or `RemoteProtocolError` and changes nothing. Each step is passed to the observers, each
    finding to ``tell``. ``owner`` has the instances; it is passed to them for joint rows. If an observer raises, the
    step remains taken and its finding is not reported.
    """

    def __init__(
        self,
        session: str,
        tell: Callable[[Finding], None],
        observers: list[Callable[[Step], None]],
        joints: JointIndex,
        *,
        role: Fault | None = None,
    ) -> None:
        self.session = session
        self.tell = tell
        self.observers = observers
        self.joints = joints
        self.role = role
        self.owner: Any = None
        self.frame = 0
        self.now = 0.0

    def advance(self, instance: Instance, cell: Cell, flags: int = 0) -> Move:
        """Take and record the step of one event; the caller reports it and runs joint rows."""
        before = instance.mask
        move = cell[before]
        if move.relevant:
            move = move.variants[(flags | instance.flags) & move.relevant]
        if move.rule and self.role is not None:
            self.refuse(instance, cell.event, move)
        enter(instance, move)
        if self.observers:
            self.record(instance, cell.event, before, move)
        return move

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
        """Take the step of one event, report it if its row has a rule, and run the joint rows of the new state."""
        before = instance.mask
        move = self.advance(instance, instance.machine.cells[event], flags)
        if move.rule:
            self.report(instance, event, before, move, what=what, where=where, fault=fault, frame=frame)
        if instance.mask != before:
            self.cascade(instance)
        return move

    def name(self, instance: Instance) -> str:
        """Return the name of an instance in steps and findings."""
        return instance.name or self.session

    def refuse(self, instance: Instance, event: Event, move: Move, rule: str = "") -> None:
        """Raise, in strict use, if a move is not acceptable; nothing has changed at that point.

        A joint event is the consequence of another event that was acceptable: it is reported instead.
        """
        local = side_of(event) is self.role
        if event.kind is Kind.JOINT or move.acceptable(local=local):
            return
        machine = instance.machine
        if instance.mask == machine.start:
            # This would have been the first event: the instance does not exist.
            instance.discard(self.owner)
        allowed, name = machine.instead(event, instance.mask), self.name(instance)
        raise machine.error(instance, event, move, allowed, local=local, name=name, rule=rule)

    def record(self, instance: Instance, event: Event, before: int, move: Move) -> None:
        """Pass a step to the observers."""
        name = self.name(instance)
        step = Step(self.frame, self.now, self.session, instance.machine, name, event, before, instance.mask, move)
        for observer in self.observers:
            observer(step)

    def cascade(self, instance: Instance) -> None:
        """Run the joint rows of the state that an instance has entered."""
        mask = instance.mask
        if mask & (mask - 1):
            return
        for machine, event in self.joints.get((instance.machine.name, mask.bit_length() - 1), ()):
            for other in list(instance.dependents(self.owner, machine)):
                other.prepare(self.owner)
                self.step(other, event, other.context(self.owner))
                other.retire(self.owner)

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
        """Report a step as a finding, under the rule of its row or a given rule."""
        machine = instance.machine
        rule = rule or move.rule
        record = None if machine.rules is None else machine.rules.find(rule)
        name = self.name(instance)
        where = where or f"{instance.noun}{name}"
        what = what or event.name
        sentence = "{what} on {where} in state {state}" if record is None else record.sentence
        self.tell(
            Finding(
                rule=rule,
                level=move.level,
                verdict=verdict_of(move.level),
                fault=fault or side_of(event),
                section=move.ref.section if move.ref else "",
                summary=sentence.format(what=what, where=where, state=machine.words(before)),
                frame=frame or self.frame,
                time=self.now,
                session=self.session,
                machine=machine.name,
                instance=name,
                state=machine.names(before),
                event=what,
                allowed=machine.instead(event, before),
                also=() if record is None else record.also,
            )
        )


def side_of(event: Event) -> Fault:
    """Return the side that causes an event."""
    return Fault.CLIENT if event.kind is Kind.REQUEST else Fault.SERVER
