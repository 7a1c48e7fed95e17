"""Our own client keeps what a client has to keep; what it is tested with can be seen, and is bounded."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from reference_client import InProcess, play
from world import run as run_loop

from fsm.rules.catalogue import RULES, Status
from mstrp.conform.client.execution import ClientBed
from mstrp.conform.client.iut import Command, Waiting
from mstrp.conform.client.requirements import CLIENT, STIMULI
from mstrp.conform.client.suite import run, watch
from mstrp.conform.core.campaign import Campaign
from mstrp.conform.core.errors import Unreachable
from mstrp.conform.core.outcome import Verdict
from mstrp.conform.core.target import Budget, Target
from mstrp.live.client import TapiClient
from mstrp.live.switch import Plan

REFERENCE = Path(__file__).parent / "reference_client.py"


def bed(**options: Any) -> ClientBed:
    """Where in-process clients are tested: everything is quick."""
    plan = Plan(lines=2, phones=1, pace=0.02, step=0.05)
    return ClientBed(**{"plan": plan, "settle": 0.05, "patience": 2.0, **options})


def campaign(**options: Any) -> Campaign:
    """A campaign for a client."""
    return Campaign.of(Target.of("127.0.0.1:0"), CLIENT.values(), **options)


def conform(iut: Any, *, wanted: Any = lambda name: True, work: Any = run, **options: Any) -> Campaign:
    """A run of the tests."""
    found = campaign(**options)
    run_loop(work(found, bed(), iut, wanted=wanted), 300.0)
    return found


def told(found: Campaign) -> list[tuple[str, str]]:
    """What failed, and why."""
    return [(outcome.requirement.id, outcome.cause) for outcome in found.failures]


def test_own_client() -> None:
    """No failure, nothing odd, and no rule of buffers, channels and events that stays open."""
    found = conform(InProcess(), strict=True)
    assert not told(found)
    open_ = [outcome for outcome in found.outcomes.values() if outcome.verdict is Verdict.INCONCLUSIVE]
    assert not [(outcome.requirement.id, outcome.cause) for outcome in open_]
    checked = [name for name in CLIENT if name.startswith(("TRP-3.3.4", "TAKES-", "ENDS-"))]
    assert [name for name in checked if found.outcomes[name].verdict is not Verdict.PASS] == []


class _Reports:
    """Goes on as always, and says by its exit status that the server did something wrong."""

    repeatable = True
    said = ""

    async def play(self, binding: str) -> int:
        async with TapiClient.connect(binding) as client:
            opened = await (await client.initialize("reports")).open(0)
            call = await opened.next_call()
            await call.answer()
            await call.drop()
            await call.wait(0x1)
            await call.deallocate()
        return int(bool(client.problems))


def test_an_exit_status_alone_is_no_failure() -> None:
    """A client that sends what it always sends may report what it has noticed."""
    found = conform(_Reports(), wanted=lambda name: name == "reply-unknown")
    assert not told(found)
    assert "its exit status was 1" in found.outcomes["TRP-3.3.4.2-M00C-01"].cause


def test_own_client_that_fetches() -> None:
    """The same for events that are fetched, with what can be done there."""
    groups = (
        "init",
        "line-new",
        "reply",
        "call-call",
        "unknown",
        "gathered",
        "split",
        "large",
        "hung",
        "lost",
        "closed",
    )
    found = conform(InProcess("pull"), strict=True, wanted=lambda name: name.startswith(groups))
    assert not told(found)
    for name in ("TRP-3.3.4.2-GEN-04", "TRP-3.3.4.2-M00C-01", "TRP-3.3.4.2-M002-01", "TAKES-large", "TRP-3.1.4.1-03"):
        assert found.outcomes[name].verdict is Verdict.PASS, name


def test_every_rule_of_clients_is_there() -> None:
    """Each rule that binds a client and is checked is a requirement, and every stimulus is about requirements."""
    rules = {rule.id for rule in RULES.values() if rule.role == "client" and rule.status is Status.CHECKED}
    assert rules <= CLIENT.keys()
    assert {rule for stimulus in STIMULI for rule in stimulus.rules} <= CLIENT.keys()
    assert len({stimulus.name for stimulus in STIMULI}) == len(STIMULI)
    events = {rule for rule in rules if rule.startswith("TRP-3.3.4.2-M")}
    assert events <= {rule for stimulus in STIMULI for rule in stimulus.rules}


def test_command() -> None:
    """A program is started for each test; its words are filled in, and what it writes is kept."""
    iut = Command(f"{sys.executable} {REFERENCE} {{binding}}")
    found = conform(iut, wanted=lambda name: name in {"lsize-odd", "context-foreign"})
    assert not told(found)
    assert found.outcomes["TRP-3.3.4.2-GEN-01"].verdict is Verdict.PASS
    assert found.outcomes["TRP-3.3.4-04"].verdict is Verdict.PASS
    assert found.outcomes["TRP-3-02"].verdict is Verdict.PASS


def test_command_that_does_not_come() -> None:
    """A client that never attaches is no client, and what it said is told."""
    with pytest.raises(Unreachable, match="nobody home"):
        conform(Command(f"{sys.executable} -c 'import sys; sys.exit(\"nobody home\")'"))


def test_waiting() -> None:
    """Clients that come by themselves are tested too; what only a comparison would show stays open."""
    found = campaign()
    place = bed(port=_free())

    async def work() -> None:
        async def come() -> None:
            for _ in range(2):
                await asyncio.sleep(0.1)
                await play(f"127.0.0.1:{place.port}")

        coming = asyncio.create_task(come())
        await watch(found, place, Waiting(), sessions=2, wanted=lambda name: name not in {"lost", "hung-up"})
        await coming

    run_loop(work(), 60.0)
    assert not told(found)
    assert found.outcomes["TRP-3.3.4.2-GEN-04"].verdict is Verdict.PASS
    assert found.outcomes["TRP-3.3.4-04"].verdict is Verdict.PASS
    assert found.outcomes["TRP-3.3.4.2-M00C-01"].verdict is Verdict.INCONCLUSIVE
    assert found.outcomes["ALIVE"].verdict is Verdict.PASS


def _free() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number


def test_budget() -> None:
    """A run ends when its packets are spent, and says what it did not try."""
    found = conform(InProcess(), budget=Budget(packets=200))
    assert found.budget.sent < 300
    left = [outcome for outcome in found.outcomes.values() if not outcome.tried]
    assert left
    assert all(outcome.cause for outcome in left)
