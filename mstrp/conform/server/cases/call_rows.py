"""Positive tests: every row of the call table that a client can take, and what the rows do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.tables.call_requests import PRECONDITIONS
from fsm.tables.call_states import CallState
from mstrp.conform.core.errors import Missing, NotOffered
from mstrp.conform.core.outcome import Verdict
from mstrp.conform.server.live_situation import LiveSituation
from mstrp.conform.server.refusals import NOT_OFFERED, may_refuse
from mstrp.conform.server.requirements import row_id, row_states
from mstrp.conform.server.test_bed import REACHABLE, TestBed
from protocol.constants import LINECALLSTATE
from protocol.line import GetID

if TYPE_CHECKING:
    from mstrp.conform.core.campaign import Campaign
    from mstrp.conform.server.cases.state_session import StateSession
    from protocol.packet import Request

__all__ = ["try_row", "try_wrong_state", "wrong_states"]


#: States that a call may leave by itself, where no one acts for long.
_TRANSIENT = frozenset(
    {CallState.OFFERING, CallState.ACCEPTED, CallState.DIALTONE, CallState.RINGBACK, CallState.DISCONNECTED}
)


async def try_row(campaign: Campaign, request: type[Request], session: StateSession) -> None:
    """A request where it may be made: it is not refused for an untrue reason, it is completed, and the state is reported."""
    name, device = row_id(request, session.state), f"{request.device}.{request.__name__}"
    try:
        tester, bed, call = await session.obtain(campaign)
    except Missing as error:
        campaign.record_missing(error, name)
        return
    try:
        if request is GetID:
            await bed.know_class()
        packet = LiveSituation(bed, {_field(request): call}).packet(request, **_values(request, bed))
        transaction = await tester.ask("a", packet, legal=True)
        if transaction.ok and request.completion == "async" and transaction.ack:
            completion = await tester.reply("a", transaction)
            campaign.record_pass(f"DONE-{device}")
            failed = completion.words[7] if completion.outcome < 0 else 0
        else:
            failed = transaction.code
        campaign.record_pass(f"LEGAL-{device}")
        if may_refuse(request, session.state, failed):
            campaign.record_pass(name)
        elif failed or not transaction.ok:
            verdict = Verdict.NOT_APPLICABLE if failed in NOT_OFFERED else Verdict.INCONCLUSIVE
            campaign.record(verdict, f"{request.__name__} is refused: {failed:#010x}" if failed else "RPC fault", name)
        else:
            campaign.record_pass(name)
            if request.__name__ != "DeallocateCall":
                await tester.check("a", call)
                campaign.record_pass("TOLD-STATE")
        kept = failed or request.__name__.startswith("Get")
    except Missing as error:
        campaign.record_missing(error, name)
        kept = False
    if campaign.collect(tester) or not kept:
        await session.close(campaign)


async def try_wrong_state(campaign: Campaign, request: type[Request], session: StateSession) -> None:
    """A request where the tables do not have it: it has to be refused, and to change nothing."""
    name, state = f"CALL-PRE-{request.__name__}", session.state
    try:
        tester, bed, call = await session.obtain(campaign)
    except NotOffered:
        return
    except Missing as error:
        campaign.record_missing(error, name)
        return
    refused = False
    try:
        packet = LiveSituation(bed, {_field(request): call}).packet(request, **_values(request, bed))
        transaction = await tester.ask("a", packet)
        refused = not transaction.ok
        if transaction.ok and transaction.ack:
            refused = (await tester.reply("a", transaction)).outcome < 0
        if not transaction.ok and request.__name__ == "RemoveFromConference":
            campaign.record_pass("TRP-3.1.4.2-063-02")
        await tester.check("a", call)
        if refused:
            states = [state, *((CallState.DISCONNECTED, CallState.IDLE) if state in _TRANSIENT else ())]
            await tester.remains("a", call, *(LINECALLSTATE[each.name] for each in states), promised="CROSS-refused")
    except Missing as error:
        campaign.record_missing(error, name)
        refused = False
    if not campaign.collect(tester):
        campaign.record_pass(name)
        if refused:
            return
    await session.close(campaign)


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
