"""The command that tests clients: what it prints, and how it ends."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from mstrp.commands import conform_client as command

REFERENCE = Path(__file__).parent / "reference_client.py"
QUICK = ("--listen", "127.0.0.1:0", "--pace", "0.02", "--settle", "0.05", "--patience", "3")


def call(*words: str) -> int:
    """Run the command with some words."""
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    parser.add_argument("--quiet", action="store_true")
    return command.run(parser.parse_args([*QUICK, *words]))


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Every stimulus has a line."""
    from mstrp.conform.client.requirements import STIMULI

    assert call("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [one.name for one in STIMULI]


def test_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """A client that keeps everything passes."""
    assert call("--run", f"{sys.executable} {REFERENCE} {{binding}} pull", "--only", "init-foreign") == 0
    assert "PASS" in capsys.readouterr().out


def test_fail(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A client that ends without ClientDetach fails, with the conversation that shows it."""
    program = tmp_path / "rude.py"
    program.write_text(
        "import asyncio, os, sys\n"
        "from mstrp.live.client import TapiClient\n"
        "async def main():\n"
        "    async with TapiClient.connect(sys.argv[1]) as client:\n"
        "        await client.initialize('rude')\n"
        "        os._exit(0)\n"
        "asyncio.run(main())\n",
        encoding="utf-8",
    )
    assert call("--run", f"{sys.executable} {program} {{binding}}", "--only", "unknown") == 1
    out, told = capsys.readouterr()
    assert "FAIL TRP-3-02, MS-TRP 3:" in out
    assert "──▶ Initialize" in out
    assert "fail: " in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--listen", "nowhere"), "nowhere"),
        (("--only", "nothing-like-it"), "nothing-like-it"),
        (("--run", ""), "--run"),
        (("--auth", "ntlm"), "--user"),
        (("--run", "true"), "did not attach"),
        (("--run", "/no/such/program"), "/no/such/program"),
    ],
)
def test_usage(words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be meant is one clear error."""
    assert call(*words) == 2
    assert says in capsys.readouterr().err


def test_an_interrupt_reports_what_was_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C there is a report of the rounds that were."""
    from mstrp.conform.client import suite

    perform = suite.run

    async def interrupted(*arguments: object, **options: object) -> None:
        await perform(*arguments, **options)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(suite, "run", interrupted)
    assert call("--run", f"{sys.executable} {REFERENCE} {{binding}} pull", "--only", "init-foreign") == 130
    assert "PASS" in capsys.readouterr().out
