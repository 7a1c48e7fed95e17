"""Durations with their quantiles, in bounded memory."""

from __future__ import annotations

import math
from collections import Counter

__all__ = ["Durations"]

#: Number of durations that are kept exactly.
_EXACT = 10_000
#: Width of a class of durations beyond that: 1 % of its value.
_STEP = math.log(1.01)
#: Shorter durations, in seconds, are one class.
_SHORTEST = 1e-7


class Durations:
    """A set of durations: exact up to a number, beyond that in classes of 1 %."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._classes: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._values) + self._classes.total()

    def add(self, seconds: float) -> None:
        """Add a duration; a negative one, between two clocks, counts as 0."""
        seconds = max(0.0, seconds)
        if self._classes:
            self._classes[_class(seconds)] += 1
            return
        self._values.append(seconds)
        if len(self._values) > _EXACT:
            self._classes.update(map(_class, self._values))
            self._values.clear()

    def quantile(self, share: float) -> float | None:
        """Return the smallest duration that a share of all does not exceed (nearest rank); None if there is none."""
        number = len(self)
        if not number:
            return None
        rank = max(1, math.ceil(share * number))
        if self._values:
            return sorted(self._values)[rank - 1]
        for key in sorted(self._classes):
            rank -= self._classes[key]
            if rank <= 0:
                return math.exp(key * _STEP)
        return None


def _class(seconds: float) -> int:
    return round(math.log(max(seconds, _SHORTEST)) / _STEP)
