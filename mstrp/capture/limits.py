"""Limits on the memory that a capture can use: all in one place, each reported when it is reached."""

from __future__ import annotations

from typing import NamedTuple, Self

__all__ = ["DESCRIPTIONS", "Limits"]


class Limits(NamedTuple):
    """All limits; `DESCRIPTIONS` describes each."""

    streams: int = 65_536
    waiting: int = 4 * 1024 * 1024
    segments: int = 4_096
    seconds: float = 3.0
    datagrams: int = 1_024
    calls: int = 4_096
    fragments: int = 16 * 1024 * 1024
    pipes: int = 128
    sessions: int = 65_536
    listed_sessions: int = 10_000
    listed_calls: int = 2_000
    findings: int = 10_000
    notes: int = 1_000

    @classmethod
    def parse(cls, texts: list[str]) -> Self:
        """Parse limits from ``name=number`` texts; raises `ValueError` with the reason."""
        found: dict[str, float] = {}
        for text in texts:
            name, _, number = text.partition("=")
            field = name.strip().replace("-", "_")
            if field not in DESCRIPTIONS:
                names = ", ".join(each.replace("_", "-") for each in DESCRIPTIONS)
                raise ValueError(f"no limit is called {name!r}; use one of {names}")
            try:
                value = float(number) if field == "seconds" else int(number)
            except ValueError:
                raise ValueError(f"the limit {name} requires a number, not {number!r}") from None
            if not 0 < value < float("inf"):
                raise ValueError(f"the limit {name} must be positive")
            found[field] = value
        return cls(**found)  # type: ignore[arg-type]


#: Description of each limit for the help and the documentation.
DESCRIPTIONS: dict[str, str] = {
    "streams": "tracked directions of TCP connections; the least recently used one is dropped first",
    "waiting": "buffered bytes of one direction after a missing segment",
    "segments": "buffered segments of one direction after a missing one",
    "seconds": "how long segments are buffered if the other side does not report the missing ones",
    "datagrams": "incomplete fragmented IP packets",
    "calls": "pending RPC calls of one connection",
    "fragments": "bytes of incomplete fragmented RPC calls of one connection",
    "pipes": "open named pipes of one SMB connection",
    "sessions": "simultaneously open bindings",
    "listed_sessions": "ended bindings listed in the report",
    "listed_calls": "ended telephone calls of each session listed in the report",
    "findings": "findings listed in the report; the verdict counts all",
    "notes": "notes about damage listed in the report",
}
