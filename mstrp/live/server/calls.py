"""Calls as the server knows them: one object for a call, and a handle for each open line that has to do with it."""

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
    """A call at the switch; ``note`` belongs to the provider.

    ``facts`` holds what GetCallInfo tells, by the names of LINECALLINFO's members.
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
        #: The call id, which is the same for everybody, and that of a call this one came from.
        self.number = number
        self.related = 0
        #: LINECALLSTATE and its mode; 0 until the first state is known.
        self.state = 0
        self.mode = 0
        self.media = int(LINEMEDIAMODE.INTERACTIVEVOICE)
        self.entered = 0.0
        #: The conference that the call is a member of.
        self.parent: Call | None = None
        #: Whether somebody may own the call.
        self.owned = owned
        self.facts: dict[str, Any] | None = None
        #: Memory reserved for what requests have left with the call, by Req_Func.
        self.stored: dict[int, Reservation] | None = None
        self.handles: list[Handle] = []
        #: While the request that makes the call is under way: what happened to it, for later.
        self.pending = False
        self.early: list[Callable[[], None]] | None = None
        self.note: Any = None

    def handle_of(self, opened: LineOpen) -> Handle | None:
        """The handle that an open line has of the call."""
        for handle in self.handles:
            if handle.opened is opened:
                return handle
        return None

    def owners(self) -> int:
        """How many handles own the call."""
        return sum(handle.privilege == OWNER for handle in self.handles)

    def __repr__(self) -> str:
        return f"<call {self.number} on line {self.device}>"


class Handle:
    """An HCALL: what one open line calls a call."""

    __slots__ = ("call", "opened", "privilege", "told", "value")

    def __init__(self, value: int, call: Call, opened: LineOpen, privilege: int, *, told: bool) -> None:
        self.value = value
        self.call = call
        self.opened = opened
        self.privilege = privilege
        #: Whether the client knows the handle: from a completion, a list, or LINE_APPNEWCALL.
        self.told = told
