"""Edit requests so that they just satisfy or just violate a rule."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from protocol.check import Edit, padded
from protocol.packet import FIXED, decode_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.check import Check
    from protocol.packet import Request
    from protocol.structure import Structure

__all__ = ["changed", "inner_variants", "variants", "with_word"]

_HEAD = Struct("<15I")
_WORD = Struct("<I")


def changed(packet: Any, edit: Edit) -> Request:
    """Return a request with changed DWORDs, VarData or lNeededSize, legal or not."""
    words = list(packet.words)
    for index, number in edit.words.items():
        words[index] = number & 0xFFFFFFFF
    tail = packet.buffer[FIXED:] if edit.tail is None else edit.tail
    data = _HEAD.pack(*words) + tail
    capacity = edit.capacity
    if capacity is None:
        # The space for the response stays the same, in addition to the request.
        capacity = max(packet.capacity, len(data))
    return decode_request(
        data, max(capacity, len(data)) if edit.tail is not None and edit.capacity is None else capacity
    )


def with_word(packet: Any, index: int, number: int) -> Request:
    """Return a request with one DWORD changed."""
    return changed(packet, Edit({index: number}))


def variants(check: Check, packet: Any) -> tuple[list[Request], list[Request]]:
    """Return the requests that just satisfy a check, and those that just violate it."""
    kept = [changed(packet, edit) for edit in check.valid_edits(packet)]
    return kept, [changed(packet, edit) for edit in check.invalid_edits(packet)]


def inner_variants(check: Check, packet: Any, field: Any) -> tuple[list[Request], list[Request]]:
    """Return the same for a check of a member of the structure that a field refers to."""
    kept, broken = [], []
    for record in _records(check, field.inner_of(packet)):
        kept += [_replaced(packet, field, record, edit) for edit in check.valid_edits(record)]
        broken += [_replaced(packet, field, record, edit) for edit in check.invalid_edits(record)]
    return kept, broken


def _records(check: Check, structure: Structure) -> Iterator[Any]:
    """Yield the structure itself or its first entry, depending on which has the member."""
    owner = check.field.owner
    if structure.layout is owner:
        yield structure
        return
    for field in structure.layout.fields:
        entry = getattr(field, "entry", None)
        if entry is not None and entry.layout is owner:
            yield field.read(structure)[0]


def _replaced(packet: Any, field: Any, record: Any, edit: Edit) -> Request:
    """Return the request with the edited structure at the end of VarData, so that nothing follows it."""
    buffer, origin, limit = record.span()
    start = record._start - origin  # noqa: SLF001 - where the record stands in the structure
    data = bytearray(buffer[origin:limit])
    if edit.tail is not None:
        del data[4 * len(record.words) :]
        data += edit.tail
    for index, number in edit.words.items():
        _WORD.pack_into(data, start + 4 * index, number & 0xFFFFFFFF)
    if 0 not in edit.words or start:
        _WORD.pack_into(data, 0, len(data))
    before = padded(packet.buffer[FIXED:])
    return changed(packet, Edit({field.index: len(before)}, before + bytes(data)))
