"""Rule mutants: each check is disabled, or its bound shifted by one; the cases of its rules must fail.

To print the score: ``python tests/rules/rule_mutants.py [--sample N] [--survivors]``.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.judge.routes import ROUTES
from fsm.monitor import Monitor
from fsm.rules.catalogue import RULES, Status
from mstrp.testing import RuleCase, rule_cases
from protocol.fields import Buffer
from protocol.packet import REQUESTS
from protocol.prechecks import PredicatePrecheck
from protocol.structures import LINECALLHUBTRACKINGINFO, LINECALLPARAMS, LINEFORWARD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from fsm import Finding

__all__ = ["Mutant", "all_mutants", "killed"]

#: Required percentage of killed mutants.
WANTED = 98.0


class Mutant(NamedTuple):
    """A check that is damaged while the mutant is applied."""

    name: str
    rules: frozenset[str]
    apply: Callable[[], AbstractContextManager[None]]


@contextmanager
def _changed(thing: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute temporarily."""
    before = getattr(thing, name)
    setattr(thing, name, value)
    try:
        yield
    finally:
        setattr(thing, name, before)


@contextmanager
def _always_looked_at() -> Iterator[None]:
    """Disable the quick prechecks, because the damaged check may be one that they skip."""
    before = {request: request.layout.prechecks for request in REQUESTS.values()}
    for request in before:
        request.layout.prechecks = (PredicatePrecheck(lambda record: True),)
    try:
        yield
    finally:
        for request, prechecks in before.items():
            request.layout.prechecks = prechecks


def _checks() -> Iterator[tuple[str, Any]]:
    """Yield every check of a declaration that implements a rule."""
    layouts = [request.layout for request in REQUESTS.values()]
    layouts += [structure.layout for structure in (LINECALLPARAMS, LINEFORWARD, LINECALLHUBTRACKINGINFO)]
    for layout in layouts:
        for field in layout.fields:
            inner = field.inner.checks if isinstance(field, Buffer) else ()
            for check in (*field.checks, *inner):
                if check.bullets:
                    yield f"{layout.name}.{field.spec} {check.name}", check
        for check in layout.cross_field_checks:
            yield f"{layout.name} {check.name} {check.bullets}", check


def _off(check: Any) -> Callable[[], AbstractContextManager[None]]:
    return lambda: _changed(check, "bullets", "")


def _moved(check: Any, by: int) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def apply() -> Iterator[None]:
        with _changed(check, "bound", by), _always_looked_at():
            yield

    return apply


def _silent(rule: str) -> Callable[[], AbstractContextManager[None]]:
    """Suppress the findings of a rule."""

    @contextmanager
    def apply() -> Iterator[None]:
        tell = Monitor._tell

        def quiet(self: Monitor, finding: Finding) -> None:
            if finding.rule != rule:
                tell(self, finding)

        with _changed(Monitor, "_tell", quiet):
            yield

    return apply


def _condition(number: int, place: int) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def apply() -> Iterator[None]:
        route = ROUTES[number]
        rest = tuple(condition for at, condition in enumerate(route.conditions) if at != place)
        ROUTES[number] = replace(route, conditions=rest)
        try:
            yield
        finally:
            ROUTES[number] = route

    return apply


def all_mutants() -> Iterator[Mutant]:
    """Return every mutant: checks disabled and shifted, conditions omitted, all other rules suppressed."""
    declared: set[str] = set()
    for name, check in _checks():
        rules = frozenset(check.rules)
        declared |= rules
        yield Mutant(f"{name} off", rules, _off(check))
        for by in check.bound_shifts:
            yield Mutant(f"{name} {by:+d}", rules, _moved(check, by))
    for number, route in ROUTES.items():
        for place, condition in enumerate(route.conditions):
            declared.add(condition.rule)
            name = f"{route.name} {type(condition).__name__} off"
            yield Mutant(name, frozenset({condition.rule}), _condition(number, place))
    for rule in RULES.values():
        if rule.status is Status.CHECKED and rule.id not in declared:
            yield Mutant(f"{rule.id} silent", frozenset({rule.id}), _silent(rule.told))


def killed(mutant: Mutant, known: dict[str, list[RuleCase]]) -> bool:
    """Return whether a case of the mutant's rules fails."""
    with mutant.apply():
        return any(case.failure() for rule in sorted(mutant.rules) for case in known.get(rule, ()))


def by_rule() -> dict[str, list[RuleCase]]:
    """Return all cases by rule."""
    found: dict[str, list[RuleCase]] = {}
    for case in rule_cases():
        if not case.refused:
            found.setdefault(case.rule, []).append(case)
    return found


def main() -> int:
    """Print the score."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sample", type=int, help="number of randomly selected mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--survivors", action="store_true", help="list the surviving mutants")
    options = parser.parse_args()
    started = time.monotonic()
    mutants = list(all_mutants())
    if options.sample:
        mutants = random.Random(options.seed).sample(mutants, options.sample)
    known = by_rule()
    survivors = [mutant.name for mutant in mutants if not killed(mutant, known)]
    dead = len(mutants) - len(survivors)
    share = 100 * dead / len(mutants)
    sys.stdout.write(
        f"{len(mutants)} rule mutants, {dead} killed: {share:.1f} % (required: {WANTED} %), "
        f"{time.monotonic() - started:.0f} s\n"
    )
    for name in survivors if options.survivors else ():
        sys.stdout.write(f"survivor: {name}\n")
    return share < WANTED


if __name__ == "__main__":
    raise SystemExit(main())
