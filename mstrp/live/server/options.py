"""What a server can be told: who may do what, how long to wait, how much one client may cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from fsm.rules.attach import ATTACH_RULES
from protocol.ndr import NULL_CONTEXT, TELEPHONY, ClientAttach, ClientAttachResult
from protocol.rpc.pdu import NDR20, NDR64, Syntax

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from protocol.rpc.association import Security

__all__ = ["DESCRIPTIONS", "NAME", "Callbacks", "Limits", "Mailslot", "Mailslots", "Options"]


#: Characters of a name that a client gives itself.
NAME = 1024


class Limits(NamedTuple):
    """What a server, a peer and a client may cost; `DESCRIPTIONS` says what each limit means."""

    connections: int = 4096
    peer_connections: int = 1024
    waiting: int = 256
    clients: int = 4096
    user_clients: int = 1024
    connection_clients: int = 16
    memory: int = 256 * 1024 * 1024
    handles: int = 16_384
    pending: int = 4096
    agents: int = 4096
    calls: int = 256
    request: int = 512 * 1024
    queue: int = 4 * 1024 * 1024
    event_buffer: int = 32 * 1024


#: The limits of the command line, of `Limits` and of the times in `Options`.
DESCRIPTIONS = {
    "connections": "open connections",
    "peer_connections": "open connections of one peer",
    "waiting": "connections that have not logged on",
    "clients": "attached clients",
    "user_clients": "attached clients of one user, or of one peer without authentication",
    "connection_clients": "attached clients of one connection",
    "memory": "bytes that connections and clients may occupy together; one user at most half of them",
    "handles": "handles of one client",
    "pending": "asynchronous requests of one client that are not completed",
    "agents": "agents, and agent sessions, of the server",
    "calls": "RPC calls of one connection that are not answered or not complete",
    "request": "bytes of one RPC call",
    "queue": "bytes of events that wait for one client",
    "event_buffer": "bytes of events in one RemoteSPEventProc",
    "logon_timeout": "seconds that a connection may take to bind and log on",
    "idle_timeout": "seconds that a connection without a client may be silent",
    "request_timeout": "seconds that a call may take to arrive completely",
    "write_timeout": "seconds that a peer may not read its responses",
    "channel_timeout": "seconds to reach a client for its events",
    "push_timeout": "seconds that RemoteSPEventProc may take",
    "fetch_timeout": "seconds that events may wait for GetAsyncEvents",
    "stop_timeout": "seconds that clients have to take RemoteSPDetach when the server stops",
}


class Mailslot(Protocol):
    """The mailslot of a client that fetches its events."""

    def write(self, data: bytes) -> None:
        """Tell the client that events wait."""


_ATTACHED = ClientAttachResult(NULL_CONTEXT, 0, 0)
_NAMES = next(rule for rule in ATTACH_RULES if rule.rule == "TRP-3.1.4.1-03")


def is_mailslot(name: str) -> bool:
    """Return whether a name is the name of a mailslot, by the rule with which captures are checked."""
    return bool(name) and not _NAMES.broken(ClientAttach(TELEPHONY, name, ""), _ATTACHED)


class Mailslots:
    """Where mailslots are opened. The base writes nowhere: such clients look for events now and then."""

    def open(self, name: str) -> Mailslot | None:
        """The mailslot of a name; None when it is no mailslot or cannot be opened, and the events are pushed instead."""
        return _Silent() if is_mailslot(name) else None


class _Silent:
    def write(self, data: bytes) -> None:
        pass


class Callbacks(NamedTuple):
    """Where events may be sent to: the client chooses the port, and through a pipe also the host.

    Without ``hosts`` that is the peer itself, and for clients of a pipe the hosts that have it open.
    """

    hosts: tuple[IPv4Network | IPv6Network, ...] = ()
    ports: tuple[range, ...] = (range(1024, 65_536),)

    def admits_host(self, address: str, peers: Collection[str]) -> bool:
        """Return whether events may be sent to an address; ``peers`` are those of the client."""
        found = ip_address(address.partition("%")[0])
        if self.hosts:
            return any(found in network for network in self.hosts)
        return any(address == peer or (found.is_loopback and ip_address(peer).is_loopback) for peer in peers)

    def admits_port(self, port: int) -> bool:
        """Return whether events may be sent to a port."""
        return any(port in ports for ports in self.ports)


@dataclass
class Options:
    """The settings of a server."""

    host: str = "127.0.0.1"
    port: int = 5150
    transfers: tuple[Syntax, ...] = (NDR64, NDR20)
    #: Makes security contexts of (type, level); None: no authentication is offered.
    security: Callable[[int, int], Security] | None = None
    #: Makes the security contexts with which clients are called.
    event_security: Callable[[], Security] | None = None
    #: The least authentication level: 0 takes everybody.
    required_level: int = 0
    #: Names of users with the administrator role; None: nobody has it, or everybody where there is no authentication.
    administrators: frozenset[str] | None = None
    #: Whether what the machines call illegal is kept from clients.
    strict: bool = True
    #: Whether every conversation is followed by the machines; without, the server enforces only what it knows itself.
    watch: bool = True
    limits: Limits = field(default_factory=Limits)
    mailslots: Mailslots = field(default_factory=Mailslots)
    #: Seconds to reach a client's endpoint, for a push to come back, and for events to be fetched (None: for ever).
    #: The document suggests 30 ms for the latter two, which no network keeps (decision B8).
    channel_timeout: float = 3.0
    push_timeout: float = 10.0
    fetch_timeout: float | None = 60.0
    #: Seconds; `DESCRIPTIONS` says what for.
    logon_timeout: float = 30.0
    idle_timeout: float = 120.0
    request_timeout: float = 30.0
    write_timeout: float = 30.0
    stop_timeout: float = 1.0
    #: Hosts and ports to which the server connects for events.
    callbacks: Callbacks = field(default_factory=Callbacks)
    #: Keyword arguments of the server's association.
    fragment: int = 5840
    #: What GetServerConfig shows.
    domain: str = "EXAMPLE"
    account: str = "tapi"

    def association(self) -> dict[str, Any]:
        """Arguments of `protocol.rpc.association.ServerAssociation`."""
        return {
            "transfers": self.transfers,
            "security": self.security or _nothing,
            "required_level": self.required_level,
            "fragment": self.fragment,
        }


def _nothing(kind: int, level: int) -> Security:
    raise PermissionError("this server knows no users")
