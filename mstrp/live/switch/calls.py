"""TSPI functions for calls: make, answer, drop, hold, transfer, call information."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.live.provider import TapiError
from protocol.constants import (
    LINECALLINFOSTATE,
    LINECALLORIGIN,
    LINECALLREASON,
    LINECALLSTATE,
    LINEDISCONNECTMODE,
    LINEERR,
)

if TYPE_CHECKING:
    from mstrp.live.server.calls import Call
    from mstrp.live.switch.party import Party
    from mstrp.live.switch.switch import Switch
    from protocol.structures import LINECALLPARAMS

S = LINECALLSTATE
D = LINEDISCONNECTMODE
#: Digits, and characters that structure a dialable address.
_DIALABLE = set("0123456789*#ABCDabcd+,!WwTtPp@$?;|^()-. ")
#: Characters of a dialable address that the switch does not support, and the error for each.
_UNSUPPORTED = {"$": LINEERR.DIALBILLING, "@": LINEERR.DIALQUIET, "?": LINEERR.DIALPROMPT}


def _check_digits(number: str) -> None:
    if not number or not set(number) <= _DIALABLE:
        raise TapiError(LINEERR.INVALADDRESS, repr(number))
    for character, code in _UNSUPPORTED.items():
        if character in number:
            raise TapiError(code, repr(number))


# -- outgoing -----------------------------------------------------------------------------------------------------


def make(
    switch: Switch, device: int, call: Call, destination: str | None, country: int, params: LINECALLPARAMS | None
) -> None:
    """Make a call; without a destination give dial tone."""
    party = switch.connections.party(call)
    if switch.connections.active_calls(device, call.address) > switch.plan.active:
        raise TapiError(LINEERR.CALLUNAVAIL, "the address has no free call appearance")
    call.facts = {
        "origin": int(LINECALLORIGIN.OUTBOUND),
        "reason": int(LINECALLREASON.DIRECT),
        **party.caller_id(),
    }
    if params is not None and params.user_user_info:
        call.facts["user_user_info"] = bytes(params.user_user_info)
    if destination:
        _check_digits(destination)
    switch.connections.give_dial_tone(party)
    if not destination:
        return
    switch.routing.dial(party, destination)
    if params is not None and params.no_answer_timeout:
        switch.clock.after(params.no_answer_timeout, lambda: _give_up(switch, party), party, scaled=False)


def _give_up(switch: Switch, party: Party) -> None:
    if party.state in {S.PROCEEDING, S.RINGBACK}:
        remote = party.remote
        if remote is not None:
            party.join(None)
            if remote.alerting:
                switch.connections.end(remote, D.NORMAL)
        switch.connections.end(party, D.NOANSWER)


def dial(switch: Switch, call: Call, destination: str, country: int) -> None:
    """Dial on a call; once the call proceeds, send the digits to the remote party."""
    party = switch.connections.party(call)
    _check_digits(destination)
    if party.state in {S.DIALTONE, S.DIALING}:
        switch.routing.dial(party, destination)
    else:
        switch.tones.send(party, destination)


# -- incoming -----------------------------------------------------------------------------------------------------


def accept(switch: Switch, call: Call, user_user: bytes) -> None:
    """Claim an offered call."""
    switch.connections.set_state(switch.connections.party(call), S.ACCEPTED)


def answer(switch: Switch, call: Call, user_user: bytes) -> None:
    """Answer a call; hold the connected call of the address."""
    party = switch.connections.party(call)
    for other in switch.connections.calls_at(call.device, call.address):
        if other is not call and other.state == S.CONNECTED and other.handles:
            switch.connections.set_state(switch.connections.party(other), S.ONHOLD)
    switch.connections.stop_alerting(party)
    switch.connections.connect(party)
    if party.remote is not None and party.remote.call is not None:
        switch.clock.cancel(party.remote)
        switch.connections.connect(party.remote)


def redirect(switch: Switch, call: Call, destination: str, country: int) -> None:
    """Redirect an offered call to another number."""
    _check_digits(destination)
    _pass_on(switch, call, destination, LINECALLREASON.REDIRECT)


def _pass_on(switch: Switch, call: Call, destination: str, reason: int) -> None:
    party = switch.connections.party(call)
    remote = party.remote
    switch.connections.clear(party)
    if remote is not None:
        switch.routing.route(remote, destination, int(reason), 1)


# -- ends ---------------------------------------------------------------------------------------------------------


def drop(switch: Switch, call: Call, user_user: bytes) -> None:
    """Drop or reject a call; resume the call for which it was a consultation."""
    party = switch.connections.party(call)
    if switch.conferences.drop(party):
        return
    remote, original = party.remote, party.consults
    if party.state == S.CONFERENCED:
        switch.conferences.leave(party, dropped=True)
        return
    switch.connections.clear(party)
    if remote is not None:
        if remote.alerting:
            switch.connections.end(remote, D.NORMAL)
        elif remote.call is not None:
            switch.connections.disconnect(remote, D.REJECT if remote.state == S.RINGBACK else D.NORMAL)
    if original is not None:
        party.consults = None
        _reconnect(switch, original)


def _reconnect(switch: Switch, party: Party) -> None:
    """Resume a call whose consultation call was dropped (LINEADDRCAPFLAGS_AUTORECONNECT)."""
    conference = switch.conferences.find(party)
    if conference is not None:
        switch.conferences.resume(conference)
    elif party.state == S.ONHOLDPENDTRANSFER:
        switch.connections.connect(party)


def close(switch: Switch, call: Call) -> None:
    """Disconnect the remote party of a call to which no client has a handle."""
    party: Party | None = call.note
    if party is None or party.state == S.IDLE:
        return
    remote = party.remote
    switch.connections.stop_alerting(party)
    party.join(None)
    switch.connections.unpark(party)
    switch.conferences.forget(party)
    if remote is not None and remote.call is not None:
        switch.routing.lose_remote(remote)


# -- hold ---------------------------------------------------------------------------------------------------------


def hold(switch: Switch, call: Call) -> None:
    """Hold a call."""
    switch.connections.set_state(switch.connections.party(call), S.ONHOLD)


def unhold(switch: Switch, call: Call) -> None:
    """Resume a call on hold; drop its consultation call."""
    party = switch.connections.party(call)
    conference = switch.conferences.find(party)
    if conference is not None and party.state == S.ONHOLDPENDCONF:
        switch.conferences.abandon(conference)
        return
    for other in switch.connections.calls_at(call.device, call.address):
        consult: Party | None = other.note
        if consult is not None and consult.consults is party:
            consult.consults = None
            switch.connections.drop(consult)
    switch.connections.connect(party)


def swap_hold(switch: Switch, active: Call, held: Call) -> None:
    """Swap the active call and a call on hold; hold the former as the latter was held."""
    state = held.state if held.state != S.ONHOLDPENDCONF else int(S.ONHOLD)
    switch.connections.set_state(switch.connections.party(active), state)
    switch.connections.connect(switch.connections.party(held))


# -- transfer -----------------------------------------------------------------------------------------------------


def blind_transfer(switch: Switch, call: Call, destination: str, country: int) -> None:
    """Transfer the remote party to another number."""
    if not destination:
        raise TapiError(LINEERR.INVALADDRESS, "no destination address")
    _pass_on(switch, call, destination, LINECALLREASON.TRANSFER)


def setup_transfer(switch: Switch, call: Call, consult: Call, params: LINECALLPARAMS | None) -> None:
    """Hold a call for transfer, and give dial tone on a consultation call."""
    party, other = switch.connections.party(call), switch.connections.party(consult)
    other.consults = party
    consult.facts = {"origin": int(LINECALLORIGIN.OUTBOUND), "reason": int(LINECALLREASON.DIRECT)}
    switch.connections.set_state(party, S.ONHOLDPENDTRANSFER)
    switch.connections.give_dial_tone(other)
    if params is not None and params.target_address:
        switch.routing.dial(other, params.target_address)


def complete_transfer(switch: Switch, call: Call, consult: Call, conference: Call | None) -> None:
    """Connect the two remote parties; with a conference call, connect all three parties."""
    one, two = switch.connections.party(call), switch.connections.party(consult)
    two.consults = None
    if conference is not None:
        parent = switch.connections.party(conference)
        created = switch.conferences.create(parent)
        switch.connections.connect(parent)
        for party in (one, two):
            switch.conferences.join(created, party)
        return
    first, second = one.remote, two.remote
    switch.connections.clear(one)
    switch.connections.clear(two)
    if first is not None:
        first.join(second)
        if first.call is not None and second is None:
            switch.connections.disconnect(first, D.NORMAL)


# -- call information ---------------------------------------------------------------------------------------------


def send_user_user_info(switch: Switch, call: Call, data: bytes) -> None:
    """Send user-user information to the remote party."""
    remote = switch.connections.party(call).remote
    if remote is not None and remote.call is not None:
        switch.sink.call_info(remote.call, int(LINECALLINFOSTATE.USERUSERINFO), user_user_info=data or None)


def release_user_user_info(switch: Switch, call: Call) -> None:
    """Discard the user-user information that was received."""
    if call.facts is not None:
        call.facts.pop("user_user_info", None)


def set_params(switch: Switch, call: Call, bearer: int, least: int, most: int, params: Any) -> None:
    """Set bearer mode and data rate."""
    switch.sink.call_info(
        call, int(LINECALLINFOSTATE.BEARERMODE | LINECALLINFOSTATE.RATE), bearer_mode=bearer, rate=most
    )


def set_quality_of_service(switch: Switch, call: Call, sending: Any, receiving: Any) -> None:
    """Set the flow specifications."""
    switch.sink.call_info(call, int(LINECALLINFOSTATE.QOS), sending_flowspec=sending, receiving_flowspec=receiving)


def set_treatment(switch: Switch, call: Call, treatment: int) -> None:
    """Set the treatment of an unanswered call."""
    switch.sink.call_info(call, int(LINECALLINFOSTATE.TREATMENT), call_treatment=treatment)
