"""Requests that no client sends: under a context handle that is not live, or in a stub that is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from mstrp.conform.core.errors import Missing
from mstrp.live.transport import RpcFault
from protocol.ndr import METHODS, ClientRequest
from protocol.packet import decode_response

if TYPE_CHECKING:
    from mstrp.conform.server.client_slot import ClientSlot
    from protocol.ndr import Method
    from protocol.packet import Request

__all__ = ["accepted", "send"]

_METHOD = next(method for method in METHODS.values() if method.name == "ClientRequest")
_UNKNOWN = bytes(4) + b"\x5a" * 16


class _Damaged:
    """A method whose stub says that its buffer is longer than it is."""

    def __init__(self, method: Any) -> None:
        self._method = method

    def __getattr__(self, name: str) -> Any:
        return getattr(self._method, name)

    def write(self, value: Any, *, ndr64: bool) -> bytes:
        stub = bytearray(self._method.write(value, ndr64=ndr64))
        place, width = (24, 8) if ndr64 else (20, 4)
        count = int.from_bytes(stub[place : place + width], "little") + 8
        stub[place : place + width] = count.to_bytes(width, "little")
        return bytes(stub)


def accepted(packet: str, how: str) -> tuple[str, str]:
    """The rule that a server breaks which takes such a request, and what is wrong with it."""
    if how == "damaged":
        return "TRP-3.1.4-01", f"the server took {packet} with a stub whose counts contradict each other"
    return "TRP-3.1.4.2-GEN-03", f"the server took {packet} under a context handle that is {how}"


async def send(slot: ClientSlot, packet: Request, how: str, patience: float) -> Any:
    """Send it past the client itself: "unknown", "detached" or "damaged". The answer, None for an RPC fault."""
    client = slot.client
    caller = client._caller  # noqa: SLF001 - the client itself would not do this
    if caller is None:
        raise Missing("the connection has ended")
    contexts = {"detached": slot.context, "damaged": client._context}  # noqa: SLF001 - as above
    value = ClientRequest(contexts.get(how, _UNKNOWN), packet.encode(), packet.capacity)
    method = cast("Method", _Damaged(_METHOD)) if how == "damaged" else _METHOD
    try:
        result = await caller.call(method, value, patience)
    except (RpcFault, TimeoutError):
        return None
    return decode_response(result.buffer, type(packet))
