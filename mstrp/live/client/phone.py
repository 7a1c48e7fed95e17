"""Phone applications and open phones of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol import phone
from protocol.constants import PHONEPRIVILEGE

if TYPE_CHECKING:
    from mstrp.live.client.client import TapiClient
    from protocol.structures import PHONECAPS, PHONESTATUS

__all__ = ["Phone", "PhoneApp"]


class PhoneApp:
    """An HPHONEAPP: negotiates versions, queries capabilities, opens phones."""

    def __init__(self, client: TapiClient, handle: int, count: int, version: int) -> None:
        self.client = client
        self.handle = handle
        self.count = count
        self.version = version
        self.versions: dict[int, int] = {}

    @classmethod
    async def initialize(cls, client: TapiClient, name: str, version: int) -> PhoneApp:
        """Register an application."""
        answer = await client.ask(
            phone.Initialize(init_context=client.new_id(), friendly_name=name, module_name=name, api_version=version)
        )
        return cls(client, answer.phone_app, answer.num_devs, version)

    async def negotiate(self, device: int) -> int:
        """Negotiate the version for one phone."""
        answer = await self.client.ask(
            phone.NegotiateAPIVersion(
                phone_app=self.handle,
                device_id_local=device,
                version=0x00010003,
                version_current=self.version,
                size=16,
            )
        )
        self.versions[device] = int(answer.negotiated_version)
        return self.versions[device]

    async def dev_caps(self, device: int, room: int = 4096) -> PHONECAPS:
        """Return the capabilities of a phone."""
        version = self.versions.get(device, self.version)
        answer = await self.client.ask(
            phone.GetDevCaps(phone_app=self.handle, device_id=device, tspi_version=version, phone_caps=room)
        )
        found: PHONECAPS = answer.phone_caps
        return found

    async def open(self, device: int, privilege: int = int(PHONEPRIVILEGE.OWNER)) -> Phone:
        """Open a phone; negotiate its version first, if necessary."""
        if device not in self.versions:
            await self.negotiate(device)
        remote = self.client.new_id()
        opened = Phone(self, 0, remote)
        self.client.handles.phones[remote] = opened
        try:
            answer = await self.client.ask(
                phone.Open(
                    phone_app=self.handle,
                    device_id=device,
                    negotiated_version=self.versions[device],
                    open_context=self.client.new_id(),
                    privilege=privilege,
                    remote_phone=remote,
                )
            )
        except BaseException:
            self.client.handles.phones.pop(remote, None)
            raise
        opened.handle = answer.phone
        return opened

    async def shut_down(self) -> None:
        """End the application and close its phones."""
        await self.client.ask(phone.ShutDown(phone_app=self.handle))
        for remote, opened in list(self.client.handles.phones.items()):
            if opened.app is self:
                self.client.handles.close_phone(remote)


class Phone:
    """An open phone."""

    def __init__(self, app: PhoneApp, handle: int, remote: int) -> None:
        self.app = app
        self.client = app.client
        self.handle = handle
        self.remote = remote
        self.closed = False

    async def ask(self, kind: type[Any], **fields: Any) -> Any:
        """Perform any request with the handle of the phone."""
        return await self.client.ask(kind(phone=self.handle, **fields))

    async def ring(self, mode: int, volume: int = 0x8000) -> None:
        """Ring, or stop ringing (mode 0)."""
        await self.ask(phone.SetRing, ring_mode=mode, volume=volume)

    async def display(self, text: str, row: int = 0, column: int = 0) -> None:
        """Write to the display."""
        data = text.encode("utf-16-le")
        await self.ask(phone.SetDisplay, row=row, column=column, display=data)

    async def lamp(self, number: int, mode: int) -> None:
        """Set the mode of a lamp."""
        await self.ask(phone.SetLamp, button_lamp_id=number, lamp_mode=mode)

    async def status(self, room: int = 1024) -> PHONESTATUS:
        """Return the status of the phone."""
        answer = await self.ask(phone.GetStatus, phone_status=room)
        found: PHONESTATUS = answer.phone_status
        return found

    async def status_messages(self, states: int, buttons: int = 0, button_states: int = 0) -> None:
        """Select the status and button events to receive."""
        await self.ask(phone.SetStatusMessages, phone_states=states, button_modes=buttons, button_states=button_states)

    async def close(self) -> None:
        """Close the phone."""
        await self.ask(phone.Close)
        self.client.handles.close_phone(self.remote)
