"""Remembers what a server said in a conversation, and tells where it contradicts itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.conform.claims import BOUNDS, CLAIMS, TRUTHS, Bound, Claim, Contradiction, Heard
from mstrp.conform.filtered import Filters
from protocol.event import Reply
from protocol.generic import RSPSetEventFilterMasks
from protocol.line import Close, DeallocateCall

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Witness"]

#: How many subjects are remembered of one conversation.
_MOST = 10_000


class Witness:
    """Hears every packet of the clients of one conversation."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, object], tuple[Any, str]] = {}
        self._filters = Filters()

    def hears(self, heard: Heard) -> Iterator[Contradiction]:
        """What contradicts what was said before, or what the conversation itself shows."""
        name = type(heard.packet)
        if heard.said is heard.packet:
            yield from self._filters.told(heard)
            refused = False
        elif isinstance(heard.packet, DeallocateCall | Close):
            self._forget(heard)
            return
        elif heard.stranger:
            return
        else:
            refused = _failed(heard.said)
            yield from _contexts(heard)
        for claim in _CLAIMS.get(name, ()):
            if claim.refused == refused:
                yield from self._claims(claim, heard)
        if refused:
            return
        for bound in _BOUNDS.get(name, ()):
            yield from _counts(bound, heard)
        if name is RSPSetEventFilterMasks:
            self._filters.set(heard)
        yield from _sizes(heard)

    def quiet(self) -> None:
        """Nothing is under way: what was set before holds for everything that comes."""
        self._filters.quiet()

    def _claims(self, claim: Claim, heard: Heard) -> Iterator[Contradiction]:
        name, truth = type(heard.packet).__name__, TRUTHS[claim.requirement]
        for subject, value in claim.read(heard):
            key = (claim.requirement, subject)
            before = self._known.get(key)
            if before is not None and not claim.sets and not truth.agree(before[0], value):
                summary = f"{name} says {_text(value)}, and {before[1]} {_text(before[0])}"
                yield Contradiction(claim.requirement, summary, truth.odd)
            if (claim.sets or (truth.constant and before is None)) and len(self._known) < _MOST:
                self._known[key] = (value, f"{name} {'set' if claim.sets else 'said'}")

    def _forget(self, heard: Heard) -> None:
        """A handle may come again, and then it is another's."""
        gone = getattr(heard.packet, "call", None)
        for key in [key for key in self._known if _is_call(key[1], heard.client, gone)]:
            del self._known[key]


def _is_call(subject: object, client: str, call: int | None) -> bool:
    if not isinstance(subject, tuple) or subject[:2] != ("call", client):
        return False
    return call is None or subject[2] == call


def _failed(said: Any) -> bool:
    """Whether an answer or a completion is a refusal."""
    code: int = said.outcome if isinstance(said, Reply) else said.ack
    return code < 0


def _counts(bound: Bound, heard: Heard) -> Iterator[Contradiction]:
    name = type(heard.packet).__name__
    for what, number, least, most in bound.read(heard):
        if least <= number <= most:
            continue
        if bound.closed:
            summary = f"{name} says {number:#x}, asked for {least:#x} to {most:#x}"
        else:
            summary = f"{name} says {number} {what}, and this conversation has {least if number < least else most}"
        yield Contradiction(bound.requirement, summary, number > most and not bound.closed)


def _contexts(heard: Heard) -> Iterator[Contradiction]:
    """The words of a completion that say whose it is."""
    opened = heard.opened if isinstance(heard.said, Reply) else None
    if opened is None or opened.app is None:
        return
    pairs = ((heard.said.words[1], opened.app.init_context), (heard.said.words[5], opened.open_context))
    for name, (said, known) in zip(("InitContext", "OpenContext"), pairs, strict=True):
        if known is not None and said != known:
            summary = (
                f"{type(heard.packet).__name__} is completed with {name} {said:#x}, and {known:#x} is the client's"
            )
            yield Contradiction("TRUE-reply-context", summary, TRUTHS["TRUE-reply-context"].odd)


def _sizes(heard: Heard) -> Iterator[Contradiction]:
    """Structures that come back."""
    for field in heard.said.layout.fields:
        value = getattr(heard.said, field.name, None) if getattr(field, "direction", "") == "inout" else None
        sizes = [getattr(value, name, None) for name in ("total_size", "needed_size", "used_size")]
        total, needed, used = (size or 0 for size in sizes)
        if None not in sizes and (used > total or needed < used):
            summary = f"{type(heard.packet).__name__} uses {used} bytes of {total}, and needs {needed}"
            # How much is needed may be left open; more than there is cannot be used.
            yield Contradiction("TRUE-sizes", summary, odd=used <= total)


def _text(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:#x}" if value > 9 else str(value)
    return repr(value) if isinstance(value, str) else str(value)


_CLAIMS: dict[type, list[Claim]] = {}
for _claim in CLAIMS:
    _CLAIMS.setdefault(_claim.packet, []).append(_claim)
_BOUNDS: dict[type, list[Bound]] = {}
for _bound in BOUNDS:
    _BOUNDS.setdefault(_bound.packet, []).append(_bound)
