"""What a server can be told: who may do what, how long to wait, how much one client may cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from protocol.rpc.pdu import NDR20, NDR64, Syntax

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.rpc.association import Security

__all__ = ["Limits", "Mailslot", "Mailslots", "Options"]


class Limits(NamedTuple):
    """What one client may cost."""

    #: Handles of all kinds.
    handles: int = 65_536
    #: Asynchronous requests that are not completed.
    pending: int = 4096
    #: Bytes of events that wait for the client to take them, and bytes of one buffer that is pushed.
    queue: int = 4 * 1024 * 1024
    event_buffer: int = 32 * 1024
    #: Calls of one connection that are not answered.
    calls: int = 256
    #: Clients of one server.
    clients: int = 65_536


class Mailslot(Protocol):
    """The mailslot of a client that fetches its events."""

    def write(self, data: bytes) -> None:
        """Tell the client that events wait."""


class Mailslots:
    """Where mailslots are opened. The base opens any and writes nowhere: such clients look for events now and then."""

    def open(self, name: str) -> Mailslot | None:
        """The mailslot of a name; None when it cannot be opened, and the events are pushed instead."""
        return _Silent()


class _Silent:
    def write(self, data: bytes) -> None:
        pass


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
    #: Names of users with the administrator role; None: everybody has it.
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
    #: Seconds that a connection may take to bind.
    bind_timeout: float = 30.0
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
