"""What `mstrp conform server` does, in order: tests by name, each in a conversation of its own."""

from __future__ import annotations

import asyncio
import functools
import logging
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from fsm.judge.routes import ROUTES
from mstrp.conform.catalogue import SERVER, row_id, row_states
from mstrp.conform.outcome import Result
from mstrp.conform.probe import Unreachable
from mstrp.conform.shrink import shrink
from mstrp.conform.suite_flows import FLOW_TESTS, flow_ids, try_flow
from mstrp.conform.suite_handles import HANDLE_TESTS
from mstrp.conform.suite_proxies import PROXIED, try_proxied
from mstrp.conform.suite_rows import try_row, try_wrong_state, wrong_states
from mstrp.conform.suite_rules import rules_of, try_request
from mstrp.conform.suite_truths import TRUTH_TESTS
from mstrp.conform.suite_walks import WALKS, try_walk
from mstrp.conform.target import BudgetSpent
from protocol.packet import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from mstrp.conform.book import Book

__all__ = ["Test", "plan", "run", "select"]


_logger = logging.getLogger("mstrp.conform")


class Test(NamedTuple):
    """Something that is tried with a server."""

    name: str
    run: Callable[[Book], Awaitable[None]]
    #: The requirements for whose sake it is done, as far as that is known before.
    tries: tuple[str, ...] = ()


def plan(depth: int = 1) -> Iterator[Test]:
    """The tests in their order: what is most basic comes first, and what shows a mistake in few steps."""
    for name, run, tries in TRUTH_TESTS:
        yield Test(name, run, tries)
    for name, run, tries in HANDLE_TESTS:
        yield Test(name, run, tries)
    on_calls = [
        request
        for request in REQUESTS.values()
        if request.device == "line" and len(ROUTES[request.req_func].calls) == 1
    ]
    for request in on_calls:
        for state in row_states(request):
            run = functools.partial(try_row, request=request, state=state)
            yield Test(f"{request.__name__} in {state.name}", run, (row_id(request, state),))
    for flow in FLOW_TESTS:
        yield Test(f"flow {flow.name}", functools.partial(try_flow, flow=flow), flow_ids(flow))
    for request in REQUESTS.values():
        name = f"{request.device}.{request.__name__}"
        rules = dict.fromkeys(attempt.rule for attempt in rules_of(request))
        tries = (*rules, f"LEGAL-{name}", *((f"DONE-{name}",) if request.completion == "async" else ()))
        yield Test(f"rules of {name}", functools.partial(try_request, request=request), tries)
    for request in on_calls:
        for state in wrong_states(request):
            run = functools.partial(try_wrong_state, request=request, state=state)
            name = f"{request.__name__} in {state.name}, where it may not be"
            yield Test(name, run, (f"CALL-PRE-{request.__name__}",))
    for request in PROXIED:
        run = functools.partial(try_proxied, request=request)
        yield Test(f"handler of {request.__name__}", run, request.layout.proxy_rules[2:])
    for number in range(WALKS if depth else 2):
        yield Test(f"walk {number + 1}", functools.partial(try_walk, number=number), ("WALK",))


@functools.cache
def _written() -> frozenset[str]:
    """Names of tests, and the requirements that tests are written for."""
    return frozenset(name for test in plan() for name in (test.name, *test.tries))


def select(only: Iterable[str] | None, skip: Iterable[str] = ()) -> Callable[[Test], bool]:
    """Whether a test is selected: by patterns of its name, or of requirements.

    Requirements that no test is written for are checked in every conversation, so that they select every test.
    """

    def fits(names: Iterable[str], patterns: Iterable[str]) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)

    if only is None:
        chosen = None
    else:
        chosen = [pattern if fits(_written(), [pattern]) or not fits(SERVER, [pattern]) else "*" for pattern in only]
    skipped = list(skip)

    def wanted(test: Test) -> bool:
        names = (test.name, *test.tries)
        return (chosen is None or fits(names, chosen)) and not fits(names, skipped)

    return wanted


async def run(
    book: Book,
    *,
    wanted: Callable[[Test], bool] = lambda test: True,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
    until: Callable[[Book], bool] = lambda book: False,
) -> None:
    """Perform the tests that are wanted, and make what failed as short as possible.

    Ends early when the budget is spent, when the server cannot be reached any more, or when ``until`` says so.
    """
    chosen = [test for test in plan(book.depth) if wanted(test)]
    shown: set[str] = set()
    for number, test in enumerate(chosen):
        progress(number, len(chosen), test.name)
        try:
            await _perform(book, test)
            await shorten(book, shown)
        except BudgetSpent as error:
            _give_up(book, str(error))
            break
        except Unreachable as error:
            book.unreachable(error)
            _give_up(book, "the server does not answer any more")
            break
        except Exception as error:
            # A mistake in a test is an outcome of its own; the others are still done.
            _logger.info("%s", test.name, exc_info=True)
            book.leaves(Result.ERROR, f"{test.name}: {type(error).__name__}: {error}", *(test.tries or ("ALIVE",)))
        if until(book):
            break
    progress(len(chosen), len(chosen), "")


async def _perform(book: Book, test: Test) -> None:
    """Do a test; a server that lets nobody in may only be busy, and gets two more chances."""
    for _ in range(2):
        try:
            return await test.run(book)
        except Unreachable:
            await asyncio.sleep(book.target.settle)
    return await test.run(book)


async def shorten(book: Book, shown: set[str]) -> None:
    """Find the shortest conversation of every new failure."""
    for outcome in book.failures:
        name = outcome.requirement.id
        if name in shown or outcome.program is None or outcome.complaint is None:
            continue
        shown.add(name)
        program, complaint = await shrink(book.target, outcome.program, outcome.complaint, book.budget, odd=book.strict)
        outcome.program, outcome.complaint, outcome.packets = program, complaint, program.packets
        outcome.cause = complaint.summary


def _give_up(book: Book, why: str) -> None:
    for outcome in book.outcomes.values():
        if not outcome.tried and outcome.cause == "not tried":
            outcome.leaves(Result.INCONCLUSIVE, f"not tried: {why}")
