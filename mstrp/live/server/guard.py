"""Limits on connections: total number, number per peer, and time without use."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mstrp.live.server.budget import CONNECTION, Budget, Reservation

if TYPE_CHECKING:
    from mstrp.live.log import Log
    from mstrp.live.server.options import Options
    from mstrp.live.transport import ServiceConnection

__all__ = ["Guard"]

#: Number of failed log-ons of a peer with immediate response; then the initial and maximum delay; time until the peer
#: is forgotten.
_FREE, _FIRST, _MOST, _FORGET = 3, 0.25, 10.0, 600.0
#: Maximum number of peers whose failures are stored.
_PEERS = 10_000


class Guard:
    """Admits connections, and ends those that idle too long.

    If a limit is reached, the connection that has been idle longest is ended in favor of the new one, so a flood of
    silent connections keeps no client out.
    """

    def __init__(self, options: Options, budget: Budget, log: Log) -> None:
        self._options = options
        self._budget = budget
        self._log = log
        #: Open connections by peer in the order of arrival, and those that have not logged on.
        self._peers: dict[str, dict[ServiceConnection, Reservation]] = {}
        self._waiting: dict[str, dict[ServiceConnection, None]] = {}
        self.open = self.waiting = 0
        #: Whether all input is ignored, because the server is stopping.
        self.halted = False
        self._failures: dict[str, tuple[int, float]] = {}
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._number = 0
        times = (options.logon_timeout, options.idle_timeout, options.request_timeout, options.write_timeout)
        self._interval = max(0.02, min(1.0, min(times) / 4))
        self._sweep()

    # -- connections ----------------------------------------------------------------------------------------------

    def admit(self, connection: ServiceConnection) -> bool:
        """Register a new connection; return False if it must be closed."""
        limits = self._options.limits
        peer = connection.peer[0]
        self._number += 1
        connection.number = self._number
        known = self._peers.get(peer, {})
        if len(known) >= limits.peer_connections and not self._make_room(known):
            return self._refused(connection, "peer-connections")
        if self.open >= limits.connections and not self._make_room(self._busiest()):
            return self._refused(connection, "connections")
        if self.waiting >= limits.waiting:
            self._drop(next(iter(self._most_waiting())), "waiting")
        reservation = Reservation(self._budget, peer)
        if not reservation.resize(CONNECTION):
            return self._refused(connection, "memory")
        self._peers.setdefault(peer, {})[connection] = reservation
        self._waiting.setdefault(peer, {})[connection] = None
        self.open += 1
        self.waiting += 1
        return True

    def _busiest(self) -> dict[ServiceConnection, Reservation]:
        return max(self._peers.values(), key=len)

    def _most_waiting(self) -> dict[ServiceConnection, None]:
        return max(self._waiting.values(), key=len)

    def _make_room(self, known: dict[ServiceConnection, Reservation]) -> bool:
        oldest = next((one for one in known if not one.in_use), None)
        if oldest is None:
            return False
        self._drop(oldest, "connections")
        return True

    def _refused(self, connection: ServiceConnection, limit: str) -> bool:
        self._log.write(logging.WARNING, "refused", connection=connection.number, peer=connection.peer[0], limit=limit)
        return False

    def _drop(self, connection: ServiceConnection, limit: str) -> None:
        self.dropped(connection, limit)
        self.ended(connection)
        connection.abort()

    def dropped(self, connection: ServiceConnection, limit: str) -> None:
        """Record that a limit ends a connection."""
        self._log.write(logging.WARNING, "dropped", connection=connection.number, peer=connection.peer[0], limit=limit)

    def logged_on(self, connection: ServiceConnection) -> None:
        """Record that a connection has reached the required authentication level."""
        if self._leave(connection):
            self._log.write(logging.INFO, "logged-on", **connection.facts(), auth_level=connection.association.level)

    def _leave(self, connection: ServiceConnection) -> bool:
        peer = connection.peer[0]
        found = self._waiting.get(peer, {})
        if connection not in found:
            return False
        del found[connection]
        self.waiting -= 1
        if not found:
            del self._waiting[peer]
        return True

    def ended(self, connection: ServiceConnection) -> None:
        """Record the end of a connection."""
        self._leave(connection)
        self._budget.forget(connection)
        peer = connection.peer[0]
        found = self._peers.get(peer, {})
        reservation = found.pop(connection, None)
        if reservation is not None:
            reservation.close()
            self.open -= 1
            if not found:
                del self._peers[peer]

    def held(self, connection: ServiceConnection, size: int) -> None:
        """Record the number of buffered bytes of a connection."""
        if connection in self._peers.get(connection.peer[0], ()):
            self._budget.buffer(connection, size)

    def failed(self, connection: ServiceConnection, error: Exception, *, logon: bool) -> float:
        """Record a protocol violation or failed log-on of a peer; return the delay of the response in seconds."""
        self._log.write(
            logging.WARNING if logon else logging.INFO,
            "logon-failed" if logon else "protocol-error",
            connection=connection.number,
            peer=connection.peer[0],
            reason=error,
        )
        return self._delay(connection.peer[0]) if logon else 0.0

    def _delay(self, peer: str) -> float:
        now = self._loop.time()
        count, last = self._failures.pop(peer, (0, now))
        count = count + 1 if now - last < _FORGET else 1
        if len(self._failures) >= _PEERS:
            del self._failures[next(iter(self._failures))]
        self._failures[peer] = (count, now)
        return 0.0 if count <= _FREE else min(_MOST, _FIRST * 2.0 ** min(count - _FREE - 1, 10))

    # -- time -----------------------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        options, now = self._options, self._loop.time()
        for known in list(self._peers.values()):
            for connection in list(known):
                since = connection.since
                if not connection.logged_on:
                    late = now - since.opened > options.logon_timeout and "logon-timeout"
                elif since.blocked and now - since.blocked > options.write_timeout:
                    late = "write-timeout"
                elif since.partial and now - since.partial > options.request_timeout:
                    late = "request-timeout"
                else:
                    late = not connection.in_use and now - since.used > options.idle_timeout and "idle-timeout"
                if late:
                    self._drop(connection, late)
        self._timer = self._loop.call_later(self._interval, self._sweep)

    def stop(self) -> None:
        """Admit no more connections, and stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
