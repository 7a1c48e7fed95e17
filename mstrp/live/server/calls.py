"""Calls of the server: one object for a call, and a handle for each open line involved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.constants import LINECALLPRIVILEGE, LINEMEDIAMODE

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.live.server.budget import Reservation
    from mstrp.live.server.devices import LineOpen

__all__ = ["Call", "Handle"]

OWNER, MONITOR = int(LINECALLPRIVILEGE.OWNER), int(LINECALLPRIVILEGE.MONITOR)


class Call:
    """A call at the switch; ``note`` is reserved for the provider.

    ``facts`` contains the data for GetCallInfo, by member names of LINECALLINFO.
    """

    __slots__ = (
        "address",
        "device",
        "early",
        "entered",
        "facts",
        "handles",
        "media",
        "mode",
        "note",
        "number",
        "owned",
        "parent",
        "pending",
        "related",
        "state",
        "stored",
    )

    def __init__(self, device: int, address: int, number: int, *, owned: bool = True) -> None:
        self.device = device
        self.address = address
        #: The call id, the same for all clients, and the id of the call from which this one originated.
        self.number = number
        self.related = 0
        #: LINECALLSTATE and its mode; 0 until the first state is known.
        self.state = 0
        self.mode = 0
        self.media = int(LINEMEDIAMODE.INTERACTIVEVOICE)
        self.entered = 0.0
        #: The conference that the call is a member of.
        self.parent: Call | None = None
        #: Whether a client can own the call.
        self.owned = owned
        self.facts: dict[str, Any] | None = None
        #: Memory reserved for data that requests stored in the call, by Req_Func.
        self.stored: dict[int, Reservation] | None = None
        self.handles: list[Handle] = []
        #: Events of the call that are postponed while the request that creates it is pending.
        self.pending = False
        self.early: list[Callable[[], None]] | None = None
        self.note: Any = None

    def handle_of(self, opened: LineOpen) -> Handle | None:
        """Return the handle of an open line for the call."""
        for handle in self.handles:
            if handle.opened is opened:
                return handle
        return None

    def owners(self) -> int:
        """Return the number of handles with owner privilege."""
        return sum(handle.privilege == OWNER for handle in self.handles)

    def __repr__(self) -> str:
        return f"<call {self.number} on line {self.device}>"


class Handle:
    """An HCALL: the handle of one open line for a call."""

    __slots__ = ("call", "opened", "privilege", "told", "value")

    def __init__(self, value: int, call: Call, opened: LineOpen, privilege: int, *, told: bool) -> None:
        self.value = value
        self.call = call
        self.opened = opened
        self.privilege = privilege
        #: Whether the client knows the handle: from a completion, a list, or LINE_APPNEWCALL.
        self.told = told
