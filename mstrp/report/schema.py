"""The JSON schemas of the output of mstrp; the files are in this folder and published with the documentation."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

__all__ = ["SCHEMAS", "schema"]

#: Published schemas: name -> content.
SCHEMAS = {
    "report": "the report of `mstrp check --format json` (mstrp-report/1)",
    "conform": "the report of `mstrp conform --format json` (mstrp-conform/1)",
    "learn": "the report of `mstrp conform learn --format json` (mstrp-learn/1)",
    "packet": "a line of `mstrp decode --format jsonl`",
}


def schema(name: str) -> dict[str, Any]:
    """Return a schema by name."""
    text = resources.files("mstrp.report").joinpath("schemas", f"{name}.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
