"""Connections through the switch: call states of the parties, and how connections end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mstrp.live.switch.party import Party
from protocol.constants import (
    LINEADDRESSSTATE,
    LINECALLSTATE,
    LINECONNECTEDMODE,
    LINEDIALTONEMODE,
    LINEDISCONNECTMODE,
)
from protocol.events import LINE_ADDRESSSTATE

if TYPE_CHECKING:
    from mstrp.live.server.calls import Call
    from mstrp.live.sink import Sink
    from mstrp.live.switch.clock import Clock
    from mstrp.live.switch.media import Tones
    from mstrp.live.switch.plan import Plan

__all__ = ["Connections"]

S = LINECALLSTATE


@dataclass(eq=False)
class Connections:
    """The parties of all calls, and the parked ones by park address."""

    plan: Plan
    sink: Sink
    clock: Clock
    tones: Tones
    parked: dict[str, Party] = field(default_factory=dict)

    def party(self, call: Call) -> Party:
        """The party of a call."""
        if call.note is None:
            call.note = Party(call, self.plan.address(call.device, call.address))
        found: Party = call.note
        return found

    def calls_at(self, line: int, address: int) -> list[Call]:
        """The calls at an address."""
        return [call for call in self.sink.lines[line].calls.values() if call.address == address]

    def active_calls(self, line: int, address: int) -> int:
        """The number of calls at an address that have a state other than IDLE."""
        return sum(call.state not in {0, S.IDLE} for call in self.calls_at(line, address))

    # -- states ---------------------------------------------------------------------------------------------------

    def set_state(self, party: Party, state: int, mode: int = 0) -> None:
        """Report the call state of a party; external parties have none."""
        if party.call is not None:
            self.sink.call_state(party.call, int(state), int(mode))

    def connect(self, party: Party) -> None:
        """Report CONNECTED."""
        self.set_state(party, S.CONNECTED, LINECONNECTEDMODE.ACTIVE)

    def give_dial_tone(self, party: Party) -> None:
        """Report DIALTONE."""
        self.set_state(party, S.DIALTONE, LINEDIALTONEMODE.NORMAL)

    def report_number_of_calls(self, line: int, address: int) -> None:
        """Report that the number of calls at an address has changed."""
        states = int(LINEADDRESSSTATE.NUMCALLS)
        self.sink.device_event(line, LINE_ADDRESSSTATE, address_id=address, address_states=states)

    # -- ends -----------------------------------------------------------------------------------------------------

    def stop_alerting(self, party: Party) -> None:
        """Stop ringing and cancel the timers of a party."""
        party.alerting = False
        self.clock.cancel(party)

    def end(self, party: Party, mode: int) -> None:
        """End a call that its client has not dropped: DISCONNECTED, then IDLE."""
        self.stop_alerting(party)
        self.set_state(party, S.DISCONNECTED, mode)
        self.clear(party)

    def clear(self, party: Party) -> None:
        """Set a call to IDLE and detach its party from everything."""
        self.stop_alerting(party)
        party.join(None)
        self.unpark(party)
        self.tones.stop(party)
        self.set_state(party, S.IDLE)
        if party.call is not None:
            self.report_number_of_calls(party.call.device, party.call.address)

    def disconnect(self, party: Party, mode: int) -> None:
        """Report that the remote party has cleared; unless the client drops the call, it becomes IDLE after a while."""
        if party.call is None or party.state in {S.IDLE, S.DISCONNECTED}:
            return
        self.stop_alerting(party)
        self.set_state(party, S.DISCONNECTED, mode)
        self.clock.after(self.plan.timeout, lambda: self.clear(party), party)

    def release_remote(self, party: Party) -> None:
        """Disconnect the remote party of a call that is about to end."""
        remote = party.remote
        if remote is not None and remote.call is not None:
            party.join(None)
            (self.end if remote.alerting else self.disconnect)(remote, LINEDISCONNECTMODE.NORMAL)

    def drop(self, party: Party) -> None:
        """Disconnect the remote party and clear the call."""
        self.release_remote(party)
        self.clear(party)

    def unpark(self, party: Party) -> None:
        """Remove a party from its park address, if it has one."""
        if party.parked_at:
            del self.parked[party.parked_at]
            party.parked_at = ""
