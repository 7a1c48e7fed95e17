"""The switch itself: calls come, go through, are answered and end."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from mstrp.live.provider import TapiError
from mstrp.live.switch.callcentre import CallCentre
from mstrp.live.switch.capabilities import Capabilities
from mstrp.live.switch.features import Features
from mstrp.live.switch.leg import Leg
from mstrp.live.switch.plan import Plan
from mstrp.live.switch.telephones import Telephones
from mstrp.live.switch.tones import Tones
from protocol.constants import (
    LINEADDRESSSTATE,
    LINEBUSYMODE,
    LINECALLINFOSTATE,
    LINECALLORIGIN,
    LINECALLPARTYID,
    LINECALLREASON,
    LINECALLSTATE,
    LINECONNECTEDMODE,
    LINEDEVSTATE,
    LINEDIALTONEMODE,
    LINEDISCONNECTMODE,
    LINEERR,
    LINEOFFERINGMODE,
    LINESPECIALINFO,
)
from protocol.events import LINE_ADDRESSSTATE, LINE_LINEDEVSTATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.live.server.calls import Call
    from mstrp.live.server.devices import LineDevice
    from mstrp.live.switch.plan import Behaviour
    from mstrp.live.switch.script import Script
    from protocol.structures import LINECALLPARAMS

__all__ = ["Switch"]

S = LINECALLSTATE
D = LINEDISCONNECTMODE
_ACTIVE = int(LINECONNECTEDMODE.ACTIVE)
_ADDRESS = int(LINECALLPARTYID.ADDRESS)
#: Digits that can be dialled, and characters that only shape a number (2.2.3.1 address formats).
_DIALLED = set("0123456789*#ABCDabcd+,!WwTtPp@$?;|^()-. ")


class Switch(Features, Tones, Telephones, CallCentre, Capabilities):
    """A provider with no hardware behind it.

    ``incoming`` offers so many calls on each line that is opened with owner privilege; a `Script` says what else happens.
    """

    file_name = "simulated.tsp"

    def __init__(self, plan: Plan | None = None, *, script: Script | None = None, incoming: int = 0) -> None:
        self.plan = plan or (script.plan if script is not None else Plan())
        self.script = script
        self.incoming_calls = incoming
        self.lines = self.plan.lines
        self.phones = self.plan.phones
        self.chance = random.Random(script.seed if script is not None else 0)  # noqa: S311 - it is a simulation
        self._welcomed: set[int] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self.set_up_features()
        self.set_up_telephones()
        self.set_up_call_centre()

    def provider_init(self, sink: Any) -> None:
        """Start what the script says."""
        super().provider_init(sink)
        if self.script is not None:
            self.script.start(self)

    def provider_shutdown(self) -> None:
        """Nothing happens any more."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    # -- time -----------------------------------------------------------------------------------------------------

    def after(self, seconds: float, step: Callable[[], None], leg: Leg | None = None) -> None:
        """Do something later, unless the leg that it is about is gone by then."""
        timers = self._timers if leg is None else leg.timers
        timer: asyncio.TimerHandle

        def run() -> None:
            timers.discard(timer)
            step()

        timer = asyncio.get_running_loop().call_later(self.plan.seconds(seconds), run)
        timers.add(timer)

    # -- lines ----------------------------------------------------------------------------------------------------

    def line_open(self, line: LineDevice) -> None:
        """The first client opened a line: calls that were promised come."""
        if self.incoming_calls and line.number not in self._welcomed:
            self._welcomed.add(line.number)
            self.after(2 * self.plan.step, lambda: self._welcome(line))

    def _welcome(self, line: LineDevice) -> None:
        if any(opened.privileges & 4 for opened in line.opens):
            for number in range(self.incoming_calls):
                self.incoming(line.number, f"555{1000 + number}", f"Caller {number + 1}")
        else:
            self._welcomed.discard(line.number)

    def line_close(self, line: LineDevice) -> None:
        """The last client closed a line."""
        self._welcomed.discard(line.number)

    def leg(self, call: Call) -> Leg:
        """The leg of a call."""
        if call.note is None:
            call.note = Leg(call, self.plan.address(call.device, call.address))
        found: Leg = call.note
        return found

    def state(self, leg: Leg, state: int, mode: int = 0) -> None:
        """A call is in another state; of somebody outside there is nothing to tell."""
        if leg.call is not None:
            self.sink.call_state(leg.call, int(state), int(mode))

    # -- calls from outside ---------------------------------------------------------------------------------------

    def incoming(
        self, line: int, caller: str, name: str = "", *, address: int = 0, give_up: float | None = None
    ) -> Call | None:
        """Somebody outside calls a line. The call, or None when the caller hears a busy tone."""
        outside = Leg(None, caller, name)
        leg = self.offer(outside, line, address, int(LINECALLREASON.DIRECT), int(LINECALLORIGIN.EXTERNAL))
        if leg is None:
            return None
        if give_up is not None:
            self.after(give_up, lambda: self.hang_up(outside), leg)
        return leg.call

    def offer(self, caller: Leg, line: int, address: int, reason: int, origin: int, hops: int = 0) -> Leg | None:
        """Ring at a station; None when it is busy and nobody else takes the call."""
        forwarded = self.forwarded(line, address, caller.number)
        if forwarded is not None and hops < 5:
            where, why = forwarded
            self.route(caller, where, why, hops + 1)
            return None
        if sum(call.state not in {0, S.IDLE} for call in self.calls_at(line, address)) >= self.plan.active:
            return None
        call = self.sink.new_call(
            line,
            address=address,
            origin=origin | int(LINECALLORIGIN.INBOUND if origin == LINECALLORIGIN.EXTERNAL else 0),
            reason=reason,
            caller_id_flags=_ADDRESS,
            caller_id=caller.number,
            caller_id_name=caller.name or None,
            called_id_flags=_ADDRESS,
            called_id=self.plan.address(line, address),
        )
        if caller.call is not None:
            call.related = caller.call.number
        leg = self.leg(call)
        leg.join(caller)
        leg.alerting = True
        self.state(leg, S.OFFERING, LINEOFFERINGMODE.ACTIVE)
        self._ring(leg, line, 0)
        self._numbers(line, address)
        self.after(self.plan.patience, lambda: self.unanswered(leg), leg)
        return leg

    def calls_at(self, line: int, address: int) -> list[Call]:
        """The calls of an address."""
        devices: dict[int, LineDevice] = self.sink.lines  # type: ignore[attr-defined]
        return [call for call in devices[line].calls.values() if call.address == address]

    def _numbers(self, line: int, address: int) -> None:
        self.sink.device_event(
            line, LINE_ADDRESSSTATE, address_id=address, address_states=int(LINEADDRESSSTATE.NUMCALLS)
        )

    def _ring(self, leg: Leg, line: int, count: int) -> None:
        if leg.alerting:
            self.sink.device_event(
                line, LINE_LINEDEVSTATE, device_states=int(LINEDEVSTATE.RINGING), param2=1, param3=count
            )
            self.after(self.plan.ring, lambda: self._ring(leg, line, count + 1), leg)

    def unanswered(self, leg: Leg) -> None:
        """Nobody answers a call that rings: it is forwarded, or the caller gives up."""
        if not leg.alerting or leg.call is None:
            return
        rule = self.no_answer(leg.call.device, leg.call.address)
        caller = leg.peer
        if rule is not None and caller is not None:
            self.end(leg, D.FORWARDED)
            self.route(caller, rule, int(LINECALLREASON.FWDNOANSWER), 1)
        elif caller is not None:
            self.disconnect(caller, D.NOANSWER)
            self.end(leg, D.NOANSWER)

    def hang_up(self, leg: Leg) -> None:
        """The other party of a line hangs up (a leg outside, or the far end of a call)."""
        peer = leg.peer
        if peer is not None and peer.call is not None:
            leg.join(None)
            self.left(peer)

    def left(self, leg: Leg) -> None:
        """The far end of a call is gone."""
        leg.quiet()
        if leg.alerting:
            self.end(leg, D.NORMAL)
        elif leg.state == S.CONFERENCED:
            self.leave_conference(leg)
        else:
            self.disconnect(leg, D.NORMAL)

    def end(self, leg: Leg, mode: int) -> None:
        """A call is over without anybody having dropped it: disconnected, then idle."""
        leg.alerting = False
        leg.quiet()
        self.state(leg, S.DISCONNECTED, mode)
        self.clear(leg)

    def clear(self, leg: Leg) -> None:
        """A call is idle; whoever was at its other end is on their own."""
        leg.alerting = False
        leg.quiet()
        leg.join(None)
        self.leave_park(leg)
        self.stop_tones(leg)
        self.state(leg, S.IDLE)
        if leg.call is not None:
            self._numbers(leg.call.device, leg.call.address)

    def disconnect(self, leg: Leg, mode: int) -> None:
        """The far end cleared; the near end has to drop the call, or it goes idle by itself after a while."""
        if leg.call is None or leg.state in {S.IDLE, S.DISCONNECTED}:
            return
        leg.quiet()
        leg.alerting = False
        self.state(leg, S.DISCONNECTED, mode)
        self.after(self.plan.patience, lambda: self.clear(leg), leg)

    # -- calls to somewhere ---------------------------------------------------------------------------------------

    def line_make_call(
        self, device: int, call: Call, destination: str | None, country: int, params: LINECALLPARAMS | None
    ) -> None:
        """Make a call."""
        leg = self.leg(call)
        if sum(other.state not in {0, S.IDLE} for other in self.calls_at(device, call.address)) > self.plan.active:
            raise TapiError(LINEERR.CALLUNAVAIL, "all calls of the address are in use")
        call.facts = {
            "origin": int(LINECALLORIGIN.OUTBOUND),
            "reason": int(LINECALLREASON.DIRECT),
            "caller_id_flags": _ADDRESS,
            "caller_id": leg.number,
        }
        if params is not None and params.user_user_info:
            call.facts["user_user_info"] = bytes(params.user_user_info)
        if not destination:
            self.state(leg, S.DIALTONE, LINEDIALTONEMODE.NORMAL)
            return
        self._check_digits(destination)
        self.state(leg, S.DIALTONE, LINEDIALTONEMODE.NORMAL)
        self.dialled(leg, destination)
        timeout = params.no_answer_timeout if params is not None else 0
        if timeout:
            self.after(timeout / (self.plan.pace or 1), lambda: self._no_answer(leg), leg)

    def _no_answer(self, leg: Leg) -> None:
        if leg.state in {S.PROCEEDING, S.RINGBACK}:
            peer = leg.peer
            if peer is not None:
                leg.join(None)
                if peer.alerting:
                    self.end(peer, D.NORMAL)
            self.end(leg, D.NOANSWER)

    @staticmethod
    def _check_digits(number: str) -> None:
        if not number or not set(number) <= _DIALLED:
            raise TapiError(LINEERR.INVALADDRESS, repr(number))
        for character, code in (("$", LINEERR.DIALBILLING), ("@", LINEERR.DIALQUIET), ("?", LINEERR.DIALPROMPT)):
            if character in number:
                raise TapiError(code, repr(number))

    def line_dial(self, call: Call, destination: str, country: int) -> None:
        """Dial on a call."""
        leg = self.leg(call)
        self._check_digits(destination)
        if leg.state not in {S.DIALTONE, S.DIALING}:
            # On a call that goes on already, digits are tones for the other side.
            self.press(leg, destination)
            return
        self.dialled(leg, destination)

    def dialled(self, leg: Leg, number: str) -> None:
        """Digits are taken: dialing, proceeding, and then what the number does."""
        assert leg.call is not None
        number = "".join(digit for digit in number if digit.isdigit() or digit in "*#")
        self.sink.call_info(leg.call, int(LINECALLINFOSTATE.CALLEDID), called_id_flags=_ADDRESS, called_id=number)
        self.state(leg, S.DIALING)
        self.after(self.plan.step, lambda: self._proceed(leg, number), leg)

    def _proceed(self, leg: Leg, number: str) -> None:
        if leg.state != S.DIALING:
            return
        self.state(leg, S.PROCEEDING)
        self.after(self.plan.step, lambda: self.route(leg, number, int(LINECALLREASON.DIRECT)), leg)

    def route(self, caller: Leg, number: str, reason: int, hops: int = 0) -> None:
        """Bring a caller to a number: a station of the switch, or somebody outside."""
        place = self.plan.find(number)
        if place is None:
            self._outside(caller, number, self.plan.outside(number))
            return
        origin = int(LINECALLORIGIN.INTERNAL if caller.call is not None else LINECALLORIGIN.EXTERNAL)
        before = caller.peer
        leg = self.offer(caller, *place, reason, origin, hops)
        if leg is not None:
            self._ringback(caller)
        elif caller.peer is before or caller.peer is None:
            self.busy(caller)

    def _ringback(self, caller: Leg) -> None:
        if caller.state in {S.PROCEEDING, S.DIALING}:
            self.state(caller, S.RINGBACK)

    def busy(self, caller: Leg) -> None:
        """The caller hears a busy tone."""
        if caller.state in {S.PROCEEDING, S.DIALING, S.RINGBACK}:
            caller.quiet()
            self.state(caller, S.BUSY, LINEBUSYMODE.STATION)
            self.after(self.plan.patience, lambda: self.end(caller, D.BUSY), caller)

    def _outside(self, caller: Leg, number: str, behaviour: Behaviour) -> None:
        there = Leg(None, number)
        if caller.call is None:
            caller.join(there)  # Two parties outside: the switch has no part in what they do.
            return
        caller.join(there)
        match behaviour.does:
            case "answer":
                self._ringback(caller)
                self.after(behaviour.after, lambda: self._picks_up(caller, there, behaviour), caller)
            case "no-answer":
                self._ringback(caller)
                self.after(behaviour.after, lambda: self.end(caller, D.NOANSWER), caller)
            case "busy":
                self.after(behaviour.after, lambda: self.busy(caller), caller)
            case "reject":
                self._ringback(caller)
                self.after(behaviour.after, lambda: self.disconnect(caller, D.REJECT), caller)
            case "bad-number":
                self.after(behaviour.after, lambda: self.disconnect(caller, D.BADADDRESS), caller)
            case "congestion":
                self.after(behaviour.after, lambda: self.disconnect(caller, D.CONGESTION), caller)
            case _:
                self.after(behaviour.after, lambda: self._announcement(caller), caller)

    def _announcement(self, caller: Leg) -> None:
        self.state(caller, S.SPECIALINFO, LINESPECIALINFO.NOCIRCUIT)
        self.after(self.plan.patience, lambda: self.end(caller, D.UNAVAIL), caller)

    def _picks_up(self, caller: Leg, there: Leg, behaviour: Behaviour) -> None:
        if caller.state not in {S.RINGBACK, S.PROCEEDING} or caller.peer is not there:
            return
        assert caller.call is not None
        self.sink.call_info(
            caller.call, int(LINECALLINFOSTATE.CONNECTEDID), connected_id_flags=_ADDRESS, connected_id=there.number
        )
        self.state(caller, S.CONNECTED, _ACTIVE)
        if behaviour.talk:
            self.after(behaviour.talk, lambda: self.hang_up(there), caller)
        if behaviour.digits:
            self.after(self.plan.step, lambda: self.hear(caller, behaviour.digits), caller)

    # -- what clients do with offered calls -----------------------------------------------------------------------

    def line_accept(self, call: Call, user_user: bytes) -> None:
        """Claim an offered call."""
        self.state(self.leg(call), S.ACCEPTED)

    def line_answer(self, call: Call, user_user: bytes) -> None:
        """Answer a call; another one that is active on the line is held."""
        leg = self.leg(call)
        for other in self.calls_at(call.device, call.address):
            if other is not call and other.state == S.CONNECTED and other.handles:
                self.state(self.leg(other), S.ONHOLD)
        leg.alerting = False
        leg.quiet()
        self.state(leg, S.CONNECTED, _ACTIVE)
        if leg.peer is not None and leg.peer.call is not None:
            leg.peer.quiet()
            self.state(leg.peer, S.CONNECTED, _ACTIVE)

    def line_drop(self, call: Call, user_user: bytes) -> None:
        """Drop or reject a call."""
        leg = self.leg(call)
        if self.drop_conference(leg):
            return
        peer = leg.peer
        original = leg.consults
        if leg.state == S.CONFERENCED:
            self.leave_conference(leg, dropped=True)
            return
        self.clear(leg)
        if peer is not None:
            if peer.alerting:
                self.end(peer, D.NORMAL)
            elif peer.call is not None:
                self.disconnect(peer, D.REJECT if peer.state == S.RINGBACK else D.NORMAL)
        if original is not None:
            leg.consults = None
            self.reconnect(original)

    def line_redirect(self, call: Call, destination: str, country: int) -> None:
        """Send an offered call on."""
        self._check_digits(destination)
        leg = self.leg(call)
        caller = leg.peer
        self.clear(leg)
        if caller is not None:
            self.route(caller, destination, int(LINECALLREASON.REDIRECT), 1)

    def line_close_call(self, call: Call) -> None:
        """Nobody has a handle any more: who was at the other end hears that the call is over."""
        leg: Leg | None = call.note
        if leg is None or leg.state == S.IDLE:
            return
        peer = leg.peer
        leg.quiet()
        leg.alerting = False
        leg.join(None)
        self.leave_park(leg)
        if peer is not None and peer.call is not None:
            self.left(peer)
