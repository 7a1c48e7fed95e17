"""Analyses of tables, and exhaustive exploration of machines that run together.

The first half finds defects in well-formed tables: states that cannot be reached or left, rows that are never taken or
whose order is significant by accident, invalid references, unused events and guards. `problems` returns all of them as
sentences.

`explore` runs the machines of a conversation together, breadth first, and checks invariants on every combination of
states that legal steps and joint rows can reach. Parts of the same kind with the same parent are interchangeable, so
only one of all combinations that differ in their order is explored.
"""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from fsm.engine.levels import Level
from fsm.engine.row import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from enum import IntEnum

    from fsm.engine.joint import Joint
    from fsm.engine.row import Event, Guard, Row
    from fsm.engine.table import Outside, Table

__all__ = [
    "Exploration",
    "Part",
    "Step",
    "Violation",
    "ambiguous",
    "dead_rows",
    "explore",
    "idle_guards",
    "problems",
    "traps",
    "unfounded",
    "unreachable",
    "unused_events",
]

_SECTION = re.compile(r"[1-9]\d*(\.[1-9]\d*)*")


# -- one table --------------------------------------------------------------------------------------------------------


def _unmet(table: Table, start: Iterable[IntEnum], arrows: list[tuple[IntEnum, IntEnum]]) -> tuple[IntEnum, ...]:
    """Return the states that no arrow leads to."""
    met = set(start)
    while more := {target for source, target in arrows if source in met} - met:
        met |= more
    return tuple(state for state in table.states if state not in met)


def unreachable(table: Table) -> tuple[IntEnum, ...]:
    """Return the states that no rows lead to from the initial state, including reported rows."""
    arrows = [(row.source, after) for row in table.rows for after in (row.target, *row.expect)]
    return _unmet(table, [table.initial], arrows)


def traps(table: Table) -> tuple[IntEnum, ...]:
    """Return the states from which no legal rows lead to a final state; none if the table declares no final state."""
    arrows = [(after, row.source) for row in table.rows if row.legal for after in (row.target, *row.expect)]
    return _unmet(table, table.finals, arrows) if table.finals else ()


def _cells(table: Table) -> dict[tuple[IntEnum, Event], list[Row]]:
    cells: dict[tuple[IntEnum, Event], list[Row]] = {}
    for row in table.rows:
        cells.setdefault((row.source, row.event), []).append(row)
    return cells


def _combinations(rows: Iterable[Row]) -> list[frozenset[str]]:
    """Yield every combination of guards, as the names of those that are true."""
    names = list(dict.fromkeys(guard.name for row in rows for guard in row.guards))
    return [frozenset(some) for size in range(len(names) + 1) for some in combinations(names, size)]


def _holds(row: Row, holding: frozenset[str]) -> bool:
    return all((guard.name in holding) is guard.wanted for guard in row.guards)


def _taken(rows: Iterable[Row], holding: frozenset[str]) -> Row | None:
    """Return the row that is taken with these guards."""
    return next((row for row in rows if _holds(row, holding)), None)


def _effect(row: Row | None) -> object:
    """Return the effect of a row, without its reference and note."""
    return row and (row.target, row.expect, row.rule, row.rule and row.level)


def dead_rows(table: Table) -> tuple[Row, ...]:
    """Return the rows that no combination of guards selects."""
    cells = _cells(table).values()
    taken = {id(_taken(rows, holding)) for rows in cells for holding in _combinations(rows)}
    return tuple(row for row in table.rows if id(row) not in taken)


def ambiguous(table: Table) -> tuple[tuple[Row, Row], ...]:
    """Return pairs of rows that can match together and differ, so that only their order selects one.

    A row with all guards of a later one is deliberately first: it is the special case.
    """
    return tuple(
        (first, second)
        for rows in _cells(table).values()
        for first, second in combinations(rows, 2)
        if not set(second.guards) <= set(first.guards) and _effect(first) != _effect(second)
        if any(_holds(first, holding) and _holds(second, holding) for holding in _combinations((first, second)))
    )


def unfounded(table: Table) -> tuple[Row | Outside, ...]:
    """Return the rows, and meanings of missing rows, without a level or without a section number as reference."""
    entries: tuple[Row | Outside, ...] = (*table.rows, *table.outside.values())
    return tuple(
        entry for entry in entries if not isinstance(entry.level, Level) or not _SECTION.fullmatch(entry.ref.section)
    )


