"""Conditions ``KEY=PATTERN``, and the facts that they are matched against."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["KEYS", "Facts", "Selection"]

#: Keys with their descriptions.
KEYS: dict[str, str] = {
    "session": "id of a session: s1",
    "call": "handle of a call, with or without its epoch: 0x10005, 0x10005#2",
    "line": "handle of a line",
    "client": "address of the client",
    "server": "address of the server",
    "packet": "name of a packet: Answer, LINE_CALLSTATE",
    "rule": "id of a rule: CALL-V01",
    "verdict": "fail, warn or info",
    "frames": "frame, or range of frames: 57, 50-80, 100-",
    "time": "range of seconds since the start of the capture: 1.5-3",
}
#: Keys with ranges of numbers as patterns, and keys with handles as patterns.
_RANGES = {"frames", "time"}
_HANDLES = {"call", "line"}

#: A range of numbers, both ends included.
Range: TypeAlias = tuple[float, float]
#: Values by key: texts, or ranges for `frames` and `time`. A missing key is unknown and excludes nothing.
Facts: TypeAlias = "Mapping[str, Collection[str] | Collection[Range]]"


class _Condition(NamedTuple):
    """One alternative: a key with a pattern, or with a range."""

    key: str
    pattern: str
    epoch: str = "*"
    low: float = 0.0
    high: float = 0.0

    def is_met(self, facts: Facts) -> bool:
        """Whether a value of the key matches; true if the key is not known."""
        values = facts.get(self.key)
        return values is None or any(self._matches(value) for value in values)

    def _matches(self, value: str | Range) -> bool:
        if isinstance(value, tuple):
            return value[0] <= self.high and self.low <= value[1]
        text = value.casefold()
        if self.key not in _HANDLES:
            return fnmatchcase(text, self.pattern)
        handle, _, epoch = text.partition("#")
        return fnmatchcase(handle, self.pattern) and (not epoch or fnmatchcase(epoch, self.epoch))


class Selection:
    """Conditions of a command line: each option has alternatives, and all options must be met."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts = tuple(texts)
        self._options = [_alternatives(text) for text in self.texts]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Return the selection for ``KEY=PATTERN[,…]`` texts; raises `ValueError` with the error."""
        return cls(texts)

    def __bool__(self) -> bool:
        return bool(self._options)

    def __str__(self) -> str:
        return " and ".join(self.texts)

    @property
    def keys(self) -> set[str]:
        """The keys in use."""
        return {condition.key for option in self._options for condition in option}

    def matches(self, facts: Facts) -> bool:
        """Whether facts meet every option."""
        return all(any(condition.is_met(facts) for condition in option) for option in self._options)


def _alternatives(text: str) -> list[_Condition]:
    """Return the alternatives of one option; a part without a key has the key of the part before it."""
    found: list[_Condition] = []
    key = ""
    for part in text.split(","):
        name, separator, pattern = part.partition("=")
        if separator and name.strip().lower() in KEYS:
            key = name.strip().lower()
        elif separator or not key:
            raise ValueError(f"{part!r} is not KEY=PATTERN; the keys are {', '.join(KEYS)}")
        else:
            pattern = part
        pattern = pattern.strip()
        if not pattern:
            raise ValueError(f"no pattern for {key}")
        found.append(_condition(key, pattern))
    return found


def _condition(key: str, pattern: str) -> _Condition:
    if key in _RANGES:
        low, high = _range(key, pattern)
        return _Condition(key, pattern, low=low, high=high)
    if key not in _HANDLES:
        if key == "verdict" and not any(fnmatchcase(each, pattern.casefold()) for each in ("fail", "warn", "info")):
            raise ValueError(f"{pattern!r} is not a verdict of a finding: fail, warn or info")
        return _Condition(key, pattern.casefold())
    handle, _, epoch = pattern.casefold().partition("#")
    try:
        # 0x00010005 and 65541 are the same handle.
        handle = f"{int(handle, 0):#x}"
    except ValueError:
        if not any(sign in handle for sign in "*?["):
            raise ValueError(f"{pattern!r} is not a handle such as 0x10005 or 0x10005#2") from None
    return _Condition(key, handle, epoch or "*")


def _range(key: str, pattern: str) -> Range:
    """Return a range from ``N``, ``N-``, ``-N`` or ``N-M``."""
    first, dash, last = pattern.partition("-")
    try:
        low = _number(key, first) if first else 0.0
        high = _number(key, last) if last else (math.inf if dash else low)
    except ValueError:
        raise ValueError(f"{pattern!r} is not a range of {key} such as 5, 5-10, 5- or -10") from None
    if low > high or (not first and not last):
        raise ValueError(f"{pattern!r} is an empty range of {key}")
    return low, high


def _number(key: str, text: str) -> float:
    number = float(int(text)) if key == "frames" else float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
