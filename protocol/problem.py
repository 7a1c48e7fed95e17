"""Problems that decoding collects, and the exceptions raised for them."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ALL_VERSIONS", "DecodeError", "EncodeError", "Problem", "ProtocolDataError"]


#: The default range of negotiated TAPI versions to which a rule applies.
ALL_VERSIONS = (0, 0xFFFFFFFF)


class Problem(NamedTuple):
    """A defect of one field; the other fields are still decoded.

    ``aspect`` is the kind of defect: ``alignment``, ``bounds``, ``termination``, ``overrun``, ``size``, ``value`` or
    ``layout``. ``section`` is a section of MS-TRP. ``rule`` is the id of the violated MS-TRP rule, or empty; the rule
    applies if the negotiated TAPI version is in the range ``versions``.
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
    """Base of `DecodeError` and `EncodeError`; has the name of the packet and the problem."""

    def __init__(self, packet: str, problem: Problem) -> None:
        super().__init__(f"{packet}.{problem}")
        self.packet = packet
        self.problem = problem

    def __reduce__(self) -> tuple[type[ProtocolDataError], tuple[str, Problem]]:
        return (type(self), (self.packet, self.problem))


class DecodeError(ProtocolDataError):
    """Bytes that cannot be decoded, or that strict decoding does not accept."""


class EncodeError(ProtocolDataError):
    """A field value that cannot be encoded."""
