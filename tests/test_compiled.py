"""Whether the modules that process every packet are compiled, and where that is reported."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import fsm.conversation

ROOT = Path(__file__).parents[1]
SUFFIX = Path(str(fsm.conversation.__file__)).suffix


def test_the_version_says_whether_modules_are_compiled() -> None:
    """The version output states whether the modules are compiled, for measurements."""
    done = subprocess.run(
        [sys.executable, "-m", "mstrp", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("(plain Python)\n" if SUFFIX == ".py" else "(compiled)\n")


def test_all_modules_are_compiled_or_none() -> None:
    """All modules listed in setup.py exist, and are from one build."""
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    listed = next(ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign))
    kinds = set()
    for place in listed:
        assert (ROOT / place).is_file()
        module = sys.modules.get(place.removesuffix(".py").replace("/", "."))
        if module is not None:
            kinds.add(Path(str(module.__file__)).suffix)
    assert kinds == {SUFFIX}
