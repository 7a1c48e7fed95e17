"""Context handles of a capture: handles that were returned, their associations, and errors in their use.

A context handle is valid in the association group in which it was returned (MS-RPCE 3.3.1.5.6, C706 5.1.6). NULL, a
handle whose binding was closed, and a handle of another client or of the other interface are always invalid. A handle
that no response returned is invalid only if the association group was captured without gaps from its first bind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from protocol.ndr import NULL_CONTEXT, TAPSRV

if TYPE_CHECKING:
    from mstrp.capture.connection import Connection
    from mstrp.capture.session import Session
    from protocol.ndr import Interface

__all__ = ["ContextHandles", "Stray", "complete"]

#: The methods that return and close the handles of each interface.
_METHODS: Final = {True: ("ClientAttach", "ClientDetach"), False: ("RemoteSPAttach", "RemoteSPDetach")}


class Stray(NamedTuple):
    """The use of an invalid context handle, with the session that it is attributed to."""

    session: Session
    #: The kind of handle, as findings state it; empty if the handle may have been valid when the call was sent.
    how: str


class _Given:
    """A context handle that a response returned."""

    __slots__ = ("client", "connection", "ended", "group", "server", "session")

    def __init__(self, connection: Connection, session: Session) -> None:
        self.session = session
        #: The connection, the hosts of the association and its group, 0 if the bind was not captured.
        self.connection = connection
        self.client = connection.client.host
        self.server = connection.server.host
        self.group = connection.group
        #: The time at which it was closed, and the connection used.
        self.ended: tuple[float, Connection] | None = None


class ContextHandles:
    """The context handles of both interfaces that were returned, the latest ones up to a limit."""

    def __init__(self, limit: int, grace: float) -> None:
        self.limit = limit
        self.grace = grace
        #: The latest one by interface and handle, and also by hosts, because two servers may use the same value.
        self._given: dict[tuple[bool, bytes], _Given] = {}
        self._exact: dict[tuple[bool, bytes, str, str], _Given] = {}
        #: The first connection of each association group, by hosts and group.
        self._founders: dict[tuple[str, str, int], Connection] = {}
        #: Association groups of which packets are missing, by hosts and group: 0 if it may be any group.
        self._holed: dict[tuple[str, str, int], None] = {}
        #: Whether handles were dropped because of the limit.
        self._dropped = False

    def open(self, interface: Interface, context: bytes, connection: Connection, session: Session) -> None:
        """Register a handle that a response returned."""
        self.join(connection)
        key = interface is TAPSRV, context
        exact = (*key, connection.client.host, connection.server.host)
        self._given.pop(key, None)
        self._exact.pop(exact, None)
        self._given[key] = self._exact[exact] = _Given(connection, session)
        if len(self._exact) > self.limit:
            dropped = next(iter(self._exact))
            del self._exact[dropped]
            self._given.pop(dropped[:2], None)
            self._dropped = True

    def close(self, interface: Interface, context: bytes, connection: Connection, time: float) -> None:
        """Register the end of a handle."""
        found = self._find(interface is TAPSRV, context, connection)
        if found is not None:
            found.ended = time, connection

    def _find(self, requests: bool, context: bytes, connection: Connection) -> _Given | None:
        """Return the handle that was returned between the hosts of a connection, or between any others."""
        exact = self._exact.get((requests, context, connection.client.host, connection.server.host))
        return self._given.get((requests, context)) if exact is None else exact

    def miss(self, connection: Connection) -> None:
        """Register that packets of a connection are missing: they may have given out any handle of its group."""
        self._holed[connection.client.host, connection.server.host, connection.group] = None
        if len(self._holed) > self.limit:
            del self._holed[next(iter(self._holed))]
            self._dropped = True

    def join(self, connection: Connection) -> None:
        """Register a connection that may be the first of an association group."""
        if connection.group and not connection.joined:
            self._founders[connection.client.host, connection.server.host, connection.group] = connection
            if len(self._founders) > self.limit:
                del self._founders[next(iter(self._founders))]

    def root(self, connection: Connection) -> Connection:
        """Return the connection that began the association group of a connection; itself if none is known."""
        self.join(connection)
        if not connection.joined:
            return connection
        key = connection.client.host, connection.server.host, connection.group
        return self._founders.get(key, connection)

    def owner(self, interface: Interface, context: bytes, connection: Connection) -> Session | None:
        """Return the session of a handle."""
        found = self._find(interface is TAPSRV, context, connection)
        return None if found is None else found.session

    def fault(self, interface: Interface, context: bytes, connection: Connection, time: float) -> str | None:
        """Return the kind of an invalid handle, "" if it may have been valid when sent, None if it is not invalid."""
        if context == NULL_CONTEXT:
            return "a NULL context handle"
        requests = interface is TAPSRV
        given, closes = _METHODS[requests]
        found = self._find(requests, context, connection)
        foreign = "" if found is None else _foreign(found, connection, requests)
        if found is not None and not foreign and found.ended is None:
            return None
        if self._dropped or not self._whole(connection):
            return None
        if found is None:
            if (not requests, context) in self._given:
                return f"the context handle of {_METHODS[not requests][0]}"
            return f"a context handle that no {given} returned"
        if foreign or found.ended is None:
            return foreign
        ended, there = found.ended
        if there is not connection and time - ended <= self.grace:
            return ""
        return f"a context handle that {closes} has closed"

    def _whole(self, connection: Connection) -> bool:
        """Return whether the association group was captured from its first bind."""
        self.join(connection)
        hosts = connection.client.host, connection.server.host
        if not complete(connection) or (*hosts, connection.group) in self._holed or (*hosts, 0) in self._holed:
            return False
        if not connection.joined:
            return True
        founder = self._founders.get((*hosts, connection.group))
        return founder is not None and complete(founder)


def _foreign(found: _Given, connection: Connection, requests: bool) -> str:
    """Return the kind of a handle of another association; empty if the association is the same or unknown."""
    group = connection.group
    if connection is found.connection or (connection.joined and group == found.group):
        return ""
    mine, other = connection.client.host, found.client
    if not requests:
        # The client of MS-TRP is the server of the event channel.
        mine, other = connection.server.host, found.server
    if mine != other:
        return "the context handle of another client"
    if (
        group
        and found.group
        and group != found.group
        and not connection.joined
        and connection.client.host == found.client
    ):
        return "the context handle of another association"
    return ""


def complete(connection: Connection) -> bool:
    """Return whether all calls of a connection so far were captured and decoded."""
    dissector = connection.dissector
    return (
        dissector is not None
        and bool(connection.group)
        and not connection.midway
        and not connection.doubted
        and not dissector.missed
        and not sum(dissector.sealed)
        and len(connection.carriers()) == 2
    )
