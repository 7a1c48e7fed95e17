"""Park and pick-up."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from mstrp.live.provider import TapiError
from protocol.constants import (
    LINECALLORIGIN,
    LINECALLREASON,
    LINEDISCONNECTMODE,
    LINEERR,
    LINEPARKMODE,
)

if TYPE_CHECKING:
    from mstrp.live.server.calls import Call
    from mstrp.live.switch.party import Party
    from mstrp.live.switch.switch import Switch

#: The first park address that the switch chooses.
_FIRST = 701


def park(switch: Switch, call: Call, mode: int, address: str | None) -> str:
    """Park the remote party at an address; offer it again after a while. The park address."""
    parked = switch.connections.parked
    if mode == LINEPARKMODE.DIRECTED:
        where = address or ""
        if not where or where in parked:
            raise TapiError(LINEERR.INVALADDRESS, f"park address {where!r} is empty or in use")
    else:
        where = next(place for place in map(str, count(_FIRST)) if place not in parked)
    party = switch.connections.party(call)
    other = party.remote
    if other is None:
        raise TapiError(LINEERR.OPERATIONFAILED, "the call has no remote party")
    switch.connections.clear(party)
    other.parked_at = where
    parked[where] = other
    switch.clock.after(switch.plan.timeout, lambda: _remind(switch, other, call.device, call.address), other)
    return where


def _remind(switch: Switch, party: Party, device: int, address: int) -> None:
    if party.parked_at:
        switch.connections.unpark(party)
        switch.routing.offer(party, device, address, int(LINECALLREASON.REMINDER), int(LINECALLORIGIN.EXTERNAL))


def unpark(switch: Switch, device: int, address: int, call: Call, destination: str) -> None:
    """Connect a call to a parked party."""
    other = switch.connections.parked.get(destination)
    if other is None:
        raise TapiError(LINEERR.INVALADDRESS, f"no call is parked at {destination!r}")
    switch.connections.unpark(other)
    switch.clock.cancel(other)
    party = switch.connections.party(call)
    party.join(other)
    call.facts = {"reason": int(LINECALLREASON.UNPARK), **_caller(other)}
    switch.connections.connect(party)


def pick_up(switch: Switch, device: int, address: int, call: Call, destination: str | None, group: str | None) -> None:
    """Take a call that is alerting at another address; without a destination, at any other line."""
    alerting = _find_alerting(switch, destination, device)
    if alerting is None or alerting.remote is None:
        raise TapiError(LINEERR.INVALADDRESS, "no call is alerting there")
    caller = alerting.remote
    party = switch.connections.party(call)
    party.join(caller)
    call.facts = {"reason": int(LINECALLREASON.PICKUP), **_caller(caller)}
    switch.connections.end(alerting, LINEDISCONNECTMODE.PICKUP)
    switch.connections.connect(party)
    if caller.call is not None:
        switch.connections.connect(caller)


def _find_alerting(switch: Switch, destination: str | None, device: int) -> Party | None:
    if destination:
        found = switch.plan.find(destination)
        places = [] if found is None else [found]
    else:
        places = [(line, 0) for line in range(switch.plan.lines) if line != device]
    for place in places:
        for call in switch.connections.calls_at(*place):
            party: Party | None = call.note
            if party is not None and party.alerting:
                return party
    return None


def _caller(party: Party) -> dict[str, Any]:
    return {"caller_id_flags": 2, "caller_id": party.number, "caller_id_name": party.name or None}
