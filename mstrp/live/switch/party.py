"""Parties: the ends of a connection through the switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.constants import LINECALLPARTYID, LINECALLSTATE

if TYPE_CHECKING:
    from mstrp.live.server.calls import Call
    from mstrp.live.switch.conference import Conference
    from mstrp.live.switch.media import Gathering, Generating

__all__ = ["Party"]


class Party:
    """One end of a connection: a call appearance, or an external party (``call`` is None)."""

    __slots__ = (
        "alerting",
        "call",
        "conference",
        "consults",
        "digit_modes",
        "gathering",
        "generating",
        "name",
        "number",
        "parked_at",
        "remote",
    )

    def __init__(self, call: Call | None, number: str, name: str = "") -> None:
        self.call = call
        self.number = number
        self.name = name
        #: The party at the other end of the connection.
        self.remote: Party | None = None
        #: Of a consultation call: the party on hold for which the call was made.
        self.consults: Party | None = None
        #: The conference that the party is a member of.
        self.conference: Conference | None = None
        #: Whether the call is offered to a station and not answered yet.
        self.alerting = False
        #: The park address, empty if the party is not parked.
        self.parked_at = ""
        #: LINEDIGITMODE bits to monitor; digit collection and generation in progress.
        self.digit_modes = 0
        self.gathering: Gathering | None = None
        self.generating: Generating | None = None

    @property
    def state(self) -> int:
        """The call state; IDLE for an external party."""
        return int(LINECALLSTATE.IDLE) if self.call is None else self.call.state

    def caller_id(self) -> dict[str, Any]:
        """The LINECALLINFO members that identify the party as the caller."""
        flags = int(LINECALLPARTYID.ADDRESS | (LINECALLPARTYID.NAME if self.name else 0))
        return {"caller_id_flags": flags, "caller_id": self.number, "caller_id_name": self.name or None}

    def join(self, other: Party | None) -> None:
        """Connect two parties, or disconnect this one; the former remote parties of both have none afterwards."""
        for party in (self, other):
            if party is not None and party.remote is not None:
                if party.remote.remote is party:
                    party.remote.remote = None
                party.remote = None
        self.remote = other
        if other is not None:
            other.remote = self
