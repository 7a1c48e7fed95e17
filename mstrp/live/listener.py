"""Listening sockets: accept connections, and continue after system errors."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING

from mstrp.live.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.live.transport import ServiceConnection

__all__ = ["Listener", "listen"]

#: Delay in seconds before accepting connections again after a system error.
_RETRY = 0.5


class Listener:
    """Accepts connections on one address, until it is closed."""

    def __init__(self, make: Callable[[], ServiceConnection], sockets: list[socket.socket], log: Log) -> None:
        self._make = make
        self._log = log
        self.sockets = sockets
        self._tasks = [asyncio.create_task(self._accept(one)) for one in sockets]

    @property
    def port(self) -> int:
        """The port of the first socket."""
        number: int = self.sockets[0].getsockname()[1]
        return number

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                found, _ = await loop.sock_accept(listening)
            except ConnectionError:
                continue
            except OSError as error:
                # For example, no file descriptors are available: one log event, whose lines are limited.
                self._log.write(logging.ERROR, "accept-failed", reason=error)
                await asyncio.sleep(_RETRY)
                continue
            try:
                await loop.connect_accepted_socket(self._make, found)
            except OSError as error:
                found.close()
                self._log.write(logging.ERROR, "accept-failed", reason=error)

    def close(self) -> None:
        """Stop accepting connections."""
        for task in self._tasks:
            task.cancel()
        for one in self.sockets:
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().remove_reader(one)
            one.close()
        self.sockets = []


async def listen(
    make: Callable[[], ServiceConnection], host: str, port: int, backlog: int = 512, *, log: Log | None = None
) -> Listener:
    """Accept connections."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((entry[0], entry[4][:2]) for entry in found):
            one = socket.create_server(address, family=family, backlog=backlog)
            one.setblocking(False)
            sockets.append(one)
            if not port:
                break
    except OSError:
        for one in sockets:
            one.close()
        raise
    return Listener(make, sockets, log or Log(logging.getLogger("mstrp.live")))
