"""Line applications and open lines of a client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mstrp.live.client.call import CallEnded
from protocol import generic, line, mmc
from protocol.constants import LINECALLPRIVILEGE, LINECALLSELECT, LINEMEDIAMODE

if TYPE_CHECKING:
    from mstrp.live.client.call import Call
    from mstrp.live.client.client import TapiClient
    from protocol.structures import (
        LINEADDRESSCAPS,
        LINECALLPARAMS,
        LINEDEVCAPS,
        LINEFORWARDLIST,
        TAPISERVERCONFIG,
    )

__all__ = ["Line", "LineApp"]

_VOICE = int(LINEMEDIAMODE.INTERACTIVEVOICE)
_OWNER = int(LINECALLPRIVILEGE.OWNER)


class LineApp:
    """An HLINEAPP: negotiates versions, queries capabilities, opens lines."""

    def __init__(self, client: TapiClient, handle: int, count: int, version: int) -> None:
        self.client = client
        self.handle = handle
        #: The number of lines at registration.
        self.count = count
        self.version = version
        self.versions: dict[int, int] = {}

    @classmethod
    async def initialize(cls, client: TapiClient, name: str, version: int) -> LineApp:
        """Register an application."""
        answer = await client.ask(
            line.Initialize(init_context=client.new_id(), friendly_name=name, module_name=name, api_version=version)
        )
        return cls(client, answer.line_app, answer.num_devs, version)

    async def negotiate(self, device: int, low: int = 0x00010003, high: int = 0) -> int:
        """Negotiate the version for one line."""
        answer = await self.client.ask(
            line.NegotiateAPIVersion(
                line_app=self.handle, device_id=device, version=low, version_current=high or self.version, size=16
            )
        )
        self.versions[device] = int(answer.negotiated_version)
        return self.versions[device]

    async def negotiate_all(self, lines: int | None = None, phones: int = 0) -> tuple[int, ...]:
        """Negotiate the versions for all lines at once."""
        count = self.count if lines is None else lines
        answer = await self.client.ask(
            generic.NegotiateAPIVersionForAllDevices(
                line_app=self.handle,
                num_line_devices=count,
                num_phone_devices=phones,
                api_high_version=self.version,
                line_api_versions_size=4 * count,
                line_extension_ids_size=16 * count,
                phone_api_versions_size=4 * phones,
                phone_extension_ids_size=16 * phones,
            )
        )
        found = tuple(answer.line_api_versions or ())
        self.versions.update(enumerate(found))
        return found

    async def dev_caps(self, device: int, room: int = 4096) -> LINEDEVCAPS:
        """Return the capabilities of a line."""
        version = self.versions.get(device, self.version)
        answer = await self.client.ask(
            line.GetDevCaps(line_app=self.handle, device_id=device, tspi_version=version, line_dev_caps=room)
        )
        found: LINEDEVCAPS = answer.line_dev_caps
        return found

    async def address_caps(self, device: int, address: int = 0, room: int = 4096) -> LINEADDRESSCAPS:
        """Return the capabilities of an address."""
        version = self.versions.get(device, self.version)
        answer = await self.client.ask(
            line.GetAddressCaps(
                line_app=self.handle, device_id=device, address_id=address, tspi_version=version, address_caps=room
            )
        )
        found: LINEADDRESSCAPS = answer.address_caps
        return found

    async def open(
        self,
        device: int,
        *,
        privileges: int = _OWNER,
        media: int | None = None,
        params: LINECALLPARAMS | None = None,
    ) -> Line:
        """Open a line; negotiate its version first, if necessary."""
        if device not in self.versions and device != 0xFFFFFFFF:
            await self.negotiate(device)
        remote = self.client.new_id()
        if media is None:
            media = _VOICE if privileges & _OWNER else 0
        opened = Line(self, 0, remote)
        # Events may arrive before the response, so register the line before.
        self.client.handles.lines[remote] = opened
        try:
            answer = await self.client.ask(
                line.Open(
                    line_app=self.handle,
                    device_id=device,
                    negotiated_version=self.versions.get(device, self.version),
                    open_context=self.client.new_id(),
                    privileges=privileges,
                    media_modes=media,
                    call_params=params,
                    remote_line=remote,
                )
            )
        except BaseException:
            self.client.handles.lines.pop(remote, None)
            raise
        opened.handle = answer.line
        opened.device = device
        return opened

    async def server_config(self, room: int = 4096) -> TAPISERVERCONFIG:
        """Return the configuration of the server (for administrators)."""
        answer = await self.client.ask(mmc.GetServerConfig(line_app=self.handle, provider_list=room))
        found: TAPISERVERCONFIG = answer.provider_list
        return found

    async def set_server_config(self, config: TAPISERVERCONFIG) -> None:
        """Change the configuration of the server (for administrators)."""
        await self.client.ask(mmc.SetServerConfig(line_app=self.handle, server_config=config))

    async def shut_down(self) -> None:
        """End the application and close its lines."""
        await self.client.ask(line.ShutDown(line_app=self.handle))
        for remote, opened in list(self.client.handles.lines.items()):
            if opened.app is self:
                self.client.handles.close_line(remote)


class Line:
    """An open line."""

    def __init__(self, app: LineApp, handle: int, remote: int) -> None:
        self.app = app
        self.client = app.client
        self.handle = handle
        #: The handle that the client chose and events carry (hRemoteLine).
        self.remote = remote
        self.device = 0
        self.closed = False
        self._arrivals: asyncio.Queue[Call | None] = asyncio.Queue()

    def announce(self, call: Call | None) -> None:
        """Queue a new call; None when the line is closed."""
        self._arrivals.put_nowait(call)

    async def next_call(self, timeout: float | None = 10.0) -> Call:  # noqa: ASYNC109
        """Wait for the next new call that has a state."""
        with self.client.waiting(f"a call on line {self.handle:#x}"):
            async with asyncio.timeout(timeout):
                found = await self._arrivals.get()
                if found is None:
                    raise CallEnded("the line is closed")
                if not found.states:
                    await found.wait(timeout=None)
        return found

    async def make_call(self, number: str | None, *, country: int = 0, params: LINECALLPARAMS | None = None) -> Call:
        """Make a call; without a number, up to the dial tone."""
        done = await self.client.ask(
            line.MakeCall(
                context=self.client.new_id(),
                line=self.handle,
                call_context=self.client.new_id(),
                dest_address=number,
                country_code=country,
                call_params=params,
            )
        )
        return self.client.handles.adopt(self, done.call)

    async def pick_up(self, number: str | None = None, *, address: int = 0) -> Call:
        """Pick up a call that is alerting at another address."""
        done = await self.client.ask(
            line.PickUp(line=self.handle, address_id=address, call_context=self.client.new_id(), dest_address=number)
        )
        return self.client.handles.adopt(self, done.call)

    async def unpark(self, where: str, *, address: int = 0) -> Call:
        """Retrieve a parked call."""
        done = await self.client.ask(
            line.UnPark(line=self.handle, address_id=address, call_context=self.client.new_id(), dest_address=where)
        )
        return self.client.handles.adopt(self, done.call)

    async def forward(self, rules: LINEFORWARDLIST | None, *, rings: int = 3, address: int | None = None) -> None:
        """Set the forwarding; None cancels it."""
        await self.client.ask(
            line.Forward(
                line=self.handle,
                all_addresses=int(address is None),
                address_id=address or 0,
                forward_list=rules,
                num_rings_no_answer=rings,
                consult_call_context=self.client.new_id(),
            )
        )

    async def new_calls(self, room: int = 1024) -> list[Call]:
        """Return the calls that existed before the line was opened."""
        answer = await self.client.ask(
            line.GetNewCalls(line=self.handle, select=int(LINECALLSELECT.LINE), call_list=room)
        )
        found = answer.call_list
        return [self.client.handles.adopt(self, handle) for handle in (found.calls or ())]

    async def status_messages(self, lines: int, addresses: int) -> None:
        """Select the status events to receive."""
        await self.client.ask(line.SetStatusMessages(line=self.handle, line_states=lines, address_states=addresses))

    async def close(self) -> None:
        """Close the line; its calls become invalid."""
        await self.client.ask(line.Close(line=self.handle))
        self.client.handles.close_line(self.remote)

    async def ask(self, kind: type[Any], **fields: Any) -> Any:
        """Perform any request with the handle of the line."""
        return await self.client.ask(kind(line=self.handle, **fields))
