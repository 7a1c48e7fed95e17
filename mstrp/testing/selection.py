"""Select the next action so that the least covered rows are taken first; the caller performs it.

A uniform random choice rarely reaches deep states: most of its choices repeat earlier ones. `LeastCovered` uses the
counts of rows taken so far. It prefers an option that takes a row for the first time, first of all one that leaves the
states unchanged; otherwise the option on the shortest path, by the rows of the tables, to such a row; otherwise, if no
new row is reachable, the option with the row taken least.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from fsm.state.machines import MACHINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from enum import IntEnum

    from fsm.engine.machine import Instance
    from fsm.engine.row import Event
    from fsm.state.coverage import Coverage

__all__ = ["LeastCovered", "Option", "Place", "RowKey", "legal_rows", "row_of"]

T = TypeVar("T")
_FAR = 1_000


class RowKey(NamedTuple):
    """The rows for one pair of state and event: the unit that `fsm.state.coverage.Coverage` counts."""

    machine: str
    state: IntEnum
    event: Event

    def __str__(self) -> str:
        return f"{self.machine} {self.state.name}: {self.event.name}"


class Place(NamedTuple):
    """A possible state of an instance after an action.

    ``able``: the events that can be caused from there, given the right state; None for all events of the machine.
    """

    machine: str
    state: IntEnum
    able: frozenset[Event] | None = None


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """A possible next action.

    ``what`` is for the caller. ``takes`` lists the rows it takes (`RowKey`) and the names of requests and rules
    (strings, as in `Coverage`). ``leads`` lists the states of the instances afterwards; default: the targets of the
    rows. ``cost``: approximate number of steps to restore what the option ends; a new row at that cost is postponed
    while the path to another new row is shorter.
    """

    what: T
    takes: tuple[Any, ...] = ()
    leads: tuple[Place, ...] = ()
    cost: int = 0


@cache
def legal_rows(machine: str) -> Mapping[tuple[IntEnum, Event], tuple[IntEnum, ...]]:
    """Return the legal pairs of state and event of a machine, each with its possible next states."""
    found: dict[tuple[IntEnum, Event], tuple[IntEnum, ...]] = {}
    for row in MACHINES[machine].table.rows:
        if row.legal:
            known = found.get((row.source, row.event), ())
            found[row.source, row.event] = tuple(dict.fromkeys((*known, row.target, *row.expect)))
    return found


def row_of(instance: Instance, event: Event) -> RowKey | None:
    """Return the rows that an event would take for an instance; None if its state is not certain."""
    mask = instance.mask
    if mask & (mask - 1):
        return None
    machine = instance.machine
    return RowKey(machine.name, machine.table.states(mask.bit_length() - 1), event)


class LeastCovered:
    """Selects the next action. ``coverage`` counts the rows taken; pass every step to `Coverage.step`.

    ``choose(n)`` selects one of n equally good options. ``wanted`` selects the rows to pursue (default: all). A row is
    ignored for a while after ``attempts`` failures: it was reachable but could not be taken, or an option promised it
    but did not take it (for example, because a server refused).
    """

    def __init__(
        self,
        coverage: Coverage,
        choose: Callable[[int], int] = lambda count: 0,
        *,
        wanted: Callable[[RowKey], bool] = lambda key: True,
        attempts: int = 3,
    ) -> None:
        self.coverage = coverage
        self.choose = choose
        self.wanted = wanted
        self.attempts = attempts
        self._missed: dict[RowKey, float] = {}
        self._chased: dict[RowKey, float] = {}
        #: Rows that the last option should have taken for the first time, and the number of times each promise failed.
        self._promised: tuple[Any, ...] = ()
        self._broken: dict[Any, int] = {}
        self._known = -1
        self._distances: dict[tuple[str, frozenset[Event] | None], dict[IntEnum, tuple[int, IntEnum]]] = {}
        self._choices = 0

    # -- coverage so far ------------------------------------------------------------------------------------------

    def count(self, key: Any) -> int:
        """Return how often a row was taken, a request sent, or a rule checked."""
        if isinstance(key, RowKey):
            return self.coverage.cells[key.machine][key.state, key.event]
        return self.coverage.requests[key] or self.coverage.rules[key]

    def missing(self, machine: str, able: frozenset[Event] | None = None) -> set[RowKey]:
        """Return the legal rows of a machine that were never taken, optionally only for some events."""
        taken = self.coverage.cells[machine]
        return {
            key
            for state, event in legal_rows(machine)
            if (able is None or event in able) and not taken[state, event]
            if self.wanted(key := RowKey(machine, state, event))
        }

    def _refresh(self) -> None:
        """Discard cached distances when a new row was taken or a row is given up."""
        known = sum(map(len, self.coverage.cells.values()))
        self._choices += 1
        if not self._choices % 1_000:
            self._missed.clear()
            self._broken.clear()
            known = -1
        if known != self._known:
            self._known = known
            self._distances.clear()

    # -- selection ------------------------------------------------------------------------------------------------

    def next(self, options: Sequence[Option[T]]) -> Option[T]:
        """Return the option to take. Raises `ValueError` if ``options`` is empty."""
        if not options:
            raise ValueError("no options to choose from")
        self._refresh()
        for key in self._promised:
            if not self.count(key):
                self._broken[key] = self._broken.get(key, 0) + 1
        self._promised = ()
        fresh = [(option, new) for option in options if (new := sum(map(self._new, option.takes)))]
        cheapest = min((option.cost for option, _ in fresh), default=_FAR)
        if not cheapest:
            return self._newest(fresh, cheapest)
        self._give_up()
        far = [min((self._distance(place) for place in self._places(option)), default=_FAR) for option in options]
        least = min(far)
        if cheapest <= least and fresh:
            return self._newest(fresh, cheapest)
        if least < _FAR:
            near = [option for option, distance in zip(options, far, strict=True) if distance == least]
            found = self._one(self._rarest(near))
            self._chased = self._goals(found)
            return found
        self._chased = {}
        return self._one(self._rarest(options))

    def _newest(self, fresh: list[tuple[Option[T], int]], cost: int) -> Option[T]:
        """Return, of the options with a new row and this cost, the one with the most new rows."""
        most = max(new for option, new in fresh if option.cost == cost)
        found = self._one(self._staying([option for option, new in fresh if new == most and option.cost == cost]))
        if any(key in self._chased for key in found.takes):
            # The path led to a new row: pursue the other rows there as well.
            for key in self._chased:
                self._missed.pop(key, None)
        self._chased = {}
        self._promised = tuple(filter(self._new, found.takes))
        return found

    def _new(self, key: Any) -> bool:
        if self._broken.get(key, 0) >= self.attempts:
            return False
        return not self.count(key) and (not isinstance(key, RowKey) or self.wanted(key))

    def _one(self, options: Sequence[Option[T]]) -> Option[T]:
        return options[self.choose(len(options))] if len(options) > 1 else options[0]

    def _staying(self, options: Sequence[Option[T]]) -> Sequence[Option[T]]:
        """Return the options that leave all states unchanged, if any; new rows in other states can wait."""
        found = [
            option
            for option in options
            if {(key.machine, key.state) for key in option.takes if isinstance(key, RowKey)}
            >= {(place.machine, place.state) for place in self._places(option)}
        ]
        return found or options

    def _rarest(self, options: Sequence[Option[T]]) -> list[Option[T]]:
        counts = [min(map(self.count, option.takes), default=0) for option in options]
        least = min(counts)
        return [option for option, count in zip(options, counts, strict=True) if count == least]

    @staticmethod
    def _places(option: Option[Any]) -> Iterable[Place]:
        if option.leads:
            return option.leads
        rows = [key for key in option.takes if isinstance(key, RowKey)]
        return [
            Place(key.machine, state)
            for key in rows
            for state in legal_rows(key.machine).get((key.state, key.event), ())
        ]

    def _goals(self, option: Option[Any]) -> dict[RowKey, float]:
        """Return the rows that an option was selected for, with weights: 1 if reachable at once, less if on the path."""
        distance, place = min(
            ((self._distance(place), place) for place in self._places(option)), key=lambda each: each[0]
        )
        goal = self._distances[place.machine, place.able][place.state][1]
        weight = 1.0 if not distance else 0.25
        return {key: weight for key in self.missing(place.machine, place.able) if key.state is goal}

    def _give_up(self) -> None:
        """Count a failed case for the rows last pursued; rows with too many failures are given up."""
        for key, weight in self._chased.items():
            before = self._missed.get(key, 0.0)
            self._missed[key] = before + weight
            if before < self.attempts <= before + weight:
                self._distances.clear()

    def _distance(self, place: Place) -> int:
        """Return the number of rows between a place and a row that was never taken."""
        known = self._distances.get((place.machine, place.able))
        if known is None:
            known = self._distances[place.machine, place.able] = self._search(place.machine, place.able)
        return known[place.state][0] if place.state in known else _FAR

    def _search(self, machine: str, able: frozenset[Event] | None) -> dict[IntEnum, tuple[int, IntEnum]]:
        """Return, by state, the distance to the nearest missing row and the state in which that row starts."""
        found: dict[IntEnum, tuple[int, IntEnum]] = {}
        for key in self.missing(machine, able):
            if self._missed.get(key, 0) < self.attempts:
                found[key.state] = (0, key.state)
        before = _before(machine, able)
        queue = deque(found)
        while queue:
            state = queue.popleft()
            distance, goal = found[state]
            for earlier in before.get(state, ()):
                if earlier not in found:
                    found[earlier] = (distance + 1, goal)
                    queue.append(earlier)
        return found


@cache
def _before(machine: str, able: frozenset[Event] | None) -> dict[IntEnum, tuple[IntEnum, ...]]:
    """Return, by state, the states with a legal row to it that does not depend on a guard."""
    found: dict[IntEnum, dict[IntEnum, None]] = {}
    for row in MACHINES[machine].table.rows:
        if row.legal and not row.guards and (able is None or row.event in able):
            for target in (row.target, *row.expect):
                if target is not row.source:
                    found.setdefault(target, {})[row.source] = None
    return {target: tuple(sources) for target, sources in found.items()}
