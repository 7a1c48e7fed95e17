"""Mutants of the tables: every row removed, redirected, given another level, or stripped of its bits, one at a time.

    python tests/model/mutants.py                  all machines, some minutes
    python tests/model/mutants.py --machine line   one machine
    python tests/model/mutants.py --sample 200     a random sample of this size
    python tests/model/mutants.py --golden         all machines, with the golden matrix only
    python tests/model/mutants.py --survivors      also list the mutants that no behavioral test kills

Two scores are printed. *Golden* is the score of `tests/model/test_matrix.py`: the matrix of all states and events is
compared with a file, so every difference is detected. *Behavior* is the score without golden files: the tests that drive
a monitor with packets (`tests/rules`), and the laws of all tables. A mutant is equivalent if its machine has the same
effects as the original for every state and every combination of guards; the effect on a set of states follows from those
on single states, so this is a proof.

Only tests that used the mutated pair of state and event with the original tables are run, those with the fewest pairs
first. The exit status is 1 if less than 98 % of the mutants that are not equivalent are killed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import hypothesis
import pytest
from grid import Thing, combined, outcome
from test_matrix import block

from fsm import MACHINES
from fsm.engine.errors import TableError
from fsm.engine.levels import Level
from fsm.engine.machine import Machine
from fsm.state import registry
from fsm.tables.joint import JOINT
from fsm.tables.request import ANSWERS_ID, ANSWERS_ZERO, ASK, SEND, RequestState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fsm import Event, Row
    from fsm.engine.joint import Joint

__all__ = ["Behaviour", "Mutant", "Score", "joint_mutants", "judge", "mutants_of"]

ROOT = Path(__file__).parent.parent.parent
#: The behavioral tests.
RULES = ("tests/model/test_laws.py", "tests/rules")
#: The first moves of requests are computed in advance: a test with the response has used them.
FIRST = {ASK: (RequestState.ASKED, ANSWERS_ZERO), SEND: (RequestState.SENT, ANSWERS_ID)}
#: The tests of laws that apply to every table.
LAWS = "test_laws.py"
#: Timeout in seconds for a test on a mutant; a timeout counts as a failure.
PATIENCE = 20
#: Maximum number of tests run for a mutant.
ASKED = 60
#: Required percentage of killed mutants that are not equivalent.
WANTED = 98.0


class Mutant(NamedTuple):
    """A table with one row changed. ``row`` is None if it is removed."""

    machine: Machine
    kind: str
    number: int
    old: Row
    row: Row | None

    def __str__(self) -> str:
        old = f"{self.old.source.name} on {self.old.event.name}"
        guards = f" [{', '.join(map(str, self.old.guards))}]" if self.old.guards else ""
        new = {
            "drop": "dropped",
            "retarget": f"-> {self.row.target.name}" if self.row else "",
            "relevel": f"{self.old.level.name} -> {self.row.level.name}" if self.row else "",
            "unmark": "without its bits",
        }
        return f"{self.machine.name}: {old}{guards} {new[self.kind]}"


def mutants_of(machine: Machine) -> Iterator[Mutant]:
    """Yield all mutants of a table: three for each row, and one for each row that sets or clears bits."""
    states = list(machine.table.states)
    for number, row in enumerate(machine.table.rows):
        following = states[(states.index(row.target) + 1) % len(states)]
        level = Level((row.level + 1) % len(Level))
        yield Mutant(machine, "drop", number, row, None)
        yield Mutant(machine, "retarget", number, row, row._replace(target=following))
        yield Mutant(machine, "relevel", number, row, row._replace(level=level))
        if row.sets or row.clears:
            yield Mutant(machine, "unmark", number, row, row._replace(sets=(), clears=()))


class Applied:
    """Apply a mutant to the shared machine within a context."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.key = (mutant.old.source, mutant.old.event)
        self.kept: list[Row] = mutant.machine._rows[self.key]
        self.table = mutant.machine.table.rows

    def _put(self, rows: list[Row], table: tuple[Row, ...]) -> None:
        machine = self.mutant.machine
        machine._rows[self.key] = rows
        object.__setattr__(machine.table, "rows", table)
        machine.cells[self.mutant.old.event].clear()
        machine._allowing.clear()

    def __enter__(self) -> None:
        mutant = self.mutant
        new = [mutant.row if row is mutant.old else row for row in self.kept]
        changed = () if mutant.row is None else (mutant.row,)
        table = (*self.table[: mutant.number], *changed, *self.table[mutant.number + 1 :])
        self._put([row for row in new if row is not None], table)

    def __exit__(self, *exc: object) -> None:
        self._put(self.kept, self.table)


