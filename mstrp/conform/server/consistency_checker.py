"""Remembers what a server said in a conversation, and tells where it contradicts itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.conform.server.consistency import (
    CONSISTENCY,
    COUNTS,
    STATEMENTS,
    Contradiction,
    Count,
    Observation,
    Statement,
)
from mstrp.conform.server.event_filters import Filters
from protocol.event import Reply
from protocol.events import LINE_PROXYREQUEST
from protocol.generic import RSPSetEventFilterMasks
from protocol.line import Close, DeallocateCall

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ConsistencyChecker"]

#: How many subjects are remembered of one conversation.
_MOST = 10_000


class ConsistencyChecker:
    """Hears every packet of the clients of one conversation."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, object], tuple[Any, str]] = {}
        self._filters = Filters()

    def observe(self, observation: Observation) -> Iterator[Contradiction]:
        """What contradicts what was said before, or what the conversation itself shows."""
        name = type(observation.packet)
        if observation.said is observation.packet:
            yield from self._filters.told(observation)
            yield from _problems(observation)
            refused = False
        elif isinstance(observation.packet, DeallocateCall | Close):
            self._forget(observation)
            return
        elif observation.stranger:
            return
        else:
            refused = _failed(observation.said)
            yield from _contexts(observation)
        for statement in _CLAIMS.get(name, ()):
            if statement.refused == refused:
                yield from self._claims(statement, observation)
        if refused:
            return
        for count in _BOUNDS.get(name, ()):
            yield from _counts(count, observation)
        if name is RSPSetEventFilterMasks:
            self._filters.set(observation)
        yield from _sizes(observation)
        yield from _problems(observation)

    def quiet(self) -> None:
        """Nothing is under way: what was set before holds for everything that comes."""
        self._filters.quiet()

    def _claims(self, statement: Statement, observation: Observation) -> Iterator[Contradiction]:
        name, consistency = type(observation.packet).__name__, CONSISTENCY[statement.requirement]
        for subject, value in statement.read(observation):
            key = (statement.requirement, subject)
            before = self._known.get(key)
            if before is not None and not statement.sets and not consistency.agree(before[0], value):
                summary = f"{name} says {_text(value)}, and {before[1]} {_text(before[0])}"
                yield Contradiction(statement.requirement, summary, consistency.warning)
            if (statement.sets or (consistency.constant and before is None)) and len(self._known) < _MOST:
                self._known[key] = (value, f"{name} {'set' if statement.sets else 'said'}")

    def _forget(self, observation: Observation) -> None:
        """A handle may come again, and then it is another's."""
        gone = getattr(observation.packet, "call", None)
        for key in [key for key in self._known if _is_call(key[1], observation.client, gone)]:
            del self._known[key]


def _is_call(subject: object, client: str, call: int | None) -> bool:
    if not isinstance(subject, tuple) or subject[:2] != ("call", client):
        return False
    return call is None or subject[2] == call


def _failed(said: Any) -> bool:
    """Whether an answer or a completion is a refusal."""
    code: int = said.outcome if isinstance(said, Reply) else said.ack
    return code < 0


def _counts(count: Count, observation: Observation) -> Iterator[Contradiction]:
    name = type(observation.packet).__name__
    for what, number, least, most in count.read(observation):
        if least <= number <= most:
            continue
        if count.closed:
            summary = f"{name} says {number:#x}, asked for {least:#x} to {most:#x}"
        else:
            summary = f"{name} says {number} {what}, and this conversation has {least if number < least else most}"
        yield Contradiction(count.requirement, summary, False)


def _contexts(observation: Observation) -> Iterator[Contradiction]:
    """The words of a completion that say whose it is."""
    opened = observation.opened if isinstance(observation.said, Reply) else None
    if opened is None or opened.app is None:
        return
    pairs = ((observation.said.words[1], opened.app.init_context), (observation.said.words[5], opened.open_context))
    for name, (said, known) in zip(("InitContext", "OpenContext"), pairs, strict=True):
        if known is not None and said != known:
            summary = f"{type(observation.packet).__name__} is completed with {name} {said:#x}, and {known:#x} is the client's"
            yield Contradiction("TRUE-reply-context", summary, CONSISTENCY["TRUE-reply-context"].warning)


def _sizes(observation: Observation) -> Iterator[Contradiction]:
    """The sizes in structures that are returned, compared with each other and with the buffer of the request."""
    name = type(observation.packet).__name__
    for field in observation.said.layout.fields:
        value = getattr(observation.said, field.name, None) if getattr(field, "direction", "") == "inout" else None
        sizes = [getattr(value, each, None) for each in ("total_size", "needed_size", "used_size")]
        if None in sizes:
            continue
        total, needed, used = (size or 0 for size in sizes)
        room = observation.packet.words[field.index] if field.index < len(observation.packet.words) else total
        if used > total or needed < used:
            yield Contradiction("TRUE-sizes", f"{name} uses {used} bytes of {total}, and needs {needed}", False)
        elif total > room:
            yield Contradiction("TRUE-sizes", f"{name} returns dwTotalSize {total} for a buffer of {room} bytes", False)
        elif needed <= total and used != needed:
            yield Contradiction("TRUE-sizes", f"{name} needs {needed} bytes of {total}, and uses only {used}", False)


def _problems(observation: Observation) -> Iterator[Contradiction]:
    """What the declaration of a packet says about its layout and its values."""
    if isinstance(observation.said, LINE_PROXYREQUEST):
        # Its parameters are those of another client's request.
        return
    for problem in observation.said.problems():
        summary = f"{type(observation.said).__name__}: {problem.field}: {problem.detail}"
        yield Contradiction("TRUE-fields", summary, False)
    for field in observation.said.layout.fields:
        inner: Any = getattr(observation.said, field.name, None) if getattr(field, "direction", "") == "inout" else None
        if hasattr(inner, "problems"):
            for problem in inner.problems():
                yield Contradiction("TRUE-fields", f"{type(inner).__name__}: {problem.field}: {problem.detail}", False)


def _text(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:#x}" if value > 9 else str(value)
    return repr(value) if isinstance(value, str) else str(value)


_CLAIMS: dict[type, list[Statement]] = {}
for _claim in STATEMENTS:
    _CLAIMS.setdefault(_claim.packet, []).append(_claim)
_BOUNDS: dict[type, list[Count]] = {}
for _bound in COUNTS:
    _BOUNDS.setdefault(_bound.packet, []).append(_bound)
