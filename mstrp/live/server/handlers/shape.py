"""Structures that fit into what the client left room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.live.provider import TapiError
from protocol.constants import LINEERR, TAPI_VERSION
from protocol.members import Pair

if TYPE_CHECKING:
    from collections.abc import Iterable

    from protocol.structure import Structure

__all__ = ["choose_version", "fitted"]


def fitted(made: Structure, room: int) -> Structure:
    """The structure when it fits, else its fixed part, which tells how much room it needs (decision A6)."""
    size = len(made.encode())
    if size <= room:
        return made
    lengths = [length for length in made.lengths if length <= len(made.words) and 4 * length <= room]
    if not lengths:
        raise TapiError(LINEERR.STRUCTURETOOSMALL, f"{room} bytes for a {made.layout.name} of {4 * len(made.words)}")
    # Where not even the fixed part fits, the members that an older version has.
    words = lengths[-1]
    fixed = 4 * words
    names = {
        field.name for field in made.layout.fields if not isinstance(field, Pair) and field.index + field.width <= words
    }
    plain = {name: value for name, value in made.values().items() if name in names and isinstance(value, int)}
    plain = {name: value for name, value in plain.items() if not name.startswith("num_") and "num_entries" not in name}
    kind: Any = type(made)
    found: Structure = kind(
        **plain, total_size=room, needed_size=size, used_size=fixed, tapi_version=_version(kind, words)
    )
    return found


def _version(kind: Any, words: int) -> int | None:
    """A version in which the structure has so many words."""
    if words == kind.layout.words:
        return None
    return next((int(version) for version in TAPI_VERSION if kind.length(int(version)) == words), None)


def choose_version(low: int, high: int, known: Iterable[int]) -> int:
    """The newest version that both sides know (D19); 0 when there is none."""
    return max((version for version in known if low <= version <= high), default=0)
