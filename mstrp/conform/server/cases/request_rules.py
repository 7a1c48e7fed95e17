"""Negative tests: every rule of a request broken on its own, and kept at its bound, in every state where it can be sent."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from fsm.judge.routes import ROUTES
from mstrp.conform.core.errors import Missing, NotOffered
from mstrp.conform.core.outcome import Verdict
from mstrp.conform.server.live_situation import LiveSituation
from mstrp.conform.server.refusals import NOT_OFFERED
from mstrp.conform.server.requirements import row_states
from mstrp.conform.server.test_bed import TestBed
from mstrp.conform.server.tester import Tester
from mstrp.testing.rule_cases import RequestCase, request_cases
from protocol import line
from protocol.constants import LINEOPENOPTION, PHONEPRIVILEGE
from protocol.generic import GetAsyncEvents

if TYPE_CHECKING:
    from fsm.tables.call_states import CallState
    from mstrp.conform.core.campaign import Campaign
    from mstrp.conform.server.transaction import Transaction
    from protocol.packet import Request

__all__ = ["RequestSession", "rules_of", "try_request"]

#: The options of Open that need LINECALLPARAMS.
_WITH_PARAMS = int(LINEOPENOPTION.PROXY | LINEOPENOPTION.SINGLEADDRESS)
#: After so many requests a session is given up, so that no conversation becomes endless.
_LONGEST = 300


@cache
def _by_request() -> dict[int, list[RequestCase]]:
    found: dict[int, list[RequestCase]] = {}
    for case in request_cases():
        found.setdefault(case.request.req_func, []).append(case)
    return found


def rules_of(request: type[Request]) -> list[RequestCase]:
    """The request_cases of a request."""
    return _by_request().get(request.req_func, [])


class RequestSession:
    """A live session in which a request can be made, as often as the server refuses it."""

    def __init__(
        self, campaign: Campaign, request: type[Request], state: CallState | None, options: dict[str, Any]
    ) -> None:
        self.campaign = campaign
        self.request = request
        self.state = state
        self.options = options
        self.tester: Tester | None = None
        self.bed: TestBed
        self.situation: LiveSituation
        self.ready = 0

    async def set_up(self) -> LiveSituation:
        """The session, made anew when the last one is spoilt; raises `Missing`."""
        if self.tester is not None and len(self.tester.program) - self.ready < _LONGEST:
            return self.situation
        await self.tear_down()
        self.tester = Tester.of(self.campaign)
        self.bed = TestBed(self.tester)
        how = "pull" if self.request is GetAsyncEvents else ""
        await self.bed.begin(how=how, version=self.options.get("version", 0x00030001))
        calls = await self._calls()
        handle = 0
        if not self.options.get("owner", True):
            handle = await self.bed.open_phone(int(PHONEPRIVILEGE.MONITOR))
        self.situation = LiveSituation(self.bed, calls, phone_handle=handle)
        self.ready = len(self.tester.program)
        return self.situation

    async def _calls(self) -> dict[str, int]:
        if self.state is None:
            return await self.bed.provide(self.request)
        use = ROUTES[self.request.req_func].calls[0]
        return {use.spec: await self.bed.call_in(self.state)}

    async def try_(self, packet: Any, *, legal: bool = False) -> Transaction:
        """Make the request, and wait for its completion where it was accepted."""
        assert self.tester is not None
        transaction = await self.tester.ask("a", packet, legal=legal)
        if transaction.ok and type(packet).completion == "async" and transaction.ack:
            await self.tester.reply("a", transaction)
        return transaction

    async def tear_down(self) -> None:
        """End the session; what its end shows is judged as well."""
        if self.tester is not None:
            await self.tester.close()
            self.campaign.collect(self.tester)
            self.tester = None


def _variants(case: RequestCase, situation: LiveSituation, which: int, campaign: Campaign) -> list[Any]:
    found = case.packets(situation)[which]
    if not which:
        found = [packet for packet in found if _is_complete(packet)]
    return found if campaign.depth > 1 else found[:1] if campaign.depth == 0 else found[:2]


def _is_complete(packet: Any) -> bool:
    """Whether a packet has the LINECALLPARAMS that its options require (054-05, 054-10)."""
    if not isinstance(packet, line.Open) or not packet.privileges & _WITH_PARAMS:
        return True
    return packet.call_params is not None


async def try_request(campaign: Campaign, request: type[Request]) -> None:
    """All rules of a request; and the request with nothing wrong."""
    name = f"{request.device}.{request.__name__}"
    groups: dict[str, list[RequestCase]] = {}
    for case in rules_of(request):
        groups.setdefault(repr(sorted(case.options.items())), []).append(case)
    if not await _baseline(campaign, request, name):
        for case in rules_of(request):
            campaign.record(Verdict.NOT_APPLICABLE, f"{name}: {campaign.missing[name]}", case.rule)
        return
    for group in groups.values():
        session = RequestSession(campaign, request, None, group[0].options)
        for case in group:
            await _attempt(campaign, session, case, name)
        await _end(session)
    if campaign.depth and len(ROUTES[request.req_func].calls) == 1 and request.device == "line":
        for state in row_states(request)[1:]:
            session = RequestSession(campaign, request, state, {})
            for case in rules_of(request):
                if not case.options and not case.needs:
                    await _attempt(campaign, session, case, name, kept=False)
            await _end(session)


async def _end(session: RequestSession) -> None:
    try:
        await session.tear_down()
    except Missing:
        session.tester = None


async def _baseline(campaign: Campaign, request: type[Request], name: str) -> bool:
    """The request with nothing wrong; whether the server offers it."""
    session = RequestSession(campaign, request, None, {})
    try:
        situation = await session.set_up()
        transaction = await session.try_(situation.packet(request), legal=True)
    except Missing as error:
        campaign.missing[name] = str(error)
        campaign.record_missing(error, f"LEGAL-{name}")
        await _end(session)
        return not isinstance(error, NotOffered)
    await _end(session)
    if transaction.code in NOT_OFFERED:
        campaign.missing[name] = f"the server says {transaction.outcome}"
        campaign.record(Verdict.NOT_APPLICABLE, campaign.missing[name], f"LEGAL-{name}")
        if request.completion == "async":
            campaign.record(Verdict.NOT_APPLICABLE, campaign.missing[name], f"DONE-{name}")
        # What it does not have it refuses, whatever is wrong with the request: nothing is learned from that.
        return False
    campaign.record_pass(f"LEGAL-{name}")
    if transaction.ok and request.completion == "async":
        campaign.record_pass(f"DONE-{name}")
    return True


async def _attempt(
    campaign: Campaign, session: RequestSession, case: RequestCase, name: str, *, kept: bool = True
) -> None:
    """Break a rule, in each way; then keep it, at its bounds."""
    if case.needs == "rights":
        cause = "needs an account that is no administrator"
        campaign.record(Verdict.NOT_APPLICABLE, cause, case.rule)
        return
    try:
        for broken in range(len(_variants(case, await session.set_up(), 1, campaign))):
            await _broken(campaign, session, case, broken)
        for good in range(len(_variants(case, await session.set_up(), 0, campaign)) if kept and not case.needs else 0):
            situation = await session.set_up()
            transaction = await session.try_(_variants(case, situation, 0, campaign)[good], legal=True)
            campaign.record_pass(f"LEGAL-{name}")
            if transaction.ok and not session.request.__name__.startswith("Get"):
                await _end(session)
    except Missing as error:
        campaign.record_missing(error, case.rule)
        await _end(session)


async def _broken(campaign: Campaign, session: RequestSession, case: RequestCase, number: int) -> None:
    situation = await session.set_up()
    await _needs(session, situation, case)
    packets = _variants(case, situation, 1, campaign)
    if number >= len(packets):
        return
    assert session.tester is not None
    transaction = await session.try_(packets[number])
    if not transaction.ok:
        campaign.record_pass(case.rule)
        return
    bad = bool(session.tester.violations)
    if not bad:
        cause = f"accepted ({case.what}), and nothing that was seen proves it wrong"
        campaign.record(Verdict.INCONCLUSIVE, cause, case.rule)
    await _end(session)


async def _needs(session: RequestSession, situation: LiveSituation, case: RequestCase) -> None:
    """What only the server's side can bring about, as far as a client can learn or cause it."""
    bed = session.bed
    if case.needs == "proxies":
        packet = line.GetProxyStatus(line_app=bed.app, app_api_version=bed.version, line_proxy_request_list=1024)
        await bed.ask(packet)
        assert session.tester is not None
        await session.tester.quiet()
    elif case.needs == "another line":
        consult = next(iter(situation.calls.values()), 0)
        other = bed.ends.get(consult)
        if other is None:
            raise NotOffered("there is no call on another line")
        situation.calls["hConsultCall"] = other
