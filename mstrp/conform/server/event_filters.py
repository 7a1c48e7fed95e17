"""What RSPSetEventFilterMasks holds back (2.2.4.1.8.3), as the client that set it sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.conform.server.consistency import CONSISTENCY, Contradiction, Observation
from mstrp.live.server.filters import passes, set_mask
from protocol.constants import OBJTYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Filters"]

#: The word of an event that tells an application, and the one that tells a line or phone.
_INIT_CONTEXT, _OPEN_CONTEXT = 1, 5


class Filters:
    """The filters of one conversation. Events that were under way when a filter was set do not count."""

    def __init__(self) -> None:
        #: By client and, where it is not for all events, the word of an event and its value.
        self._set: dict[tuple[str, int, int], dict[str, int]] = {}
        self._hold: dict[tuple[str, int, int], dict[str, int]] = {}

    def set(self, observation: Observation) -> None:
        """A filter was accepted."""
        packet = observation.packet
        scope = _scope(observation)
        if scope is not None:
            mask = self._set.setdefault((observation.client, *scope), {})
            set_mask(mask, packet.event_masks_lo, packet.sub_masks if packet.sub_mask else None)

    def quiet(self) -> None:
        """Nothing is under way any more."""
        self._hold = {scope: dict(mask) for scope, mask in self._set.items()}

    def told(self, observation: Observation) -> Iterator[Contradiction]:
        """An event that should not have come."""
        for (client, word, value), mask in self._hold.items():
            # What a later filter lets through again may come.
            later = self._set[client, word, value]
            if client != observation.client or (word and observation.said.words[word] != value):
                continue
            if not passes(observation.said, mask) and not passes(observation.said, later):
                summary = f"{type(observation.said).__name__} comes, which RSPSetEventFilterMasks holds back"
                yield Contradiction("TRUE-filter", summary, CONSISTENCY["TRUE-filter"].warning)


def _scope(observation: Observation) -> tuple[int, int] | None:
    """The events that a filter is for; None where no word of them tells."""
    conversation, value = observation.conversation, observation.packet.object_id
    opened: Any
    match observation.packet.obj_type:
        case OBJTYPE.NONE:
            return 0, 0
        case OBJTYPE.HLINEAPP | OBJTYPE.HPHONEAPP:
            opened = conversation.applications.get(value)
            return None if opened is None else (_INIT_CONTEXT, opened.init_context)
        case OBJTYPE.HLINE:
            opened = conversation.lines.get(value)
        case OBJTYPE.HPHONE:
            opened = conversation.phones.get(value)
        case _:
            return None
    return None if opened is None or opened.open_context is None else (_OPEN_CONTEXT, opened.open_context)
