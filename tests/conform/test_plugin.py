"""The pytest plugin in a project of somebody else: the sample, against a server of ours in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_server import serve_apart

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def binding() -> Iterator[str]:
    """A server in a process of its own."""
    with serve_apart() as found:
        yield found


def _pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "mstrp.pytest_plugin", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT / "samples" / "conformance",
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_every_requirement_is_an_item(binding: str) -> None:
    """The project's own test and all requirements run; nothing fails, most pass."""
    done = _pytest(
        f"--mstrp-server={binding}", "--mstrp-depth=quick", "--mstrp-settle=0.02", "--mstrp-patience=1", "-q"
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    found = re.search(r"(\d+) passed, (\d+) skipped", done.stdout)
    assert found, done.stdout[-500:]
    assert int(found[1]) > 700


def test_without_the_option_there_are_no_items() -> None:
    """Only the project's own tests are there, and they say what they need."""
    done = _pytest("-rs")
    assert "needs --mstrp-server" in done.stdout
    assert "3 skipped" in done.stdout


def test_a_failure_is_shown_as_a_program() -> None:
    """The item of what was not kept fails, with the shortest conversation to be pasted and run."""
    with serve_apart(repeated="Hold") as bad:
        done = _pytest(
            f"--mstrp-server={bad}",
            "--mstrp-depth=quick",
            "--mstrp-settle=0.02",
            "--mstrp-patience=1",
            "-k",
            "CALL-V08",
        )
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr
    assert "1 failed" in done.stdout
    assert "await tester.ask('a', line.Hold(" in done.stdout


@pytest.mark.parametrize(
    ("words", "number"),
    [("CALL-V08 or CALL-V07", 2), ("CALL-V08 and not V08", 0), ("SCENARIO", 12)],
    ids=["or", "not", "several"],
)
def test_items_are_chosen_like_any_other(words: str, number: int) -> None:
    """``-k`` has its whole language, and ``--collect-only`` lists the items without a server."""
    done = _pytest("--mstrp-server=127.0.0.1:1", "--collect-only", "-q", "-k", words)
    assert sum("mstrp" in row and "::" in row for row in done.stdout.splitlines()) == number, done.stdout


@pytest.mark.parametrize("option", ["--mstrp-server=ncacn_ip_tcp:127.0.0.1[none]", "--mstrp-baseline=missing.toml"])
def test_wrong_usage_is_one_clear_error(option: str) -> None:
    """Status 4, as pytest has it, and no test is run."""
    done = _pytest("--mstrp-server=127.0.0.1:1", option)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_plugin_loads_nothing_by_itself() -> None:
    """Whoever has mstrp installed and does not use the plugin pays nothing for it."""
    code = "import sys, mstrp.pytest_plugin; print(sorted(n for n in sys.modules if n.startswith(('fsm', 'protocol'))))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
