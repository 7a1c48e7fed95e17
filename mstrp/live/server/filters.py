"""Event filters (RSPSetEventFilterMasks, 2.2.4.1.8.3): they select the events to send.

Filters of a call, its line, its application and the client are combined: any of them suppresses an event. Events
without a bit (replies, digits, tones) are never suppressed (decision E19).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.constants import EM
from protocol.event import EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocol.event import Event

__all__ = ["passes", "set_mask"]

_BITS = {
    number: int(EM.__members__[event.__name__]) for number, event in EVENTS.items() if event.__name__ in EM.__members__
}
_BUTTONS = next(number for number, event in EVENTS.items() if event.__name__ == "PHONE_BUTTON")
_BITS[_BUTTONS] = int(EM.PHONE_BUTTONMODE | EM.PHONE_BUTTONSTATE)


def set_mask(masks: dict[str, int], events: int, sub_mask: int | None) -> None:
    """Set a filter: for all events, or for the subtypes of one event."""
    if sub_mask is None:
        masks["events"] = events
        for known in [name for name in masks if name != "events"]:
            del masks[known]
    else:
        masks[f"{events:#x}"] = sub_mask


def passes(event: Event, *filters: Mapping[str, int]) -> bool:
    """Return whether no filter suppresses an event."""
    for masks in filters:
        if masks:
            bit = _BITS.get(event.words[4])
            if bit is None:
                return True
            if not masks.get("events", bit) & bit:
                return False
            sub = masks.get(f"{bit:#x}")
            if sub is not None and not event.words[6] & sub:
                return False
    return True
