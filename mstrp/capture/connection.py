"""A connection that may carry RPC: its two endpoints, its association, and the sessions that use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstrp.capture.hints import Setup

if TYPE_CHECKING:
    from mstrp.capture.calls import CallHandler
    from mstrp.capture.pdus import Direction
    from mstrp.capture.reassembly import Endpoint, Half
    from mstrp.capture.session import Session
    from mstrp.capture.smb import SmbConnection
    from protocol.rpc.dissect import Dissector

__all__ = ["Connection"]


class Connection:
    """Two directions of a TCP connection, or of a named pipe (``pipe`` is its name)."""

    __slots__ = (
        "administrator",
        "below",
        "bound",
        "channels",
        "client",
        "directions",
        "dissector",
        "doubted",
        "frame",
        "halves",
        "handler",
        "ignored",
        "looks",
        "midway",
        "pipe",
        "server",
        "session",
        "setup",
        "smb",
        "unbound_told",
    )

    def __init__(
        self,
        handler: CallHandler,
        client: Endpoint,
        server: Endpoint,
        midway: bool,
        setup: Setup | None = None,
        pipe: str = "",
        frame: int = 0,
    ) -> None:
        self.handler = handler
        self.setup = setup or Setup()
        self.client = client
        self.server = server
        self.pipe = pipe
        #: Whether the connection existed before the capture.
        self.midway = midway
        #: The first frame of the connection in the capture.
        self.frame = frame
        self.dissector: Dissector | None = None
        self.smb: SmbConnection | None = None
        self.halves: list[Half] = []
        #: The connection that carries a pipe.
        self.below: Connection | None = None
        self.directions: list[Direction] = []
        #: Number of segments inspected without recognition, and whether the connection is not relevant.
        self.looks = 0
        self.ignored = False
        #: The session that the last ClientAttach or RemoteSPAttach on the connection started, and the bindings and
        #: event channels used on it, by context handle.
        self.session: Session | None = None
        self.bound: dict[bytes, Session] = {}
        self.channels: dict[bytes, Session] = {}
        self.unbound_told = False
        #: Whether its security context is that of an administrator, as ClientAttach has shown.
        self.administrator: bool | None = None
        #: Whether packets of the connection were missing.
        self.doubted = False

    def __str__(self) -> str:
        pipe = f" \\pipe\\{self.pipe}" if self.pipe else ""
        return f"{self.client} → {self.server}{pipe}"

    @property
    def endpoint(self) -> str:
        """The server endpoint as in a binding: its port, or the name of the pipe."""
        return self.pipe or str(self.server.port)

    @property
    def group(self) -> int:
        """The association group, 0 if its bind was not captured."""
        return 0 if self.dissector is None else self.dissector.group

    @property
    def joined(self) -> bool:
        """Whether the connection joined an existing association group."""
        return self.dissector is not None and self.dissector.joined

    @property
    def sessions_known(self) -> bool:
        """Whether a session was seen on the connection."""
        return self.session is not None or bool(self.bound) or bool(self.channels)

    @property
    def hinted(self) -> bool:
        """Whether the user requested recognition by content."""
        return self.setup.hints.everywhere or self.server.port in self.setup.hints.ports

    def turn(self) -> None:
        """Exchange client and server, if the other side opened the connection."""
        self.client, self.server = self.server, self.client
        for direction in self.directions:
            direction.from_client = not direction.from_client

    def carriers(self) -> list[Half]:
        """The TCP directions that carry its bytes; none if a program passes them."""
        return self.halves if self.below is None else self.below.halves
