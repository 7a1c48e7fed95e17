"""A request of a tester with its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.tables.call_states import BY_BIT, LABELS
from protocol.packet import error_name

if TYPE_CHECKING:
    from protocol.packet import Request

__all__ = ["Missing", "NotOffered", "Transaction", "Unreachable", "label"]


class Missing(Exception):  # noqa: N818 - what was waited for did not come
    """Something did not happen in time, or the server ended what was under way."""


class NotOffered(Missing):
    """The server, or what is behind it, does not have what a test needs."""


class Unreachable(Exception):  # noqa: N818 - as above
    """The server cannot be reached, or lets nobody attach."""


class Transaction:
    """A request with its answer; the fields of the answer are attributes, ``ack`` is None after an RPC fault."""

    def __init__(self, number: int, packet: Request, answer: Any) -> None:
        self.number = number
        self.packet = packet
        self.answer = answer
        self.ack: int | None = None if answer is None else answer.ack
        #: Whether it has succeeded, completion and all.
        self.done = self.ok and type(packet).completion != "async"
        #: The states that the calls were in when it was made.
        self.before: dict[int, int] = {}
        #: How many states had been reported of them.
        self.reported: dict[int, int] = {}

    @property
    def ok(self) -> bool:
        """Whether the server took the request."""
        return self.ack is not None and self.ack >= 0

    @property
    def code(self) -> int:
        """The error, as a DWORD; 0 where there is none."""
        return 0 if self.ok or self.ack is None else self.ack & 0xFFFFFFFF

    @property
    def outcome(self) -> str:
        """The answer for people."""
        if self.ack is None:
            return "RPC fault"
        return error_name(self.code) or f"{self.code:#010x}" if self.code else str(self.ack)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.answer, name)


def label(state: int) -> str:
    """A LINECALLSTATE as reports spell it."""
    known = BY_BIT.get(state & 0x00FFFFFF)
    return f"{state:#x}" if known is None else LABELS.get(known, known.name.lower())
