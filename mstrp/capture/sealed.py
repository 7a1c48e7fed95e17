"""Encrypted calls that could not be decrypted: their number, hosts, and the required password."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from protocol.ndr import METHODS
from protocol.rpc.unseal import LEVELS

if TYPE_CHECKING:
    from mstrp.capture.connection import Connection

__all__ = ["Sealed", "SealedCalls"]

_NAMES = {method.interface.uuid: method.interface.name for method in METHODS.values()}


class Sealed(NamedTuple):
    """Encrypted calls between two hosts."""

    client: str
    server: str
    interface: str
    mechanism: str
    level: str
    account: str
    #: What is required to decrypt them.
    needed: str
    requests: int
    answers: int
    frame: int
    connections: int = 1
    #: "wrong-password" if passwords were given and none matches, else "sealed".
    reason: str = "sealed"
    #: Whether only the password of the account is missing.
    password: bool = False


class SealedCalls:
    """All encrypted calls of a capture, of at most ``limit`` kinds."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        #: By all attributes except the counts and the frame.
        self._found: dict[tuple[str, ...], Sealed] = {}

    def add(self, connection: Connection) -> None:
        """Count the encrypted calls of a finished connection."""
        dissector = connection.dissector
        assert dissector is not None
        security = dissector.security
        ours = [_NAMES[uuid] for uuid in dissector.interfaces if uuid in _NAMES]
        mechanism, account, needed = "unknown", "", "the start of the connection"
        reason, password = "sealed", False
        if security is not None:
            mechanism, account, needed = security.mechanism, security.account, security.needed
            reason = "wrong-password" if security.mismatched else reason
            password = security.lacks_password
        if not ours and dissector.interfaces:
            return
        level = LEVELS.get(dissector.level, str(dissector.level))
        names = ", ".join(sorted(ours)) or "unknown"
        key = (connection.client.host, connection.server.host, names, mechanism, level, account, needed)
        connections = 1
        known = self._found.get(key)
        requests, answers = dissector.sealed
        if known is not None:
            requests, answers = requests + known.requests, answers + known.answers
            connections += known.connections
        elif len(self._found) >= self.limit:
            return
        first = connection.frame if known is None else known.frame
        self._found[key] = Sealed(
            *key,
            requests=requests,
            answers=answers,
            frame=first,
            connections=connections,
            reason=reason,
            password=password,
        )

    def all(self) -> tuple[Sealed, ...]:
        """Return all entries, by frame."""
        return tuple(sorted(self._found.values(), key=lambda each: each.frame))
