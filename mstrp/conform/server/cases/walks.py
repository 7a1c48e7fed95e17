"""Random walks with a live server: legal requests and what a partner may do, the row taken least first.

The monitor is the judge. Which way a walk goes is decided by `mstrp.testing.selection`; the seed makes it the same again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.judge.routes import ROUTES
from fsm.tables.call_requests import ASKS
from fsm.tables.call_states import BY_BIT
from mstrp.conform.core.errors import Missing
from mstrp.conform.server.live_situation import LiveSituation
from mstrp.conform.server.test_bed import TestBed
from mstrp.conform.server.tester import Tester
from mstrp.testing.selection import LeastCovered, Option, RowKey
from protocol import line
from protocol.constants import LINECALLSTATE
from protocol.packet import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsm.tables.call_states import CallState
    from mstrp.conform.core.campaign import Campaign
    from protocol.packet import Request

__all__ = ["WALKS", "try_walk"]

S = LINECALLSTATE
#: How many steps a walk has, how many walks there are, and how many calls there may be at a time.
_STEPS, WALKS, _CALLS = 60, 12, 3
#: Requests that would end the session, or whose effects outlive it.
_APART = {"Forward", "SetUpConference", "GetID", "SetTerminal", "CompleteCall", "Park", "GatherDigits"}
_ON_CALLS: tuple[type[Request], ...] = tuple(
    request
    for request in REQUESTS.values()
    if request.device == "line"
    and len(ROUTES[request.req_func].calls) == 1
    and not ROUTES[request.req_func].calls[0].optional
    and request.__name__ not in _APART
)


class _Walk:
    def __init__(self, campaign: Campaign, tester: Tester) -> None:
        self.campaign = campaign
        self.tester = tester
        self.bed = TestBed(tester)

    async def walk(self, choose: LeastCovered) -> None:
        """So many steps, and the end of every call."""
        await self.bed.begin()
        await self.bed.numbers()
        for _ in range(_STEPS):
            options = list(self._options())
            await self._do(choose.next(options).what)
        await self.bed.clear()
        await self.tester.quiet()

    def _options(self) -> Iterator[Option[tuple[Any, ...]]]:
        calls = [call for call in self.tester.live_calls("a") if self._state(call) is not None]
        if len(calls) < 2 * _CALLS:
            yield Option(("offer",), ("offer",))
            yield Option(("make",), ("line.MakeCall",))
            yield Option(("dial tone",), ("dial tone",))
        for call in calls:
            state = self._state(call)
            assert state is not None
            for request in _ON_CALLS:
                use = ROUTES[request.req_func].calls[0]
                known = self.tester.slots["a"].client.conversation.calls.get(call)
                if known is not None and known.machine.may(known, ASKS[request.__name__, use.spec], known.flags):
                    yield Option(("ask", request, call), (RowKey("call", state, ASKS[request.__name__, use.spec]),))

    def _state(self, call: int) -> CallState | None:
        return BY_BIT.get(self.tester.state_of("a", call))

    async def _do(self, what: tuple[Any, ...]) -> None:
        if what[0] == "offer":
            await self.bed.offered()
        elif what[0] in {"make", "dial tone"}:
            number = self.bed.partner_number if what[0] == "make" else None
            call = await self.bed.make(self.bed.subject, number)
            await self.tester.state("a", call, S.DIALTONE, S.RINGBACK, S.PROCEEDING, S.CONNECTED)
            if number and self.bed.partner:
                self.bed.ends[call] = await self.tester.call("a", self.bed.partner)
        else:
            await self._ask(what[1], what[2])

    async def _ask(self, request: type[Request], call: int) -> None:
        spec = ROUTES[request.req_func].calls[0].spec
        given = {"dest_address": self.bed.partner_number} if "dest_address" in request.layout.by_name else {}
        packet = LiveSituation(self.bed, {spec: call}).packet(request, **given)
        transaction = await self.tester.ask("a", packet, legal=True)
        if transaction.ok and transaction.ack and request.completion == "async":
            await self.tester.reply("a", transaction)
        if request is not line.DeallocateCall:
            await self.tester.check("a", call)


async def try_walk(campaign: Campaign, number: int) -> None:
    """One walk; all walks of a run share what they have seen."""
    choose = LeastCovered(campaign.coverage, campaign.chance.randrange)
    async with Tester.of(campaign) as tester:
        try:
            await _Walk(campaign, tester).walk(choose)
        except Missing as error:
            campaign.record_missing(error, "WALK")
    if not campaign.collect(tester):
        campaign.record_pass("WALK")
