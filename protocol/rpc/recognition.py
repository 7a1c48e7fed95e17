"""Recognise a request by what is in it, where the bind that would tell was not seen."""

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
    """The interface of a request and whether it is NDR64; None when the stub fits nothing well enough.

    Only stubs without any contradiction count. What fits several ways, as the nearly empty ones of the other methods
    do, is not decided: the next request will tell.
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
