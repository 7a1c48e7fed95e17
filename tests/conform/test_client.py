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
from mstrp.conform.book import Book
from mstrp.conform.listening.catalogue import CLIENT, PROVOCATIONS
from mstrp.conform.listening.round import Hall
from mstrp.conform.listening.subject import Command, Waiting
from mstrp.conform.listening.suite import run, watch
from mstrp.conform.outcome import Result
from mstrp.conform.probe import Unreachable
from mstrp.conform.target import Budget, Target
from mstrp.live.switch import Plan

REFERENCE = Path(__file__).parent / "reference_client.py"


def hall(**options: Any) -> Hall:
    """Where in-process clients are tested: everything is quick."""
    plan = Plan(lines=2, phones=1, pace=0.02, step=0.05)
    return Hall(**{"plan": plan, "settle": 0.05, "patience": 2.0, **options})


def book(**options: Any) -> Book:
    """A book for a client."""
    return Book.of(Target.of("127.0.0.1:0"), CLIENT.values(), **options)


def conform(subject: Any, *, wanted: Any = lambda name: True, work: Any = run, **options: Any) -> Book:
    """A run of the tests."""
    found = book(**options)
    run_loop(work(found, hall(), subject, wanted=wanted), 300.0)
    return found


def told(found: Book) -> list[tuple[str, str]]:
    """What failed, and why."""
    return [(outcome.requirement.id, outcome.cause) for outcome in found.failures]


def test_own_client() -> None:
    """No failure, nothing odd, and no rule of buffers, channels and events that stays open."""
    found = conform(InProcess(), strict=True)
    assert not told(found)
    open_ = [outcome for outcome in found.outcomes.values() if outcome.result is Result.INCONCLUSIVE]
    assert not [(outcome.requirement.id, outcome.cause) for outcome in open_]
    checked = [name for name in CLIENT if name.startswith(("TRP-3.3.4", "TAKES-", "ENDS-"))]
    assert [name for name in checked if found.outcomes[name].result is not Result.PASS] == []


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
        assert found.outcomes[name].result is Result.PASS, name


def test_every_rule_of_clients_is_there() -> None:
    """Each rule that binds a client and is checked is a requirement, and every provocation is about requirements."""
    rules = {rule.id for rule in RULES.values() if rule.role == "client" and rule.status is Status.CHECKED}
    assert rules <= CLIENT.keys()
    assert {rule for provocation in PROVOCATIONS for rule in provocation.rules} <= CLIENT.keys()
    assert len({provocation.name for provocation in PROVOCATIONS}) == len(PROVOCATIONS)
    events = {rule for rule in rules if rule.startswith("TRP-3.3.4.2-M")}
    assert events <= {rule for provocation in PROVOCATIONS for rule in provocation.rules}


def test_command() -> None:
    """A program is started for each test; its words are filled in, and what it writes is kept."""
    subject = Command(f"{sys.executable} {REFERENCE} {{binding}}")
    found = conform(subject, wanted=lambda name: name in {"lsize-odd", "context-foreign"})
    assert not told(found)
    assert found.outcomes["TRP-3.3.4.2-GEN-01"].result is Result.PASS
    assert found.outcomes["TRP-3.3.4-04"].result is Result.PASS
    assert found.outcomes["TRP-3-02"].result is Result.PASS


def test_command_that_does_not_come() -> None:
    """A client that never attaches is no client, and what it said is told."""
    with pytest.raises(Unreachable, match="nobody home"):
        conform(Command(f"{sys.executable} -c 'import sys; sys.exit(\"nobody home\")'"))


def test_waiting() -> None:
    """Clients that come by themselves are tested too; what only a comparison would show stays open."""
    found = book()
    place = hall(port=_free())

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
    assert found.outcomes["TRP-3.3.4.2-GEN-04"].result is Result.PASS
    assert found.outcomes["TRP-3.3.4-04"].result is Result.PASS
    assert found.outcomes["TRP-3.3.4.2-M00C-01"].result is Result.INCONCLUSIVE
    assert found.outcomes["ALIVE"].result is Result.PASS


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
