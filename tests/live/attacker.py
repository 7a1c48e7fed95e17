"""A client that sends arbitrary data: connections, requests and pipelined requests without the checks of `TapiClient`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mstrp.live.transport import Caller
from protocol import generic, line
from protocol.ndr import METHODS, TAPSRV, TELEPHONY, ClientAttach, ClientDetach, ClientRequest
from protocol.packet import decode_response
from protocol.rpc.client_association import ClientAssociation

if TYPE_CHECKING:
    from protocol.packet import Request

__all__ = ["METHOD", "Attacker", "connect"]

METHOD = {method.name: method for method in METHODS.values()}


class Attacker:
    """One connection with its context handle."""

    def __init__(self, caller: Caller, context: bytes = bytes(20)) -> None:
        self.caller = caller
        self.context = context

    async def attach(
        self, domain_user: str = r"\\PC\mailslot\tapi", machine: str = "PC", process_id: int = TELEPHONY
    ) -> int:
        """Call ClientAttach, by default with pull delivery; return its result."""
        asked = ClientAttach(process_id, domain_user, machine)
        result = await self.caller.call(METHOD["ClientAttach"], asked, 20.0)
        if not result.result:
            self.context = result.context
        return int(result.result)

    async def detach(self) -> None:
        """Call ClientDetach."""
        await self.caller.call(METHOD["ClientDetach"], ClientDetach(self.context))

    async def ask(self, packet: Request) -> Any:
        """Send one request; return its response."""
        (response,) = await self.pipeline(packet)
        return response

    async def pipeline(self, *packets: Request) -> list[Any]:
        """Send several requests in one segment; return their responses."""
        data, write = bytearray(), self.caller._write
        self.caller._write = data.extend  # type: ignore[method-assign]
        try:
            futures = [
                self.caller.start(METHOD["ClientRequest"], ClientRequest(self.context, one.encode(), one.capacity))
                for one in packets
            ]
        finally:
            self.caller._write = write  # type: ignore[method-assign]
        self.caller._write(bytes(data))
        async with asyncio.timeout(20.0):
            results = await asyncio.gather(*futures)
        return [decode_response(result.buffer, type(packet)) for packet, result in zip(packets, results, strict=True)]

    async def open(self, device: int = 0) -> int:
        """Send Initialize, NegotiateAPIVersion and Open; return the handle of the line."""
        app = (await self.ask(line.Initialize(friendly_name="A", module_name="A", api_version=0x00030001))).line_app
        version = line.NegotiateAPIVersion(
            line_app=app, device_id=device, version=0x10003, version_current=0x30001, size=16
        )
        await self.ask(version)
        opened = line.Open(
            line_app=app, device_id=device, negotiated_version=0x30001, privileges=4, media_modes=4, open_context=7
        )
        found: int = (await self.ask(opened)).line
        return found

    async def fetch(self, size: int = 4096) -> Any:
        """Send GetAsyncEvents."""
        return await self.ask(generic.GetAsyncEvents(total_buffer_size=size))

    async def close(self) -> None:
        """End the connection."""
        self.caller.abort()
        await self.caller.wait_closed()


async def connect(port: int, **association: Any) -> Attacker:
    """Connect and bind; arguments are those of `ClientAssociation`."""
    return Attacker(await Caller.connect("127.0.0.1", port, ClientAssociation([TAPSRV], **association)))
