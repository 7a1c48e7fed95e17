"""Mistakes in states, conferences, transfers, holding and privileges fail by default, and a correct server does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from server_faults import Parts, built

from mstrp.conform.core.campaign import Campaign
from mstrp.conform.core.outcome import Verdict
from mstrp.conform.core.target import Target
from mstrp.conform.server.cases.buffers import SIZE_CASES
from mstrp.conform.server.cases.interactions import INTERACTION_CASES
from mstrp.conform.server.cases.observers import OBSERVER_CASES
from mstrp.conform.server.requirements import SERVER
from mstrp.conform.server.shrink import replay, same_failure
from mstrp.conform.server.suite import run, select
from mstrp.live.server.attached import Attached
from mstrp.live.switch import Switch
from protocol import line
from protocol.constants import LINECALLSTATE

_CASES = [name for name, _, _ in (*INTERACTION_CASES, *OBSERVER_CASES, *SIZE_CASES)]


def conform(parts: Parts, *cases: str, replays: bool = False) -> Campaign:
    """A run of some cases against a server of these parts, not strict."""
    found: list[Campaign] = []

    async def work() -> None:
        with built(parts) as server:
            async with server:
                target = Target.of(server.address, settle=0.02, patience=0.5)
                campaign = Campaign.of(target, SERVER.values())
                await run(campaign, wanted=select(cases or _CASES))
                found.append(campaign)
                for outcome in campaign.failures if replays else ():
                    if outcome.program is not None and outcome.violation is not None:
                        tester = await replay(target, outcome.program)
                        wanted = outcome.violation
                        assert any(same_failure(each, wanted) for each in tester.violations), outcome.requirement.id

    asyncio.run(work())
    return found[0]


def failed(campaign: Campaign) -> set[str]:
    """The requirements that failed."""
    return {outcome.requirement.id for outcome in campaign.failures}


def test_own_server() -> None:
    """Nothing fails where nothing is wrong, and no case ends in an error."""
    campaign = conform(Parts())
    assert not failed(campaign)
    assert not [each for each in campaign.outcomes.values() if each.verdict is Verdict.ERROR]


class _HoldsNot(Switch):
    def line_hold(self, call: Any) -> None:
        return


class _DropsNot(Switch):
    def line_drop(self, call: Any, user_user: bytes) -> None:
        return


class _LosesStates(Attached):
    """The client is not told of the end of a call."""

    lost = LINECALLSTATE.DISCONNECTED

    def _deliver(self, event: Any) -> None:
        if getattr(event, "call_state", None) != self.lost:
            super()._deliver(event)


class _LosesConnected(_LosesStates):
    lost = LINECALLSTATE.CONNECTED


def _silent(right: Callable[..., Any], client: Any, packet: Any) -> Any:
    """The request ends the connection."""
    for connection in list(client.connections):
        connection.abort()
    return right(client, packet)


@pytest.mark.parametrize(
    ("parts", "cases", "wanted"),
    [
        (Parts(switch=_HoldsNot), ("call that is held",), "EFFECT-line.Hold"),
        (Parts(switch=_DropsNot), ("caller gives up",), "EFFECT-line.Drop"),
        (Parts(client=_LosesConnected), ("call that is answered",), "EFFECT-line.Answer"),
        (Parts(handlers={line.Hold: _silent}), ("call that is held",), "RESPONSE-line.Hold"),
    ],
    ids=["Hold does nothing", "Drop does nothing", "CONNECTED is lost", "Hold ends the connection"],
)
def test_a_mistake_fails(parts: Parts, cases: tuple[str, ...], wanted: str) -> None:
    """By default, under its own requirement, with a conversation that shows it again."""
    campaign = conform(parts, *cases, replays=True)
    assert wanted in failed(campaign)
    outcome = campaign.outcomes[wanted]
    assert outcome.confirmed
    assert outcome.packets <= 16


def test_a_missing_response_does_not_end_the_run() -> None:
    """The other requirements are decided as ever."""
    campaign = conform(Parts(handlers={line.Hold: _silent}), "call that is held", "call that is answered")
    assert campaign.outcomes["CROSS-answered"].verdict is Verdict.PASS
    assert campaign.outcomes["RESPONSE-line.Hold"].verdict is Verdict.FAIL
