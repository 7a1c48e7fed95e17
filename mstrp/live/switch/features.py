"""What a modern switch does with calls beyond connecting them: hold, transfer, conferences, park, forward, call back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.live.provider import Provider, TapiError
from mstrp.live.switch.leg import Leg
from protocol.constants import (
    LINEADDRESSSTATE,
    LINECALLCOMPLMODE,
    LINECALLORIGIN,
    LINECALLREASON,
    LINECALLSTATE,
    LINECONNECTEDMODE,
    LINEDEVSTATUSFLAGS,
    LINEDIALTONEMODE,
    LINEDISCONNECTMODE,
    LINEERR,
    LINEFORWARDMODE,
    LINEPARKMODE,
)
from protocol.events import LINE_ADDRESSSTATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.live.server.calls import Call
    from mstrp.live.switch.plan import Plan
    from protocol.structures import LINECALLPARAMS, LINEFORWARDLIST

__all__ = ["Features"]

S = LINECALLSTATE
F = LINEFORWARDMODE
_ACTIVE = int(LINECONNECTEDMODE.ACTIVE)
_TONE = int(LINEDIALTONEMODE.NORMAL)
_UNCONDITIONAL = int(F.UNCOND | F.UNCONDINTERNAL | F.UNCONDEXTERNAL | F.UNCONDSPECIFIC)
_BUSY = int(F.BUSY | F.BUSYINTERNAL | F.BUSYEXTERNAL | F.BUSYNA | F.BUSYNAINTERNAL | F.BUSYNAEXTERNAL)
_NO_ANSWER = int(F.NOANSW | F.NOANSWINTERNAL | F.NOANSWEXTERNAL | F.BUSYNA | F.BUSYNAINTERNAL | F.BUSYNAEXTERNAL)


class Conference:
    """A bridge: the call that stands for it, its members, and the consultation call with which it is extended."""

    def __init__(self, parent: Leg) -> None:
        self.parent = parent
        self.members: list[Leg] = []
        self.consult: Leg | None = None


class Features(Provider):
    """The part of the switch for calls that have to do with other calls."""

    plan: Plan
    calls_at: Callable[[int, int], list[Call]]

    def set_up_features(self) -> None:
        """Nothing is parked, forwarded or promised."""
        self._parked: dict[str, Leg] = {}
        self._next_park = 700
        self._forwarding: dict[tuple[int, int], list[tuple[int, str, str]]] = {}
        self._completions: dict[int, tuple[int, int, str]] = {}
        self._next_completion = 0
        self._conferences: dict[Leg, Conference] = {}
        self._status: dict[int, int] = {}

    # From the switch itself.
    leg: Callable[[Call], Leg]
    clear: Callable[[Leg], None]
    offer: Callable[..., Leg | None]
    route: Callable[..., None]
    dialled: Callable[[Leg, str], None]
    after: Callable[..., None]
    disconnect: Callable[[Leg, int], None]

    def state(self, leg: Leg, state: int, mode: int = 0) -> None:
        raise NotImplementedError

    # -- hold -----------------------------------------------------------------------------------------------------

    def line_hold(self, call: Call) -> None:
        """Hold a call."""
        self.state(self.leg(call), S.ONHOLD)

    def line_unhold(self, call: Call) -> None:
        """Take a call back; a consultation on its behalf ends."""
        leg = self.leg(call)
        conference = self._conferences.get(leg)
        if conference is not None and leg.state == S.ONHOLDPENDCONF:
            self._abandon(conference)
            return
        for other in self.calls_at(call.device, call.address):
            consult: Leg | None = other.note
            if consult is not None and consult.consults is leg:
                consult.consults = None
                self._drop_far_end(consult)
                self.clear(consult)
        self.state(leg, S.CONNECTED, _ACTIVE)

    def _drop_far_end(self, leg: Leg) -> None:
        peer = leg.peer
        if peer is not None and peer.call is not None:
            leg.join(None)
            if peer.alerting:
                self.state(peer, S.DISCONNECTED, LINEDISCONNECTMODE.NORMAL)
                self.clear(peer)
            else:
                self.disconnect(peer, LINEDISCONNECTMODE.NORMAL)

    def line_swap_hold(self, active: Call, held: Call) -> None:
        """Swap two calls; the one that is held now is held in the way in which the other one was."""
        how = held.state
        self.state(self.leg(active), how if how != S.ONHOLDPENDCONF else S.ONHOLD)
        self.state(self.leg(held), S.CONNECTED, _ACTIVE)

    # -- transfer -------------------------------------------------------------------------------------------------

    def line_blind_transfer(self, call: Call, destination: str, country: int) -> None:
        """The other party goes on to another number."""
        if not destination:
            raise TapiError(LINEERR.INVALADDRESS)
        leg = self.leg(call)
        peer = leg.peer
        self.clear(leg)
        if peer is not None:
            self.route(peer, destination, int(LINECALLREASON.TRANSFER), 1)

    def line_setup_transfer(self, call: Call, consult: Call, params: LINECALLPARAMS | None) -> None:
        """Hold a call for transfer and get a dial tone."""
        leg, new = self.leg(call), self.leg(consult)
        new.consults = leg
        consult.facts = {"origin": int(LINECALLORIGIN.OUTBOUND), "reason": int(LINECALLREASON.DIRECT)}
        self.state(leg, S.ONHOLDPENDTRANSFER)
        self.state(new, S.DIALTONE, _TONE)
        if params is not None and params.target_address:
            self.dialled(new, params.target_address)

    def reconnect(self, leg: Leg) -> None:
        """A consultation was given up: the call that waited for it comes back by itself (AUTORECONNECT)."""
        conference = next((one for one in self._conferences.values() if one.parent is leg), None)
        if conference is not None:
            self._unextended(conference)
        elif leg.state == S.ONHOLDPENDTRANSFER:
            self.state(leg, S.CONNECTED, _ACTIVE)

    def line_complete_transfer(self, call: Call, consult: Call, conference: Call | None) -> None:
        """The two other parties are connected, or all three."""
        one, two = self.leg(call), self.leg(consult)
        two.consults = None
        if conference is not None:
            parent = self.leg(conference)
            made = self._conferences[parent] = Conference(parent)
            self.state(parent, S.CONNECTED, _ACTIVE)
            for leg in (one, two):
                self._joins(made, leg)
            return
        first, second = one.peer, two.peer
        two.quiet()
        self.clear(one)
        self.clear(two)
        if first is not None:
            first.join(second)
            if first.call is not None and second is None:
                self.disconnect(first, LINEDISCONNECTMODE.NORMAL)

    # -- conferences ----------------------------------------------------------------------------------------------

    def _joins(self, conference: Conference, leg: Leg) -> None:
        assert leg.call is not None
        conference.members.append(leg)
        leg.call.parent = conference.parent.call
        self.state(leg, S.CONFERENCED)

    def line_setup_conference(
        self,
        call: Call | None,
        device: int,
        conference: Call,
        consult: Call,
        parties: int,
        params: LINECALLPARAMS | None,
    ) -> None:
        """The first member, the call that stands for the conference, and a dial tone for the next."""
        if parties > 32:
            raise TapiError(LINEERR.CONFERENCEFULL)
        parent, new = self.leg(conference), self.leg(consult)
        made = self._conferences[parent] = Conference(parent)
        made.consult = new
        new.consults = parent
        conference.facts = {"origin": int(LINECALLORIGIN.CONFERENCE)}
        self.state(parent, S.ONHOLDPENDCONF)
        self.state(new, S.DIALTONE, _TONE)
        if call is not None:
            self._joins(made, self.leg(call))

    def line_prepare_add_to_conference(self, conference: Call, consult: Call, params: LINECALLPARAMS | None) -> None:
        """A dial tone for one more member."""
        parent, new = self.leg(conference), self.leg(consult)
        made = self._conferences.get(parent)
        if made is None:
            raise TapiError(LINEERR.INVALCONFCALLHANDLE)
        made.consult = new
        new.consults = parent
        self.state(parent, S.ONHOLDPENDCONF)
        self.state(new, S.DIALTONE, _TONE)

    def line_add_to_conference(self, conference: Call, consult: Call) -> None:
        """One more member."""
        parent, new = self.leg(conference), self.leg(consult)
        made = self._conferences.get(parent)
        if made is None or new in self._conferences:
            raise TapiError(LINEERR.INVALCONFCALLHANDLE)
        new.consults = None
        made.consult = None
        self._joins(made, new)
        self.state(parent, S.CONNECTED, _ACTIVE)

    def line_remove_from_conference(self, call: Call) -> None:
        """A member is connected alone again; a bridge with one member left dissolves."""
        leg = self.leg(call)
        made = self._of(leg)
        if made is None:
            raise TapiError(LINEERR.INVALCALLSTATE)
        self._leaves(made, leg)
        self.state(leg, S.CONNECTED, _ACTIVE)
        self._dissolve(made)

    def _of(self, leg: Leg) -> Conference | None:
        return next((one for one in self._conferences.values() if leg in one.members), None)

    def _leaves(self, conference: Conference, leg: Leg) -> None:
        conference.members.remove(leg)
        if leg.call is not None:
            leg.call.parent = None

    def _dissolve(self, conference: Conference) -> None:
        if len(conference.members) > 1 or conference.consult is not None:
            return
        self._conferences.pop(conference.parent, None)
        self.clear(conference.parent)
        for leg in list(conference.members):
            self._leaves(conference, leg)
            self.state(leg, S.CONNECTED, _ACTIVE)

    def leave_conference(self, leg: Leg, *, dropped: bool = False) -> None:
        """A member hung up, or was dropped."""
        made = self._of(leg)
        if made is not None:
            self._leaves(made, leg)
        if not dropped:
            self.state(leg, S.DISCONNECTED, LINEDISCONNECTMODE.NORMAL)
        elif leg.peer is not None:
            self._drop_far_end(leg)
        self.clear(leg)
        if made is not None:
            self._dissolve(made)

    def drop_conference(self, leg: Leg) -> bool:
        """Drop on the call that stands for a conference: everybody leaves."""
        made = self._conferences.pop(leg, None)
        if made is None:
            return False
        if made.consult is not None:
            made.consult.consults = None
            self._drop_far_end(made.consult)
            self.clear(made.consult)
        for member in list(made.members):
            self._leaves(made, member)
            self._drop_far_end(member)
            self.clear(member)
        self.clear(leg)
        return True

    def _abandon(self, conference: Conference) -> None:
        consult, conference.consult = conference.consult, None
        if consult is not None:
            consult.consults = None
            self._drop_far_end(consult)
            self.clear(consult)
        self._unextended(conference)

    def _unextended(self, conference: Conference) -> None:
        """No further member comes: the conference goes on, or there is none."""
        conference.consult = None
        if len(conference.members) > 1:
            self.state(conference.parent, S.CONNECTED, _ACTIVE)
        else:
            self._dissolve(conference)

    # -- park and pick-up -----------------------------------------------------------------------------------------

    def line_park(self, call: Call, mode: int, address: str | None) -> str:
        """The other party waits at an address, and comes back after a while."""
        leg = self.leg(call)
        if mode == LINEPARKMODE.DIRECTED:
            where = address or ""
            if not where or where in self._parked:
                raise TapiError(LINEERR.INVALADDRESS, f"{where!r} is taken")
        else:
            self._next_park += 1
            where = str(self._next_park)
        peer = leg.peer
        if peer is None:
            raise TapiError(LINEERR.OPERATIONFAILED)
        device, place = call.device, call.address
        self.clear(leg)
        peer.parked = True
        self._parked[where] = peer
        self.after(self.plan.patience, lambda: self._remind(where, peer, device, place), peer)
        return where

    def _remind(self, where: str, leg: Leg, device: int, address: int) -> None:
        if self._parked.get(where) is leg:
            del self._parked[where]
            leg.parked = False
            self.offer(leg, device, address, int(LINECALLREASON.REMINDER), int(LINECALLORIGIN.EXTERNAL))

    def leave_park(self, leg: Leg) -> None:
        """Who hangs up waits nowhere any more."""
        if leg.parked:
            leg.parked = False
            for where in [where for where, other in self._parked.items() if other is leg]:
                del self._parked[where]

    def line_unpark(self, device: int, address: int, call: Call, destination: str) -> None:
        """Take a parked party."""
        other = self._parked.pop(destination, None)
        if other is None:
            raise TapiError(LINEERR.INVALADDRESS, f"nobody is parked at {destination!r}")
        other.parked = False
        other.quiet()
        leg = self.leg(call)
        leg.join(other)
        call.facts = {"reason": int(LINECALLREASON.UNPARK), **_caller(other)}
        self.state(leg, S.CONNECTED, _ACTIVE)

    def line_pickup(self, device: int, address: int, call: Call, destination: str | None, group: str | None) -> None:
        """Take a call that rings elsewhere; without an address, any that does."""
        ringing = self._ringing(destination, device)
        if ringing is None or ringing.peer is None:
            raise TapiError(LINEERR.INVALADDRESS, "nothing rings there")
        caller = ringing.peer
        ringing.alerting = False
        ringing.quiet()
        leg = self.leg(call)
        leg.join(caller)
        call.facts = {"reason": int(LINECALLREASON.PICKUP), **_caller(caller)}
        self.state(ringing, S.DISCONNECTED, LINEDISCONNECTMODE.PICKUP)
        self.clear(ringing)
        self.state(leg, S.CONNECTED, _ACTIVE)
        if caller.call is not None:
            self.state(caller, S.CONNECTED, _ACTIVE)

    def _ringing(self, destination: str | None, but: int) -> Leg | None:
        places = [self.plan.find(destination)] if destination else [(line, 0) for line in range(self.plan.lines)]
        for place in places:
            if place is None or (not destination and place[0] == but):
                continue
            for call in self.calls_at(*place):
                found: Leg | None = call.note
                if found is not None and found.alerting:
                    return found
        return None

    # -- forwarding -----------------------------------------------------------------------------------------------

    def line_forward(
        self,
        device: int,
        address: int | None,
        rules: LINEFORWARDLIST | None,
        rings: int,
        consult: Call,
        params: LINECALLPARAMS | None,
    ) -> bool:
        """Set the forwarding of an address or of all; an empty list cancels it. No consultation is needed."""
        entries = []
        for rule in rules.forward_list if rules is not None else ():
            if not rule.forward_mode or rule.forward_mode & (rule.forward_mode - 1):
                raise TapiError(LINEERR.INVALPARAM, f"dwForwardMode {rule.forward_mode:#x}")
            entries.append((rule.forward_mode, rule.caller_address or "", rule.dest_address or ""))
        places = range(self.plan.addresses) if address is None else (address,)
        for place in places:
            if place >= self.plan.addresses:
                raise TapiError(LINEERR.INVALADDRESSID)
            self._forwarding[device, place] = entries
            self.sink.device_event(
                device, LINE_ADDRESSSTATE, address_id=place, address_states=int(LINEADDRESSSTATE.FORWARD)
            )
        return False

    def rules_of(self, line: int, address: int) -> list[tuple[int, str, str]]:
        """The forwarding of an address: mode, caller, destination."""
        return self._forwarding.get((line, address), [])

    def forwarded(self, line: int, address: int, caller: str) -> tuple[str, int] | None:
        """Where a call goes instead, and why."""
        taken = sum(call.state not in {0, S.IDLE} for call in self.calls_at(line, address))
        for mode, only, where in self.rules_of(line, address):
            if only and only != caller:
                continue
            if mode & _UNCONDITIONAL and where:
                return where, int(LINECALLREASON.FWDUNCOND)
            if mode & _BUSY and taken >= self.plan.active and where:
                return where, int(LINECALLREASON.FWDBUSY)
        return None

    def no_answer(self, line: int, address: int) -> str | None:
        """Where a call goes that nobody answers."""
        return next((where for mode, _, where in self.rules_of(line, address) if mode & _NO_ANSWER and where), None)

    # -- completion of calls --------------------------------------------------------------------------------------

    def line_complete_call(self, call: Call, mode: int, message: int) -> int:
        """Call back when the other station is free: the call is over, and a new one comes."""
        if mode != LINECALLCOMPLMODE.CALLBACK:
            raise TapiError(LINEERR.INVALCALLCOMPLMODE, "only call back is offered")
        leg = self.leg(call)
        peer = leg.peer
        number = peer.number if peer is not None else (call.facts or {}).get("called_id", "")
        self._next_completion += 1
        completion = self._next_completion
        self._completions[completion] = (call.device, call.address, number)
        self._drop_far_end(leg)
        self.clear(leg)
        self.after(10 * self.plan.step, lambda: self._call_back(completion))
        return completion

    def _call_back(self, completion: int) -> None:
        found = self._completions.pop(completion, None)
        if found is not None:
            device, address, number = found
            there = Leg(None, number)
            reason = int(LINECALLREASON.CALLCOMPLETION)
            leg = self.offer(there, device, address, reason, int(LINECALLORIGIN.OUTBOUND))
            if leg is not None and leg.call is not None and leg.call.facts is not None:
                leg.call.facts["completion_id"] = completion

    def line_uncomplete_call(self, device: int, completion: int) -> None:
        """Nobody needs to be called back any more."""
        found = self._completions.get(completion)
        if found is None or found[0] != device:
            raise TapiError(LINEERR.INVALCOMPLETIONID)
        del self._completions[completion]

    # -- what travels with calls ----------------------------------------------------------------------------------

    def line_secure_call(self, call: Call) -> None:
        """Nothing interrupts calls here anyway."""

    def line_send_uui(self, call: Call, data: bytes) -> None:
        """User-user information goes to the other end."""
        peer = self.leg(call).peer
        if peer is not None and peer.call is not None:
            self.sink.call_info(peer.call, 0x200000, user_user_info=data or None)

    def line_release_uui(self, call: Call) -> None:
        """What came may be overwritten."""
        if call.facts is not None:
            call.facts.pop("user_user_info", None)

    def line_set_call_params(self, call: Call, bearer: int, least: int, most: int, params: Any) -> None:
        """Bearer mode and rate are what they are asked to be."""
        self.sink.call_info(call, 0x4 | 0x8, bearer_mode=bearer, rate=most)

    def line_set_call_quality_of_service(self, call: Call, sending: Any, receiving: Any) -> None:
        """Any quality is promised."""
        self.sink.call_info(call, 0x20000000, sending_flowspec=sending, receiving_flowspec=receiving)

    def line_set_call_treatment(self, call: Call, treatment: int) -> None:
        """The caller hears something else."""
        self.sink.call_info(call, 0x10000000, call_treatment=treatment)

    # -- lines ----------------------------------------------------------------------------------------------------

    def line_set_line_dev_status(self, device: int, flags: int, on: bool) -> None:
        """Message waiting, locked, and the like."""
        before = self._status.get(device, self.status_of(device))
        self._status[device] = before | flags if on else before & ~flags

    def status_of(self, device: int) -> int:
        """The status bits of a line."""
        return self._status.get(device, int(LINEDEVSTATUSFLAGS.CONNECTED | LINEDEVSTATUSFLAGS.INSERVICE))

    def line_set_terminal(
        self, device: int, address: int, call: Call | None, modes: int, terminal: int, on: bool
    ) -> None:
        """There are no terminals."""
        raise TapiError(LINEERR.INVALTERMINALID)

    def line_set_media_control(self, request: Any, call: Call | None) -> None:
        """Nothing acts on media here."""

    def line_dev_specific(self, device: int, address: int, call: Call | None, data: bytes) -> bytes:
        """The extension of this switch: what is sent comes back."""
        return data

    def line_dev_specific_feature(self, device: int, feature: int, data: bytes) -> bytes:
        """As `line_dev_specific`."""
        return data


def _caller(leg: Leg) -> dict[str, Any]:
    return {"caller_id_flags": 2, "caller_id": leg.number, "caller_id_name": leg.name or None}
