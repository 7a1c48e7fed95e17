"""Baselines: TOML files with expected violations and their reasons, suitable for review."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["baseline_toml", "is_ignored", "read_baseline", "read_ignored"]


def is_ignored(rule: str, patterns: Iterable[str]) -> bool:
    """Return whether a rule matches an id or pattern, regardless of case."""
    return any(fnmatchcase(rule.upper(), pattern.upper()) for pattern in patterns)


def read_baseline(path: str) -> dict[str, str]:
    """Read rule or requirement ids with reasons; raises `OSError`, or `ValueError` with the file and the error."""
    known = _parsed(path).get("expected", {})
    if not isinstance(known, dict) or not all(isinstance(reason, str) for reason in known.values()):
        raise ValueError(f'{path}: expected a table [expected] of lines "ID" = "reason"')
    return known


def read_ignored(path: str) -> tuple[str, ...]:
    """Read the rules that a baseline ignores: ``ignore = ["ID", …]`` before the table."""
    found = _parsed(path).get("ignore", [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ValueError(f'{path}: expected a list ignore = ["ID", …]')
    return tuple(found)


def _parsed(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error


def baseline_toml(reasons: dict[str, str]) -> str:
    """Return a baseline as text."""
    lines = ["# Rules and requirements with known violations, and the reasons.", "[expected]"]
    lines += [f"{_quoted(name)} = {_quoted(reason)}" for name, reason in sorted(reasons.items())]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a TOML basic string."""
    shown = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else _escape(char) for char in shown) + '"'


def _escape(char: str) -> str:
    number = ord(char)
    if 0xD800 <= number < 0xE000:
        # A lone surrogate cannot be escaped in TOML.
        return "?"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
