"""The test cases that failed in the last run against a server, for ``--last-failed``."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mstrp.conform.core.outcome import Outcome

__all__ = ["read_last_failed", "write_last_failed"]


def _file(binding: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mstrp" / f"last-failed-{sha256(binding.encode()).hexdigest()[:16]}.json"


def write_last_failed(binding: str, outcomes: Iterable[Outcome]) -> None:
    """Remember the cases in which failures were found; a cache that cannot be written is left alone."""
    cases = sorted({outcome.case for outcome in outcomes if outcome.case})
    place = _file(binding)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(cases), "utf-8")
    except OSError:
        return


def read_last_failed(binding: str) -> list[str]:
    """The cases that failed the last time; none where no run is known."""
    try:
        found = json.loads(_file(binding).read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
