"""The proxy request: a request that the server passes to this client as its proxy handler."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref
from fsm.engine.table import Table
from fsm.tables.handle import (
    VOIDED,
)

__all__ = ["PASSED_ON", "PROXY", "ProxyState"]

_STATED, _TYPICAL = Level.STATED, Level.TYPICAL


_VOID = ref("2.2.4.2.1.9", "the line was closed; 3.1.4.3")


class ProxyState(IntEnum):
    """States of a request that was passed to this client as its proxy handler."""

    NONE = 0
    OWED = 1
    VOID = 2


PASSED_ON = Event("LINE_PROXYREQUEST", Kind.REPORT, "the server forwards a request")

P = ProxyState
PROXY = Table(
    name="proxy",
    summary="A request that was forwarded to this client as proxy handler; its response is not a packet (G1)",
    states=ProxyState,
    initial=P.NONE,
    finals=frozenset({P.VOID}),
    events=(PASSED_ON, VOIDED),
    rows=(
        Row(P.NONE, PASSED_ON, P.OWED, _STATED, ref("2.2.4.2.1.21", "LINE_PROXYREQUEST")),
        Row(P.OWED, VOIDED, P.VOID, _TYPICAL, _VOID),
        Row(P.VOID, VOIDED, P.VOID, _TYPICAL, _VOID),
    ),
)
