"""Conferences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstrp.live.provider import TapiError
from protocol.constants import LINECALLORIGIN, LINECALLSTATE, LINEDISCONNECTMODE, LINEERR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.live.server.calls import Call
    from mstrp.live.switch.connection import Connections
    from mstrp.live.switch.party import Party
    from mstrp.live.switch.switch import Switch
    from protocol.structures import LINECALLPARAMS

__all__ = ["MAXIMUM", "Conference", "Conferences", "add", "prepare_add", "remove", "set_up"]

S = LINECALLSTATE
#: Members of a conference at most.
MAXIMUM = 32


class Conference:
    """The conference call, its members, and the consultation call that is to be added."""

    def __init__(self, parent: Party) -> None:
        self.parent = parent
        self.members: list[Party] = []
        self.consult: Party | None = None


class Conferences:
    """The conferences, by the party of the conference call."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._by_parent: dict[Party, Conference] = {}

    def find(self, parent: Party) -> Conference | None:
        """The conference of a conference call."""
        return self._by_parent.get(parent)

    def __iter__(self) -> Iterator[Conference]:
        return iter(self._by_parent.values())

    def create(self, parent: Party) -> Conference:
        """Create a conference without members."""
        conference = self._by_parent[parent] = Conference(parent)
        return conference

    def consult(self, conference: Conference, party: Party) -> None:
        """Hold the conference call and give dial tone on a consultation call."""
        conference.consult = party
        party.consults = conference.parent
        self._connections.set_state(conference.parent, S.ONHOLDPENDCONF)
        self._connections.give_dial_tone(party)

    def join(self, conference: Conference, party: Party) -> None:
        """Add a member."""
        assert party.call is not None
        conference.members.append(party)
        party.conference = conference
        party.call.parent = conference.parent.call
        self._connections.set_state(party, S.CONFERENCED)

    def _detach(self, party: Party) -> None:
        if party.conference is not None:
            party.conference.members.remove(party)
            party.conference = None
        if party.call is not None:
            party.call.parent = None

    def separate(self, party: Party) -> None:
        """Connect a member to its remote party alone again."""
        conference = party.conference
        if conference is None:
            raise TapiError(LINEERR.INVALCALLSTATE, "the call is not part of a conference")
        self._detach(party)
        self._connections.connect(party)
        self._dissolve(conference)

    def leave(self, party: Party, *, dropped: bool = False) -> None:
        """Remove a member that hung up, or whose call the client dropped."""
        conference = party.conference
        self._detach(party)
        if not dropped:
            self._connections.set_state(party, S.DISCONNECTED, LINEDISCONNECTMODE.NORMAL)
        else:
            self._connections.release_remote(party)
        self._connections.clear(party)
        if conference is not None:
            self._dissolve(conference)

    def _dissolve(self, conference: Conference) -> None:
        """End a conference that has a single member left."""
        if len(conference.members) > 1 or conference.consult is not None:
            return
        self._by_parent.pop(conference.parent, None)
        self._connections.clear(conference.parent)
        for party in list(conference.members):
            self._detach(party)
            self._connections.connect(party)

    def drop(self, parent: Party) -> bool:
        """End the conference of a conference call with all its members; False if it has none."""
        conference = self._by_parent.pop(parent, None)
        if conference is None:
            return False
        self._drop_consultation(conference)
        for member in list(conference.members):
            self._detach(member)
            self._connections.drop(member)
        self._connections.clear(parent)
        return True

    def forget(self, party: Party) -> None:
        """Remove a conference call, or a member, without reports: no client has a handle to it."""
        conference = self._by_parent.pop(party, None)
        for member in list(conference.members) if conference is not None else ():
            self._detach(member)
        self._detach(party)

    def _drop_consultation(self, conference: Conference) -> None:
        consult, conference.consult = conference.consult, None
        if consult is not None:
            consult.consults = None
            self._connections.drop(consult)

    def abandon(self, conference: Conference) -> None:
        """Drop the consultation call and resume the conference."""
        self._drop_consultation(conference)
        self.resume(conference)

    def resume(self, conference: Conference) -> None:
        """Continue a conference whose consultation call is gone; end it if it has a single member."""
        conference.consult = None
        if len(conference.members) > 1:
            self._connections.connect(conference.parent)
        else:
            self._dissolve(conference)


# -- TSPI ---------------------------------------------------------------------------------------------------------


def set_up(
    switch: Switch,
    call: Call | None,
    device: int,
    conference: Call,
    consult: Call,
    parties: int,
    params: LINECALLPARAMS | None,
) -> None:
    """Create a conference with its first member, and give dial tone for the next."""
    if parties > MAXIMUM:
        raise TapiError(LINEERR.CONFERENCEFULL, f"at most {MAXIMUM} members")
    party = switch.connections.party
    created = switch.conferences.create(party(conference))
    conference.facts = {"origin": int(LINECALLORIGIN.CONFERENCE)}
    switch.conferences.consult(created, party(consult))
    if call is not None:
        switch.conferences.join(created, party(call))


def prepare_add(switch: Switch, conference: Call, consult: Call, params: LINECALLPARAMS | None) -> None:
    """Give dial tone for another member."""
    found = switch.conferences.find(switch.connections.party(conference))
    if found is None:
        raise TapiError(LINEERR.INVALCONFCALLHANDLE)
    switch.conferences.consult(found, switch.connections.party(consult))


def add(switch: Switch, conference: Call, consult: Call) -> None:
    """Add the consultation call to its conference."""
    parent, party = switch.connections.party(conference), switch.connections.party(consult)
    found = switch.conferences.find(parent)
    if found is None or switch.conferences.find(party) is not None:
        raise TapiError(LINEERR.INVALCONFCALLHANDLE)
    party.consults = found.consult = None
    switch.conferences.join(found, party)
    switch.connections.connect(parent)


def remove(switch: Switch, call: Call) -> None:
    """Take a member out of its conference."""
    switch.conferences.separate(switch.connections.party(call))
