"""Recognition of the interface of a request by its content, for associations whose bind was not captured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.fastpath import READERS
from protocol.ndr import METHODS, REMOTESP, TAPSRV
from protocol.packet import REQUESTS
from protocol.problem import DecodeError

if TYPE_CHECKING:
    from protocol.ndr import Interface

__all__ = ["recognise"]


def recognise(opnum: int, stub: bytes, only: Interface | None = None) -> tuple[Interface, bool] | None:
    """Return the interface of a request and whether its stub is NDR64; None if that is not certain.

    Only a consistent stub is recognised. A stub that is consistent in several ways, such as the short stubs of attach
    and detach methods, is not; a later request decides. ``only`` restricts the result to one interface.
    """
    found = [
        (interface, ndr64)
        for interface in (TAPSRV, REMOTESP)
        if only is None or interface is only
        for ndr64 in (False, True)
        if _fits(interface, opnum, stub, ndr64)
    ]
    return found[0] if len(found) == 1 else None


def _fits(interface: Interface, opnum: int, stub: bytes, ndr64: bool) -> bool:
    method = METHODS.get((interface.uuid, opnum))
    if method is None:
        return False
    try:
        read = method.read("request", stub, ndr64=ndr64)
        if read.problems:
            return False
        if method.name == "ClientRequest":
            found = READERS[ndr64].request(stub, 0)
            return found is not None and found.first_dword() in REQUESTS
        if method.name == "RemoteSPEventProc":
            buffer = read.value.buffer
            return len(buffer) >= 40 and 40 <= int.from_bytes(buffer[:4], "little") <= len(buffer)
        if method.name == "ClientAttach":
            return read.value.machine.isprintable() and len(stub) < 4096
    except DecodeError:
        return False
    return len(stub) == 20 + (-20 % 4)
