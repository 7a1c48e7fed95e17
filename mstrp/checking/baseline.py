"""Baselines: a reviewable TOML file of rules that are expected to be broken, with reasons."""

from __future__ import annotations

import tomllib
from pathlib import Path

__all__ = ["baseline_toml", "read_baseline"]


def read_baseline(path: str) -> dict[str, str]:
    """Read rule or requirement ids with reasons; raises `OSError`, or `ValueError` with the file and the fault."""
    try:
        found = tomllib.loads(Path(path).read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
    known = found.get("expected", {})
    if not isinstance(known, dict) or not all(isinstance(reason, str) for reason in known.values()):
        raise ValueError(f'{path}: expected a table [expected] of lines "ID" = "reason"')
    return known


def baseline_toml(reasons: dict[str, str]) -> str:
    """A baseline as text."""
    lines = ["# Rules and requirements that are known to be broken, with the reason.", "[expected]"]
    lines += [f"{_quoted(name)} = {_quoted(reason)}" for name, reason in sorted(reasons.items())]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    shown = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else _escape(char) for char in shown) + '"'


def _escape(char: str) -> str:
    number = ord(char)
    if 0xD800 <= number < 0xE000:
        # TOML has no escape for a lone surrogate.
        return "?"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
