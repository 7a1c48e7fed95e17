"""The second subject: scenarios of section 4 run against it, their traffic is legal, its mistakes are listed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from second_faults import SERVER, outcome, page, serving
from second_switches import FAULTS
from world import judge, run

from mstrp.live.client import TapiClient
from mstrp.live.recorder import Recorder
from mstrp.live.scenarios import find_scenario

HERE = Path(__file__).parent
BUILT = re.compile(
    r"(hang-on|drop-connection-on|rpc-fault-on)-\d+|[a-z]+-any-state|monitor-may-[a-z]+|phone-[a-z]+-not-set"
)


async def perform(address: str, name: str, recording: Path, events: str = "push") -> list[Exception]:
    """Perform a scenario, recorded; what the client found illegal."""
    scenario = find_scenario(name)
    assert scenario is not None
    with recording.open("wb") as stream:
        async with TapiClient.connect(address, recorder=Recorder(stream), events=events) as client:
            await scenario.run(client, "5551234")
            return list(client.problems)


@pytest.mark.parametrize("events", ["push", "pull"])
@pytest.mark.parametrize("name", ["4.1", "4.2", "4.3", "4.4", "4.5"])
def test_scenario(name: str, events: str, recording: Path) -> None:
    """The scenarios of 4.1 to 4.5 succeed and no rule is broken."""
    with serving("--incoming", "1") as address:
        assert not run(perform(address, name, recording, events))
    judge(recording)


def test_mistake_is_found(recording: Path) -> None:
    """A mistake shows in the recording."""
    with serving("--fault", "appnewcall-twice", "--incoming", "1") as address:
        assert run(perform(address, "4.4", recording))
    with pytest.raises(AssertionError, match="CALL-V05"):
        judge(recording)


def test_every_mistake_is_made_somewhere() -> None:
    """Names in the code and in the list agree."""
    code = "".join(path.read_text() for path in HERE.glob("second_*.py") if path.name != "second_switches.py")
    named = set(re.findall(r'\bon\("([a-z0-9.-]+)"\)', code))
    assert named <= set(FAULTS)
    assert {name for name in FAULTS if name not in named and not BUILT.fullmatch(name)} == set()


def test_list_of_mistakes() -> None:
    """--list-faults prints one line each."""
    done = subprocess.run([sys.executable, str(SERVER), "--list-faults"], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(FAULTS) >= 60


def test_page() -> None:
    """What fails on the correct server is false, and finds no mistake."""
    runs = {
        "": {"status": 1, "failed": ["X"]},
        "hold-no-effect": {"status": 1, "failed": ["X"]},
        "swaphold-no-effect": {"status": 1, "failed": ["X", "Y"]},
    }
    assert outcome(runs["hold-no-effect"], {"X"}) == "missed"
    lines = list(page(runs))
    assert "| hold | 2 | 1 | 1 | 0 | hold-no-effect |" in lines
    assert lines[-1] == "Correct server: status 1, false: X."
