"""Call completion: the switch calls back when a busy station is free."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mstrp.live.provider import TapiError
from mstrp.live.switch.party import Party
from protocol.constants import LINECALLCOMPLMODE, LINECALLORIGIN, LINECALLREASON, LINEERR

if TYPE_CHECKING:
    from mstrp.live.server.calls import Call
    from mstrp.live.switch.switch import Switch


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
    completion = switch.completions.add(Completion(call.device, call.address, number))
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