def unused_events(table: Table) -> tuple[Event, ...]:
    """Return the events of the alphabet that no row uses."""
    used = {row.event for row in table.rows}
    return tuple(event for event in table.events if event not in used)


def idle_guards(table: Table) -> tuple[Guard, ...]:
    """Return the guards that never make a difference."""
    deciding: set[str] = set()
    for rows in _cells(table).values():
        for holding in _combinations(rows):
            effect = _effect(_taken(rows, holding))
            deciding |= {name for name in holding if effect != _effect(_taken(rows, holding - {name}))}
    named = {guard.name: guard for row in table.rows for guard in row.guards}
    return tuple(guard for name, guard in named.items() if name not in deciding)


def problems(table: Table) -> tuple[str, ...]:
    """Return the results of all analyses of one table, as sentences."""
    found = [f"{state.name} cannot be reached" for state in unreachable(table)]
    found += [f"no legal row leads from {state.name} to a final state" for state in traps(table)]
    found += [f"{row.source.name} on {row.event.name}: a row is never taken" for row in dead_rows(table)]
    found += [
        f"{row.source.name} on {row.event.name}: only the order of the rows decides" for row, _ in ambiguous(table)
    ]
    found += [f"{entry.ref} with {entry.level!r} is not a valid reference" for entry in unfounded(table)]
    found += [f"no row uses {event.name}" for event in unused_events(table)]
    found += [f"the guard {guard.name} never makes a difference" for guard in idle_guards(table)]
    return tuple(f"{table.name}: {text}" for text in found)


# -- machines that run together ---------------------------------------------------------------------------------------


class Part(NamedTuple):
    """One instance in an exploration, and the name of its parent, which precedes it."""

    name: str
    table: Table
    under: str = ""


class Step(NamedTuple):
    """A legal step of one part, and the states of its ancestors, the nearest first. It may change no state."""

    part: Part
    above: tuple[IntEnum, ...]
    before: IntEnum
    event: Event
    after: IntEnum

    def __str__(self) -> str:
        return f"{self.part.name}: {self.event.name} -> {self.after.name}"


class Violation(NamedTuple):
    """A violated invariant, and a shortest trace to it; interchangeable parts may swap names on it."""

    name: str
    trace: tuple[Step, ...]

    def __str__(self) -> str:
        return f"{self.name}: {'; '.join(map(str, self.trace)) or 'at once'}"


class Exploration(NamedTuple):
    """The result of an exploration. ``complete``: the depth was not a limit."""

    states: int
    transitions: int
    depth: int
    complete: bool
    violation: Violation | None

    def __str__(self) -> str:
        extent = "complete" if self.complete else "not complete"
        return f"{self.states} states, {self.transitions} transitions, depth {self.depth}, {extent}"


_World = tuple[int, ...]
#: By kind of an event: one of these events must be legal for each ancestor that has any of them.
Needs: TypeAlias = "Mapping[Kind, tuple[Event, ...]]"


