"""Hypothesis strategies for legal packets: all requests, responses, events, completions and structures.

All are derived from the declarations. A strategy starts with the simplest legal packet and changes field after field,
to any value and to the bounds of its checks; a change that would cause a problem is discarded. So every packet has
``problems() == []``, and shrinks to the simplest one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.testing import arbitrary
from mstrp.testing.hypothesis_names import st
from mstrp.testing.legal import Names, legal_request, legal_structure
from mstrp.testing.variants import changed
from protocol import structures as declared
from protocol.event import COMPLETIONS, EVENTS, Completion
from protocol.fields import Buffer, Flag, Handle, Offset
from protocol.packet import REQUESTS
from protocol.structure import Structure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hypothesis.strategies import DrawFn, SearchStrategy

    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["STRUCTURES", "completions", "events", "requests", "responses", "structures"]

#: The structures of section 2.2.6 that are not part of another structure.
STRUCTURES: tuple[type[Structure], ...] = tuple(
    kind
    for kind in (getattr(declared, name) for name in declared.__all__)
    if isinstance(kind, type) and issubclass(kind, Structure)
)


def requests(kind: type[Request] | None = None, *, names: Names | None = None, **given: Any) -> SearchStrategy[Request]:
    """Legal requests of one class, or of all 132: encodable, with ``problems() == []``.

    ``names`` are the handles to use (default: any); ``given`` are fixed field values.
    """
    if kind is None:
        return st.sampled_from(list(REQUESTS.values())).flatmap(lambda each: requests(each, names=names, **given))
    return _requests(kind, names, given)


def responses(kind: type[Request] | None = None) -> SearchStrategy[Request]:
    """Legal responses to one class of requests, or to any; ``ack`` is 0, a request id or an error code."""
    if kind is None:
        return st.sampled_from(list(REQUESTS.values())).flatmap(responses)
    brought = {field.name: legal_structure(field.type) for field in kind.layout.fields if isinstance(field, Buffer)}
    return _accreted(lambda values: kind(**values), arbitrary.response_values(kind), {"ack": 0, **brought})


def events(kind: type[Event] | None = None) -> SearchStrategy[Event]:
    """Legal events of one class, or of any (2.2.4.2.1)."""
    if kind is None:
        return st.sampled_from(list(EVENTS.values())).flatmap(events)
    return _accreted(lambda values: kind(**values), arbitrary.event_values(kind))


def completions(kind: type[Request | Completion] | None = None) -> SearchStrategy[Completion]:
    """Legal special completions (2.2.4.2.2), selected by their class or the class of the request (default: any).

    Raises `ValueError` for a request that LINE_REPLY or PHONE_REPLY completes.
    """
    if kind is None:
        return st.sampled_from(list(COMPLETIONS.values())).flatmap(completions)
    found: Any = kind if issubclass(kind, Completion) else kind.Completion
    if found is None:
        message = f"{kind.__name__} has no special completion: LINE_REPLY or PHONE_REPLY completes it"
        raise ValueError(message)
    return _accreted(lambda values: found(**values), arbitrary.event_values(found))


def structures(kind: type[Structure] | None = None) -> SearchStrategy[Structure]:
    """Legal structures of one class, or of any (2.2.6), in any TAPI version."""
    if kind is None:
        return st.sampled_from(STRUCTURES).flatmap(structures)
    if legal_structure(kind).problems():
        # The content depends on a selector, so there is no simplest structure.
        return arbitrary.structures(kind).filter(lambda drawn: not drawn.problems())
    return _accreted(lambda values: legal_structure(kind, **values), arbitrary.structure_values(kind))


@st.composite
def _accreted(
    draw: DrawFn, make: Callable[[dict[str, Any]], Any], drawn: SearchStrategy[dict[str, Any]], base: Any = None
) -> Any:
    """Return the simplest packet with those drawn values that keep it legal."""
    return _accrete(make, base or {}, draw(drawn).items())


def _accrete(make: Callable[[dict[str, Any]], Any], values: dict[str, Any], more: Iterable[tuple[str, Any]]) -> Any:
    found = make(values)
    for name, value in more:
        tried = make({**values, name: value})
        if not tried.problems():
            values, found = {**values, name: value}, tried
    return found


@st.composite
def _requests(draw: DrawFn, kind: type[Request], names: Names | None, given: dict[str, Any]) -> Request:
    fields = [field for field in kind.layout.fields if field.name not in given]
    enabling = draw(st.sampled_from([None, *(field for field in fields if getattr(field, "only", None) is not None)]))
    drawn = {name: value for name, value in draw(arbitrary.request_values(kind)).items() if name not in given}
    if names is not None:
        drawn = {name: value for name, value in drawn.items() if not isinstance(kind.layout.by_name[name], Handle)}
    for field in fields:
        if isinstance(field, Flag) and field.choices and draw(st.booleans()):
            drawn[field.name] = draw(st.sampled_from(sorted(field.choices)))
    packet = _accrete(lambda values: legal_request(kind, names, enabling, **{**given, **values}), {}, drawn.items())
    return _at_bounds(draw, packet, {kind.layout.by_name[name].index for name in given})


def _at_bounds(draw: DrawFn, packet: Request, fixed: set[int]) -> Request:
    """Return values at the bounds of the checks of some fields."""
    checks: list[Any] = [
        check for field in packet.layout.fields if field.index not in fixed for check in field.checks if check.rules
    ]
    checks += [check for check in packet.layout.cross_field_checks if not fixed & set(check.indexes)]
    if not checks:
        return packet
    for check in draw(st.lists(st.sampled_from(checks), max_size=2)):
        if isinstance(check.field, Offset) and not check.applies(packet):
            continue
        edits = [edit for edit in check.valid_edits(packet) if not fixed & set(edit.words)]
        if edits:
            tried = changed(packet, draw(st.sampled_from(edits)))
            packet = packet if tried.problems() else tried
    return packet
