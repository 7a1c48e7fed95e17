"""Requests that the server passes to the proxy handler of a line: the tester is its own handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.rules.conditions import proxy_type
from mstrp.conform.core.errors import Missing
from mstrp.conform.core.outcome import Verdict
from mstrp.conform.server.live_situation import LiveSituation
from mstrp.conform.server.refusals import NOT_OFFERED
from mstrp.conform.server.test_bed import TestBed
from mstrp.conform.server.tester import Tester
from protocol.constants import LINECALLPRIVILEGE, LINEOPENOPTION
from protocol.packet import REQUESTS, error_name
from protocol.structures import LINECALLPARAMS

if TYPE_CHECKING:
    from mstrp.conform.core.campaign import Campaign
    from protocol.packet import Request

__all__ = ["PROXIED", "try_proxied"]

_HANDLER = int(LINECALLPRIVILEGE.MONITOR) | int(LINEOPENOPTION.PROXY)
#: The requests that a handler gets to see.
PROXIED: tuple[type[Request], ...] = tuple(
    request for request in REQUESTS.values() if request.layout.proxy_rules[2:] and proxy_type(request)
)


async def try_proxied(campaign: Campaign, request: type[Request]) -> None:
    """A client registers as handler of a request, makes it, and has to be told of it."""
    rules = request.layout.proxy_rules[2:]
    async with Tester.of(campaign) as tester:
        try:
            bed = TestBed(tester)
            await bed.begin(lines=1)
            types = proxy_type(request).to_bytes(4, "little")
            await bed.open(0, _HANDLER, LINECALLPARAMS(dev_specific=types))
            calls = await bed.provide(request)
            transaction = await tester.ask("a", LiveSituation(bed, calls).packet(request), legal=True)
            if transaction.ok:
                await tester.event("a", "LINE_PROXYREQUEST")
                campaign.record_pass(*rules)
            else:
                result = Verdict.NOT_APPLICABLE if transaction.code in NOT_OFFERED else Verdict.INCONCLUSIVE
                campaign.record(
                    result,
                    f"{request.__name__} is refused: {error_name(transaction.code) or transaction.outcome}",
                    *rules,
                )
        except Missing as error:
            campaign.record_missing(error, *rules)
    campaign.collect(tester)
