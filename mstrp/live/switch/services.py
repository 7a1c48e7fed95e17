"""Supplementary services: forwarding, park, pick-up, call completion."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from mstrp.live.provider import TapiError
from mstrp.live.switch.party import Party
from protocol.constants import (
    LINEADDRESSSTATE,
    LINECALLCOMPLMODE,
    LINECALLORIGIN,
    LINECALLREASON,
    LINEDISCONNECTMODE,
    LINEERR,
    LINEFORWARDMODE,
    LINEPARKMODE,
)
from protocol.events import LINE_ADDRESSSTATE

if TYPE_CHECKING:
    from mstrp.live.server.calls import Call
    from mstrp.live.switch.switch import Switch
    from protocol.structures import LINECALLPARAMS, LINEFORWARDLIST

F = LINEFORWARDMODE
_UNCONDITIONAL = int(F.UNCOND | F.UNCONDINTERNAL | F.UNCONDEXTERNAL | F.UNCONDSPECIFIC)
_BUSY = int(F.BUSY | F.BUSYINTERNAL | F.BUSYEXTERNAL | F.BUSYNA | F.BUSYNAINTERNAL | F.BUSYNAEXTERNAL)
_NO_ANSWER = int(F.NOANSW | F.NOANSWINTERNAL | F.NOANSWEXTERNAL | F.BUSYNA | F.BUSYNAINTERNAL | F.BUSYNAEXTERNAL)


class Rule(NamedTuple):
    """An entry of a LINEFORWARDLIST; an empty ``caller`` means all callers."""

    mode: int
    caller: str
    destination: str


class Forwarding:
    """The forwarding rules of all addresses."""

    def __init__(self) -> None:
        self._rules: dict[tuple[int, int], list[Rule]] = {}

    def set(self, line: int, address: int, rules: list[Rule]) -> None:
        """Replace the rules of an address."""
        self._rules[line, address] = rules

    def rules(self, line: int, address: int) -> list[Rule]:
        """The rules of an address."""
        return self._rules.get((line, address), [])

    def at_once(self, line: int, address: int, caller: str, *, busy: bool) -> tuple[str, int] | None:
        """The destination and LINECALLREASON of a call that is forwarded before it is offered."""
        for rule in self.rules(line, address):
            if not rule.destination or (rule.caller and rule.caller != caller):
                continue
            if rule.mode & _UNCONDITIONAL:
                return rule.destination, int(LINECALLREASON.FWDUNCOND)
            if rule.mode & _BUSY and busy:
                return rule.destination, int(LINECALLREASON.FWDBUSY)
        return None

    def unanswered(self, line: int, address: int) -> str | None:
        """The destination of a call that is not answered."""
        rules = self.rules(line, address)
        return next((rule.destination for rule in rules if rule.mode & _NO_ANSWER and rule.destination), None)


def forward(
    switch: Switch,
    device: int,
    address: int | None,
    rules: LINEFORWARDLIST | None,
    rings: int,
    consult: Call,
    params: LINECALLPARAMS | None,
) -> bool:
    """Set the forwarding of one address or of all; an empty list cancels it. No consultation call is needed."""
    entries = []
    for rule in rules.forward_list if rules is not None else ():
        if not rule.forward_mode or rule.forward_mode & (rule.forward_mode - 1):
            raise TapiError(LINEERR.INVALPARAM, f"dwForwardMode {rule.forward_mode:#x}")
        entries.append(Rule(rule.forward_mode, rule.caller_address or "", rule.dest_address or ""))
    for place in range(switch.plan.addresses) if address is None else (address,):
        if place >= switch.plan.addresses:
            raise TapiError(LINEERR.INVALADDRESSID)
        switch.forwarding.set(device, place, entries)
        states = int(LINEADDRESSSTATE.FORWARD)
        switch.sink.device_event(device, LINE_ADDRESSSTATE, address_id=place, address_states=states)
    return False


# -- park and pick-up ------------------------------------------------------------------------------------------------

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
    call.facts = {"reason": int(LINECALLREASON.UNPARK), **other.caller_id()}
    switch.connections.connect(party)


def pick_up(switch: Switch, device: int, address: int, call: Call, destination: str | None, group: str | None) -> None:
    """Take a call that is alerting at another address; without a destination, at any other line."""
    alerting = _find_alerting(switch, destination, device)
    if alerting is None or alerting.remote is None:
        raise TapiError(LINEERR.INVALADDRESS, "no call is alerting there")
    caller = alerting.remote
    party = switch.connections.party(call)
    party.join(caller)
    call.facts = {"reason": int(LINECALLREASON.PICKUP), **caller.caller_id()}
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


# -- completion ------------------------------------------------------------------------------------------------------


class Completion(NamedTuple):
    """A requested call back: to whom, and the number to connect."""

    line: int
    address: int
    number: str


class Completions:
    """Pending call completions by completion id."""

    def __init__(self) -> None:
        self.pending: dict[int, Completion] = {}
        self._last = 0

    def add(self, completion: Completion) -> int:
        """Register a call completion; its id."""
        self._last += 1
        self.pending[self._last] = completion
        return self._last


def complete(switch: Switch, call: Call, mode: int, message: int) -> int:
    """End the call, and offer a new one when the remote station is free. The completion id."""
    if mode != LINECALLCOMPLMODE.CALLBACK:
        raise TapiError(LINEERR.INVALCALLCOMPLMODE, "the only completion mode is CALLBACK")
    party = switch.connections.party(call)
    number = party.remote.number if party.remote is not None else (call.facts or {}).get("called_id", "")
    completion: int = switch.completions.add(Completion(call.device, call.address, number))
    switch.connections.drop(party)
    switch.clock.after(10 * switch.plan.step, lambda: _call_back(switch, completion))
    return completion


def _call_back(switch: Switch, completion: int) -> None:
    found = switch.completions.pending.pop(completion, None)
    if found is None:
        return
    reason, origin = int(LINECALLREASON.CALLCOMPLETION), int(LINECALLORIGIN.OUTBOUND)
    party = switch.routing.offer(Party(None, found.number), found.line, found.address, reason, origin)
    if party is not None and party.call is not None and party.call.facts is not None:
        party.call.facts["completion_id"] = completion


def uncomplete(switch: Switch, device: int, completion: int) -> None:
    """Cancel a call completion."""
    found = switch.completions.pending.get(completion)
    if found is None or found.line != device:
        raise TapiError(LINEERR.INVALCOMPLETIONID)
    del switch.completions.pending[completion]
