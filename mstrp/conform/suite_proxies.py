"""Requests that the server passes to the proxy handler of a line: the tester is its own handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.rules.conditions import proxy_type
from mstrp.conform.outcome import Result
from mstrp.conform.probe import Missing
from mstrp.conform.situation import LiveSituation
from mstrp.conform.truth import NOT_OFFERED
from mstrp.conform.world import World
from protocol.constants import LINECALLPRIVILEGE, LINEOPENOPTION
from protocol.packet import REQUESTS, error_name
from protocol.structures import LINECALLPARAMS

if TYPE_CHECKING:
    from mstrp.conform.book import Book
    from protocol.packet import Request

__all__ = ["PROXIED", "try_proxied"]

_HANDLER = int(LINECALLPRIVILEGE.MONITOR) | int(LINEOPENOPTION.PROXY)
#: The requests that a handler gets to see.
PROXIED: tuple[type[Request], ...] = tuple(
    request for request in REQUESTS.values() if request.layout.proxy_rules[2:] and proxy_type(request)
)


async def try_proxied(book: Book, request: type[Request]) -> None:
    """A client registers as handler of a request, makes it, and has to be told of it."""
    rules = request.layout.proxy_rules[2:]
    async with book.probe() as probe:
        try:
            world = World(probe)
            await world.begin(lines=1)
            types = proxy_type(request).to_bytes(4, "little")
            await world.open(0, _HANDLER, LINECALLPARAMS(dev_specific=types))
            calls = await world.provide(request)
            asked = await probe.ask("a", LiveSituation(world, calls).packet(request), legal=True)
            if asked.ok:
                await probe.event("a", "LINE_PROXYREQUEST")
                book.passes(*rules)
            else:
                result = Result.NOT_APPLICABLE if asked.code in NOT_OFFERED else Result.INCONCLUSIVE
                book.leaves(result, f"{request.__name__} is refused: {error_name(asked.code) or asked.outcome}", *rules)
        except Missing as error:
            book.missed(error, *rules)
    book.judge(probe)