def compiles(mutant: Mutant) -> bool:
    """Return whether the mutant is a valid table: the compiler kills invalid ones."""
    table = mutant.machine.table
    rows = list(table.rows)
    rows[mutant.number : mutant.number + 1] = [] if mutant.row is None else [mutant.row]
    small = [row for row in rows if (row.source, row.event) == (mutant.old.source, mutant.old.event)]
    try:
        Machine(_with_rows(table, small))
    except TableError:
        return False
    return True


def _with_rows(table: Any, rows: list[Row]) -> Any:
    return replace(table, rows=tuple(rows))


def seen(machine: Machine, source: Any, event: Event, bits: list[int]) -> list[Any]:
    """Return the effects of a state and event, for every combination of guards."""
    return [
        outcome(machine.may(Thing(1 << source), event, flags))._replace(rows=(), section="") for flags in combined(bits)
    ]


class Behaviour:
    """The tests that drive a monitor, and the pairs of state and event that each uses."""

    def __init__(self, paths: Iterable[str] = RULES) -> None:
        self.tests = dict(_collect(paths))
        #: Tests by machine, state and event, those with the fewest pairs first.
        self.views: dict[tuple[str, Any, Event], list[str]] = defaultdict(list)
        self.slow: Counter[str] = Counter()
        self.failing: list[str] = []
        self._watch()

    def _watch(self) -> None:
        widths = {}
        found = {}
        for name, test in self.tests.items():
            for machine in MACHINES.values():
                for cell in machine.cells.values():
                    cell.clear()
            if noticed(test):
                self.failing.append(name)
                continue
            found[name] = {
                (machine.name, state, event)
                for machine in MACHINES.values()
                for event, cell in machine.cells.items()
                for mask in cell
                for state in machine.table.states
                if mask >> state & 1
            }
            widths[name] = len(found[name])
        for name in sorted(found, key=widths.__getitem__):
            for key in found[name]:
                self.views[key].append(name)
        #: The tests of laws, by machine: they use the rows.
        self.laws = {
            machine: [name for name in found if LAWS in name and f"[{machine}]" in name] for machine in MACHINES
        }

    def killer(self, mutant: Mutant) -> str:
        """Return the test that fails for a mutant, or an empty string."""
        machine = mutant.machine.name
        key = (machine, *FIRST.get(mutant.old.event, (mutant.old.source, mutant.old.event)))
        names = self.laws[machine] + self.views.get(key, [])
        with Applied(mutant):
            return next((name for name in names[:ASKED] if noticed(self.tests[name])), "")


#: Fixtures that every test has and that are not required here.
_EVERYWHERE = {"request", "registries", "_declarations_stay"}


def _collect(paths: Iterable[str]) -> Iterator[tuple[str, Callable[[], object]]]:
    """Return the tests below some paths that require only their parameters, by name."""
    found: list[Any] = []

    class Collector:
        def pytest_collection_finish(self, session: Any) -> None:
            found.extend(session.items)

    options = ["--collect-only", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*options, *(str(ROOT / path) for path in paths)], [Collector()])
    for item in found:
        given = item.callspec.params if hasattr(item, "callspec") else {}
        if set(item.fixturenames) - _EVERYWHERE <= set(given):
            yield item.nodeid, lambda item=item, given=given: item.obj(**given)


def _late(*_: object) -> None:
    raise TimeoutError


def noticed(test: Callable[[], object]) -> bool:
    """Return whether a test fails."""
    previous = signal.signal(signal.SIGALRM, _late)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            test()
    except Exception:  # noqa: BLE001 - whatever a test raises on a mutant, it has noticed
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    return False


