"""Arrays of entries with variable data: their size, and the base of their offsets, where the bytes have to show both (F6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from protocol.record import dword_struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocol.structure import Structure

__all__ = ["Form", "form_of", "read_entries"]


class Form(NamedTuple):
    """The size of an entry in bytes, and whether its offsets count from the entry instead of the whole structure."""

    step: int
    relative: bool


def form_of(
    entry: type[Structure], buffer: bytes, start: int, count: int, steps: Sequence[int], origin: int, limit: int
) -> Form:
    """Return the form in which all data of the entries are after them and inside the structure.

    ``steps`` has the possible sizes, ascending. If several forms fit, the one whose data end with the structure counts,
    then offsets from the structure, then the largest size. If none fits, offsets count from the structure, and the
    largest size whose entries end before the first offset counts.
    """
    best: Form | None = None
    pairs = entry.pair_indices()
    for relative in (False, True) if pairs else (False,):
        for step in reversed(steps):
            end = _end(buffer, start, count, step, pairs, origin, limit, relative=relative)
            if end < 0:
                continue
            if limit - 3 <= end <= limit:
                return Form(step, relative)
            best = best or Form(step, relative)
    return best or Form(_largest(buffer, start, count, steps, pairs, origin, limit), False)


def _largest(
    buffer: bytes, start: int, count: int, steps: Sequence[int], pairs: Sequence[int], origin: int, limit: int
) -> int:
    """Return the largest size of an entry whose array ends before the data of the first one."""
    bound = limit
    if len(steps) > 1 and start + steps[0] <= limit:
        unpack = dword_struct(2).unpack_from
        first = [unpack(buffer, start + 4 * index) for index in pairs if 4 * index + 8 <= steps[0]]
        bound = min((origin + offset for size, offset in first if size), default=limit)
    return max((step for step in steps if start + count * step <= bound), default=steps[0])


def _end(
    buffer: bytes,
    start: int,
    count: int,
    step: int,
    pairs: Sequence[int],
    origin: int,
    limit: int,
    *,
    relative: bool,
) -> int:
    """Return the end of the entries and their data in one form; -1 if they do not fit."""
    behind = last = start + count * step
    if behind > limit:
        return -1
    unpack = dword_struct(2).unpack_from
    for place in range(start, behind, step):
        base = place if relative else origin
        for index in pairs:
            if 4 * index + 8 > step:
                continue
            size, offset = unpack(buffer, place + 4 * index)
            if size:
                if base + offset < behind or base + offset + size > limit:
                    return -1
                last = max(last, base + offset + size)
    return last


def read_entries(
    entry: type[Structure], buffer: bytes, start: int, count: int, form: Form, origin: int, limit: int
) -> tuple[Structure, ...]:
    """Return views of the entries."""
    step, relative = form
    places = range(start, start + count * step, step)
    return tuple(
        entry.at(buffer, place, place + step, origin=place if relative else origin, limit=limit) for place in places
    )
