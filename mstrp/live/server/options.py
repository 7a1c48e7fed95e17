"""Settings of a server: permissions, timeouts, limits per client."""

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


#: Maximum length of a name specified by a client.
NAME = 1024


class Limits(NamedTuple):
    """Limits of a server, a peer and a client; `DESCRIPTIONS` describes each."""

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
    "memory": "bytes of memory for connections and clients together; at most half of them per user",
    "handles": "handles of one client",
    "pending": "pending asynchronous requests of one client",
    "agents": "agents, and agent sessions, of the server",
    "calls": "RPC calls of one connection without a response, or incomplete",
    "request": "bytes of one RPC call",
    "queue": "bytes of queued events of one client",
    "event_buffer": "bytes of events in one RemoteSPEventProc",
    "logon_timeout": "seconds for a connection to bind and log on",
    "idle_timeout": "seconds without data on a connection without a client",
    "request_timeout": "seconds for a call to arrive completely",
    "write_timeout": "seconds during which a peer does not read its responses",
    "channel_timeout": "seconds to connect to a client for its events",
    "push_timeout": "seconds for RemoteSPEventProc to return",
    "fetch_timeout": "seconds until GetAsyncEvents fetches queued events",
    "stop_timeout": "seconds for clients to respond to RemoteSPDetach when the server stops",
}


class Mailslot(Protocol):
    """The mailslot of a client with pull delivery."""

    def write(self, data: bytes) -> None:
        """Signal queued events to the client."""


_ATTACHED = ClientAttachResult(NULL_CONTEXT, 0, 0)
_NAMES = next(rule for rule in ATTACH_RULES if rule.rule == "TRP-3.1.4.1-03")


def is_mailslot(name: str) -> bool:
    """Return whether a name is the name of a mailslot, by the rule with which captures are checked."""
    return bool(name) and not _NAMES.broken(ClientAttach(TELEPHONY, name, ""), _ATTACHED)


class Mailslots:
    """Opens mailslots. The base class writes to none: clients then poll for events."""

    def open(self, name: str) -> Mailslot | None:
        """Return the mailslot with a name.

        None if it is not a mailslot or cannot be opened, and the events are pushed instead.
        """
        return _Silent() if is_mailslot(name) else None


class _Silent:
    def write(self, data: bytes) -> None:
        pass


class Callbacks(NamedTuple):
    """Allowed destinations of events: the client selects the port and, for a pipe, the host.

    Without ``hosts``, the allowed host is the peer itself; for clients of a pipe, the hosts with an open pipe.
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
    #: Creates security contexts of (type, level); None: no authentication.
    security: Callable[[int, int], Security] | None = None
    #: Creates the security contexts for event channels.
    event_security: Callable[[], Security] | None = None
    #: Minimum authentication level; 0 allows all clients.
    required_level: int = 0
    #: Names of users with the administrator role; None: no user, or all clients if there is no authentication.
    administrators: frozenset[str] | None = None
    #: Whether events that the machines consider illegal are suppressed.
    strict: bool = True
    #: Whether every conversation is checked by the machines; if not, the server enforces only its own rules.
    watch: bool = True
    limits: Limits = field(default_factory=Limits)
    mailslots: Mailslots = field(default_factory=Mailslots)
    #: Timeouts in seconds to connect to a client's endpoint, for a push to return, and for events to be fetched (None:
    #: unlimited). The specification suggests 30 ms for the latter two, which is not realistic (decision B8).
    channel_timeout: float = 3.0
    push_timeout: float = 10.0
    fetch_timeout: float | None = 60.0
    #: Timeouts in seconds; see `DESCRIPTIONS`.
    logon_timeout: float = 30.0
    idle_timeout: float = 120.0
    request_timeout: float = 30.0
    write_timeout: float = 30.0
    stop_timeout: float = 1.0
    #: Hosts and ports to which the server connects for events.
    callbacks: Callbacks = field(default_factory=Callbacks)
    #: Keyword arguments of the server's association.
    fragment: int = 5840
    #: The domain in GetServerConfig.
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
    raise PermissionError("this server has no users")
