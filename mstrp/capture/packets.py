"""A decoded MS-TRP packet with its context, for `decode` and for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from protocol.event import Event
    from protocol.packet import Request
    from protocol.problem import Problem

__all__ = ["CLIENT_TO_SERVER", "SERVER_TO_CLIENT", "Packet"]

CLIENT_TO_SERVER = "client->server"
SERVER_TO_CLIENT = "server->client"


class Packet(NamedTuple):
    """A packet of a session. ``content`` is a request, response or event, or the parameters of another method."""

    frame: int
    time: float
    session: str
    direction: str
    method: str
    phase: str
    content: Request | Event | Any
    #: Problems of the bytes.
    problems: tuple[Problem, ...] = ()
    #: The bytes, if they could not be decoded.
    raw: bytes | None = None
    #: Number of the call; the same for a request and its response.
    call: int = 0
    client: str = ""
    server: str = ""
    #: Status of an RPC fault, if one replaced the response.
    fault: int | None = None
    #: The kind of an invalid context handle; empty if it may have been valid when the call was sent.
    stray: str | None = None

    @property
    def name(self) -> str:
        """The name of the packet in the specification."""
        layout = getattr(self.content, "layout", None)
        if layout is None:
            return self.method
        if hasattr(self.content, "completes"):
            return "PHONE_REPLY" if self.content.device == "phone" else "LINE_REPLY"
        return str(layout.name)
