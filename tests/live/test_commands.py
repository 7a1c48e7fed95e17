"""The live commands: demo, serve, call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from world import judge

from mstrp.cli import main
from mstrp.live.scenarios import SCENARIOS


@pytest.mark.parametrize("name", [one.section for one in SCENARIOS])
def test_demo(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The demo of each scenario shows the ladder, passes its own check, and writes recording and diagrams."""
    events = "pull" if name == "4.4" else "push"
    assert main(["demo", name, "--output", str(tmp_path), "--pace", "0.02", "--events", events]) == 0
    out = capsys.readouterr().out
    assert "-> ClientAttach" in out
    assert "PASS" in out
    scenario = next(one for one in SCENARIOS if one.section == name)
    judge(tmp_path / f"{scenario.name}.pcap")
    assert (tmp_path / f"{scenario.name}-s1-sequence.svg").is_file() or scenario.management


def test_demo_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown scenario is refused with a list of the names."""
    assert main(["demo", "4.99"]) == 2
    assert "4.5 blind-transfer" in capsys.readouterr().err


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """A server in a separate process, with users and a call for each line."""
    options = [
        "--auth",
        "negotiate",
        "--user",
        "alice:secret",
        "--admin",
        "alice",
        "--incoming",
        "1",
        "--pace",
        "0.02",
        "--lines",
        "2",
    ]
    command = [sys.executable, "-m", "mstrp", "serve", "--listen", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stderr is not None
        ready = process.stderr.readline()
        assert ready.startswith("ready tapsrv 127.0.0.1:"), ready
        yield ready.split()[-1]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert "requests" in process.stderr.read()


@pytest.mark.parametrize(
    "arguments", [["4.5"], ["outgoing", "--events", "pull"], ["4.9", "--ndr20"], ["4.12", "--ndr64"]]
)
def test_call(arguments: list[str], served: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Scenarios with a server that requires privacy pass."""
    who = ["--auth", "ntlm", "--user", "alice:secret"]
    # The server has no credentials, so its event channel is not protected; the client does not require it.
    assert main(["call", served, *arguments, *who]) == 0
    assert "<- ShutDown = 0" in capsys.readouterr().out


def test_single_request(served: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A single request with its fields is sent; an illegal one is not, and with --anyway the server refuses it."""
    who = ["--auth", "negotiate", "--user", "alice:secret"]
    assert main(["call", served, "GetDevCaps", "device_id=1", "line_dev_caps=2048", *who]) == 0
    assert "GetDevCaps = 0" in capsys.readouterr().out
    assert main(["call", served, "Answer", "call=0xdead", *who]) == 1
    assert "not sent" in capsys.readouterr().err
    assert main(["call", served, "Answer", "call=0xdead", "--anyway", *who]) == 1
    assert "INVALCALLHANDLE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["call", "127.0.0.1:1", "4.5"], 2, "failed"),
        (["call", "ncacn_http:x", "4.5"], 2, "not supported"),
        (["call", "127.0.0.1:1", "sing"], 2, "neither a scenario nor a request"),
        (["call", "127.0.0.1:1", "4.5", "--auth", "ntlm"], 2, "--user"),
        (["serve", "--listen", "nowhere"], 2, "HOST:PORT"),
        (["serve", "--level", "privacy"], 2, "--auth"),
        (["serve", "--auth", "ntlm"], 2, "--user"),
        (["serve", "--user", "alice:secret"], 2, "--auth"),
        (["call", "127.0.0.1:1", "4.5", "--auth", "kerberos", "--user", "alice:secret"], 2, "authentication"),
    ],
)
def test_mistakes(arguments: list[str], status: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Usage errors are reported in one sentence, with status 2."""
    assert main(arguments) == status
    assert text in capsys.readouterr().err
