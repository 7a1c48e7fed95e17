"""Byte streams from anywhere, judged as they come: for programs that have a transport of their own.

    monitor = Monitor()
    feed = Feed(monitor)
    stream = feed.connect(("10.0.0.2", 49152), ("10.0.0.1", 5150))
    stream.client(data, time=0.25)      # bytes that the client sent
    stream.server(data, time=0.26)      # bytes that came back
    stream.close(time=9.0)
    feed.finish()
    print(monitor.verdict, monitor.findings)

Where the program has whole packets instead of bytes, `fsm.Monitor.conversation` takes them directly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstrp.capture.hints import Setup
from mstrp.capture.sessions import Sessions
from mstrp.capture.stream import Connection
from mstrp.capture.tcp import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.monitor import Monitor
    from mstrp.capture.packets import Packet

__all__ = ["Feed", "Stream"]


class Feed:
    """Connections of a program's own transport, both to tapsrv and for events.

    ``on_packet`` is called for every packet, ``warn`` with a number and a text for everything that is damaged.
    """

    def __init__(
        self,
        monitor: Monitor,
        *,
        on_packet: Callable[[Packet], None] | None = None,
        warn: Callable[[int, str], None] = lambda frame, text: None,
        setup: Setup | None = None,
    ) -> None:
        self.monitor = monitor
        self.setup = setup or Setup()
        self.sessions = Sessions(monitor, warn, limit=self.setup.limits.sessions)
        self.sessions.on_packet = on_packet
        #: How many pieces there have been: they are numbered like the frames of a capture.
        self.pieces = 0
        self._open: dict[Stream, None] = {}

    def connect(
        self, client: tuple[str, int], server: tuple[str, int], *, pipe: str = "", midway: bool = False
    ) -> Stream:
        """A connection; ``pipe`` is the name of a named pipe, ``midway`` means that it began earlier."""
        below = Connection(self.sessions, Endpoint(*client), Endpoint(*server), midway, self.setup, pipe, self.pieces)
        stream = Stream(self, below)
        self._open[stream] = None
        return stream

    def finish(self) -> None:
        """Nothing more will come: judge what is still open."""
        for stream in self._open:
            stream.connection.finish(self.pieces)
        self._open.clear()
        self.sessions.finish()
        self.monitor.finish()


class Stream:
    """One connection of a `Feed`."""

    def __init__(self, feed: Feed, connection: Connection) -> None:
        self.feed = feed
        self.connection = connection
        self._server, self._client = connection.ways()

    def client(self, data: bytes, time: float) -> None:
        """Bytes that the side which opened the connection sent, in order."""
        self.feed.pieces += 1
        self._client.feed(data, self.feed.pieces, time)

    def server(self, data: bytes, time: float) -> None:
        """Bytes that the other side sent, in order."""
        self.feed.pieces += 1
        self._server.feed(data, self.feed.pieces, time)

    def lost(self, size: int, time: float, *, from_client: bool) -> None:
        """Bytes of one side were not seen."""
        (self._client if from_client else self._server).gap(size, self.feed.pieces, time)

    def close(self, time: float) -> None:
        """The connection has ended."""
        self.connection.ended(self.feed.pieces, time)
        self.feed._open.pop(self, None)  # noqa: SLF001 - the two are one
