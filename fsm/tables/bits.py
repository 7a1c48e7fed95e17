"""Bits that guards test: properties of an instance in addition to its states, and the context of an event."""

from __future__ import annotations

from typing import Final

from fsm.engine.row import Bits

__all__ = [
    "ANSWERED",
    "BRIDGED",
    "CHANGED",
    "CONSISTENT",
    "DIALLED",
    "DROPPING",
    "FILTERED",
    "IN_FLIGHT",
    "MONITORING",
    "OFFERED",
    "OLD",
    "OWNING",
    "REACHED",
    "REMOVED",
    "TOLD",
]

_bits = Bits()

# Bits of a call or line, which rows set and clear.
FILTERED: Final = _bits.guard("filtered", "event filters or gaps may have hidden events")
OLD: Final = _bits.guard("below 2.0", "the line was opened with a TAPI version below 2.0")
OFFERED: Final = _bits.guard("offered", "the handle was announced by LINE_APPNEWCALL")
OWNING: Final = _bits.guard("owning", "the client is known to own the call")
MONITORING: Final = _bits.guard("monitoring", "the client is known to have only the monitor privilege for the call")
DIALLED: Final = _bits.guard("dialled", "a Dial on this call succeeded since its last state event")
BRIDGED: Final = _bits.guard("bridged", "the connected mode is INACTIVE: the call is active elsewhere")
REMOVED: Final = _bits.guard("removed", "RemoveFromConference succeeded on this call")
TOLD: Final = _bits.guard("told", "an event after the end of the handle was already reported")

# Bits of one event, which the caller of the step passes.
CHANGED: Final = _bits.guard("changed", "mode, privilege, device-specific bits or parent differ from the last event")
CONSISTENT: Final = _bits.guard("consistent", "the returned state is one of the possible states")
IN_FLIGHT: Final = _bits.guard("in flight", "an event sent before the end of the handle was known may still arrive")
ANSWERED: Final = _bits.guard("answered", "the response that ended the handle came before, on the same connection")
REACHED: Final = _bits.guard("reached", "the expected state was reported while the request was pending")
DROPPING: Final = _bits.guard("Drop", "the request is Drop, which the examples of section 4 let return 0 (Q6)")