class Score:
    """Number of mutants, and the tests that killed them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.survivors: list[str] = []
        self.unseen: list[str] = []

    @property
    def mutants(self) -> int:
        """Number of mutants that are not equivalent."""
        return self.counts["mutants"] - self.counts["equivalent"]

    def percent(self, what: str) -> float:
        """Percentage of those that were killed."""
        return 100.0 * self.counts[what] / self.mutants if self.mutants else 100.0

    def add(self, other: Score) -> None:
        """Add another score."""
        self.counts += other.counts
        self.survivors += other.survivors
        self.unseen += other.unseen

    def line(self, name: str) -> str:
        """Return a line of the table."""
        counts = self.counts
        return (
            f"{name:14} {counts['mutants']:8} {counts['equivalent']:11} {self.percent('killed'):8.2f} %"
            f" {self.percent('golden'):8.2f} % {self.percent('behaviour'):10.2f} %"
        )


HEAD = f"{'machine':14} {'mutants':>8} {'equivalent':>11} {'killed':>10} {'golden':>10} {'behaviour':>12}"


def judge(mutants: Iterable[Mutant], behaviour: Behaviour | None) -> Score:
    """Run the tests for every mutant; without behavioral tests, only the golden matrix."""
    score = Score()
    counts = score.counts
    for mutant in mutants:
        machine, old = mutant.machine, mutant.old
        counts["mutants"] += 1
        if not compiles(mutant):
            counts.update(("killed", "golden", "behaviour"))
            continue
        bits = sorted({guard.bit for row in machine.cell(old.source, old.event) for guard in row.guards})
        before, text = seen(machine, old.source, old.event, bits), block(machine, old.event)
        with Applied(mutant):
            same = seen(machine, old.source, old.event, bits) == before
            golden = block(machine, old.event) != text
        if same:
            counts["equivalent"] += 1
            continue
        killer = "" if behaviour is None else behaviour.killer(mutant)
        counts["golden"] += golden
        counts["behaviour"] += bool(killer)
        if golden or killer:
            counts["killed"] += 1
        else:
            score.survivors.append(str(mutant))
        if not killer:
            score.unseen.append(str(mutant))
    return score


# -- joint rows ----------------------------------------------------------------------------------------------------


def joint_mutants() -> Iterator[tuple[Joint, int | None]]:
    """Yield joint rows that are removed (None), or triggered by another state of the same machine."""
    for joint in JOINT:
        states = list(joint.trigger.states)
        yield joint, None
        yield joint, int(states[(states.index(joint.state) + 1) % len(states)])


def judge_joint(behaviour: Behaviour, only: Callable[[], bool] = lambda: True) -> Score:
    """Run the tests for joint rows, which have neither level nor golden file: only behavior counts."""
    score = Score()
    seen_events: dict[tuple[str, Event], list[str]] = defaultdict(list)
    for (machine, _, event), names in behaviour.views.items():
        seen_events[machine, event] += names
    for joint, state in joint_mutants():
        if not only():
            continue
        score.counts["mutants"] += 1
        table = registry.JOINTS
        kept = {key: list(value) for key, value in table.items()}
        entry = (joint.dependent.name, joint.event)
        table[joint.trigger.name, int(joint.state)].remove(entry)
        if state is not None:
            table.setdefault((joint.trigger.name, state), []).append(entry)
        names = dict.fromkeys(seen_events[joint.dependent.name, joint.event])
        killer = next((name for name in list(names)[: 2 * ASKED] if noticed(behaviour.tests[name])), "")
        table.clear()
        table.update(kept)
        where = f"{joint.trigger.name} {joint.state.name} -> {joint.dependent.name} {joint.event.name}"
        if killer:
            score.counts.update(("killed", "behaviour"))
        else:
            score.survivors.append(f"joint: {where} {'dropped' if state is None else 'on another state'}")
            score.unseen.append(score.survivors[-1])
    return score


# -- command -------------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--machine", action="append", choices=[*MACHINES, "joint"], help="only these")
    parser.add_argument("--sample", type=int, help="so many mutants, drawn at random")
    parser.add_argument("--tests", action="append", metavar="PATH", help="behavioural tests (default: tests/rules)")
    parser.add_argument("--golden", action="store_true", help="only what the golden matrix sees: all mutants, quickly")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--survivors", action="store_true", help="list what no behavioural test notices")
    options = parser.parse_args()
    started = time.monotonic()
    quick()
    behaviour = None if options.golden else Behaviour(options.tests or RULES)
    if behaviour is not None:
        say(f"{len(behaviour.tests)} behavioural tests, {len(behaviour.failing)} of them failing on the whole tables")
    names = options.machine or [*MACHINES, "joint"]
    every = {name: list(mutants_of(MACHINES[name])) for name in names if name != "joint"}
    if options.sample:
        chosen = random.Random(options.seed).sample([one for each in every.values() for one in each], options.sample)
        every = {name: [one for one in chosen if one.machine.name == name] for name in every}
    say(HEAD)
    total = Score()
    for name, mutants in every.items():
        score = judge(mutants, behaviour)
        say(score.line(name))
        total.add(score)
    if "joint" in names and not options.sample and behaviour is not None:
        score = judge_joint(behaviour)
        say(score.line("joint rows"))
        total.add(score)
    say(total.line("all"))
    say(f"{time.monotonic() - started:.0f} s")
    for survivor in total.survivors:
        say(f"survivor: {survivor}")
    if options.survivors:
        for unseen in total.unseen:
            say(f"unseen: {unseen}")
    return total.percent("killed") < WANTED or bool(behaviour is not None and behaviour.failing)


def say(text: str) -> None:
    """Print a line immediately."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def quick() -> None:
    """Use few examples and no shrinking: one failure is sufficient."""
    hypothesis.settings.register_profile(
        "mutants",
        max_examples=4,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    os.environ["HYPOTHESIS_PROFILE"] = "mutants"


if __name__ == "__main__":
    raise SystemExit(main())
