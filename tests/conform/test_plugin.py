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
    """Only the project's own test is there, and it says what it needs."""
    done = _pytest("-rs")
    assert "needs --mstrp-server" in done.stdout
    assert "1 skipped" in done.stdout


def test_the_plugin_loads_nothing_by_itself() -> None:
    """Whoever has mstrp installed and does not use the plugin pays nothing for it."""
    code = "import sys, mstrp.pytest_plugin; print(sorted(n for n in sys.modules if n.startswith(('fsm', 'protocol'))))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
