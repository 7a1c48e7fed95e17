"""The event channel from the server to a client (remotesp), from RemoteSPAttach to RemoteSPDetach."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref
from fsm.engine.table import Table

__all__ = [
    "CHANNEL",
    "CHANNEL_CLOSED",
    "CHANNEL_LOST",
    "CHANNEL_OPENED",
    "DELIVERS",
    "STRAYS",
    "STRAYS_REFUSED",
    "ChannelState",
]

_MUST, _STATED, _TYPICAL = Level.MUST, Level.STATED, Level.TYPICAL


class ChannelState(IntEnum):
    """States of the event channel of a connection-oriented client."""

    CLOSED = 0
    OPEN = 1
    DETACHED = 2


C = ChannelState

CHANNEL_OPENED = Event("RemoteSPAttach", Kind.ANSWER, "the server opened the event channel")
DELIVERS = Event("RemoteSPEventProc", Kind.REPORT, "the server sends an event buffer")
STRAYS = Event(
    "call under another context handle",
    Kind.REPORT,
    "the client accepts a call under a context handle that is not its own",
)
STRAYS_REFUSED = Event(
    "refused call under another context handle", Kind.REPORT, "the client refuses a call under such a context handle"
)
CHANNEL_CLOSED = Event("RemoteSPDetach", Kind.ANSWER, "the server closed the event channel")
CHANNEL_LOST = Event("channel lost", Kind.JOINT, "the connection ended")

CHANNEL = Table(
    name="channel",
    summary="The event channel of a connection-oriented client",
    states=ChannelState,
    initial=C.CLOSED,
    finals=frozenset({C.DETACHED}),
    events=(CHANNEL_OPENED, DELIVERS, STRAYS, STRAYS_REFUSED, CHANNEL_CLOSED, CHANNEL_LOST),
    rows=(
        Row(C.CLOSED, CHANNEL_OPENED, C.OPEN, _MUST, ref("3.3.4.1")),
        Row(C.OPEN, DELIVERS, C.OPEN, _MUST, ref("3.3.4.2")),
        Row(C.OPEN, CHANNEL_CLOSED, C.DETACHED, _STATED, ref("3.3.4.3")),
        Row(C.CLOSED, DELIVERS, C.CLOSED, _MUST, ref("3.3.4", "strict_context_handle"), rule="TRP-3.3.4-04"),
        Row(C.DETACHED, DELIVERS, C.DETACHED, _MUST, ref("3.3.4", "strict_context_handle"), rule="TRP-3.3.4-04"),
        Row(C.CLOSED, CHANNEL_CLOSED, C.CLOSED, _MUST, ref("3.3.4", "strict_context_handle"), rule="TRP-3.3.4-04"),
        Row(C.DETACHED, CHANNEL_CLOSED, C.DETACHED, _MUST, ref("3.3.4", "strict_context_handle"), rule="TRP-3.3.4-04"),
        Row(
            C.OPEN,
            CHANNEL_LOST,
            C.DETACHED,
            _TYPICAL,
            ref("3.3.6"),
            expect=(C.OPEN,),
            note="another connection of the association may continue",
        ),
        Row(C.CLOSED, CHANNEL_LOST, C.CLOSED, _TYPICAL, ref("3.3.6")),
        Row(C.DETACHED, CHANNEL_LOST, C.DETACHED, _TYPICAL, ref("3.3.6")),
        *(
            Row(state, event, state, level, ref("3.3.4", "strict_context_handle"), rule="TRP-3.3.4-04")
            for state in C
            for event, level in ((STRAYS, _MUST), (STRAYS_REFUSED, Level.SUSPICIOUS))
        ),
    ),
)
