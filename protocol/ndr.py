"""The stubs of the six methods (6.1, 6.2) in both transfer syntaxes, NDR20 and NDR64.

Reading is lenient: alignment padding is ignored whatever it holds, a verification trailer behind the parameters
is left alone, and contradictions (counts against sizes, 3.1.4) are collected as problems. Only parameters that
are not there at all make a stub unreadable.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, NamedTuple, Self
from uuid import UUID

from protocol.problem import DecodeError, Problem

__all__ = [
    "ALL_DEVICES",
    "BY_INTERFACE",
    "CONTEXT_SIZE",
    "MANAGED_32",
    "MANAGED_64",
    "MANAGEMENT",
    "METHODS",
    "NULL_CONTEXT",
    "REMOTESP",
    "TAPSRV",
    "TELEPHONY",
    "ClientAttach",
    "ClientAttachResult",
    "ClientDetach",
    "ClientDetachResult",
    "ClientRequest",
    "ClientRequestResult",
    "Interface",
    "Method",
    "RemoteSPAttach",
    "RemoteSPAttachResult",
    "RemoteSPDetach",
    "RemoteSPDetachResult",
    "RemoteSPEventProc",
    "RemoteSPEventProcResult",
    "Stub",
]

#: Bytes of a context handle: attributes and a GUID.
CONTEXT_SIZE = 20
NULL_CONTEXT = bytes(CONTEXT_SIZE)
#: LProcessID of telephony clients and of management clients (3.1.4.1).
TELEPHONY, MANAGEMENT = 0xFFFFFFFF, 0xFFFFFFFD
#: What phAsyncEventsEvent tells telephony clients of servers that know NegotiateAPIVersionForAllDevices, and management
#: clients of servers of 32 and of 64 bits (3.1.4.1).
ALL_DEVICES, MANAGED_32, MANAGED_64 = 0xA5C369A5, 0x32323232, 0x64646464
#: How a verification trailer starts (MS-RPCE 2.2.2.13).
TRAILER = bytes.fromhex("8ae3137102f43671")

_U32 = Struct("<I")
_PAIR = Struct("<2I")
_COUNTS20 = Struct("<3I")
_COUNTS64 = Struct("<3Q")


class _Reader:
    """Walks through a stub; remembers what contradicts itself."""

    __slots__ = ("data", "method", "ndr64", "position", "problems", "section")

    def __init__(self, data: bytes, ndr64: bool, method: str, section: str) -> None:
        self.data = data
        self.ndr64 = ndr64
        self.method = method
        self.section = section
        self.position = 0
        self.problems: list[Problem] = []

    def long(self, name: str) -> int:
        position = (self.position + 3) & ~3
        self._need(name, position, 4)
        self.position = position + 4
        number: int = _U32.unpack_from(self.data, position)[0]
        return number

    def context(self, name: str) -> bytes:
        position = (self.position + 3) & ~3
        self._need(name, position, CONTEXT_SIZE)
        self.position = position + CONTEXT_SIZE
        return self.data[position : self.position]

    def counted(self, name: str, width: int) -> tuple[bytes, int]:
        """A conformant varying array: its elements, and how many there may be."""
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
        data, _ = self.counted(name, 2)
        text = data.decode("utf-16-le", "surrogatepass")
        if not text.endswith("\0"):
            self.problem(name, "termination", "the string does not end with NUL")
        return text.split("\0", 1)[0]

    def problem(self, name: str, aspect: str, detail: str) -> None:
        self.problems.append(Problem(name, aspect, detail, self.section))

    def _need(self, name: str, position: int, size: int) -> None:
        if size > len(self.data) - position:
            detail = f"needs {size} bytes at byte {position} of a stub of {len(self.data)}"
            raise DecodeError(self.method, Problem(name, "layout", detail, self.section))

    def end(self) -> None:
        """What is left has to be padding and perhaps a verification trailer."""
        rest = len(self.data) - self.position
        if rest >= 8 and self.data.find(TRAILER, self.position) < 0:
            self.problem("stub", "layout", f"{rest} bytes are left over behind the last parameter")


class _Writer:
    """Collects a stub; ``fill`` is what padding consists of."""

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
    """A decoded stub: the method's parameters and what contradicts itself in them."""

    value: Any
    problems: list[Problem]


class ClientAttach(NamedTuple):
    """Open a binding (3.1.4.1). ``process_id`` is 0xFFFFFFFF for a telephony client, 0xFFFFFFFD for management."""

    process_id: int
    domain_user: str
    machine: str

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        return cls(reader.long("lProcessID"), reader.string("pszDomainUser"), reader.string("pszMachine"))

    def write(self, writer: _Writer) -> None:
        writer.long(self.process_id)
        writer.string(self.domain_user)
        writer.string(self.machine)


class ClientAttachResult(NamedTuple):
    """The binding's context handle; ``async_events_event`` is a capability marker (3.1.4.1)."""

    context: bytes
    async_events_event: int
    result: int

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        return cls(reader.context("pphContext"), reader.long("phAsyncEventsEvent"), reader.long("return"))

    def write(self, writer: _Writer) -> None:
        writer.context(self.context)
        writer.long(self.async_events_event)
        writer.long(self.result)


