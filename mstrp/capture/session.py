"""A session: a binding as observed on the network, and the connections that belong to it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mstrp.capture.pending_findings import PendingFindings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fsm.conversation import Conversation
    from mstrp.capture.connection import Connection
    from mstrp.capture.reassembly import Half

__all__ = ["Hosts", "Misplaced", "Session", "Unclaimed", "Undecided", "Waiting", "endpoints", "fitting"]

#: The two hosts of a binding, client first.
Hosts = tuple[str, str]
#: Maximum number of endpoints of a client, of connections of a session and of candidates for an event channel.
_MOST: Final = 64


def endpoints(machine: str) -> list[tuple[str, str]]:
    """Return the (protocol sequence, endpoint) pairs of pszMachine: ``name"ncacn_ip_tcp"251"`` (3.1.4.1)."""
    parts = machine.split('"')[1:]
    return [(parts[i], parts[i + 1]) for i in range(0, len(parts) - 1, 2)]


class Session:
    """A binding as observed on the network."""

    __slots__ = (
        "attached",
        "candidacies",
        "changed",
        "channel",
        "context",
        "conversation",
        "ended",
        "endpoints",
        "ends",
        "events",
        "hosts",
        "idle",
        "misplaced",
        "pending",
        "placeholder",
        "settled",
        "shared",
        "strayed",
    )

    def __init__(self, conversation: Conversation, machine: str, hosts: Hosts) -> None:
        self.conversation = conversation
        #: The endpoints that the client specified.
        self.endpoints: set[str] = set()
        self.announce(machine)
        self.hosts = hosts
        #: The context handles of the binding and of the event channel.
        self.context = b""
        self.channel = b""
        self.attached = False
        #: Whether it consists of calls under invalid context handles: no ClientAttach was requested.
        self.idle = False
        #: Number of undecided event channels that may belong to it.
        self.candidacies = 0
        #: An event channel that may be its own although the client did not name its endpoint.
        self.misplaced: Misplaced | None = None
        #: The time of its end, None while it is open.
        self.ended: float | None = None
        #: The key used while it has no context handle.
        self.placeholder = b""
        #: Whether packets were received since the last gap.
        self.changed = True
        #: Connections used for requests; the end of the last one ends the binding.
        self.ends: dict[Connection, None] = {}
        #: The connection of its event channel.
        self.events: Connection | None = None
        #: Whether it has an event channel, needs none, or is known to have none.
        self.settled = False
        #: Whether its requests use several connections.
        self.shared = False
        #: Whether calls under invalid context handles are attributed to it.
        self.strayed = False
        self.pending = PendingFindings(conversation, self._halves)

    def announce(self, machine: str) -> None:
        """Record the endpoints of the client."""
        self.endpoints = {each.lower().removeprefix("\\pipe\\") for _, each in endpoints(machine)[:_MOST]}

    def follow(self, connection: Connection) -> None:
        """Let findings depend on the directions of a connection."""
        if len(self.ends) < _MOST:
            self.ends[connection] = None

    def _halves(self) -> Iterator[Half]:
        """Return the directions that carry its packets."""
        for connection in islice(reversed(self.ends), _MOST):
            yield from connection.carriers()
        if self.events is not None:
            yield from self.events.carriers()

    def names(self, endpoint: str) -> bool:
        """Return whether the client specified an endpoint."""
        return endpoint.lower() in self.endpoints

    def knows(self, init_context: int) -> bool:
        """Return whether an application of the client specified this InitContext."""
        return any(app.init_context == init_context for app in self.conversation.applications.values())


class Misplaced(NamedTuple):
    """An event channel at an endpoint that no client named."""

    endpoint: str
    #: Whether the server opened it while ClientAttach was pending, so that its time shows whose it is.
    timely: bool


class Undecided(NamedTuple):
    """An event channel that may belong to several sessions, until an event decides."""

    candidates: list[Session]

    def settle(self, init_context: int, taken: Callable[[Session], bool]) -> Session:
        """Return the session whose application has the InitContext of an event; the latest one if that is ambiguous."""
        free = [each for each in self.candidates if not taken(each)] or self.candidates
        return ([each for each in free if each.knows(init_context)] or free)[-1]


class Waiting:
    """The sessions for which the server may still open an event channel, in the order of their ClientAttach."""

    def __init__(self) -> None:
        self._all: dict[Session, None] = {}
        #: The same sessions by endpoint, with and without hosts.
        self._exact: dict[tuple[Hosts, str], dict[Session, None]] = {}
        self._named: dict[str, dict[Session, None]] = {}
        self._between: dict[Hosts, dict[Session, None]] = {}

    def __contains__(self, session: Session) -> bool:
        return session in self._all

    def __iter__(self) -> Iterator[Session]:
        return iter(self._all)

    def add(self, session: Session) -> None:
        """Add a session."""
        self._all[session] = None
        if session.endpoints:
            self._between.setdefault(session.hosts, {})[session] = None
        for endpoint in session.endpoints:
            self._exact.setdefault((session.hosts, endpoint), {})[session] = None
            self._named.setdefault(endpoint, {})[session] = None

    def discard(self, session: Session) -> None:
        """Remove a session."""
        if self._all.pop(session, session) is session:
            return
        _discard(self._between, session.hosts, session)
        for endpoint in session.endpoints:
            _discard(self._exact, (session.hosts, endpoint), session)
            _discard(self._named, endpoint, session)

    def of(self, hosts: Hosts, endpoint: str) -> list[Session]:
        """Return the sessions between two hosts that specified an endpoint, at most the latest ones."""
        return _last(self._exact.get((hosts, endpoint.lower()), {}))

    def only(self, hosts: Hosts) -> Session | None:
        """The only session between two hosts whose client named an endpoint; None if there are several."""
        found = self._between.get(hosts, {})
        return next(iter(found)) if len(found) == 1 else None

    def naming(self, endpoint: str) -> list[Session]:
        """Return the same between any hosts."""
        return _last(self._named.get(endpoint.lower(), {}))


def _discard(index: dict[Any, dict[Session, None]], key: Any, session: Session) -> None:
    found = index.get(key)
    if found is not None:
        found.pop(session, None)
        if not found:
            del index[key]


def _last(sessions: dict[Session, None]) -> list[Session]:
    return list(islice(reversed(sessions), _MOST))[::-1]


class Unclaimed:
    """Incomplete sessions, by hosts."""

    def __init__(self) -> None:
        self._found: dict[Hosts, dict[Session, None]] = {}

    def add(self, session: Session) -> None:
        """Add an incomplete session."""
        self._found.setdefault(session.hosts, {})[session] = None

    def discard(self, session: Session) -> None:
        """Remove a session that is complete or has ended."""
        _discard(self._found, session.hosts, session)

    def only(self, hosts: Hosts) -> Session | None:
        """Return the only session between two hosts; None if there are several."""
        found = self._found.get(hosts, {})
        return next(iter(found)) if len(found) == 1 else None


def fitting(waiting: Waiting, connection: Connection) -> list[Session]:
    """Return the sessions that may own a new event channel, with the best kind of match only.

    The server connects to the endpoint that the client specified. It may use another source address than the one the
    client connected to, and another destination than the client's source address (IPv6 instead of IPv4, several
    interfaces).
    """
    hosts = connection.server.host, connection.client.host
    exact = waiting.of(hosts, connection.endpoint)
    if exact:
        return exact
    named = waiting.naming(connection.endpoint)
    kinds = (
        [session for session in named if session.hosts[0] == hosts[0]],
        [session for session in named if session.hosts[1] == hosts[1]],
    )
    return next((found for found in kinds if found), named)
