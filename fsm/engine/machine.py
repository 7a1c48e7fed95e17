"""Tables and the index compiled from them: one dictionary lookup per step.

Invariant of this package: every step of every machine is a row of a table. Only `enter` and `believe` change the states
of an instance.

Theory of operation. An instance has a *set* of possible states, as a bit mask, because information may be incomplete:
the capture starts in mid-call, or a success is not followed by a report. An event is looked up for every state of the
set. The states in which it is legal remain, and the others are ruled out; the event is a contradiction only if it is
legal in none. Legal rows with an effect have priority over legal rows that merely tolerate the event (if a success has
an effect in one of the states, that was the state). An event that proves nothing, such as the sending of a request,
leaves the set unchanged.

Guards test named bits of context. A cell stores which bits are significant, so a step is two lookups: the cell for
(event, set), then the move for the bits. Both are computed on first use and cached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from fsm.engine.compiling import mypyc_attr
from fsm.engine.display import DISPLAY
from fsm.engine.errors import LocalProtocolError, RemoteProtocolError, TableError
from fsm.engine.levels import Level
from fsm.engine.row import Kind
from fsm.engine.rule import either
from fsm.engine.table import Outside, Table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import IntEnum

    from fsm.engine.errors import ProtocolError
    from fsm.engine.row import Event, Guard, Row
    from fsm.engine.rule import Catalogue

__all__ = ["Cell", "Instance", "Machine", "Move", "Outside", "Table", "believe", "enter"]


class Move:
    """The effect of an event on a set of states.

    ``legal`` is true if there is nothing to report; otherwise ``rule``, ``level`` and ``ref`` describe the violation.
    ``refused`` means that no row matched: the set is unchanged.
    """

    __slots__ = (
        "changes",
        "clears",
        "expect",
        "legal",
        "level",
        "ref",
        "refused",
        "relevant",
        "row",
        "rows",
        "rule",
        "sets",
        "source",
        "target",
        "variants",
    )

    def __init__(self, target: int, rows: tuple[Row, ...], outside: Outside | None) -> None:
        self.target = target
        self.rows = rows
        self.row = rows[0] if rows else None
        self.refused = not rows
        self.expect = 0
        #: Bits of the instance that the rows set and clear; whether there are any.
        self.sets = self.clears = 0
        for row in rows:
            for state in row.expect:
                self.expect |= 1 << state
            for guard in row.sets:
                self.sets |= guard.bit
            for guard in row.clears:
                self.clears |= guard.bit
        self.changes = bool(self.sets or self.clears)
        decider: Row | Outside | None = self.row or outside
        self.rule = decider.rule if decider else ""
        self.level = decider.level if decider else Level.STATED
        self.ref = decider.ref if decider else None
        #: The only state in which the event is possible, or None.
        self.source = rows[0].source if len({row.source for row in rows}) == 1 else None
        self.legal = bool(rows) and not self.rule
        #: Significant guard bits; if there are any, ``variants`` has the move for each combination.
        self.relevant = 0
        self.variants: dict[int, Move] = {}

    def __bool__(self) -> bool:
        return self.legal

    def acceptable(self, *, local: bool) -> bool:
        """Return whether strict use accepts the move: the program's own only if legal, the peer's also if suspicious."""
        return self.legal or (not local and self.level is Level.SUSPICIOUS)

    def __repr__(self) -> str:
        kind = "legal" if self.legal else f"refused {self.rule}" if self.refused else f"reported {self.rule}"
        return f"<Move {kind} -> {self.target:#x}>"


class Cell(dict[int, Move]):
    """The moves of one event, by the set of states; computed on first use."""

    __slots__ = ("event", "machine")

    #: Maximum number of cached sets; traffic in practice has few.
    LIMIT: ClassVar[int] = 16384

    def __init__(self, machine: Machine, event: Event) -> None:
        self.machine = machine
        self.event = event

    def look(self, instance: Instance, flags: int = 0) -> Move:
        """Return the move for an instance, given bits of context, without changes."""
        move = self[instance.mask]
        return move.variants[(flags | instance.flags) & move.relevant] if move.relevant else move

    def __missing__(self, mask: int) -> Move:
        move = self.machine.compute(self.event, mask)
        if len(self) < self.LIMIT:
            self[mask] = move
        return move


@mypyc_attr(allow_interpreted_subclasses=True)
class Instance:
    """An object with a machine: a call, a line, a request.

    ``mask`` is its set of possible states, ``flags`` the bits that rows set and clear.
    """

    __slots__ = ("flags", "mask")

    machine: ClassVar[Machine]
    #: The noun before the name in a finding; empty if the name is sufficient.
    noun: ClassVar[str] = ""
    mask: int
    flags: int

    def __init__(self, flags: int = 0) -> None:
        self.mask = self.machine.start
        self.flags = flags

    @property
    def name(self) -> str:
        """The name of the instance in steps and findings; empty if the session id is its name."""
        return ""

    @property
    def states(self) -> tuple[str, ...]:
        """The possible states by name."""
        return self.machine.names(self.mask)

    # Joint rows: ``owner`` is the object that has the instances.

    def dependents(self, owner: Any, machine: str) -> Iterable[Instance]:
        """Return the instances of a machine that depend on this one."""
        return ()

    def context(self, owner: Any) -> int:
        """Return the bits of context in which the instance meets an event now."""
        return 0

    def prepare(self, owner: Any) -> None:
        """Take steps that must precede a joint event."""

    def retire(self, owner: Any) -> None:
        """Remove the instance from the owner's open instances if it has ended."""

    def discard(self, owner: Any) -> None:
        """Remove the instance from the owner's open instances because its first event was refused."""


