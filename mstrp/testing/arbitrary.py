"""Hypothesis strategies for packets of the declared layout with any values, legal or not.

`requests`, `responses`, `events` and `structures` generate instances of one class; the functions that end in
``_values`` generate keyword arguments, so that a test can compare them with the decoded values. A field that is not
drawn keeps its default, so absent values are as frequent as present ones. Fields determined by others (sizes, counts,
selectors) are computed by the product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.testing.hypothesis_names import st
from protocol.fields import Buffer, Flag, GuidAt, Inner, Items, Offset, Size, Text
from protocol.members import Embedded, Extent, Following, Guid, Pair, SystemTime, Time, Union
from protocol.record import ABSENT
from protocol.tables import Flags, members
from protocol.trailing import Trailing

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn, SearchStrategy

    from protocol.event import Message as EventMessage
    from protocol.packet import Request
    from protocol.record import Field, Layout
    from protocol.structure import Structure
    from protocol.tables import Table

__all__ = [
    "event_values",
    "events",
    "request_values",
    "requests",
    "response_values",
    "responses",
    "structure_values",
    "structures",
    "tapi_versions",
    "texts",
    "words",
]

#: Boundary values of a DWORD, and typical sizes and offsets.
_EDGES = (0, 1, 2, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, ABSENT)


def words() -> SearchStrategy[int]:
    """A DWORD, often a boundary value."""
    return st.sampled_from(_EDGES) | st.integers(0, 0xFFFFFFFF)


def texts(*, min_size: int = 0, max_size: int = 8) -> SearchStrategy[str]:
    """A string without NUL, sometimes with an unpaired surrogate, which the protocol can carry as well."""
    whole = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    lone = st.sampled_from(("\ud800", "\udfff-", "5\udc00", "\ud8ff/"))
    return st.one_of(st.text(whole, min_size=min_size, max_size=max_size), lone)


def latin_texts() -> SearchStrategy[str]:
    """A string of one byte per character."""
    return st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=8)


def flags(tables: tuple[Table, ...]) -> SearchStrategy[int]:
    """Numbers for constant tables: members, combinations of bits, and undefined numbers."""
    known = [int(member) for table in tables for member in members(table)]
    drawn: SearchStrategy[int] = st.sampled_from(known)
    if any(issubclass(table, Flags) for table in tables):
        drawn |= st.lists(st.sampled_from(known), max_size=4).map(_union)
    return drawn | words()


def _union(numbers: list[int]) -> int:
    joined = 0
    for number in numbers:
        joined |= number
    return joined


def tapi_versions(kind: type[Structure]) -> SearchStrategy[int]:
    """The versions that extended a structure; 0 is the newest."""
    since = sorted({field.since for field in kind.layout.fields if field.since})
    return st.sampled_from([0, 0x00010004, *since] if since else [0])


# -- one field --------------------------------------------------------------------------------------------------------


def _number(field: Field) -> SearchStrategy[Any]:
    return flags(field.tables) if isinstance(field, Flag) else words()


def _offset(field: Offset) -> SearchStrategy[Any]:
    """Content at an offset."""
    if isinstance(field, Text):
        return texts()
    if isinstance(field, GuidAt):
        return st.uuids()
    if isinstance(field, Inner):
        return structures(field.type)
    if isinstance(field, Items):
        entry = words() if field.entry is None else structures(field.entry, newest=True)
        return st.lists(entry, min_size=1, max_size=3).map(tuple)
    return st.binary(min_size=1, max_size=12)


def _fixed(field: Field) -> SearchStrategy[Any]:
    """A member in the fixed part."""
    if isinstance(field, Guid):
        return st.uuids()
    if isinstance(field, Time):
        return st.tuples(*[st.integers(0, 0xFFFF)] * 8).map(SystemTime._make)
    if isinstance(field, Embedded):
        return structures(field.type)
    return _number(field)


def _items(field: Pair, count: int) -> SearchStrategy[Any]:
    """The entries of a list of given length."""
    if field.content == "rows":
        entry: SearchStrategy[Any] = texts(max_size=4)
    else:
        entry = words() if field.entry is None else structures(field.entry, newest=True)
    return st.lists(entry, min_size=count, max_size=count).map(tuple)


_CONTENTS: dict[str, Callable[[], SearchStrategy[Any]]] = {
    "text": texts,
    "ascii": latin_texts,
    "bytes": lambda: st.binary(min_size=1, max_size=12),
    "texts": lambda: st.lists(texts(min_size=1), max_size=3).map(tuple),
}

#: The content of a string in each STRINGFORMAT: one byte per character, bytes of the code page, UTF-16, bytes.
_FORMATS: dict[int, Callable[[], SearchStrategy[Any]]] = {
    1: latin_texts,
    2: lambda: st.binary(min_size=1, max_size=12),
    3: texts,
    4: lambda: st.binary(min_size=1, max_size=12),
}


def _pair(draw: DrawFn, field: Pair, counts: dict[str, int]) -> dict[str, Any]:
    """The data of a size and an offset; lists with a common count have the same length."""
    if field.content in ("array", "rows"):
        count = counts.setdefault(field.count or field.spec, draw(st.integers(1, 3)))
        return {field.name: draw(_items(field, count))}
    if field.content == "structure":
        assert field.entry is not None
        return {field.name: draw(structures(field.entry))}
    if field.format:
        form = draw(st.sampled_from(list(_FORMATS)))
        return {field.owner.by_spec[field.format].name: form, field.name: draw(_FORMATS[form]())}
    return {field.name: draw(_CONTENTS[field.content]())}


def _rest(field: Trailing) -> SearchStrategy[Any]:
    """Data after the fixed part."""
    if field.entry is not None:
        return structures(field.entry)
    return texts(min_size=1) if field.text else st.binary(min_size=1, max_size=12)


# -- the fields of a layout -------------------------------------------------------------------------------------------


def _computed(layout: Layout) -> set[str]:
    """Return the fields that are computed from others."""
    found = {field.spec for field in layout.fields if isinstance(field, (Extent, Size))}
    for field in layout.fields:
        if isinstance(field, Pair):
            found |= {field.count, field.row, field.format}
        elif isinstance(field, Following):
            found.add(field.count)
        elif isinstance(field, Trailing):
            found.add(field.length)
        elif isinstance(field, Union):
            found.add(field.selector)
    return found


@st.composite
def _some(draw: DrawFn, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Some or all of the fields."""
    if not fields:
        return ()
    places = st.lists(st.integers(0, len(fields) - 1), unique=True, max_size=6)
    chosen = draw(places | st.just(list(range(len(fields)))))
    return tuple(fields[place] for place in sorted(chosen))


