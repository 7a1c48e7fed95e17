"""Scenarios with a server that sends exactly the packets listed in sections 4.3, 4.4 and 4.5."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from world import judge, run, serving

from mstrp.cli import main
from mstrp.live.client import TapiClient
from mstrp.live.scenarios import find_scenario
from mstrp.live.server.attached import Attached
from mstrp.live.switch import Plan, Switch
from protocol import events, line
from protocol.constants import LINECALLSTATE as S

#: Events that a server sends in each scenario, in addition to responses.
EVENTS = {
    "4.3": ["MakeCallCompletion"],
    "4.4": ["LINE_APPNEWCALL", "LINE_CALLSTATE", "LINE_REPLY"],
    "4.5": ["LINE_APPNEWCALL", "LINE_CALLSTATE", "LINE_REPLY", "LINE_REPLY"],
}


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit servers to the state OFFERING, and let Drop return 0, without a completion."""
    request, deliver = Attached.request, Attached._deliver
    dropped: set[int] = set()

    def answer(self: Attached, packet: Any) -> bytes:
        if isinstance(packet, line.Drop):
            dropped.add(packet.request_id)
            return bytes(4) + request(self, packet)[4:]
        return request(self, packet)

    def send(self: Attached, event: Any) -> None:
        state = isinstance(event, events.LINE_CALLSTATE) and event.call_state != S.OFFERING
        if not (
            state
            or isinstance(event, events.LINE_CALLINFO)
            or (isinstance(event, events.LINE_REPLY) and event.request_id in dropped)
        ):
            deliver(self, event)

    monkeypatch.setattr(Attached, "request", answer)
    monkeypatch.setattr(Attached, "_deliver", send)


def plan(section: str) -> Switch:
    """Return a switch with an incoming call if the scenario starts with one."""
    return Switch(Plan(pace=0.02, step=0.05), incoming=0 if section == "4.3" else 1)


@pytest.mark.usefixtures("printed")
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("section", EVENTS)
def test_scenario_as_printed(section: str, strict: bool, recording: Path) -> None:
    """A client completes the scenario: completions imply the states that no event reports."""
    seen: list[str] = []
    waits: list[str] = []

    async def work() -> None:
        async with serving(recording, plan(section), watch=False) as world:
            connecting = TapiClient.connect(world.address, strict=strict, quiet=0.02, notice_after=0.01)
            client = connecting.client
            client.on_packet = lambda direction, method, phase, content: (
                seen.append(type(content).__name__) if phase == "event" else None
            )
            client.on_wait = waits.append
            async with connecting:
                await find_scenario(section).run(client, "5551234")
                assert not client.problems

    run(work())
    assert seen == EVENTS[section]
    found = judge(recording, frozenset({"CALL-V10"}))
    assert [finding.rule for finding in found.findings] == ([] if section == "4.5" else ["CALL-V10"])
    assert any("to be" in text for text in waits)


@pytest.mark.usefixtures("printed")
def test_the_command_reports_what_it_waits_for(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`mstrp call` succeeds, and prints the call and the awaited state on standard error."""

    async def work() -> int:
        async with serving(recording, plan("4.5"), watch=False) as world:
            return await asyncio.to_thread(main, ["call", world.address, "4.5"])

    assert run(work()) == 0
    output = capsys.readouterr()
    assert "<- ShutDown = 0" in output.out
    assert "offering> to be connected" in output.err


def test_a_wait_in_vain_names_what_did_not_come(recording: Path) -> None:
    """The TimeoutError of a wait contains the call and the state."""

    async def work() -> None:
        async with (
            serving(recording, Switch(Plan(pace=0.02, step=0.05), incoming=1)) as world,
            TapiClient.connect(world.address) as client,
        ):
            app = await client.initialize()
            await app.negotiate_all()
            call = await (await app.open(0)).next_call()
            with pytest.raises(TimeoutError, match="offering> to be onhold"):
                await call.wait(S.ONHOLD, timeout=0.05)

    run(work())
