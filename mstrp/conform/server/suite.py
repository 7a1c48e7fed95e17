"""What `mstrp conform server` does, in order: tests by name, each in a conversation of its own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from fsm.judge.routes import ROUTES
from mstrp.conform.core.errors import Unreachable
from mstrp.conform.core.outcome import Verdict
from mstrp.conform.core.target import BudgetSpent
from mstrp.conform.server.cases.buffers import SIZE_CASES
from mstrp.conform.server.cases.call_rows import try_row, try_wrong_state, wrong_states
from mstrp.conform.server.cases.consistency import CONSISTENCY_CASES
from mstrp.conform.server.cases.flows import FLOW_CASES, flow_ids, try_flow
from mstrp.conform.server.cases.handles import HANDLE_CASES
from mstrp.conform.server.cases.interactions import INTERACTION_CASES
from mstrp.conform.server.cases.observers import OBSERVER_CASES
from mstrp.conform.server.cases.proxies import PROXIED, try_proxied
from mstrp.conform.server.cases.request_rules import rules_of, try_request
from mstrp.conform.server.cases.state_session import StateSession
from mstrp.conform.server.cases.walks import WALKS, try_walk
from mstrp.conform.server.requirements import SERVER, row_id, row_states
from mstrp.conform.server.shrink import shrink
from mstrp.conform.server.test_bed import REACHABLE
from protocol.packet import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from mstrp.conform.core.campaign import Campaign

__all__ = ["Case", "plan", "run", "select"]


#: Failures that something late, or another client, may cause, by the prefixes of their requirements.
_TIMED = (
    "EFFECT-",
    "DONE-",
    "CROSS-",
    "TRUE-",
    "CALL-PRE-",
    "CALL-STATE-",
    "CALL-ORDER-",
    "RESPONSE-",
    "TRP-3.1.4.3-02",
)
#: After so many cases in a row in which Initialize gets no response the server counts as gone.
_SILENT = 3
_logger = logging.getLogger("mstrp.conform")


class Case(NamedTuple):
    """Something that is tried with a server."""

    name: str
    run: Callable[[Campaign], Awaitable[None]]
    #: The requirements for whose sake it is done, as far as that is known before.
    tries: tuple[str, ...] = ()
    #: The conversation that it shares with the cases before and after it.
    session: StateSession | None = None


def plan(depth: int = 1) -> list[Case]:
    """Return the cases in the order of their value, for runs that are cut.

    First the scenarios of section 4, then every request once, then rows and rules, then walks.
    """
    return sorted(_cases(depth), key=_rank)


def _rank(case: Case) -> int:
    if any(name.startswith("SCENARIO-") for name in case.tries):
        return 0
    if case.name.startswith("rules of "):
        return 1
    return 3 if case.name.startswith("walk ") else 2


def _cases(depth: int) -> Iterator[Case]:
    for name, run, tries in CONSISTENCY_CASES:
        yield Case(name, run, tries)
    for name, run, tries in INTERACTION_CASES:
        yield Case(name, run, tries)
    for name, run, tries in OBSERVER_CASES:
        yield Case(name, run, tries)
    for name, run, tries in SIZE_CASES:
        yield Case(name, run, tries)
    for name, run, tries in HANDLE_CASES:
        yield Case(name, run, tries)
    on_calls = [
        request
        for request in REQUESTS.values()
        if request.device == "line" and len(ROUTES[request.req_func].calls) == 1
    ]
    for state in REACHABLE:
        session = StateSession(state)
        # First what only reads, so that the same call serves for all of it.
        for request in sorted(on_calls, key=lambda each: not each.__name__.startswith("Get")):
            if state in row_states(request):
                run = functools.partial(try_row, request=request, session=session)
                yield Case(f"{request.__name__} in {state.name}", run, (row_id(request, state),), session)
    for flow in FLOW_CASES:
        yield Case(f"flow {flow.name}", functools.partial(try_flow, flow=flow), flow_ids(flow))
    for request in REQUESTS.values():
        name = f"{request.device}.{request.__name__}"
        rules = dict.fromkeys(attempt.rule for attempt in rules_of(request))
        about = [each for each in (f"LEGAL-{name}", f"RESPONSE-{name}", f"EFFECT-{name}") if each in SERVER]
        tries = (*rules, *about, *((f"DONE-{name}",) if request.completion == "async" else ()))
        yield Case(f"rules of {name}", functools.partial(try_request, request=request), tries)
    for state in REACHABLE:
        session = StateSession(state)
        for request in on_calls:
            if state in wrong_states(request):
                run = functools.partial(try_wrong_state, request=request, session=session)
                name = f"{request.__name__} in {state.name}, where it may not be"
                yield Case(name, run, (f"CALL-PRE-{request.__name__}",), session)
    for request in PROXIED:
        run = functools.partial(try_proxied, request=request)
        yield Case(f"handler of {request.__name__}", run, request.layout.proxy_rules[2:])
    for number in range(WALKS if depth else 2):
        yield Case(f"walk {number + 1}", functools.partial(try_walk, number=number), ("WALK",))


@functools.cache
def _written() -> frozenset[str]:
    """Names of tests, and the requirements that tests are written for."""
    return frozenset(name for test in plan() for name in (test.name, *test.tries))


def select(only: Iterable[str] | None, skip: Iterable[str] = ()) -> Callable[[Case], bool]:
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

    def wanted(test: Case) -> bool:
        names = (test.name, *test.tries)
        return (chosen is None or fits(names, chosen)) and not fits(names, skipped)

    return wanted


async def run(
    campaign: Campaign,
    *,
    wanted: Callable[[Case], bool] = lambda test: True,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
    until: Callable[[Campaign], bool] = lambda campaign: False,
) -> None:
    """Perform the tests that are wanted, and make what failed as short as possible.

    Ends early when the budget is spent, when the server cannot be reached any more, or when ``until`` says so.
    """
    chosen = [test for test in plan(campaign.depth) if wanted(test)]
    shown: set[str] = set()
    silent: list[int] = []
    session: StateSession | None = None
    for number, test in enumerate(chosen):
        progress(number, len(chosen), test.name)
        try:
            if session is not None and test.session is not session:
                await session.close(campaign)
            session = test.session
            campaign.case = test.name
            await _perform(campaign, test)
            await shorten(campaign, shown)
            silent = _count_silent(campaign, silent)
            if len(silent) >= _SILENT:
                raise Unreachable(f"Initialize gets no response, {_SILENT} times")  # noqa: TRY301 - as if none had attached
        except BudgetSpent as error:
            campaign.cut = str(error)
            _give_up(campaign, str(error))
            break
        except Unreachable as error:
            campaign.unreachable(error)
            _give_up(campaign, "the server does not answer any more")
            break
        except Exception as error:
            # A mistake in a test is an outcome of its own; the others are still done.
            _logger.info("%s", test.name, exc_info=True)
            campaign.record(Verdict.ERROR, f"{test.name}: {type(error).__name__}: {error}", *(test.tries or ("ALIVE",)))
        if until(campaign):
            break
    if session is not None:
        with contextlib.suppress(BudgetSpent, Unreachable):
            await session.close(campaign)
    progress(len(chosen), len(chosen), "")


def _count_silent(campaign: Campaign, silent: list[int]) -> list[int]:
    """The cases in a row in which Initialize got no response, by how often that has failed."""
    outcome = campaign.outcomes.get("RESPONSE-line.Initialize")
    if outcome is None or outcome.verdict is not Verdict.FAIL or outcome.tried in silent:
        return []
    return [*silent, outcome.tried]


async def _perform(campaign: Campaign, test: Case) -> None:
    """Do a test; a server that lets nobody in may only be busy, and gets two more chances."""
    for _ in range(2):
        try:
            return await test.run(campaign)
        except Unreachable:
            await asyncio.sleep(campaign.target.settle)
    return await test.run(campaign)


async def shorten(campaign: Campaign, shown: set[str]) -> None:
    """Find the shortest conversation of every new failure."""
    for outcome in campaign.failures:
        name = outcome.requirement.id
        if name in shown or outcome.program is None or outcome.violation is None:
            continue
        shown.add(name)
        shrunk = await shrink(
            campaign.target, outcome.program, outcome.violation, campaign.budget, strict=campaign.strict
        )
        outcome.program, outcome.violation, outcome.confirmed = shrunk
        outcome.packets = outcome.program.packets
        outcome.cause = outcome.violation.summary
        if not outcome.confirmed:
            outcome.cause += " (seen once: neither a repeated nor a shorter conversation shows it)"
            if name.startswith(_TIMED):
                # It was seen only once: that is no proof.
                outcome.verdict = Verdict.INCONCLUSIVE


def _give_up(campaign: Campaign, why: str) -> None:
    for outcome in campaign.outcomes.values():
        if not outcome.tried and outcome.cause == "not tried":
            outcome.record(Verdict.INCONCLUSIVE, f"not tried: {why}")