def _message_fields(kind: type[Request], carried: tuple[str, ...]) -> tuple[Field, ...]:
    """Return the fields of a packet that can be given freely; data only if the direction carries it."""
    layout = kind.layout
    computed = {field.size for field in layout.fields if isinstance(field, Offset) and field.direction in carried}
    return tuple(
        field
        for field in layout.fields
        if field.spec not in computed
        and not isinstance(field, Size)
        and not (isinstance(field, Offset) and field.direction not in carried)
    )


@st.composite
def request_values(draw: DrawFn, kind: type[Request]) -> dict[str, Any]:
    """Keyword arguments of a request."""
    chosen = draw(_some(_message_fields(kind, ("in", "inout"))))
    given = {field.name: draw(_offset(field) if isinstance(field, Offset) else _number(field)) for field in chosen}
    for field in chosen:
        if isinstance(field, Offset) and field.only is not None:
            # Such data is significant only with one value of another field.
            given[kind.layout.by_spec[field.only[0]].name] = field.only[1]
    return given


@st.composite
def response_values(draw: DrawFn, kind: type[Request]) -> dict[str, Any]:
    """Keyword arguments of the response to a request, including ``ack``."""
    given: dict[str, Any] = {"ack": draw(st.integers(-0x80000000, 0x7FFFFFFF))}
    for field in draw(_some(_message_fields(kind, ("out", "inout")))):
        if isinstance(field, Buffer):
            given[field.name] = draw(structures(field.type))
        else:
            given[field.name] = draw(_offset(field) if isinstance(field, Offset) else _number(field))
    return given


@st.composite
def event_values(draw: DrawFn, kind: type[EventMessage]) -> dict[str, Any]:
    """Keyword arguments of an event or a completion."""
    computed = _computed(kind.layout) | {kind.total, "Msg"}
    fields = tuple(field for field in kind.layout.fields if field.spec not in computed)
    chosen = draw(_some(fields))
    return {field.name: draw(_rest(field) if isinstance(field, Trailing) else _number(field)) for field in chosen}


@st.composite
def structure_values(draw: DrawFn, kind: type[Structure], *, newest: bool = False) -> dict[str, Any]:
    """Keyword arguments of a structure, including ``tapi_version`` unless only the newest version is requested."""
    version = 0 if newest else draw(tapi_versions(kind))
    length = kind.length(version)
    computed = _computed(kind.layout)
    fields = tuple(
        field for field in kind.layout.fields if field.spec not in computed and field.index + field.width <= length
    )
    given: dict[str, Any] = {"tapi_version": version} if version else {}
    counts: dict[str, int] = {}
    for field in draw(_some(fields)):
        if isinstance(field, Pair):
            given |= _pair(draw, field, counts)
        elif isinstance(field, Following):
            given[field.name] = draw(st.lists(structures(field.entry, newest=True), min_size=1, max_size=3).map(tuple))
        elif isinstance(field, Trailing):
            given[field.name] = draw(_rest(field))
        elif isinstance(field, Union):
            given[field.name] = draw(st.sampled_from(list(field.bodies.values())).flatmap(structures))
        else:
            given[field.name] = draw(_fixed(field))
    return given


# -- whole packets and structures -------------------------------------------------------------------------------------


def requests(kind: type[Request]) -> SearchStrategy[Request]:
    """Requests of a class."""
    return request_values(kind).map(lambda given: kind(**given))


def responses(kind: type[Request]) -> SearchStrategy[Request]:
    """Responses to a class of requests."""
    return response_values(kind).map(lambda given: kind(**given))


def events(kind: type[EventMessage]) -> SearchStrategy[EventMessage]:
    """Events or completions of a class."""
    return event_values(kind).map(lambda given: kind(**given))


def structures(kind: type[Structure], *, newest: bool = False) -> SearchStrategy[Structure]:
    """Structures of a class, in any TAPI version unless only the newest is requested."""
    return structure_values(kind, newest=newest).map(lambda given: kind(**given))
