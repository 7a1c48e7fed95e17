"""What can be wrong with bytes: problems that decoding collects, and the errors raised for them."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ALL_VERSIONS", "DecodeError", "EncodeError", "Problem", "ProtocolDataError"]


#: The range of negotiated versions in which most rules bind.
ALL_VERSIONS = (0, 0xFFFFFFFF)


class Problem(NamedTuple):
    """One thing that is wrong in one field; decoding goes on with everything else.

    ``aspect`` names the kind of check: ``alignment``, ``bounds``, ``termination``, ``overrun``, ``size``,
    ``value`` or ``layout``. ``rule`` is the id of the MS-TRP rule that the packet breaks, or empty; it binds where the
    negotiated TAPI version lies in ``versions``.
    """

    field: str
    aspect: str
    detail: str
    section: str
    rule: str = ""
    versions: tuple[int, int] = ALL_VERSIONS

    def __str__(self) -> str:
        return f"{self.field}: {self.detail} (MS-TRP {self.section})"


class ProtocolDataError(ValueError):
    """Base of the errors about bytes and field values; carries the packet's name and the problem."""

    def __init__(self, packet: str, problem: Problem) -> None:
        super().__init__(f"{packet}.{problem}")
        self.packet = packet
        self.problem = problem

    def __reduce__(self) -> tuple[type[ProtocolDataError], tuple[str, Problem]]:
        return (type(self), (self.packet, self.problem))


class DecodeError(ProtocolDataError):
    """Bytes that strict decoding refuses."""


class EncodeError(ProtocolDataError):
    """A field value that cannot stand on the wire."""
