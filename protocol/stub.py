"""Readers and writers of stubs (the NDR-encoded parameters of a method call), and the description of a method.

`protocol.ndr` declares the parameters of each method.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final, NamedTuple
from uuid import UUID  # noqa: TC003 - the compiler looks the types of a NamedTuple up

from protocol.problem import DecodeError, Problem

__all__ = ["CONTEXT_SIZE", "TRAILER", "Interface", "Method", "Reader", "Stub", "Writer"]

#: Bytes of a context handle: attributes (4) and a GUID (16).
CONTEXT_SIZE: Final = 20
#: First bytes of a verification trailer (MS-RPCE 2.2.2.13).
TRAILER: Final = bytes.fromhex("8ae3137102f43671")

_U32: Final = Struct("<I")
_COUNTS20: Final = Struct("<3I")
_COUNTS64: Final = Struct("<3Q")


class Reader:
    """Reads the parameters of a stub in order and collects contradictions in ``problems``."""

    __slots__ = ("data", "method", "ndr64", "position", "problems", "section")

    def __init__(self, data: bytes, ndr64: bool, method: str, section: str) -> None:
        self.data = data
        self.ndr64 = ndr64
        self.method = method
        self.section = section
        self.position = 0
        self.problems: list[Problem] = []

    def long(self, name: str) -> int:
        """Read a 32-bit unsigned integer."""
        position = (self.position + 3) & ~3
        self._need(name, position, 4)
        self.position = position + 4
        number: int = _U32.unpack_from(self.data, position)[0]
        return number

    def context(self, name: str) -> bytes:
        """Read a context handle of 20 bytes."""
        position = (self.position + 3) & ~3
        self._need(name, position, CONTEXT_SIZE)
        self.position = position + CONTEXT_SIZE
        return self.data[position : self.position]

    def counted(self, name: str, width: int) -> tuple[bytes, int]:
        """Read a conformant varying array; return the bytes of its elements and max_count."""
        align, counts = (7, _COUNTS64) if self.ndr64 else (3, _COUNTS20)
        position = (self.position + align) & ~align
        self._need(name, position, counts.size)
        maximum, offset, actual = counts.unpack_from(self.data, position)
        position += counts.size
        if offset:
            self.problem(name, "size", f"the array starts at element {offset} instead of 0")
        if actual > maximum:
            self.problem(name, "size", f"actual_count {actual} exceeds max_count {maximum}")
        self._need(name, position, actual * width)
        self.position = position + actual * width
        return self.data[position : self.position], maximum

    def string(self, name: str) -> str:
        """Read a NUL-terminated UTF-16 string."""
        data, _ = self.counted(name, 2)
        text = data.decode("utf-16-le", "surrogatepass")
        if not text.endswith("\0"):
            self.problem(name, "termination", "the string does not end with NUL")
        return text.split("\0", 1)[0]

    def problem(self, name: str, aspect: str, detail: str) -> None:
        """Record a contradiction in the parameter ``name``."""
        self.problems.append(Problem(name, aspect, detail, self.section))

    def _need(self, name: str, position: int, size: int) -> None:
        if size > len(self.data) - position:
            detail = f"needs {size} bytes at byte {position} of a stub of {len(self.data)}"
            raise DecodeError(self.method, Problem(name, "layout", detail, self.section))

    def end(self) -> None:
        """Check that only padding and an optional verification trailer follow the last parameter."""
        rest = len(self.data) - self.position
        if rest >= 8 and self.data.find(TRAILER, self.position) < 0:
            self.problem("stub", "layout", f"{rest} bytes remain after the last parameter")


class Writer:
    """Builds a stub; ``fill`` is the value of padding bytes."""

    __slots__ = ("data", "fill", "ndr64")

    def __init__(self, ndr64: bool, fill: int) -> None:
        self.data = bytearray()
        self.ndr64 = ndr64
        self.fill = fill

    def align(self, size: int) -> None:
        self.data += bytes([self.fill]) * (-len(self.data) % size)

    def long(self, number: int) -> None:
        self.align(4)
        self.data += _U32.pack(number & 0xFFFFFFFF)

    def context(self, handle: bytes) -> None:
        self.align(4)
        self.data += handle

    def counted(self, data: bytes, maximum: int, width: int) -> None:
        self.align(8 if self.ndr64 else 4)
        counts = _COUNTS64 if self.ndr64 else _COUNTS20
        self.data += counts.pack(maximum, 0, len(data) // width) + data

    def string(self, text: str) -> None:
        data = text.encode("utf-16-le", "surrogatepass") + b"\0\0"
        self.counted(data, len(data) // 2, 2)


class Stub(NamedTuple):
    """A decoded stub: the parameters of the method, and the problems of the stub."""

    value: Any
    problems: list[Problem]

    @property
    def contradictions(self) -> list[Problem]:
        """The problems that are contradictory values; bytes after the last parameter contradict none (3.1.4, 3.3.4)."""
        return [problem for problem in self.problems if problem.aspect != "layout"]


class Interface(NamedTuple):
    """One of the two RPC interfaces, ``tapsrv`` and ``remotesp``."""

    name: str
    uuid: UUID
    #: The telephony role ("client" or "server") that acts as the RPC client of this interface.
    rpc_client: str

    @property
    def rpc_server(self) -> str:
        """The telephony role that acts as the RPC server of this interface."""
        return "server" if self.rpc_client == "client" else "client"


class Method:
    """A method of an interface, with the types of its input and output parameters; ``silent``: no output parameters."""

    __slots__ = ("interface", "name", "opnum", "request", "response", "section", "silent")

    def __init__(
        self,
        interface: Interface,
        opnum: int,
        name: str,
        section: str,
        request: type[Any],
        response: type[Any],
        silent: bool = False,
    ) -> None:
        self.interface = interface
        self.opnum = opnum
        self.name = name
        self.section = section
        self.request = request
        self.response = response
        self.silent = silent

    def read(self, phase: str, data: bytes, *, ndr64: bool = False) -> Stub:
        """Decode the stub of a phase, "request" or "response".

        Raises `DecodeError` if a parameter is missing. Other problems are collected in ``Stub.problems``.
        """
        reader = Reader(data, ndr64, self.name, self.section)
        kind = self.request if phase == "request" else self.response
        value = kind.read(reader)
        reader.end()
        return Stub(value, reader.problems)

    @staticmethod
    def write(value: Any, *, ndr64: bool = False, fill: int = 0) -> bytes:
        """Encode the parameters of one phase."""
        writer = Writer(ndr64, fill)
        value.write(writer)
        return bytes(writer.data)
