"""What to do next so that the rows taken least come first: the decision alone, without performing anything.

A uniform choice starves what lies deep: most of what it picks was picked before. `LeastCovered` looks at what has been
taken so far. It picks an option that takes a row for the first time, first those that leave everything where it is;
where there is none, the one that leads, by the rows of the tables, along the shortest path toward such a row; where
nothing new is in reach, the row taken least.
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
    """Rows of one cell of a table: what `fsm.state.coverage.Coverage` counts."""

    machine: str
    state: IntEnum
    event: Event

    def __str__(self) -> str:
        return f"{self.machine} {self.state.name}: {self.event.name}"


class Place(NamedTuple):
    """Where an instance of a machine may be after something was done.

    ``able``: the events that can be caused from then on, given the right state; None for all of the machine.
    """

    machine: str
    state: IntEnum
    able: frozenset[Event] | None = None


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """One thing that may be done next.

    ``what`` is for whoever does it. ``takes`` are the rows that it takes (`RowKey`), and names of requests and rules
    (strings, as `Coverage` counts them). ``leads``: where the instances will be that it moves; without it the targets
    of the rows count. ``cost``: about how many steps it takes to build again what the option ends; what is new but
    costs more than the way to something else that is new has to wait.
    """

    what: T
    takes: tuple[Any, ...] = ()
    leads: tuple[Place, ...] = ()
    cost: int = 0


@cache
def legal_rows(machine: str) -> Mapping[tuple[IntEnum, Event], tuple[IntEnum, ...]]:
    """The legal cells of a machine, each with the states that may follow."""
    found: dict[tuple[IntEnum, Event], tuple[IntEnum, ...]] = {}
    for row in MACHINES[machine].table.rows:
        if row.legal:
            known = found.get((row.source, row.event), ())
            found[row.source, row.event] = tuple(dict.fromkeys((*known, row.target, *row.expect)))
    return found


def row_of(instance: Instance, event: Event) -> RowKey | None:
    """The rows that an event takes with an instance now; None where its state is not known for sure."""
    mask = instance.mask
    if mask & (mask - 1):
        return None
    machine = instance.machine
    return RowKey(machine.name, machine.table.states(mask.bit_length() - 1), event)


class LeastCovered:
    """Decides what to do next. ``coverage`` counts what was taken: `Coverage.step` has to see the steps.

    ``choose(n)`` picks one of n that are equally good. ``wanted`` says which rows are worth going for; by default
    all. A row that was in reach ``patience`` times and could not be taken, or was promised so often by an option that
    did not take it (a server refused), no longer attracts for a while.
    """

    def __init__(
        self,
        coverage: Coverage,
        choose: Callable[[int], int] = lambda count: 0,
        *,
        wanted: Callable[[RowKey], bool] = lambda key: True,
        patience: int = 3,
    ) -> None:
        self.coverage = coverage
        self.choose = choose
        self.wanted = wanted
        self.patience = patience
        self._missed: dict[RowKey, float] = {}
        self._chased: dict[RowKey, float] = {}
        #: What the last option should have taken for the first time, and how often that did not come true.
        self._promised: tuple[Any, ...] = ()
        self._broken: dict[Any, int] = {}
        self._known = -1
        self._distances: dict[tuple[str, frozenset[Event] | None], dict[IntEnum, tuple[int, IntEnum]]] = {}
        self._choices = 0

    # -- what was taken -------------------------------------------------------------------------------------------

    def count(self, key: Any) -> int:
        """How often a row was taken, a request made, a rule judged."""
        if isinstance(key, RowKey):
            return self.coverage.cells[key.machine][key.state, key.event]
        return self.coverage.requests[key] or self.coverage.rules[key]

    def missing(self, machine: str, able: frozenset[Event] | None = None) -> set[RowKey]:
        """The legal rows of a machine that were never taken; of some events, where they are given."""
        taken = self.coverage.cells[machine]
        return {
            key
            for state, event in legal_rows(machine)
            if (able is None or event in able) and not taken[state, event]
            if self.wanted(key := RowKey(machine, state, event))
        }

    def _refresh(self) -> None:
        """Distances hold until something new is taken, or something turns out to be out of reach."""
        known = sum(map(len, self.coverage.cells.values()))
        self._choices += 1
        if not self._choices % 1_000:
            self._missed.clear()
            self._broken.clear()
            known = -1
        if known != self._known:
            self._known = known
            self._distances.clear()

    # -- the decision ---------------------------------------------------------------------------------------------

    def next(self, options: Sequence[Option[T]]) -> Option[T]:
        """The option to take. Raises `ValueError` without any."""
        if not options:
            raise ValueError("there is nothing to choose from")
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
        """Of the options that take something new, at that cost, the one that takes most of it."""
        most = max(new for option, new in fresh if option.cost == cost)
        found = self._one(self._staying([option for option, new in fresh if new == most and option.cost == cost]))
        if any(key in self._chased for key in found.takes):
            # The way led to something: the other rows there are worth it as well.
            for key in self._chased:
                self._missed.pop(key, None)
        self._chased = {}
        self._promised = tuple(filter(self._new, found.takes))
        return found

    def _new(self, key: Any) -> bool:
        if self._broken.get(key, 0) >= self.patience:
            return False
        return not self.count(key) and (not isinstance(key, RowKey) or self.wanted(key))

    def _one(self, options: Sequence[Option[T]]) -> Option[T]:
        return options[self.choose(len(options))] if len(options) > 1 else options[0]

    def _staying(self, options: Sequence[Option[T]]) -> Sequence[Option[T]]:
        """Those after which everything is where it was, if there are any: what is new elsewhere can wait."""
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
        """The rows for whose sake an option was chosen, and how near they are: 1 in reach, less on the way."""
        distance, place = min(
            ((self._distance(place), place) for place in self._places(option)), key=lambda each: each[0]
        )
        goal = self._distances[place.machine, place.able][place.state][1]
        weight = 1.0 if not distance else 0.25
        return {key: weight for key in self.missing(place.machine, place.able) if key.state is goal}

    def _give_up(self) -> None:
        """What was chosen for the sake of some rows brought nothing new: they attract less, and in the end no more."""
        for key, weight in self._chased.items():
            before = self._missed.get(key, 0.0)
            self._missed[key] = before + weight
            if before < self.patience <= before + weight:
                self._distances.clear()

    def _distance(self, place: Place) -> int:
        """How many rows lie between a place and a row that was never taken."""
        known = self._distances.get((place.machine, place.able))
        if known is None:
            known = self._distances[place.machine, place.able] = self._search(place.machine, place.able)
        return known[place.state][0] if place.state in known else _FAR

    def _search(self, machine: str, able: frozenset[Event] | None) -> dict[IntEnum, tuple[int, IntEnum]]:
        """By state: how far the nearest row is that is missing, and in which state it begins."""
        found: dict[IntEnum, tuple[int, IntEnum]] = {}
        for key in self.missing(machine, able):
            if self._missed.get(key, 0) < self.patience:
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
    """From which states a state can be reached by one legal row that no guard has to allow."""
    found: dict[IntEnum, dict[IntEnum, None]] = {}
    for row in MACHINES[machine].table.rows:
        if row.legal and not row.guards and (able is None or row.event in able):
            for target in (row.target, *row.expect):
                if target is not row.source:
                    found.setdefault(target, {})[row.source] = None
    return {target: tuple(sources) for target, sources in found.items()}
