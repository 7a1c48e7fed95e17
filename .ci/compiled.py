"""Run tests against compiled modules: python .ci/compiled.py [ARGUMENT OF PYTEST]...

The modules are compiled in a copy of the project, so that none of them stays behind beside the source.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
#: What is no part of the project, or would be older than the source.
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".tox",
    ".hypothesis",
    ".*_cache",
    "__pycache__",
    "build",
    "dist",
    "node_modules",
    "out",
    "*.so",
    "*.pyd",
    "*.egg-info",
)


def main(arguments: list[str]) -> int:
    """Copy, compile, and test; returns the exit status of pytest."""
    with TemporaryDirectory() as folder:
        place = Path(folder, "mstrp")
        shutil.copytree(ROOT, place, ignore=LEFT_OUT)
        environment = {**os.environ, "MSTRP_COMPILE": "1", "PYTHONPATH": str(place)}

        def run(*command: str, check: bool = True, **options: bool) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, *command], cwd=place, env=environment, check=check, text=True, **options
            )

        run("setup.py", "-q", "build_ext", "--inplace")
        version = run("-m", "mstrp", "--version", capture_output=True).stdout
        if "(compiled)" not in version:
            sys.stderr.write(f"these are not the compiled modules: {version}")
            return 1
        return run("-m", "pytest", *arguments, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
