"""A session: a binding as the wire shows it, and which connections belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mstrp.capture.held import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fsm.conversation import Conversation
    from mstrp.capture.stream import Connection
    from mstrp.capture.tcp import Half

__all__ = ["Hosts", "Session", "Undecided", "endpoints", "fitting"]

#: The two hosts of a binding, client first.
Hosts = tuple[str, str]


def endpoints(machine: str) -> list[tuple[str, str]]:
    """The (protocol sequence, endpoint) pairs of pszMachine: ``name"ncacn_ip_tcp"251"`` (3.1.4.1)."""
    parts = machine.split('"')[1:]
    return [(parts[i], parts[i + 1]) for i in range(0, len(parts) - 1, 2)]


class Session:
    """A binding as the wire shows it."""

    __slots__ = (
        "attached",
        "channel",
        "context",
        "conversation",
        "ended",
        "endpoints",
        "ends",
        "events",
        "held",
        "hosts",
        "machine",
        "settled",
    )

    def __init__(self, conversation: Conversation, machine: str, hosts: Hosts) -> None:
        self.conversation = conversation
        self.machine = machine
        #: Where the client can be reached, as it said.
        self.endpoints = {each.lower().removeprefix("\\pipe\\") for _, each in endpoints(machine)}
        self.hosts = hosts
        #: The context handles of the binding and of the event channel.
        self.context = b""
        self.channel = b""
        self.attached = False
        #: When it ended, None while it has not.
        self.ended: float | None = None
        #: Connections over which requests came; when the last one ends, the binding is lost.
        self.ends: set[Connection] = set()
        #: The connection of its event channel.
        self.events: Connection | None = None
        #: Whether it has an event channel, needs none, or is known to be without.
        self.settled = False
        self.held = Held(conversation, self._halves)

    def _halves(self) -> Iterator[Half]:
        """The directions that its packets come from."""
        for connection in self.ends if self.events is None else (*self.ends, self.events):
            yield from connection.carriers()

    def names(self, endpoint: str) -> bool:
        """Whether the client said that it can be reached at an endpoint."""
        return endpoint.lower() in self.endpoints

    def knows(self, init_context: int) -> bool:
        """Whether an application of the client gave this InitContext."""
        return any(app.init_context == init_context for app in self.conversation.apps.values())


class Undecided(NamedTuple):
    """An event channel that may belong to several sessions, until an event tells."""

    candidates: list[Session]

    def settle(self, init_context: int, taken: Callable[[Session], bool]) -> Session:
        """The session whose application has the InitContext of an event; the latest one where that does not tell."""
        free = [each for each in self.candidates if not taken(each)] or self.candidates
        return ([each for each in free if each.knows(init_context)] or free)[-1]


def fitting(waiting: Iterable[Session], connection: Connection) -> list[Session]:
    """The sessions that wait for an event channel and may have got this one, the best kind of match only.

    The server connects to the endpoint that the client has named. It may do so from another address than the one the
    client talks to, and to another one than the client talks from (IPv6 instead of IPv4, several interfaces).
    """
    named = [session for session in waiting if session.names(connection.endpoint)]
    hosts = connection.server.host, connection.client.host
    kinds = (
        [session for session in named if session.hosts == hosts],
        [session for session in named if session.hosts[0] == hosts[0]],
        [session for session in named if session.hosts[1] == hosts[1]],
    )
    return next((found for found in kinds if found), named)