def enter(instance: Instance, move: Move) -> None:
    """Take a step: set the states and bits of a move."""
    instance.mask = move.target
    if move.changes:
        instance.flags = instance.flags & ~move.clears | move.sets


def believe(instance: Instance, states: int, flags: int) -> None:
    """Replace the set of possible states and the bits, from knowledge outside the table.

    Used for missing packets, sessions with an earlier start, and resynchronization after a finding.
    """
    instance.mask = states
    instance.flags = flags


class Machine:
    """A table, validated and compiled.

    With a catalogue, each rule of a row must have a record in it. Raises `TableError` for an invalid table.
    """

    def __init__(self, table: Table, rules: Catalogue | None = None) -> None:
        self.table = table
        self.rules = rules
        self.name = table.name
        self.start = 1 << table.initial
        self.all = sum(1 << state for state in table.states)
        self.guards: dict[int, Guard] = {}
        self._allowing: dict[tuple[Event, int, Level], tuple[str, ...]] = {}
        self._rows: dict[tuple[int, Event], list[Row]] = {}
        for row in table.rows:
            self._admit(row)
        self._complete()
        self.cells: dict[Event, Cell] = {event: Cell(self, event) for event in table.events}

    def _admit(self, row: Row) -> None:
        table = self.table
        where = f"{table.name}: {row.source.name} on {row.event.name}"
        states = table.states
        for state in (row.source, row.target, *row.expect):
            if not isinstance(state, states):
                message = f"{where}: {state!r} is not a state of this machine"
                raise TableError(message)
        if row.event not in table.events:
            message = f"{where}: the event is not in the alphabet"
            raise TableError(message)
        if row.event in table.unproven and row.target is not row.source:
            message = f"{where}: an event of intent must not change the state"
            raise TableError(message)
        if not row.ref.section:
            message = f"{where}: a row needs a reference"
            raise TableError(message)
        self._need_record(row.rule, where)
        if row.event in table.unproven and (row.sets or row.clears):
            message = f"{where}: an event of intent must not change bits"
            raise TableError(message)
        for guard in (*row.guards, *row.sets, *row.clears):
            if guard.bit.bit_count() != 1:
                message = f"{where}: guard {guard.name} must have exactly one bit"
                raise TableError(message)
            for known in (self.guards.setdefault(guard.bit, guard), *self.guards.values()):
                if (known.name == guard.name) is not (known.bit == guard.bit):
                    message = f"{where}: guard {guard.name} conflicts with {known.name}"
                    raise TableError(message)
        earlier = self._rows.setdefault((row.source, row.event), [])
        if any(set(old.guards) <= set(row.guards) for old in earlier):
            message = f"{where}: an earlier row always matches first"
            raise TableError(message)
        earlier.append(row)

    def _complete(self) -> None:
        for event, outside in self.table.outside.items():
            if event not in self.table.events:
                message = f"{self.name}: {event.name} is not in the alphabet"
                raise TableError(message)
            self._need_record(outside.rule, f"{self.name}: {event.name} without a row")

    def _need_record(self, rule: str, where: str) -> None:
        if rule and self.rules is not None and self.rules.find(rule) is None:
            message = f"{where}: rule {rule} has no record"
            raise TableError(message)

    def cell(self, state: IntEnum | int, event: Event) -> tuple[Row, ...]:
        """Return the rows for one state and event, in the order in which they are tried."""
        return tuple(self._rows.get((int(state), event), ()))

    def names(self, mask: int) -> tuple[str, ...]:
        """Return the names of the states of a set."""
        return tuple(self.table.label(state) for state in self.table.states if mask >> state & 1)

    def words(self, mask: int) -> str:
        """Return the states of a set in words: ``idle or connected``, or only their number if there are many."""
        return either(self.names(mask))

    def compute(self, event: Event, mask: int) -> Move:
        """Compute the move for an event in a set of states, with variants if guards decide."""
        relevant = 0
        for state in self.table.states:
            if mask >> state & 1:
                for row in self._rows.get((state, event), ()):
                    for guard in row.guards:
                        relevant |= guard.bit
        move = self._decide(event, mask, 0)
        if relevant:
            move = Move(move.target, move.rows, self.table.outside.get(event))
            move.relevant = relevant
            for flags in _subsets(relevant):
                move.variants[flags] = self._decide(event, mask, flags)
        return move

    def _decide(self, event: Event, mask: int, flags: int) -> Move:
        ranked: list[tuple[int, Row]] = []
        for state in self.table.states:
            if mask >> state & 1:
                for row in self._rows.get((state, event), ()):
                    if all(bool(flags & guard.bit) is guard.wanted for guard in row.guards):
                        ranked.append((_rank(row), row))
                        break
        outside = self.table.outside.get(event)
        unexplained = mask.bit_count() > len(ranked)
        best = min((rank for rank, _ in ranked), default=_NONE)
        if best == _FORBIDDEN and unexplained and outside is not None and outside.level is Level.SUSPICIOUS:
            best = _NONE
        if best == _NONE:
            return Move(mask, (), outside)
        rows = tuple(row for rank, row in ranked if rank == best)
        if event in self.table.unproven:
            return Move(mask, rows, outside)
        target = 0
        for row in rows:
            target |= 1 << row.target
            for state in row.expect:
                target |= 1 << state
        return Move(target, rows, outside)

    def may(self, instance: Instance, event: Event, flags: int = 0) -> Move:
        """Return the move of an event without taking it; it is true if the event is legal."""
        return self.cells[event].look(instance, flags)

    def advance(self, instance: Instance, event: Event, flags: int = 0) -> Move:
        """Take the step of an event, legal or not; the returned move contains what to report."""
        move = self.cells[event].look(instance, flags)
        enter(instance, move)
        return move

    def apply(self, instance: Instance, event: Event, flags: int = 0, *, local: bool = True) -> Move:
        """Take the step of a legal event; raise without a change if it is not legal.

        Raises `LocalProtocolError` for any step that a monitor would report, or `RemoteProtocolError` for an event of
        the peer (``local=False``), for which suspicious steps are accepted.
        """
        move = self.may(instance, event, flags)
        if not move.acceptable(local=local):
            allowed = tuple(other.name for other in self.allowed(instance.mask, flags) if other.kind is event.kind)
            raise self.error(instance, event, move, allowed, local=local)
        enter(instance, move)
        return move

    def error(
        self,
        instance: Instance,
        event: Event,
        move: Move,
        allowed: tuple[str, ...],
        *,
        local: bool,
        name: str = "",
        rule: str = "",
    ) -> ProtocolError:
        """Return the error for an event that is not acceptable; its ``allowed`` lists the legal alternatives."""
        kind = LocalProtocolError if local else RemoteProtocolError
        return kind(
            machine=self.name,
            instance=name or instance.name or repr(instance),
            state=self.names(instance.mask),
            event=event.name,
            allowed=allowed,
            reference=move.ref,
            rule=rule or move.rule,
        )

    def allowed(self, mask: int, flags: int = 0) -> list[Event]:
        """Return the events that are legal in a set of states."""
        found = []
        for event, cell in self.cells.items():
            move = cell[mask]
            if move.relevant:
                move = move.variants[flags & move.relevant]
            if move.legal:
                found.append(event)
        return found

    def allowing(self, event: Event, flags: int = 0, level: Level = Level.STATED) -> tuple[str, ...]:
        """Return the states in which the documents allow an event, up to a level."""
        known = self._allowing.get((event, flags, level))
        if known is not None:
            return known
        found = []
        for state in self.table.states:
            move = self._decide(event, 1 << state, flags)
            if move.legal and move.level <= level:
                found.append(self.table.label(state))
        return self._allowing.setdefault((event, flags, level), tuple(found))

    def instead(self, event: Event, mask: int) -> tuple[str, ...]:
        """Return the legal alternatives to an event in a set of states.

        For a request: the states in which it is allowed; for a machine with reported states: the states that could be
        reported; otherwise the legal events of the same kind. No bits are set: their rows are exceptions.
        """
        if event.kind is Kind.REQUEST:
            return self.allowing(event)
        reported = self.table.reported
        if reported:
            return tuple(self.table.label(reported[other]) for other in reported if self._decide(other, mask, 0).legal)
        return tuple(other.name for other in self.allowed(mask) if other.kind is event.kind)

    def _repr_svg_(self) -> str | None:
        """Return the diagram, for notebooks."""
        return DISPLAY.table(self.table)


#: Priority of a row: with an effect, merely tolerating, suspicious, forbidden, none.
_EFFECT, _TOLERATED, _ODD, _FORBIDDEN, _NONE = range(5)


def _rank(row: Row) -> int:
    if row.rule:
        return _FORBIDDEN if row.level is Level.MUST else _ODD
    return _EFFECT if row.expect or row.target is not row.source else _TOLERATED


def _subsets(bits: int) -> Iterable[int]:
    """Yield all combinations of the bits of a number."""
    subset = bits
    while True:
        yield subset
        if not subset:
            return
        subset = (subset - 1) & bits
