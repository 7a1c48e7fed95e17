"""Routing: bring a caller to a number, ring there, and end calls whose remote party hangs up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mstrp.live.switch.party import Party
from protocol.constants import (
    LINEBUSYMODE,
    LINECALLINFOSTATE,
    LINECALLORIGIN,
    LINECALLPARTYID,
    LINECALLREASON,
    LINECALLSTATE,
    LINEDEVSTATE,
    LINEDISCONNECTMODE,
    LINEOFFERINGMODE,
    LINESPECIALINFO,
)
from protocol.events import LINE_LINEDEVSTATE

if TYPE_CHECKING:
    from mstrp.live.sink import Sink
    from mstrp.live.switch.clock import Clock
    from mstrp.live.switch.conference import Conferences
    from mstrp.live.switch.connection import Connections
    from mstrp.live.switch.media import Tones
    from mstrp.live.switch.plan import Behaviour, Plan
    from mstrp.live.switch.services import Forwarding

__all__ = ["Routing"]

S = LINECALLSTATE
D = LINEDISCONNECTMODE
_ADDRESS = int(LINECALLPARTYID.ADDRESS)
#: Forwarding, transfer and redirection in a row at most.
_HOPS = 5


@dataclass(eq=False)
class Routing:
    """Call processing between stations of the switch and external parties."""

    plan: Plan
    sink: Sink
    clock: Clock
    connections: Connections
    conferences: Conferences
    forwarding: Forwarding
    tones: Tones

    # -- to a station ---------------------------------------------------------------------------------------------

    def offer(self, caller: Party, line: int, address: int, reason: int, origin: int, hops: int = 0) -> Party | None:
        """Offer a call at an address. The new party; None if the call was forwarded or the address is busy."""
        busy = self.connections.active_calls(line, address) >= self.plan.active
        forwarded = self.forwarding.at_once(line, address, caller.number, busy=busy)
        if forwarded is not None and hops < _HOPS:
            self.route(caller, *forwarded, hops + 1)
            return None
        if busy:
            return None
        call = self.sink.new_call(
            line,
            address=address,
            origin=origin | int(LINECALLORIGIN.INBOUND if origin == LINECALLORIGIN.EXTERNAL else 0),
            reason=reason,
            **caller.caller_id(),
            called_id_flags=_ADDRESS,
            called_id=self.plan.address(line, address),
        )
        if caller.call is not None:
            call.related = caller.call.number
        party = self.connections.party(call)
        party.join(caller)
        party.alerting = True
        self.connections.set_state(party, S.OFFERING, LINEOFFERINGMODE.ACTIVE)
        self._ring(party, line, 0)
        self.connections.report_number_of_calls(line, address)
        self.clock.after(self.plan.timeout, lambda: self._time_out(party), party)
        return party

    def _ring(self, party: Party, line: int, count: int) -> None:
        if party.alerting:
            states = int(LINEDEVSTATE.RINGING)
            self.sink.device_event(line, LINE_LINEDEVSTATE, device_states=states, param2=1, param3=count)
            self.clock.after(self.plan.ring, lambda: self._ring(party, line, count + 1), party)

    def _time_out(self, party: Party) -> None:
        """Forward or end a call that nobody has answered."""
        caller = party.remote
        if not party.alerting or party.call is None or caller is None:
            return
        destination = self.forwarding.unanswered(party.call.device, party.call.address)
        if destination is not None:
            self.connections.end(party, D.FORWARDED)
            self.route(caller, destination, int(LINECALLREASON.FWDNOANSWER), 1)
        else:
            self.connections.disconnect(caller, D.NOANSWER)
            self.connections.end(party, D.NOANSWER)

    # -- to a number ----------------------------------------------------------------------------------------------

    def dial(self, party: Party, number: str) -> None:
        """Take the digits of a number: DIALING, PROCEEDING, then as the number behaves."""
        assert party.call is not None
        number = "".join(digit for digit in number if digit.isdigit() or digit in "*#")
        changes = int(LINECALLINFOSTATE.CALLEDID)
        self.sink.call_info(party.call, changes, called_id_flags=_ADDRESS, called_id=number)
        self.connections.set_state(party, S.DIALING)
        self.clock.after(self.plan.step, lambda: self._proceed(party, number), party)

    def _proceed(self, party: Party, number: str) -> None:
        if party.state == S.DIALING:
            self.connections.set_state(party, S.PROCEEDING)
            reason = int(LINECALLREASON.DIRECT)
            self.clock.after(self.plan.step, lambda: self.route(party, number, reason), party)

    def route(self, caller: Party, number: str, reason: int, hops: int = 0) -> None:
        """Connect a caller to a number: a station of the switch, or an external party."""
        place = self.plan.find(number)
        if place is None:
            self._call_external(caller, Party(None, number), self.plan.outside(number))
            return
        origin = int(LINECALLORIGIN.INTERNAL if caller.call is not None else LINECALLORIGIN.EXTERNAL)
        before = caller.remote
        if self.offer(caller, *place, reason, origin, hops) is not None:
            self.ring_back(caller)
        elif caller.remote is before or caller.remote is None:
            self._report_busy(caller)

    def ring_back(self, caller: Party) -> None:
        """Report that the remote party is alerted."""
        if caller.state in {S.PROCEEDING, S.DIALING}:
            self.connections.set_state(caller, S.RINGBACK)

    def _report_busy(self, caller: Party) -> None:
        if caller.state in {S.PROCEEDING, S.DIALING, S.RINGBACK}:
            self.clock.cancel(caller)
            self.connections.set_state(caller, S.BUSY, LINEBUSYMODE.STATION)
            self.clock.after(self.plan.timeout, lambda: self.connections.end(caller, D.BUSY), caller)

    # -- external parties -----------------------------------------------------------------------------------------

    def _call_external(self, caller: Party, other: Party, behaviour: Behaviour) -> None:
        caller.join(other)
        if caller.call is None:
            return  # The switch has no part in a connection between external parties.
        if behaviour.does in {"answer", "no-answer", "reject"}:
            self.ring_back(caller)
        self.clock.after(behaviour.after, lambda: self._behave(caller, other, behaviour), caller)

    def _behave(self, caller: Party, other: Party, behaviour: Behaviour) -> None:
        match behaviour.does:
            case "answer":
                self._answer_external(caller, other, behaviour)
            case "no-answer":
                self.connections.end(caller, D.NOANSWER)
            case "busy":
                self._report_busy(caller)
            case "reject":
                self.connections.disconnect(caller, D.REJECT)
            case "bad-number":
                self.connections.disconnect(caller, D.BADADDRESS)
            case "congestion":
                self.connections.disconnect(caller, D.CONGESTION)
            case _:
                self._announce(caller)

    def _announce(self, caller: Party) -> None:
        self.connections.set_state(caller, S.SPECIALINFO, LINESPECIALINFO.NOCIRCUIT)
        self.clock.after(self.plan.timeout, lambda: self.connections.end(caller, D.UNAVAIL), caller)

    def _answer_external(self, caller: Party, other: Party, behaviour: Behaviour) -> None:
        if caller.state not in {S.RINGBACK, S.PROCEEDING} or caller.remote is not other:
            return
        assert caller.call is not None
        changes = int(LINECALLINFOSTATE.CONNECTEDID)
        self.sink.call_info(caller.call, changes, connected_id_flags=_ADDRESS, connected_id=other.number)
        self.connections.connect(caller)
        if behaviour.talk:
            self.clock.after(behaviour.talk, lambda: self.hang_up(other), caller)
        if behaviour.digits:
            self.clock.after(self.plan.step, lambda: self.tones.receive(caller, behaviour.digits), caller)

    # -- ends -----------------------------------------------------------------------------------------------------

    def hang_up(self, party: Party) -> None:
        """End the connection of a party that hangs up."""
        remote = party.remote
        if remote is not None and remote.call is not None:
            party.join(None)
            self.lose_remote(remote)

    def lose_remote(self, party: Party) -> None:
        """End a call whose remote party has hung up."""
        self.clock.cancel(party)
        if party.alerting:
            self.connections.end(party, D.NORMAL)
        elif party.state == S.CONFERENCED:
            self.conferences.leave(party)
        else:
            self.connections.disconnect(party, D.NORMAL)
