"""Positive tests: every row of the call table that a client can take, and what the rows do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.tables.call_requests import PRECONDITIONS
from mstrp.conform.core.errors import Missing, NotOffered
from mstrp.conform.core.outcome import Verdict
from mstrp.conform.server.live_situation import LiveSituation
from mstrp.conform.server.refusals import NOT_OFFERED
from mstrp.conform.server.requirements import row_id, row_states
from mstrp.conform.server.test_bed import REACHABLE, TestBed
from mstrp.conform.server.tester import Tester

if TYPE_CHECKING:
    from fsm.tables.call_states import CallState
    from mstrp.conform.core.campaign import Campaign
    from protocol.packet import Request

__all__ = ["try_row", "try_wrong_state", "wrong_states"]


async def try_row(campaign: Campaign, request: type[Request], state: CallState) -> None:
    """A request where it may be made: it is not refused for an untrue reason, it is completed, and the state is told."""
    name = row_id(request, state)
    async with Tester.of(campaign) as tester:
        try:
            bed = TestBed(tester)
            await bed.begin()
            call = await bed.call_in(state)
            await _row(campaign, tester, bed, request, call, state)
        except Missing as error:
            campaign.record_missing(error, name)
    campaign.collect(tester)


async def _row(
    campaign: Campaign, tester: Tester, bed: TestBed, request: type[Request], call: int, state: CallState
) -> None:
    name, device = row_id(request, state), f"{request.device}.{request.__name__}"
    spec = _field(request)
    situation = LiveSituation(bed, {spec: call})
    if not bed.partner_number:
        await bed.numbers()
    packet = situation.packet(request, **_values(request, bed))
    transaction = await tester.ask("a", packet, legal=True)
    if transaction.ok and request.completion == "async" and transaction.ack:
        completion = await tester.reply("a", transaction)
        campaign.record_pass(f"DONE-{device}")
        failed = completion.words[7] if completion.outcome < 0 else 0
    else:
        failed = transaction.code
    campaign.record_pass(f"LEGAL-{device}")
    if failed or not transaction.ok:
        result = Verdict.NOT_APPLICABLE if failed in NOT_OFFERED else Verdict.INCONCLUSIVE
        campaign.record(result, f"{request.__name__} is refused: {failed:#010x}" if failed else "RPC fault", name)
        return
    campaign.record_pass(name)
    if request.__name__ != "DeallocateCall":
        await tester.check("a", call)
        campaign.record_pass("TOLD-STATE")


async def try_wrong_state(campaign: Campaign, request: type[Request], state: CallState) -> None:
    """A request where the tables do not have it: a server that takes it is odd, or breaks a rule."""
    async with Tester.of(campaign) as tester:
        try:
            bed = TestBed(tester)
            await bed.begin()
            call = await bed.call_in(state)
            packet = LiveSituation(bed, {_field(request): call}).packet(request, **_values(request, bed))
            transaction = await tester.ask("a", packet)
            if transaction.ok and transaction.ack:
                await tester.reply("a", transaction)
            if not transaction.ok and request.__name__ == "RemoveFromConference":
                campaign.record_pass("TRP-3.1.4.2-063-02")
            # A refused request changes nothing: the state of the call is what it was.
            await tester.check("a", call)
        except NotOffered:
            pass
        except Missing as error:
            campaign.record_missing(error, f"CALL-PRE-{request.__name__}")
    if not campaign.collect(tester):
        campaign.record_pass(f"CALL-PRE-{request.__name__}")


def wrong_states(request: type[Request]) -> list[CallState]:
    """The states in which a request may not be made, of those that can be brought about."""
    if (request.__name__, _field(request)) not in PRECONDITIONS:
        return []
    right = row_states(request)
    return [state for state in REACHABLE if state not in right]


def _field(request: type[Request]) -> str:
    from fsm.judge.routes import ROUTES

    return ROUTES[request.req_func].calls[0].spec


def _values(request: type[Request], bed: TestBed) -> dict[str, object]:
    """Numbers that lead somewhere."""
    names = request.layout.by_name
    return {
        name: bed.partner_number for name in ("dest_address", "dir_address") if name in names and bed.partner_number
    }
