"""Traffic of a capture that was not checked, with the reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mstrp.capture.unread import FRAGMENT, LIMIT, LINK, MALFORMED, SNAP, TUNNEL
from mstrp.checking.results import NO_TRAFFIC, Judged, Unjudged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mstrp.capture.sealed import Sealed
    from mstrp.capture.unread import Skipped, UnreadKind
    from mstrp.checking.results import SessionResult

__all__ = ["Silent", "listing_note", "unjudged_of"]

#: The reasons of unread frames that may have carried MS-TRP.
_HIDDEN = {
    TUNNEL: "encapsulation",
    LINK: "encapsulation",
    SNAP: "truncated",
    MALFORMED: "truncated",
    FRAGMENT: "fragment",
    LIMIT: "limit",
}


class Silent(NamedTuple):
    """Sessions in which no packet could be checked, and their requests."""

    sessions: int = 0
    requests: int = 0

    def plus(self, requests: int) -> Silent:
        """Add a session."""
        return Silent(self.sessions + 1, self.requests + requests)


def unjudged_of(
    judged: Judged,
    frames: int,
    sealed: Iterable[Sealed],
    skipped: Iterable[Skipped],
    unread: Iterable[UnreadKind],
    silent: Silent,
    damaged: str = "",
) -> tuple[Unjudged, ...]:
    """Return the traffic that was not checked, by reason; ``damaged`` is damage of the file.

    Traffic that is not known to be MS-TRP is included only if nothing was checked.
    """
    skipped = list(skipped)
    found = [*_sealed(sealed), *(_of(each) for each in skipped if each.known)]
    if silent.sessions and not any(each.reason == "one-direction" for each in skipped):
        detail = "no response to any request was captured"
        found.append(Unjudged("no-response", silent.requests, detail, silent.sessions))
    if not judged.packets:
        found += [_of(each) for each in skipped if not each.known]
        found += [Unjudged(_HIDDEN[kind.cause], kind.frames, kind.detail) for kind in unread if kind.cause in _HIDDEN]
        if damaged:
            found.append(Unjudged("truncated", 0, damaged))
        if not found:
            found.append(Unjudged(NO_TRAFFIC, 0, f"no MS-TRP traffic in {frames:,} frame{'' if frames == 1 else 's'}"))
    return _summed(found)


def listing_note(sessions: Iterable[SessionResult], judged: Judged) -> str:
    """Return a note if not all calls are listed, otherwise ""."""
    listed = sum(len(session.calls) for session in sessions)
    return f"{listed:,} of {judged.calls:,} calls are listed (limit listed-calls)" if listed < judged.calls else ""


def _of(each: Skipped) -> Unjudged:
    return Unjudged(each.reason, each.packets, each.detail, each.connections)


def _sealed(sealed: Iterable[Sealed]) -> Iterator[Unjudged]:
    """Return the encrypted calls by reason, mechanism and account; requests and events use separate connections."""
    kinds: dict[tuple[str, str], list[Sealed]] = {}
    for each in sealed:
        who = f", {each.account}" if each.account else ""
        need = "" if each.password or each.reason == "wrong-password" else f"; needed: {each.needed}"
        kinds.setdefault((each.reason, f"{each.mechanism}{who}{need}"), []).append(each)
    for (reason, detail), group in kinds.items():
        connections = {
            name: sum(each.connections for each in group if each.interface == name)
            for name in {each.interface for each in group}
        }
        yield Unjudged(
            reason, sum(each.requests + each.answers for each in group), detail, max(connections.values(), default=0)
        )


def _summed(found: Iterable[Unjudged]) -> tuple[Unjudged, ...]:
    """Return the sums of entries with the same reason and detail."""
    kinds: dict[tuple[str, str], Unjudged] = {}
    for each in found:
        known = kinds.get((each.reason, each.detail))
        if known is not None:
            each = each._replace(packets=each.packets + known.packets, sessions=each.sessions + known.sessions)  # noqa: PLW2901
        kinds[each.reason, each.detail] = each
    return tuple(kinds.values())