class ClientRequest(NamedTuple):
    """Carry a TAPI32_MSG (3.1.4.2): ``buffer`` has its valid bytes, ``needed`` is the size of pBuffer."""

    context: bytes
    buffer: bytes
    needed: int

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        context = reader.context("phContext")
        buffer, maximum = reader.counted("pBuffer", 1)
        needed, used = reader.long("lNeededSize"), reader.long("plUsedSize")
        if needed != maximum:
            reader.problem("lNeededSize", "size", f"{needed} differs from max_count {maximum}")
        if used != len(buffer):
            reader.problem("plUsedSize", "size", f"{used} differs from actual_count {len(buffer)}")
        return cls(context, buffer, needed)

    def write(self, writer: _Writer) -> None:
        writer.context(self.context)
        writer.counted(self.buffer, self.needed, 1)
        writer.long(self.needed)
        writer.long(len(self.buffer))


class ClientRequestResult(NamedTuple):
    """The TAPI32_MSG coming back; ``needed`` is max_count."""

    buffer: bytes
    needed: int

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        buffer, maximum = reader.counted("pBuffer", 1)
        used = reader.long("plUsedSize")
        if used != len(buffer):
            reader.problem("plUsedSize", "size", f"{used} differs from actual_count {len(buffer)}")
        return cls(buffer, maximum)

    def write(self, writer: _Writer) -> None:
        writer.counted(self.buffer, self.needed, 1)
        writer.long(len(self.buffer))


class ClientDetach(NamedTuple):
    """Close a binding (3.1.4.3)."""

    context: bytes

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        return cls(reader.context("pphContext"))

    def write(self, writer: _Writer) -> None:
        writer.context(self.context)


class ClientDetachResult(ClientDetach):
    """The context handle coming back, which is null then."""


class RemoteSPAttach(NamedTuple):
    """Open the event channel of a connection-oriented client (3.3.4.1); it has no input."""

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        return cls()

    def write(self, writer: _Writer) -> None:
        pass


class RemoteSPAttachResult(NamedTuple):
    """The context handle of the event channel."""

    context: bytes
    result: int

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        return cls(reader.context("pphContext"), reader.long("return"))

    def write(self, writer: _Writer) -> None:
        writer.context(self.context)
        writer.long(self.result)


class RemoteSPEventProc(NamedTuple):
    """Deliver a list of ASYNCEVENTMSG records (3.3.4.2)."""

    context: bytes
    buffer: bytes

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        context = reader.context("phContext")
        buffer, maximum = reader.counted("pBuffer", 1)
        size = reader.long("lSize")
        if size != maximum:
            reader.problem("lSize", "size", f"{size} differs from max_count {maximum}")
        if size != len(buffer):
            reader.problem("lSize", "size", f"{size} differs from actual_count {len(buffer)}")
        return cls(context, buffer)

    def write(self, writer: _Writer) -> None:
        writer.context(self.context)
        writer.counted(self.buffer, len(self.buffer), 1)
        writer.long(len(self.buffer))


class RemoteSPEventProcResult(RemoteSPAttach):
    """The event buffer was taken; there is no output."""


class RemoteSPDetach(ClientDetach):
    """Close the event channel (3.3.4.3)."""


class RemoteSPDetachResult(ClientDetach):
    """The context handle coming back, which is null then."""


class Interface(NamedTuple):
    """One of the two RPC interfaces."""

    name: str
    uuid: UUID
    #: Who sends the requests of this interface.
    caller: str

    @property
    def callee(self) -> str:
        """Who answers them."""
        return "server" if self.caller == "client" else "client"


TAPSRV = Interface("tapsrv", UUID("2f5f6520-ca46-1067-b319-00dd010662da"), "client")
REMOTESP = Interface("remotesp", UUID("2f5f6521-ca47-1068-b319-00dd010662db"), "server")


class Method(NamedTuple):
    """A method of an interface, with what goes in and what comes out."""

    interface: Interface
    opnum: int
    name: str
    section: str
    request: type[Any]
    response: type[Any]
    #: Whether the response carries nothing at all.
    silent: bool = False

    def read(self, phase: str, data: bytes, *, ndr64: bool = False) -> Stub:
        """Decode a stub of a phase ("request" or "response").

        Raises `DecodeError` when a parameter is not there; contradictions are in the result's problems.
        """
        reader = _Reader(data, ndr64, self.name, self.section)
        kind = self.request if phase == "request" else self.response
        value = kind.read(reader)
        reader.end()
        return Stub(value, reader.problems)

    @staticmethod
    def write(value: Any, *, ndr64: bool = False, fill: int = 0) -> bytes:
        """Encode the parameters of one phase; ``fill`` is the value of padding bytes."""
        writer = _Writer(ndr64, fill)
        value.write(writer)
        return bytes(writer.data)


#: All methods by interface UUID and opnum.
METHODS: dict[tuple[UUID, int], Method] = {
    (method.interface.uuid, method.opnum): method
    for method in (
        Method(TAPSRV, 0, "ClientAttach", "3.1.4.1", ClientAttach, ClientAttachResult),
        Method(
            TAPSRV,
            1,
            "ClientRequest",
            "3.1.4.2",
            ClientRequest,
            ClientRequestResult,
        ),
        Method(TAPSRV, 2, "ClientDetach", "3.1.4.3", ClientDetach, ClientDetachResult),
        Method(REMOTESP, 0, "RemoteSPAttach", "3.3.4.1", RemoteSPAttach, RemoteSPAttachResult),
        Method(
            REMOTESP,
            1,
            "RemoteSPEventProc",
            "3.3.4.2",
            RemoteSPEventProc,
            RemoteSPEventProcResult,
            True,
        ),
        Method(REMOTESP, 2, "RemoteSPDetach", "3.3.4.3", RemoteSPDetach, RemoteSPDetachResult),
    )
}
#: The same by interface and opnum.
BY_INTERFACE: dict[UUID, dict[int, Method]] = {
    uuid: {method.opnum: method for (owner, _), method in METHODS.items() if owner == uuid} for uuid, _ in METHODS
}
