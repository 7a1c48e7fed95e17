"""Failures on disk, for ``--replay``: the program with what it shows; no address is in it."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mstrp.conform.core.program import Program

if TYPE_CHECKING:
    from mstrp.conform.core.outcome import Outcome

__all__ = ["Saved", "read_saved", "save"]

_SCHEMA = "mstrp-program/1"


class Saved(NamedTuple):
    """A stored failure."""

    requirement: str
    summary: str
    seed: int
    program: Program


def save(folder: str, outcome: Outcome, seed: int, *, python: str = "", packets: bytes = b"") -> Path:
    """Write a failure into a folder: JSON for ``--replay``, a Python program and a capture file; the first of them."""
    assert outcome.program is not None
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    try:
        made_by = version("mstrp")
    except PackageNotFoundError:
        made_by = ""
    content = {
        "schema": _SCHEMA,
        "requirement": outcome.requirement.id,
        "summary": outcome.cause,
        "section": outcome.requirement.section,
        "confirmed": outcome.confirmed,
        "seed": seed,
        "version": made_by,
        "program": outcome.program.to_json(),
    }
    name = outcome.requirement.id
    file = place / f"{name}.json"
    file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    if python:
        (place / f"{name}.py").write_text(python, "utf-8")
    if packets:
        (place / f"{name}.pcap").write_bytes(packets)
    outcome.saved = str(file.with_suffix(""))
    return file


def read_saved(path: str) -> Saved:
    """Read a stored failure; raises `OSError`, or `ValueError` that says what is wrong where."""
    try:
        found = json.loads(Path(path).read_text("utf-8"))
        if not isinstance(found, dict) or found.get("schema") != _SCHEMA:
            raise ValueError(f"no {_SCHEMA}")  # noqa: TRY301 - the file is named below
        program = Program.from_json(found.get("program"))
        return Saved(
            str(found.get("requirement", "")), str(found.get("summary", "")), int(found.get("seed", 0)), program
        )
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error
