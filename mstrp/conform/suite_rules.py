"""Negative tests: every rule of a request broken on its own, and kept at its bound, in every state where it can be sent."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from fsm.judge.routes import ROUTES
from mstrp.conform.catalogue import row_states
from mstrp.conform.outcome import Result
from mstrp.conform.probe import Missing, Probe
from mstrp.conform.situation import LiveSituation
from mstrp.conform.truth import NOT_OFFERED
from mstrp.conform.world import NotOffered, World
from mstrp.testing.trials import Attempt, attempts
from protocol import line
from protocol.constants import PHONEPRIVILEGE
from protocol.generic import GetAsyncEvents

if TYPE_CHECKING:
    from fsm.tables.call_states import CallState
    from mstrp.conform.book import Book
    from mstrp.conform.probe import Asked
    from protocol.packet import Request

__all__ = ["Bench", "rules_of", "try_request"]

#: After so many requests a bench is given up, so that no conversation becomes endless.
_LONGEST = 300


@cache
def _by_request() -> dict[int, list[Attempt]]:
    found: dict[int, list[Attempt]] = {}
    for attempt in attempts():
        found.setdefault(attempt.request.req_func, []).append(attempt)
    return found


def rules_of(request: type[Request]) -> list[Attempt]:
    """The attempts of a request."""
    return _by_request().get(request.req_func, [])


class Bench:
    """A live session in which a request can be made, as often as the server refuses it."""

    def __init__(self, book: Book, request: type[Request], state: CallState | None, options: dict[str, Any]) -> None:
        self.book = book
        self.request = request
        self.state = state
        self.options = options
        self.probe: Probe | None = None
        self.world: World
        self.situation: LiveSituation
        self.ready = 0

    async def set_up(self) -> LiveSituation:
        """The session, made anew when the last one is spoilt; raises `Missing`."""
        if self.probe is not None and len(self.probe.program) - self.ready < _LONGEST:
            return self.situation
        await self.tear_down()
        self.probe = self.book.probe()
        self.world = World(self.probe)
        how = "pull" if self.request is GetAsyncEvents else ""
        await self.world.begin(how=how, version=self.options.get("version", 0x00030001))
        calls = await self._calls()
        handle = 0
        if not self.options.get("owner", True):
            handle = await self.world.open_phone(int(PHONEPRIVILEGE.MONITOR))
        self.situation = LiveSituation(self.world, calls, phone_handle=handle)
        self.ready = len(self.probe.program)
        return self.situation

    async def _calls(self) -> dict[str, int]:
        if self.state is None:
            return await self.world.provide(self.request)
        use = ROUTES[self.request.req_func].calls[0]
        return {use.spec: await self.world.call_in(self.state)}

    async def try_(self, packet: Any, *, legal: bool = False) -> Asked:
        """Make the request, and wait for its completion where it was accepted."""
        assert self.probe is not None
        asked = await self.probe.ask("a", packet, legal=legal)
        if asked.ok and type(packet).completion == "async" and asked.ack:
            await self.probe.reply("a", asked)
        return asked

    async def tear_down(self) -> None:
        """End the session; what its end shows is judged as well."""
        if self.probe is not None:
            await self.probe.close()
            self.book.judge(self.probe)
            self.probe = None


def _variants(attempt: Attempt, situation: LiveSituation, which: int, book: Book) -> list[Any]:
    found = attempt.packets(situation)[which]
    return found if book.depth > 1 else found[:1] if book.depth == 0 else found[:2]


async def try_request(book: Book, request: type[Request]) -> None:
    """All rules of a request; and the request with nothing wrong."""
    name = f"{request.device}.{request.__name__}"
    groups: dict[str, list[Attempt]] = {}
    for attempt in rules_of(request):
        groups.setdefault(repr(sorted(attempt.options.items())), []).append(attempt)
    if not await _baseline(book, request, name):
        for attempt in rules_of(request):
            book.leaves(Result.NOT_APPLICABLE, f"{name}: {book.missing[name]}", attempt.rule)
        return
    for group in groups.values():
        bench = Bench(book, request, None, group[0].options)
        for attempt in group:
            await _attempt(book, bench, attempt, name)
        await _end(bench)
    if book.depth and len(ROUTES[request.req_func].calls) == 1 and request.device == "line":
        for state in row_states(request)[1:]:
            bench = Bench(book, request, state, {})
            for attempt in rules_of(request):
                if not attempt.options and not attempt.needs:
                    await _attempt(book, bench, attempt, name, kept=False)
            await _end(bench)


async def _end(bench: Bench) -> None:
    try:
        await bench.tear_down()
    except Missing:
        bench.probe = None


async def _baseline(book: Book, request: type[Request], name: str) -> bool:
    """The request with nothing wrong; whether the server offers it."""
    bench = Bench(book, request, None, {})
    try:
        situation = await bench.set_up()
        asked = await bench.try_(situation.packet(request), legal=True)
    except Missing as error:
        book.missing[name] = str(error)
        book.missed(error, f"LEGAL-{name}")
        await _end(bench)
        return not isinstance(error, NotOffered)
    await _end(bench)
    if asked.code in NOT_OFFERED:
        book.missing[name] = f"the server says {asked.outcome}"
        book.leaves(Result.NOT_APPLICABLE, book.missing[name], f"LEGAL-{name}")
        if request.completion == "async":
            book.leaves(Result.NOT_APPLICABLE, book.missing[name], f"DONE-{name}")
        # What it does not have it refuses, whatever is wrong with the request: nothing is learned from that.
        return False
    book.passes(f"LEGAL-{name}")
    if asked.ok and request.completion == "async":
        book.passes(f"DONE-{name}")
    return True


async def _attempt(book: Book, bench: Bench, attempt: Attempt, name: str, *, kept: bool = True) -> None:
    """Break a rule, in each way; then keep it, at its bounds."""
    if attempt.needs == "rights":
        cause = "needs an account that is no administrator"
        book.leaves(Result.NOT_APPLICABLE, cause, attempt.rule)
        return
    try:
        for broken in range(len(_variants(attempt, await bench.set_up(), 1, book))):
            await _broken(book, bench, attempt, broken)
        for good in range(len(_variants(attempt, await bench.set_up(), 0, book)) if kept and not attempt.needs else 0):
            situation = await bench.set_up()
            asked = await bench.try_(_variants(attempt, situation, 0, book)[good], legal=True)
            book.passes(f"LEGAL-{name}")
            if asked.ok and not bench.request.__name__.startswith("Get"):
                await _end(bench)
    except Missing as error:
        book.missed(error, attempt.rule)
        await _end(bench)


async def _broken(book: Book, bench: Bench, attempt: Attempt, number: int) -> None:
    situation = await bench.set_up()
    await _needs(bench, situation, attempt)
    packets = _variants(attempt, situation, 1, book)
    if number >= len(packets):
        return
    assert bench.probe is not None
    asked = await bench.try_(packets[number])
    if not asked.ok:
        book.passes(attempt.rule)
        return
    bad = bool(bench.probe.complaints)
    if not bad:
        cause = f"accepted ({attempt.what}), and nothing that was seen proves it wrong"
        book.leaves(Result.INCONCLUSIVE, cause, attempt.rule)
    await _end(bench)


async def _needs(bench: Bench, situation: LiveSituation, attempt: Attempt) -> None:
    """What only the server's side can bring about, as far as a client can learn or cause it."""
    world = bench.world
    if attempt.needs == "proxies":
        packet = line.GetProxyStatus(line_app=world.app, app_api_version=world.version, line_proxy_request_list=1024)
        await world.ask(packet)
        assert bench.probe is not None
        await bench.probe.quiet()
    elif attempt.needs == "another line":
        consult = next(iter(situation.calls.values()), 0)
        other = world.ends.get(consult)
        if other is None:
            raise NotOffered("there is no call on another line")
        situation.calls["hConsultCall"] = other