class _Product:
    """The parts by number; a world is the tuple of their states."""

    def __init__(self, parts: Sequence[Part], joints: Sequence[Joint], without: frozenset[str], needs: Needs) -> None:
        self.parts = parts
        self.needs = needs
        names = [part.name for part in parts]
        #: The ancestors of each part, the nearest first.
        self.above: list[tuple[int, ...]] = []
        for part in parts:
            upper = names.index(part.under) if part.under else None
            self.above.append(() if upper is None else (upper, *self.above[upper]))
        kinds = [(part.table.name, part.under) for part in parts]
        self.twins = [[n for n, kind in enumerate(kinds) if kind == one] for one in set(kinds) if kinds.count(one) > 1]
        #: Legal rows by part, state and event; joint rows are included whether their rows are legal or not.
        self.rows: dict[tuple[int, int, Event], list[Row]] = {}
        self.forced: dict[tuple[int, int, Event], int] = {}
        for number, part in enumerate(parts):
            for (state, event), rows in _cells(part.table).items():
                taken = [_taken(rows, holding) for holding in _combinations(rows) if not holding & without]
                chosen = [row for row in rows if any(row is other for other in taken)]
                self.rows[number, state, event] = [row for row in chosen if row.legal]
                self.forced[number, state, event] = int((chosen or rows)[0].target)
        #: By part and the state it enters: the affected parts and their events.
        self.joints: dict[tuple[int, int], list[tuple[int, Event]]] = {}
        for joint in joints:
            for lower, part in enumerate(parts):
                for upper in self.above[lower]:
                    if (parts[upper].table, part.table) == (joint.trigger, joint.dependent):
                        self.joints.setdefault((upper, int(joint.state)), []).append((lower, joint.event))
        self.told = {meeting for meetings in self.joints.values() for meeting in meetings}

    def allows(self, part: int, state: int, kind: Kind) -> bool:
        """Return whether a part in a state allows events of a kind to its descendants."""
        known = [need for need in self.needs.get(kind, ()) if need in self.parts[part].table.events]
        return not known or any(self.rows.get((part, state, need)) for need in known)

    def legal(self, part: int, state: int, above: _World) -> Iterator[Step]:
        """Return the legal steps of a part, given the states of its ancestors, without steps of joint rows."""
        uppers = self.above[part]
        allowed = {kind for kind in Kind if all(map(self.allows, uppers, above, [kind] * len(uppers)))}
        states = tuple(self.parts[upper].table.states(over) for upper, over in zip(uppers, above, strict=True))
        for event in self.parts[part].table.events:
            if event.kind in allowed and (part, event) not in self.told:
                for row in self.rows.get((part, state, event), ()):
                    for after in (row.target, *row.expect):
                        yield Step(self.parts[part], states, row.source, event, after)

    def settle(self, world: list[int], entered: list[int]) -> _World:
        """Return the world after all joint rows, with interchangeable parts in order."""
        for part in entered:
            for lower, event in self.joints.get((part, world[part]), ()):
                state = self.forced.get((lower, world[lower], event), world[lower])
                if state != world[lower]:
                    world[lower] = state
                    entered.append(lower)
        for twins in self.twins:
            for part, state in zip(twins, sorted([world[twin] for twin in twins]), strict=True):
                world[part] = state
        return tuple(world)


def explore(
    parts: Sequence[Part],
    joints: Sequence[Joint],
    *,
    needs: Needs | None = None,
    depth: int | None = None,
    without: Iterable[str] = (),
    invariants: Mapping[str, Callable[[Mapping[str, IntEnum]], bool]] | None = None,
    laws: Mapping[str, Callable[[Step], bool]] | None = None,
) -> Exploration:
    """Explore the legal steps of parts together, breadth first: until a violation, a depth, or the end.

    ``needs`` lists, by kind of an event, events of which one must be legal for each ancestor that has any of them.
    Every invariant must hold for the states of all parts by name after the joint rows; every law for each legal step.
    Guards are free, except those in ``without``, which are always false.
    """
    product = _Product(parts, joints, frozenset(without), needs or {})
    changes: dict[_World, list[Step]] = {}
    start = product.settle([int(part.table.initial) for part in parts], [])
    came: dict[_World, tuple[_World, Step] | None] = {start: None}
    broken: list[tuple[str, _World, tuple[Step, ...]]] = []

    def examine(world: _World) -> None:
        states = {part.name: part.table.states(state) for part, state in zip(parts, world, strict=True)}
        broken.extend((name, world, ()) for name, holds in (invariants or {}).items() if not holds(states))

    def options(part: int, world: _World) -> list[Step]:
        above = tuple([world[upper] for upper in product.above[part]])
        key = (part, world[part], *above)
        if key not in changes:
            steps = list(product.legal(part, world[part], above))
            for name, holds in (laws or {}).items():
                broken.extend((name, world, (step,)) for step in steps if not holds(step))
            changes[key] = list(
                {step.after: step for step in reversed(steps) if step.after is not step.before}.values()
            )
        return changes[key]

    examine(start)
    frontier, level, count = [start], 0, 0
    while frontier and not broken and level != depth:
        current, frontier = frontier, []
        level += 1
        for world in current:
            for part in range(len(parts)):
                for step in options(part, world):
                    count += 1
                    following = product.settle([*world[:part], int(step.after), *world[part + 1 :]], [part])
                    if following not in came:
                        came[following] = (world, step)
                        frontier.append(following)
                        examine(following)
            if broken:
                break
    violation = None
    if broken:
        name, world, last = broken[0]
        trace = [*last]
        while (origin := came[world]) is not None:
            world, step = origin
            trace.insert(0, step)
        violation = Violation(name, tuple(trace))
    return Exploration(len(came), count, level, not frontier and not broken, violation)
