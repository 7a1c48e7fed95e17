"""Call forwarding."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mstrp.live.provider import TapiError
from protocol.constants import LINEADDRESSSTATE, LINECALLREASON, LINEERR, LINEFORWARDMODE
from protocol.events import LINE_ADDRESSSTATE

if TYPE_CHECKING:
    from mstrp.live.server.calls import Call
    from mstrp.live.switch.switch import Switch
    from protocol.structures import LINECALLPARAMS, LINEFORWARDLIST

__all__ = ["Forwarding", "forward"]

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
