"""The twelve scenarios of section 4, between the project's client and server with the simulated switch."""

from __future__ import annotations

from pathlib import Path

import pytest
from world import judge, run, serving

from mstrp.live.auth import Users, initiator
from mstrp.live.client import TapiClient
from mstrp.live.scenarios import SCENARIOS, Scenario
from mstrp.live.switch import Plan, Switch

_USERS, _SERVICE = Users({"alice": "secret"}), Users({"switch": "service"})


async def _live(scenario: Scenario, path: Path, server: dict, **options: object) -> None:
    switch = Switch(Plan(pace=0.02, step=0.05), incoming=1 if scenario.incoming else 0)
    async with serving(path, switch, **server) as world:
        choices = {"poll": 0.005, "management": scenario.management, **options}
        async with TapiClient.connect(world.address, **choices) as client:
            await scenario.run(client, "1002" if scenario.section == "4.6" else "5551234")
            assert not client.problems


@pytest.mark.parametrize("events", ["push", "pull"])
@pytest.mark.parametrize("ndr", ["20", "64"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.section)
def test_plain(scenario: Scenario, ndr: str, events: str, recording: Path) -> None:
    """An unencrypted scenario raises on neither side, and the recording has no finding."""
    run(_live(scenario, recording, {}, ndr=ndr, events=events))
    found = judge(recording)
    assert [session.model for session in found.sessions] == ["management" if scenario.management else events]


@pytest.mark.parametrize("kind", ["ntlm", "negotiate"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.section)
def test_sealed(scenario: Scenario, kind: str, recording: Path) -> None:
    """An encrypted scenario cannot be read without the passwords, and is checked with them."""
    secret = {
        "security": _USERS.acceptor(),
        "required_level": 6,
        "administrators": frozenset({"alice"}),
        "event_security": initiator(kind, "switch", "service"),
    }
    run(
        _live(
            scenario,
            recording,
            secret,
            security=initiator(kind, "alice", "secret"),
            event_security=_SERVICE.acceptor(),
            event_level=6,
        )
    )
    assert "Line 0".encode("utf-16-le") not in recording.read_bytes()
    assert "5551000".encode("utf-16-le") not in recording.read_bytes()
    (session,) = judge(recording, passwords=("secret", "service")).sessions
    assert session.requests["Initialize"] == 1
    assert session.model == ("management" if scenario.management else "push")
