"""Stubs of the six RPC methods (6.1, 6.2) in both transfer syntaxes, NDR20 and NDR64.

Decoding is lenient: the values of padding bytes and a verification trailer after the parameters are ignored, and
contradictions between counts and sizes (3.1.4) are collected as problems. Only a missing parameter makes a stub
unreadable.
"""

from __future__ import annotations

from typing import NamedTuple, Self
from uuid import UUID

from protocol.stub import CONTEXT_SIZE, Interface, Method, Reader, Stub, Writer

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

NULL_CONTEXT = bytes(CONTEXT_SIZE)
#: LProcessID of telephony clients and of management clients (3.1.4.1).
TELEPHONY, MANAGEMENT = 0xFFFFFFFF, 0xFFFFFFFD
#: Values of phAsyncEventsEvent (3.1.4.1): the server supports NegotiateAPIVersionForAllDevices (telephony clients);
#: the server is a 32-bit or a 64-bit server (management clients).
ALL_DEVICES, MANAGED_32, MANAGED_64 = 0xA5C369A5, 0x32323232, 0x64646464


class ClientAttach(NamedTuple):
    """Open a binding (3.1.4.1). ``process_id`` is 0xFFFFFFFF for a telephony client, 0xFFFFFFFD for management."""

    process_id: int
    domain_user: str
    machine: str

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.long("lProcessID"), reader.string("pszDomainUser"), reader.string("pszMachine"))

    def write(self, writer: Writer) -> None:
        writer.long(self.process_id)
        writer.string(self.domain_user)
        writer.string(self.machine)


class ClientAttachResult(NamedTuple):
    """The context handle of the binding; ``async_events_event`` indicates server capabilities (3.1.4.1)."""

    context: bytes
    async_events_event: int
    result: int

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.context("pphContext"), reader.long("phAsyncEventsEvent"), reader.long("return"))

    def write(self, writer: Writer) -> None:
        writer.context(self.context)
        writer.long(self.async_events_event)
        writer.long(self.result)


class ClientRequest(NamedTuple):
    """Transfer a TAPI32_MSG (3.1.4.2): ``buffer`` has its valid bytes, ``needed`` is the size of pBuffer in bytes."""

    context: bytes
    buffer: bytes
    needed: int

    @classmethod
    def read(cls, reader: Reader) -> Self:
        context = reader.context("phContext")
        buffer, maximum = reader.counted("pBuffer", 1)
        needed, used = reader.long("lNeededSize"), reader.long("plUsedSize")
        if needed != maximum:
            reader.problem("lNeededSize", "size", f"{needed} differs from max_count {maximum}")
        if used != len(buffer):
            reader.problem("plUsedSize", "size", f"{used} differs from actual_count {len(buffer)}")
        return cls(context, buffer, needed)

    def write(self, writer: Writer) -> None:
        writer.context(self.context)
        writer.counted(self.buffer, self.needed, 1)
        writer.long(self.needed)
        writer.long(len(self.buffer))


class ClientRequestResult(NamedTuple):
    """The returned TAPI32_MSG; ``needed`` is max_count."""

    buffer: bytes
    needed: int

    @classmethod
    def read(cls, reader: Reader) -> Self:
        buffer, maximum = reader.counted("pBuffer", 1)
        used = reader.long("plUsedSize")
        if used != len(buffer):
            reader.problem("plUsedSize", "size", f"{used} differs from actual_count {len(buffer)}")
        return cls(buffer, maximum)

    def write(self, writer: Writer) -> None:
        writer.counted(self.buffer, self.needed, 1)
        writer.long(len(self.buffer))


class ClientDetach(NamedTuple):
    """Close a binding (3.1.4.3)."""

    context: bytes

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.context("pphContext"))

    def write(self, writer: Writer) -> None:
        writer.context(self.context)


class ClientDetachResult(ClientDetach):
    """The returned context handle, which is null."""


class RemoteSPAttach(NamedTuple):
    """Open the event channel of a connection-oriented client (3.3.4.1); it has no input."""

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls()

    def write(self, writer: Writer) -> None:
        pass


class RemoteSPAttachResult(NamedTuple):
    """The context handle of the event channel."""

    context: bytes
    result: int

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.context("pphContext"), reader.long("return"))

    def write(self, writer: Writer) -> None:
        writer.context(self.context)
        writer.long(self.result)


class RemoteSPEventProc(NamedTuple):
    """Deliver a list of ASYNCEVENTMSG records (3.3.4.2)."""

    context: bytes
    buffer: bytes

    @classmethod
    def read(cls, reader: Reader) -> Self:
        context = reader.context("phContext")
        buffer, maximum = reader.counted("pBuffer", 1)
        size = reader.long("lSize")
        if size != maximum:
            reader.problem("lSize", "size", f"{size} differs from max_count {maximum}")
        if size != len(buffer):
            reader.problem("lSize", "size", f"{size} differs from actual_count {len(buffer)}")
        return cls(context, buffer)

    def write(self, writer: Writer) -> None:
        writer.context(self.context)
        writer.counted(self.buffer, len(self.buffer), 1)
        writer.long(len(self.buffer))


class RemoteSPEventProcResult(RemoteSPAttach):
    """The response to RemoteSPEventProc; it has no parameters."""


class RemoteSPDetach(ClientDetach):
    """Close the event channel (3.3.4.3)."""


class RemoteSPDetachResult(ClientDetach):
    """The returned context handle, which is null."""


TAPSRV = Interface("tapsrv", UUID("2f5f6520-ca46-1067-b319-00dd010662da"), "client")
REMOTESP = Interface("remotesp", UUID("2f5f6521-ca47-1068-b319-00dd010662db"), "server")


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
#: The methods of each interface by opnum.
BY_INTERFACE: dict[UUID, dict[int, Method]] = {
    uuid: {method.opnum: method for (owner, _), method in METHODS.items() if owner == uuid} for uuid, _ in METHODS
}
