"""Our own server keeps what a server has to keep; what is tried is tried for real."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from world import run as run_loop
from world import until

from mstrp.conform.core.campaign import Campaign
from mstrp.conform.core.outcome import Verdict
from mstrp.conform.core.target import Budget, Target
from mstrp.conform.server.requirements import SERVER
from mstrp.conform.server.suite import run
from mstrp.live.server import Options, Server
from mstrp.live.switch import Plan, Switch

ROOT = Path(__file__).parent.parent.parent


def conform(
    make: Any = Server, *, wanted: Any = lambda test: True, administrators: Any = None, **options: Any
) -> Campaign:
    """A run against a server in the same process."""
    campaigns = []

    async def work() -> None:
        provider = Switch(Plan(pace=0.02, step=0.05))
        async with make(provider, Options(port=0, administrators=administrators)) as server:
            campaign = Campaign.of(Target.of(server.address, settle=0.02, patience=1.0), SERVER.values(), **options)
            campaigns.append(campaign)
            await run(campaign, wanted=wanted)
            await until(lambda: not server.clients)

    run_loop(work(), 300.0)
    return campaigns[0]


_SERVE = """
import asyncio, sys
from mstrp.live.switch import Switch, Plan
from mstrp.live.server import Options, Server
from mstrp.live.server.attached import Attached

complete = Attached._complete

def twice(self, pending, *result):
    complete(self, pending, *result)
    if type(pending.request).__name__ in sys.argv[1:]:
        self.pending[pending.number] = pending
        complete(self, pending, *result)

Attached._complete = twice

async def main():
    async with Server(Switch(Plan(pace=0.02, step=0.05)), Options(port=0, watch=not sys.argv[1])) as server:
        print(server.address, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@contextmanager
def serve_apart(repeated: str = "") -> Iterator[str]:
    """A server in a process of its own, that completes one request twice; its binding. It ends with its input."""
    command = [sys.executable, "-c", _SERVE, repeated]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def test_own_server() -> None:
    """No failure, nothing odd, and hardly a rule that was not decided."""
    campaign = conform(depth=0, strict=True)
    assert not campaign.failures, [(outcome.requirement.id, outcome.cause) for outcome in campaign.failures]
    rules = [outcome for outcome in campaign.outcomes.values() if outcome.requirement.kind == "rule"]
    assert sum(outcome.verdict is Verdict.PASS for outcome in rules) > 0.85 * len(rules)


def test_a_server_that_only_serves_administrators_in_management() -> None:
    """ClientAttach refused with -19 leaves the management requirements not applicable; all others are tried."""
    names = {"attach", "flow management", "flow get-server-config", "flow session", "Answer in OFFERING"}
    campaign = conform(depth=0, administrators=frozenset({"nobody"}), wanted=lambda test: test.name in names)
    assert not campaign.failures
    results = {name: campaign.outcomes[name].verdict for name in campaign.outcomes if campaign.outcomes[name].touched}
    missing = {"FLOW-management", "SCENARIO-4.7", "SCENARIO-4.8", "FLOW-get-server-config", "SCENARIO-4.9"}
    assert {name for name, result in results.items() if result is Verdict.NOT_APPLICABLE} == missing
    assert "refused: -19" in campaign.outcomes["FLOW-management"].cause
    for name in ("TRP-3.1.4.1-02", "FLOW-session", "ROW-call-OFFERING-Answer"):
        assert results[name] is Verdict.PASS, name


def test_budget() -> None:
    """A run ends when its packets are sent, and says what it did not try."""
    campaign = conform(depth=0, budget=Budget(packets=100))
    assert campaign.budget.sent <= 100
    left = [outcome for outcome in campaign.outcomes.values() if not outcome.tried]
    assert left
    assert all(outcome.cause for outcome in left)


def test_a_busy_server_gets_another_chance(monkeypatch: Any) -> None:
    """Who is not let in tries twice more before the server counts as gone; one that is gone ends the run."""
    from mstrp.conform.core.errors import Unreachable
    from mstrp.conform.server import suite

    tries: list[int] = []

    async def busy(campaign: Campaign) -> None:
        tries.append(len(tries))
        if len(tries) < 3:
            raise Unreachable("busy")
        campaign.record_pass("WALK")

    async def gone(campaign: Campaign) -> None:
        raise Unreachable("gone")

    tests = [suite.Case("busy", busy), suite.Case("gone", gone), suite.Case("never", busy)]
    monkeypatch.setattr(suite, "plan", lambda depth: iter(tests))
    campaign = conform()
    assert len(tries) == 3
    assert campaign.outcomes["WALK"].verdict is Verdict.PASS
    assert [outcome.requirement.id for outcome in campaign.failures] == ["ALIVE"]
