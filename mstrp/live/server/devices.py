"""Lines and phones, and their open handles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.constants import LINECALLPRIVILEGE, LINEOPENOPTION, PHONEPRIVILEGE

if TYPE_CHECKING:
    from mstrp.live.server.attached import Attached
    from mstrp.live.server.calls import Call, Handle

__all__ = ["App", "LineDevice", "LineOpen", "PhoneDevice", "PhoneOpen"]


class LineDevice:
    """A line."""

    __slots__ = ("calls", "number", "opens", "removed", "version")

    def __init__(self, number: int) -> None:
        self.number = number
        self.opens: list[LineOpen] = []
        self.calls: dict[int, Call] = {}
        #: The TAPI version set by the first client that opened the line; 0 if it is not open.
        self.version = 0
        self.removed = False

    def served(self) -> dict[int, LineOpen]:
        """Return the types of proxy request that clients handle for this line, each with the first registered handler."""
        found: dict[int, LineOpen] = {}
        for opened in self.opens:
            for kind in opened.serves:
                found.setdefault(kind, opened)
        return found


class PhoneDevice:
    """A phone."""

    __slots__ = ("number", "opens", "removed")

    def __init__(self, number: int) -> None:
        self.number = number
        self.opens: list[PhoneOpen] = []
        self.removed = False

    def owner(self) -> PhoneOpen | None:
        """The client that owns the phone."""
        return next((opened for opened in self.opens if opened.owns), None)


class App:
    """An HLINEAPP or HPHONEAPP."""

    __slots__ = ("context", "kind", "masks", "name", "value", "version", "versions")

    def __init__(self, value: int, kind: str, context: int, version: int, name: str) -> None:
        self.value = value
        self.kind = kind
        self.context = context
        self.version = version
        self.name = name
        #: Negotiated versions, by device.
        self.versions: dict[int, int] = {}
        #: Event filters for all objects of the application (RSPSetEventFilterMasks).
        self.masks: dict[str, int] = {}


class LineOpen:
    """An HLINE."""

    __slots__ = (
        "address",
        "address_states",
        "app",
        "client",
        "context",
        "device",
        "handles",
        "line_states",
        "masks",
        "media",
        "privileges",
        "remote",
        "serves",
        "value",
        "version",
    )

    def __init__(self, value: int, client: Attached, app: App, device: LineDevice, packet: Any) -> None:
        self.value = value
        self.client = client
        self.app = app
        self.device = device
        self.version: int = packet.negotiated_version
        self.context: int = packet.open_context
        self.remote: int = packet.remote_line or value
        self.privileges: int = packet.privileges
        self.media: int = packet.media_modes
        self.handles: dict[int, Handle] = {}
        #: Status messages requested with SetStatusMessages.
        self.line_states = 0
        self.address_states = 0
        #: The only address whose events the client requests (LINEOPENOPTION_SINGLEADDRESS).
        params = packet.call_params
        single = self.privileges & LINEOPENOPTION.SINGLEADDRESS and params is not None
        self.address: int | None = params.address_id if single else None
        self.serves: tuple[int, ...] = ()
        self.masks: dict[str, int] = {}

    def wants(self, call: Call) -> int:
        """Return the privilege of this open line for a call that no client made; 0 for none."""
        if self.address is not None and call.address != self.address:
            return 0
        if self.privileges & LINECALLPRIVILEGE.OWNER and self.media & call.media and call.owned:
            return int(LINECALLPRIVILEGE.OWNER)
        if self.privileges & LINECALLPRIVILEGE.MONITOR:
            return int(LINECALLPRIVILEGE.MONITOR)
        return 0


class PhoneOpen:
    """An HPHONE."""

    __slots__ = (
        "app",
        "button_modes",
        "button_states",
        "client",
        "context",
        "device",
        "masks",
        "owns",
        "phone_states",
        "remote",
        "value",
        "version",
    )

    def __init__(self, value: int, client: Attached, app: App, device: PhoneDevice, packet: Any) -> None:
        self.value = value
        self.client = client
        self.app = app
        self.device = device
        self.version: int = packet.negotiated_version
        self.context: int = packet.open_context
        self.remote: int = packet.remote_phone or value
        self.owns = packet.privilege == PHONEPRIVILEGE.OWNER
        self.phone_states = 0
        self.button_modes = 0
        self.button_states = 0
        self.masks: dict[str, int] = {}
