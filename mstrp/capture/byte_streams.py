"""Check byte streams of a program's own transport as they arrive.

    monitor = Monitor()
    streams = ByteStreams(monitor)
    stream = streams.connect(("10.0.0.2", 49152), ("10.0.0.1", 5150))
    stream.client(data, time=0.25)      # bytes from the client
    stream.server(data, time=0.26)      # bytes from the server
    stream.close(time=9.0)
    streams.finish()
    print(monitor.verdict, monitor.findings)

A program with whole packets instead of bytes can pass them to `fsm.Monitor.conversation` directly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstrp.capture.connection import Connection
from mstrp.capture.hints import Setup
from mstrp.capture.methods import Methods
from mstrp.capture.pdus import directions
from mstrp.capture.reassembly import Consumer, Endpoint
from mstrp.capture.recognition import Unrecognised, end, finish
from mstrp.capture.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.monitor import Monitor
    from mstrp.capture.packets import Packet

__all__ = ["ByteStream", "ByteStreams"]


class ByteStreams:
    """Connections of a program's own transport, both to tapsrv and for events.

    ``on_packet`` is called for every packet, ``warn`` with a number and a text for each damage.
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
        self.methods = Methods(Sessions(monitor, warn, limit=self.setup.limits.sessions))
        self.methods.on_packet = on_packet
        #: Number of byte pieces so far; they are numbered like the frames of a capture.
        self.pieces = 0
        self._open: dict[ByteStream, None] = {}

    def connect(
        self, client: tuple[str, int], server: tuple[str, int], *, pipe: str = "", midway: bool = False
    ) -> ByteStream:
        """Open a connection; ``pipe`` is the name of a named pipe, ``midway`` means that it started earlier."""
        below = Connection(self.methods, Endpoint(*client), Endpoint(*server), midway, self.setup, pipe, self.pieces)
        stream = ByteStream(self, below)
        self._open[stream] = None
        return stream

    def finish(self) -> None:
        """End the traffic: check everything that is still pending."""
        for stream in self._open:
            finish(stream.connection, self.pieces)
        self._open.clear()
        self.methods.finish()
        self.monitor.finish()


class ByteStream:
    """One connection of a `ByteStreams`."""

    def __init__(self, streams: ByteStreams, connection: Connection) -> None:
        self.streams = streams
        self.connection = connection
        #: Consumers of the bytes from the server and from the client, by whether the sender is the client.
        self._consumers: list[Consumer | None] = [Unrecognised(each) for each in directions(connection)]

    def client(self, data: bytes, time: float) -> None:
        """Process bytes from the side that opened the connection, in order."""
        self.streams.pieces += 1
        self._add(True, data, time)

    def server(self, data: bytes, time: float) -> None:
        """Process bytes from the other side, in order."""
        self.streams.pieces += 1
        self._add(False, data, time)

    def lost(self, size: int, time: float, *, from_client: bool) -> None:
        """Record missing bytes of one side."""
        consumer = self._consumers[from_client]
        if consumer is not None:
            consumer.gap(size, self.streams.pieces, time)

    def _add(self, from_client: bool, data: bytes, time: float) -> None:
        consumer = self._consumers[from_client]
        if data and consumer is not None:
            self._consumers[from_client] = consumer.feed(data, self.streams.pieces, time)

    def close(self, time: float) -> None:
        """End the connection."""
        end(self.connection, self.streams.pieces, time)
        self.streams._open.pop(self, None)  # noqa: SLF001 - the two are one
