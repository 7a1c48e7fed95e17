"""Information from the user that the capture lacks: ports and their interfaces, and passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from mstrp.capture.limits import Limits
from protocol.ndr import REMOTESP, TAPSRV

if TYPE_CHECKING:
    from collections.abc import Iterable

    from protocol.ndr import Interface

__all__ = ["Hints", "Setup"]

_INTERFACES = {"tapsrv": TAPSRV, "remotesp": REMOTESP}


class Hints(NamedTuple):
    """Streams without a captured bind that are recognized by their content.

    ``ports`` are the server's ports with the interface, if known; ``everywhere`` means any port.
    """

    ports: dict[int, Interface | None] = {}  # noqa: RUF012 - never changed
    everywhere: bool = False

    @classmethod
    def parse(cls, decode_as: Iterable[str] = (), server_ports: Iterable[int] = ()) -> Self:
        """Parse ``content``, ``PORT`` and ``PORT=INTERFACE``; raises `ValueError` with the reason."""
        ports: dict[int, Interface | None] = {}
        everywhere = False
        for text in decode_as:
            if text == "content":
                everywhere = True
                continue
            port, _, name = text.partition("=")
            interface = _INTERFACES.get(name)
            if not port.isdecimal() or (name and interface is None):
                raise ValueError(f"{text!r} is not `content`, PORT, PORT=tapsrv or PORT=remotesp")
            ports[_port(int(port))] = interface
        for number in server_ports:
            ports.setdefault(_port(number), None)
        return cls(ports, everywhere)


def _port(number: int) -> int:
    if not 0 < number < 65_536:
        raise ValueError(f"{number} is not a port")
    return number


class Setup(NamedTuple):
    """Settings for the reading of captures: limits, hints, and the NT hashes for decryption."""

    limits: Limits = Limits()
    hints: Hints = Hints()
    secrets: tuple[bytes, ...] = ()
