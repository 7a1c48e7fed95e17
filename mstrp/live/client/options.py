"""Settings of a client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.rpc.association import Security

__all__ = ["ClientOptions"]


@dataclass
class ClientOptions:
    """The settings of a client; times in seconds."""

    #: Event delivery: "push" to an endpoint of the client, or "pull" with GetAsyncEvents.
    events: str = "push"
    #: Administer the server instead of controlling its devices.
    management: bool = False
    #: Transfer syntax: "auto", "20" (NDR) or "64" (NDR64).
    ndr: str = "auto"
    #: Raise `LocalProtocolError` instead of sending a request that the tables forbid.
    strict: bool = True
    #: Timeouts of a remote procedure call (3.2.2) and of a completion (None: no timeout, decision O8).
    timeout: float = 5.0
    completion_timeout: float | None = None
    #: How long LINE_CALLSTATE may follow a completion; after that, a call is in the state that the completion implies.
    quiet: float = 1.0
    #: Duration after which a wait is reported to `TapiClient.on_wait`.
    notice_after: float = 0.5
    #: Retries of a failed GetAsyncEvents (3.2.6, note 9).
    retries: int = 2
    retry_after: float = 1.0
    #: Interval of attempts to reach a server that is absent (3.2.6, note 8); whether to wait for it at the start, and
    #: to reconnect after a lost connection.
    absent_after: float = 300.0
    wait: bool = False
    reconnect: bool = False
    #: Interval of GetAsyncEvents when no mailslot message arrives (pull).
    poll: float = 0.05
    machine: str = ""
    user: str = ""
    mailslot: str = ""
    #: Local address of the event endpoint; by default that of the connection to the server.
    event_host: str = ""
    #: Factories of security contexts: for requests; for the event channel from (type, level), with the required level.
    security: Callable[[], Security] | None = None
    event_security: Callable[[int, int], Security] | None = None
    event_level: int = 0
    header_signing: bool = True
    #: Credentials for the SMB server of a named pipe.
    smb_user: tuple[str, str] = ("guest", "")
