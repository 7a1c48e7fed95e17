"""The packages of the conformance kit import in one direction."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "mstrp" / "conform"
#: The packages of the kit that each package may import.
ALLOWED = {
    "core": {"core"},
    "server": {"core", "server"},
    "client": {"core", "client"},
    "learn": {"core", "server", "learn"},
}


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_of_a_package(package: str) -> None:
    """Servers and clients are tested independently of each other, both on top of the core."""
    found = {
        node.module.split(".")[2]
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mstrp.conform.")
    }
    assert found <= ALLOWED[package]
